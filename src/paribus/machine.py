"""Facts about this machine: processor, cores, memory, and the versions of what is installed."""

import contextlib
import os
import platform
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

INSTRUCTION_SETS = (
    "sse4_2", "avx", "avx2", "fma", "f16c", "bmi2", "avx512f", "avx512bw", "avx512_vbmi",
    "avx512_vbmi2", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16", "amx_int8",
    "asimd", "asimdhp", "asimddp", "bf16", "i8mm", "sve", "sve2",
)  # fmt: skip
"""Extensions that decide how fast tokenizers and matrix products are, as Linux spells them."""


@dataclass(frozen=True)
class Machine:
    """What a measurement was made on."""

    processor: str
    """The model name of the processor; empty if the system does not tell."""
    instruction_sets: tuple[str, ...]
    """The processor's share of `INSTRUCTION_SETS`; empty if the system does not tell."""
    cpu_count: int
    """Logical processors."""
    physical_cores: int | None
    """Cores, each counted once however many threads it runs at a time."""
    usable_cores: int
    """Logical processors that this process may run on."""
    memory_bytes: int | None
    """Main memory of the machine."""
    platform: str
    """Operating system and release."""
    python: str
    """Version of Python."""


def this_machine() -> Machine:
    """The facts of the machine that runs this process."""
    return Machine(
        processor=processor_name(),
        instruction_sets=instruction_sets(),
        cpu_count=os.cpu_count() or 1,
        physical_cores=physical_cores(),
        usable_cores=usable_cores(),
        memory_bytes=total_memory_bytes(),
        platform=platform.platform(),
        python=platform.python_version(),
    )


def processor_name() -> str:
    """The model name of the processor; empty if the system does not tell."""
    # Not the default of `next`: platform.processor() starts a program on some systems.
    return next(_values_in_cpuinfo("model name"), "") or platform.processor()


def instruction_sets() -> tuple[str, ...]:
    """The processor's share of `INSTRUCTION_SETS`; empty if the system does not tell."""
    flags = next(_values_in_cpuinfo("flags", "Features"), "").split()
    return tuple(name for name in INSTRUCTION_SETS if name in flags)


def physical_cores() -> int | None:
    """Cores of the machine, hyper-threads not counted; None if the system does not tell."""
    packages, cores = _values_in_cpuinfo("physical id"), _values_in_cpuinfo("core id")
    return len(set(zip(packages, cores, strict=False))) or None


def usable_cores() -> int:
    """Logical processors that this process may run on: `taskset` and containers allow it fewer."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def load_average() -> str:
    """Average number of running processes over 1, 5 and 15 minutes; empty on Windows."""
    if not hasattr(os, "getloadavg"):
        return ""
    return " ".join(f"{value:.2f}" for value in os.getloadavg())


def peak_memory_bytes() -> int | None:
    """Largest resident memory of this process so far; None if the system does not tell."""
    # On Linux, getrusage starts a child off with the peak of the process that created it.
    if (peak := _kilobytes_in("/proc/self/status", "VmHWM:")) is not None:
        return peak * 1024
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def resident_memory_bytes() -> int | None:
    """Resident memory of this process now; None if the system does not tell."""
    resident = _kilobytes_in("/proc/self/status", "VmRSS:")
    return None if resident is None else resident * 1024


def available_memory_bytes() -> int | None:
    """Memory that a new process could take; None if the system does not tell."""
    available = _kilobytes_in("/proc/meminfo", "MemAvailable:")
    return None if available is None else available * 1024


def total_memory_bytes() -> int | None:
    """Main memory of the machine; None if the system does not tell."""
    with contextlib.suppress(AttributeError, ValueError, OSError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def version(package: str) -> str | None:
    """The installed version of a package; None if it is not installed."""
    import importlib.metadata  # takes 20 ms, which most uses of this module need not pay

    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def versions(packages: Iterable[str]) -> dict[str, str | None]:
    """The installed version of each package; None for one that is not installed."""
    return {package: version(package) for package in packages}


def _values_in_cpuinfo(*names: str) -> Iterator[str]:
    """What Linux tells under any of `names`, once for each logical processor."""
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            name, colon, value = line.partition(":")
            if colon and name.strip() in names and value.strip():
                yield value.strip()


def _kilobytes_in(path: str, name: str) -> int | None:
    """The number in the line of a Linux file that begins with `name`."""
    with contextlib.suppress(OSError), open(path, encoding="utf-8") as file:
        for line in file:
            if line.startswith(name) and (number := re.search(r"\d+", line)):
                return int(number[0])
    return None
