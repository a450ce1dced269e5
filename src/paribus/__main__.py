"""`python -m paribus` and the command `paribus`."""

import signal
import sys


def main() -> None:
    """Runs the command line and leaves with its exit code."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # no traceback of an import that it breaks off
    from paribus.cli.main import run

    exit_code = run(sys.argv[1:])
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the work is done: it may end the clean-up
    sys.exit(exit_code)


if __name__ == "__main__":
    main()
