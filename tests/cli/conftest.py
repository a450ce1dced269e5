"""The command line, called in this process."""

import logging
import signal
import warnings
from dataclasses import dataclass

import pytest

from paribus.cli import main
from paribus.files import STOP_SIGNALS


@dataclass(frozen=True)
class Done:
    """What a command gave: exit code, standard output, standard error."""

    code: int
    out: str
    err: str


@pytest.fixture
def cli(capsys, monkeypatch):
    """Runs `paribus` with arguments; what the command sets for its process is set back."""
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    logger = logging.getLogger("paribus")
    handlers, propagate = logger.handlers, logger.propagate
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}

    def call(*arguments):
        capsys.readouterr()
        code = main.run([str(argument) for argument in arguments])
        shown = capsys.readouterr()
        return Done(code, shown.out, shown.err)

    yield call
    logger.handlers, logger.propagate = handlers, propagate
    for number, handler in before.items():
        signal.signal(number, handler)
