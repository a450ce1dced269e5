"""Size of the position signal compared with the token signal at step 0. Imports no torch."""

import dataclasses

from paribus.model.accounting import vocab_size
from paribus.model.config import ModelConfig
from paribus.model.variants import EMBEDDING_SCALES

FAR_ABOVE = 8.0
"""Above this ratio a model starts almost blind to tokens: at 12 it stays at the unigram entropy."""
FIXES = (
    {"embedding_scale": "sqrt_d_model"},
    {"embedding_std": 0.02},
    {"tie_embeddings": False},
    {"embedding_std": 0.2},
)
"""Settings that lower the ratio; the first that brings it below `FAR_ABOVE` is advised."""


def position_to_token_ratio(config: ModelConfig) -> float:
    """rms(what the position adds) / rms(token embedding, scaled) at step 0; 0 if nothing is added.

    By formula, from standard deviations before truncation: `truncated_normal` keeps 98.7 % of them.
    A null vocabulary counts as GPT-2's.
    """
    table = (vocab_size(config), config.d_model)
    scale = EMBEDDING_SCALES[config.embedding_scale](config.d_model)
    token = config.initial_std("token_embedding.weight", table) * scale
    return config.position.embedded_size(config) / token


def position_signal_warning(config: ModelConfig) -> str | None:
    """One line if the position signal is far above the token signal, with the setting to change."""
    ratio = position_to_token_ratio(config)
    if ratio < FAR_ABOVE:
        return None
    fixes = [(fix, position_to_token_ratio(dataclasses.replace(config, **fix))) for fix in FIXES]
    fix, fixed = next((fix for fix in fixes if fix[1] < FAR_ABOVE), min(fixes, key=lambda f: f[1]))
    ((key, value),) = fix.items()
    return (
        f"At step 0 the {config.position.kind} position signal is {ratio:.0f} times the token "
        f"signal, so the model may learn no more than token frequencies. Set "
        f"model.{key}={str(value).lower()} to make it {fixed:.1f} times"
    )
