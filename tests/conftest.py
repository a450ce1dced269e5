"""What all tests share: one thread, shapes checked at run time, and where outside data lies."""

import os
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

# Before torch is imported. One thread: results do not depend on the machine, and two test runs
# do not fight over its cores.
os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"

# Every annotated shape of these packages is checked at each call.
install_import_hook(
    ["paribus.model", "paribus.loss", "paribus.optim", "paribus.evaluation"], "beartype.beartype"
)


@pytest.fixture(scope="session")
def gpt2_folder() -> Path:
    """The folder with GPT-2's vocabulary and the texts of the CS336 tests, from $PARIBUS_GPT2."""
    folder = os.environ.get("PARIBUS_GPT2")
    if not folder or not Path(folder).is_dir():
        pytest.skip("needs the CS336 fixtures: set PARIBUS_GPT2 to their folder 'fixtures'")
    return Path(folder)


@pytest.fixture(scope="session")
def cs336_array(gpt2_folder):
    """Reads one recorded array file of the CS336 tests: edition and path without the ending."""
    import numpy as np

    def read(name: str) -> dict:
        path = gpt2_folder.parents[1] / f"{name}.npz"
        if not path.is_file():
            pytest.skip(f"needs {path}, which is not there")
        with np.load(path) as arrays:
            return dict(arrays)

    return read
