"""`paribus info`: versions, devices, what is installed."""

import importlib.metadata
import importlib.util
import os
import platform
from typing import Any

import click

from paribus.cli.display import show, show_json

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


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def info(as_json: bool) -> None:
    """Say what is here: versions, devices, the C++ core, extras.

    \b
    Example:
      paribus info --json
    """
    record = _facts()
    if as_json:
        show_json(record)
        return
    for name, value in record.items():
        shown = ", ".join(map(str, value)) if isinstance(value, list) else value
        show(f"{name:<16}{shown}")


def _facts() -> dict[str, Any]:
    import torch

    devices = ["cpu"]
    if torch.cuda.is_available():
        devices += [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        devices.append("mps")
    return {
        "paribus": importlib.metadata.version("paribus"),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "devices": devices,
        "core": "C++" if importlib.util.find_spec("paribus._core") else "plain Python (slow)",
        "extras": [name for name, needs in EXTRAS.items() if all(map(_is_there, needs))],
    }


def _is_there(module: str) -> bool:
    return importlib.util.find_spec(module) is not None
