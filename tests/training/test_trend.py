"""Named while it happens: alarms in trainings that were broken on purpose, none in healthy ones."""

import itertools
import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn import datasets
from torch import nn

from rumbo.api.fitting import fit
from rumbo.core.errors import TrainingError
from rumbo.training.events import Evaluated, Stepped
from rumbo.training.trend import BLOCK, Trend

SETS = ("digits", "breast_cancer", "wine", "iris", "diabetes")
HEALTHY = (("adamw", 2e-3, "one_cycle"), ("adam", 1e-3, "constant"), ("momentum", 0.02, "cosine"))


def examples(name):
    """Standardized inputs and targets of a real set that comes with scikit-learn; at most 300."""
    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    rows = np.random.default_rng(0).permutation(len(x))[:300]
    x, y = x[rows], y[rows]
    x = torch.tensor((x - x.mean(0)) / (x.std(0) + 1e-6), dtype=torch.float32)
    if name == "diabetes":
        return x, torch.tensor((y - y.mean()) / y.std(), dtype=torch.float32)[:, None]
    return x, torch.tensor(y)


def network(x, y, seed):
    torch.manual_seed(seed)
    num_outputs = 1 if y.is_floating_point() else int(y.max()) + 1
    return nn.Sequential(nn.Linear(x.shape[1], 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, num_outputs))


def said_in(name, optimizer, rate, schedule, *, seed=0, epochs=15, plant=None, as_on_gpu=False):
    """What a trend says in a training, or that it ended for numbers that are not finite."""
    x, y = examples(name)
    module = network(x, y, seed)
    if plant is not None:
        with torch.no_grad():
            plant(module)
    trend, held, said = Trend(), [], []

    def watch(event):
        if isinstance(event, Stepped):
            held.append(float(event.loss))
        if isinstance(event, Evaluated) or (isinstance(event, Stepped) and not as_on_gpu and len(held) >= 7):
            said.extend(trend.steps(held))
            held.clear()
        if isinstance(event, Evaluated):
            said.extend(trend.epoch(event.metrics["train/loss"], event.learning_rate))

    try:
        fit(
            module,
            x,
            y,
            epochs=epochs,
            optimizer=optimizer,
            learning_rate=rate,
            schedule=schedule,
            watch=watch,
            seed=seed,
        )
    except TrainingError:
        said.append("not finite")
    return said


@pytest.mark.train
@pytest.mark.parametrize("name", SETS)
def test_healthy_trainings_are_left_alone(name):
    said = {(kind, seed): said_in(name, *kind, seed=seed) for kind in HEALTHY for seed in range(3)}
    assert {key: words for key, words in said.items() if words} == {}


def dead(module):
    for parameter in module.parameters():
        if parameter.ndim == 1:
            parameter.fill_(-20.0)


def zeros(module):
    for parameter in module.parameters():
        parameter.zero_()


BROKEN = {
    "sgd, rate 5": ("diverges", "digits", "sgd", 5.0, "constant", None),
    "momentum, rate 1": ("diverges", "breast_cancer", "momentum", 1.0, "constant", None),
    "adam, rate 1": ("diverges", "digits", "adam", 1.0, "constant", None),
    "regression, sgd, rate 0.5": ("diverges", "diabetes", "momentum", 0.5, "constant", None),
    "adamw, rate 1e-6": ("nothing is learnt", "digits", "adamw", 1e-6, "constant", None),
    "adamw, rate 1e-6, one cycle": ("nothing is learnt", "wine", "adamw", 1e-6, "one_cycle", None),
    "sgd, rate 1e-5": ("nothing is learnt", "iris", "sgd", 1e-5, "constant", None),
    "dead units": ("nothing is learnt", "digits", "adamw", 2e-3, "one_cycle", dead),
    "dead units, sgd": ("stands still", "breast_cancer", "sgd", 0.1, "constant", dead),
    "all weights zero": ("nothing is learnt", "digits", "momentum", 0.02, "cosine", zeros),
    "all weights zero, regression": ("nothing is learnt", "diabetes", "adam", 1e-4, "constant", zeros),
    "all weights zero, sgd": ("stands still", "breast_cancer", "sgd", 0.1, "constant", zeros),
}


@pytest.mark.train
def test_broken_trainings_are_named_once_and_for_what_they_are():
    found = {what: said_in(*asked, plant=plant) for what, (_, *asked, plant) in BROKEN.items()}
    named = [what for what, said in found.items() if said]
    rightly = [what for what in named if any(BROKEN[what][0] in word or word == "not finite" for word in found[what])]
    assert len(named) >= 0.9 * len(BROKEN), found
    assert len(rightly) >= 0.8 * len(BROKEN), found
    for said in found.values():
        assert len(said) == len({word.split(":")[0] for word in said})  # one sentence of a kind


