"""One step: parts add up exactly, averages are those of the notes, what is not finite never reaches the weights."""

import copy
import dataclasses
import math

import numpy as np
import pytest
import torch
import toy
from torch import nn

from rumbo.core.errors import TrainingError
from rumbo.core.inputs import InputSpec
from rumbo.data.loader import Examples, Loader
from rumbo.reference import averages
from rumbo.tasks import TASKS
from rumbo.training.averaging import WeightAverage
from rumbo.training.events import Evaluated, Stepped, Warned
from rumbo.training.guards import NotFinite
from rumbo.training.loop import FitData, fit
from rumbo.training.options import FitOptions, OptimizerOptions, ScheduleOptions
from rumbo.training.state import LAG, TrainState
from rumbo.training.step import Step, seed_generators

TARGETS = {
    "classify": {"column": "kind", "classes": ["a", "b", "c"]},
    "regress": {"column": "price", "mean": 10.0, "std": 2.0},
    "multilabel": {"labels": ["wet", "cold", "dark"]},
}
PLAIN = OptimizerOptions(name="sgd", learning_rate=0.1, weight_decay=0.0)


def table(name, count=24, *, dtype=torch.float64):
    """A task on numbers, its network without batch norm or dropout, and examples of unequal weights."""
    generator = torch.Generator().manual_seed(0)
    kind = TASKS.get(name)
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, kind.num_outputs(TARGETS[name]))).to(dtype)
    task = kind(network, InputSpec(num_numbers=4), TARGETS[name])
    task.forward = lambda batch: network(batch.numbers)
    targets = {
        "classify": torch.randint(0, 3, (count,), generator=generator),
        "regress": torch.randn(count, generator=generator, dtype=dtype),
        "multilabel": torch.randint(0, 2, (count, 3), generator=generator).to(dtype),
    }[name]
    if name == "multilabel":
        targets[torch.rand(count, 3, generator=generator) < 0.3] = math.nan
    examples = Examples(
        ids=[f"row {row}" for row in range(count)],
        targets=targets,
        weights=torch.rand(count, generator=generator, dtype=dtype),
        numbers=torch.randn(count, 4, generator=generator, dtype=dtype),
    )
    return task, examples


def train(task, examples, options, *, stop=None):
    loader = Loader(examples=examples, rows=np.arange(len(examples.ids)), batch_size=10, seed=3)
    state = TrainState.fresh(task.model, options)
    data = FitData(train=loader, dev=None, goal="loss", higher_is_better=False, seed=3)
    losses = []
    for event in fit(task, data, state, options):
        if isinstance(event, Stepped):
            losses.append(float(event.loss))
            if stop is not None and len(losses) == stop:
                break
    return losses, state


@pytest.mark.parametrize("name", sorted(TARGETS))
@pytest.mark.parametrize("micro_batch", [1, 3, 4, 9])
def test_parts_of_a_step_add_up_to_the_step(name, micro_batch):
    options = FitOptions(epochs=2, optimizer=PLAIN)
    whole, _ = train(*table(name), options)
    parts, _ = train(*table(name), dataclasses.replace(options, micro_batch=micro_batch))
    np.testing.assert_allclose(parts, whole, rtol=1e-12)
    assert whole[-1] < whole[0]


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_term_weights_are_those_of_the_cost(name):
    task, examples = table(name)
    batch = examples.batch(np.arange(7))
    terms = task.cost(batch).terms
    weights = task.term_weights(batch.targets, batch.weights)
    assert {key: float(value) for key, value in weights.items()} == {k: float(term.weight) for k, term in terms.items()}


