"""Texts for a first run: built in, downloaded, or the user's own files."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from paribus.data.corpus import text_blocks
from paribus.data.download import download_file
from paribus.errors import ConfigError
from paribus.files import publish_file

FABLES_BYTES = 8 << 20
"""Enough stories that a few minutes of training do not repeat them often."""
TOKENIZER_BYTES = 64 << 20
"""Text that the tokenizer is trained on; a small vocabulary does not change beyond it."""


@dataclass(frozen=True)
class Text:
    """Files to train on, and how to begin a sample of them."""

    name: str
    files: tuple[Path | str, ...]
    prompts: tuple[str, ...]
    field: str = "text"
    """Field of JSON lines that holds the text."""

    def blocks(self) -> Iterator[bytes]:
        """The text for the training of a tokenizer, at most TOKENIZER_BYTES."""
        n_bytes = 0
        for block in text_blocks(self.files, field=self.field):
            yield block
            n_bytes += len(block)
            if n_bytes >= TOKENIZER_BYTES:
                return


def own_text(files: Sequence[Path | str], field: str = "text") -> Text:
    """The user's own files, folders and globs."""
    return Text(", ".join(map(str, files)), tuple(files), ("", "The", "One day"), field)


def built_in_text(name: str, workshop: Path) -> Text:
    """A text of this name, written into or downloaded to `workshop`.

    Raises ConfigError for an unknown name, UnavailableError for a download without a network.
    """
    if name == "tinystories":
        path = download_file("tinystories", "TinyStoriesV2-GPT4-valid.txt", workshop)
        return Text(name, (path,), ("Once upon a time", "One day, a little girl", "Tom"))
    if name not in GENERATED:
        known = ", ".join([*GENERATED, "tinystories"])
        raise ConfigError(f"corpus: expected one of {known}, found {name!r}")
    make, prompts = GENERATED[name]
    path = workshop / f"{name}.txt"
    publish_file(path, make())
    return Text(name, (path,), prompts)


def _pydocs() -> bytes:
    from paribus.sample_text.pydocs import gather

    return gather()


def _fables() -> bytes:
    from paribus.sample_text.fables import generate

    return generate(FABLES_BYTES)


GENERATED: dict[str, tuple[Callable[[], bytes], tuple[str, ...]]] = {
    "fables": (_fables, ("Once", "One day", "The")),
    "pydocs": (_pydocs, ("Return the", "This function", "If the file")),
}
"""Name -> what makes the text without a network, and how to begin a sample of it."""
TEXTS = (*GENERATED, "tinystories")
