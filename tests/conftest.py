"""What all tests share: one thread, shapes checked at run time, and where outside data lies."""

import os
from dataclasses import dataclass
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


TINY = """\
model: {d_model: 16, n_layers: 1, n_heads: 2, context_length: 16}
optimizer: {lr: 1e-2}
schedule: {warmup_steps: 2, min_lr: 1e-3}
training: {steps: 8, batch_size: 4, threads: 1, compile: off, device: cpu,
  precision: fp32, loss_rows: 32}
evaluation: {every: 4, tokens: 256, prompts: [Once], sample_tokens: 4}
checkpoint: {every: 2}
"""


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


@pytest.fixture(scope="session")
def made_run(  # noqa: PLR0915 - a folder made part by part
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A tiny run with a best checkpoint, step 2, and a last one, step 3. Not to be written to."""
    import numpy as np

    from paribus import checkpoint
    from paribus.config.load import to_yaml
    from paribus.experiment import Experiment
    from paribus.files import publish_file
    from paribus.model.config import ModelConfig
    from paribus.model.init import initialize
    from paribus.model.transformer import Transformer
    from paribus.optim.config import ScheduleConfig
    from paribus.run_folder import RunPaths
    from paribus.tokenizer import formats
    from paribus.tokenizer.tokenizer import Tokenizer
    from paribus.tokenizer.vocabulary import Vocabulary
    from paribus.tracking.metrics import EvaluationMetrics, MetricsLog
    from paribus.training.config import TrainingConfig
    from paribus.training.record import publish_validation

    merges = [(b"a", b"b"), (b" ", b"a"), (b"o", b"n")]
    tokenizer = Tokenizer(Vocabulary.build("gpt2", ["<|endoftext|>"], merges, "cs336"))
    model = ModelConfig(
        vocab_size=len(tokenizer), context_length=32, d_model=16, n_layers=2, n_heads=2, d_ff=32
    )
    training = TrainingConfig(
        batch_size=4, device="cpu", precision="fp32", threads=1, compile="off"
    )
    schedule = ScheduleConfig(warmup_steps=2)
    experiment = Experiment(model=model, training=training, schedule=schedule)
    paths = RunPaths(tmp_path_factory.mktemp("runs") / "tiny-s0")
    paths.folder.mkdir()
    publish_file(paths.config, to_yaml(experiment).encode())
    formats.publish(tokenizer.vocabulary, paths.tokenizer)
    publish_file(paths.status, b'{"state": "finished", "step": 3}')
    publish_validation(paths, np.random.default_rng(0).integers(0, len(tokenizer), 200, np.uint16))
    log = MetricsLog(paths.metrics)
    for step, loss in ((1, 6.0), (2, 5.0), (3, 5.5)):
        transformer = Transformer(model)
        initialize(transformer, model, seed=step)
        snapshot = checkpoint.Snapshot(
            step=step,
            weights=transformer.state_dict(),
            optimizer={},
            progress=checkpoint.Progress(tokens=0, seconds=0.0, chain="0" * 16, scaler=None),
            validation_loss=loss,
        )
        checkpoint.save(paths.folder, snapshot, tokenizer_hash=tokenizer.hash)
        log.eval(EvaluationMetrics(step=step, loss=loss, perplexity=1.0, bits_per_byte=2.0))
    return paths.folder


@dataclass(frozen=True)
class TinyData:
    """Fables, their tokenizer of 300 ids, the token shards, and a config of a tiny model."""

    text: Path
    tokenizer: Path
    tokens: Path
    config: Path


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory):
    from paribus.data.prepare import prepare
    from paribus.sample_text.fables import generate
    from paribus.tokenizer import formats
    from paribus.tokenizer.tokenizer import Tokenizer
    from paribus.tokenizer.train import train

    folder = tmp_path_factory.mktemp("tiny")
    made = TinyData(*(folder / n for n in ("fables.txt", "tokenizer", "tokens", "tiny.yaml")))
    made.text.write_bytes(generate(60_000))
    report = train([made.text.read_bytes()], vocab_size=300, specials=["<|endoftext|>"])
    formats.publish(report.vocabulary, made.tokenizer)
    prepare([made.text], Tokenizer.from_files(made.tokenizer), made.tokens, validation=0.1)
    made.config.write_text(TINY, encoding="utf-8")
    return made


@pytest.fixture
def tiny_experiment(tiny_data, tmp_path):
    """Makes the experiment of a run of 8 steps: the name of its folder, then overrides."""
    from paribus.experiment import load_experiment

    def make(name="run", *overrides):
        given = (f"data.dir={tiny_data.tokens}", f"run.dir={tmp_path / name}", *overrides)
        return load_experiment(tiny_data.config, given)

    return make
