"""Every metric equals scikit-learn's to 1e-12, with weights, ties and absent classes."""

import warnings

import numpy as np
import pytest
import sklearn.metrics as judge
from hypothesis import given, settings
from hypothesis import strategies as st

from rumbo import metrics

seeds = st.integers(0, 2**32 - 1)
CLASSES = {
    "accuracy": judge.accuracy_score,
    "error": judge.zero_one_loss,
    "balanced_accuracy": judge.balanced_accuracy_score,
    "precision_macro": lambda y, p, **k: judge.precision_score(y, p, average="macro", zero_division=0, **k),
    "recall_macro": lambda y, p, **k: judge.recall_score(y, p, average="macro", zero_division=0, **k),
    "f1_macro": lambda y, p, **k: judge.f1_score(y, p, average="macro", zero_division=0, **k),
}
NUMBERS = {"rmse": judge.root_mean_squared_error, "mae": judge.mean_absolute_error, "r2": judge.r2_score}


def close(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


def class_problem(seed, *, num_classes=None):
    """Few examples, rounded probabilities: ties and absent classes are common."""
    rng = np.random.default_rng(seed)
    num_classes = num_classes or int(rng.integers(2, 6))
    n = int(rng.integers(2, 30))
    probabilities = rng.dirichlet(np.ones(num_classes), n).round(1) + 0.01
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return rng.integers(0, num_classes, n), probabilities, rng.uniform(0.1, 3, n)


@pytest.mark.parametrize("name", CLASSES)
@settings(max_examples=25, deadline=None)
@given(seed=seeds)
def test_classes(name, seed):
    truth, probabilities, weights = class_problem(seed)
    predicted = probabilities.argmax(axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn tells of classes that are never true
        theirs = CLASSES[name](truth, predicted, sample_weight=weights)
        plain = CLASSES[name](truth, predicted)
    close(metrics.score(name, truth, probabilities, weights), theirs)
    close(metrics.score(name, truth, probabilities), plain)


@settings(max_examples=25, deadline=None)
@given(seed=seeds)
def test_f1_of_two_classes(seed):
    truth, probabilities, weights = class_problem(seed, num_classes=2)
    theirs = judge.f1_score(truth, probabilities.argmax(axis=1), sample_weight=weights, zero_division=0)
    close(metrics.score("f1", truth, probabilities, weights), theirs)


@settings(max_examples=25, deadline=None)
@given(seed=seeds)
def test_roc_auc_of_two_classes(seed):
    truth, probabilities, weights = class_problem(seed, num_classes=2)
    truth[:2] = [0, 1]
    theirs = judge.roc_auc_score(truth, probabilities[:, 1], sample_weight=weights)
    close(metrics.score("roc_auc", truth, probabilities, weights), theirs)


@settings(max_examples=25, deadline=None)
@given(seed=seeds)
def test_roc_auc_of_more_classes(seed):
    truth, probabilities, weights = class_problem(seed, num_classes=4)
    truth, probabilities, weights = (np.concatenate([a, a]) for a in (truth, probabilities, weights))
    truth[:4] = range(4)[: len(truth)]
    theirs = judge.roc_auc_score(truth, probabilities, multi_class="ovr", sample_weight=weights)
    close(metrics.score("roc_auc", truth, probabilities, weights), theirs)


def test_roc_auc_leaves_out_a_class_that_is_absent():
    truth = np.array([0, 1, 0, 1])
    probabilities = np.array([[0.5, 0.3, 0.2], [0.2, 0.7, 0.1], [0.3, 0.3, 0.4], [0.1, 0.8, 0.1]])
    both = [judge.roc_auc_score(truth == code, probabilities[:, code]) for code in (0, 1)]
    close(metrics.score("roc_auc", truth, probabilities), np.mean(both))


@settings(max_examples=25, deadline=None)
@given(seed=seeds)
def test_log_loss(seed):
    truth, probabilities, weights = class_problem(seed)
    codes = list(range(probabilities.shape[1]))
    close(
        metrics.score("log_loss", truth, probabilities, weights),
        judge.log_loss(truth, probabilities, sample_weight=weights, labels=codes),
    )


def test_log_loss_of_a_certain_mistake_is_finite():
    theirs = judge.log_loss([0, 1], np.array([[0.0, 1.0], [0.0, 1.0]]))
    close(metrics.score("log_loss", np.array([0, 1]), np.array([[0.0, 1.0], [0.0, 1.0]])), theirs)


@pytest.mark.parametrize("name", NUMBERS)
@settings(max_examples=25, deadline=None)
@given(seed=seeds)
def test_numbers(name, seed):
    rng = np.random.default_rng(seed)
    truth, prediction, weights = rng.normal(100, 10, (3, int(rng.integers(2, 30))))
    close(metrics.score(name, truth, prediction, weights), NUMBERS[name](truth, prediction, sample_weight=weights))


@pytest.mark.parametrize("prediction", [[3.0, 3.0], [3.0, 4.0]])
def test_r2_of_a_constant_target(prediction):
    truth = np.array([3.0, 3.0])
    close(metrics.score("r2", truth, np.array(prediction)), judge.r2_score(truth, prediction))


def label_problem(seed):
    rng = np.random.default_rng(seed)
    n, k = int(rng.integers(2, 20)), int(rng.integers(1, 5))
    truth = rng.integers(0, 2, (n, k)).astype(float)
    truth[rng.uniform(size=(n, k)) < 0.2] = np.nan
    truth[0], truth[1] = 0.0, 1.0
    return truth, rng.uniform(size=(n, k)).round(1), rng.uniform(0.1, 3, n)


def per_label(metric, truth, prediction, weights):
    """The judge on each label's known entries."""
    known = ~np.isnan(truth)
    return [
        metric(truth[known[:, j], j], prediction[known[:, j], j], sample_weight=weights[known[:, j]])
        for j in range(truth.shape[1])
    ]


@settings(max_examples=25, deadline=None)
@given(seed=seeds)
def test_labels_f1_and_roc_auc(seed):
    truth, probabilities, weights = label_problem(seed)
    told = (probabilities >= 0.5).astype(float)
    close(
        metrics.score("f1_macro", truth, probabilities, weights),
        np.mean(per_label(judge.f1_score, truth, told, weights)),
    )
    areas = per_label(judge.roc_auc_score, truth, probabilities, weights)
    close(metrics.score("roc_auc_macro", truth, probabilities, weights), np.mean(areas))


@settings(max_examples=25, deadline=None)
@given(seed=seeds)
def test_labels_accuracy_error_and_log_loss(seed):
    truth, probabilities, weights = label_problem(seed)
    known = ~np.isnan(truth)
    flat = {"sample_weight": np.broadcast_to(weights[:, None], truth.shape)[known]}
    told = probabilities[known] >= 0.5
    close(metrics.score("accuracy", truth, probabilities, weights), judge.accuracy_score(truth[known], told, **flat))
    close(metrics.score("error", truth, probabilities, weights), judge.zero_one_loss(truth[known], told, **flat))
    theirs = judge.log_loss(truth[known], probabilities[known], **flat)
    close(metrics.score("log_loss", truth, probabilities, weights), theirs)


@settings(max_examples=15, deadline=None)
@given(seed=seeds)
def test_confusion_matrix(seed):
    truth, probabilities, _ = class_problem(seed)
    k, predicted = probabilities.shape[1], probabilities.argmax(axis=1)
    theirs = judge.confusion_matrix(truth, predicted, labels=range(k))
    np.testing.assert_array_equal(metrics.confusion_matrix(truth, predicted, k), theirs)
