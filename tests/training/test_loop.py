"""The loop: exact continuation from any step, best weights, refusal of what is not finite."""

import math

import pytest
import torch
import toy

from rumbo.core.errors import TrainingError
from rumbo.training.events import Evaluated, Finished, Stepped
from rumbo.training.loop import fit
from rumbo.training.options import FitOptions, OptimizerOptions, ScheduleOptions

OPTIMIZERS = ("sgd", "momentum", "rmsprop", "adam", "adamw")


def run(options, state, *, stop_after=None):
    """Run the loop, or leave it after some steps; returns the events."""
    events = []
    for event in fit(toy.task(state.model), toy.data(), state, options):
        events.append(event)
        if stop_after is not None and isinstance(event, Stepped) and event.step == stop_after:
            break
    return events


def values(events):
    return [(event.epoch, dict(event.metrics), event.is_best) for event in events if isinstance(event, Evaluated)]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("stop_after", [1, 4, 5, 12])
def test_a_resumed_training_equals_an_uninterrupted_one_bit_for_bit(optimizer, stop_after):
    options = FitOptions(epochs=3, batch_size=16, optimizer=OptimizerOptions(name=optimizer), clip_norm=1.0)
    whole = toy.state(options)
    all_events = run(options, whole)

    first = toy.state(options)
    before = run(options, first, stop_after=stop_after)
    files = first.to_files({"note": 1})
    second = toy.state(options)
    assert second.load_files(files) == {"note": 1}
    after = run(options, second)

    assert values(before) + values(after) == values(all_events)
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, second.model.state_dict()[name]), name
    mine, theirs = whole.optimizer.state_dict()["state"], second.optimizer.state_dict()["state"]
    for index, slots in mine.items():
        for slot, value in slots.items():
            assert torch.equal(torch.as_tensor(value), torch.as_tensor(theirs[index][slot])), (index, slot)


def test_the_best_epoch_is_restored_whatever_ended_the_training():
    options = FitOptions(epochs=6, batch_size=16, optimizer=OptimizerOptions(name="sgd", learning_rate=0.5))
    state = toy.state(options)
    events = run(options, state)
    best = max(values(events), key=lambda row: (row[1]["dev/accuracy"], -row[1]["dev/loss"]))
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.best_epoch == best[0]
    from rumbo.tasks.inference import infer

    again = toy.task(state.model).score(infer(toy.task(state.model), toy.data().dev))
    assert again["accuracy"] == best[1]["dev/accuracy"]


def test_early_stopping_ends_after_patience_epochs_without_a_better_goal():
    # A rate of almost 0 never gets better than the first epoch.
    schedule = ScheduleOptions(name="constant")
    optimizer = OptimizerOptions(name="sgd", learning_rate=1e-12)
    options = FitOptions(epochs=20, batch_size=16, patience=2, optimizer=optimizer, schedule=schedule)
    state = toy.state(options)
    for layer in state.model.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = 0.0
    events = run(options, state)
    assert len(values(events)) == 3
    assert events[-1].reason == "patience"
    assert events[-1].best_epoch == 1


def test_a_budget_ends_training_after_the_epoch_in_which_it_is_over():
    options = FitOptions(epochs=50, batch_size=16, budget_seconds=1e-9)
    events = run(options, toy.state(options))
    assert len(values(events)) == 1
    assert events[-1].reason == "budget"


def test_a_cost_that_is_not_finite_stops_before_the_update_and_is_explained():
    options = FitOptions(epochs=2, batch_size=16)
    state = toy.state(options)
    data = toy.data()
    poisoned = int(data.train.rows[3])
    data.train.examples.weights[poisoned] = math.inf
    seen = {name: tensor.clone() for name, tensor in state.model.state_dict().items()}

    def watch_weights():
        nonlocal seen
        for _ in fit(toy.task(state.model), data, state, options):
            seen = {name: tensor.clone() for name, tensor in state.model.state_dict().items()}

    with pytest.raises(TrainingError) as caught:
        watch_weights()
    for name, parameter in state.model.named_parameters():
        assert torch.equal(parameter.detach(), seen[name]), name
        assert torch.isfinite(parameter).all()
    assert "Examples: digit " in str(caught.value)


def test_the_first_layer_that_is_not_finite_is_named():
    options = FitOptions(epochs=1, batch_size=16)
    state = toy.state(options)
    with torch.no_grad():
        state.model[7].weight[0, 0] = math.nan
    with pytest.raises(TrainingError, match=r"the output of layer '7'"):
        run(options, state)


def test_biases_and_norms_are_exempt_from_weight_decay():
    from rumbo.training.optimizer import make_optimizer

    groups = make_optimizer(toy.network(), OptimizerOptions(weight_decay=0.3)).param_groups
    decayed = {tuple(p.shape) for group in groups if group["weight_decay"] == 0.3 for p in group["params"]}
    exempt = {tuple(p.shape) for group in groups if group["weight_decay"] == 0.0 for p in group["params"]}
    assert decayed == {(4, 1, 3, 3), (8, 4, 3, 3), (10, 128)}
    assert exempt == {(4,), (8,), (10,)}


def test_frozen_norms_keep_their_statistics():
    options = FitOptions(epochs=1, batch_size=16)
    state = toy.state(options)
    for parameter in state.model[1].parameters():
        parameter.requires_grad_(False)
    before = state.model[1].running_mean.clone()
    run(options, state)
    assert torch.equal(state.model[1].running_mean, before)
