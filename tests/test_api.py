"""What `import paribus` shows."""

import subprocess
import sys

import numpy as np
import pytest
import torch

import paribus
from paribus import checkpoint
from paribus.errors import ConfigError, InputMissingError, UnavailableError
from paribus.evaluation.text import evaluate_text


def loaded_after(code: str) -> set[str]:
    """The modules that a fresh Python has loaded after `code`."""
    code += "\nimport sys\nprint(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    return set(result.stdout.decode().split())


HEAVY = {"torch", "numpy", "pydantic", "ruamel.yaml", "regex", "click", "altair"}


def test_importing_paribus_is_cheap():
    assert not loaded_after("import paribus\npublic = dir(paribus)") & HEAVY


def test_reading_configs_and_runs_needs_no_torch(made_run):
    code = f"import paribus\nparibus.read_runs({str(made_run)!r})\n"
    code += f"paribus.load_config({str(made_run / 'config.yaml')!r})\nparibus.Tokenizer"
    loaded = loaded_after(code)
    assert "torch" not in loaded and "numpy" in loaded


def test_every_public_name_is_there_and_listed():
    for name in paribus.__all__:
        assert callable(getattr(paribus, name)) and name in dir(paribus)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = paribus.nothing


def test_a_loaded_run_is_the_run_s_best_checkpoint(made_run):
    run, opened = paribus.load(made_run, device="cpu"), checkpoint.open_run(made_run)
    assert (run.step, run.folder, run.config) == (2, made_run, opened.experiment)
    assert run.tokenizer.hash == opened.tokenizer.hash
    assert not run.model.training
    for name, tensor in opened.model.state_dict().items():
        assert torch.equal(run.model.state_dict()[name], tensor)
    assert paribus.load(str(made_run), device="cpu", step="last").step == 3


def test_generate_gives_the_text_that_stream_gives_in_pieces(made_run):
    run = paribus.load(made_run, device="cpu")
    options = {"max_tokens": 12, "seed": 4, "temperature": 1.2, "top_k": 50, "stop": ["zz"]}
    text = run.generate("on a", **options)
    pieces = list(run.stream("on a", **options))
    assert text == "".join(pieces) and len(pieces) > 1
    assert text == run.generate("on a", **options)
    assert text != run.generate("on a", **(options | {"seed": 5}))
    with pytest.raises(ConfigError, match=r"^top_k"):
        run.generate("on a", top_k=0)
    with pytest.raises(ConfigError, match=r"^seed: expected a whole number from 0"):
        run.generate("on a", seed=2**63)


def test_a_device_that_is_not_there_is_named_as_the_argument_it_is(made_run, monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(UnavailableError, match=r"^device: expected an available device"):
        paribus.load(made_run, device="mps")
    with pytest.raises(UnavailableError, match=r"found 'tpu'"):
        paribus.load(made_run, device="tpu")


def test_loss_is_that_of_the_text(made_run):
    run = paribus.load(made_run, device="cpu")
    found = run.loss("Once upon a time é")
    assert found == run.loss("Once upon a time é".encode())
    assert found == evaluate_text(run.model, run.tokenizer, "Once upon a time é".encode())
    assert found.bits_per_byte > 0


def test_reprs_say_what_a_run_is_and_escape_its_name(made_run):
    run = paribus.load(made_run, device="cpu")
    n_parameters = f"{sum(p.numel() for p in run.model.parameters()):,}"
    for text in (repr(run), run._repr_html_()):
        assert n_parameters in text and str(made_run) in text and "32 tokens" in text
    assert run._repr_html_().startswith("<table>")


def test_a_config_is_loaded_with_overrides(made_run):
    path = made_run / "config.yaml"
    config = paribus.load_config(path, "model.n_layers=3", "optimizer.lr=1e-3")
    assert (config.model.n_layers, config.optimizer.lr, config.model.d_model) == (3, 1e-3, 16)
    with pytest.raises(ConfigError, match="n_layers"):
        paribus.load_config(path, "model.n_layer=3")
    with pytest.raises(InputMissingError):
        paribus.load_config("no_such_config")


def test_runs_are_read_by_a_glob(made_run):
    (record,) = paribus.read_runs(made_run.parent / "tiny-*")
    np.testing.assert_array_equal(record.column("eval", "loss"), [6.0, 5.0, 5.5])
    assert record.config.model.d_model == 16


def test_train_trains_in_the_run_folder_and_opens_it(made_run, tmp_path):
    from paribus.data.prepare import prepare

    text = tmp_path / "in.txt"
    documents = (f"document {n} on a table\n" for n in range(200))
    text.write_text("<|endoftext|>\n".join(documents), encoding="utf-8")
    prepare(
        [text], paribus.load(made_run, device="cpu").tokenizer, tmp_path / "data", validation=0.1
    )
    config = paribus.load_config(
        made_run / "config.yaml",
        *(f"data.dir={tmp_path / 'data'}", f"run.dir={tmp_path / 'run'}"),
        *("training.steps=3", "training.compile=off", "schedule.warmup_steps=1"),
    )
    run = paribus.train(config)
    assert (run.step, run.folder) == (3, tmp_path / "run")
    assert paribus.read_runs(run.folder)[0].column("train", "step").tolist() == [1, 2, 3]
