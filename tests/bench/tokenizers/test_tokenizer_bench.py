"""The bench: its timer, what it refuses, and the command on a small text."""

from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from paribus.bench.library import Library, install_hint
from paribus.bench.rows import NAIVE, OURS, Row
from paribus.bench.tables import tables
from paribus.bench.tokenizers import candidates as candidates_module
from paribus.bench.tokenizers import material as bench_material
from paribus.bench.tokenizers import training
from paribus.bench.tokenizers.candidates import admitted
from paribus.bench.tokenizers.decoding import decoding_rows
from paribus.bench.tokenizers.encoding import encoding_rows
from paribus.bench.tokenizers.figure import fastest, rates_figure
from paribus.bench.tokenizers.material import Material, Sample, material_in, sample_in
from paribus.bench.tokenizers.peers import PEERS, Peer, Routes
from paribus.bench.tokenizers.ratios import with_ratios
from paribus.bench.tokenizers.timing import alternate
from paribus.bench.tokenizers.trainers import SAME_TIES, TRAINERS, Trainer
from paribus.processes import run_in_process

TEXT = "Once upon a time, a fox met a hare.\nIt's 2024! <|endoftext|>naïve 🦊\n" * 400


def quiet(_: str) -> None:
    """Says nothing."""


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    path = tmp_path / "text.txt"
    path.write_text(TEXT, encoding="utf-8")
    return Sample(path, tmp_path)


@pytest.fixture
def material(sample: Sample, monkeypatch) -> Material:
    monkeypatch.delenv("PARIBUS_GPT2", raising=False)
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(sample.folder))
    material, origin = material_in(sample.folder, None, sample, "gpt2")
    assert origin.startswith("trained on the text")
    return material


def test_the_timer_alternates_and_takes_medians():
    calls: list[str] = []
    ends = [0.1, 0.10, 0.5, 0.20, 0.3, 0.30]  # a: 0.1, 0.5, 0.3; b: 0.1, 0.2, 0.3
    now = iter([moment for end in ends for moment in (0, end)])
    spent = count()
    makers = {name: lambda name=name: lambda: calls.append(name) for name in "ab"}
    taken = alternate(makers, 3, wall=lambda: next(now), cpu=lambda: next(spent))
    assert calls == ["a", "b"] * 3
    assert (taken["a"].wall, taken["b"].wall) == (0.3, 0.2)
    assert taken["a"].cpu == taken["b"].cpu == 1


def test_what_takes_long_is_timed_once():
    calls: list[str] = []
    now = iter([0, 5, 0, 0.5, 0, 0.7])
    makers = {name: lambda name=name: lambda: calls.append(name) for name in "ab"}
    taken = alternate(makers, 2, wall=lambda: next(now), cpu=lambda: 0)
    assert calls == ["a", "b", "b"] and taken["a"].wall == 5 and taken["b"].wall == 0.6


def test_what_a_maker_does_is_not_timed():
    spent: list[float] = [0]

    def make():
        spent[0] += 100

        def call():
            spent[0] += 0.5

        return call

    assert alternate({"a": make}, 2, wall=lambda: spent[0], cpu=lambda: spent[0])["a"].wall == 0.5


def fake(encode, decode) -> Peer:
    return Peer("numpy", lambda material: Routes({"": encode}, {"": decode}))


