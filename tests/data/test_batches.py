import dataclasses
import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from paribus.data.batches import Batches
from paribus.data.config import DataConfig
from paribus.errors import DataError

SIZE = {"batch_size": 4, "context_length": 16, "seed": 11}


@pytest.mark.parametrize("order", ["epoch", "random", "sequential"])
def test_a_batch_is_the_windows_at_its_starts_and_targets_are_one_further_on(shards, order):
    batches = Batches(shards, DataConfig(order=order), **SIZE)
    batch, starts = batches.at(5), batches.starts(5)
    stream = shards.train[0].astype(int).tolist()
    assert batch.tokens.dtype == batch.targets.dtype == torch.int64
    assert batch.tokens.is_contiguous() and batch.targets.is_contiguous()
    assert batch.tokens.tolist() == [stream[at : at + 16] for at in starts]
    assert batch.targets.tolist() == [stream[at + 1 : at + 17] for at in starts]


def test_windows_cross_the_borders_of_shards(shards):
    parts = tuple(np.array_split(np.asarray(shards.train[0]), 40))
    cut = dataclasses.replace(shards, train=parts)
    whole = Batches(shards, DataConfig(), **SIZE)
    for step in range(50):
        batch, expected = Batches(cut, DataConfig(), **SIZE).at(step), whole.at(step)
        assert torch.equal(batch.tokens, expected.tokens)
        assert torch.equal(batch.targets, expected.targets)


def test_the_hash_is_that_of_the_windows(shards):
    batch = Batches(shards, DataConfig(), **SIZE).at(0)
    rows = [[*a, b[-1]] for a, b in zip(batch.tokens.tolist(), batch.targets.tolist(), strict=True)]
    data = b"".join(i.to_bytes(8, "little") for row in rows for i in row)
    assert batch.hash == hashlib.sha256(data).hexdigest()[:16]


def test_too_few_tokens_are_refused_before_the_first_step(shards):
    size = SIZE | {"context_length": shards.n_train_tokens}
    with pytest.raises(DataError, match=r"Lower model\.context_length"):
        Batches(shards, DataConfig(), **size)
    Batches(shards, DataConfig(), **size | {"context_length": shards.n_train_tokens - 1}).at(0)


OTHER_PROCESS = """
import json, sys
from pathlib import Path
from paribus.data.batches import Batches
from paribus.data.config import DataConfig
from paribus.data.shards import open_shards
batches = Batches(open_shards(Path(sys.argv[1])), DataConfig(), **json.loads(sys.argv[2]))
print(json.dumps([batches.at(step).hash for step in (7, 3, 1000)]))
"""


def test_another_process_sees_the_same_batches(shards):
    command = [sys.executable, "-c", OTHER_PROCESS, str(shards.folder), json.dumps(SIZE)]
    there = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    batches = Batches(shards, DataConfig(), **SIZE)
    assert there == [batches.at(step).hash for step in (7, 3, 1000)]
