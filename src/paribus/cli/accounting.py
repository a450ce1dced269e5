"""`paribus accounting`: what a config costs, and what makes two cost the same."""

import dataclasses
import re
from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING

import click

from paribus.cli.display import say, show, show_json, show_text

if TYPE_CHECKING:
    from paribus.experiment import Experiment
    from paribus.model.matching import Match

UNITS = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9, "G": 10**9, "T": 10**12}
"""Of a number after --match."""


@click.command()
@click.argument("config")
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option(
    "--match",
    "target",
    metavar="TARGET",
    help="Solve for a cost: a number as 16M, or that of a config.",
)
@click.option(
    "--by",
    type=click.Choice(["d_ff", "d_model", "n_layers"]),
    default="d_ff",
    show_default=True,
    help="The key of the model that --match sets.",
)
@click.option(
    "--measure",
    type=click.Choice(["parameters", "non_embedding", "flops"]),
    default="parameters",
    show_default=True,
    help="What --match makes equal.",
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
    """Count parameters, FLOPs and memory of CONFIG.

    FLOPs are those of matrix products, of one sequence of model.context_length tokens; memory is
    that of a training step.

    With --match, one key of the model becomes the value at which it costs TARGET, or comes closest:
    d_ff in multiples of model.d_ff_multiple, d_model in multiples of model.n_heads (twice that with
    rope). The counts are those of the matched model.

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
    show_text(_table(record))


def _matched(experiment: "Experiment", target: str, by: str, measure: str) -> "Match":
    """The model of `experiment` that costs `target`: a number, or what the model of a config does.

    A model without a vocabulary of its own has that of `experiment`.
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
            raise InputMissingError(f"--match {error}. A number is written as 16M") from error
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
    """The solution as an override, and its mismatch in numbers and percent."""
    share = solved["mismatch"] / solved["target"]
    return (
        f"{config} {solved['key']}={solved['value']}: {solved['found']:,} "
        f"{solved['measure'].replace('_', '-')}, wanted {solved['target']:,}, "
        f"mismatch {solved['mismatch']:+,} ({share:+.3%})"
    )


def with_vocabulary(experiment: "Experiment") -> "Experiment":
    """model.vocab_size from the data where it is null, or a note that there is none."""
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
            f"{size:,} is assumed"
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


def _table(record: dict[str, dict[str, int]]) -> str:
    lines = []
    for section, parts in record.items():
        lines.append(section)
        lines += [f"  {name.replace('_', ' '):<22}{value:>22,}" for name, value in parts.items()]
    return "\n".join(lines)
