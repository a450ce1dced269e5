"""No layer, loss or optimizer of PyTorch's stands in for one of ours."""

import ast
from pathlib import Path

import pytest

import paribus

PACKAGE = Path(paribus.__file__).parent
ROOMS = [*PACKAGE.glob("model/*.py"), *PACKAGE.glob("optim/*.py"), PACKAGE / "loss.py"]

# Containers, parameters and single operations; every layer is written here.
ALLOWED_NN = {"Module", "ModuleList", "Parameter", "Identity", "functional", "init"}
ALLOWED_FUNCTIONAL = {"linear", "embedding", "silu", "gelu", "scaled_dot_product_attention"}
ALLOWED_INIT = {"trunc_normal_"}


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


def test_the_rooms_are_found():
    assert {"attention.py", "adamw.py", "loss.py"} <= {path.name for path in ROOMS}


@pytest.mark.parametrize("path", ROOMS, ids=lambda p: p.stem)
def test_only_single_operations_are_taken_from_torch_nn(path):
    for name in attributes(path):
        owner, _, last = name.rpartition(".")
        allowed = {
            "nn": ALLOWED_NN,
            "torch.nn": ALLOWED_NN,
            "nn.functional": ALLOWED_FUNCTIONAL,
            "nn.init": ALLOWED_INIT,
            "torch.optim": {"Optimizer"},
        }.get(owner)
        assert allowed is None or last in allowed, name


@pytest.mark.parametrize("path", ROOMS, ids=lambda p: p.stem)
def test_nothing_ready_made_is_imported(path):
    allowed = {
        "torch.Tensor",
        "torch.nn",
        "torch.nn.Parameter",
        "torch.optim.Optimizer",
        "torch.autograd.function.once_differentiable",
    }
    assert set(imported(path)) <= allowed
