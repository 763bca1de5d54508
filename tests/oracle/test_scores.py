"""Scores equal scikit-learn's and those of rumbo.metrics."""

import numpy as np
import pytest
import sklearn.metrics as sklearn_metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from rumbo import metrics
from rumbo.reference import losses
from rumbo.reference import scores as ref

seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=50, deadline=None)


def close(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


def yes_and_no(seed):
    """Truth, prediction, scores with ties, and weights, of few examples: none true and none predicted both occur."""
    rng = np.random.default_rng(seed)
    m = int(rng.integers(1, 15))
    return rng.integers(0, 2, m), rng.integers(0, 2, m), rng.random(m).round(1), rng.uniform(0.1, 3, m)


def certain(yhat, k):
    """Probabilities that are sure of the predicted class, as rumbo.metrics takes them."""
    return np.eye(k)[yhat]


@few
@given(seed=seeds)
def test_precision_recall_f1(seed):
    y, yhat, _, _ = yes_and_no(seed)
    close(ref.precision(y, yhat), sklearn_metrics.precision_score(y, yhat, zero_division=0))
    close(ref.recall(y, yhat), sklearn_metrics.recall_score(y, yhat, zero_division=0))
    close(ref.f1(y, yhat), sklearn_metrics.f1_score(y, yhat, zero_division=0))
    close(metrics.score("f1", y, certain(yhat, 2)), ref.f1(y, yhat))


@few
@given(seed=seeds)
def test_scores_of_both_classes(seed):
    """The mean over classes of rumbo.metrics, where both classes occur, is the mean of two sides of one question."""
    y, yhat, _, _ = yes_and_no(seed)
    y, yhat = np.append(y, [0, 1]), np.append(yhat, [1, 0])
    for name in ("precision", "recall", "f1"):
        score = getattr(ref, name)
        both = (score(y, yhat) + score(1 - y, 1 - yhat)) / 2
        close(metrics.score(f"{name}_macro", y, certain(yhat, 2)), both)


@few
@given(seed=seeds)
def test_counts(seed):
    y, yhat, _, _ = yes_and_no(seed)
    table = sklearn_metrics.confusion_matrix(y, yhat, labels=[0, 1])
    n = ref.counts(y, yhat)
    assert [[n.true_negatives, n.false_positives], [n.false_negatives, n.true_positives]] == table.tolist()


@few
@given(seed=seeds)
def test_classes(seed):
    rng = np.random.default_rng(seed)
    k, m = rng.integers(2, 6), rng.integers(1, 20)
    y, yhat = rng.integers(0, k, (2, m))
    table = ref.confusion_matrix(y, yhat, k)
    assert (table == sklearn_metrics.confusion_matrix(y, yhat, labels=range(k))).all()
    assert (table == metrics.confusion_matrix(y, yhat, k)).all()
    close(ref.accuracy(y, yhat), sklearn_metrics.accuracy_score(y, yhat))
    for name in ("accuracy", "error"):
        close(metrics.score(name, y, certain(yhat, k)), getattr(ref, name)(y, yhat))


def told_of_classes(seed):
    """Classes, probabilities (m, k) without ties, and how often each example counts: some never, not all."""
    rng = np.random.default_rng(seed)
    k, m = int(rng.integers(2, 6)), int(rng.integers(1, 20))
    times = rng.integers(0, 4, m)
    times[rng.integers(m)] = 2
    return rng.integers(0, k, m), rng.dirichlet(np.ones(k), m), times


def mean_over_classes(score, y, yhat, classes):
    """Each class against the rest, as if it were the 1 that one looks for."""
    return np.mean([score((y == c).astype(int), (yhat == c).astype(int)) for c in classes])


@few
@given(seed=seeds)
def test_means_over_several_classes(seed):
    """An example of weight w counts as w examples; a class met neither in truth nor in predictions is left out."""
    y, p, times = told_of_classes(seed)
    counted, told = np.repeat(y, times), np.repeat(p.argmax(axis=1), times)
    for name in ("precision", "recall", "f1"):
        judge = mean_over_classes(getattr(ref, name), counted, told, np.union1d(counted, told))
        close(metrics.score(f"{name}_macro", y, p, times), judge)
    close(metrics.score("balanced_accuracy", y, p, times), mean_over_classes(ref.recall, counted, told, set(counted)))
    close(metrics.score("accuracy", y, p, times), ref.accuracy(counted, told))
    close(metrics.score("error", y, p, times), ref.error(counted, told))


@few
@given(seed=seeds)
def test_log_loss_of_classes(seed):
    y, p, times = told_of_classes(seed)
    Y = np.eye(p.shape[1])[:, y]
    close(metrics.score("log_loss", y, p), losses.cost(losses.categorical_log_loss(p.T, Y)))
    often = losses.categorical_log_loss(np.repeat(p, times, axis=0).T, np.repeat(Y, times, axis=1))
    close(metrics.score("log_loss", y, p, times), losses.cost(often))


@few
@given(seed=seeds)
def test_scores_of_numbers(seed):
    """R2 compares with the mean of the truth, told to every example."""
    rng = np.random.default_rng(seed)
    m = int(rng.integers(2, 15))
    y, yhat, times = rng.normal(3, 2, m), rng.normal(3, 2, m), rng.integers(0, 4, m)
    times[:2] = 1, 3
    for w, (Y, Yhat) in {None: (y, yhat), "times": (np.repeat(y, times), np.repeat(yhat, times))}.items():
        weights, mse = None if w is None else times, losses.mean_squared_error(Yhat, Y)
        close(metrics.score("rmse", y, yhat, weights), np.sqrt(mse))
        close(metrics.score("mae", y, yhat, weights), losses.cost(losses.absolute_error(Yhat, Y)))
        of_the_mean = losses.mean_squared_error(np.full(len(Y), Y.mean()), Y)
        close(metrics.score("r2", y, yhat, weights), 1 - mse / of_the_mean)


@few
@given(seed=seeds)
def test_scores_of_labels(seed):
    """Labels that are not known count nowhere; a label without a yes in truth or predictions is left out of F1."""
    rng = np.random.default_rng(seed)
    m, k = rng.integers(1, 15), rng.integers(1, 5)
    y, p, times = rng.integers(0, 2, (m, k)).astype(float), rng.uniform(0.01, 0.99, (m, k)), rng.integers(0, 4, m)
    y[rng.random((m, k)) < 0.2] = np.nan
    y[0, 0], p[0, 0], times[0] = 1, 0.9, 2  # something is known
    Y, P = np.repeat(y, times, axis=0), np.repeat(p, times, axis=0)
    known = ~np.isnan(Y)
    columns = [(Y[rows, j].astype(int), (P[rows, j] >= 0.5).astype(int)) for j, rows in enumerate(known.T)]
    met = [(truth, told) for truth, told in columns if truth.any() or told.any()]
    truth, told = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    close(metrics.score("f1_macro", y, p, times), np.mean([ref.f1(*column) for column in met]))
    close(metrics.score("accuracy", y, p, times), ref.accuracy(truth, told))
    close(metrics.score("error", y, p, times), ref.error(truth, told))
    close(metrics.score("log_loss", y, p, times), losses.cost(losses.log_loss(P[known], Y[known])))


@few
@given(seed=seeds)
def test_weighted_error(seed):
    y, yhat, _, w = yes_and_no(seed)
    close(ref.weighted_error(y, yhat, w), sklearn_metrics.zero_one_loss(y, yhat, sample_weight=w))
    close(metrics.score("error", y, certain(yhat, 2), w), ref.weighted_error(y, yhat, w))


@few
@given(seed=seeds)
def test_average_precision(seed):
    y, _, score, _ = yes_and_no(seed)
    y[0] = 1
    close(ref.average_precision(y, score), sklearn_metrics.average_precision_score(y, score))


@few
@given(seed=seeds)
def test_curve(seed):
    y, _, score, _ = yes_and_no(seed)
    y[0] = 1
    precision, recall, threshold = sklearn_metrics.precision_recall_curve(y, score)
    ours = ref.precision_recall_curve(y, score)
    close(ours.threshold, threshold[::-1])
    close(ours.precision, precision[:-1][::-1])
    close(ours.recall, recall[:-1][::-1])


@few
@given(seed=seeds)
def test_interpolated_average_precision(seed):
    """At each recall that occurs, the best precision at that recall or beyond, summed by scikit-learn's curve."""
    y, _, score, _ = yes_and_no(seed)
    y[0] = 1
    precision, recall, _ = sklearn_metrics.precision_recall_curve(y, score)
    levels = np.unique(recall)
    best = [precision[recall >= level].max() for level in levels[1:]]
    close(ref.interpolated_average_precision(y, score), np.sum(np.diff(levels) * best))


@pytest.mark.parametrize(("P", "R"), [(0.95, 0.9), (0.2, 1.0), (1.0, 1.0), (0.0, 0.0), (0.0, 0.5)])
def test_harmonic_mean(P, R):
    expected = 0.0 if 0 in (P, R) else 2 / (1 / P + 1 / R)
    assert ref.harmonic_mean(P, R) == pytest.approx(expected, rel=1e-12)