def test_a_library_with_other_ids_gets_no_time(material, sample):
    peers = {
        OURS: PEERS[OURS],
        "wrong": fake(lambda sample: np.arange(7), lambda ids: "other text"),
        "broken": fake(lambda sample: 1 // 0, lambda ids: [][0]),
        "absent": Peer("no-such-library", PEERS[OURS].load),
    }
    rows = list(encoding_rows(material, sample, peers, 1, quiet))
    notes = {row.library: row.note for row in rows if row.task == "encode warm"}
    assert notes["wrong"] == "not equal" and notes[OURS] == ""
    assert notes["broken"].startswith("fails: ZeroDivisionError")
    assert notes["absent"] == "not installed"
    assert {row.library for row in rows if row.wall is not None} == {OURS}
    decoded = list(decoding_rows(material, sample, peers, 1, quiet))
    assert {row.library: row.note for row in decoded if row.wall is None} == {
        "wrong": "not equal",
        "broken": "fails: IndexError: list index out of range",
    }
    assert {row.library for row in decoded if row.wall is not None} == {OURS}


def test_a_trainer_with_other_merges_gets_no_time(sample, monkeypatch):
    wrong = Trainer("numpy", SAME_TIES, TRAINERS[NAIVE].learn)
    trainers = {NAIVE: TRAINERS[NAIVE], OURS: TRAINERS[OURS], "wrong": wrong}

    def learned(work, name, task):
        run = run_in_process(work, OURS if name == "wrong" else name, task)
        if name == "wrong":
            run.result.learned.tokens[5] = b"?"
        return run

    monkeypatch.setattr(training, "run_in_process", learned)
    rows = list(training.training_rows(sample, 300, trainers, 1, quiet))
    assert [row.library for row in rows] == [NAIVE, OURS, OURS, "wrong"]
    assert rows[3].wall is None and rows[3].note == f"not equal, {SAME_TIES}"
    assert all(row.wall and row.peak_bytes and row.n_pretokens for row in rows[:3])


def test_ratios_are_of_bytes_a_second_of_cpu():
    def row(library: str, n_bytes: int, cpu: float, file: str, task: str) -> Row:
        return Row(
            task=task, label=library, library=library, file=file, n_bytes=n_bytes, cpu=cpu, wall=1
        )

    for task, over_naive in (("encode warm", 50.0), ("train", None)):
        rows = [
            row(NAIVE, 10, 1, "part", task), row(OURS, 1000, 2, "a", task),
            row("peer", 1000, 4, "a", task),
        ]  # fmt: skip
        found = with_ratios(rows)
        assert found[1].over_naive == over_naive and found[2].ours_over_it == 2.0
        assert "2.00x" in tables(found)


def test_built_in_text_grows_to_the_size_that_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(bench_material, "SAMPLE_BYTES", 30_000)
    assert 900_000 - 3 <= len(sample_in(tmp_path, None, 900_000).data) <= 900_000


@pytest.mark.peers
def test_every_library_that_is_installed_has_our_ids(material, sample):
    candidates, refused = admitted(material, sample, PEERS, quiet)
    assert {"tiktoken", "tokenizers"} <= {candidate.library for candidate in candidates}
    assert [row.note for row in refused if row.note != "not installed"] == []


def test_the_figure_shows_the_fastest_route_of_each_library():
    rows = [
        Row(task="encode warm", label="peer a", library="peer", file="x", n_bytes=10**6, cpu=0.5),
        Row(task="encode warm", label="peer b", library="peer", file="x", n_bytes=10**6, cpu=0.25),
        Row(task="encode warm", label="paribus", library=OURS, file="x", n_bytes=10**6, cpu=0.1),
        Row(task="encode warm", label="other", library="other", file="x", note="not equal"),
    ]
    assert [(bar["library"], bar["rate"]) for bar in fastest(rows)] == [("peer", 4.0), (OURS, 10.0)]
    pytest.importorskip("vl_convert")
    picture = rates_figure(rows, "a title").decode()
    assert picture.startswith("<svg") and "peer" in picture and "a title" in picture


def test_a_library_gets_no_more_text_than_memory_holds(sample, monkeypatch):
    sample.path.write_text(TEXT * 30, encoding="utf-8")
    large = Sample(sample.path, sample.folder)
    monkeypatch.setattr(candidates_module, "available_memory_bytes", lambda: 10_000_000)
    peer = fake(lambda sample: [], lambda ids: "")
    routes = Routes({"": lambda sample: []})
    assert candidates_module._n_bytes(peer, routes, "", large) == 200_000
    assert candidates_module._n_bytes(replace(peer, memory=1), routes, "", large) == len(large.data)


def test_a_trainer_that_is_not_installed_has_a_row_that_says_so(sample):
    absent = Trainer("no-such-library", SAME_TIES, TRAINERS[OURS].learn)
    trainers = {NAIVE: TRAINERS[NAIVE], OURS: TRAINERS[OURS], "absent": absent}
    *_, row = training.training_rows(sample, 300, trainers, 1, quiet)
    assert (row.library, row.note, row.wall) == ("absent", "not installed", None)
    assert row.vocab_size == 300


def test_the_hint_names_each_missing_package_once():
    libraries = [Library("numpy"), Library("no-such-a"), Library("no-such-b"), Library("no-such-a")]
    assert install_hint(libraries) == "uv pip install no-such-a no-such-b"
    assert install_hint([Library("numpy")]) == ""
