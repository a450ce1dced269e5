"""`paribus tokenizer profile`: where the time of training and encoding goes."""

from collections.abc import Iterable
from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from paribus.cli.display import show, show_json
from paribus.tokenizer.limits import MAX_VOCAB_SIZE

if TYPE_CHECKING:
    from paribus.tokenizer.profile import Part

NAIVE_BYTES = 200_000


@click.command()
@click.argument("file")
@click.option(
    "--vocab-size", type=click.IntRange(257, MAX_VOCAB_SIZE), help="Default: 10000; naive: 500."
)
@click.option(
    "--impl", type=click.Choice(["fast", "naive"]), default="fast", show_default=True,
    help="Stages of the C++ core, or functions of plain Python.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def profile(file: str, vocab_size: int | None, impl: Any, as_json: bool) -> None:
    """Train on FILE and encode it, one thread, and show which part takes how long.

    The naive implementation gets the first 200 kB. FILE may be - for standard input.

    \b
    Example:
      paribus tokenizer profile stories.txt --impl naive
    """
    from paribus.data.streams import read_blocks
    from paribus.tokenizer.profile import profile as profiled

    blocks: Iterable[bytes] = read_blocks(file)
    if impl == "naive":
        blocks = (block[:NAIVE_BYTES] for block in islice(blocks, 1))
    found = profiled(blocks, vocab_size or (500 if impl == "naive" else 10_000), impl)
    if as_json:
        show_json(asdict(found))
        return
    show(f"{file}: {found.n_bytes / 1e6:,.1f} MB, {impl}, one thread")
    for title, parts in (("training", found.training), ("encoding", found.encoding)):
        show(title, *_lines(parts))


def _lines(parts: "tuple[Part, ...]") -> list[str]:
    whole = sum(part.seconds for part in parts) or 1
    return [
        f"  {part.name:<32} {part.seconds:8.3f} s {100 * part.seconds / whole:5.1f} %"
        + (f" {part.calls:12,} calls" if part.calls > 1 else "")
        for part in parts
    ]
