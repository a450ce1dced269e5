"""The C++ core: what it offers, and whether this installation has it."""

import importlib
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    import numpy as np


class Encoder(Protocol):
    """Text to ids and back: the core's encoder, and the reference's in its place."""

    def encode(self, text: bytes, allow_special: bool, threads: int) -> "np.ndarray":
        """The ids of a text."""
        ...

    def encode_many(
        self, texts: list[bytes], allow_special: bool, threads: int
    ) -> "tuple[np.ndarray, np.ndarray]":
        """The ids of all texts in a row, and where each text begins and the last ends."""
        ...

    def settled_length(self, text: bytes, allow_special: bool) -> int:
        """How many bytes at the front of `text` have the same ids whatever follows it."""
        ...

    def decode(self, ids: "list[int] | np.ndarray") -> bytes:
        """The bytes of ids."""
        ...


class CoreEncoder(Encoder, Protocol):
    """The core's encoder, as it is made."""

    def __init__(
        self,
        byte_ids: list[int],
        merges: list[tuple[int, int, int]],
        specials: list[tuple[int, bytes]],
        tokens: list[bytes],
        pattern: str,
    ) -> None: ...


class Core(Protocol):
    """`paribus._core`, as `cpp/bindings/module.cpp` defines it."""

    Encoder: type[CoreEncoder]
    CoreError: type[Exception]
    """Data that contradicts itself."""
    MemoryLimit: type[Exception]
    """A limit that does not suffice; its text is the bytes that do."""

    def split(self, text: bytes, pattern: str) -> "np.ndarray":
        """The ends of the pretokens of a text."""
        ...

    def train(  # noqa: PLR0913  as it is bound
        self,
        blocks: Iterable[bytes],
        *,
        pattern: str,
        specials: Sequence[bytes],
        n_merges: int,
        byte_ids: Sequence[int],
        first_merge_id: int,
        ties: str,
        threads: int,
        max_token_length: int | None = None,
        memory: tuple[int, str] | None = None,
        progress: Callable[[str, int, int | None], None] | None = None,
    ) -> tuple[list[tuple[bytes, bytes]], int, int, bool]:
        """Merges, number of distinct pretokens, number of bytes, whether the pairs ran out.

        `memory` is a limit in bytes and a folder for counts that do not fit in it. Without it,
        and without `max_token_length`, there is no limit. The total passed to `progress` is None
        while it is unknown.
        """
        ...

    def set_leak_warnings(self, enabled: bool) -> None:
        """Whether objects of the core that are alive at exit are reported on standard error."""
        ...


def load_core() -> Core | None:
    """`paribus._core`, or None with a warning where it was left out of the installation."""
    try:
        return cast(Core, importlib.import_module("paribus._core"))
    except ImportError:
        warnings.warn(
            "no C++ core in this installation: the tokenizer runs on its slow Python reference. "
            "Install Paribus again without PARIBUS_NO_CORE",
            stacklevel=3,
        )
        return None
