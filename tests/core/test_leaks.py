"""Nothing is printed at exit about objects that others keep, and no call of the core leaks one."""

import subprocess
import sys

import pytest

pytest.importorskip("paribus._core", reason="installed without the C++ core")

MAKE_ENCODER = """
import paribus._core as core
def make():
    tokens = [*(bytes([byte]) for byte in range(256)), b"aa", b"<|s|>"]
    return core.Encoder([*range(256)], [(97, 97, 256)], [(257, b"<|s|>")], tokens, "gpt2")
"""

KEPT_AT_EXIT = {
    "by a callback of the garbage collector": """
import gc
encoder = make()
gc.callbacks.append(lambda phase, info, kept=encoder: None)
""",
    "by a daemon thread": """
import threading
ready = threading.Event()
def wait(encoder):
    ready.set()
    threading.Event().wait()
threading.Thread(target=wait, args=(make(),), daemon=True).start()
ready.wait()
""",
    "by a reference too many": """
import ctypes
ctypes.pythonapi.Py_IncRef(ctypes.py_object(make()))
""",
}

EVERY_CALL = """
import numpy as np
encoder = make()
encoder.encode(b"aaa <|s|>", True, 2)
encoder.encode_many([b"aa", b"", b"b" * 5000], False, 2)
encoder.settled_length(b"aaa b", True)
encoder.decode([97])
for dtype in (np.uint16, np.uint32, np.int32, np.int64):
    encoder.decode(np.array([256, 97], dtype))
core.split(b"a b", "gpt2")
def options(**changes):
    return dict(pattern="gpt2", specials=[b"<|s|>"], n_merges=2, byte_ids=[*range(256)],
                first_merge_id=256, ties="hf", threads=2) | changes
core.train([b"aab aab"], **options(progress=lambda stage, done, total: None))
def fails(call):
    try:
        call()
    except Exception:
        return
    raise AssertionError("expected an error")
def stop(stage, done, total):
    raise LookupError(stage, encoder)
def broken_blocks():
    yield b"aa"
    raise LookupError(encoder)
fails(lambda: encoder.decode([9999]))
fails(lambda: encoder.decode(["a"]))
fails(lambda: encoder.decode(np.array([9999])))
fails(lambda: encoder.encode("text", False, 1))
fails(lambda: encoder.encode_many([b"a", None], False, 1))
fails(lambda: core.Encoder([1], [], [], [], "gpt2"))
fails(lambda: core.split(b"a", "unknown"))
fails(lambda: core.train([b"aab"], **options(progress=stop)))
fails(lambda: core.train(broken_blocks(), **options()))
fails(lambda: core.train([b"aab"], **options(memory=(1, "."))))
class Cycle:
    pass
cycle = Cycle()
cycle.itself, cycle.encoder, cycle.decode = cycle, encoder, encoder.decode
"""


def said_at_exit(*code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", "".join(code)], capture_output=True, encoding="utf-8", timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("kept", KEPT_AT_EXIT.values(), ids=KEPT_AT_EXIT)
def test_an_encoder_that_is_kept_until_exit_prints_nothing(kept: str):
    assert said_at_exit(MAKE_ENCODER, kept) == ""


@pytest.mark.parametrize("kept", KEPT_AT_EXIT.values(), ids=KEPT_AT_EXIT)
def test_the_report_finds_an_encoder_that_is_kept(kept: str):
    said = said_at_exit(MAKE_ENCODER, "core.set_leak_warnings(True)\n", kept)
    assert "leaked" in said and "Encoder" in said


def test_no_call_and_no_error_leaks():
    assert said_at_exit(MAKE_ENCODER, "core.set_leak_warnings(True)\n", EVERY_CALL) == ""


def test_an_error_in_a_backward_pass_ends_without_a_report():
    pytest.importorskip("torch")
    code = """
import torch
class Broken(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 1
    @staticmethod
    def backward(ctx, gradient):
        kept = encoder
        raise ValueError("broken")
encoder = make()
try:
    Broken.apply(torch.ones(1, requires_grad=True)).backward()
except ValueError:
    pass
"""
    assert said_at_exit(MAKE_ENCODER, code) == ""
