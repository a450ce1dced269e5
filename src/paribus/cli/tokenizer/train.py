"""`paribus tokenizer train`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from paribus.cli.byte_size import ByteSize
from paribus.cli.display import PATH, THREADS, option_names, say, show, show_json
from paribus.cli.tokenizer.progress import TrainingProgress
from paribus.cli.tokenizer.source import PATTERNS
from paribus.tokenizer.limits import MAX_TOKEN_LENGTH, MAX_VOCAB_SIZE

if TYPE_CHECKING:
    from paribus.tokenizer.train import TrainingReport


@click.command()
@click.argument("files", nargs=-1, required=True)
@click.option(
    "--vocab-size",
    type=click.IntRange(max=MAX_VOCAB_SIZE),
    required=True,
    help="Total number of ids: special tokens, bytes, merges.",
)
@click.option(
    "--special", "specials", multiple=True, default=("<|endoftext|>",), show_default=True,
    help="A special token, repeatable; 'none' for no special tokens.",
)  # fmt: skip
@click.option(
    "--ties", type=click.Choice(["cs336", "hf"]), default="cs336", show_default=True,
    help="Tie rule for equally frequent pairs, and layout of the ids.",
)  # fmt: skip
@click.option(
    "--pattern", type=PATTERNS, default="gpt2", show_default=True,
    help="How text is split before merging.",
)  # fmt: skip
@click.option("--threads", type=THREADS, help="Threads for counting; all cores by default.")
@click.option(
    "--max-token-length",
    type=click.IntRange(1, MAX_TOKEN_LENGTH),
    help="Maximum length of a token in bytes.",
)
@click.option(
    "--max-memory", type=ByteSize(), metavar="SIZE",
    help="Memory limit, such as 500MB or 1GiB: one thread, counts on disk, same result.",
)  # fmt: skip
@click.option("--binary", is_flag=True, help="Take the bytes of a known binary format as text.")
@click.option(
    "--field", default="text", show_default=True, help="Field of JSON lines that holds the text."
)
@click.option(
    "--impl", type=click.Choice(["fast", "naive"]), default="fast", show_default=True,
    help="C++ core or plain Python, with equal results.",
)  # fmt: skip
@click.option("--out", type=PATH, required=True, help="Folder to create; must not exist.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def train(
    files: tuple[str, ...], specials: tuple[str, ...], field: str, binary: bool, out: Path,
    as_json: bool,
    **options: Any,
) -> None:  # fmt: skip
    """Learn a byte-level BPE vocabulary from text.

    FILES can be files (txt, md, jsonl, also compressed as .gz, .zst or .xz), folders, glob
    patterns, or - for standard input.

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
            text_blocks(files, separator=texts[0] if texts else None, field=field, binary=binary),
            specials=texts,
            progress=progress.show,
            **options,
        )
    publish(report.vocabulary, out)
    if report.ran_out:
        say(
            f"warning: the text has no pair left to merge: {report.vocabulary.size} ids instead of "
            f"{options['vocab_size']}"
        )
    show_json(_summary(report, out)) if as_json else show(_sentence(report, out))


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
