"""Settings of evaluation during training. Imports no torch."""

from typing import Annotated

from annotated_types import Gt

from paribus.config.settings import settings


@settings
class EvaluationConfig:
    """How often the validation loss is measured, on how much, and what is sampled beside it."""

    every: Annotated[int, Gt(0)] | None = 500
    """Steps between evaluations; null: only at the end."""
    tokens: Annotated[int, Gt(0)] | None = 131_072
    """Validation tokens read, the same ones each time; null: all."""
    batch_size: Annotated[int, Gt(0)] | None = None
    """Sequences at once; null: training.batch_size over training.accumulation."""
    prompts: tuple[str, ...] = ("Once upon a time",)
    """Texts that samples.jsonl continues at each evaluation."""
    sample_tokens: Annotated[int, Gt(0)] = 64
    """Tokens of each sample."""
