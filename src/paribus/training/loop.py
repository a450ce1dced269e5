"""The training loop: step, evaluate, save, stop; everything a run writes while it trains."""

import contextlib
import json
import logging
import math
import shlex
import time
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from paribus import checkpoint
from paribus.data.batches import Batches
from paribus.errors import NonFiniteError, ParibusError, StoppedError, exit_code_of
from paribus.evaluation.losses import Evaluation, evaluate
from paribus.experiment import Experiment, RunPaths
from paribus.files import append_line, publish_file
from paribus.generation.decode import generate
from paribus.generation.sampling import SamplingConfig
from paribus.interrupts import StopFlag
from paribus.tokenizer.tokenizer import Tokenizer
from paribus.tracking.metrics import EvaluationMetrics, MetricsLog, StepMetrics
from paribus.training.budget import flops_per_step
from paribus.training.numerics import Numerics, peak_bytes, synchronize
from paribus.training.state import TrainState
from paribus.training.step import train_step

log = logging.getLogger("paribus")

OVERTIME = 1.25
"""Share of a wall-clock budget after which a run saves and ends, its schedule unfinished."""


class Listener(Protocol):
    """Who watches a run: the progress display, a notebook, a test."""

    def on_step(self, metrics: StepMetrics, n_steps: int) -> None: ...
    def on_evaluation(self, step: int, evaluation: Evaluation, samples: list[str]) -> None: ...
    def on_saved(self, step: int) -> None: ...
    def on_note(self, text: str) -> None: ...


class Silent:
    """A listener that says nothing."""

    def on_step(self, metrics: StepMetrics, n_steps: int) -> None: ...
    def on_evaluation(self, step: int, evaluation: Evaluation, samples: list[str]) -> None: ...
    def on_saved(self, step: int) -> None: ...
    def on_note(self, text: str) -> None: ...


@dataclass
class Run:
    """All that stays the same while a run trains."""

    paths: RunPaths
    experiment: Experiment
    tokenizer: Tokenizer
    batches: Batches
    validation: np.ndarray
    validation_bytes: int
    numerics: Numerics
    metrics: MetricsLog
    matmul_peak: float
    """FLOPs a second of a large product of matrices on this device, in this precision."""
    listener: Listener = field(default_factory=Silent)
    stop: StopFlag = field(default_factory=StopFlag)
    budget_seconds: float | None = None
    began: float = 0.0
    """The monotonic time at which the run would have begun if it had never stopped."""
    best_loss: float = field(default=float("inf"))

    @property
    def n_steps(self) -> int:
        """Weight updates of the whole run."""
        assert self.experiment.training.steps is not None
        return self.experiment.training.steps


def train_to_the_end(run: Run, state: TrainState) -> TrainState:
    """Trains until the last step, a stop signal, or the end of the overtime; always saved.

    Raises StoppedError after a signal, NonFiniteError before a broken update. status.json says how
    it ended.
    """
    run.began = time.monotonic() - state.seconds
    write_status(run, state, "running", "training")
    try:
        _train(run, state)
        return _finish(run, state)
    except StoppedError:
        raise
    except Exception as error:
        with contextlib.suppress(ParibusError):  # on a full disk the error itself matters
            if isinstance(error, NonFiniteError):
                run.metrics.event(state.step, "non_finite", message=str(error))
            write_status(run, state, "failed", str(error), exit_code_of(error))
        raise


def _train(run: Run, state: TrainState) -> None:
    """Steps, evaluations and checkpoints, up to the last evaluation."""
    every = run.experiment.evaluation.every
    if state.step == 0:
        save(run, state)  # so that a run can be resumed from its first moment on
    elif _is_due(state.step, every) and state.validation_loss is None:
        _evaluate(run, state)  # a stop signal ended it, as if it had never begun
        save(run, state)
    while state.step < run.n_steps and not run.stop and not _is_overdue(run):
        _one_step(run, state)
        if _is_due(state.step, every):
            _evaluate(run, state)
        if _is_due(state.step, run.experiment.checkpoint.every):
            save(run, state)
    if state.validation_loss is None and not run.stop:
        _evaluate(run, state)


def _finish(run: Run, state: TrainState) -> TrainState:
    if run.stop:
        save(run, state)
        error = run.stop.error(
            f"{run.paths.folder}: stopped and saved at step {state.step}. "
            f"Go on: paribus resume {shlex.quote(str(run.paths.folder))}"
        )
        write_status(run, state, "stopped", str(error), error.exit_code)
        raise error
    save(run, state)
    reason = "all steps made"
    if state.step < run.n_steps:
        reason = f"{OVERTIME} times the time budget is spent; the schedule did not end"
        run.listener.on_note(
            f"{reason} (step {state.step} of {run.n_steps}). "
            f"Go on: paribus resume {shlex.quote(str(run.paths.folder))} "
            f"training.steps={run.n_steps}"
        )
        run.metrics.event(state.step, "overtime", reason=reason)
    write_status(run, state, "finished", reason, 0)
    return state


