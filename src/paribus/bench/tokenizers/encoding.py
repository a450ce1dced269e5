"""Encoding compared with other libraries, in one process and in alternation."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from paribus.bench.library import Say
from paribus.bench.rows import Row
from paribus.bench.tokenizers.candidates import Candidate, admitted, prepared
from paribus.bench.tokenizers.material import Material, Sample
from paribus.bench.tokenizers.peers import PEERS, Peer, ids_of
from paribus.bench.tokenizers.timing import Call, alternate
from paribus.files import publish_file
from paribus.processes import ProcessError, run_in_process


def encoding_rows(
    material: Material, sample: Sample, peers: Mapping[str, Peer], rounds: int, say: Say
) -> Iterator[Row]:
    """First pass, warm pass, shard on disk, and peak memory of every route with equal ids."""
    candidates, refused = admitted(material, sample, peers, say)
    yield from refused
    by_name = {candidate.label: candidate for candidate in candidates}
    tasks = {
        "encode first": (lambda one: one.fresh(material), 2),
        "encode warm": (_warm, rounds),
        "shard": (lambda one: _shard(one, material), rounds),
    }
    for task, (maker, n_rounds) in tasks.items():
        say(task)
        for name, taken in alternate(prepared(maker, by_name), n_rounds).items():
            peak = _peak(by_name[name], material, say) if task == "encode first" else None
            yield by_name[name].row(task, wall=taken.wall, cpu=taken.cpu, peak_bytes=peak)


def encode_once(library: str, route: str, material: Material, path: Path) -> int:
    """Loads a tokenizer and encodes a file; run in a process of its own, to measure its memory."""
    return len(ids_of(PEERS[library].load(material).encode[route](Sample(path, path.parent))))


def _warm(candidate: Candidate) -> Call:
    """The pass right after one over the same text: others have run since the last round, and
    memory that nobody used meanwhile may be slow to come back."""
    part, encode = candidate.in_memory(), candidate.routes.encode[candidate.route]
    encode(part)
    return lambda: encode(part)


def _shard(candidate: Candidate, material: Material) -> Call:
    """File to ids on disk, both read and written each time, by the library's own way if any."""
    out = material.folder / "shard.npy"
    if own := candidate.routes.write.get(candidate.route):
        return lambda: own(candidate.part.path, out)
    dtype = material.vocabulary.id_dtype

    def write() -> None:
        sample = Sample(candidate.part.path, material.folder)
        found = ids_of(candidate.routes.encode[candidate.route](sample))
        publish_file(out, found.astype(dtype, copy=False).data)

    return write


def _peak(candidate: Candidate, material: Material, say: Say) -> int | None:
    say(f"memory of {candidate.label}")
    arguments = (candidate.library, candidate.route, material, candidate.part.path)
    try:
        return run_in_process(encode_once, *arguments, seconds=60).peak_bytes
    except ProcessError:
        return None
