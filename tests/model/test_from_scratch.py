"""No layer, loss or optimizer of PyTorch's stands in for one of ours."""

import ast
from pathlib import Path

import pytest
import torch

import paribus

PACKAGE = Path(paribus.__file__).parent
ROOMS = [*PACKAGE.glob("model/*.py"), *PACKAGE.glob("optim/*.py"), PACKAGE / "loss.py"]

# Containers, parameters and single operations; every layer is written here.
ALLOWED = {
    "torch.nn": {"Module", "ModuleList", "Parameter", "Identity", "functional", "init"},
    "torch.nn.functional": {
        *("linear", "embedding", "silu", "gelu", "scaled_dot_product_attention"),
    },
    "torch.nn.init": {"trunc_normal_"},
    "torch.optim": {"Optimizer"},
}
# torch.softmax, torch.layer_norm and the like: what torch.nn.functional has, by another name.
SINGLE_OPERATIONS = {"relu", "tanh"}
READY_MADE = {
    name for name in dir(torch) if hasattr(torch.nn.functional, name) or name.startswith("_fused")
}
METHODS = {"softmax", "log_softmax"}


def attributes(path: Path):
    """Every dotted name in a file, such as nn.functional.linear."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            yield ast.unparse(node)


def imported(path: Path):
    """Every name that a file takes from torch, such as torch.optim.Optimizer."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("torch"):
            yield from (f"{node.module}.{name.name}" for name in node.names)
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.startswith("torch"))


def test_the_rooms_are_found():
    assert {"attention.py", "adamw.py", "loss.py"} <= {path.name for path in ROOMS}


def forbidden(path: Path):
    """Names in a file that stand for what is to be written here."""
    for name in attributes(path):
        owner, _, last = f"torch.{name.removeprefix('torch.')}".rpartition(".")
        is_ready_made = (
            last in READY_MADE - SINGLE_OPERATIONS if owner == "torch" else last in METHODS
        )
        if is_ready_made or last not in ALLOWED.get(owner, {last}):
            yield name


@pytest.mark.parametrize("path", ROOMS, ids=lambda p: p.stem)
def test_only_single_operations_are_taken_from_torch(path):
    assert list(forbidden(path)) == []


@pytest.mark.parametrize(
    "line",
    [
        "torch.nn.functional.cross_entropy(x, y)",
        "nn.functional.layer_norm(x, d)",
        "nn.Linear(2, 3)",
        "torch.optim.AdamW(p)",
        "torch.softmax(x, -1)",
        "x.softmax(-1)",
        "torch.rms_norm(x, d)",
        "torch._fused_adamw_(p)",
        "torch.nn.init.xavier_normal_(w)",
    ],
)
def test_what_is_ready_made_is_found(tmp_path, line):
    (tmp_path / "room.py").write_text(line, encoding="utf-8")
    assert list(forbidden(tmp_path / "room.py"))


@pytest.mark.parametrize("path", ROOMS, ids=lambda p: p.stem)
def test_nothing_ready_made_is_imported(path):
    allowed = {
        "torch",
        "torch.Tensor",
        "torch.nn",
        "torch.nn.Parameter",
        "torch.optim.Optimizer",
        "torch.autograd.function.once_differentiable",
    }
    assert set(imported(path)) <= allowed
