"""What `import paribus` shows: open a run, train one, read many. No torch until it is needed."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from paribus.checkpoint import OpenedRun
    from paribus.evaluation.losses import Evaluation
    from paribus.experiment import Experiment
    from paribus.model.transformer import Transformer
    from paribus.tokenizer.tokenizer import Tokenizer
    from paribus.tracking.listener import Listener


class Run:
    """A trained model with its tokenizer and its settings, from a run folder alone."""

    def __init__(self, opened: "OpenedRun"):
        self._opened = opened

    @property
    def folder(self) -> Path:
        """The run folder."""
        return self._opened.folder

    @property
    def step(self) -> int:
        """Weight updates that the model has had."""
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
    def config(self) -> "Experiment":
        """The resolved settings."""
        return self._opened.experiment

    def generate(self, prompt: str = "", **options: Any) -> str:
        """The continuation of `prompt`, in one piece; the options are those of `stream`."""
        return "".join(self.stream(prompt, **options))

    def stream(
        self,
        prompt: str = "",
        *,
        max_tokens: int = 200,
        seed: int = 0,
        stop: Sequence[str] = (),
        **sampling: Any,
    ) -> Iterator[str]:
        """The continuation of `prompt` as it is made, in pieces of whole characters.

        Sampling: temperature (default 0.8; 0 always takes the likeliest token), top_k, top_p,
        min_p. Raises ConfigError for values that mean nothing.
        """
        from paribus.generation.decode import generate
        from paribus.generation.sampling import SamplingConfig

        settings: dict[str, Any] = {"temperature": 0.8} | sampling
        return generate(
            self.model,
            self.tokenizer,
            prompt,
            max_tokens=max_tokens,
            sampling=SamplingConfig(**settings),
            seed=seed,
            stop=stop,
        )

    def loss(self, text: str | bytes) -> "Evaluation":
        """How well the model predicts `text`: nats per token, perplexity, bits per byte."""
        from paribus.evaluation.text import evaluate_text

        data = text.encode() if isinstance(text, str) else text
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


def load(
    run: Path | str, *, device: str = "auto", step: Literal["best", "last"] | int = "best"
) -> Run:
    """Opens a run folder with the weights of its best, its last, or a named step.

    Raises InputMissingError where there is no run, DataError where it is damaged, UnavailableError
    for a device that is not there.
    """
    from paribus.checkpoint import open_run
    from paribus.device import find_device

    return Run(open_run(Path(run), device=find_device(device), step=step))


def load_config(path: Path | str, *overrides: str, **unknown: object) -> "Experiment":
    """The settings of a config file, by path or by a shipped name, with `key=value` overrides.

    Raises ConfigError, one line for each problem.
    """
    from paribus.errors import ConfigError
    from paribus.experiment import load_experiment

    if unknown:
        raise ConfigError(
            f"{next(iter(unknown))}: expected settings as texts, found a keyword. "
            "Write load_config('base_modern', 'training.steps=100')"
        )
    return load_experiment(path, overrides)


def train(
    config: "Experiment | Path | str",
    *,
    listeners: "Sequence[Listener]" = (),
    init_from: Path | str | None = None,
) -> Run:
    """Trains `config`, settings or a config file, in its folder `run.dir`, and opens the run.

    `listeners` are told of every step, evaluation and checkpoint; `init_from` names a run to start
    from. Raises what `paribus train` ends with.
    """
    from paribus.training.run import train as train_run

    source = None if init_from is None else Path(init_from)
    return load(train_run(_experiment(config), listeners, init_from=source))


def quickstart(
    *text: Path | str,
    corpus: str = "fables",
    field: str = "text",
    time: str = "5m",
    run: Path | str | None = None,
    device: str = "auto",
    listeners: "Sequence[Listener]" = (),
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


def train_or_resume(
    config: "Experiment | Path | str", *, listeners: "Sequence[Listener]" = ()
) -> Run:
    """Trains `config`, or continues the run of the same settings in its folder; opens the run.

    Raises ConfigError if the folder holds a run of other settings.
    """
    from paribus.training.run import train_or_resume as train_or_resume_run

    return load(train_or_resume_run(_experiment(config), listeners))


def resume(
    run: Path | str,
    *overrides: str,
    listeners: "Sequence[Listener]" = (),
    data: Path | str | None = None,
    allow_change: Sequence[str] = (),
) -> Run:
    """Continues a stopped run to its last step, and opens it.

    `overrides` such as `training.steps=2000` extend it; what changes an update needs
    `allow_change`. Raises what `paribus resume` ends with.
    """
    from paribus.training.run import resume as resume_run

    shards = None if data is None else Path(data)
    folder = resume_run(Path(run), overrides, listeners, data=shards, allow_change=allow_change)
    return load(folder)


def _experiment(config: "Experiment | Path | str") -> "Experiment":
    from paribus.config.load import check
    from paribus.experiment import Experiment

    return load_config(config) if isinstance(config, Path | str) else check(Experiment, config)
