"""What `import paribus` shows: open a run, train one, read many. Imports torch on first use."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from paribus.arguments import checked
from paribus.config.load import check
from paribus.errors import ConfigError, from_os_error
from paribus.experiment import Experiment, load_experiment
from paribus.generation.config import MAX_TOKENS, SamplingConfig
from paribus.tracking.listener import Listener

if TYPE_CHECKING:
    from paribus.checkpoint import OpenedRun
    from paribus.evaluation.losses import Evaluation
    from paribus.model.transformer import Transformer
    from paribus.tokenizer.tokenizer import Tokenizer


class Run:
    """A trained model with its tokenizer and its settings; `load` opens one."""

    def __init__(self, opened: "OpenedRun"):
        from paribus.checkpoint import OpenedRun

        if not isinstance(opened, OpenedRun):
            raise ConfigError("Run: a run is opened from its folder. Write paribus.load(FOLDER)")
        self._opened = opened

    @property
    def folder(self) -> Path:
        """The run folder."""
        return self._opened.folder

    @property
    def step(self) -> int:
        """Number of weight updates in the loaded checkpoint."""
        return self._opened.step

    @property
    def model(self) -> "Transformer":
        """The PyTorch module, in evaluation mode."""
        return self._opened.model

    @property
    def tokenizer(self) -> "Tokenizer":
        """Text to ids and back."""
        return self._opened.tokenizer

    @property
    def config(self) -> Experiment:
        """The resolved settings."""
        return self._opened.experiment

    @checked
    def generate(self, prompt: str = "", **options: Any) -> str:
        """Continues `prompt` and returns the new text; takes the options of `stream`."""
        return "".join(self.stream(prompt, **options))

    @checked
    def stream(  # noqa: PLR0913 - the options of `generate`, by name
        self,
        prompt: str = "",
        *,
        max_tokens: int = MAX_TOKENS,
        seed: int = 0,
        stop: Sequence[str] = (),
        temperature: float = SamplingConfig.temperature,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
    ) -> Iterator[str]:
        """Continues `prompt` piece by piece, each piece whole characters.

        The text ends at the end-of-text token, before a text in `stop`, after `max_tokens` tokens
        or when the model's context is full. Raises ConfigError for an unknown option or a value
        out of range.
        """
        from paribus.generation.decode import generate

        sampling = SamplingConfig(temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)
        return generate(
            self.model,
            self.tokenizer,
            prompt,
            max_tokens=max_tokens,
            sampling=sampling,
            seed=seed,
            stop=stop,
        )

    @checked
    def loss(self, text: str | bytes | bytearray) -> "Evaluation":
        """How well the model predicts `text`: nats per token, perplexity, bits per byte."""
        from paribus.evaluation.text import evaluate_text

        data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else bytes(text)
        return evaluate_text(self.model, self.tokenizer, data)

    def __repr__(self) -> str:
        facts = ", ".join(f"{label}: {value}" for label, value in self._facts().items())
        return f"Run({str(self.folder)!r}, {facts})"

    def _repr_html_(self) -> str:
        from paribus.report.runs import html_table

        return html_table(str(self.folder), self._facts())

    def _facts(self) -> dict[str, str]:
        model = self.config.model
        n_parameters = sum(parameter.numel() for parameter in self.model.parameters())
        return {
            "step": f"{self.step:,}",
            "parameters": f"{n_parameters:,}",
            "layers": f"{model.n_layers}",
            "d_model": f"{model.d_model}",
            "context": f"{model.context_length} tokens",
            "vocabulary": f"{len(self.tokenizer):,} tokens",
            "device": str(self.model.output_weight.device),
        }


@checked
def load(
    run: Path | str, *, device: str = "auto", step: Literal["best", "last"] | int = "best"
) -> Run:
    """Opens a run folder with the weights of its best, its last, or a numbered step.

    Raises InputMissingError if there is no run, DataError if it is damaged, UnavailableError for a
    device that this machine does not have.
    """
    from paribus.checkpoint import open_run
    from paribus.device import find_device

    return Run(open_run(Path(run), device=find_device(device), step=step))


@checked
def load_config(path: Path | str, *overrides: str) -> Experiment:
    """Reads a config file, given by path or shipped name, and applies `key=value` overrides.

    Raises ConfigError with one line for each problem.
    """
    try:
        return load_experiment(path, overrides)
    except OSError as error:
        raise from_os_error(error, path) from error


@checked
def train(
    config: Experiment | Path | str,
    *,
    listeners: Sequence[Listener] = (),
    init_from: Path | str | None = None,
) -> Run:
    """Trains `config`, settings or a config file, in its folder `run.dir`, and opens the run.

    `listeners` are told of every step, evaluation and checkpoint; `init_from` names a run to take
    the initial weights from. Raises the same errors as `paribus train`.
    """
    from paribus.training.run import train as train_run

    source = None if init_from is None else Path(init_from)
    return load(train_run(_experiment(config), listeners, init_from=source))


@checked
def quickstart(
    *text: Path | str,
    corpus: str = "fables",
    field: str = "text",
    time: str = "5m",
    run: Path | str | None = None,
    device: str = "auto",
    listeners: Sequence[Listener] = (),
) -> Run:
    """Trains a tokenizer and a small model on files, or on a built-in corpus, within a time.

    `corpus` is fables, pydocs or tinystories; `field` is that of JSON lines. Raises what
    `paribus quickstart` ends with.
    """
    from paribus.first_run.run import quickstart as first_run

    folder = None if run is None else Path(run)
    made = first_run(
        text, corpus=corpus, field=field, time_budget=time, run=folder, device=device,
        listeners=listeners,
    )  # fmt: skip
    return load(made.folder)


@checked
def train_or_resume(config: Experiment | Path | str, *, listeners: Sequence[Listener] = ()) -> Run:
    """Trains `config`, or continues the run in its folder if that has the same settings.

    Opens the run at the end. Raises ConfigError if the folder holds a run with other settings.
    """
    from paribus.training.run import train_or_resume as train_or_resume_run

    return load(train_or_resume_run(_experiment(config), listeners))


@checked
def resume(
    run: Path | str,
    *overrides: str,
    listeners: Sequence[Listener] = (),
    data: Path | str | None = None,
    allow_change: Sequence[str] = (),
) -> Run:
    """Continues a stopped run to its last step, and opens it.

    Overrides such as `training.steps=2000` extend it; one that changes what an update computes
    must also be named in `allow_change`. Raises the same errors as `paribus resume`.
    """
    from paribus.training.run import resume as resume_run

    shards = None if data is None else Path(data)
    folder = resume_run(Path(run), overrides, listeners, data=shards, allow_change=allow_change)
    return load(folder)


def _experiment(config: Experiment | Path | str) -> Experiment:
    return check(Experiment, config) if isinstance(config, Experiment) else load_config(config)
