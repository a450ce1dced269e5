"""Decoding compared with other libraries, in one process and in alternation."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from paribus.bench.library import Say
from paribus.bench.rows import NAIVE, OURS, Row
from paribus.bench.tokenizers.candidates import Candidate, foreign_fault, loaded
from paribus.bench.tokenizers.material import Material, Sample
from paribus.bench.tokenizers.peers import PEERS, Decode, Ids, Peer
from paribus.bench.tokenizers.timing import Call, alternate

DECODED_BYTES = 16 << 20


def decoding_rows(
    material: Material, sample: Sample, peers: Mapping[str, Peer], rounds: int, say: Say
) -> Iterator[Row]:
    """Ids to str, from a list, and from an array if a library reads one."""
    part = sample.first(DECODED_BYTES)
    array = PEERS[OURS].load(material).encode[""](part)
    ids = Ids(array, array.astype(np.uint32), array.tolist())
    makers: dict[str, Callable[[], Call]] = {}
    named: dict[str, Candidate] = {}
    say("decode")
    for library, peer in peers.items():
        routes = loaded(peer, material)
        if library == NAIVE or isinstance(routes, str):
            continue
        for route, decode in routes.decode.items():
            one = Candidate(library, peer, route, routes, part, len(array))
            if note := _fault(decode, ids, part.text):
                yield one.row("decode", note=note)
                continue
            named[one.label] = one
            makers[one.label] = lambda decode=decode: lambda: decode(ids)
    for name, taken in alternate(makers, rounds).items():
        yield named[name].row("decode", wall=taken.wall, cpu=taken.cpu)


def _fault(decode: Decode, ids: Ids, text: str) -> str:
    """Equality first, as with ids: what is wrong with a way back to text; empty for nothing."""
    try:
        return "" if decode(ids) == text else "not equal"
    except BaseException as error:
        return f"fails: {foreign_fault(error)}"
