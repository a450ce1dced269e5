"""`paribus accounting`: what a config costs, and the setting that makes two cost the same."""

import dataclasses
import re
from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING

import click

from paribus.cli.byte_size import byte_size
from paribus.cli.display import say, show, show_json, show_text

if TYPE_CHECKING:
    from paribus.experiment import Experiment
    from paribus.model.matching import Match

UNITS = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9, "G": 10**9, "T": 10**12}
"""What a number after --match is multiplied by."""


@click.command()
@click.argument("config")
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option(
    "--match",
    "target",
    metavar="TARGET",
    help="Solve for a cost: a number like 16M, or the cost of another config.",
)
@click.option(
    "--by",
    type=click.Choice(["d_ff", "d_model", "n_layers"]),
    default="d_ff",
    show_default=True,
    help="The model setting that --match changes.",
)
@click.option(
    "--measure",
    type=click.Choice(["parameters", "non_embedding", "flops"]),
    default="parameters",
    show_default=True,
    help="The cost that --match makes equal.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def accounting(
    config: str,
    overrides: tuple[str, ...],
    target: str | None,
    by: str,
    measure: str,
    as_json: bool,
) -> None:
    """Count the parameters, FLOPs and memory of CONFIG.

    FLOPs are counted for the matrix products of one sequence of model.context_length tokens; memory
    is that of one training step.

    With --match, one model setting is changed so that the model costs TARGET, or as close to it as
    possible. d_ff moves in multiples of model.d_ff_multiple, d_model in multiples of model.n_heads
    (twice that with rope). The counts are for the matched model.

    \b
    Examples:
      paribus accounting base_modern
      paribus accounting base_vanilla model.vocab_size=32000 --json
      paribus accounting ablation_modern_relu --match base_modern
      paribus accounting base_modern model.d_ff_multiple=1 --match 16M --by d_ff
    """
    from paribus.experiment import load_experiment

    experiment = with_vocabulary(load_experiment(config, overrides))
    solved = {}
    if target is not None:
        match = _matched(experiment, target, by, measure)
        experiment = dataclasses.replace(experiment, model=match.config)
        solved = {"match": _described(match, measure)}
    record = account(experiment)
    if as_json:
        show_json(solved | record)
        return
    if solved:
        show(_sentence(config, solved["match"]))
    show_text(_table(record, experiment.model.context_length))


def _matched(experiment: "Experiment", target: str, by: str, measure: str) -> "Match":
    """The model of `experiment`, changed to cost `target`: a number, or the model of a config.

    A model that names no vocabulary size takes that of `experiment`.
    """
    from paribus.errors import InputMissingError
    from paribus.experiment import load_experiment
    from paribus.model.matching import MEASURES, match

    model = experiment.model
    number = re.fullmatch(r"(\d+(?:\.\d+)?(?:e\d\d?)?)([KMBGT]?)", target.replace(",", ""), re.I)
    if number is not None:
        wanted = int(Decimal(number[1]) * UNITS[number[2].upper()])
    else:
        try:
            other = load_experiment(target).model
        except InputMissingError as error:
            raise InputMissingError(f"--match {error}. Write a number as 16M") from error
        size = other.vocab_size or model.vocab_size
        wanted = MEASURES[measure](dataclasses.replace(other, vocab_size=size))
    return match(model, by, wanted, measure)


def _described(match: "Match", measure: str) -> dict[str, str | int]:
    return {
        "key": f"model.{match.key}",
        "value": match.value,
        "measure": measure,
        "target": match.target,
        "found": match.found,
        "mismatch": match.mismatch,
    }


def _sentence(config: str, solved: dict) -> str:
    """The solution as an override, with its mismatch in numbers and percent."""
    share = solved["mismatch"] / solved["target"]
    return (
        f"{config} {solved['key']}={solved['value']}: {solved['found']:,} "
        f"{solved['measure'].replace('_', '-')}, wanted {solved['target']:,}, "
        f"mismatch {solved['mismatch']:+,} ({share:+.3%})"
    )


def with_vocabulary(experiment: "Experiment") -> "Experiment":
    """The experiment with a vocabulary size: its own, that of the data, or one that is assumed."""
    from paribus.data.shards import open_shards
    from paribus.errors import InputMissingError
    from paribus.model.accounting import vocab_size

    if experiment.model.vocab_size is not None:
        return experiment
    try:
        size = open_shards(experiment.data.dir).vocab_size
    except InputMissingError:
        size = vocab_size(experiment.model)
        say(
            f"note: model.vocab_size is null and {experiment.data.dir} holds no token data: "
            f"assuming {size:,}"
        )
    return dataclasses.replace(
        experiment, model=dataclasses.replace(experiment.model, vocab_size=size)
    )


def account(experiment: "Experiment") -> dict[str, dict[str, int]]:
    """Parameters, FLOPs and memory by part, with their totals."""
    from paribus.model.accounting import count_flops, count_parameters
    from paribus.training.budget import memory_of

    parameters = count_parameters(experiment.model)
    flops = count_flops(experiment.model)
    memory = memory_of(experiment)
    return {
        "parameters": {
            "total": parameters.total,
            "non_embedding": parameters.non_embedding,
            **asdict(parameters),
        },
        "flops": {"forward": flops.forward, "training": flops.training, **asdict(flops)},
        "memory": {"peak": memory.peak, **asdict(memory)},
    }


def _table(record: dict[str, dict[str, int]], context_length: int) -> str:
    headings = {
        "parameters": "parameters",
        "flops": f"FLOPs of one sequence of {context_length:,} tokens",
        "memory": "memory of one training step, in bytes",
    }
    lines = []
    for section, parts in record.items():
        lines.append(headings[section])
        for name, value in parts.items():
            size = f"   {byte_size(value):>10}" if section == "memory" else ""
            lines.append(f"  {name.replace('_', ' '):<22}{value:>26,}{size}")
    return "\n".join(lines)
