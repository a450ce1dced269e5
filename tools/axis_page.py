"""Numbers and figures of docs/ablation-axes.md: `python tools/axis_page.py` writes them again.

A block of the page begins with a comment that says what stands in it. `<!-- costs A B -->`: one row
for each word, which is an override, several joined by "+", or `model.ffn=*` for every choice of a
key. `<!-- first line of: paribus … -->`: the first line that a command prints. It ends with
`<!-- end -->`.
"""

import re
from pathlib import Path
from typing import get_args, get_type_hints

from click.testing import CliRunner

from axis_figures import FIGURES, FOLDER, svg
from paribus.cli.accounting import account
from paribus.cli.main import paribus
from paribus.experiment import load_experiment
from paribus.model.config import ModelConfig

PAGE = Path(__file__).parents[1] / "docs" / "ablation-axes.md"
BLOCK = re.compile(r"(<!-- (costs|first line of:)(.*?) ?-->\n)(.*?)(\n<!-- end -->)", re.DOTALL)
BASE = ("base_modern", ["model.vocab_size=50257"])
MIB = 2**20


def filled(page: str) -> str:
    """The page with the content of its blocks computed again."""
    makers = {"costs": cost_table, "first line of:": first_line}

    def made(found: re.Match[str]) -> str:
        return f"{found[1]}\n{makers[found[2]](found[3].split())}\n{found[5]}"

    return BLOCK.sub(made, page)


def cost_table(rows: list[str]) -> str:
    """The extra cost of each row of overrides; without rows, the cost of the base itself."""
    lines = [
        "| setting | parameters | FLOPs, forward | peak memory, training |",
        "|---|---|---|---|",
    ]
    base = costs([])
    if not rows:
        n, flops, memory = base
        lines.append(f"| `base_modern` | {n:,} | {flops / 1e6:,.1f} M | {memory / MIB:,.1f} MiB |")
    for row in (choice for given in rows for choice in expanded(given)):
        n, flops, memory = (a - b for a, b in zip(costs(row.split("+")), base, strict=True))
        cells = (signed(n), signed(flops / 1e6, ".1f", " M"), signed(memory / MIB, ".1f", " MiB"))
        names = " ".join(f"`{override}`" for override in row.split("+"))
        lines.append(f"| {names} | {' | '.join(cells)} |")
    return "\n".join(lines)


def expanded(row: str) -> list[str]:
    """The row, or one for each choice of a key of the model if its value is `*`."""
    key, _, value = row.partition("=")
    if value != "*":
        return [row]
    choices = get_type_hints(ModelConfig)[key.removeprefix("model.")]
    return [f"{key}={choice}" for choice in get_args(choices)]


def costs(overrides: list[str]) -> tuple[int, int, int]:
    """Parameters, FLOPs of one sequence forward, bytes of a training step."""
    name, given = BASE
    record = account(load_experiment(name, [*given, *overrides]))
    return record["parameters"]["total"], record["flops"]["forward"], record["memory"]["peak"]


def signed(number: float, form: str = "", unit: str = "") -> str:
    return f"{number:+,{form}}{unit}" if number else "same"


def first_line(words: list[str]) -> str:
    """A command and the first line that it prints."""
    done = CliRunner().invoke(paribus, words[1:], catch_exceptions=False)
    return f"```\n$ {' '.join(words)}\n{done.stdout.splitlines()[0]}\n```"


def main() -> None:
    """Writes the blocks of the page, and every figure."""
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in FOLDER.glob("*.svg"):
        path.unlink()
    for name in FIGURES:
        (FOLDER / f"{name}.svg").write_text(svg(name), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
