"""`paribus tokenizer explain`, `stats`, `compare`: what a vocabulary does, how two differ."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from paribus.cli.display import PATH, option_names, show, show_json
from paribus.cli.tokenizer.source import (
    load_tokenizer,
    pattern_option,
    read_vocabulary,
    tokenizer_argument,
)

if TYPE_CHECKING:
    from paribus.tokenizer.stats import Difference, Explained, TextStats


@click.command()
@tokenizer_argument
@click.argument("text")
def explain(tokenizer_path: Path, pattern: str | None, text: str) -> None:
    """Show how TEXT splits into pretokens, and each merge on the way to its tokens.

    \b
    Example:
      paribus tokenizer explain tokenizers/stories "Once upon a time"
    """
    from paribus.tokenizer.stats import explain as explained

    vocabulary = read_vocabulary(tokenizer_path, pattern)
    for pretoken in explained(vocabulary, text.encode("utf-8", "surrogateescape")):
        show(*_steps(pretoken))


@click.command()
@tokenizer_argument
@click.argument("files", nargs=-1, required=True)
@click.option(
    "--field", default="text", show_default=True, help="Field of JSON lines that holds the text."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def stats(
    tokenizer_path: Path, pattern: str | None, files: tuple[str, ...], field: str, as_json: bool
) -> None:
    """Measure TOKENIZER on the documents of each of FILES.

    Bytes per token, tokens per word (fertility), the longest tokens in use, and tokens that the
    text never uses.

    \b
    Example:
      paribus tokenizer stats tokenizers/stories stories.txt book.txt
    """
    from paribus.data.corpus import documents
    from paribus.tokenizer.stats import text_stats

    loaded = load_tokenizer(tokenizer_path, pattern)
    found = {file: text_stats(loaded, documents([file], field=field)) for file in files}
    if as_json:
        show_json({file: _record(one) for file, one in found.items()})
        return
    for n, (file, one) in enumerate(found.items()):
        show(*[""][: n and 1], *_table(file, one, len(loaded)))


@click.command()
@click.argument("first", type=PATH)
@click.argument("second", type=PATH)
@pattern_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def compare(first: Path, second: Path, pattern: str | None, as_json: bool) -> None:
    """Say which tokens only one of two vocabularies has, and how far their merges agree.

    \b
    Example:
      paribus tokenizer compare tokenizers/stories tokenizers/web
    """
    from paribus.tokenizer import formats
    from paribus.tokenizer.stats import compare as compared

    with option_names():
        mine, theirs = (formats.read_with_default(path, pattern) for path in (first, second))
    difference = compared(mine, theirs)
    if as_json:
        record = {
            "is_equal": mine.hash == theirs.hash,
            "common": difference.n_common,
            "equal_merges": difference.n_equal_merges,
            "only_first": [shown(token) for token in difference.only_first],
            "only_second": [shown(token) for token in difference.only_second],
        }
        show_json(record)
    else:
        show(*_differences(first, second, difference, mine.hash == theirs.hash))


def shown(token: bytes) -> str:
    """A token in quotes on one line; bytes that are no text of their own as \\x escapes."""
    text = token.decode("utf-8", "backslashreplace")
    quote = '"' if "'" in text else "'"
    return quote + "".join(c if c.isprintable() else repr(c)[1:-1] for c in text) + quote


def _steps(explained: "Explained") -> Iterable[str]:
    yield f"pretoken {shown(explained.pretoken)}"
    merges = ["bytes", *(f"merge {rank}" for rank in explained.merges)]
    for merge, step in zip(merges, explained.steps, strict=True):
        yield f"  {merge:<12}{' '.join(map(shown, step))}"
    yield f"  {'ids':<12}{' '.join(map(str, explained.ids))}"


def _record(found: "TextStats") -> dict[str, Any]:
    return {
        "bytes": found.n_bytes,
        "tokens": found.n_tokens,
        "words": found.n_words,
        "bytes_per_token": found.bytes_per_token,
        "fertility": found.fertility,
        "unused_tokens": found.n_unused,
        "longest_used": [shown(token) for token in found.longest_used],
        "longest_unused": [shown(token) for token in found.longest_unused],
    }


def _table(file: str, found: "TextStats", size: int) -> list[str]:
    rows = [
        ("bytes", f"{found.n_bytes:,}"),
        ("tokens", f"{found.n_tokens:,}"),
        ("bytes per token", f"{found.bytes_per_token:.3f}"),
        ("tokens per word", f"{found.fertility:.3f}"),
        ("unused tokens", f"{found.n_unused:,} of {size:,}"),
        ("longest used", " ".join(map(shown, found.longest_used))),
        ("longest unused", " ".join(map(shown, found.longest_unused)) or "none"),
    ]
    return [file, *(f"  {name:<17}{value}" for name, value in rows)]


def _differences(first: Path, second: Path, found: "Difference", is_equal: bool) -> Iterable[str]:
    if is_equal:
        yield "equal: the same ids for every text"
    yield f"{found.n_common:,} tokens in common; the first {found.n_equal_merges:,} merges agree"
    for path, tokens in ((first, found.only_first), (second, found.only_second)):
        examples = " ".join(map(shown, tokens[:10]))
        yield f"only in {path}: {len(tokens):,}{'  ' + examples if tokens else ''}"
