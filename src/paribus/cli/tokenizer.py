"""`paribus tokenizer`: train one, encode and decode with it."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from paribus.cli.byte_size import ByteSize
from paribus.cli.display import PATH, THREADS, option_names
from paribus.cli.tokenizer_convert import convert
from paribus.cli.tokenizer_insight import compare, explain, stats
from paribus.cli.tokenizer_profile import profile
from paribus.cli.tokenizer_progress import TrainingProgress
from paribus.tokenizer.limits import MAX_TOKEN_LENGTH, MAX_VOCAB_SIZE

if TYPE_CHECKING:
    from paribus.tokenizer.train import TrainingReport


@click.group(commands=[explain, stats, compare, profile, convert])
def tokenizer() -> None:
    """Train a tokenizer, encode text to ids, decode ids to text.

    \b
    Example:
      paribus tokenizer train stories.txt --vocab-size 10000 --out tokenizers/stories
    """


@tokenizer.command()
@click.argument("files", nargs=-1, required=True)
@click.option(
    "--vocab-size",
    type=click.IntRange(max=MAX_VOCAB_SIZE),
    required=True,
    help="Ids in all: specials, bytes, merges.",
)
@click.option(
    "--special", "specials", multiple=True, default=("<|endoftext|>",), show_default=True,
    help="A special token; none for none.",
)  # fmt: skip
@click.option(
    "--ties", type=click.Choice(["cs336", "hf"]), default="cs336", show_default=True,
    help="Order of equally frequent pairs, and the layout of the ids.",
)  # fmt: skip
@click.option(
    "--pattern", type=click.Choice(["gpt2", "cl100k", "o200k", "none"]), default="gpt2",
    show_default=True, help="What splits text before merging.",
)  # fmt: skip
@click.option("--threads", type=THREADS, help="Counting threads; all by default.")
@click.option("--max-token-length", type=click.IntRange(1, MAX_TOKEN_LENGTH), help="In bytes.")
@click.option(
    "--max-memory", type=ByteSize(), metavar="SIZE",
    help="Most memory to hold, like 500MB or 1GiB: one thread, counts on disk, the same result.",
)  # fmt: skip
@click.option("--field", default="text", show_default=True, help="Field of JSON lines.")
@click.option(
    "--impl", type=click.Choice(["fast", "naive"]), default="fast", show_default=True,
    help="The C++ core, or plain Python; equal results.",
)  # fmt: skip
@click.option("--out", type=PATH, required=True, help="Folder to publish; must not exist.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def train(
    files: tuple[str, ...], specials: tuple[str, ...], field: str, out: Path, as_json: bool,
    **options: Any,
) -> None:  # fmt: skip
    """Learn a byte-level BPE vocabulary from text.

    FILES are files (txt, md, jsonl, and these with .gz, .zst or .xz), folders, patterns, or - for
    standard input.

    \b
    Examples:
      paribus tokenizer train stories.txt --vocab-size 10000 --out tokenizers/stories
      zcat web.txt.gz | paribus tokenizer train - --vocab-size 32000 --out tokenizers/web
    """
    from paribus.data.corpus import text_blocks
    from paribus.files import check_unused
    from paribus.tokenizer.formats import publish
    from paribus.tokenizer.train import train

    check_unused(out)
    texts = () if specials == ("none",) else specials
    with option_names(), TrainingProgress(files) as progress:
        report = train(
            text_blocks(files, separator=texts[0] if texts else None, field=field),
            specials=texts,
            progress=progress.show,
            **options,
        )
    publish(report.vocabulary, out)
    if report.ran_out:
        click.echo(
            f"warning: the text has no pair left to merge: {report.vocabulary.size} ids instead of "
            f"{options['vocab_size']}",
            err=True,
        )
    click.echo(json.dumps(_summary(report, out)) if as_json else _sentence(report, out))


@tokenizer.command()
@click.argument("tokenizer_path", metavar="TOKENIZER", type=PATH)
@click.argument("file")
@click.option("--out", type=PATH, help="Write a .npy file instead; must not exist.")
@click.option("--allow-special", is_flag=True, help="Special tokens in the text become their ids.")
def encode(tokenizer_path: Path, file: str, out: Path | None, allow_special: bool) -> None:
    """Print the ids of a text, separated by spaces. FILE may be - for standard input.

    \b
    Examples:
      echo "Once upon a time" | paribus tokenizer encode tokenizers/stories -
      paribus tokenizer encode tokenizers/stories story.txt --out story.npy
    """
    from paribus.files import check_absent
    from paribus.tokenizer.tokenizer import Tokenizer

    if out is not None:
        check_absent(out)
    loaded = Tokenizer.from_files(tokenizer_path)
    if out is None:
        _print_ids(loaded.encode_iterable(_blocks(file), allow_special=allow_special))
        return
    from paribus.data.token_file import encode_file

    n_ids = encode_file(file, loaded, out, allow_special=allow_special)
    click.echo(f"{out}: {n_ids} ids", err=True)


@tokenizer.command()
@click.argument("tokenizer_path", metavar="TOKENIZER", type=PATH)
@click.argument("file")
def decode(tokenizer_path: Path, file: str) -> None:
    """Print the text of ids: numbers separated by white space, or a .npy file.

    \b
    Example:
      echo "Hello" | paribus tokenizer encode TOKENIZER - | paribus tokenizer decode TOKENIZER -
    """
    from paribus.tokenizer.tokenizer import Tokenizer

    loaded = Tokenizer.from_files(tokenizer_path)
    sys.stdout.buffer.write(loaded.decode_bytes(_read_ids(file)))


def _blocks(file: str) -> Iterator[bytes]:
    from paribus.data.streams import read_blocks

    yield from read_blocks(file)


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


def _summary(report: "TrainingReport", out: Path) -> dict[str, Any]:
    return {
        "out": str(out),
        "vocab_size": report.vocabulary.size,
        "merges": len(report.vocabulary.merges),
        "distinct_pretokens": report.n_distinct_pretokens,
        "bytes": report.n_bytes,
        "seconds": report.seconds,
        "peak_bytes": report.peak_bytes,
        "ran_out": report.ran_out,
        "hash": report.vocabulary.hash,
    }


def _sentence(report: "TrainingReport", out: Path) -> str:
    peak = f", peak {report.peak_bytes / 1e6:,.0f} MB" if report.peak_bytes else ""
    return (
        f"{out}: {report.vocabulary.size} ids from {report.n_distinct_pretokens:,} distinct "
        f"pretokens of {report.n_bytes / 1e6:,.1f} MB in {report.seconds:.1f} s{peak}"
    )
