"""`paribus plan`: what a run takes, and a run that fits a time."""

import dataclasses
import shlex
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from paribus.cli.byte_size import byte_size
from paribus.cli.display import PATH, clock, say, show, show_json, thousands

if TYPE_CHECKING:
    from paribus.data.batches import Batch
    from paribus.data.shards import TokenShards
    from paribus.experiment import Experiment
    from paribus.training.plan import Forecast

HIDDEN_KEYS = ("model.vocab_size", "training.device", "training.threads", "training.precision")
"""Resolved by `train` in the same way; a proposal need not state them."""


@click.command()
@click.argument("config")
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--data", type=PATH, help="Token folder; the same as data.dir=DIR.")
@click.option("--fit", metavar="TIME", help='Propose a run that fits: 90s, 2h, "20 minutes".')
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def plan(
    config: str, overrides: tuple[str, ...], data: Path | None, fit: str | None, as_json: bool
) -> None:
    """Show what training CONFIG takes on this machine: parameters, FLOPs, memory, time.

    A few steps are run to measure the time, on random tokens if there is no token data yet. --fit
    proposes a run that ends within TIME: the largest model of this kind that still learns from 20
    tokens per parameter outside its tables.

    \b
    Examples:
      paribus plan base_modern --data data/stories
      paribus plan base_modern model.vocab_size=10000 --fit "20 minutes"
    """
    from paribus.cli.accounting import with_vocabulary
    from paribus.experiment import load_experiment
    from paribus.training.budget import check_budget, parse_duration
    from paribus.training.fit import fit as fitted
    from paribus.training.plan import forecast
    from paribus.training.resolve import resolve_machine

    seconds = None if fit is None else parse_duration(fit, "--fit")
    experiment = load_experiment(config, overrides)
    if data is not None:
        experiment = dataclasses.replace(
            experiment, data=dataclasses.replace(experiment.data, dir=data)
        )
    check_budget(experiment)
    shards = _shards(experiment, is_asked_for=data is not None)
    resolved = resolve_machine(with_vocabulary(experiment))
    batches_of = _batches(shards)
    found = forecast(resolved, shards, batches_of(resolved), say)
    record = _record(found)
    lines = _lines(found)
    if seconds is not None:
        is_in_time = found.fits and found.seconds <= seconds
        best = found if is_in_time else fitted(resolved, found, seconds, batches_of, say)
        proposal = [] if is_in_time else _overrides(resolved, best)
        record["fit"] = {"seconds": seconds, "overrides": proposal, **_record(best)}
        words = [config, *overrides, *proposal, *([] if data is None else ["--data", str(data)])]
        lines += _proposal_lines(words, best, seconds, is_in_time)
    show_json(record) if as_json else show(*lines)


def _shards(experiment: "Experiment", is_asked_for: bool) -> "TokenShards | None":
    """The token data of the config, None where there is none and none was asked for."""
    from paribus.data.shards import open_shards
    from paribus.errors import InputMissingError
    from paribus.model.accounting import check_vocab_size

    try:
        shards = open_shards(experiment.data.dir)
    except InputMissingError:
        if is_asked_for:
            raise
        return None
    check_vocab_size(experiment.model, shards.vocab_size)
    return shards


def _batches(
    shards: "TokenShards | None",
) -> "Callable[[Experiment], Callable[[int], Batch]]":
    from paribus.training.loader import open_batches, random_batches

    if shards is None:
        return random_batches
    return lambda experiment: open_batches(experiment, shards).at


def _record(found: "Forecast") -> dict[str, Any]:
    from paribus.model.accounting import count_parameters

    parameters = count_parameters(found.experiment.model)
    per_second = _tokens_per_second(found)
    return {
        "parameters": {"total": parameters.total, "non_embedding": parameters.non_embedding},
        "flops_per_step": found.flops_per_step,
        "memory": {
            "peak": found.peak_bytes,
            "available": found.available_bytes,
            "process": found.process_bytes,
            **asdict(found.memory),
        },
        "fits": found.fits,
        "steps": found.n_steps,
        "tokens": found.tokens,
        "epochs": found.epochs,
        "compile": found.experiment.training.compile,
        "seconds_per_step": found.speed and found.speed.step,
        "tokens_per_second": per_second,
        "seconds": found.speed and found.seconds,
    }


def _tokens_per_second(found: "Forecast") -> float | None:
    if found.speed is None:
        return None
    return found.tokens / found.n_steps / found.speed.step


def _lines(found: "Forecast") -> list[str]:
    from paribus.model.accounting import count_parameters

    parameters = count_parameters(found.experiment.model)
    flops = found.flops_per_step
    size_of = {name: byte_size(n_bytes) for name, n_bytes in asdict(found.memory).items()}
    available = found.available_bytes
    of_available = "" if available is None else f" of {byte_size(available)} available"
    verdict = "fits" if found.fits else "does not fit"
    lines = [
        f"parameters  {parameters.total:,} ({parameters.non_embedding:,} non-embedding)",
        f"FLOPs       {flops:.3g} a step, {flops * found.n_steps:.3g} in all",
        f"memory      {byte_size(found.peak_bytes)} at the peak{of_available}: {verdict}",
        f"            process {byte_size(found.process_bytes)}, weights {size_of['weights']}, "
        f"gradients {size_of['gradients']}, optimizer {size_of['optimizer']},",
        f"            activations {size_of['activations']}, loss {size_of['loss']}",
    ]
    if found.speed is None:
        return [*lines, "time        not measured: a smaller training.batch_size takes less memory"]
    epochs = "" if found.epochs is None else f", {found.epochs:.2g} epochs"
    training = found.experiment.training
    return [
        *lines,
        f"speed       {thousands(_tokens_per_second(found) or 0)} tokens/s, "
        f"{found.speed.step:.3f} s a step on {training.device}, {training.threads} threads, "
        f"compile {training.compile}",
        f"time        {clock(found.seconds)} for {found.n_steps:,} steps, {found.tokens:,} "
        f"tokens{epochs}, {found.n_evaluations} evaluations",
    ]


def _proposal_lines(
    words: list[str], best: "Forecast", seconds: float, is_in_time: bool
) -> list[str]:
    if is_in_time:
        return ["", f"It fits into {clock(seconds)} as it is."]
    return [
        "",
        f"A run that fits into {clock(seconds)}:"
        if best.seconds <= seconds
        else f"No run of a model like this one fits into {clock(seconds)}. The nearest:",
        f"  {shlex.join(['paribus', 'train', *words])}",
        *(f"  {line}" for line in _lines(best)),
    ]


def _overrides(before: "Experiment", best: "Forecast") -> list[str]:
    """What the proposal sets otherwise than the config, as words of the command line."""
    from paribus.config.difference import differences

    return [
        f"{key}={'null' if value is None else value}"
        for key, _, value in differences(before, best.experiment)
        if key not in HIDDEN_KEYS and not (value is None and key.startswith("training."))
    ]
