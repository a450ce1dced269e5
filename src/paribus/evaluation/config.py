"""Settings of evaluation during training. Imports no torch."""

from typing import Annotated

from annotated_types import Ge, Gt

from paribus.config.settings import settings


@settings
class EvaluationConfig:
    """How often the validation loss is measured, on how much text, and what is sampled then."""

    every: Annotated[int, Gt(0)] | None = 500
    """Steps between evaluations; null: only at the end."""
    tokens: Annotated[int, Gt(0)] | None = 131_072
    """Validation tokens to read, the same ones each time; null: all."""
    batch_size: Annotated[int, Gt(0)] | None = None
    """Sequences at once; null: training.batch_size over training.accumulation."""
    patience: Annotated[int, Gt(0)] | None = None
    """Early stopping: evaluations without a lower loss after which the run ends; null: never."""
    min_delta: Annotated[float, Ge(0)] = 0.0
    """Nats by which a loss must be lower to count as lower, for early stopping."""
    prompts: tuple[str, ...] = ("Once upon a time",)
    """Prompts that are continued at each evaluation, in samples.jsonl."""
    sample_tokens: Annotated[int, Gt(0)] = 64
    """Tokens to generate for each sample."""