def test_the_last_epochs_may_be_one_step_of_all_examples():
    options = FitOptions(epochs=5, full_batch_epochs=2, optimizer=PLAIN, schedule=ScheduleOptions(name="constant"))
    task, examples = table("regress")
    before = copy.deepcopy(task.model)
    losses, state = train(task, examples, options)
    assert len(losses) == 3 * 3 + 2  # 24 examples, 10 a step
    assert state.step == 11
    # The judge: the same steps by hand.
    task.model.load_state_dict(before.state_dict())
    loader = Loader(examples=examples, rows=np.arange(24), batch_size=10, seed=3)
    sizes = []
    for epoch in range(5):
        batches = [examples.batch(np.arange(24))] if epoch >= 3 else list(loader.epoch(epoch))
        for batch in batches:
            sizes.append(len(batch.rows))
            task.model.zero_grad()
            cost = task.cost(batch).mean
            cost.backward()
            np.testing.assert_allclose(float(cost.detach()), losses[len(sizes) - 1], rtol=1e-12)
            with torch.no_grad():
                for weight in task.model.parameters():
                    weight -= 0.1 * weight.grad
    assert sizes == [10, 10, 4] * 3 + [24, 24]


def test_averaged_weights_are_the_corrected_averages_of_the_notes():
    network = nn.Linear(3, 2).double()
    average = WeightAverage(network, 0.9)
    seen = []
    for _ in range(25):
        with torch.no_grad():
            for weight in network.parameters():
                weight.add_(torch.randn_like(weight))
        seen.append(network.weight[0, 0].item())
        average.update()
        right = averages.corrected_averages(np.array(seen), 0.9)[-1]
        assert average.model.weight[0, 0].item() == pytest.approx(right, rel=1e-12)


def test_running_statistics_are_averaged_and_counters_copied():
    network = nn.BatchNorm1d(3)
    average = WeightAverage(network, 0.5)
    for size in (1.0, 5.0):
        network(size * torch.randn(8, 3))
        average.update()
    assert average.model.num_batches_tracked == 2
    assert not torch.equal(average.model.running_var, network.running_var)


def test_the_averaged_network_is_the_one_that_is_judged_and_kept():
    options = FitOptions(epochs=3, batch_size=16, average_decay=0.9)
    state = toy.state(options)
    events = list(fit(toy.task(state.model), toy.data(), state, options))
    best = max((event for event in events if isinstance(event, Evaluated)), key=lambda event: event.is_best)
    assert best.is_best
    again = [event.metrics for event in fit_again(options, state)]
    assert again[0]["dev/accuracy"] == max(e.metrics["dev/accuracy"] for e in events if isinstance(e, Evaluated))
    last = state.average.model.state_dict()
    assert all(
        not torch.equal(last[name], tensor) for name, tensor in toy.network().state_dict().items() if "5" in name
    )


def fit_again(options, state):
    """Dev judged once more with the weights that training left in the network."""
    from rumbo.tasks.inference import infer

    task = toy.task(state.model)
    scores = task.score(infer(task, toy.data().dev))
    yield Evaluated(0, 0.0, 0.0, {f"dev/{name}": value for name, value in scores.items()}, False)


@pytest.mark.parametrize(
    "changes",
    [
        {"average_decay": 0.9},
        {"mixup": 0.4, "cutmix": 1.0},
        {"micro_batch": 5, "clip_value": 0.01},
        {"full_batch_epochs": 1, "micro_batch": 7},
        {"on_nonfinite": "skip", "average_decay": 0.5, "mixup": 1.0},
    ],
)
@pytest.mark.parametrize("stop_after", [1, 5, 7])
def test_a_resume_ends_with_the_same_bits(changes, stop_after):
    options = FitOptions(epochs=3, batch_size=16, **changes)
    whole, first, second = (toy.state(options) for _ in range(3))
    all_events = list(fit(toy.task(whole.model), toy.data(), whole, options))
    for event in fit(toy.task(first.model), toy.data(), first, options):
        if isinstance(event, Stepped) and event.step == stop_after:
            break
    second.load_files(first.to_files({}))
    rest = list(fit(toy.task(second.model), toy.data(), second, options))

    def metrics(events):
        return [dict(event.metrics) for event in events if isinstance(event, Evaluated)]

    assert metrics(all_events)[-len(metrics(rest)) :] == metrics(rest)
    for side in ("model", "judged"):
        mine, theirs = getattr(whole, side).state_dict(), getattr(second, side).state_dict()
        assert all(torch.equal(mine[name], theirs[name]) for name in mine), side


