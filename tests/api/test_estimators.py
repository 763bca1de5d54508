"""The estimators keep scikit-learn's contract, every check of it."""

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

import rumbo
from rumbo.core.errors import UsageError

pytestmark = [
    pytest.mark.train,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning"),
]


@parametrize_with_checks([rumbo.Classifier(epochs=40), rumbo.Regressor(epochs=40)])
def test_scikit_learn_contract(estimator, check):
    check(estimator)


def test_patience_needs_examples_to_watch():
    X, y = np.arange(40.0)[:, None], np.arange(40) % 2
    with pytest.raises(UsageError, match="patience=2 needs validation"):
        rumbo.Classifier(patience=2, epochs=1).fit(X, y)
