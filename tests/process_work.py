"""Work for the children of tests/test_processes.py; imports little, so that they start quickly."""

import ctypes
import os
import subprocess
import sys
import time
from pathlib import Path


def kill_oneself(number: int) -> None:
    os.kill(os.getpid(), number)


def read_null() -> None:
    ctypes.string_at(0)


def print_and_raise() -> None:
    print("on standard output")
    print("on standard error", file=sys.stderr)
    os.write(1, b"by the descriptor\n")
    raise ValueError("first line\nsecond line")


def print_much() -> str:
    sys.stdout.write("x" * 3_000_000 + "the end")
    return "done"


def fill(n_bytes: int) -> int:
    import numpy as np

    block = np.ones(n_bytes, np.uint8)
    return int(block[-1])


def variables(*names: str) -> list[str | None]:
    return [os.environ.get(name) for name in names]


def start_another(path: Path, forked: bool = False, then_exit: bool = False) -> int:
    """Starts a process that would sleep for minutes; it holds what a child passes on."""
    if forked:
        pid = os.fork()
        if pid == 0:
            time.sleep(600)
            os._exit(0)
    else:
        pid = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid
    path.write_text(str(pid), encoding="utf-8")
    if then_exit:
        os._exit(4)
    return pid


def start_another_and_sleep(path: Path) -> None:
    start_another(path)
    time.sleep(600)


class Unpicklable(Exception):
    def __init__(self, first: str, second: str):
        super().__init__(first)


def raise_unpicklable() -> None:
    raise Unpicklable("cannot be", "rebuilt")