def test_a_checkpoint_of_the_first_format_is_still_read():
    options = FitOptions(epochs=1, batch_size=16)
    state = toy.state(options)
    for event in fit(toy.task(state.model), toy.data(), state, options):
        if isinstance(event, Stepped) and event.step == 2:
            break
    files = state.to_files({"note": 1})
    new = ("num_skipped", "skipped_in_row", "micro_batch", "num_averaged", "scaler", "loss_sum", "num_counted", "trend")
    import json

    numbers = json.loads(files["state.json"])
    old = {key: value for key, value in numbers.items() if key not in new} | {"format": 1}
    again = toy.state(options)
    from safetensors.torch import load, save

    tensors = save({**load(files["state.safetensors"]), "loss_sum": torch.tensor(state.loss_sum, dtype=torch.float64)})
    old_files = {"state.safetensors": tensors, "state.json": json.dumps(old).encode()}
    assert again.load_files(old_files) == {"note": 1}
    assert again.mean_loss == state.mean_loss
    assert again.step == 2
    with pytest.raises(Exception, match="format 3"):
        again.load_files({**files, "state.json": json.dumps(numbers | {"format": 3}).encode()})


def poisoned(rows):
    """The toy data with pictures of some rows that are not finite: pixels are floats already."""
    data = toy.data()
    pixels = data.train.examples.pixels.tensor.float() / 255
    pixels[list(rows)] = math.nan
    holder = dataclasses.replace(data.train.examples, pixels=Floats(pixels))
    loaders = {side: dataclasses.replace(getattr(data, side), examples=holder) for side in ("train", "dev")}
    loaders["train"] = dataclasses.replace(loaders["train"], augment=None, flip=False)
    return dataclasses.replace(data, **loaders)


class Floats:
    def __init__(self, tensor):
        self.tensor = tensor

    def gather(self, rows):
        return self.tensor[torch.from_numpy(rows)]


def test_a_step_that_is_not_finite_is_left_out_and_told():
    options = FitOptions(epochs=2, batch_size=16, on_nonfinite="skip")
    state = toy.state(options)
    events = list(fit(toy.task(state.model), poisoned([3]), state, options))
    told = [event.sentence for event in events if isinstance(event, Warned)]
    assert len(told) == 2  # once an epoch
    assert all("digit" in sentence and "images" in sentence for sentence in told)
    assert state.num_skipped == 2
    assert all(tensor.isfinite().all() for tensor in state.model.state_dict().values())
    assert all(math.isfinite(event.metrics["train/loss"]) for event in events if isinstance(event, Evaluated))


def test_skipping_ends_after_three_in_a_row():
    options = FitOptions(epochs=2, batch_size=16, on_nonfinite="skip")
    state = toy.state(options)
    before = copy.deepcopy(state.model.state_dict())
    with pytest.raises(NotFinite):
        list(fit(toy.task(state.model), poisoned(range(80)), state, options))
    assert state.num_skipped == 4
    assert all(torch.equal(tensor, before[name]) for name, tensor in state.model.state_dict().items())


def test_dev_that_is_not_finite_is_told_and_training_goes_on():
    options = FitOptions(epochs=2, batch_size=16)
    state = toy.state(options)
    events = list(fit(toy.task(state.model), poisoned([100]), state, options))
    assert sum(isinstance(event, Warned) for event in events) == 2
    evaluated = [event for event in events if isinstance(event, Evaluated)]
    assert len(evaluated) == 2
    assert all(math.isnan(event.metrics["dev/loss"]) and not event.is_best for event in evaluated)
    assert all(math.isnan(event.metrics["dev/accuracy"]) for event in evaluated)


