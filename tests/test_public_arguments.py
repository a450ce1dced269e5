"""The border of the Python API: a wrong argument is a ConfigError of one clear line."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import paribus
from paribus.arguments import checked
from paribus.errors import ConfigError, ParibusError
from paribus.tracking.listener import Listener

WRONG = [3, 3.5, None, True, b"bytes", [3], {"a": 1}, ["a", 3], object(), int, "a\0b", "x" * 5000]
"""Values of many types; few are right anywhere."""
FUNCTIONS = ["load", "load_config", "train", "train_or_resume", "resume", "read_runs"]
METHODS = ["generate", "stream", "loss"]


@pytest.fixture
def run(made_run) -> paribus.Run:
    return paribus.load(made_run, device="cpu")


def parameters(function: Callable) -> list[inspect.Parameter]:
    return [p for p in inspect.signature(function).parameters.values() if p.name != "self"]


def call_with(function: Callable, name: str, value: Any, first: Any) -> object:
    """Calls `function` with `value` as one argument, and `first` where it needs another."""
    first_name = parameters(function)[0].name
    kinds = {p.name: p.kind for p in parameters(function)}
    if kinds[name] is inspect.Parameter.VAR_POSITIONAL:
        return function(first, value)
    return function(**({first_name: first} | {name: value}))


def test_every_public_function_is_tested_here():
    own = {name for name in paribus.__all__ if inspect.isfunction(getattr(paribus, name))}
    assert own == {*FUNCTIONS, "quickstart"}, "a quickstart with one argument wrong may train"
    public = {n for n, f in vars(paribus.Run).items() if n[0] != "_" and inspect.isfunction(f)}
    assert public == set(METHODS)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("value", WRONG, ids=lambda value: repr(value)[:12])
def test_a_wrong_argument_of_a_function_is_a_paribus_error(name, value, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    function = getattr(paribus, name)
    for parameter in parameters(function):
        try:
            call_with(function, parameter.name, value, tmp_path / "nothing")
        except ParibusError as error:
            assert str(error) and "\n" not in str(error)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("value", WRONG, ids=lambda value: repr(value)[:12])
def test_a_wrong_argument_of_a_method_is_a_paribus_error(name, value, run):
    method = getattr(run, name)
    names = [p.name for p in parameters(run.stream if name == "generate" else method)]
    for argument in names:
        given = {argument: value} | ({"max_tokens": 2} if "max_tokens" in names[1:] else {})
        try:
            "".join(method(**given | {argument: value})) if name != "loss" else method(**given)
        except ParibusError as error:
            assert str(error) and "\n" not in str(error)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda run: run.generate(temprature=1),
            "'temprature' is not an option. Did you mean 'temp",
        ),
        (lambda run: run.stream("a", topk=1), "'topk' is not an option. Did you mean 'top_k'?"),
        (
            lambda run: run.generate(zzz=1),
            "'zzz' is not an option. Choose from prompt, max_tokens,",
        ),
        (
            lambda run: run.generate(max_tokens="x"),
            "max_tokens: expected a whole number, found 'x'",
        ),
        (
            lambda run: run.generate(max_tokens=2.0),
            "max_tokens: expected a whole number, found 2.0",
        ),
        (lambda run: run.generate(seed=True), "seed: expected a whole number, found true"),
        (lambda run: run.generate(temperature="1"), "temperature: expected a number, found '1'"),
        (lambda run: run.generate(top_k=0.5), "top_k: expected a whole number or None, found 0.5"),
        (
            lambda run: run.generate(stop="a"),
            "stop: expected a list of text, found 'a'. Write ['a']",
        ),
        (lambda run: run.generate(3), "prompt: expected text, found 3"),
        (lambda run: run.generate("a", "b"), "arguments: too many positional arguments"),
        (lambda run: run.loss(3), "text: expected text, bytes or a bytearray, found 3"),
        (lambda run: run.loss(None), "text: expected text, bytes or a bytearray, found null"),
        (lambda run: paribus.load(3), "run: expected a path, found 3"),
        (lambda run: paribus.load(None), "run: expected a path, found null"),
        (lambda run: paribus.load(), "arguments: missing a required argument: 'run'"),
        (
            lambda run: paribus.load(run.folder, step="x"),
            "step: expected best, last or a whole numb",
        ),
        (lambda run: paribus.load(run.folder, device=3), "device: expected text, found 3"),
        (
            lambda run: paribus.load(run.folder, stp=1),
            "'stp' is not an option. Did you mean 'step'?",
        ),
        (lambda run: paribus.train(3), "config: expected an Experiment or a path, found 3"),
        (lambda run: paribus.train({}), "config: expected an Experiment or a path, found {}"),
        (
            lambda run: paribus.train("a", listeners=3),
            "listeners: expected a list of a Listener, f",
        ),
        (
            lambda run: paribus.train("a", listeners=[int]),
            "listeners: expected a list of a Listene",
        ),
        (
            lambda run: paribus.train("a", init_from=3),
            "init_from: expected a path or None, found 3",
        ),
        (lambda run: paribus.resume(3), "run: expected a path, found 3"),
        (lambda run: paribus.resume("a", 3), "overrides: expected text, found 3"),
        (
            lambda run: paribus.resume("a", allow_change="k"),
            "allow_change: expected a list of text",
        ),
        (
            lambda run: paribus.train_or_resume(3),
            "config: expected an Experiment or a path, found 3",
        ),
        (
            lambda run: paribus.load_config("base_modern", ["a=1"]),
            "overrides: expected text, found",
        ),
        (lambda run: paribus.read_runs(3), "pattern: expected a path, found 3"),
        (lambda run: paribus.read_runs(["a"]), "pattern: expected a path, found ['a']"),
        (lambda run: paribus.Run(3), "Run: a run is opened from its folder. Write paribus.load"),
    ],
)
def test_the_line_names_the_argument_and_what_it_takes(call, message, run):
    with pytest.raises(ConfigError) as caught:
        call(run)
    assert str(caught.value).startswith(message)


def test_one_listener_is_told_to_stand_in_a_list():
    with pytest.raises(ConfigError, match=r"found <.*Listener object.*>\. Write \[<"):
        paribus.train("base_modern", listeners=Listener())  # type: ignore[arg-type]


def test_numbers_of_numpy_and_other_paths_are_what_they_look_like(run, made_run):
    class Elsewhere:
        def __fspath__(self) -> str:
            return str(made_run)

    assert paribus.load(Elsewhere(), device="cpu", step=np.int64(3)).step == 3  # type: ignore[arg-type]
    plain = run.generate("on a", max_tokens=5, seed=4, temperature=0.5, top_k=9)
    assert plain == run.generate(
        "on a",
        max_tokens=np.int64(5),
        seed=np.uint8(4),
        temperature=np.float32(0.5),
        top_k=np.int8(9),
    )


def test_a_lone_surrogate_is_text_that_can_be_scored(run):
    assert run.loss("a\ud800").n_bytes == 4


def test_a_home_that_does_not_exist_holds_no_runs():
    with pytest.raises(ParibusError, match="expected run folders"):
        paribus.read_runs("~no-such-user-here/runs/*")


def test_a_checked_function_keeps_its_name_and_its_errors():
    @checked
    def first_item(items: list, path: Path | str = "a") -> object:
        """The first of `items`."""
        return items[0]

    assert (first_item.__name__, first_item.__doc__) == ("first_item", "The first of `items`.")
    assert first_item([1]) == 1
    with pytest.raises(IndexError):
        first_item([])


@pytest.mark.parametrize(
    ("arguments", "named"),
    [((3,), {}), ((), {"corpus": 3}), ((), {"time": 5}), ((), {"run": 3}), ((), {"colour": "x"})],
)
def test_a_wrong_argument_of_quickstart_is_a_paribus_error(arguments, named):
    with pytest.raises(ConfigError):
        paribus.quickstart(*arguments, **named)
