"""Facts about this machine, against what the system says by other means."""

import os
import platform
import subprocess
import sys
from dataclasses import asdict

import numpy
import psutil
import pytest
import torch

from paribus import machine
from paribus.machine import (
    INSTRUCTION_SETS,
    available_memory_bytes,
    peak_memory_bytes,
    resident_memory_bytes,
    this_machine,
    version,
    versions,
)

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@ON_LINUX
def test_memory_and_cores_are_those_that_psutil_finds():
    found, memory = this_machine(), psutil.virtual_memory()
    assert found.memory_bytes == memory.total
    assert found.cpu_count == psutil.cpu_count()
    assert found.physical_cores == psutil.cpu_count(logical=False)
    assert found.usable_cores == len(psutil.Process().cpu_affinity())
    available = available_memory_bytes()
    assert available and available <= memory.total


@ON_LINUX
def test_resident_memory_grows_and_the_peak_stays():
    before, size = resident_memory_bytes(), 64 << 20
    assert before
    block = bytearray(b"1") * size
    held = resident_memory_bytes()
    assert held and held - before > size // 2
    del block
    after, peak = resident_memory_bytes(), peak_memory_bytes()
    assert after and peak
    assert after < held <= peak + (1 << 20)  # the kernel counts in batches of pages


@ON_LINUX
def test_instruction_sets_agree_with_pytorch():
    found = this_machine().instruction_sets
    assert set(found) <= set(INSTRUCTION_SETS)
    capability = torch.backends.cpu.get_cpu_capability()
    if "ATEN_CPU_CAPABILITY" not in os.environ and capability in ("AVX2", "AVX512"):
        assert ("avx512f" in found) == (capability == "AVX512")
        assert "avx2" in found


@ON_LINUX
def test_a_process_that_may_use_one_core_is_told_so():
    code = "from paribus.machine import this_machine as m; print(m().usable_cores, m().cpu_count)"
    core = str(min(os.sched_getaffinity(0)))
    done = subprocess.run(
        ["taskset", "-c", core, sys.executable, "-c", code],
        capture_output=True, encoding="utf-8", check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["1", str(os.cpu_count())]


def test_versions_are_those_of_the_packages():
    assert version("numpy") == numpy.__version__
    assert versions(["psutil", "no-such-package"]) == {
        "psutil": psutil.__version__,
        "no-such-package": None,
    }
    assert this_machine().python == platform.python_version()


def test_a_system_that_tells_nothing_leaves_blanks(monkeypatch):
    monkeypatch.setattr(machine, "_values_in_cpuinfo", lambda *names: iter(()))
    monkeypatch.setattr(machine, "_kilobytes_in", lambda path, name: None)
    monkeypatch.setattr(machine.platform, "processor", lambda: "")
    monkeypatch.delattr(os, "sysconf", raising=False)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    found = asdict(this_machine())
    assert (found["processor"], found["instruction_sets"]) == ("", ())
    assert found["physical_cores"] is None and found["memory_bytes"] is None
    assert found["usable_cores"] == found["cpu_count"]
    assert available_memory_bytes() is None and resident_memory_bytes() is None