def test_memory_that_is_short_makes_the_parts_smaller(monkeypatch):
    """The same losses as with parts from the start, to the last bit."""
    options = FitOptions(epochs=2, batch_size=16, optimizer=PLAIN)
    task, examples = table("classify")
    usual = Step._backward

    def short(self, batch):
        if len(batch.rows) > 3:
            raise RuntimeError(
                "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 536870912 bytes"
            )
        return usual(self, batch)

    monkeypatch.setattr(Step, "_backward", short)
    loader = Loader(examples=examples, rows=np.arange(24), batch_size=10, seed=3)
    state = TrainState.fresh(task.model, options)
    data = FitData(train=loader, dev=None, goal="loss", higher_is_better=False, seed=3)
    events = list(fit(task, data, state, options))
    told = [event.sentence for event in events if isinstance(event, Warned)]
    assert ["512 MiB" in sentence for sentence in told] == [True, True]
    assert state.micro_batch == 2
    losses = [float(event.loss) for event in events if isinstance(event, Stepped)]
    monkeypatch.undo()
    expected, _ = train(*table("classify"), dataclasses.replace(options, micro_batch=2))
    assert losses == expected


def test_no_memory_for_one_example_ends_with_what_was_needed(monkeypatch):
    def short(self, batch):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has ...")

    monkeypatch.setattr(Step, "_backward", short)
    with pytest.raises(TrainingError, match=r"2\.50 GiB"):
        train(*table("classify"), FitOptions(epochs=1, optimizer=PLAIN))


def test_other_errors_of_torch_are_not_taken_for_memory(monkeypatch):
    def wrong(self, batch):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(Step, "_backward", wrong)
    with pytest.raises(RuntimeError, match="mat1"):
        train(*table("classify"), FitOptions(epochs=1, optimizer=PLAIN))


def test_frozen_norms_keep_their_statistics_while_their_weights_learn():
    options = FitOptions(epochs=1, batch_size=16, freeze_norms=True)
    state = toy.state(options)
    norm = state.model[1]
    before = copy.deepcopy(norm.state_dict())
    list(fit(toy.task(state.model), toy.data(), state, options))
    assert torch.equal(norm.running_mean, before["running_mean"])
    assert not torch.equal(norm.weight, before["weight"])


def test_values_are_clipped_entry_by_entry():
    task, examples = table("regress")
    options = FitOptions(epochs=1, clip_value=1e-3, optimizer=PLAIN, schedule=ScheduleOptions(name="constant"))
    before = copy.deepcopy(task.model.state_dict())
    train(task, examples, options, stop=1)
    moved = [(tensor - before[name]).abs().max() for name, tensor in task.model.state_dict().items()]
    assert max(moved) == pytest.approx(0.1 * 1e-3, rel=1e-9)


def test_a_gpu_leaves_a_step_out_by_itself(monkeypatch):
    """As on a GPU, where nobody waits for the answer: the fused optimizer takes a flag. Beside it, as on a CPU."""
    options = FitOptions(epochs=2, batch_size=16, on_nonfinite="skip", optimizer=OptimizerOptions(name="adam"))
    here, there = toy.state(options), toy.state(options)
    found = [list(fit(toy.task(here.model), poisoned([3]), here, options))]
    usual = Step.__init__

    def late(self, *arguments, **keywords):
        usual(self, *arguments, **keywords)
        self._is_late = True

    monkeypatch.setattr(Step, "__init__", late)
    found.append(list(fit(toy.task(there.model), poisoned([3]), there, options)))
    assert here.num_skipped == there.num_skipped == 2
    for name, tensor in here.model.state_dict().items():
        assert torch.equal(tensor, there.model.state_dict()[name]), name
    metrics = [[dict(e.metrics) for e in events if isinstance(e, Evaluated)] for events in found]
    assert metrics[0] == metrics[1]
    told = [[e.sentence for e in events if isinstance(e, Warned)] for events in found]
    assert [len(each) for each in told] == [2, 2]
    assert all("digit 3" in sentence for each in told for sentence in each)