def _one_step(run: Run, state: TrainState) -> None:
    start = synchronize(run.numerics.device)
    batch = run.batches.at(state.step)
    result = train_step(state, batch, run.experiment, run.numerics)
    elapsed = max(synchronize(run.numerics.device) - start, 1e-9)
    state.seconds += elapsed
    state.validation_loss = None
    metrics = StepMetrics(
        step=state.step,
        tokens=state.tokens,
        loss=result.loss,
        lr=result.lr,
        grad_norm=result.grad_norm,
        grad_norm_clipped=result.grad_norm_clipped,
        batch=batch.hash,
        seconds=round(state.seconds, 6),
        tokens_per_second=round(batch.tokens.numel() / elapsed, 1),
        mfu=round(flops_per_step(run.experiment) / elapsed / run.matmul_peak, 6),
        memory_bytes=peak_bytes(run.numerics.device),
    )
    run.metrics.train(metrics)
    run.metrics.layers(state.step, result.layers)
    state.chain = run.metrics.chain
    run.listener.on_step(metrics, run.n_steps)


def _evaluate(run: Run, state: TrainState) -> None:
    """Measures the validation loss, samples, and saves where the loss is the lowest so far.

    A stop signal ends it without a result. Raises NonFiniteError for a loss that is no number.
    """
    try:
        evaluation = evaluate_state(run, state)
    except _StopEvaluation:
        return
    if not math.isfinite(evaluation.loss):
        raise NonFiniteError(
            f"validation loss at step {state.step}: expected finite, found {evaluation.loss}. "
            "The step is not saved; lower optimizer.lr, or lengthen schedule.warmup_steps"
        )
    state.validation_loss = evaluation.loss
    run.metrics.eval(
        EvaluationMetrics(
            step=state.step,
            loss=evaluation.loss,
            perplexity=evaluation.perplexity,
            bits_per_byte=evaluation.bits_per_byte,
        )
    )
    log.info("step %d: validation loss %.4f", state.step, evaluation.loss)
    samples = _sample(run, state)
    run.listener.on_evaluation(state.step, evaluation, samples)
    if evaluation.loss < run.best_loss:
        run.best_loss = evaluation.loss
        save(run, state)
    write_status(run, state, "running", "training")


def evaluate_state(run: Run, state: TrainState) -> Evaluation:
    """The validation loss of the weights as they are."""
    training = run.experiment.training
    batch_size = run.experiment.evaluation.batch_size
    return evaluate(
        state.model,
        run.validation,
        context_length=run.experiment.model.context_length,
        batch_size=batch_size or training.batch_size // training.accumulation,
        device=run.numerics.device,
        autocast=run.numerics.autocast,
        n_bytes=run.validation_bytes,
        poll=lambda: _leave_evaluation(run),
    )


class _StopEvaluation(Exception):
    """A stop signal arrived while the model was evaluated."""


def _leave_evaluation(run: Run) -> None:
    if run.stop:
        raise _StopEvaluation


def _sample(run: Run, state: TrainState) -> list[str]:
    texts = []
    for prompt in run.experiment.evaluation.prompts:
        pieces = generate(
            state.model,
            run.tokenizer,
            prompt,
            max_tokens=run.experiment.evaluation.sample_tokens,
            sampling=SamplingConfig(temperature=0.8, top_k=50),
            seed=run.experiment.training.seed,
        )
        texts.append(prompt + "".join(pieces))
        row = {"step": state.step, "prompt": prompt, "text": texts[-1]}
        append_line(run.paths.samples, json.dumps(row, ensure_ascii=False))
    return texts


def save(run: Run, state: TrainState) -> None:
    """Publishes the state as a checkpoint, once a step, and removes old ones.

    One saved before its evaluation is replaced by one that carries the loss.
    """
    folder = run.paths.folder
    if checkpoint.is_wanted(folder, state.step, state.validation_loss):
        run.metrics.sync()
        checkpoint.save(folder, state.snapshot(), tokenizer_hash=run.tokenizer.hash)
        log.info("saved step %d", state.step)
        run.listener.on_saved(state.step)
        checkpoint.prune(folder, run.experiment.checkpoint.keep_last)


def write_status(
    run: Run, state: TrainState, name: str, reason: str, exit_code: int | None = None
) -> None:
    """Replaces status.json."""
    record = {"state": name, "step": state.step, "reason": reason, "exit_code": exit_code}
    log.info("%s at step %d: %s", name, state.step, reason)
    publish_file(run.paths.status, json.dumps(record, indent=1).encode())


def _is_due(step: int, every: int | None) -> bool:
    return every is not None and step % every == 0


def _is_overdue(run: Run) -> bool:
    """By the clock on the wall: evaluations and saves take time too."""
    elapsed = time.monotonic() - run.began
    return run.budget_seconds is not None and elapsed > OVERTIME * run.budget_seconds
