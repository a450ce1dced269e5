"""The solver of sizes: its answer is the best of all legal ones."""

import dataclasses
import random
import re
import subprocess
import sys

import pytest

from axes import small_config
from paribus.errors import ConfigError
from paribus.model.accounting import count_flops, count_parameters
from paribus.model.config import Learned, ModelConfig, NoPosition
from paribus.model.matching import MEASURES, MULTIPLES, match

CONFIGS = [
    small_config(d_ff_multiple=1),
    small_config(d_ff_multiple=8, bias=True, norm="layernorm", tie_embeddings=False),
    small_config(d_ff=None, d_ff_multiple=8, position=Learned(), n_kv_heads=2, qk_norm=True),
    small_config(
        d_ff=None, ffn="relu", d_ff_multiple=64, d_ff_rounding="nearest", position=NoPosition()
    ),
    small_config(d_ff=None, d_ff_ratio=3.0, d_ff_multiple=5, norm_placement="sandwich"),
]


def legal(config, key, last):
    """Every config that has another value of `key`, up to `last`, and that the settings accept."""
    for value in range(1, last + 1):
        if key == "d_ff" and value % config.d_ff_multiple:
            continue
        try:
            changes = {key: value} | ({"d_ff_ratio": None} if key == "d_ff" else {})
            yield value, dataclasses.replace(config, **changes)
        except ConfigError:
            continue


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("key", MULTIPLES)
@pytest.mark.parametrize("config", CONFIGS)
def test_the_answer_is_the_best_of_all_legal_values(config, key, measure):
    costs = {value: MEASURES[measure](c) for value, c in legal(config, key, 320)}
    assert [*costs.values()] == sorted(set(costs.values())), "more costs more"
    rng = random.Random(0)
    lowest, highest = min(costs.values()), max(costs.values())
    values = [*costs]
    halfway = (costs[values[0]] + costs[values[1]]) // 2
    for target in (lowest, highest, halfway, *(rng.randint(lowest, highest) for _ in range(40))):
        best = min(abs(cost - target) for cost in costs.values())
        found = match(config, key, target, measure)
        assert found.value == next(v for v, cost in costs.items() if abs(cost - target) == best)
        assert found.found == costs[found.value] == MEASURES[measure](found.config)
        assert (abs(found.mismatch), found.found) == (best, target + found.mismatch)
        same = {key: getattr(config, key), "d_ff_ratio": config.d_ff_ratio}
        assert dataclasses.replace(found.config, **same) == config, "no other key changes"


def test_measures_are_those_of_the_accounting():
    config = ModelConfig(vocab_size=100)
    counted = count_parameters(config)
    expected = (counted.total, counted.non_embedding, count_flops(config).forward)
    assert tuple(measure(config) for measure in MEASURES.values()) == expected


@pytest.mark.parametrize("key", MULTIPLES)
def test_what_no_value_costs_is_refused_in_one_line(key):
    config = small_config(d_ff_multiple=1)
    for target, what in ((0, "at least"), (10**40, "at most")):
        with pytest.raises(ConfigError) as refused:
            match(config, key, target)
        line = rf"match: expected {what} ([\d,]+) parameters, those of model\.{key} = (\d+), found {target:,}\. .*"
        end, value = re.fullmatch(line, str(refused.value)).groups()
        found = match(config, key, int(end.replace(",", "")))
        assert (found.value, found.mismatch) == (int(value), 0)


def test_matching_needs_no_torch():
    code = "import sys, paribus.model.matching; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
