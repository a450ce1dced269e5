"""Types and loading of the C++ core."""

import importlib
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    import numpy as np


class Encoder(Protocol):
    """Encodes text to ids and decodes ids; the core and the Python reference each have one."""

    def encode(self, text: bytes, allow_special: bool, threads: int) -> "np.ndarray":
        """The ids of a text."""
        ...

    def encode_many(
        self, texts: list[bytes], allow_special: bool, threads: int
    ) -> "tuple[np.ndarray, np.ndarray]":
        """The ids of all texts, concatenated, and the offset of each text, with the end."""
        ...

    def settled_length(self, text: bytes, allow_special: bool) -> int:
        """The number of leading bytes of `text` whose ids stay the same whatever follows it."""
        ...

    def decode(self, ids: "list[int] | np.ndarray") -> bytes:
        """The bytes that the ids stand for."""
        ...


class CoreEncoder(Encoder, Protocol):
    """The constructor of the core's encoder."""

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
    """Raised for inconsistent data."""
    MemoryLimit: type[Exception]
    """Raised if the memory limit is too low; its text is a number of bytes that is enough."""

    def split(self, text: bytes, pattern: str) -> "np.ndarray":
        """The end offsets of the pretokens of a text."""
        ...

    def train(  # noqa: PLR0913  one for each option of the core
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
        """Report objects of the core that are still alive at exit on standard error, or not."""
        ...


def load_core() -> Core | None:
    """`paribus._core`, or None with a warning if this installation has no core."""
    try:
        return cast(Core, importlib.import_module("paribus._core"))
    except ImportError:
        warnings.warn(
            "no C++ core in this installation: the tokenizer runs on its slow Python reference. "
            "Install Paribus again without PARIBUS_NO_CORE",
            stacklevel=3,
        )
        return None
