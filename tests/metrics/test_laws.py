"""Weight 2 is the example twice, weight 0 is the example left out, and the order does not matter."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rumbo import metrics
from rumbo.core.errors import UnknownName, UsageError

EVERY = [(task, name) for task in metrics.INDEX for name in metrics.for_task(task, num_classes=2)]


def problem(task, seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(4, 20))
    weights = rng.integers(0, 3, n).astype(float)
    weights[0] = 1.0
    if task == "regress":
        return rng.normal(size=n), rng.normal(size=n), weights
    if task == "multilabel":
        return rng.choice([0.0, 1.0, np.nan], (n, 3)), rng.uniform(size=(n, 3)).round(1), weights
    probability = rng.uniform(size=n).round(1)
    return rng.integers(0, 2, n), np.stack([1 - probability, probability], axis=1), weights


@pytest.mark.parametrize(("task", "name"), EVERY)
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_weight_is_how_often_an_example_stands_there(task, name, seed):
    truth, prediction, weights = problem(task, seed)
    if name == "r2" and (weights > 0).sum() < 2:
        weights[:2] = 1.0
    rows = np.repeat(np.arange(len(truth)), weights.astype(int))
    np.testing.assert_allclose(
        metrics.score(name, truth, prediction, weights), metrics.score(name, truth[rows], prediction[rows]), rtol=1e-9
    )


@pytest.mark.parametrize(("task", "name"), EVERY)
def test_order_does_not_matter(task, name):
    truth, prediction, weights = problem(task, 5)
    rows = np.random.default_rng(0).permutation(len(truth))
    np.testing.assert_allclose(
        metrics.score(name, truth[rows], prediction[rows], weights[rows]),
        metrics.score(name, truth, prediction, weights),
        rtol=1e-12,
    )


@pytest.mark.parametrize(("task", "name"), EVERY)
def test_perfect_predictions_beat_reversed_ones(task, name):
    if task == "regress":
        truth = np.array([1.0, 2.0, 3.0])
        good, bad = truth, truth[::-1]
    else:
        truth = np.array([0, 1, 1, 0])
        good = np.eye(2)[truth]
        bad = 1 - good
    if task == "multilabel":
        truth = good
    better = metrics.score(name, truth, good) - metrics.score(name, truth, bad)
    assert (better > 0) == metrics.higher_is_better(name)


def test_one_class_has_no_roc_auc():
    assert np.isnan(metrics.score("roc_auc", np.array([1, 1]), np.array([[0.2, 0.8], [0.3, 0.7]])))


def test_index_and_registry_agree():
    for task, registry in metrics._registries.items():
        for name in registry.names():
            registry.get(name)
        assert set(registry._parts) == set(metrics.INDEX[task])


def test_a_metric_has_one_direction_whatever_the_task():
    for name in metrics.names():
        directions = {entries[name].higher_is_better for entries in metrics.INDEX.values() if name in entries}
        assert len(directions) == 1


def test_goals():
    assert [metrics.default_goal(task) for task in metrics.INDEX] == ["accuracy", "rmse", "f1_macro"]
    assert "f1" not in metrics.for_task("classify")
    assert "f1" in metrics.for_task("classify", num_classes=2)


def test_an_unknown_metric_is_told_the_nearest():
    with pytest.raises(UnknownName, match="roc_auc"):
        metrics.score("roc_uac", np.array([0, 1]), np.eye(2))
    with pytest.raises(UnknownName, match="accuracy"):
        metrics.higher_is_better("acuracy")
    with pytest.raises(UnknownName, match="rmse"):
        metrics.score("rsme", np.zeros(2), np.zeros(2))
    with pytest.raises(UnknownName, match="classify"):
        metrics.default_goal("clasify")


def test_what_cannot_be_scored_is_refused():
    two = np.eye(2)
    with pytest.raises(UsageError, match="2 classes"):
        metrics.score("f1", np.array([0, 1, 2]), np.eye(3))
    with pytest.raises(UsageError, match="3 true values"):
        metrics.score("accuracy", np.array([0, 1, 1]), two)
    with pytest.raises(UsageError, match="at least 0"):
        metrics.score("accuracy", np.array([0, 1]), two, np.array([1.0, -1.0]))
    with pytest.raises(UsageError, match="no example"):
        metrics.score("accuracy", np.array([0, 1]), two, np.zeros(2))
