"""Precision, recall and F1 of one class equal scikit-learn's, with weights and labels that are not known."""

import numpy as np
import pytest
import sklearn.metrics as judge
from hypothesis import given
from hypothesis import strategies as st

from rumbo.core.errors import UnknownName
from rumbo.metrics.one_class import score_of_class

JUDGES = {"precision": judge.precision_score, "recall": judge.recall_score, "f1": judge.f1_score}


@pytest.mark.parametrize("name", JUDGES)
@given(seed=st.integers(0, 2**32 - 1))
def test_classes(name, seed):
    generator = np.random.default_rng(seed)
    k, n = int(generator.integers(2, 5)), int(generator.integers(2, 30))
    truth, outputs = generator.integers(0, k, n), generator.dirichlet(np.ones(k), n)
    weights, code = generator.uniform(0.1, 3, n), int(generator.integers(0, k))
    theirs = JUDGES[name](
        truth, outputs.argmax(axis=1), labels=[code], average="macro", sample_weight=weights, zero_division=0
    )
    ours = score_of_class(name, truth, outputs, code, weights)
    is_defined = (truth == code).any() or (name != "recall" and (outputs.argmax(axis=1) == code).any())
    assert np.isnan(ours) == (not is_defined)
    if is_defined:
        assert ours == pytest.approx(theirs, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("name", JUDGES)
@given(seed=st.integers(0, 2**32 - 1))
def test_labels_that_are_not_known_count_nowhere(name, seed):
    generator = np.random.default_rng(seed)
    truth, outputs = generator.integers(0, 2, (20, 3)).astype(float), generator.random((20, 3))
    truth[:2, 1] = 1
    known = generator.random(20) < 0.7
    known[0] = True
    weights = generator.uniform(0.1, 3, 20)
    theirs = JUDGES[name](truth[known, 1], outputs[known, 1] >= 0.5, sample_weight=weights[known], zero_division=0)
    truth[~known, 1] = np.nan
    assert score_of_class(name, truth, outputs, 1, weights) == pytest.approx(theirs, rel=1e-12, abs=1e-12)


def test_another_metric_is_refused():
    with pytest.raises(UnknownName, match="precision"):
        score_of_class("precison", np.array([0]), np.eye(2)[[0]], 0)
