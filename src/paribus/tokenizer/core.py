"""Whether the C++ core is there, and what stands in for it where it is not."""

import importlib
import warnings
from types import ModuleType


def load_core() -> ModuleType | None:
    """`paribus._core`, or None with a warning where it was left out of the installation."""
    try:
        return importlib.import_module("paribus._core")
    except ImportError:
        warnings.warn(
            "no C++ core in this installation: the tokenizer runs on its slow Python reference. "
            "Install Paribus again without PARIBUS_NO_CORE",
            stacklevel=3,
        )
        return None
