"""`paribus train` and `paribus resume`."""

import dataclasses
import shlex
from pathlib import Path

import click

from paribus.cli.display import PATH, show


@click.command()
@click.argument("config")
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--data", type=PATH, help="Token folder; the same as data.dir=DIR.")
@click.option("--run", type=PATH, help="Run folder; the same as run.dir=DIR.")
@click.option("--init-from", type=PATH, help="Run whose best weights are the initial values.")
def train(
    config: str, overrides: tuple[str, ...], data: Path | None, run: Path | None,
    init_from: Path | None,
) -> None:  # fmt: skip
    """Train the model that CONFIG describes.

    CONFIG is a file, or a name below ./configs or among the configs of the package. KEY=VALUE
    overrides a setting, as in optimizer.lr=1e-3.

    \b
    Examples:
      paribus train base_modern --data data/stories
      paribus train ablation_prenorm training.steps=2000 schedule.warmup_steps=200 --run runs/pre
    """
    from paribus.cli.display import TrainingDisplay
    from paribus.experiment import load_experiment, with_run_folder

    experiment = load_experiment(config, overrides)
    if data is not None:
        experiment = dataclasses.replace(
            experiment, data=dataclasses.replace(experiment.data, dir=data)
        )
    if run is not None:
        experiment = with_run_folder(experiment, run)

    from paribus.training.run import train

    with TrainingDisplay() as display:
        folder = train(experiment, [display], init_from=init_from)
    _say_next(folder)


@click.command()
@click.argument("run", type=PATH)
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--data", type=PATH, help="Token folder, if the run keeps no copy of its own.")
@click.option("--allow-change", multiple=True, metavar="KEY", help="A setting that may differ.")
def resume(
    run: Path, overrides: tuple[str, ...], data: Path | None, allow_change: tuple[str, ...]
) -> None:
    """Continue RUN from its newest whole checkpoint.

    On the same machine the result is, bit for bit, that of a run that never stopped. More steps
    stretch the schedule, unless schedule.horizon fixes it: the next learning rate is then printed.

    \b
    Examples:
      paribus resume runs/pre
      paribus resume runs/pre training.steps=4000
    """
    from paribus.cli.display import TrainingDisplay
    from paribus.training.run import resume

    with TrainingDisplay() as display:
        folder = resume(run, overrides, [display], data=data, allow_change=allow_change)
    _say_next(folder)


def _say_next(folder: Path) -> None:
    run = shlex.quote(str(folder))
    show(f"{folder}: finished. Try: paribus generate {run} --prompt 'Once upon a time'")
