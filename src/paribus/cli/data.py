"""`paribus data`: from text to token shards, and what they hold."""

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from paribus.cli.display import PATH, THREADS, StatusLine, option_names, say, show, show_json
from paribus.cli.tokenizer.source import load_tokenizer, tokenizer_option

if TYPE_CHECKING:
    from paribus.data.inspect import Inspection
    from paribus.data.prepare import Progress
    from paribus.data.shards import TokenShards


class Share(click.ParamType):
    """A share of the documents: 1% or 0.01."""

    name = "share"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        try:
            text = str(value).strip()
            share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            share = -1.0
        if not 0 <= share < 1:
            self.fail(f"expected a share from 0 to below 1 such as 1% or 0.01, found {value!r}")
        return share


@click.group()
def data() -> None:
    """Turn text into token shards, and look into them.

    \b
    Example:
      paribus data prepare stories.txt --tokenizer tokenizers/stories --out data/stories
    """


@data.command()
@click.argument("paths", nargs=-1, required=True)
@tokenizer_option
@click.option("--out", type=PATH, required=True, help="Folder to publish; must not exist.")
@click.option(
    "--val", "validation", type=Share(), default="1%", help="Share of documents held out.",
    show_default=True,
)  # fmt: skip
@click.option("--field", default="text", help="Field of JSON lines.", show_default=True)
@click.option(
    "--separator", default="<|endoftext|>", show_default=True,
    help="What stands alone on a line between documents; none: a file is a document.",
)  # fmt: skip
@click.option("--binary", is_flag=True, help="Take the bytes of a known binary format as text.")
@click.option("--threads", type=THREADS, help="Encoding threads; all by default.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def prepare(
    paths: tuple[str, ...], tokenizer_path: Path, pattern: str | None, out: Path, as_json: bool,
    **options: Any,
) -> None:  # fmt: skip
    """Encode documents into token shards with a manifest.

    PATHS are files (txt, md, jsonl, and these with .gz, .bz2, .xz or .zst), folders, patterns, or
    - for standard input. Repeated documents are dropped; validation is chosen by the hash of a
    document.

    \b
    Examples:
      paribus data prepare stories.txt --tokenizer tokenizers/stories --out data/stories
      zcat web.txt.gz | paribus data prepare - --tokenizer tokenizers/web --out data/web --val 2%
    """
    from paribus.data.prepare import prepare
    from paribus.files import check_unused

    check_unused(out)
    tokenizer = load_tokenizer(tokenizer_path, pattern)
    if options["separator"] == "none":
        options["separator"] = None
    with option_names():
        _publish(
            lambda progress: prepare(paths, tokenizer, out, progress=progress, **options),
            out,
            as_json,
        )


@data.command()
@click.argument("folder", type=PATH)
@click.option("--verify", is_flag=True, help="Compare every file with its SHA-256.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def inspect(folder: Path, verify: bool, as_json: bool) -> None:
    """Count documents, tokens and bytes of a token folder.

    \b
    Example:
      paribus data inspect data/stories --verify
    """
    from paribus.data.inspect import inspect

    _show(inspect(folder, verify_content=verify), as_json)


@data.command()
@click.argument("name")
@click.option("--out", type=PATH, required=True, help="Folder for the files.")
def download(name: str, out: Path) -> None:
    """Download tinystories or openwebtext from the Hugging Face hub.

    An interrupted download goes on where it stopped; every file is compared with the SHA-256 that
    the hub names. HF_ENDPOINT names a mirror.

    \b
    Example:
      paribus data download tinystories --out data/raw
    """
    from paribus.data.download import download
    from paribus.interrupts import stop_flag

    line = StatusLine()
    with stop_flag() as flag:

        def report(file: str, done: int, total: int | None) -> None:
            of = f" of {total / 1e6:,.0f}" if total else ""
            line.show(f"{file}: {done / 1e6:,.0f}{of} MB")
            if flag:
                raise flag.error(f"{out}: stopped. Run the same command again to go on")

        try:
            paths = download(name, out, progress=report)
        finally:
            line.end()
    for path in paths:
        show(str(path))


@data.command("import")
@click.argument("file", type=PATH)
@click.option(
    "--dtype", type=click.Choice(["uint16", "uint32"]), default="uint16", show_default=True,
    help="Width of the ids.",
)  # fmt: skip
@tokenizer_option
@click.option("--out", type=PATH, required=True, help="Folder to publish; must not exist.")
@click.option(
    "--val", "validation", type=Share(), default="1%", help="Share of the file's end held out.",
    show_default=True,
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def import_(
    file: Path, tokenizer_path: Path, pattern: str | None, out: Path, as_json: bool, **options: Any
) -> None:
    """Import a raw file of token ids that another tool wrote.

    \b
    Example:
      paribus data import train.bin --dtype uint16 --tokenizer gpt2/ --out data/imported
    """
    from paribus.data.import_bin import import_bin
    from paribus.files import check_unused

    check_unused(out)
    tokenizer, dtype = load_tokenizer(tokenizer_path, pattern), options.pop("dtype")
    _publish(
        lambda progress: import_bin(file, dtype, tokenizer, out, progress=progress, **options),
        out,
        as_json,
    )


def _publish(work: "Callable[[Progress], TokenShards]", out: Path, as_json: bool) -> None:
    """Runs `work` with a status line, says what should be known, prints what was made."""
    from paribus.data.inspect import inspect
    from paribus.interrupts import stop_flag

    line, started = StatusLine(), time.monotonic()
    with stop_flag() as flag:

        def report(n_bytes: int, n_tokens: int) -> None:
            rate = n_bytes / 1e6 / max(time.monotonic() - started, 1e-9)
            line.show(f"{n_bytes / 1e6:,.0f} MB  {n_tokens:,} tokens  {rate:,.0f} MB/s")
            if flag:
                raise flag.error(f"{out}: stopped, nothing was written")

        try:
            shards = work(report)
        finally:
            line.end()
    for note in shards.notes:
        say(f"warning: {note}")
    _show(inspect(out), as_json)


def _show(found: "Inspection", as_json: bool) -> None:
    """Prints one JSON object, or two columns: names and values."""
    if as_json:
        show_json(asdict(found))
        return
    for name, value in asdict(found).items():
        show(f"{name.replace('_', ' '):<24} {'unknown' if value is None else _shown(value)}")


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)
