"""`paribus info`: the facts of the machine, as text and as JSON."""

import json

from paribus.cli import info as module
from paribus.machine import this_machine


def test_json_has_the_facts_of_the_machine(cli):
    found, machine = json.loads(cli("info", "--json").out), this_machine()
    assert found["processor"] == machine.processor
    assert found["instruction_sets"] == list(machine.instruction_sets)
    assert found["memory_bytes"] == machine.memory_bytes
    cores = (machine.cpu_count, machine.physical_cores, machine.usable_cores)
    assert (found["cores"], found["physical_cores"], found["usable_cores"]) == cores


def test_text_has_a_line_for_each_fact(cli):
    record = json.loads(cli("info", "--json").out)
    lines = cli("info").out.splitlines()
    assert len(lines) == len(record)
    (memory,) = [line for line in lines if line.startswith("memory")]
    assert memory.split()[1:] == [f"{record['memory_bytes'] / 1e9:.1f}", "GB"]


def test_what_is_not_known_is_said(cli, monkeypatch):
    facts = {"processor": "", "memory_bytes": None, "instruction_sets": [], "extras": []}
    monkeypatch.setattr(module, "_facts", lambda: facts)
    shown = [line.split() for line in cli("info").out.splitlines()]
    assert [words[-1] for words in shown] == ["unknown", "unknown", "unknown", "none"]
