"""`python -m paribus` and the command `paribus`."""

import os
import signal
import sys


def main() -> None:
    """Runs the command line and leaves with its exit code."""
    _end_at_once_on_signals()  # nothing is there yet that could be lost
    from paribus.cli.main import run

    exit_code = run(sys.argv[1:])
    _end_at_once_on_signals()  # the work is done: they may end the clean-up
    _let_go_of_streams()
    sys.exit(exit_code)


def _let_go_of_streams() -> None:
    """Writes out what is buffered; what nobody can take is dropped.

    Python flushes at its end too, and where that fails, as with a reader that has left, it prints
    "Exception ignored" and exits with 120, whatever the exit code was.
    """
    for descriptor, stream in ((1, sys.stdout), (2, sys.stderr)):
        try:
            stream.flush()
        except (OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


def _end_at_once_on_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end_at_once)


def _end_at_once(number: int, frame: object) -> None:
    os.write(2, f"error: stopped ({signal.Signals(number).name})\n".encode())
    os._exit(128 + number)


if __name__ == "__main__":
    main()
