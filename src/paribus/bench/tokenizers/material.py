"""What is measured: a text in a file, and one vocabulary in the forms that libraries read."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from paribus.bench.tokenizers.growing_text import growing_text
from paribus.files import publish_file, read_bytes
from paribus.sample_text import fables, pydocs
from paribus.tokenizer import formats, huggingface, ranks
from paribus.tokenizer.patterns import EXPRESSIONS, OTHER_SPELLINGS
from paribus.tokenizer.train import train
from paribus.tokenizer.vocabulary import END_OF_TEXT, Vocabulary

SAMPLE_BYTES = 4 << 20
"""Size of each kind of built-in text."""
TRAINED_SIZE = 8192
"""Size of the vocabulary that is trained if none is at hand."""
RANKS_URL = "https://openaipublic.blob.core.windows.net/encodings/r50k_base.tiktoken"
"""tiktoken caches this file under the SHA-1 of its address; only that cache is read here."""


@dataclass(frozen=True)
class Sample:
    """A text, on disk and in memory."""

    path: Path
    folder: Path
    """Where parts of it may be written."""

    @cached_property
    def data(self) -> bytes:
        """The text as it lies on disk."""
        return read_bytes(self.path)

    @cached_property
    def text(self) -> str:
        """The text for libraries that take no bytes."""
        return self.data.decode("utf-8", "replace")

    def first(self, n_bytes: int) -> "Sample":
        """Its beginning, cut between two characters, as a file."""
        if n_bytes >= len(self.data):
            return self
        part = self.data[:n_bytes].decode("utf-8", "ignore").encode()
        path = self.folder / f"{self.path.stem}.first-{len(part)}.txt"
        if not path.exists():
            publish_file(path, part)
        return Sample(path, self.folder)


@dataclass(frozen=True)
class Material:
    """One vocabulary, as each library wants it."""

    vocabulary: Vocabulary
    folder: Path
    """For files that a library reads by name."""

    @cached_property
    def tokenizer_json(self) -> str:
        """Hugging Face's file, with the pattern spelled as in most files, since fast libraries know
        only these spellings. A library that splits text differently has other ids, and no time."""
        content = huggingface.as_json(self.vocabulary)
        if self.vocabulary.pattern == "gpt2":
            content["pre_tokenizer"] = {
                "type": "ByteLevel",
                "add_prefix_space": False,
                "trim_offsets": True,
                "use_regex": True,
            }
        else:
            spelling = OTHER_SPELLINGS[self.vocabulary.pattern]
            content["pre_tokenizer"]["pretokenizers"][0]["pattern"] = {"Regex": spelling}
        return json.dumps(content)

    @property
    def tokenizer_file(self) -> Path:
        """The same as a file."""
        path = self.folder / "tokenizer.json"
        if not path.exists():
            publish_file(path, self.tokenizer_json.encode())
        return path

    @property
    def special_ids(self) -> dict[str, int]:
        """The ids of special tokens by their texts."""
        return {text: i for i, text in self.vocabulary.special_tokens}

    @property
    def expression(self) -> str:
        """The pattern as a regular expression."""
        return EXPRESSIONS[self.vocabulary.pattern]


def sample_in(folder: Path, text: Path | None, n_bytes: int | None = None) -> Sample:
    """`text`, or the built-in one, grown to `n_bytes` if given; all files derived from it are
    written to `folder`."""
    if text and not n_bytes:
        return Sample(text, folder)
    source = (
        read_bytes(text) if text else pydocs.gather(SAMPLE_BYTES) + fables.generate(SAMPLE_BYTES)
    )
    path = folder / (f"{text.stem if text else 'built-in'}{f'-{n_bytes}' if n_bytes else ''}.txt")
    publish_file(path, _grown(source, n_bytes) if n_bytes else source)
    return Sample(path, folder)


def _grown(source: bytes, n_bytes: int) -> bytes:
    """At most `n_bytes`, ending with a whole character, because some libraries insist on it."""
    return b"".join(growing_text(n_bytes, 0, source)).decode("utf-8", "ignore").encode()


def material_in(
    folder: Path, tokenizer: Path | None, sample: Sample, pattern: str
) -> tuple[Material, str]:
    """The vocabulary to measure with, its pattern replaced by `pattern`, and its origin."""
    vocabulary, origin = _vocabulary(tokenizer, sample, pattern)
    return Material(replace(vocabulary, pattern=pattern), folder), origin


def _vocabulary(tokenizer: Path | None, sample: Sample, pattern: str) -> tuple[Vocabulary, str]:
    if tokenizer:
        return formats.read_with_default(tokenizer, pattern), str(tokenizer)
    for path in _gpt2_files():
        if path.suffix == ".json":
            return formats.read_with_default(path, "gpt2"), "GPT-2"
        specials = [(50256, END_OF_TEXT)]
        return ranks.from_bytes(read_bytes(path), specials=specials), "GPT-2"
    report = train([sample.data], vocab_size=TRAINED_SIZE)
    return report.vocabulary, f"trained on the text, {report.vocabulary.size} tokens"


def _gpt2_files() -> Iterator[Path]:
    """Files of GPT-2's vocabulary found on this machine."""
    folder = os.environ.get("PARIBUS_GPT2")
    for name in ("gpt2_vocab.json", "vocab.json"):
        if folder and (Path(folder) / name).is_file():
            yield Path(folder) / name
    cache = os.environ.get(
        "TIKTOKEN_CACHE_DIR", str(Path(tempfile.gettempdir()) / "data-gym-cache")
    )
    cached = Path(cache) / hashlib.sha1(RANKS_URL.encode()).hexdigest()
    if cached.is_file():
        yield cached
