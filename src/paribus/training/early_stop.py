"""Early stopping: a run ends when its validation loss has stopped improving."""

from collections.abc import Sequence

from paribus.tracking.listener import Listener, RunInfo
from paribus.tracking.metrics import EvaluationMetrics


class EarlyStop(Listener):
    """Asks the run to stop after `patience` evaluations without a new lowest loss.

    A loss counts as lower only if it is lower by more than `min_delta` nats. The decision depends
    on the losses alone, so a resumed run makes the same one.
    """

    def __init__(self, patience: int, min_delta: float):
        self._patience, self._min_delta = patience, min_delta
        self._best, self._n_worse = float("inf"), 0

    def on_start(self, run: RunInfo) -> None:
        for loss in run.losses:
            self._take(loss)

    def on_evaluation(self, metrics: EvaluationMetrics, samples: Sequence[str]) -> None:
        self._take(metrics.loss)

    def reason_to_stop(self) -> str | None:
        if self._n_worse < self._patience:
            return None
        return (
            f"early stop: the validation loss has not improved on {self._best:.4f} "
            f"in {self._n_worse} evaluations"
        )

    def _take(self, loss: float) -> None:
        if loss < self._best - self._min_delta:
            self._best, self._n_worse = loss, 0
        else:
            self._n_worse += 1
