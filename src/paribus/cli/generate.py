"""`paribus generate`: text from a run."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from paribus.cli.display import DEVICES, PATH, option_names, say, show_json, show_raw
from paribus.generation.config import MAX_TOKENS, SamplingConfig

if TYPE_CHECKING:
    from paribus.generation.decode import Continuation


@click.command()
@click.argument("run", type=PATH)
@click.option("--prompt", default="", help="Text to continue; a new document by default.")
@click.option(
    "--max-tokens", type=int, default=MAX_TOKENS, show_default=True,
    help="Maximum number of tokens to generate.",
)  # fmt: skip
@click.option(
    "--temperature", type=float, default=SamplingConfig.temperature, show_default=True,
    help="Below 1: safer text; above 1: more varied; 0: always the likeliest token.",
)  # fmt: skip
@click.option("--top-k", type=int, help="Draw only from the K likeliest tokens.")
@click.option(
    "--top-p", type=float,
    help="Draw only from the likeliest tokens that together reach this probability.",
)  # fmt: skip
@click.option(
    "--min-p", type=float,
    help="Draw only from tokens with at least this share of the likeliest token's probability.",
)  # fmt: skip
@click.option("--stop", multiple=True, help="Stop before this text; repeatable.")
@click.option(
    "--seed", type=click.IntRange(0, 2**63 - 1), metavar="N", default=0, show_default=True,
    help="The same seed gives the same text.",
)  # fmt: skip
@click.option(
    "--device", type=DEVICES, default="auto", show_default=True, help="Device to compute on."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end.")
def generate(run: Path, prompt: str, device: str, as_json: bool, **options: Any) -> None:
    """Continue a text with the best checkpoint of a run.

    Prints the prompt and its continuation as it is made; the text ends by itself, at --stop, after
    --max-tokens, or when the model's context is full.

    \b
    Examples:
      paribus generate runs/quickstart --prompt "Once upon a time"
      paribus generate runs/quickstart --temperature 0 --stop "." --json
    """
    from paribus.checkpoint import open_run
    from paribus.device import find_device
    from paribus.generation.decode import generate as continuation_of

    names = ("temperature", "top_k", "top_p", "min_p")
    with option_names():
        sampling = SamplingConfig(**{name: options.pop(name) for name in names})
        device = find_device(device)
    opened = open_run(run, device=device)
    with option_names():
        continuation = continuation_of(
            opened.model, opened.tokenizer, prompt, sampling=sampling, **options
        )
    text = _follow(run, continuation, "" if as_json else prompt, is_shown=not as_json)
    if as_json:
        record = {"prompt": prompt, "text": text, "finish": continuation.finish}
        record |= {"tokens": continuation.n_tokens, "seed": options["seed"], "step": opened.step}
        show_json(record)
    if continuation.finish == "context":
        limit = opened.experiment.model.context_length
        say(f"note: the context of {limit} tokens (model.context_length) is full")


def _follow(run: Path, continuation: "Continuation", prompt: str, is_shown: bool) -> str:
    """Takes piece after piece, shown as it comes; raises StoppedError after a signal."""
    from paribus.interrupts import stop_flag

    pieces: list[str] = []
    with stop_flag() as flag:
        if is_shown:
            _write(prompt)
        for piece in continuation:
            pieces.append(piece)
            if is_shown:
                _write(piece)
            if flag:
                break
        if is_shown:
            _write("\n")
        if flag:
            raise flag.error(f"{run}: stopped after {continuation.n_tokens} tokens")
    return "".join(pieces)


def _write(text: str) -> None:
    """Prints `text` at once, as UTF-8 whatever the terminal's encoding."""
    show_raw(text.encode("utf-8", "surrogateescape"))