def test_losses_of_a_gpu_are_read_together_and_before_a_checkpoint():
    state = toy.state(FitOptions(epochs=1))
    for step in range(LAG + 5):  # what `advance` does where the loss is not on the CPU
        state.step, state.batch = state.step + 1, state.batch + 1
        loss = math.nan if step in (3, 4) else 1.0
        state._unread.append((torch.tensor(loss), np.array([step])))
        if len(state._unread) >= LAG:
            state.read()
    assert state.num_counted == LAG - 2
    assert [(each.step, int(each.rows[0]), each.in_row) for each in state.left_out] == [(4, 3, 1), (5, 4, 2)]
    state.to_files({})
    assert state.num_counted == LAG + 3
    assert state.mean_loss == 1.0
    assert state.skipped_in_row == 0


def test_the_first_step_of_an_epoch_may_be_left_out():
    """The mean is that of the steps that count, and nothing is said of a rise from 0."""
    options = FitOptions(epochs=1, batch_size=16, on_nonfinite="skip")
    state = toy.state(options)
    rows = next(iter(poisoned([]).train.epoch(0))).rows
    events = list(fit(toy.task(state.model), poisoned([rows[0]]), state, options))
    counted = [float(e.loss) for e in events if isinstance(e, Stepped) and math.isfinite(float(e.loss))]
    assert len(counted) == 4
    mean = next(e for e in events if isinstance(e, Evaluated)).metrics["train/loss"]
    assert mean == pytest.approx(sum(counted) / 4, rel=1e-6)
    assert state.trend.first == counted[0]


def test_of_a_step_in_parts_the_part_that_shows_it_is_named():
    options = FitOptions(epochs=1, batch_size=16, micro_batch=4)
    state = toy.state(options)
    rows = next(iter(poisoned([]).train.epoch(0))).rows
    with pytest.raises(NotFinite, match=f"images.*digit {rows[5]}[.]") as caught:
        list(fit(toy.task(state.model), poisoned([rows[5]]), state, options))
    assert rows[5] in caught.value.batch.rows
    assert caught.value.batch.images.isnan().any()


def test_memory_that_is_short_for_a_batch_to_come_makes_the_parts_smaller(monkeypatch):
    """Between two steps nothing is being updated, though the one before was."""
    usual, calls = Examples.batch, []

    def short(self, *arguments, **keywords):
        calls.append(len(calls))
        if calls[-1] == 1:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1048576 bytes")
        return usual(self, *arguments, **keywords)

    monkeypatch.setattr(Examples, "batch", short)
    losses, state = train(*table("classify"), FitOptions(epochs=1, optimizer=PLAIN))
    assert (len(losses), state.micro_batch) == (3, 5)


def test_no_memory_in_the_update_is_not_tried_again(monkeypatch):
    task, examples = table("classify")

    def short(self):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1048576 bytes")

    monkeypatch.setattr("rumbo.training.averaging.WeightAverage.update", short)
    with pytest.raises(TrainingError, match="optimizer's own numbers"):
        train(task, examples, FitOptions(epochs=1, optimizer=PLAIN, average_decay=0.9))


def test_seeds_of_torch_are_set_without_a_note_per_gpu():
    seed_generators(5, on_gpu=False)
    first = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(first, torch.rand(3))


def test_a_part_of_one_example_is_no_food_for_batch_norm():
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 4), nn.BatchNorm1d(4), nn.Linear(4, 10))
    options = FitOptions(epochs=1, micro_batch=1)
    with pytest.raises(TrainingError, match=r"train\.micro_batch .* 2 or more"):
        list(fit(toy.task(module), toy.data(), TrainState.fresh(module, options), options))
