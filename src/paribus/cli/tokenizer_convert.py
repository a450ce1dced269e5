"""`paribus tokenizer convert`: a tokenizer in the files of another library."""

from pathlib import Path

import click

from paribus.cli.display import PATH


@click.command()
@click.argument("tokenizer_path", metavar="TOKENIZER", type=PATH)
@click.argument("file", type=PATH)
def convert(tokenizer_path: Path, file: Path) -> None:
    """Write TOKENIZER as FILE, whose ending says how: .tiktoken, else a folder of JSON files.

    A file of ranks holds neither the pattern nor the special tokens; what tiktoken would encode
    otherwise is refused. The folder has GPT-2's vocab.json and merges.txt, and tokenizer.json.

    \b
    Examples:
      paribus tokenizer convert tokenizers/stories stories.tiktoken
      paribus tokenizer convert gpt2/vocab.json tokenizers/gpt2
    """
    from paribus.files import check_unused
    from paribus.tokenizer import formats

    vocabulary = formats.read(tokenizer_path)
    check_unused(file)
    formats.write(vocabulary, file)
    click.echo(f"{file}: {vocabulary.size} ids", err=True)
