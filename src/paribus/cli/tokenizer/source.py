"""Tokenizers as commands take them: a path, and the pattern for files that do not name one."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from paribus.cli.display import PATH, option_names
from paribus.tokenizer.patterns import EXPRESSIONS

if TYPE_CHECKING:
    from paribus.tokenizer.tokenizer import Tokenizer
    from paribus.tokenizer.vocabulary import Vocabulary

PATTERNS = click.Choice(list(EXPRESSIONS))

pattern_option = click.option(
    "--pattern",
    type=PATTERNS,
    help="Pattern of a tokenizer whose files do not name it (vocab.json, *.tiktoken).",
)


def tokenizer_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds TOKENIZER and --pattern to a command."""
    argument = click.argument("tokenizer_path", metavar="TOKENIZER", type=PATH)
    return argument(pattern_option(command))


def tokenizer_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --tokenizer and --pattern to a command."""
    option = click.option(
        "--tokenizer", "tokenizer_path", type=PATH, required=True, help="Tokenizer folder or file."
    )
    return option(pattern_option(command))


def read_vocabulary(path: Path, pattern: str | None) -> "Vocabulary":
    """The vocabulary at `path`; errors about the pattern name the option."""
    from paribus.tokenizer import formats

    with option_names():
        return formats.read(path, pattern=pattern)


def load_tokenizer(path: Path, pattern: str | None) -> "Tokenizer":
    """The tokenizer at `path`; errors about the pattern name the option."""
    from paribus.tokenizer.tokenizer import Tokenizer

    return Tokenizer(read_vocabulary(path, pattern))
