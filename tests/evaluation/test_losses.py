"""The loss of a model on tokens, against F.cross_entropy over all windows in float64."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from paribus.device import autocast
from paribus.errors import DataError, OutOfMemoryError
from paribus.evaluation import losses
from paribus.evaluation.losses import Evaluation, EvaluationText, evaluate
from paribus.model.config import ModelConfig
from paribus.model.init import initialize
from paribus.model.transformer import Transformer

CONTEXT, VOCAB = 8, 50
N_TOKENS = 3 * 4 * CONTEXT + 2 * CONTEXT + 5  # batches of 4: three whole, one of two, a rest


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def model() -> Transformer:
    config = ModelConfig(
        vocab_size=VOCAB, context_length=CONTEXT, d_model=16, n_layers=2, n_heads=2, d_ff=32
    )
    model = Transformer(config)
    initialize(model, config, 1)
    return model


@pytest.fixture
def tokens() -> np.ndarray:
    return np.random.default_rng(0).integers(0, VOCAB, N_TOKENS).astype(np.uint16)


def measured(model: Transformer, tokens: np.ndarray, **changes) -> Evaluation:
    text = EvaluationText(tokens, changes.pop("n_bytes", 100))
    return evaluate(model, text, **({"batch_size": 4} | changes))


@torch.no_grad()
def total_by_windows(model: Transformer, tokens: np.ndarray) -> float:
    """The reference: one window after another through F.cross_entropy, in float64."""
    ids, total, n_targets = torch.from_numpy(tokens.astype(np.int64)), 0.0, 0
    for start in range(0, len(ids) - 1, CONTEXT):
        targets = ids[start + 1 : start + 1 + CONTEXT]
        logits = model(ids[None, start : start + len(targets)])[0].double()
        total += functional.cross_entropy(logits, targets, reduction="sum").item()
        n_targets += len(targets)
    assert n_targets == len(tokens) - 1
    return total


@pytest.mark.parametrize("n_tokens", [2, CONTEXT, CONTEXT + 1, CONTEXT + 2, N_TOKENS])
def test_the_loss_is_the_cross_entropy_of_every_target(model, tokens, n_tokens):
    model.double()
    found = measured(model, tokens[:n_tokens])
    expected = total_by_windows(model, tokens[:n_tokens]) / (n_tokens - 1)
    assert found.loss == pytest.approx(expected, rel=1e-12)
    assert found.n_tokens == n_tokens - 1


def test_float32_agrees_with_float64(model, tokens):
    expected = total_by_windows(model, tokens) / (N_TOKENS - 1)
    assert measured(model, tokens).loss == pytest.approx(expected, rel=1e-6)


def test_the_logit_scale_and_an_output_table_of_its_own_count(tokens):
    config = ModelConfig(
        vocab_size=VOCAB,
        context_length=CONTEXT,
        d_model=16,
        n_layers=1,
        n_heads=2,
        tie_embeddings=False,
        logit_scale=3.0,
    )
    model = Transformer(config)
    initialize(model, config, 2)
    expected = total_by_windows(model, tokens) / (N_TOKENS - 1)
    assert measured(model, tokens).loss == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("rows", [1, 7, 32, 10_000])
def test_the_chunks_of_the_loss_change_nothing(model, tokens, rows, monkeypatch):
    model.double()
    whole = measured(model, tokens)
    monkeypatch.setattr(losses, "LOSS_ROWS", rows)
    assert measured(model, tokens).loss == pytest.approx(whole.loss, rel=1e-13)


@pytest.mark.parametrize("batch_size", [1, 3, 14, 100])
def test_the_batch_size_changes_nothing(model, tokens, batch_size):
    model.double()
    whole = measured(model, tokens)
    assert measured(model, tokens, batch_size=batch_size).loss == pytest.approx(
        whole.loss, rel=1e-13
    )


def test_two_evaluations_are_equal_bit_for_bit(model, tokens):
    assert measured(model, tokens) == measured(model, tokens)


def test_perplexity_and_bits_per_byte_by_hand(model, tokens):
    """Equal scores for all of 50 tokens: ln 50 nats each, log2 50 bits."""
    with torch.no_grad():
        model.output_weight.zero_()
    found = measured(model, tokens[:17], n_bytes=40)
    assert found.loss == pytest.approx(math.log(50), rel=1e-6)
    assert found.perplexity == pytest.approx(50, rel=1e-5)
    assert found.bits_per_byte == pytest.approx(16 * math.log2(50) / 40, rel=1e-6)


def test_a_perplexity_beyond_a_float_is_infinite(model, tokens):
    model.logit_scale = 1e6
    assert measured(model, tokens).perplexity == math.inf


def test_the_mode_of_the_model_is_left_as_it_was(model, tokens):
    for mode in (True, False):
        model.train(mode)
        measured(model, tokens)
        assert model.training == mode
    assert all(parameter.grad is None for parameter in model.parameters())


def test_the_number_format_is_that_of_every_batch(model, tokens, monkeypatch):
    entered = []

    def counted(device, precision):
        entered.append((device, precision))
        return autocast(device, precision)

    monkeypatch.setattr(losses, "autocast", counted)
    found = measured(model, tokens, precision="bf16")
    assert entered == [("cpu", "bf16")] * 5
    exact = measured(model, tokens).loss
    assert found.loss == pytest.approx(exact, rel=0.02) and found.loss != exact


class LittleMemory:
    """A model's forward pass that has memory for `limit` windows."""

    def __init__(self, model: Transformer, limit: int, error: BaseException):
        self.hidden, self.limit, self.error = model.hidden, limit, error
        self.batches: list[int] = []

    def __call__(self, tokens: torch.Tensor) -> torch.Tensor:
        if len(tokens) > self.limit:
            raise self.error
        self.batches.append(len(tokens))
        return self.hidden(tokens)


