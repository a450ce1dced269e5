"""Library: one that is measured, installed or not; and how a bench says what it does."""

import importlib.metadata
from collections.abc import Callable
from dataclasses import dataclass

Say = Callable[[str], None]
"""Called with a few words before each piece of work."""


@dataclass(frozen=True)
class Library:
    """A library by its name in the package registry."""

    install: str

    def version(self) -> str | None:
        """What is installed; None for nothing."""
        try:
            return importlib.metadata.version(self.install)
        except importlib.metadata.PackageNotFoundError:
            return None
