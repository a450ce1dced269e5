"""The facts that belong to a measurement: the machine, its load, and our version."""

from paribus.machine import load_average, this_machine, version


def about_machine() -> dict[str, str]:
    """Processor, cores, load, and the versions of Python and Paribus."""
    machine = this_machine()
    return {
        "processor": machine.processor,
        "instruction sets": " ".join(machine.instruction_sets),
        "cores": str(machine.cpu_count),
        "load": load_average(),
        "system": machine.platform,
        "python": machine.python,
        "paribus": str(version("paribus")),
    }
