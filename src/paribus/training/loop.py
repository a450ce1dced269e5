"""The training loop: step, evaluate, save, stop; everything a run writes while it trains."""

import contextlib
import json
import logging
import math
import shlex
import time
from dataclasses import dataclass

from paribus import checkpoint
from paribus.data.batches import Batch
from paribus.data.shards import TokenShards
from paribus.device import peak_bytes, synchronize
from paribus.errors import NonFiniteError, ParibusError, StoppedError, exit_code_of
from paribus.evaluation.losses import Evaluation, EvaluationText, evaluate
from paribus.experiment import Experiment
from paribus.files import append_line, publish_file
from paribus.generation.config import SamplingConfig
from paribus.generation.decode import generate
from paribus.interrupts import StopFlag
from paribus.run_folder import RunPaths
from paribus.tokenizer.tokenizer import Tokenizer
from paribus.tracking.listener import Listener
from paribus.tracking.metrics import EvaluationMetrics, MetricsLog, StepMetrics
from paribus.training.budget import flops_per_step
from paribus.training.compiler import CompilationError, compilation_errors
from paribus.training.loader import batches_from
from paribus.training.objective import Objective
from paribus.training.state import TrainState
from paribus.training.step import train_step

log = logging.getLogger("paribus")

OVERTIME = 1.25
"""Share of a wall-clock budget after which a run saves and ends, its schedule unfinished."""
SAMPLING = SamplingConfig(top_k=50)
"""How the samples of an evaluation are drawn."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """All that stays the same while a run trains."""

    paths: RunPaths
    experiment: Experiment
    tokenizer: Tokenizer
    shards: TokenShards
    validation: EvaluationText
    objective: Objective
    metrics: MetricsLog
    matmul_peak: float
    """FLOPs per second of a large matrix product on this device, in this precision."""
    listener: Listener
    stop: StopFlag
    began: float
    """The monotonic time at which the run would have begun if it had never stopped."""
    budget_seconds: float | None = None

    @property
    def n_steps(self) -> int:
        """Weight updates of the whole run."""
        assert self.experiment.training.steps is not None
        return self.experiment.training.steps

    @property
    def device(self) -> str:
        """Where the run computes."""
        return self.experiment.training.device


def train_to_the_end(job: Job, state: TrainState) -> TrainState:
    """Trains until the last step, a stop signal, or any other end; always saved.

    Raises StoppedError after a signal, NonFiniteError before a broken update, CompilationError if
    the first step cannot be compiled. status.json says how it ended.
    """
    write_status(job, state, "running", "training")
    try:
        _train(job, state)
        _finish(job, state)
    except StoppedError:
        job.listener.on_end("stopped")
        raise
    except Exception as error:
        with contextlib.suppress(ParibusError):  # on a full disk the error itself matters
            if isinstance(error, NonFiniteError):
                job.metrics.event(state.step, "non_finite", message=str(error))
            write_status(job, state, "failed", str(error), exit_code_of(error))
        job.listener.on_end("failed")
        raise
    job.listener.on_end("finished")
    return state


def _train(job: Job, state: TrainState) -> None:
    """Steps, evaluations and checkpoints, up to the last evaluation."""
    every = job.experiment.evaluation.every
    if state.step == 0:
        save(job, state)  # so that a run can be resumed from its first moment on
    elif _is_due(state.step, every) and state.validation_loss is None:
        _evaluate(job, state)  # a stop signal ended it, as if it had never begun
        save(job, state)
    with batches_from(state.step, job.experiment, job.shards) as batches:
        while state.step < job.n_steps and not _reason_to_end(job):
            _one_step(job, state, next(batches))
            if _is_due(state.step, every):
                _evaluate(job, state)
            if _is_due(state.step, job.experiment.checkpoint.every):
                save(job, state)
    if state.validation_loss is None and not job.stop:
        _evaluate(job, state)


def _reason_to_end(job: Job) -> str | None:
    """Why the run ends before its last step; None to continue."""
    if job.stop:
        return "stopped"
    if _is_overdue(job):
        return f"{OVERTIME} times the time budget is spent; the schedule did not end"
    return job.listener.reason_to_stop()


def _is_overdue(job: Job) -> bool:
    """By the clock on the wall: evaluations and saves take time too."""
    elapsed = time.monotonic() - job.began
    return job.budget_seconds is not None and elapsed > OVERTIME * job.budget_seconds


def _finish(job: Job, state: TrainState) -> None:
    again = f"paribus resume {shlex.quote(str(job.paths.folder))}"
    save(job, state)
    if job.stop:
        _stopped(job, state, f"stopped and saved at step {state.step}. Continue: {again}")
    reason = "all steps made"
    if state.step < job.n_steps:
        reason = _reason_to_end(job) or "ended early"
        lift = _lifting(job)
        job.listener.on_note(
            f"{reason} (step {state.step} of {job.n_steps}). Continue: {again}{lift}"
        )
        job.metrics.event(state.step, "ended_early", reason=reason)
    write_status(job, state, "finished", reason, 0)


def _lifting(job: Job) -> str:
    """What lets a run continue that its own settings ended."""
    if _is_overdue(job):
        return f" training.steps={job.n_steps}"
    return " evaluation.patience=null" if job.experiment.evaluation.patience is not None else ""


def _stopped(job: Job, state: TrainState, message: str) -> None:
    error = job.stop.error(f"{job.paths.folder}: {message}")
    write_status(job, state, "stopped", str(error), error.exit_code)
    raise error


def _one_step(job: Job, state: TrainState, batch: Batch) -> None:
    start = synchronize(job.device)
    try:
        with compilation_errors():
            result = train_step(state, batch, job.experiment, job.objective)
    except CompilationError:
        # A signal to the process group ends the C++ compiler too. Nothing is saved: the first step
        # of a process is the one that compiles, and a checkpoint of the step before is there.
        if job.stop:
            _stopped(job, state, f"stopped while step {state.step + 1} was compiled")
        raise
    elapsed = max(synchronize(job.device) - start, 1e-9)
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
        mfu=round(flops_per_step(job.experiment) / elapsed / job.matmul_peak, 6),
        memory_bytes=peak_bytes(job.device),
    )
    state.chain = job.metrics.train(metrics, state.chain)
    job.metrics.layers(state.step, result.layers)
    job.listener.on_step(metrics, job.n_steps)


def _evaluate(job: Job, state: TrainState) -> None:
    """Measures the validation loss, samples, and saves if the loss is the lowest so far.

    A stop signal ends it without a result. Raises NonFiniteError for a loss that is not a number.
    """
    try:
        evaluation = evaluate_state(job, state)
    except _StopEvaluation:
        return
    if not math.isfinite(evaluation.loss):
        raise NonFiniteError(
            f"validation loss at step {state.step}: expected finite, found {evaluation.loss}. "
            "The step is not saved; lower optimizer.lr, or lengthen schedule.warmup_steps"
        )
    state.validation_loss = evaluation.loss
    metrics = EvaluationMetrics(
        step=state.step,
        loss=evaluation.loss,
        perplexity=evaluation.perplexity,
        bits_per_byte=evaluation.bits_per_byte,
    )
    job.metrics.eval(metrics)
    log.info("step %d: validation loss %.4f", state.step, evaluation.loss)
    samples = _sample(job, state)
    job.listener.on_evaluation(metrics, samples)
    if evaluation.loss < state.best_loss:
        state.best_loss = evaluation.loss
        save(job, state)
    write_status(job, state, "running", "training")


def evaluate_state(job: Job, state: TrainState) -> Evaluation:
    """The validation loss of the weights as they are."""
    return evaluate(
        state.model,
        job.validation,
        batch_size=job.experiment.evaluation_batch_size,
        precision=job.experiment.training.precision,
        poll=lambda: _leave_evaluation(job),
    )


class _StopEvaluation(Exception):
    """A stop signal arrived while the model was evaluated."""


def _leave_evaluation(job: Job) -> None:
    if job.stop:
        raise _StopEvaluation


def _sample(job: Job, state: TrainState) -> list[str]:
    texts = []
    for prompt in job.experiment.evaluation.prompts:
        pieces = generate(
            state.model,
            job.tokenizer,
            prompt,
            max_tokens=job.experiment.evaluation.sample_tokens,
            sampling=SAMPLING,
            seed=job.experiment.training.seed,
        )
        texts.append(prompt + "".join(pieces))
        row = {"step": state.step, "prompt": prompt, "text": texts[-1]}
        append_line(job.paths.samples, json.dumps(row, ensure_ascii=False))
    return texts


def save(job: Job, state: TrainState) -> None:
    """Publishes the state as a checkpoint, once per step, and removes old ones.

    One saved before its evaluation is replaced by one that carries the loss.
    """
    folder = job.paths.folder
    if checkpoint.is_wanted(folder, state.step, state.validation_loss):
        job.metrics.sync()
        checkpoint.save(folder, state.snapshot(), tokenizer_hash=job.tokenizer.hash)
        log.info("saved step %d", state.step)
        job.listener.on_saved(state.step)
        checkpoint.prune(folder, job.experiment.checkpoint.keep_last)


def write_status(
    job: Job, state: TrainState, name: str, reason: str, exit_code: int | None = None
) -> None:
    """Replaces status.json."""
    record = {"state": name, "step": state.step, "reason": reason, "exit_code": exit_code}
    log.info("%s at step %d: %s", name, state.step, reason)
    publish_file(job.paths.status, json.dumps(record, indent=1).encode())


def _is_due(step: int, every: int | None) -> bool:
    return every is not None and step % every == 0
