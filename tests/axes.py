"""Every axis of a config, and rows in which each pair of values of two axes meets at least once."""

import itertools
from typing import Any, get_args

import torch

from paribus.model.attention import BACKENDS
from paribus.model.config import ModelConfig, Position
from paribus.model.transformer import Transformer
from paribus.model.variants import EMBEDDING_SCALES, FFNS, INITS, NORMS, PLACEMENTS
from paribus.optim.config import AdamWConfig, MuonConfig, SGDConfig
from paribus.optim.schedule import SCHEDULES

MODEL_AXES: dict[str, list] = {
    "norm_placement": [*PLACEMENTS],
    "norm": [*NORMS],
    "position": [kind() for kind in get_args(Position)],
    "ffn": [*FFNS],
    "n_kv_heads": [None, 2, 1],
    "qk_norm": [False, True],
    "attention_backend": [*BACKENDS],
    "tie_embeddings": [True, False],
    "logit_scale": [1.0, 0.5],
    "logit_softcap": [None, 4.0],
    "bias": [True, False],
    "init": [*INITS],
    "embedding_std": [None, 0.5],
    "embedding_scale": [*EMBEDDING_SCALES],
    "final_norm": ["auto", "on", "off"],
}
TRAINING_AXES: dict[str, list] = {
    "optimizer": [AdamWConfig, SGDConfig, MuonConfig],
    "decay": ["matrices", "all"],
    "schedule": [*SCHEDULES],
    "z_loss": [None, 1e-2],
    "loss_rows": [None, 5],
}

Row = dict[str, Any]


def covering_rows(axes: dict[str, list]) -> list[Row]:
    """Few rows in which every pair of values of two axes stands together; found greedily."""
    missing = {
        frozenset([(one, i), (other, j)])
        for one, other in itertools.combinations(axes, 2)
        for i in range(len(axes[one]))
        for j in range(len(axes[other]))
    }
    rows = []
    while missing:
        row = dict(min(missing, key=sorted))
        for name in axes:
            if name not in row:
                row[name] = _most_useful(name, len(axes[name]), row, missing)
        missing -= {frozenset(pair) for pair in itertools.combinations(row.items(), 2)}
        rows.append({name: axes[name][row[name]] for name in axes})
    return rows


def _most_useful(name: str, n_values: int, row: dict[str, int], missing: set) -> int:
    """The value of an axis that meets most values of `row` for the first time."""

    def gain(i: int) -> int:
        return sum(frozenset([(name, i), pair]) in missing for pair in row.items())

    return max(range(n_values), key=gain)


ROWS = covering_rows(MODEL_AXES | TRAINING_AXES)


def small_config(**changes) -> ModelConfig:
    """A model of some thousand weights."""
    shape = {"vocab_size": 13, "context_length": 8, "d_model": 16, "n_layers": 2, "n_heads": 4}
    return ModelConfig(**(shape | {"d_ff": 24} | changes))


def config_of(row: Row) -> ModelConfig:
    """The small model of a row."""
    return small_config(**{name: row[name] for name in MODEL_AXES})


def random_model(config: ModelConfig, seed: int = 0, std: float = 0.3) -> Transformer:
    """A model in which no tensor is neutral: norm weights are not 1 and biases not 0."""
    model = Transformer(config)
    generator = torch.Generator().manual_seed(seed)
    # Without norms the stream would grow beyond what float32 resolves to 1e-5.
    std = std / 2 if config.norm_placement == "none" else std
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(0, std, generator=generator)
            if name.endswith("norm.weight"):
                parameter.add_(1)
    return model


def name_of(row: Row) -> str:
    """What a row is called in a report: its five widest axes."""
    names = ("norm_placement", "norm", "position", "ffn", "optimizer")
    parts = [getattr(row[name], "kind", row[name]) for name in names if name in row]
    return "-".join(map(str, parts))
