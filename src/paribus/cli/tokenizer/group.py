"""`paribus tokenizer`: the group of its commands."""

import click

from paribus.cli.tokenizer.convert import convert
from paribus.cli.tokenizer.encode import decode, encode
from paribus.cli.tokenizer.insight import compare, explain, stats
from paribus.cli.tokenizer.profile import profile
from paribus.cli.tokenizer.train import train


@click.group(commands=[train, encode, decode, explain, stats, compare, profile, convert])
def tokenizer() -> None:
    """Train a tokenizer, encode text to ids, decode ids to text.

    \b
    Example:
      paribus tokenizer train stories.txt --vocab-size 10000 --out tokenizers/stories
    """
