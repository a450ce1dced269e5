"""Every setting against many malformed values: one line of our own words, advice that is legal."""

import re

import pytest

from paribus.config.load import dotted_keys, load
from paribus.config.yaml_source import parse_override, read_yaml
from paribus.errors import ConfigError
from paribus.experiment import Experiment

MALFORMED = [
    "0", "-1", "1", "3", "255", "0.0", "-0.0", "0.5", "2.5", "-3.5", "1e3", "1e300", "1e400", "-1e400",
    ".nan", ".inf", "-.inf", "99999999999999999999", "-99999999999999999999", "9" * 4000,
    f"0x{'f' * 5000}", "true", "false", "null", "~", "''", "' '", "word", "auto", "'3'", "yes", "2026-01-01",
    "[]", "[1]", "[[a]]", "[a, 1, null]", "[{a: 1}]", "{}", "[{kind: rope}]", '"\\ud800"', '"a\\0b"',
    '"a\\nb"', '"\\x1b[31m"', "['\\ud800']", '["\\udcff"]', "'é\u0301 \U0001f600'", "a" * 3000,
    "0o17", "1_000", "1:30", "=", "!", "0b1", "+1", ".5", "5.", "truncated_norml", "Rope", "ADAMW",
]  # fmt: skip
OF_LIBRARIES = re.compile(
    r"input should be|invalid json|validation|surrogate|unexpected end|hex escape|dataclass|pydantic|"
    r"type=|dictionary|tuple|expected <|<stream|could not find|not allowed here|cannot start any|"
    r"while (scanning|parsing|constructing)|found unexpected|exceeds the limit|nonetype|not supported|"
    r"serializable|codec|traceback|object at 0x|ordereddict|commented|scalarfloat|unhashable",
    re.IGNORECASE,
)
KEYS = [*dict.fromkeys(dotted_keys(Experiment)), "model", "optimizer", "model.position"]
OF_KIND = {
    "optimizer.matrix_lr": "muon", "optimizer.iterations": "muon", "optimizer.momentum": "sgd",
}  # fmt: skip


def load_with(key: str, value: str) -> None:
    kind = [f"optimizer.kind={OF_KIND[key]}"] if key in OF_KIND else []
    load(Experiment, None, [*kind, f"{key}={value}"])


def refusal(key: str, value: str) -> str | None:
    """The error about a value, None if it is legal; one about a rule may name another key."""
    try:
        load_with(key, value)
    except ConfigError as error:
        for line in error.args:
            assert line.isprintable(), line
            assert re.match(
                r"[\w.\[\]]+ \([^)]+\): expected .+, found .+", line
            ) or line.startswith(f"'{key}={value[:20]}"[:20]), line
            assert not OF_LIBRARIES.search(line), line
            assert len(line) < 400 or len(value) > 400, line
        return str(error)
    return None


def advised(error: str) -> str | None:
    """The value that an error advises for its own key, as it is written on the command line."""
    match = re.search(r"\. (?:Set it to|The nearest is|Set \w+ to) ([^\s,]+)$", error)
    match = match or re.search(r"\. Did you mean '(\w+)'\?$", error)
    return match and match[1]


@pytest.mark.parametrize("key", KEYS)
def test_a_malformed_value_is_refused_in_our_words_with_advice_that_is_legal(key):
    refused = [error for value in MALFORMED if (error := refusal(key, value))]
    assert refused
    for error in refused:
        value = advised(error)
        if value is not None and error.startswith(f"{key} "):
            assert refusal(key, value) is None, error


def test_some_advice_is_given():
    assert advised(refusal("model.n_kv_heads", "3") or "") == "2"
    assert advised(refusal("training.threads", "2000") or "") == "1024"
    assert advised(refusal("training.steps", "0") or "") == "1"
    assert advised(refusal("model.d_ff", "0") or "") == "null"
    assert advised(refusal("schedule.kind", "cosin") or "") == "cosine"


@pytest.mark.parametrize(
    "key", ["model.n_layer", "modle.norm", "optimizer.momentm", "n_layers", "dta"]
)
def test_an_advised_key_is_one_that_may_be_set(key):
    with pytest.raises(ConfigError) as caught:
        load(Experiment, None, [f"{key}=1"])
    name = re.search(r"Did you mean '([\w.]+)'", str(caught.value))
    if name is None:
        assert "is a key of another kind" in str(caught.value)
        return
    try:
        load(Experiment, None, [f"{name[1]}=1"])
    except ConfigError as error:
        assert "known key" not in str(error) and "another kind" not in str(error)


@pytest.mark.parametrize(
    "text",
    ["a: [1", "a: 'x", 'a: "\\q"', "a: {b: c", "a: b: c", "- a\nb: c", "a:\n\tb: 1", "a: |\n b\n  c\n d: 1",
     "a: @x", "a: `x`", "? [a]: b", "{a: 1}: 2", "a: 1\n...\nb", "a: *b", "&a b: 1", "a: %x", "a: ]", "}",
     "a: \x07", "a: \ud800", "a: 9" + "9" * 5000, "a: 0o9", "!!set {a, b}", "a: !!float x", "[a: 1", "a: 1\na: 2",
     'a: "\\ud800"', "a: >9\n b", "a: |x", "%TAG x", "--- a\n--- b"],
)  # fmt: skip
def test_malformed_yaml_is_refused_in_our_words(tmp_path, text):
    path = tmp_path / "c.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        read_yaml(path)
    except ConfigError as error:
        assert str(error).isprintable()
        assert not OF_LIBRARIES.search(str(error).partition("c.yaml")[2]), error
    try:
        parse_override(f"a={text}")
    except ConfigError as error:
        assert str(error).isprintable()
        assert not OF_LIBRARIES.search(str(error)), error
