"""Golden files of the shipped arms: `python tools/golden_files.py` writes tests/golden again.

A changed default shows as a difference in every arm that it touches. Vocabulary 10,000, seed 0.
"""

from collections.abc import Iterator
from pathlib import Path

import torch

from paribus.config.load import to_yaml
from paribus.experiment import Experiment, load_experiment
from paribus.optim.schedule import learning_rate
from paribus.training.state import TrainState

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "tests" / "golden"
ARMS = sorted((ROOT / "configs").rglob("*.yaml"))


def golden_text(config: Path) -> str:
    """The golden file of an arm."""
    given = ["model.vocab_size=10000", f"run.dir=runs/{config.stem}", "training.device=cpu"]
    experiment = load_experiment(config, given)
    state = TrainState.create(experiment)
    parts = {
        "settings": to_yaml(experiment).splitlines(),
        "initial tensors (mean, std)": _tensors(state),
        "groups": _groups(state),
        "learning rate by step": _rates(experiment),
    }
    lines = [line for title, body in parts.items() for line in (f"# {title}", *body)]
    return "\n".join(lines) + "\n"


def _tensors(state: TrainState) -> Iterator[str]:
    for name, parameter in state.model.named_parameters():
        values = parameter.detach().double()
        yield f"{name} {values.mean():.5e} {values.std(correction=0):.5e}"


def _groups(state: TrainState) -> Iterator[str]:
    for group in state.optimizer.param_groups:
        yield f"weight_decay {group['weight_decay']} lr_ratio {group['lr_ratio']}"
        yield from (f"  {name}" for name in group["names"])


def _rates(experiment: Experiment) -> Iterator[str]:
    n_steps = experiment.training.steps
    assert n_steps is not None
    for step in (1, 2, *(n_steps * i // 80 for i in (1, 2, 4, 8, 20, 40, 60, 80))):
        rate = learning_rate(step, experiment.schedule, experiment.optimizer.lr, n_steps)
        yield f"{step} {rate:.6e}"


def main() -> None:
    """Writes every golden file, and removes those of arms that are gone."""
    torch.set_num_threads(1)
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.txt"):
        path.unlink()
    for config in ARMS:
        text = golden_text(config)
        (FOLDER / f"{config.stem}.txt").write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
