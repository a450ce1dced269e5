"""docs/own-variant.md: its steps, followed on a copy of the source, give variants that train."""

import json
import os
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
USE_THE_COPY = """if True:
    import sys
    sys.meta_path = [f for f in sys.meta_path if "skbc" not in type(f).__module__]
    sys.path.insert(0, sys.argv.pop(1))
"""
RUN = (
    USE_THE_COPY
    + """
    from paribus.cli.main import run
    sys.exit(run(sys.argv[1:]))
"""
)
COMPARE = (
    USE_THE_COPY
    + """
    import numpy, torch, numpy_reference
    from paribus.model.accounting import count_parameters, estimate_memory
    from paribus.model.config import ModelConfig
    from paribus.model.init import initialize
    from paribus.model.transformer import Transformer
    config = ModelConfig(vocab_size=13, d_model=16, n_layers=2, ffn="mish")
    model = Transformer(config)
    initialize(model, config, 0)
    tokens = torch.arange(13)
    weights = {name: value.double().numpy() for name, value in model.state_dict().items()}
    expected = numpy_reference.logits(weights, config, tokens.numpy())
    numpy.testing.assert_allclose(model(tokens).detach().numpy(), expected, atol=2e-5)
    assert config.feed_forward_width == 64, "4 d_model, as it has no gate"
    assert count_parameters(config).total == sum(p.numel() for p in model.parameters())
    assert estimate_memory(config, sequences=1, loss_rows=None).activations > 0
"""
)


def steps():
    found = STEP.findall(PAGE)
    assert len(found) == len(re.findall(r"^```\w", PAGE, re.MULTILINE)), "a block not followed"
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
    """The package, the configs and the NumPy reference, with the variants of the page."""
    from paribus.tokenizer.core import load_core

    folder = tmp_path_factory.mktemp("own-variant")
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "configs", folder / "configs")
    (folder / "tests/model").mkdir(parents=True)
    shutil.copy(ROOT / "tests/model/numpy_reference.py", folder / "tests/model")
    core = load_core()
    if core is not None and core.__file__ is not None:
        shutil.copy(core.__file__, folder / "src" / "paribus")
    follow(folder)
    return folder


def in_the_copy(copy, code, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", code, str(copy / "src"), *arguments],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": str(copy / "tests/model")},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


VARIANTS = {
    "partial_rope": (["ablation_partial_rope"], ["kind: partial_rope", "share: 0.25"]),
    "mish": (["base_modern", "model.ffn=mish"], ["ffn: mish", "kind: rope"]),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_steps_give_a_variant_that_trains_two_steps(copy, tiny_data, variant):
    given, expected = VARIANTS[variant]
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
    run = f"runs/{variant}"
    in_the_copy(
        copy, RUN, "train", *given, *overrides, "--data", str(tiny_data.tokens), "--run", run
    )
    status = json.loads((copy / run / "status.json").read_bytes())
    assert (status["state"], status["step"]) == ("finished", 2)
    config = (copy / run / "config.yaml").read_text(encoding="utf-8")
    assert all(line in config for line in expected)


def test_an_activation_costs_three_places(copy):
    """Row, function, equation of the oracle: no other file knows the new name, and all works."""
    places = [name for name, *_, block in steps() if "mish" in block]
    assert places == [
        "src/paribus/model/activations.py",
        "src/paribus/model/variants.py",
        "tests/model/numpy_reference.py",
    ]
    assert "## An activation: 3 places" in PAGE
    in_the_copy(copy, COMPARE)


def test_the_page_counts_the_lines_of_a_position():
    blocks = [block for *_, block in steps() if "mish" not in block]
    lines = [line for block in blocks for line in block.splitlines() if line.strip()]
    (stated,) = re.findall(r"It costs (\d+) lines", PAGE)
    assert int(stated) == len(lines)