OUT_OF_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"),
    RuntimeError("MPS backend out of memory"),
    MemoryError(),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=lambda error: str(error)[:9])
def test_where_memory_ends_the_batch_is_halved_and_it_is_said_once(
    model, tokens, error, monkeypatch, caplog
):
    model.double()
    expected = measured(model, tokens)
    little = LittleMemory(model, 1, error)
    monkeypatch.setattr(model, "hidden", little)
    found = measured(model, tokens)
    assert found.loss == pytest.approx(expected.loss, rel=1e-13)
    assert little.batches == [1] * 15
    assert caplog.messages == ["evaluation: no memory for 4 windows at once, going on with fewer"]


def test_no_memory_for_one_window_is_an_error(model, tokens, monkeypatch):
    monkeypatch.setattr(model, "hidden", LittleMemory(model, 0, MemoryError()))
    with pytest.raises(OutOfMemoryError, match="memory for one window"):
        measured(model, tokens, batch_size=1)
    assert model.training


def test_other_errors_of_the_model_are_passed_on(model, tokens, monkeypatch):
    monkeypatch.setattr(model, "hidden", LittleMemory(model, 0, RuntimeError("shapes differ")))
    with pytest.raises(RuntimeError, match="shapes differ"):
        measured(model, tokens)


@pytest.mark.parametrize("n_tokens", [0, 1])
def test_tokens_without_a_target_are_refused(model, tokens, n_tokens):
    with pytest.raises(DataError, match=f"expected at least 2 tokens, found {n_tokens}"):
        measured(model, tokens[:n_tokens])


@pytest.mark.parametrize("place", [0, N_TOKENS - 1])
def test_an_id_out_of_range_is_refused_by_name(model, tokens, place):
    tokens[place] = VOCAB
    with pytest.raises(DataError, match=rf"from 0 to {VOCAB - 1} .*found {VOCAB}"):
        measured(model, tokens)


def test_a_poll_before_every_batch_can_stop(model, tokens):
    polls = []

    def poll():
        polls.append(1)
        if len(polls) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measured(model, tokens, poll=poll)
    assert len(polls) == 3
