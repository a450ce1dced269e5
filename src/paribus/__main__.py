"""`python -m paribus` and the command `paribus`."""

import signal
import sys


def main() -> None:
    """Runs the command line and leaves with its exit code."""
    from paribus.cli.main import run

    exit_code = run(sys.argv[1:])
    if hasattr(signal, "SIGTERM"):  # the work is done: a signal may end the clean-up
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    sys.exit(exit_code)


if __name__ == "__main__":
    main()
