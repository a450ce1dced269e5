"""Where the time goes: stages of the fast tokenizer, functions of the naive one.

The fast core is timed from outside, by what it reports and by what it does with less to do, so that
its loops carry no clock.
"""

import cProfile
import pstats
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from paribus.errors import UnavailableError
from paribus.tokenizer.core import Core, load_core
from paribus.tokenizer.reference_encoder import ReferenceEncoder
from paribus.tokenizer.tokenizer import Tokenizer
from paribus.tokenizer.train import Implementation, train
from paribus.tokenizer.vocabulary import Vocabulary

N_FUNCTIONS = 8
PIECE_BYTES = 1 << 16


@dataclass(frozen=True)
class Part:
    """A stage or a function, and the seconds that it takes itself."""

    name: str
    seconds: float
    calls: int = 1


@dataclass(frozen=True)
class Profile:
    """Parts of training and of encoding: stages in their order, functions by time."""

    training: tuple[Part, ...]
    encoding: tuple[Part, ...]
    n_bytes: int


def profile(blocks: Iterable[bytes], vocab_size: int, impl: Implementation) -> Profile:
    """Trains a vocabulary on a text, on one thread, and encodes the text with it."""
    start = time.perf_counter()
    text = b"".join(blocks)
    read = Part("read", time.perf_counter() - start)
    if impl == "naive":
        return _profile_naive(text, vocab_size)
    core = load_core()
    if core is None:
        raise UnavailableError(
            "profile: expected the C++ core, found none in this installation. Use --impl naive"
        )
    training, vocabulary = _training_stages(text, vocab_size)
    return Profile((read, *training), _encoding_stages(core, text, vocabulary), len(text))


def _training_stages(text: bytes, vocab_size: int) -> tuple[list[Part], Vocabulary]:
    begins: dict[str, float] = {}

    def note(stage: str, done: int, total: int | None) -> None:
        begins.setdefault(stage, time.perf_counter())

    start = time.perf_counter()
    report = train([text], vocab_size=vocab_size, threads=1, progress=note)
    end = time.perf_counter()
    merging = begins.get("merge", end)
    return [Part("count", merging - start), Part("merge", end - merging)], report.vocabulary


def _encoding_stages(core: Core, text: bytes, vocabulary: Vocabulary) -> tuple[Part, ...]:
    """Scanning is the split alone, in pieces whose offsets stay in the cache; a warm pass looks
    words up besides; a first pass merges those that are not yet known. Each is the best of three:
    differences are taken."""
    pieces = [text[i : i + PIECE_BYTES] for i in range(0, len(text), PIECE_BYTES)]
    scan = min(_seconds(lambda: _split(core, pieces, vocabulary.pattern)) for _ in range(3))
    passes = [_two_passes(text, vocabulary) for _ in range(3)]
    first, warm = (min(column) for column in zip(*passes, strict=True))
    return (
        Part("scan", scan),
        Part("look up and emit", max(warm - scan, 0)),
        Part("misses of a first pass", max(first - warm, 0)),
    )


def _split(core: Core, pieces: list[bytes], pattern: str) -> None:
    for piece in pieces:
        core.split(piece, pattern)


def _two_passes(text: bytes, vocabulary: Vocabulary) -> list[float]:
    tokenizer = Tokenizer(vocabulary)
    return [_seconds(lambda: tokenizer.encode(text, threads=1)) for _ in range(2)]


def _profile_naive(text: bytes, vocab_size: int) -> Profile:
    learned: list[Vocabulary] = []

    def learn() -> None:
        report = train([text], vocab_size=vocab_size, threads=1, impl="naive")
        learned.append(report.vocabulary)

    training = _functions(learn)
    encoder = ReferenceEncoder(learned[0])
    encoding = _functions(lambda: encoder.encode(text, allow_special=False))
    return Profile(training, encoding, len(text))


def _functions(work: Callable[[], object]) -> tuple[Part, ...]:
    """The functions that take most, by the time in themselves."""
    profiler = cProfile.Profile()
    profiler.runcall(work)
    found = [
        Part(f"{Path(file).stem}.{name}" if file != "~" else name, own, calls)
        for (file, _, name), (_, calls, own, _, _) in pstats.Stats(profiler).stats.items()  # type: ignore[attr-defined]
    ]
    return tuple(sorted(found, key=lambda part: -part.seconds)[:N_FUNCTIONS])


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
