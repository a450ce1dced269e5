"""The libraries that learn merges: one row each, with the rule by which it breaks ties.

Each takes a file to merges by the calls that a user would make, without special tokens and with
GPT-2's pattern. Merges are compared if the rule for ties is that of our `hf`.
"""

import io
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import numpy as np

from paribus.bench.library import Library
from paribus.bench.rows import NAIVE, OURS
from paribus.data.streams import read_blocks
from paribus.files import read_bytes
from paribus.tokenizer.byte_names import token_from_name
from paribus.tokenizer.core import load_core
from paribus.tokenizer.patterns import EXPRESSIONS
from paribus.tokenizer.train import train

SAME_TIES = "ties as ours (hf)"
BY_LINES = "ties as ours (hf), reads line by line"
OTHER_TIES = "other ties: tokens compared"
OTHER_MODEL = "characters, not bytes: not compared"


class Task(NamedTuple):
    """What to learn from."""

    path: Path
    n_merges: int
    n_bytes_used: int
    """Number of distinct bytes in the text: some libraries give ids only to those."""


class LearnedTokens(NamedTuple):
    """What was learned."""

    tokens: list[bytes]
    """The results of the merges in their order, or all new tokens if the order is unknown."""
    n_pretokens: int | None = None
    """Number of distinct pretokens, if the library tells."""


class TrainerRun(NamedTuple):
    """What was learned, and the seconds from file to merges, without the start of Python."""

    learned: LearnedTokens
    wall: float
    cpu: float


@dataclass(frozen=True)
class Trainer(Library):
    """A library that trains, and its rule for ties."""

    rule: str
    learn: Callable[[Task], LearnedTokens]


def learn(name: str, task: Task) -> TrainerRun:
    """Trains once with the library `name`; run in a process of its own."""
    trainer = TRAINERS[name]
    _import(name)  # outside the measured time
    wall, cpu = time.perf_counter(), time.process_time()
    learned = trainer.learn(task)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return TrainerRun(learned, wall, cpu)


def _import(name: str) -> None:
    if name == OURS:
        load_core()
    elif name != NAIVE:
        import_module(name)


def ours_by_lines(task: Task) -> list[bytes]:
    """What our trainer learns if, as in `BY_LINES`, no pretoken crosses the end of a line."""
    border = "<|end of line|>"
    text = read_bytes(task.path).replace(b"\n", b"\n" + border.encode())
    size = 257 + task.n_merges
    report = train([text], vocab_size=size, specials=[border], ties="hf", threads=1)
    return _joined(report.vocabulary.merges)


def bytes_used(data: bytes) -> int:
    """The number of distinct bytes in a text."""
    return int(np.count_nonzero(np.bincount(np.frombuffer(data, np.uint8), minlength=256)))


def _ours(task: Task) -> LearnedTokens:
    report = train(
        read_blocks(str(task.path)),
        vocab_size=256 + task.n_merges,
        specials=[],
        ties="hf",
        threads=1,
    )
    return LearnedTokens(_joined(report.vocabulary.merges), report.n_distinct_pretokens)


def _naive(task: Task) -> LearnedTokens:
    report = train(
        [read_bytes(task.path)],
        vocab_size=256 + task.n_merges,
        specials=[],
        ties="hf",
        impl="naive",
    )
    return LearnedTokens(_joined(report.vocabulary.merges), report.n_distinct_pretokens)


def _gigabpe(task: Task) -> LearnedTokens:
    gigabpe = import_module("gigabpe")

    _, merges = gigabpe.train_bpe(
        [str(task.path)],
        task.n_bytes_used + task.n_merges,
        special_tokens=[],
        pretokenizer="bytelevel",
        threads=1,
    )
    return LearnedTokens(_joined(_named(merges)))


def _gigatoken(task: Task) -> LearnedTokens:
    gigatoken = import_module("gigatoken")

    _, merges = gigatoken.train_bpe(str(task.path), 256 + task.n_merges, [])
    return LearnedTokens(_joined(merges))


def _ffbpe(task: Task) -> LearnedTokens:
    ffbpe = import_module("ffbpe")

    model = ffbpe.train_bpe(_text(task), vocab_size=256 + task.n_merges)
    return LearnedTokens(_new_tokens(model.vocab))


def _rustbpe(task: Task) -> LearnedTokens:
    rustbpe = import_module("rustbpe")

    theirs = rustbpe.Tokenizer()
    theirs.train_from_iterator(_lines(task), 256 + task.n_merges, pattern=EXPRESSIONS["gpt2"])
    return LearnedTokens(_new_tokens(dict(theirs.get_mergeable_ranks())))


def _bpeasy(task: Task) -> LearnedTokens:
    bpeasy = import_module("bpeasy")

    ranks = bpeasy.train_bpe(_lines(task), EXPRESSIONS["gpt2"], 1 << 20, 256 + task.n_merges)
    return LearnedTokens(_new_tokens(ranks))


def _tokenizers(task: Task) -> LearnedTokens:
    tokenizers = import_module("tokenizers")
    byte_level = tokenizers.pre_tokenizers.ByteLevel

    theirs = tokenizers.Tokenizer(tokenizers.models.BPE())
    theirs.pre_tokenizer = byte_level(add_prefix_space=False)
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=256 + task.n_merges,
        initial_alphabet=byte_level.alphabet(),
        show_progress=False,
    )
    theirs.train([str(task.path)], trainer)
    return LearnedTokens(_joined(_named(json.loads(theirs.to_str())["model"]["merges"])))


def _sentencepiece(task: Task) -> LearnedTokens:
    sentencepiece = import_module("sentencepiece")

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=_lines(task),
        model_writer=model,
        model_type="bpe",
        vocab_size=256 + task.n_merges,
        byte_fallback=True,
        num_threads=1,
        minloglevel=2,
        hard_vocab_limit=False,
    )
    return LearnedTokens([])


def _text(task: Task) -> str:
    return read_bytes(task.path).decode("utf-8", "replace")


def _lines(task: Task) -> Iterator[str]:
    """Paragraphs with their line ends: the split does not join across such a border and the next
    letter."""
    with task.path.open(encoding="utf-8", errors="replace", newline="") as file:
        yield from file


def _joined(merges: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
    return [left + right for left, right in merges]


def _named(merges: Sequence[Sequence[str]]) -> list[tuple[bytes, bytes]]:
    return [(token_from_name(a) or b"", token_from_name(b) or b"") for a, b in merges]


def _new_tokens(ids: dict[bytes, int]) -> list[bytes]:
    return [token for token, _ in sorted(ids.items(), key=lambda e: e[1]) if len(token) > 1]


TRAINERS = {
    NAIVE: Trainer("paribus", SAME_TIES, _naive),
    OURS: Trainer("paribus", SAME_TIES, _ours),
    "gigabpe": Trainer("gigabpe", BY_LINES, _gigabpe),
    "gigatoken": Trainer("gigatoken", SAME_TIES, _gigatoken),
    "tokenizers": Trainer("tokenizers", BY_LINES, _tokenizers),
    "ffbpe": Trainer("ffbpe", OTHER_TIES, _ffbpe),
    "rustbpe": Trainer("rustbpe", OTHER_TIES, _rustbpe),
    "bpeasy": Trainer("bpeasy", OTHER_TIES, _bpeasy),
    "sentencepiece": Trainer("sentencepiece", OTHER_MODEL, _sentencepiece),
}
