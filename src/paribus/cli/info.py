"""`paribus info`: this machine, its devices, and what is installed."""

import importlib.util
from typing import Any

import click

from paribus.cli.display import show_json, show_text
from paribus.machine import this_machine, version
from paribus.text_table import fact_table

EXTRAS = {
    "study": ("scipy", "altair", "vl_convert", "jinja2"),
    "serve": ("starlette", "uvicorn"),
    "hf": ("transformers", "tokenizers"),
    "data": ("zstandard", "pyarrow"),
    "cs336": ("pytest", "einops", "psutil", "tiktoken"),
    "wandb": ("wandb",),
    "tensorboard": ("tensorboardX",),
    "gguf": ("gguf",),
}

NAMES = {"memory_bytes": "memory", "vectors": "vectors of torch"}
"""What the text calls a fact that JSON names otherwise."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def info(as_json: bool) -> None:
    """Show the machine, its devices, versions, the C++ core, and installed extras.

    \b
    Example:
      paribus info --json
    """
    record = _facts()
    if as_json:
        show_json(record)
        return
    facts = [
        (NAMES.get(name, name.replace("_", " ")), _shown(name, value))
        for name, value in record.items()
    ]
    show_text(fact_table(facts))


def _shown(name: str, value: Any) -> str:
    if value is None or value == "" or value == []:
        return "none" if name == "extras" else "unknown"
    if name == "memory_bytes":
        return f"{value / 1e9:.1f} GB"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _facts() -> dict[str, Any]:
    import torch

    machine, devices = this_machine(), ["cpu"]
    if torch.cuda.is_available():
        devices += [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        devices.append("mps")
    return {
        "paribus": version("paribus"),
        "python": machine.python,
        "torch": torch.__version__,
        "platform": machine.platform,
        "processor": machine.processor,
        "instruction_sets": list(machine.instruction_sets),
        "vectors": torch.backends.cpu.get_cpu_capability(),
        "cores": machine.cpu_count,
        "physical_cores": machine.physical_cores,
        "usable_cores": machine.usable_cores,
        "memory_bytes": machine.memory_bytes,
        "threads": torch.get_num_threads(),
        "devices": devices,
        "core": "C++" if importlib.util.find_spec("paribus._core") else "plain Python (slow)",
        "extras": [name for name, needs in EXTRAS.items() if all(map(_is_there, needs))],
    }


def _is_there(module: str) -> bool:
    return importlib.util.find_spec(module) is not None
