"""What a figure was measured on."""

import importlib.metadata
import os
import platform

from paribus.machine import processor_name


def machine() -> dict[str, str]:
    """Processor, cores, load, and the versions of Python and Paribus."""
    load = (
        " ".join(f"{value:.2f}" for value in os.getloadavg()) if hasattr(os, "getloadavg") else ""
    )
    return {
        "processor": processor_name(),
        "cores": str(os.cpu_count()),
        "load": load,
        "system": platform.platform(),
        "python": platform.python_version(),
        "paribus": importlib.metadata.version("paribus"),
    }
