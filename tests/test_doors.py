"""The scripts and Train.py: names that people type, in front of the code that `paribus` runs."""

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = ("run_train_bpe.sh", "preprocess_corpus.sh", "run_train.sh", "run_generate.sh")
TINY = (
    "model.d_model=16 model.n_layers=1 model.n_heads=2 model.context_length=32 "
    "training.steps=20 training.batch_size=4 training.device=cpu training.precision=fp32 "
    "training.compile=off training.threads=1 schedule.warmup_steps=2 evaluation.every=20 "
    "evaluation.tokens=256 evaluation.sample_tokens=4"
)

needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="the scripts need bash")


def _run(*command: str | Path, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PARIBUS": "python -m paribus", "OMP_NUM_THREADS": "1"} | variables
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )


def _succeed(*command: str | Path, folder: Path, **variables: str) -> str:
    done = _run(*command, folder=folder, **variables)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder, with a space in its path, that holds the scripts and some fables."""
    from paribus.sample_text.fables import generate

    folder = tmp_path_factory.mktemp("doors") / "my experiments"
    (folder / "some texts").mkdir(parents=True)
    (folder / "some texts" / "two fables.txt").write_bytes(generate(60_000, seed=0))
    for name in SCRIPTS:
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "configs", folder / "configs")
    return folder


@pytest.fixture(scope="module")
def trained(workplace: Path) -> Path:
    """The workplace after the first three scripts."""
    text = "some texts/two fables.txt"
    _succeed("./run_train_bpe.sh", folder=workplace, CORPUS=text, VOCAB="400", THREADS="1")
    _succeed("./preprocess_corpus.sh", folder=workplace, FILES=text, THREADS="2")
    _succeed("./run_train.sh", folder=workplace, OVERRIDES=TINY)
    return workplace


@needs_bash
def test_the_four_scripts_lead_from_text_to_text(trained: Path):
    prompt = "Once there was"
    made = _succeed("./run_generate.sh", "--max-tokens", "8", folder=trained, PROMPT=prompt)
    assert made.startswith(prompt)
    assert len(made) > len(prompt) + 1


@needs_bash
def test_the_scripts_share_their_default_folders(trained: Path):
    status = json.loads((trained / "runs/base_modern-s0/status.json").read_bytes())
    assert (status["state"], status["step"]) == ("finished", 20)
    assert (trained / "tokenizers/tinystories/merges.txt").is_file()
    assert (trained / "data/tinystories/MANIFEST.json").is_file()


@needs_bash
@pytest.mark.parametrize(
    ("script", "variables", "command"),
    [
        (
            "run_train_bpe.sh",
            {
                "CORPUS": "some texts/*.txt", "VOCAB": "270", "SPECIAL": "<end of it>",
                "IMPL": "naive", "THREADS": "3", "OUT": "tokenizers/another one",
            },
            [
                "tokenizer", "train", "some texts/*.txt", "--vocab-size", "270",
                "--special", "<end of it>", "--impl", "naive", "--threads", "3",
                "--out", "tokenizers/another one", "more",
            ],
        ),
        (
            "preprocess_corpus.sh",
            {
                "TOKENIZER": "tokenizers/another one", "FILES": "one text.txt\nsome texts",
                "THREADS": "3", "OUT": "data/both texts",
            },
            [
                "data", "prepare", "one text.txt", "some texts",
                "--tokenizer", "tokenizers/another one", "--threads", "3",
                "--out", "data/both texts", "more",
            ],
        ),
        (
            "run_train.sh",
            {"CONFIG": "my config.yaml", "OVERRIDES": "training.seed=1 evaluation.prompts=[*]"},
            ["train", "my config.yaml", "training.seed=1", "evaluation.prompts=[*]", "more"],
        ),
        (
            "run_generate.sh",
            {"RUN": "runs/my run", "PROMPT": "One day, ", "TEMPERATURE": "0", "TOP_K": "5"},
            [
                "generate", "runs/my run", "--prompt", "One day, ", "--temperature", "0",
                "--top-k", "5", "more",
            ],
        ),
    ],
)  # fmt: skip
def test_every_variable_of_a_script_reaches_its_command(
    workplace: Path, script: str, variables: dict[str, str], command: list[str]
):
    (workplace / "show.py").write_text(
        "import json, sys; print(json.dumps(sys.argv[1:]))", encoding="utf-8"
    )
    shown = _succeed(f"./{script}", "more", folder=workplace, PARIBUS="python show.py", **variables)
    assert json.loads(shown) == command


@needs_bash
def test_a_script_fails_as_its_command_does(workplace: Path):
    done = _run("./run_train.sh", folder=workplace, CONFIG="no_such_config")
    assert done.returncode == 66
    assert "no_such_config" in done.stderr


def test_train_py_is_paribus_train(monkeypatch: pytest.MonkeyPatch):
    received = []
    monkeypatch.setattr("paribus.cli.main.run", lambda arguments: received.append(arguments) or 3)
    arguments = ["training.steps=5", "--config", "base_vanilla.yaml", "--run", "runs/five"]
    monkeypatch.setattr(sys, "argv", ["Train.py", *arguments])
    assert runpy.run_path(str(ROOT / "Train.py"))["main"]() == 3
    assert received == [["train", "base_vanilla.yaml", "training.steps=5", "--run", "runs/five"]]


ORIGINAL = re.findall(
    r"`(python Train\.py [^`]+)`",
    (ROOT / "docs/original-map.md").read_text(encoding="utf-8").partition("## The tokenizer")[0],
)
"""The commands of the original's README that train, as they stand there."""


def test_the_map_names_the_configs_of_the_original():
    assert "python Train.py --config base_modern.yaml" in ORIGINAL
    assert "python Train.py --config experiments/ablation_pe_rope.yaml" in ORIGINAL


@needs_bash
@pytest.mark.parametrize("command", ORIGINAL)
def test_a_training_command_of_the_original_works_as_it_stands(
    trained: Path, tmp_path: Path, command: str
):
    _, _, *arguments = command.split()
    run = tmp_path / "run"
    _succeed(
        sys.executable, ROOT / "Train.py", *arguments, *TINY.split(), "--run", run, folder=trained
    )
    assert json.loads((run / "status.json").read_bytes())["state"] == "finished"


@pytest.mark.parametrize(
    "arm", sorted((ROOT / "configs").rglob("*.yaml")), ids=lambda path: path.stem
)
def test_train_py_finds_every_config_by_the_path_of_the_original(
    monkeypatch: pytest.MonkeyPatch, arm: Path
):
    from paribus.experiment import find_config

    name = str(arm.relative_to(ROOT / "configs"))
    for folder in (ROOT, Path("/")):
        monkeypatch.chdir(folder)
        assert find_config(name).resolve() == arm


def test_train_py_leaves_with_the_exit_code_of_paribus_train(tmp_path: Path):
    done = _run(sys.executable, ROOT / "Train.py", "--config", "no_such.yaml", folder=tmp_path)
    assert done.returncode == 66
    assert "no_such.yaml" in done.stderr


@pytest.mark.parametrize("name", [*SCRIPTS, ".ci/run"])
@pytest.mark.skipif(os.name == "nt", reason="Windows has no executable bit")
def test_the_scripts_are_executable(name: str):
    assert os.access(ROOT / name, os.X_OK)