@pytest.mark.train
def test_losses_that_come_late_say_the_same():
    for name, optimizer, rate in (("digits", "sgd", 5.0), ("digits", "adamw", 1e-6), ("wine", "momentum", 1.0)):
        at_once = said_in(name, optimizer, rate, "constant", epochs=6)
        assert said_in(name, optimizer, rate, "constant", epochs=6, as_on_gpu=True) == at_once


losses = st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=200)


@given(losses=losses, cuts=st.lists(st.integers(0, 200), max_size=6))
def test_how_many_come_at_a_time_does_not_matter(losses, cuts):
    whole, parts = Trend(), Trend()
    said = whole.steps(losses)
    places = [0, *sorted(cuts), len(losses)]
    again = [word for low, high in itertools.pairwise(places) for word in parts.steps(losses[low:high])]
    assert again == said
    assert parts == whole


@given(losses=losses, cut=st.integers(0, 200), rate=st.floats(1e-5, 1.0))
def test_a_resumed_trend_says_the_same(losses, cut, rate):
    def take(trend, part):
        return [word for loss in part for word in (*trend.steps([loss] * 30), *trend.epoch(loss, rate))]

    whole = Trend()
    before = take(whole, losses[:cut])
    resumed = Trend.from_dict(json.loads(json.dumps(whole.to_dict(), allow_nan=False)))
    assert take(resumed, losses[cut:]) == take(whole, losses[cut:])
    assert resumed == whole
    assert isinstance(before, list)


def test_each_episode_is_named_once():
    trend = Trend()
    trend.steps([2.3] * 20)
    means = [2.0, 1.0, 0.5, 9.0, 9.0, 8.0, 0.5, 0.4, 9.0]
    said = [trend.epoch(mean, 0.1) for mean in means]
    assert [bool(words) for words in said] == [False, False, False, True, False, False, False, False, True]
    assert "0.5" in said[3][0]
    assert "epoch 4" in said[3][0]


def test_a_plateau_is_named_when_noise_allows_and_again_after_a_fall():
    trend = Trend()
    trend.steps([2.3] * 20)
    means = [2.0, 1.6, 1.3, *[1.2] * 10, *[0.9] * 12]
    said = [epoch for epoch, mean in enumerate(means, start=1) if trend.epoch(mean, 0.1)]
    assert len(said) == 2
    assert said[0] <= 13
    noisy = Trend()
    noisy.steps([2.3] * 20)
    drawn = np.random.default_rng(0).normal(1.0, 0.2, 40)
    assert [words for mean in drawn for words in noisy.epoch(float(mean), 0.1)] == []


@pytest.mark.parametrize(("rates", "is_named"), [([0.1] * 20, True), (list(np.linspace(0.001, 0.1, 20)), False)])
def test_while_the_rate_rises_a_loss_that_stays_says_nothing(rates, is_named):
    trend = Trend()
    trend.steps([2.3] * 20)
    assert any(trend.epoch(2.3, float(rate)) for rate in rates) == is_named


def test_near_the_end_of_the_rate_a_loss_may_stay():
    trend = Trend()
    trend.steps([2.3] * 20)
    falling = [trend.epoch(2.0 - 0.3 * epoch, 0.1) for epoch in range(5)]
    assert not any(falling + [trend.epoch(0.5, 0.01) for _ in range(30)])


def test_a_spike_is_told_and_is_no_divergence():
    trend, generator = Trend(), np.random.default_rng(0)
    calm = [float(loss) for loss in generator.normal(0.5, 0.05, 3 * BLOCK)]
    assert trend.steps([2.3] * BLOCK + calm) == []
    spiky = [*calm[:BLOCK]]
    spiky[20:23] = [9.0, 30.0, 7.0]
    (said,) = trend.steps(spiky)
    assert "a spike" in said
    assert "30" in said
    assert trend.steps(spiky) == []  # of the same episode
    assert trend.steps(calm * 3) == []
    assert len(trend.steps(spiky)) == 1


def test_losses_that_are_not_finite_are_left_to_the_guard():
    trend = Trend()
    assert trend.steps([math.nan, math.inf] * BLOCK) == []
    assert trend.epoch(math.nan, 0.1) == []
    json.dumps(trend.to_dict(), allow_nan=False)
