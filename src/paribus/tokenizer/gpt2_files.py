"""GPT-2's pair of files: `vocab.json`, the ids of all tokens, and `merges.txt`, a merge a line.

Neither names a pattern or marks special tokens: an entry that is neither a byte nor the result of a
merge is a special token.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from paribus.errors import DataError
from paribus.files import read_bytes
from paribus.tokenizer.byte_names import token_from_name, token_name, tokens_from_names
from paribus.tokenizer.limits import SIZE_LIMIT
from paribus.tokenizer.names import about, checked_ids, merges_from_names, vocabulary_with_ids
from paribus.tokenizer.vocabulary import MergeError, Vocabulary

MERGES_HEADER = "#version: 0.2"


def merges_text(vocabulary: Vocabulary) -> str:
    """The content of `merges.txt`."""
    lines = [f"{token_name(left)} {token_name(right)}" for left, right in vocabulary.merges]
    return "\n".join([MERGES_HEADER, *lines, ""])


def from_files(content: dict[str, Any], vocab: Path, merges_file: Path) -> Vocabulary:
    """The vocabulary of the file `vocab`, already parsed as `content`, and the merges in
    `merges_file`, under the pattern gpt2. Raises DataError, naming the file that is at fault."""
    lines = _merge_lines(merges_file)
    with about(vocab):
        ids = checked_ids(content)
    named = zip(ids, tokens_from_names(list(ids)), strict=True)
    tokens = {name: token for name, token in named if token is not None}
    with about(merges_file):
        merges = merges_from_names(lines, tokens)
    made = {left + right for left, right in merges} | {bytes([byte]) for byte in range(256)}
    ordinary = {token: ids[name] for name, token in tokens.items() if token in made}
    specials = [(i, name) for name, i in ids.items() if tokens.get(name) not in ordinary]
    with about(merges_file):
        _refuse_lost_merges(specials, ordinary)
    try:
        return vocabulary_with_ids("gpt2", specials, ordinary, merges)
    except DataError as error:
        path = merges_file if isinstance(error, MergeError) else vocab
        raise DataError(f"{path}: {error}") from error


def _refuse_lost_merges(specials: list[tuple[int, str]], ordinary: dict[bytes, int]) -> None:
    """A shortened merges.txt must not turn what it lost into special tokens.

    The first token that lost its merge is two tokens joined, and newer than all bytes.
    """
    newest_byte = max((i for token, i in ordinary.items() if len(token) == 1), default=0)
    for i, name in specials:
        token = token_from_name(name) if i > newest_byte else None
        if token and any(
            token[:k] in ordinary and token[k:] in ordinary for k in range(len(token))
        ):
            raise DataError(
                f"expected a merge that makes token {i}, {name[:80]!r}, found none. "
                "The file is cut short or of another tokenizer"
            )


def _merge_lines(path: Path) -> Sequence[Sequence[str]]:
    try:
        text = read_bytes(path, limit=SIZE_LIMIT).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}, byte {error.start}: expected UTF-8, found another byte"
        ) from error
    lines = text.replace("\r\n", "\n").removesuffix("\r").split("\n")
    if lines[0].startswith("#version:"):
        lines[0] = ""
    return [line.split(" ") for line in lines if line]
