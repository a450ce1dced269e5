import dataclasses
from pathlib import Path

import pytest

from paribus.errors import ConfigError, InputMissingError
from paribus.experiment import (
    Experiment,
    find_config,
    load_experiment,
    runs_folder,
    with_run_folder,
)
from paribus.optim.config import MuonConfig, ScheduleConfig
from paribus.optim.schedule import SCHEDULES
from paribus.run_folder import RunPaths


def test_a_config_is_a_path_a_name_here_or_a_name_in_the_package(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_config("base_modern").name == "base_modern.yaml"
    assert find_config("base_modern.yaml").parent.name == "configs"
    assert find_config("configs/base_vanilla.yaml").name == "base_vanilla.yaml"
    assert find_config("ablation_tied").parent.name == "experiments"
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "base_modern.yaml").touch()
    assert find_config("base_modern") == Path("configs/base_modern.yaml")
    (tmp_path / "mine.yaml").touch()
    assert find_config("mine.yaml") == Path("mine.yaml")


def test_a_name_that_is_no_config_brings_the_list(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputMissingError, match=r"base_modern, base_vanilla") as caught:
        find_config("base_moden")
    assert "base_moden: expected a config file, found none" in str(caught.value)


def test_a_run_is_named_by_config_and_seed(monkeypatch):
    monkeypatch.delenv("PARIBUS_RUNS", raising=False)
    assert load_experiment("base_modern").run.dir == Path("runs/base_modern-s0")
    assert load_experiment("base_modern", ["training.seed=3"]).run.dir == Path(
        "runs/base_modern-s3"
    )
    assert load_experiment("base_modern", ["run.dir=x/y"]).run.dir == Path("x/y")


def test_the_folder_of_runs_follows_the_environment(monkeypatch):
    monkeypatch.setenv("PARIBUS_RUNS", "elsewhere")
    assert runs_folder() == Path("elsewhere")
    assert load_experiment("base_modern").run.dir == Path("elsewhere/base_modern-s0")


@pytest.mark.parametrize("name", ["a", "A.b-c_1", "x" * 64, "_x"])
def test_run_names_are_plain(name):
    assert with_run_folder(Experiment(), Path("runs") / name).run.dir == Path("runs") / name


@pytest.mark.parametrize("name", [".hidden", "-dash", "a b", "é", "x" * 65, "a\nb", "a;b"])
def test_a_run_name_that_a_shell_or_a_screen_would_obey_is_refused(name):
    with pytest.raises(ConfigError, match=r"run\.dir: expected a name"):
        with_run_folder(Experiment(), Path("runs") / name)


def test_the_page_on_the_run_folder_lists_what_run_paths_names():
    page = (Path(__file__).parents[1] / "docs/run-folder.md").read_text(encoding="utf-8")
    listing = page.split("```")[1]
    listed = {line.split()[0].rstrip("/") for line in listing.strip().splitlines()}
    names = [name for name, value in vars(RunPaths).items() if isinstance(value, property)]
    found = {getattr(RunPaths(Path("r")), name).name for name in names}
    assert listed == found | {"run.lock.json", "tensorboard"}


def test_a_base_may_be_a_shipped_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(
        "base: base_vanilla\nmodel: {n_layers: 3}", encoding="utf-8"
    )
    mine = load_experiment("mine.yaml").model
    assert mine == dataclasses.replace(load_experiment("base_vanilla").model, n_layers=3)
    (tmp_path / "mine.yaml").write_text("base: base_vanila", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"mine\.yaml:1: base: base_vanila: .*base_vanilla"):
        load_experiment("mine.yaml")


def test_a_mistyped_path_is_no_shipped_config():
    with pytest.raises(InputMissingError):
        load_experiment("my/typo/base_modern.yaml")


def test_a_run_folder_of_any_origin_has_a_sound_name(tmp_path):
    with pytest.raises(ConfigError, match=r"run\.dir: expected a name"):
        load_experiment("base_modern", ["run.dir='runs/a b;c'"])


@pytest.mark.parametrize("kind", SCHEDULES)
def test_every_schedule_is_a_word_of_the_config(kind):
    found = load_experiment("base_modern", ["schedule.warmup_steps=7", f"schedule.kind={kind}"])
    assert found.schedule == ScheduleConfig(kind=kind, warmup_steps=7)


def test_another_optimizer_keeps_the_rate_of_the_base(tmp_path):
    """All else equal: an arm that names another optimizer changes nothing that it does not name."""
    (tmp_path / "base.yaml").write_text("optimizer: {lr: 1e-5, beta2: 0.99}\n", encoding="utf-8")
    arm = tmp_path / "arm.yaml"
    arm.write_text("base: base.yaml\noptimizer: {kind: muon}\n", encoding="utf-8")
    assert load_experiment(arm).optimizer == MuonConfig(lr=1e-5, beta2=0.99)


def test_a_path_with_a_nul_is_refused():
    with pytest.raises(ConfigError, match=r"^data\.dir.*expected a path, found '\\x00'"):
        load_experiment("base_modern", ['data.dir="\\0"'])
