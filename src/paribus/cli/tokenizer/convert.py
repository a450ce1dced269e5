"""`paribus tokenizer convert`: a tokenizer in the files of another library."""

from pathlib import Path

import click

from paribus.cli.display import PATH, say
from paribus.cli.tokenizer.source import read_vocabulary, tokenizer_argument


@click.command()
@tokenizer_argument
@click.argument("file", type=PATH)
def convert(tokenizer_path: Path, pattern: str | None, file: Path) -> None:
    """Write TOKENIZER as FILE: tiktoken ranks if it ends in .tiktoken, else a folder.

    The folder holds tokenizer.json and GPT-2's vocab.json and merges.txt. A rank file holds neither
    the pattern nor the special tokens; a tokenizer that tiktoken would encode differently is
    refused.

    \b
    Examples:
      paribus tokenizer convert tokenizers/stories stories.tiktoken
      paribus tokenizer convert stories.tiktoken tokenizers/again --pattern gpt2
      paribus tokenizer convert gpt2/vocab.json tokenizers/gpt2
    """
    from paribus.files import check_absent, check_unused
    from paribus.tokenizer import formats, ranks

    is_ranks = formats.is_ranks_file(file)
    (check_absent if is_ranks else check_unused)(file)
    vocabulary = read_vocabulary(tokenizer_path, pattern)
    formats.write(vocabulary, file)
    if not is_ranks:
        say(f"{file}: {vocabulary.size} ids")
        return
    say(f"{file}: {len(vocabulary.ids)} ids, to be read with the pattern {vocabulary.pattern}")
    if n := len(vocabulary.special_tokens):
        texts = " ".join(repr(text[:80]) for _, text in vocabulary.special_tokens[:3])
        has_gaps = bool(ranks.specials_below_others(vocabulary))
        gaps = ". Without their ids Paribus cannot read this file: keep the folder" * has_gaps
        say(
            f"warning: {file}: left out {n} special token{'s' * (n > 1)} ({texts}), which tiktoken "
            f"takes as an argument{gaps}"
        )
