"""Short texts compared with other libraries: what a call costs, and the first call."""

from collections.abc import Iterator, Mapping

from paribus.bench.library import Say
from paribus.bench.rows import Row
from paribus.bench.tokenizers.candidates import Candidate, admitted, prepared
from paribus.bench.tokenizers.material import Material, Sample
from paribus.bench.tokenizers.peers import Peer
from paribus.bench.tokenizers.timing import Call, alternate
from paribus.files import publish_file

PROMPT = b"Once upon a time, it"
PROMPT_CALLS = 500


def prompt_rows(
    material: Material, peers: Mapping[str, Peer], rounds: int, say: Say
) -> Iterator[Row]:
    """Seconds of a call with 20 bytes, and of the first call after loading."""
    path = material.folder / "prompt.txt"
    publish_file(path, PROMPT)
    candidates, _ = admitted(material, Sample(path, material.folder), peers, say)
    by_name = {one.label: one for one in candidates if "files" not in one.route}
    say("first call")
    first = prepared(lambda one: one.fresh(material), by_name)
    for name, taken in alternate(first, 3).items():
        yield by_name[name].row("first call", wall=taken.wall, cpu=taken.cpu)
    say("prompts")
    for name, taken in alternate(prepared(_repeated, by_name), 2 * rounds + 1).items():
        wall, cpu = taken.wall / PROMPT_CALLS, taken.cpu / PROMPT_CALLS
        yield by_name[name].row("prompt", wall=wall, cpu=cpu)


def _repeated(candidate: Candidate) -> Call:
    encode, part = candidate.routes.encode[candidate.route], candidate.in_memory()

    def calls() -> None:
        for _ in range(PROMPT_CALLS):
            encode(part)

    return calls
