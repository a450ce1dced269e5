"""One flag that SIGINT, SIGTERM and SIGUSR1 set, and that every long loop looks at."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from paribus.errors import StoppedError
from paribus.files import STOP_SIGNALS


class StopFlag:
    """The first stop signal that has arrived, or None; a second one ends the process at once."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def receive(self, number: int, frame: FrameType | None = None) -> None:
        """Takes a signal; the second does not wait for anything."""
        if self.signal is not None:
            os._exit(STOP_SIGNALS[number])
        self.signal = number

    def __bool__(self) -> bool:
        return self.signal is not None

    def error(self, message: str) -> StoppedError:
        """The error that ends the command with the exit code of the signal."""
        assert self.signal is not None
        name = signal.Signals(self.signal).name
        return StoppedError(f"{message} ({name})", STOP_SIGNALS[self.signal])


@contextlib.contextmanager
def stop_flag() -> Iterator[StopFlag]:
    """Catches the stop signals while it is open; outside of the main thread it catches nothing."""
    flag = StopFlag()
    if threading.current_thread() is not threading.main_thread():
        yield flag
        return
    before = {number: signal.signal(number, flag.receive) for number in STOP_SIGNALS}
    try:
        yield flag
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
