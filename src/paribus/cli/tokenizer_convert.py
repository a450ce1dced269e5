"""`paribus tokenizer convert`: a tokenizer in the files of another library."""

from pathlib import Path

import click

from paribus.cli.display import FOLDER


@click.command()
@click.argument("tokenizer_path", metavar="TOKENIZER", type=FOLDER)
@click.argument("file", type=FOLDER)
def convert(tokenizer_path: Path, file: Path) -> None:
    """Write TOKENIZER as FILE, whose ending says how: .tiktoken, else a folder of JSON files.

    A file of ranks holds neither the pattern nor the special tokens; what tiktoken would encode
    otherwise is refused. The folder has GPT-2's vocab.json and merges.txt, and tokenizer.json.

    \b
    Examples:
      paribus tokenizer convert tokenizers/stories stories.tiktoken
      paribus tokenizer convert gpt2/vocab.json tokenizers/gpt2
    """
    from paribus.data.prepare import check_unused
    from paribus.files import publish_file
    from paribus.tokenizer import formats, ranks

    vocabulary = formats.read(tokenizer_path)
    check_unused(file)
    if file.suffix == ".tiktoken":
        publish_file(file, ranks.to_lines(vocabulary))
    else:
        formats.publish(vocabulary, file)
    click.echo(f"{file}: {vocabulary.size} ids", err=True)
