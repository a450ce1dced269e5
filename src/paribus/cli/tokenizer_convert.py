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
    from paribus.files import check_absent, check_unused
    from paribus.tokenizer import formats, ranks

    is_ranks = formats.is_ranks_file(file)
    (check_absent if is_ranks else check_unused)(file)
    vocabulary = formats.read(tokenizer_path)
    formats.write(vocabulary, file)
    click.echo(f"{file}: {vocabulary.size} ids", err=True)
    if is_ranks and (below := ranks.specials_below_others(vocabulary)):
        click.echo(
            f"warning: {file}: {' '.join(map(repr, below))} has no place in it, yet an id below "
            "that of another token: tiktoken needs it as an argument, and Paribus reads the "
            "folder, not this file",
            err=True,
        )
