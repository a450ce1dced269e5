"""Training compared with other libraries: each run in a process of its own, in alternation."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from statistics import median

from paribus.bench.library import Say
from paribus.bench.rows import NAIVE, OURS, Row
from paribus.bench.tokenizers.material import Sample
from paribus.bench.tokenizers.timing import QUICK
from paribus.bench.tokenizers.trainers import (
    BY_LINES,
    SAME_TIES,
    Task,
    Trainer,
    TrainerRun,
    bytes_used,
    learn,
    ours_by_lines,
)
from paribus.files import publish_file
from paribus.processes import Outcome, ProcessError, run_in_process
from paribus.tokenizer.vocabulary import END_OF_TEXT

NAIVE_BYTES, NAIVE_SIZE = 100_000, 400
"""Text and vocabulary of the naive trainer, which counts all pairs again for each merge."""


def training_rows(
    sample: Sample, vocab_size: int, trainers: Mapping[str, Trainer], rounds: int, say: Say
) -> Iterator[Row]:
    """A row for each trainer; without time if its merges should be ours and are not."""
    sample = _without_special_tokens(sample)
    small = sample.first(NAIVE_BYTES)
    yield from _rows(small, NAIVE_SIZE, {name: trainers[name] for name in (NAIVE, OURS)}, 1, say)
    others = {name: trainer for name, trainer in trainers.items() if name != NAIVE}
    yield from _rows(sample, vocab_size, others, rounds, say)


def _rows(
    sample: Sample, vocab_size: int, trainers: Mapping[str, Trainer], rounds: int, say: Say
) -> Iterator[Row]:
    task = Task(sample.path, vocab_size - 256, bytes_used(sample.data))
    runs: dict[str, list[Outcome]] = {name: [] for name in trainers}
    notes: dict[str, str] = {}
    for _ in range(rounds):
        for name, trainer in trainers.items():
            if not trainer.version():
                notes[name] = "not installed"
            if name in notes or (runs[name] and runs[name][0].result.wall > QUICK):
                continue
            say(f"train {name}")
            try:
                runs[name].append(run_in_process(learn, name, task))
            except ProcessError as error:
                notes[name] = error.reason[:100]
    expected = {SAME_TIES: runs[OURS][0].result.learned.tokens}
    if any(runs[name] for name in trainers if trainers[name].rule == BY_LINES):
        expected[BY_LINES] = ours_by_lines(task)
    for name, trainer in trainers.items():
        row = _bare_row(name, trainer, sample, vocab_size)
        note = notes.get(name) or _verdict(trainer, runs[name][0].result.learned.tokens, expected)
        is_timed = name not in notes and not note.startswith("not equal")
        yield replace(_with_figures(row, runs[name]) if is_timed else row, note=note)


def _verdict(trainer: Trainer, found: list[bytes], expected: Mapping[str, list[bytes]]) -> str:
    if trainer.rule in expected:
        is_equal = found == expected[trainer.rule]
        return trainer.rule if is_equal else f"not equal, {trainer.rule}"
    ours = expected[SAME_TIES]
    shared = f", {len(set(found) & set(ours))} of {len(ours)} as ours" if found else ""
    return trainer.rule + shared


def _bare_row(name: str, trainer: Trainer, sample: Sample, vocab_size: int) -> Row:
    label = name if name in (NAIVE, OURS) else f"{name} {trainer.version() or ''}".strip()
    return Row(
        task="train",
        label=label,
        library=name,
        file=sample.path.name,
        n_bytes=len(sample.data),
        vocab_size=vocab_size,
    )


def _with_figures(row: Row, runs: list[Outcome]) -> Row:
    results: list[TrainerRun] = [run.result for run in runs]
    return replace(
        row,
        wall=median(result.wall for result in results),
        cpu=median(result.cpu for result in results),
        peak_bytes=runs[0].peak_bytes,
        n_pretokens=results[0].learned.n_pretokens,
    )


def _without_special_tokens(sample: Sample) -> Sample:
    """Some libraries cut at special tokens and some count them as text: this one has none."""
    data = sample.data.replace(END_OF_TEXT.encode(), b"")
    if len(data) == len(sample.data):
        return sample
    path = sample.folder / f"{sample.path.stem}.plain.txt"
    publish_file(path, data)
    return Sample(path, sample.folder)
