"""`paribus accounting`: what a config costs, from closed formulas."""

import dataclasses
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from paribus.experiment import Experiment


@click.command()
@click.argument("config")
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def accounting(config: str, overrides: tuple[str, ...], as_json: bool) -> None:
    """Count parameters, FLOPs and memory of CONFIG.

    FLOPs are those of matrix products, of one sequence of model.context_length tokens; memory is
    that of a training step.

    \b
    Examples:
      paribus accounting base_modern
      paribus accounting base_vanilla model.vocab_size=32000 --json
    """
    from paribus.experiment import load_experiment

    record = account(with_vocabulary(load_experiment(config, overrides)))
    click.echo(json.dumps(record) if as_json else _table(record))


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
        click.echo(
            f"note: model.vocab_size is null and {experiment.data.dir} holds no token data: "
            f"{size:,} is assumed",
            err=True,
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
