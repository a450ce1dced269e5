"""docs/own-variant.md: its steps, followed on a copy of the source, give a variant that trains."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/own-variant.md").read_text(encoding="utf-8")
STEP = re.compile(
    r"^In `([^`]+)`, (before|in place of|the whole file)(?: `([^`]+)`)?:\n\n```\w+\n(.*?)^```",
    re.MULTILINE | re.DOTALL,
)
# The copy goes before the installed package, whose hook of an editable install would win.
RUN = """if True:
    import sys
    sys.meta_path = [f for f in sys.meta_path if "skbc" not in type(f).__module__]
    sys.path.insert(0, sys.argv.pop(1))
    from paribus.cli.main import run
    sys.exit(run(sys.argv[1:]))
"""


def steps():
    found = STEP.findall(PAGE)
    assert len(found) == PAGE.count("```") // 2, "a block that no test follows"
    return found


def follow(folder: Path) -> None:
    """Makes the changes of the page below `folder`."""
    for name, where, anchor, block in steps():
        path = folder / name
        if where == "the whole file":
            path.write_text(block, encoding="utf-8")
            continue
        text = path.read_text(encoding="utf-8")
        assert text.count(anchor) == 1, (
            f"{name}: {anchor!r} stands there {text.count(anchor)} times"
        )
        new = block + anchor if where == "before" else block.rstrip("\n")
        path.write_text(text.replace(anchor, new), encoding="utf-8")


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The package and the configs, with the variant of the page."""
    from paribus.tokenizer.core import load_core

    folder = tmp_path_factory.mktemp("own-variant")
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "configs", folder / "configs")
    core = load_core()
    if core is not None and core.__file__ is not None:
        shutil.copy(core.__file__, folder / "src" / "paribus")
    follow(folder)
    return folder


def test_the_steps_give_a_variant_that_trains_two_steps(copy, tiny_data):
    overrides = [
        "model.d_model=32",
        "model.n_layers=1",
        "model.n_heads=2",
        "model.context_length=16",
        "training.steps=2",
        "training.batch_size=2",
        "training.device=cpu",
        "training.threads=1",
        "training.compile=off",
        "schedule.warmup_steps=1",
        "evaluation.tokens=64",
        "evaluation.prompts=[]",
    ]
    arguments = ["train", "ablation_partial_rope", *overrides, "--data", str(tiny_data.tokens)]
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(copy / "src"), *arguments, "--run", "runs/own"],
        cwd=copy,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    status = json.loads((copy / "runs/own/status.json").read_bytes())
    assert (status["state"], status["step"]) == ("finished", 2)
    config = (copy / "runs/own/config.yaml").read_text(encoding="utf-8")
    assert "kind: partial_rope" in config and "share: 0.25" in config


def test_the_page_counts_its_lines():
    lines = [line for *_, block in steps() for line in block.splitlines() if line.strip()]
    (stated,) = re.findall(r"it costs (\d+) lines", PAGE)
    assert int(stated) == len(lines)
