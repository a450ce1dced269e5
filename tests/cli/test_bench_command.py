"""`paribus bench` as a script calls it."""

import json

from paribus.bench.rows import NAIVE, OURS
from paribus.bench.tables import TABLES
from paribus.bench.tokenizers import candidates, peers, prompt, trainers


def test_the_command_prints_the_tables_of_what_is_installed(cli, tmp_path, monkeypatch):
    few = {NAIVE, OURS, "tiktoken"}
    monkeypatch.setattr(peers, "PEERS", {n: p for n, p in peers.PEERS.items() if n in few})
    learners = {n: t for n, t in trainers.TRAINERS.items() if n in few}
    monkeypatch.setattr(trainers, "TRAINERS", learners)
    monkeypatch.setattr(candidates, "LONGEST_PASS", 0.1)
    monkeypatch.setattr(prompt, "PROMPT_CALLS", 5)
    path = tmp_path / "text.txt"
    path.write_text("Once upon a time, a fox met a hare. It's 2024!\n" * 400, encoding="utf-8")
    monkeypatch.delenv("PARIBUS_GPT2", raising=False)
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    arguments = ["bench", "tokenizer", "--text", path, "--rounds", 1, "--vocab-size", 400]
    done = cli(*arguments, "--json")
    assert done.code == 0, done.err
    record = json.loads(done.out)
    assert set(record) == {"about", "rows", "to_install"} and record["about"]["text"].startswith(
        "text.txt, "
    )
    assert {row["task"] for row in record["rows"]} == set(TABLES) - {"step"}
    for library in few & {row["library"] for row in record["rows"]}:
        times = [r["wall"] for r in record["rows"] if r["library"] == library]
        assert len(times) >= 4 and all(times)
    monkeypatch.setitem(peers.PEERS, "absent", peers.Peer("no-such-library", lambda material: None))
    shown = cli(*arguments, "--only", "prompt").out
    assert "a prompt of 20 bytes" in shown and "Training" not in shown
    assert "To measure them too:\n  uv pip install no-such-library\n" in shown


def test_a_clone_that_is_not_there_is_refused_at_once(cli, tmp_path):
    done = cli("bench", "train", "--nanogpt", tmp_path / "gone", "--only", "nanoGPT")
    assert done.code == 66
    (line,) = done.err.splitlines()
    assert "model.py: expected the model of nanoGPT, found none. Get it: git clone" in line
