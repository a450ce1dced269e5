from dataclasses import replace

import pytest
import torch

from paribus import checkpoint
from paribus.data.batches import Batch, Batches
from paribus.data.shards import open_shards
from paribus.errors import DataError, NonFiniteError
from paribus.tracking.rows import read_rows
from paribus.training import loop
from paribus.training.objective import build_objective
from paribus.training.run import resume, train
from paribus.training.state import TrainState
from paribus.training.step import train_step


@pytest.fixture
def setting(tiny_experiment):
    """State, batches and objective of a run that is not on disk."""

    def make(*overrides):
        experiment = tiny_experiment("run", "model.vocab_size=300", *overrides)
        state = TrainState.create(experiment)
        shards = open_shards(experiment.data.dir)
        batches = Batches(
            shards, experiment.data,
            batch_size=experiment.training.batch_size, context_length=16, seed=0,
        )  # fmt: skip
        return experiment, state, batches, build_objective(experiment.training)

    return make


def steps(setting, n, *overrides):
    experiment, state, batches, objective = setting(*overrides)
    results = [train_step(state, batches.at(step), experiment, objective) for step in range(n)]
    return results, state


def poisoning(objective):
    """An objective whose losses are not numbers."""

    def poisoned(*arguments):
        loss = objective(*arguments)
        nan = float("nan")
        return replace(loss, objective=loss.objective * nan, nats=loss.nats * nan)

    return poisoned


@pytest.mark.parametrize("parts", [2, 4])
def test_accumulation_equals_the_large_batch(setting, parts):
    whole, large = steps(setting, 3)
    divided, small = steps(setting, 3, f"training.accumulation={parts}")
    for one, other in zip(whole, divided, strict=True):
        assert one.loss == pytest.approx(other.loss, rel=1e-5)
        assert one.grad_norm == pytest.approx(other.grad_norm, rel=1e-4)
    for name, tensor in large.model.state_dict().items():
        torch.testing.assert_close(small.model.state_dict()[name], tensor, atol=2e-4, rtol=1e-3)


def test_the_first_step_equals_autograd_and_the_paper_of_adamw(setting):
    experiment, state, batches, objective = setting("training.loss_rows=null")
    batch = batches.at(0)
    reference = TrainState.create(experiment).model
    logits = reference(batch.tokens)
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch.targets.flatten())
    loss.backward()
    norm = torch.stack([p.grad.norm() for p in reference.parameters()]).norm()
    result = train_step(state, batch, experiment, objective)
    assert result.loss == pytest.approx(loss.item(), rel=1e-5)
    assert result.grad_norm == pytest.approx(norm.item(), rel=1e-4)
    # The first update of Adam is lr * sign(gradient), besides the decay of matrices.
    lr = 1e-2 / 2
    for (name, before), after in zip(
        reference.named_parameters(), state.model.parameters(), strict=True
    ):
        sure = before.grad.abs() > 1e-5
        decayed = before * (1 - lr * 0.1) if before.ndim > 1 else before
        expected = decayed - lr * before.grad.sign()
        torch.testing.assert_close(after[sure], expected[sure], atol=1e-5, rtol=1e-4, msg=name)


def test_clipping_is_reported_before_and_after(setting):
    [result], _ = steps(setting, 1, "training.clip_norm=0.01")
    assert result.grad_norm > 0.01
    assert result.grad_norm_clipped == pytest.approx(0.01, rel=1e-3)
    [free], _ = steps(setting, 1, "training.clip_norm=null")
    assert free.grad_norm_clipped == free.grad_norm == pytest.approx(result.grad_norm)


def test_the_readable_loss_and_the_chunked_one_train_alike(setting):
    chunked, one = steps(setting, 3)
    readable, other = steps(setting, 3, "training.loss_rows=null")
    for a, b in zip(chunked, readable, strict=True):
        assert a.loss == pytest.approx(b.loss, rel=1e-5)
    for name, tensor in one.model.state_dict().items():
        torch.testing.assert_close(other.model.state_dict()[name], tensor, atol=2e-4, rtol=1e-3)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_on_the_cpu_stays_near_fp32(setting, precision):
    exact, _ = steps(setting, 4)
    rounded, state = steps(setting, 4, f"training.precision={precision}")
    for a, b in zip(exact, rounded, strict=True):
        assert b.loss != a.loss
        assert b.loss == pytest.approx(a.loss, rel=2e-2)
    assert all(p.dtype == torch.float32 for p in state.model.parameters())


@pytest.mark.parametrize("poison", ["loss", "gradient norm"])
def test_a_non_finite_number_stops_before_the_update(setting, poison):
    experiment, state, batches, objective = setting()
    train_step(state, batches.at(0), experiment, objective)
    before = {name: t.clone() for name, t in state.model.state_dict().items()}
    moments = {k: v.clone() for k, v in state.snapshot().optimizer.items()}
    if poison == "loss":
        objective = poisoning(objective)
    else:
        state.model.final_norm.weight.register_hook(lambda gradient: gradient * float("inf"))
    batch = batches.at(1)
    with pytest.raises(NonFiniteError) as caught:
        train_step(state, batch, experiment, objective)
    for part in (f"{poison} at step 2", "lr ", "grad norm", batch.hash):
        assert part in str(caught.value)
    assert state.step == 1
    assert all(torch.equal(before[name], t) for name, t in state.model.state_dict().items())
    assert all(torch.equal(moments[k], v) for k, v in state.snapshot().optimizer.items())


