"""`paribus tokenizer encode` and `decode`."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from paribus.cli.display import PATH, say, show_raw
from paribus.cli.tokenizer.source import load_tokenizer, tokenizer_argument


@click.command()
@tokenizer_argument
@click.argument("file")
@click.option("--out", type=PATH, help="Write a .npy file instead; must not exist.")
@click.option("--allow-special", is_flag=True, help="Encode special tokens in the text as such.")
def encode(
    tokenizer_path: Path, pattern: str | None, file: str, out: Path | None, allow_special: bool
) -> None:
    """Print the ids of a text, separated by spaces. FILE may be - for standard input.

    \b
    Examples:
      echo "Once upon a time" | paribus tokenizer encode tokenizers/stories -
      paribus tokenizer encode tokenizers/stories story.txt --out story.npy
    """
    from paribus.files import check_absent

    if out is not None:
        check_absent(out)
    loaded = load_tokenizer(tokenizer_path, pattern)
    if out is None:
        _print_ids(loaded.encode_iterable(_blocks(file), allow_special=allow_special))
        return
    from paribus.data.token_file import encode_file

    n_ids = encode_file(file, loaded, out, allow_special=allow_special)
    say(f"{out}: {n_ids} ids")


@click.command()
@tokenizer_argument
@click.argument("file")
def decode(tokenizer_path: Path, pattern: str | None, file: str) -> None:
    """Print the text of ids: numbers separated by white space, or a .npy file.

    \b
    Example:
      echo "Hello" | paribus tokenizer encode TOKENIZER - | paribus tokenizer decode TOKENIZER -
    """
    loaded = load_tokenizer(tokenizer_path, pattern)
    show_raw(loaded.decode_bytes(_read_ids(file)))


def _blocks(file: str) -> Iterator[bytes]:
    from paribus.data.streams import read_blocks

    yield from read_blocks(file, binary=True)  # what the user names is encoded as it is


def _print_ids(ids: Iterator[int]) -> None:
    separator = ""
    for id_ in ids:
        sys.stdout.write(f"{separator}{id_}")
        separator = " "
    sys.stdout.write("\n" if separator else "")


def _read_ids(file: str) -> Any:
    import numpy as np

    from paribus.data.npy import npy_ids
    from paribus.errors import DataError

    data = b"".join(_blocks(file))
    if data.startswith(b"\x93NUMPY"):
        return npy_ids(data, file)
    words = data.split()
    wrong = next((word for word in words if not re.fullmatch(rb"-?[0-9]{1,18}", word)), None)
    if wrong is not None:
        found = wrong[:40].decode("utf-8", "backslashreplace")
        raise DataError(f"{file}: expected ids separated by white space, found {found!r}")
    return np.array(list(map(int, words)), np.int64)
