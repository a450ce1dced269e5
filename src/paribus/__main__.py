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
    sys.exit(exit_code)


def _end_at_once_on_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end_at_once)


def _end_at_once(number: int, frame: object) -> None:
    os.write(2, f"error: stopped ({signal.Signals(number).name})\n".encode())
    os._exit(128 + number)


if __name__ == "__main__":
    main()
