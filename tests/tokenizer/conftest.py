"""What the tests of the tokenizer share."""

import os
from pathlib import Path

import pytest

from paribus.tokenizer import formats
from paribus.tokenizer.vocabulary import Vocabulary


@pytest.fixture(scope="session")
def gpt2_folder() -> Path:
    """The folder with GPT-2's files and the course's texts."""
    folder = os.environ.get("PARIBUS_GPT2")
    if not folder:
        pytest.skip("set PARIBUS_GPT2 to a folder with gpt2_vocab.json and gpt2_merges.txt")
    return Path(folder)


@pytest.fixture(scope="session")
def gpt2(gpt2_folder: Path) -> Vocabulary:
    """GPT-2's own vocabulary."""
    return formats.read(gpt2_folder / "gpt2_vocab.json")
