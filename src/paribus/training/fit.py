"""A run that fits a time: the largest model like a given one that then learns enough."""

from collections.abc import Callable
from dataclasses import replace

from paribus.errors import OutOfMemoryError
from paribus.experiment import Experiment
from paribus.model.accounting import count_flops, count_parameters
from paribus.model.config import ModelConfig
from paribus.training import plan
from paribus.training.calibration import Say, measure_speed, steps_in
from paribus.training.compiler import resolve_compile, with_compile
from paribus.training.loader import BatchAt
from paribus.training.plan import Forecast

TOKENS_PER_PARAMETER = 20
"""Training tokens for each parameter outside of the tables (Hoffmann et al., 2022,
arXiv:2203.15556)."""
MAX_EPOCHS = 4.0
"""Passes over the data that are nearly worth new data (Muennighoff et al., 2023,
arXiv:2305.16264)."""
TRIES = 4
"""Proposals that are measured, each by the speed of the one before: a smaller model is slower for
its FLOPs."""

BatchesOf = Callable[[Experiment], BatchAt]


def fit(
    experiment: Experiment, found: Forecast, seconds: float, batches_of: BatchesOf, say: Say
) -> Forecast:
    """A run of the largest model like that of `experiment` that learns enough within `seconds`.

    `found` is the forecast of `experiment`. Width, heads and layers shrink together; the width of
    a head stays. Enough are `TOKENS_PER_PARAMETER`; where even the smallest model gets fewer, it
    gets what there is. Raises OutOfMemoryError where the memory does not suffice for any.
    """
    models = [
        model
        for model in smaller_models(experiment.model)
        if replace(found, experiment=replace(found.experiment, model=model)).fits
    ]
    if not models:
        raise OutOfMemoryError(
            "training.batch_size: expected one that fits into "
            f"{plan.gigabytes(found.available_bytes)} GB with the smallest model, found "
            f"{experiment.training.batch_size}. Make it smaller, or training.accumulation larger"
        )

    def measured(model: ModelConfig) -> Forecast:
        """The forecast of a run of `model` that takes `seconds`, or as long as the data lasts."""
        # As if the one step took all of the time: whether compiling pays depends on no more.
        one_step = resolve_compile(_with_model(experiment, model, steps=1), seconds)
        speed = measure_speed(one_step, batches_of(one_step))
        say(f"d_model {model.d_model}, {model.n_layers} layers: {speed.step:.3f} s a step")
        one = replace(found, experiment=one_step, speed=speed)
        steps = steps_in(seconds, one_step, found.data, speed, MAX_EPOCHS)
        final = _with_model(experiment, model, steps)
        return replace(one, experiment=with_compile(final, one_step.training.compile))

    if found.speed is None:
        found = measured(models[-1])
    for _ in range(TRIES):
        rate = found.flops_per_second
        model = next((m for m in models if _learns(m, seconds, rate)), models[-1])
        found = measured(model)
        if model == models[-1] or _has_enough(model, found.tokens):
            break
    return found


def smaller_models(model: ModelConfig) -> list[ModelConfig]:
    """`model` and smaller ones, the largest first.

    They have fewer heads of the same width, and between half and twice as many layers as are in
    proportion to the width.
    """
    models = [model]
    for n_heads in range(model.n_heads, 0, -1):
        share = n_heads / model.n_heads
        layers = model.n_layers * share
        for n_layers in range(
            max(1, round(layers / 2)), min(model.n_layers, round(2 * layers)) + 1
        ):
            models.append(_scaled(model, n_heads, n_layers))
    return sorted(set(models), key=lambda m: count_parameters(m).non_embedding, reverse=True)


def _scaled(model: ModelConfig, n_heads: int, n_layers: int) -> ModelConfig:
    share = n_heads / model.n_heads
    kv_heads = None
    if model.n_kv_heads is not None:
        most = max(1, round(model.n_kv_heads * share))
        kv_heads = max(n for n in range(1, most + 1) if n_heads % n == 0)
    return replace(
        model,
        d_model=n_heads * model.head_width,
        n_heads=n_heads,
        n_kv_heads=kv_heads,
        n_layers=n_layers,
        d_ff=None if model.d_ff is None else max(1, round(model.d_ff * share)),
    )


def _with_model(experiment: Experiment, model: ModelConfig, steps: int) -> Experiment:
    """`experiment` with another model and number of steps; the warm-up at most a tenth of them."""
    training = replace(experiment.training, steps=steps, tokens=None, epochs=None, time=None)
    warmup = experiment.schedule.warmup_steps
    warmup = steps // 10 if warmup is None else min(warmup, steps // 10)
    schedule = replace(experiment.schedule, warmup_steps=warmup, horizon=None)
    return replace(experiment, model=model, training=training, schedule=schedule)


def _learns(model: ModelConfig, seconds: float, rate: float) -> bool:
    """Whether a model sees enough tokens in `seconds` at `rate` FLOPs a second."""
    flops_per_token = count_flops(model).training / model.context_length
    return _has_enough(model, rate * seconds / flops_per_token)


def _has_enough(model: ModelConfig, n_tokens: float) -> bool:
    return n_tokens >= TOKENS_PER_PARAMETER * count_parameters(model).non_embedding
