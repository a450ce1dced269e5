"""The shipped configs: complete where they promise it, differences elsewhere, golden counts."""

import dataclasses
import re
from pathlib import Path
from typing import get_args

import pytest
from ruamel.yaml import YAML

from paribus.config.load import dotted_keys, load, to_plain, to_yaml
from paribus.experiment import Experiment, load_experiment
from paribus.model.accounting import count_parameters
from paribus.optim.config import OptimizerConfig
from paribus.optim.schedule import check_schedule

CONFIGS = Path(__file__).parents[1] / "configs"
ARMS = sorted(CONFIGS.glob("experiments/*.yaml"))
ON_VANILLA = ("prenorm", "postnorm", "pe_", "tied", "untied", "vanilla_swiglu", "vanilla_ctx1024")

GOLDEN = {
    "base_modern": 16_079_360,
    "base_vanilla": 16_024_832,
    "ablation_modern": 16_079_360,
    "ablation_vanilla": 16_024_832,
    "ablation_modern_relu": 16_013_824,
    "ablation_vanilla_swiglu": 16_091_904,
    "ablation_prenorm": 16_024_832 + 2 * 256,  # the final norm
    "ablation_postnorm": 16_024_832,
    "ablation_pe_sinusoidal": 16_024_832,
    "ablation_pe_rope": 16_024_832,
    "ablation_pe_nope": 16_024_832,
    "ablation_pe_alibi": 16_024_832,
    "ablation_pe_learned": 16_024_832 + 256 * 256,
    "ablation_tied": 16_024_832,
    "ablation_untied": 28_890_624,
    "ablation_modern_ctx1024": 16_079_360,
    "ablation_vanilla_ctx1024": 16_024_832,
    "ablation_nonorm": 16_079_360 - (2 * 4 + 1) * 256,  # no norm anywhere
    "ablation_silu": 16_013_824,
    "ablation_modern_77m": 77_128_704,
    "ablation_modern_relu_76m": 76_080_128,
}


def raw(path):
    return YAML(typ="safe").load(path.read_text(encoding="utf-8"))


def settings(path):
    """The settings of a config, without the run folder that is named after the file."""
    plain = to_plain(load_experiment(path))
    return {key: value for key, value in plain.items() if key != "run"}


def flat(values, prefix=""):
    for key, value in values.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


@pytest.mark.parametrize("path", sorted(CONFIGS.rglob("*.yaml")), ids=lambda p: p.stem)
def test_a_config_is_read_and_written_back_equal(path, tmp_path):
    experiment = load(Experiment, path)
    (tmp_path / "again.yaml").write_text(to_yaml(experiment), encoding="utf-8")
    assert load(Experiment, tmp_path / "again.yaml") == experiment


def test_base_modern_states_every_key_in_order_with_its_default():
    stated = list(flat(raw(CONFIGS / "base_modern.yaml")))
    assert stated == list(flat(to_plain(Experiment())))


def commented_keys():
    """The keys of kinds that are not chosen, by kind: lines `#   key: value` below `# Keys of`."""
    text = (CONFIGS / "base_modern.yaml").read_text(encoding="utf-8")
    for block in re.split(r"^ +# Keys of ", text, flags=re.MULTILINE)[1:]:
        kind = re.split(r"\W", block)[0]
        pairs = re.findall(r"^ +#   (\w+): (\S+) +# \w", block, flags=re.MULTILINE)
        yield kind, dict(pairs)


def test_base_modern_documents_the_keys_of_every_kind_with_their_defaults():
    stated = {key for key, _ in flat(raw(CONFIGS / "base_modern.yaml"))}
    commented = dict(commented_keys())
    for kind in get_args(OptimizerConfig):
        values = to_plain(kind())
        own = {k: str(v) for k, v in values.items() if f"optimizer.{k}" not in stated}
        assert commented.pop(kind.kind, {}) == own
    assert commented == {}
    keys = {f"optimizer.{k}" for _, pairs in commented_keys() for k in pairs}
    assert stated | keys == set(dotted_keys(Experiment))


def test_every_line_of_base_modern_that_sets_a_key_says_what_it_is():
    lines = (CONFIGS / "base_modern.yaml").read_text(encoding="utf-8").splitlines()
    values = [
        line for line in lines if not line.lstrip().startswith("#") and not line.endswith(":")
    ]
    assert [line for line in values if "#" not in line] == []


@pytest.mark.parametrize("path", [CONFIGS / "base_vanilla.yaml", *ARMS], ids=lambda p: p.stem)
def test_a_config_states_differences_or_its_own_axis_only(path):
    stated = raw(path)
    base = path.parent / stated.pop("base", "base_modern.yaml")
    before, after = (dict(flat(settings(p))) for p in (base, path))
    changed = {key for key in before | after if before.get(key) != after.get(key)}
    # A kind of position carries its own keys.
    assert {k for k in changed if k != "model.position.theta"} <= {key for key, _ in flat(stated)}
    if changed:
        assert {k for k, _ in flat(stated)} <= changed, "states what its base already says"


@pytest.mark.parametrize("path", ARMS, ids=lambda p: p.stem)
def test_an_arm_stands_on_its_base(path):
    name = path.stem.removeprefix("ablation_")
    vanilla = name.startswith(ON_VANILLA)
    assert raw(path)["base"] == f"../base_{'vanilla' if vanilla else 'modern'}.yaml"


@pytest.mark.parametrize("name", GOLDEN)
def test_a_config_has_its_golden_number_of_parameters(name):
    experiment = load_experiment(name)
    assert count_parameters(experiment.model).total == GOLDEN[name]
    assert experiment.training.steps is not None
    check_schedule(experiment.schedule, experiment.optimizer.lr, experiment.training.steps)


def test_every_shipped_arm_has_a_golden_number():
    assert {path.stem for path in ARMS} | {"base_modern", "base_vanilla"} == set(GOLDEN)


def test_the_presets_have_the_sizes_of_the_original():
    modern, vanilla = load_experiment("base_modern"), load_experiment("base_vanilla")
    for experiment in (modern, vanilla):
        model, training = experiment.model, experiment.training
        assert (model.d_model, model.n_layers, model.n_heads, model.context_length) == (
            256,
            4,
            4,
            256,
        )
        assert (training.batch_size, training.steps, model.tie_embeddings) == (64, 40_000, True)
        assert (experiment.optimizer.lr, experiment.schedule.min_lr) == (3e-4, 3e-5)
    assert (modern.model.has_final_norm, vanilla.model.has_final_norm) == (True, False)
    assert (modern.model.feed_forward_width, vanilla.model.feed_forward_width) == (704, 1024)


def test_two_arms_that_share_their_axes_are_one_experiment():
    pairs = [
        ("ablation_modern", "base_modern"),
        ("ablation_vanilla", "base_vanilla"),
        ("ablation_postnorm", "base_vanilla"),
        ("ablation_pe_sinusoidal", "base_vanilla"),
        ("ablation_tied", "base_vanilla"),
    ]
    for one, other in pairs:
        first, second = load_experiment(one), load_experiment(other)
        assert dataclasses.replace(first, run=second.run) == second
