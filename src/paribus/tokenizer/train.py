"""Training of a tokenizer: the same vocabulary from the C++ core and from the Python reference."""

import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from paribus.errors import ConfigError, DataError
from paribus.files import peak_memory_bytes
from paribus.tokenizer.core import load_core
from paribus.tokenizer.patterns import check_pattern
from paribus.tokenizer.rules import Learned, Rules
from paribus.tokenizer.vocabulary import (
    END_OF_TEXT,
    Ties,
    Vocabulary,
    byte_layout,
    check_special_tokens,
)

Progress = Callable[[str, int, int], None]
"""Called with (stage, done, total); what it raises ends the training."""

Implementation = Literal["fast", "naive"]


@dataclass(frozen=True, kw_only=True)
class TrainingReport:
    """A vocabulary and how it came about."""

    vocabulary: Vocabulary
    n_distinct_pretokens: int
    n_bytes: int
    seconds: float
    peak_bytes: int | None
    """The most memory this process has held; None where the system does not tell."""
    ran_out: bool
    """The text had no pair left before `vocab_size` was reached: the caller says so."""


def train(  # noqa: PLR0913  one option of the command each
    sources: Iterable[bytes],
    *,
    vocab_size: int,
    specials: Sequence[str] = (END_OF_TEXT,),
    pattern: str = "gpt2",
    ties: Ties = "cs336",
    threads: int | None = None,
    max_token_length: int | None = None,
    impl: Implementation = "fast",
    progress: Progress | None = None,
) -> TrainingReport:
    """Learns a vocabulary of `vocab_size` ids from one text that comes in blocks, cut anywhere.

    Special tokens in the text are borders of documents. Neither `threads` (default: all cores) nor
    `impl` changes the result. Raises ConfigError for settings that cannot be, and DataError for a
    text without a byte.
    """
    rules = Rules(
        pattern=pattern,
        specials=tuple(text.encode() for text in specials),
        byte_ids=byte_layout(len(specials), ties),
        n_new_ids=_checked_n_new_ids(vocab_size, specials, pattern, max_token_length),
        ties=ties,
        max_token_length=max_token_length,
    )
    learn = _learn_fast if impl == "fast" else _learn_naively
    start = time.monotonic()
    learned, n_bytes = learn(sources, rules, threads or os.cpu_count() or 1, progress)
    if n_bytes == 0:
        raise DataError("text to train on: expected at least one byte, found none")
    return TrainingReport(
        vocabulary=Vocabulary.build(pattern, specials, learned.merges, ties),
        n_distinct_pretokens=learned.n_distinct_pretokens,
        n_bytes=n_bytes,
        seconds=time.monotonic() - start,
        peak_bytes=peak_memory_bytes(),
        ran_out=learned.ran_out,
    )


def _checked_n_new_ids(
    vocab_size: int, specials: Sequence[str], pattern: str, max_token_length: int | None
) -> int:
    check_pattern(pattern)
    check_special_tokens(specials)
    smallest = 256 + len(specials)
    if vocab_size < smallest:
        raise ConfigError(
            f"vocab_size: expected at least {smallest} (256 bytes and {len(specials)} special "
            f"tokens), found {vocab_size}"
        )
    if max_token_length is not None and max_token_length < 1:
        raise ConfigError(f"max_token_length: expected at least 1, found {max_token_length}")
    return vocab_size - smallest


def _learn_fast(
    sources: Iterable[bytes], rules: Rules, threads: int, progress: Progress | None
) -> tuple[Learned, int]:
    core = load_core()
    if core is None:
        return _learn_naively(sources, rules, threads, progress)
    merges, n_distinct, n_bytes, ran_out = core.train(
        sources,
        rules.pattern,
        list(rules.specials),
        rules.n_new_ids,
        list(rules.byte_ids),
        len(rules.specials) + 256,
        rules.ties,
        threads,
        rules.max_token_length or 0,
        progress,
    )
    return Learned([tuple(pair) for pair in merges], n_distinct, ran_out), n_bytes


def _learn_naively(
    sources: Iterable[bytes], rules: Rules, threads: int, progress: Progress | None
) -> tuple[Learned, int]:
    from paribus.tokenizer import reference

    text = b"".join(sources)
    return reference.train(text, rules, progress), len(text)
