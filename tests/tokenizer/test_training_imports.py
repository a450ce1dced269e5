"""Training by the core pays for no library that it does not use."""

import subprocess
import sys

CODE = """
import sys
from paribus.tokenizer.train import train
train([b"low lower lowest"], vocab_size=260)
print([name for name in ("numpy", "regex", "torch") if name in sys.modules])
"""


def test_training_imports_neither_numpy_nor_regex():
    result = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, encoding="utf-8", timeout=60, check=True
    )
    assert result.stdout.strip() == "[]"
