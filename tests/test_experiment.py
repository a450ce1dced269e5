import dataclasses
import os
from pathlib import Path

import pytest

from paribus.errors import ConfigError, InputMissingError
from paribus.experiment import (
    Experiment,
    check_run_name,
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


ROOT = Path(__file__).parents[1]
SHIPPED = sorted((ROOT / "configs").rglob("*.yaml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
@pytest.mark.parametrize("folder", [ROOT, Path("/")], ids=["clone", "elsewhere"])
def test_a_config_is_found_with_and_without_folders_and_suffix(monkeypatch, folder, path):
    monkeypatch.chdir(folder)
    below = path.relative_to(ROOT / "configs")
    for name in (path.name, below, Path("configs") / below, f"./configs/{below}", path):
        for form in (str(name), str(name).removesuffix(".yaml")):
            assert find_config(form).resolve() == path, form


def test_a_config_beside_the_user_is_found_without_its_suffix(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "base_modern").mkdir()  # a folder is no config
    (tmp_path / "sub").mkdir()
    for name in ("mine.yml", "sub/yours.yaml"):
        (tmp_path / name).touch()
        assert find_config(Path(name).with_suffix("")) == Path(name)
    assert find_config("base_modern").parent.name == "configs"
    nested = tmp_path / "configs" / "claims" / "deep" / "CL-01.yaml"
    nested.parent.mkdir(parents=True)
    nested.touch()
    for name in ("CL-01", "deep/CL-01.yaml", "claims/deep/CL-01"):
        assert find_config(name).resolve() == nested


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("base_moderm", "base_modern"), ("configs/base_vanila.yaml", "base_vanilla"),
        ("experiments/ablation_pe_rop", "ablation_pe_rope"), ("my_confg.yaml", "my config"),
        ("zzzzzz", None), ("", None), ("..", None), ("a\0b", None), ("x" * 200, None), ("x" * 5000, None),
    ],
)  # fmt: skip
def test_a_name_that_is_no_config_brings_the_nearest(tmp_path, monkeypatch, name, nearest):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my config.yaml").touch()
    with pytest.raises(InputMissingError) as caught:
        find_config(name)
    message = str(caught.value)
    assert message.isprintable()
    assert message.endswith(f". Did you mean {nearest!r}?") is (nearest is not None), message


@pytest.mark.parametrize(
    "name", ["my\nconfig.yaml", "my\x1b[31m.yaml", os.fsdecode(b"my\xff.yaml")]
)
def test_a_file_name_that_no_screen_can_show_is_escaped_on_one_line(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputMissingError) as missing:
        load_experiment(name)
    (tmp_path / name).write_text("model: {n_layer: 2}\nbase: [1]\n", encoding="utf-8")
    with pytest.raises(ConfigError) as base:
        load_experiment(name)
    (tmp_path / name).write_text("model: {n_layer: 2}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as unknown:
        load_experiment(name)
    with pytest.raises(ConfigError) as override:
        load_experiment(
            "base_modern", [f"data.dir={name}"] if name.isprintable() else [f"{name}=1"]
        )
    for caught in (missing, base, unknown, override):
        assert str(caught.value).isprintable()
    (tmp_path / name).write_text("model: {n_layers: 2}\n", encoding="utf-8")
    assert load_experiment(name).model.n_layers == 2


@pytest.mark.parametrize(
    ("file", "run"),
    [
        ("my config.yaml", "my-config-s0"), (".hidden.yaml", "hidden-s0"), ("-dash.yaml", "dash-s0"),
        ("K\u00e4se.yaml", "Kase-s0"), ("a;b$(c).yaml", "a-b-c-s0"), ("v1.5_x.yaml", "v1.5_x-s0"),
        ("große Söhne.yaml", "groe-Sohne-a66abb-s0"), ("我的配置.yaml", "config-d3407f-s0"),
        ("x" * 100 + ".yaml", "x" * 54 + "-09ecb6-s0"),
    ],
)  # fmt: skip
def test_the_default_name_of_a_run_is_made_from_any_file_name(tmp_path, monkeypatch, file, run):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PARIBUS_RUNS", raising=False)
    (tmp_path / file).write_text("base: base_modern\n", encoding="utf-8")
    folder = load_experiment(file).run.dir
    assert folder == Path("runs") / run
    check_run_name(folder)
    assert len(load_experiment(file, [f"training.seed={2**63 - 1}"]).run.dir.name) <= 64


def test_two_configs_in_chinese_have_runs_of_their_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for file in ("一.yaml", "二.yaml"):
        (tmp_path / file).touch()
    assert load_experiment("一.yaml").run.dir != load_experiment("二.yaml").run.dir


@pytest.mark.parametrize("name", [3, None, ["base_modern"], b"base_modern"])
def test_a_config_that_is_neither_path_nor_name_is_refused(name):
    with pytest.raises(ConfigError, match="config: expected a path or a name, found"):
        load_experiment(name)


@pytest.mark.parametrize("overrides", ["a=b", [3], [None], [b"a=b"], 3])
def test_overrides_that_are_no_list_of_texts_are_refused(overrides):
    with pytest.raises(ConfigError, match="expected"):
        load_experiment("base_modern", overrides)


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
