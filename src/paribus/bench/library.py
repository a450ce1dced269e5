"""Library: one that may be measured, installed or not; and how a bench reports its progress."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from paribus.machine import version

Say = Callable[[str], None]
"""Called with a few words before each piece of work."""


@dataclass(frozen=True)
class Library:
    """A library by its name in the package registry."""

    package: str

    def version(self) -> str | None:
        """The installed version; None if it is not installed."""
        return version(self.package)


def install_hint(libraries: Iterable[Library]) -> str:
    """The line that installs what is missing; empty if nothing is."""
    packages = dict.fromkeys(library.package for library in libraries if not library.version())
    if not packages:
        return ""
    return f"uv pip install {' '.join(packages)}"