def test_a_scaled_gradient_may_overflow_but_a_loss_may_not(setting):
    experiment, state, batches, objective = setting()
    state.scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    state.model.final_norm.weight.register_hook(lambda gradient: gradient * float("inf"))
    before = {name: t.clone() for name, t in state.model.state_dict().items()}
    train_step(state, batches.at(0), experiment, objective)
    assert all(torch.equal(before[name], t) for name, t in state.model.state_dict().items())
    assert state.scaler.get_scale() == 2.0
    with pytest.raises(NonFiniteError, match="loss at step 2"):
        train_step(state, batches.at(1), experiment, poisoning(objective))


def test_a_gradient_that_overflows_at_every_scale_ends_the_run(setting):
    experiment, state, batches, objective = setting("training.precision=fp16")
    state.model.final_norm.weight.register_hook(lambda gradient: gradient * float("nan"))
    with pytest.raises(NonFiniteError, match="gradient norm at step"):
        for step in range(20):
            train_step(state, batches.at(step), experiment, objective)
    assert state.scaler.get_scale() == 0.5


def test_the_norms_of_layers_are_those_before_clipping_and_the_update(setting):
    experiment, state, batches, objective = setting(
        "training.layer_norms_every=2", "training.clip_norm=1e-3"
    )
    first = train_step(state, batches.at(0), experiment, objective)
    assert not first.layers
    weights = {name: p.detach().clone() for name, p in state.model.named_parameters()}
    second = train_step(state, batches.at(1), experiment, objective)
    names = [one.layer for one in second.layers]
    assert names == ["token_embedding", "layers.0", "final_norm"]
    for one in second.layers:
        tensors = [t.flatten() for name, t in weights.items() if name.startswith(one.layer)]
        assert one.weight_norm == pytest.approx(torch.cat(tensors).norm().item(), rel=1e-5)
    in_all = sum(one.grad_norm**2 for one in second.layers) ** 0.5
    assert in_all == pytest.approx(second.grad_norm, rel=1e-5)
    assert second.grad_norm_clipped < 1.1e-3 < min(one.grad_norm for one in second.layers)


def test_a_run_writes_the_norms_of_its_layers_at_their_interval(tiny_experiment):
    folder = train(tiny_experiment("run", "training.layer_norms_every=3"))
    rows = [row for row in read_rows(folder / "metrics.jsonl") if row["kind"] == "layers"]
    assert [(row["step"], row["layer"]) for row in rows] == [
        (step, layer) for step in (3, 6) for layer in ("token_embedding", "layers.0", "final_norm")
    ]
    assert all(row["grad_norm"] > 0 and row["weight_norm"] > 0 for row in rows)


def test_a_step_reports_its_share_of_the_matmul_peak(tiny_experiment):
    folder = train(tiny_experiment("run"))
    rows = [row for row in read_rows(folder / "metrics.jsonl") if row["kind"] == "train"]
    assert all(0 < row["mfu"] < 1 for row in rows[1:])


@pytest.mark.parametrize("part", ["tokens", "targets"])
@pytest.mark.parametrize("bad", [-1, 300])
def test_an_id_out_of_range_is_refused_before_it_reaches_a_device(setting, part, bad):
    experiment, state, batches, objective = setting()
    batch = batches.at(0)
    getattr(batch, part)[0, -1] = bad
    with pytest.raises(DataError, match=f"from 0 to 299 .*found {bad}"):
        train_step(state, batch, experiment, objective)
    assert state.step == 0


def test_a_validation_loss_that_is_no_number_ends_the_run(tiny_experiment, monkeypatch):
    real = loop.evaluate_state
    nan = float("nan")
    monkeypatch.setattr(loop, "evaluate_state", lambda *a: replace(real(*a), loss=nan))
    experiment = tiny_experiment()
    with pytest.raises(NonFiniteError, match="validation loss at step 4"):
        train(experiment)
    status = (experiment.run.dir / "status.json").read_text(encoding="utf-8")
    assert '"state": "failed"' in status and '"exit_code": 70' in status


def test_a_run_that_breaks_keeps_a_finite_checkpoint_and_resumes(
    tiny_experiment, unbroken, outcome_of, monkeypatch
):
    real = loop.train_step

    def broken(state, batch: Batch, *rest):
        if state.step == 5:
            raise NonFiniteError("loss at step 6: expected finite, found nan")
        return real(state, batch, *rest)

    monkeypatch.setattr(loop, "train_step", broken)
    experiment = tiny_experiment()
    with pytest.raises(NonFiniteError) as caught:
        train(experiment)
    assert caught.value.exit_code == 70
    folder = experiment.run.dir
    saved = checkpoint.read(checkpoint.find(folder))
    assert saved.step == 4
    assert all(torch.isfinite(tensor).all() for tensor in saved.weights.values())
    assert '"state": "failed"' in (folder / "status.json").read_text(encoding="utf-8")
    assert [r for r in read_rows(folder / "metrics.jsonl") if r.get("name") == "non_finite"]
    monkeypatch.setattr(loop, "train_step", real)
    outcome_of(resume(folder)).assert_equal(outcome_of(unbroken))
