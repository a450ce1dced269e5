"""Candidates: the calls of a library that gave our ids, each with the text that it is timed on."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from paribus.bench.library import Say
from paribus.bench.rows import NAIVE, OURS, Row
from paribus.bench.tokenizers.material import Material, Sample
from paribus.bench.tokenizers.peers import Peer, Routes, ids_of
from paribus.bench.tokenizers.timing import Call
from paribus.machine import available_memory_bytes
from paribus.tokenizer.tokenizer import Tokenizer

TRIAL_BYTES = 32 << 10
LONGEST_PASS = 1.2
"""Seconds of one pass; a library that would take longer over the whole text gets a part of it."""
RATE_FOR_ALL = 150e6
"""Bytes per second above which a library gets the whole of a large text."""


@dataclass(frozen=True)
class Candidate:
    """A call of a library that gave our ids, and the part of the text it is timed on."""

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
        """What is the same in all rows of this candidate, with its figures for a task."""
        row = Row(
            task=task,
            label=self.label,
            library=self.library,
            file=self.part.path.name,
            n_bytes=len(self.part.data),
            n_tokens=self.n_tokens,
        )
        return replace(row, **figures)

    def fresh(self, material: Material) -> Call:
        """A pass of a tokenizer that was just loaded."""
        encode, part = self.peer.load(material).encode[self.route], self.in_memory()
        return lambda: encode(part)

    def in_memory(self) -> Sample:
        """Its part of the text, read and decoded before the time begins."""
        assert self.part.text is not None and self.part.data is not None
        return self.part


def admitted(
    material: Material, sample: Sample, peers: Mapping[str, Peer], say: Say
) -> tuple[list[Candidate], list[Row]]:
    """The routes whose ids are ours, and a row without time for each of the others."""
    candidates: list[Candidate] = []
    refused: list[Row] = []
    for library, peer in peers.items():
        say(f"ids of {library}")
        routes = loaded(peer, material)
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


def prepared(
    maker: Callable[[Candidate], Call], candidates: Mapping[str, Candidate]
) -> dict[str, Callable[[], Call]]:
    """What `alternate` takes: for each candidate, what prepares its timed call."""
    return {name: lambda one=one: maker(one) for name, one in candidates.items()}


def loaded(peer: Peer, material: Material) -> Routes | str:
    """The tokenizer of a library, or why there is none."""
    if not peer.version():
        return "not installed"
    try:
        return peer.load(material)
    except BaseException as error:
        return f"does not load: {foreign_fault(error)}"


def foreign_fault(error: BaseException) -> str:
    """What a library raised, which may be anything: a panic in Rust is no Exception. A signal of
    the user is raised again."""
    if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
        raise error
    return f"{type(error).__name__}: {error}".partition("\n")[0][:80]


def _checked(
    library: str, peer: Peer, route: str, routes: Routes, material: Material, sample: Sample
) -> Candidate | str:
    """Equality first: the route with its part of the text, or what is wrong with it."""
    try:
        part = sample.first(_n_bytes(peer, routes, route, sample))
        found = ids_of(routes.encode[route](part))
    except BaseException as error:
        return f"fails: {foreign_fault(error)}"
    expected = Tokenizer(material.vocabulary).encode(part.data, allow_special=True)
    if not np.array_equal(expected, found):
        return "not equal"
    return Candidate(library, peer, route, routes, part, len(expected))


def _n_bytes(peer: Peer, routes: Routes, route: str, sample: Sample) -> int:
    """How much of the text fits into a pass of `LONGEST_PASS`, judging by a second pass over its
    beginning, and into half of the available memory."""
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
