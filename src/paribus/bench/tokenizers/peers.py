"""The libraries that encode and decode: one row each, with the routes that a user may take.

The result of a route is turned into ids outside the measured time. Only its own row imports a
library, so a missing library costs one line of output.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from paribus.bench.library import Library
from paribus.bench.rows import NAIVE, OURS
from paribus.bench.tokenizers.material import Material, Sample
from paribus.data.token_file import encode_file
from paribus.tokenizer import ranks
from paribus.tokenizer.reference_encoder import ReferenceEncoder
from paribus.tokenizer.tokenizer import Tokenizer


@dataclass(frozen=True)
class Ids:
    """The ids of a text in the forms that libraries decode."""

    array: np.ndarray
    """In the narrowest integer type, as our tokenizer returns them."""
    wide: np.ndarray
    """The same in 32 bits."""
    row: list[int]


Encode = Callable[[Sample], Any]
Decode = Callable[[Ids], str | None]
Write = Callable[[Path, Path], object]


@dataclass(frozen=True)
class Routes:
    """A loaded tokenizer: its ways from a text to ids and back."""

    encode: Mapping[str, Encode]
    decode: Mapping[str, Decode] = field(default_factory=dict)
    write: Mapping[str, Write] = field(default_factory=dict)
    """The library's own way from a text file to a file of ids, if it has one."""


@dataclass(frozen=True)
class Peer(Library):
    """A library that encodes, and how it loads a vocabulary."""

    load: Callable[[Material], Routes]
    memory: int = 25
    """Bytes of memory it may need per byte of text, so that it gets no more text than fits.
    Libraries that return lists of Python integers take 10 to 21."""


def ids_of(result: Any) -> np.ndarray:
    """The ids in what a route gave."""
    result = getattr(result, "ids", result)
    if hasattr(result, "layout"):  # an array of awkward, one row a text
        awkward = import_module("awkward")
        result = awkward.flatten(result)
    if isinstance(result, tuple):  # ids, and where each text begins
        result = result[0]
    return np.asarray(result)


def _naive(material: Material) -> Routes:
    encoder = ReferenceEncoder(material.vocabulary)
    return Routes(
        {"": lambda sample: encoder.encode(sample.data, allow_special=True)},
        {"": lambda ids: encoder.decode(ids.array).decode("utf-8", "replace")},
    )


def _ours(material: Material) -> Routes:
    tokenizer = Tokenizer(material.vocabulary)

    def encode(threads: int) -> Encode:
        return lambda sample: tokenizer.encode(sample.data, allow_special=True, threads=threads)

    def write(threads: int) -> Write:
        return lambda text, out: encode_file(
            text, tokenizer, out, allow_special=True, threads=threads, replaces=True
        )

    decode = tokenizer.decode
    return Routes(
        {"": encode(1), "2 threads": encode(2)},
        {"array": lambda ids: decode(ids.array), "list": lambda ids: decode(ids.row)},
        {"": write(1), "2 threads": write(2)},
    )


def _gigatoken(material: Material) -> Routes:
    gigatoken = import_module("gigatoken")

    theirs = gigatoken.Tokenizer.from_json(material.tokenizer_json)
    return Routes(
        {
            "encode_batch": lambda sample: theirs.encode_batch([sample.data], parallel=False),
            "encode_files": lambda sample: theirs.encode_files([sample.path], parallel=False),
            "encode": lambda sample: theirs.encode(sample.data),
        },
        {
            "array": lambda ids: theirs.decode(ids.wide).decode("utf-8", "replace"),
            "list": lambda ids: theirs.decode(ids.row).decode("utf-8", "replace"),
        },
    )


def _snaptokens(material: Material) -> Routes:
    snaptokens = import_module("snaptokens")

    theirs = snaptokens.Tokenizer.from_json_str(material.tokenizer_json)
    return Routes({"": lambda sample: theirs.encode(sample.text).ids})


def _fastokens(material: Material) -> Routes:
    fastokens = import_module("fastokens")

    theirs = fastokens.Tokenizer.from_json_str(material.tokenizer_json)
    return Routes({"": lambda sample: theirs.encode(sample.text).ids})


def _tokie(material: Material) -> Routes:
    tokie = import_module("tokie")

    theirs = tokie.Tokenizer.from_json(str(material.tokenizer_file))
    return Routes(
        {"": lambda sample: theirs.encode(sample.text, add_special_tokens=False).ids},
        {"list": lambda ids: theirs.decode(ids.row)},
    )


def _splintr(material: Material) -> Routes:
    splintr = import_module("splintr")

    lines = ranks.as_bytes(material.vocabulary)
    theirs = splintr.Tokenizer.from_bytes(lines, material.expression, material.special_ids)
    return Routes(
        {"": lambda sample: theirs.encode_with_special(sample.text)},
        {"list": lambda ids: theirs.decode_lossy(ids.row)},
    )


def _tiktoken(material: Material) -> Routes:
    tiktoken = import_module("tiktoken")

    theirs = tiktoken.Encoding(
        "measured",
        pat_str=material.expression,
        mergeable_ranks=material.vocabulary.ids,
        special_tokens=material.special_ids,
    )
    return Routes(
        {"": lambda sample: theirs.encode(sample.text, allowed_special="all")},
        {"list": lambda ids: theirs.decode(ids.row)},
    )


def _tokenizers(material: Material) -> Routes:
    tokenizers = import_module("tokenizers")

    theirs = tokenizers.Tokenizer.from_str(material.tokenizer_json)
    return Routes(
        {"": lambda sample: theirs.encode(sample.text, add_special_tokens=False).ids},
        {"list": lambda ids: theirs.decode(ids.row, skip_special_tokens=False)},
    )


PEERS = {
    NAIVE: Peer("paribus", _naive),
    OURS: Peer("paribus", _ours, memory=4),
    "gigatoken": Peer("gigatoken", _gigatoken, memory=8),
    "snaptokens": Peer("snaptokens", _snaptokens),
    "fastokens": Peer("fastokens", _fastokens),
    "tokie": Peer("tokie", _tokie),
    "splintr": Peer("splintr-rs", _splintr),
    "tiktoken": Peer("tiktoken", _tiktoken),
    "tokenizers": Peer("tokenizers", _tokenizers),
}
"""In the order of the tables: first the naive one, the base of all speed-ups."""
