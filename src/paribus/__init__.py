"""Paribus: a decoder-only language model from raw bytes, and what each of its parts does."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from paribus.api import Run, load, load_config, quickstart, resume, train, train_or_resume
    from paribus.report.runs import read_runs
    from paribus.tokenizer.tokenizer import Tokenizer
    from paribus.tracking.listener import Listener

__all__ = [
    "Listener",
    "Run",
    "Tokenizer",
    "load",
    "load_config",
    "quickstart",
    "read_runs",
    "resume",
    "train",
    "train_or_resume",
]

_HOMES = {
    "Listener": "paribus.tracking.listener",
    "Tokenizer": "paribus.tokenizer.tokenizer",
    "read_runs": "paribus.report.runs",
}


def __getattr__(name: str) -> Any:
    """Imports what is asked for on its first use, so that `import paribus` is cheap."""
    if name not in __all__:
        raise AttributeError(f"module 'paribus' has no attribute {name!r}")
    return getattr(import_module(_HOMES.get(name, "paribus.api")), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
