"""Training of a tokenizer: the same vocabulary from the C++ core and from the Python reference."""

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from paribus.errors import ConfigError, DataError, UnavailableError, from_os_error
from paribus.files import temporary_folder
from paribus.machine import peak_memory_bytes
from paribus.tokenizer import reference
from paribus.tokenizer.core import Core, load_core
from paribus.tokenizer.limits import (
    MAX_MEMORY,
    MAX_TOKEN_LENGTH,
    MAX_VOCAB_SIZE,
    check_integer,
    n_threads,
)
from paribus.tokenizer.patterns import check_pattern
from paribus.tokenizer.reference import Learned, Rules
from paribus.tokenizer.vocabulary import (
    END_OF_TEXT,
    Ties,
    Vocabulary,
    byte_layout,
    check_special_tokens,
)

Progress = Callable[[str, int, int | None], None]
"""Called with (stage, done, total); total is None while unknown. An exception ends the training."""

Implementation = Literal["fast", "naive"]

VOCABULARY_BYTES_OF_MERGE = 400
"""Memory of a merge in Python, in the vocabulary and its tables. `tracemalloc` around
`Vocabulary.build` with 31,743 merges of English, of code and of stories: 334 bytes a merge at the
peak, 280 kept; the rest is for what the allocator rounds up."""


class _CoreSettings(NamedTuple):
    """What the core is told aside from the rules; nothing of it changes the result."""

    threads: int
    progress: Progress | None
    max_memory: int | None


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
    max_memory: int | None = None,
    impl: Implementation = "fast",
    progress: Progress | None = None,
) -> TrainingReport:
    """Learns a vocabulary of `vocab_size` ids from one text that comes in blocks, cut anywhere.

    Special tokens in the text are borders of documents. Neither `threads` (default: all cores),
    `impl` nor `max_memory` changes the result. `max_memory` bounds, in bytes, what the process
    holds at its peak: one thread counts, with counts on disk in the folder for temporary files;
    a bound that does not suffice is refused. Raises ConfigError for settings that cannot be, and
    DataError for a text without a byte.
    """
    n_new_ids = _checked_n_new_ids(vocab_size, specials, pattern, max_token_length)
    n_cores = n_threads(threads)
    rules = Rules(
        pattern=pattern,
        specials=tuple(text.encode() for text in specials),
        byte_ids=byte_layout(len(specials), ties),
        n_new_ids=n_new_ids,
        ties=ties,
        max_token_length=max_token_length,
    )
    core = _core_for(impl, progress)
    if max_memory is not None:
        check_integer("max_memory", max_memory, 1, MAX_MEMORY)
        if core is None:
            raise ConfigError("max_memory: expected the fast implementation, found the naive one")
    sources = map(_checked_block, _iterated(sources))
    start = time.monotonic()
    if core is None:
        learned, n_bytes = _learn_naively(sources, rules, progress)
    else:
        settings = _CoreSettings(n_cores, progress, max_memory)
        learned, n_bytes = _learn_fast(core, sources, rules, settings)
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
    why = f" (256 bytes and {len(specials)} special tokens)"
    size = check_integer("vocab_size", vocab_size, smallest, MAX_VOCAB_SIZE, why)
    if max_token_length is not None:
        check_integer("max_token_length", max_token_length, 1, MAX_TOKEN_LENGTH)
    return size - smallest


def _core_for(impl: Implementation, progress: Progress | None) -> Core | None:
    if progress is not None and not callable(progress):
        raise ConfigError(f"progress: expected a function, found {type(progress).__name__}")
    if impl not in ("fast", "naive"):
        raise ConfigError(f"impl: expected fast or naive, found {impl!r:.80}")
    return load_core() if impl == "fast" else None


def _iterated(sources: Iterable[bytes]) -> Iterable[bytes]:
    if isinstance(sources, str | bytes | bytearray) or not isinstance(sources, Iterable):
        found = type(sources).__name__
        raise ConfigError(f"sources: expected a list of blocks of bytes, found {found}")
    return sources


def _checked_block(block: bytes) -> bytes:
    try:
        memoryview(block)
    except TypeError:
        found = type(block).__name__
        raise ConfigError(
            f"sources: expected blocks of bytes, found {found}. Encode text as UTF-8"
        ) from None
    return block


def _learn_fast(
    core: Core, sources: Iterable[bytes], rules: Rules, settings: _CoreSettings
) -> tuple[Learned, int]:
    with contextlib.ExitStack() as stack:
        memory: tuple[int, str] | None = None
        if settings.max_memory is not None:
            aside = _memory_aside_from_core(rules)
            stack.enter_context(_named_limits(core, settings.max_memory, aside))
            room = settings.max_memory - aside
            folder = stack.enter_context(temporary_folder(Path(tempfile.gettempdir())))
            memory = (max(room, 1), str(folder))
        merges, n_distinct, n_bytes, ran_out = core.train(
            sources,
            pattern=rules.pattern,
            specials=list(rules.specials),
            n_merges=rules.n_new_ids,
            byte_ids=list(rules.byte_ids),
            first_merge_id=len(rules.specials) + 256,
            ties=rules.ties,
            threads=settings.threads,
            max_token_length=rules.max_token_length,
            memory=memory,
            progress=settings.progress,
        )
    return Learned(merges, n_distinct, ran_out), n_bytes


def _memory_aside_from_core(rules: Rules) -> int:
    """What the process has held so far, and what it will hold of the vocabulary."""
    so_far = peak_memory_bytes()
    if so_far is None:
        raise UnavailableError(
            "max_memory: expected a system that tells how much memory a process holds, found one "
            "that does not. Train without it"
        )
    return so_far + VOCABULARY_BYTES_OF_MERGE * rules.n_new_ids


@contextlib.contextmanager
def _named_limits(core: Core, max_memory: int, aside: int) -> Iterator[None]:
    """Says in one line what a limit of memory, or the disk of its counts, did not hold."""
    try:
        yield
    except core.MemoryLimit as error:
        megabytes = -(-(aside + int(str(error))) // 10**6) + 1
        raise ConfigError(
            f"max_memory: expected at least {megabytes}MB for this text and vocab_size, found "
            f"{max_memory / 1e6:.0f}MB. Give it so much, or a smaller vocab_size or text"
        ) from error
    except OSError as error:
        if error.filename is not None:  # of the source, not of the core
            raise
        raise from_os_error(error, Path(tempfile.gettempdir())) from error


def _learn_naively(
    sources: Iterable[bytes], rules: Rules, progress: Progress | None
) -> tuple[Learned, int]:
    text = b"".join(sources)
    return reference.train(text, rules, progress), len(text)
