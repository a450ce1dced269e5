"""Encoding and decoding beside other libraries, in one process and in alternation."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from paribus.bench.library import Say
from paribus.bench.material import Material, Sample
from paribus.bench.peers import NAIVE, OURS, PEERS, Decode, Ids, Peer, Routes, ids_of
from paribus.bench.rows import Row
from paribus.bench.timing import Call, alternate
from paribus.errors import CheckFailedError
from paribus.files import publish_file
from paribus.machine import available_memory_bytes
from paribus.processes import run_in_process
from paribus.tokenizer.tokenizer import Tokenizer

TRIAL_BYTES = 32 << 10
LONGEST_PASS = 1.2
"""Seconds of one pass; a library that would take longer over the whole text gets a part of it."""
RATE_FOR_ALL = 150e6
"""Bytes a second; who reads so much gets the whole of a large text, for first passes slow down."""
PROMPT = b"Once upon a time, it"
PROMPT_CALLS = 500
DECODED_BYTES = 16 << 20


@dataclass(frozen=True)
class Candidate:
    """A route of a library that gave our ids, and the part of the text it is timed on."""

    library: str
    peer: Peer
    route: str
    routes: Routes
    part: Sample
    n_tokens: int

    @property
    def label(self) -> str:
        """Library, version, route."""
        version = "" if self.library in (OURS, NAIVE) else self.peer.version()
        return " ".join(filter(None, (self.library, version, self.route)))

    def row(self, task: str, **figures: object) -> Row:
        """What is the same in all rows of this candidate."""
        return replace(
            Row(
                task=task,
                label=self.label,
                library=self.library,
                file=self.part.path.name,
                n_bytes=len(self.part.data),
                n_tokens=self.n_tokens,
            ),
            **figures,
        )


def encoding_rows(
    material: Material, sample: Sample, peers: Mapping[str, Peer], rounds: int, say: Say
) -> Iterator[Row]:
    """First pass, warm pass, shard on disk, and peak memory of every route with equal ids."""
    candidates, refused = admitted(material, sample, peers, say)
    yield from refused
    by_name = {candidate.label: candidate for candidate in candidates}
    tasks = {
        "encode first": (lambda c: _fresh(c, material), 2),
        "encode warm": (lambda c: _warm(c), rounds),
        "shard": (lambda c: _shard(c, material), rounds),
    }
    for task, (maker, n_rounds) in tasks.items():
        say(task)
        makers = {name: _made(maker, candidate) for name, candidate in by_name.items()}
        for name, taken in alternate(makers, n_rounds).items():
            peak = None
            if task == "encode first":
                peak = _peak(by_name[name], material, say)
            yield by_name[name].row(task, wall=taken.wall, cpu=taken.cpu, peak_bytes=peak)


def prompt_rows(
    material: Material, peers: Mapping[str, Peer], rounds: int, say: Say
) -> Iterator[Row]:
    """Seconds of a call with 20 bytes, and of the first call after loading."""
    path = material.folder / "prompt.txt"
    publish_file(path, PROMPT)
    candidates, _ = admitted(material, Sample(path, material.folder), peers, say)
    by_name = {c.label: c for c in candidates if "files" not in c.route}
    say("first call")
    first = {name: _made(lambda c: _fresh(c, material), c) for name, c in by_name.items()}
    for name, taken in alternate(first, 3).items():
        yield by_name[name].row("first call", wall=taken.wall, cpu=taken.cpu)
    say("prompts")
    often = {name: _made(_repeated, c) for name, c in by_name.items()}
    for name, taken in alternate(often, 2 * rounds + 1).items():
        wall, cpu = taken.wall / PROMPT_CALLS, taken.cpu / PROMPT_CALLS
        yield by_name[name].row("prompt", wall=wall, cpu=cpu)


def decoding_rows(
    material: Material, sample: Sample, peers: Mapping[str, Peer], rounds: int, say: Say
) -> Iterator[Row]:
    """Ids to str, from an array where a library reads one, and from a list."""
    part = sample.first(DECODED_BYTES)
    array = PEERS[OURS].load(material).encode[""](part)
    ids = Ids(array, array.astype(np.uint32), array.tolist())
    makers: dict[str, Callable[[], Call]] = {}
    named: dict[str, Candidate] = {}
    say("decode")
    for library, peer in peers.items():
        if library == NAIVE or not peer.version():
            continue
        routes = _loaded(peer, material)
        if isinstance(routes, str):
            continue
        for route, decode in routes.decode.items():
            one = Candidate(library, peer, route, routes, part, len(array))
            if note := _decoding_fault(decode, ids, part.text):
                yield one.row("decode", note=note)
                continue
            named[one.label] = one
            makers[one.label] = lambda decode=decode: lambda: decode(ids)
    for name, taken in alternate(makers, rounds).items():
        yield named[name].row("decode", wall=taken.wall, cpu=taken.cpu)


def admitted(
    material: Material, sample: Sample, peers: Mapping[str, Peer], say: Say
) -> tuple[list[Candidate], list[Row]]:
    """The routes whose ids are ours, and a row without time for each of the others."""
    candidates: list[Candidate] = []
    refused: list[Row] = []
    for library, peer in peers.items():
        say(f"ids of {library}")
        routes = _loaded(peer, material)
        if isinstance(routes, str):
            refused.append(_refused(library, library, sample, routes))
            continue
        for route in routes.encode:
            found = _checked(library, peer, route, routes, material, sample)
            if isinstance(found, Candidate):
                candidates.append(found)
            else:
                refused.append(_refused(library, f"{library} {route}".strip(), sample, found))
    return candidates, refused


def encode_once(library: str, route: str, material: Material, path: Path) -> int:
    """Loads a tokenizer and encodes a file; called in a process of its own, for its memory."""
    return len(ids_of(PEERS[library].load(material).encode[route](Sample(path, path.parent))))


def _loaded(peer: Peer, material: Material) -> Routes | str:
    """The tokenizer of a library, or why there is none."""
    if not peer.version():
        return f"not installed: pip install {peer.install}"
    try:
        return peer.load(material)
    except BaseException as error:
        return f"does not load: {_fault_of_others(error)}"


def _checked(
    library: str, peer: Peer, route: str, routes: Routes, material: Material, sample: Sample
) -> Candidate | str:
    """Equality first: the route with its part of the text, or what is wrong with it."""
    try:
        part = sample.first(_n_bytes(peer, routes, route, sample))
        found = ids_of(routes.encode[route](part))
    except BaseException as error:
        return f"fails: {_fault_of_others(error)}"
    expected = Tokenizer(material.vocabulary).encode(part.data, allow_special=True)
    if not np.array_equal(expected, found):
        return "not equal"
    return Candidate(library, peer, route, routes, part, len(expected))


def _decoding_fault(decode: Decode, ids: Ids, text: str) -> str:
    """Equality first, as with ids: what is wrong with a way back to text; empty for nothing."""
    try:
        return "" if decode(ids) == text else "not equal"
    except BaseException as error:
        return f"fails: {_fault_of_others(error)}"


def _n_bytes(peer: Peer, routes: Routes, route: str, sample: Sample) -> int:
    """How much of the text a pass of a few seconds takes, by a second look at its beginning, and
    half of the free memory holds."""
    trial = sample.first(TRIAL_BYTES)
    routes.encode[route](trial)
    start = time.perf_counter()
    routes.encode[route](trial)
    rate = len(trial.data) / (time.perf_counter() - start)
    n_bytes = int(rate * max(LONGEST_PASS, len(sample.data) / RATE_FOR_ALL))
    if (available := available_memory_bytes()) is not None:
        n_bytes = min(n_bytes, available // (2 * peer.memory))
    return len(sample.data) if n_bytes >= len(sample.data) else max(n_bytes // 100_000, 1) * 100_000


def _refused(library: str, label: str, sample: Sample, note: str) -> Row:
    return Row(task="encode warm", label=label, library=library, file=sample.path.name, note=note)


def _made(maker: Callable[[Candidate], Call], candidate: Candidate) -> Callable[[], Call]:
    return lambda: maker(candidate)


def _fresh(candidate: Candidate, material: Material) -> Call:
    encode = candidate.peer.load(material).encode[candidate.route]
    return lambda: encode(_in_memory(candidate))


def _warm(candidate: Candidate) -> Call:
    """The pass right after one over the same text: others have run since the last round, and
    memory that nobody used meanwhile may be slow to come back."""
    part, encode = _in_memory(candidate), candidate.routes.encode[candidate.route]
    encode(part)
    return lambda: encode(part)


def _shard(candidate: Candidate, material: Material) -> Call:
    """File to ids on disk, read and written anew; by the library's own way where it has one."""
    out = material.folder / "shard.npy"
    if own := candidate.routes.write.get(candidate.route):
        return lambda: own(candidate.part.path, out)
    dtype = material.vocabulary.id_dtype

    def write() -> None:
        found = ids_of(
            candidate.routes.encode[candidate.route](Sample(candidate.part.path, material.folder))
        )
        publish_file(out, found.astype(dtype, copy=False).data)

    return write


def _repeated(candidate: Candidate) -> Call:
    encode, part = candidate.routes.encode[candidate.route], _in_memory(candidate)

    def calls() -> None:
        for _ in range(PROMPT_CALLS):
            encode(part)

    return calls


def _in_memory(candidate: Candidate) -> Sample:
    """Its part of the text, read and decoded before the time begins."""
    assert candidate.part.text is not None and candidate.part.data is not None
    return candidate.part


def _peak(candidate: Candidate, material: Material, say: Say) -> int | None:
    say(f"memory of {candidate.label}")
    arguments = (candidate.library, candidate.route, material, candidate.part.path)
    try:
        return run_in_process(encode_once, *arguments, seconds=60).peak_bytes
    except CheckFailedError:
        return None


def _fault_of_others(error: BaseException) -> str:
    """What a library raised, which may be anything: a panic of Rust is no Exception, and a signal
    of the user is no fault of theirs."""
    if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
        raise error
    return f"{type(error).__name__}: {error}".partition("\n")[0][:80]
