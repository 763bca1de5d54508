"""The estimators keep scikit-learn's contract, every check of it."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

import rumbo

pytestmark = [
    pytest.mark.train,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning"),
]


@parametrize_with_checks([rumbo.Classifier(epochs=40), rumbo.Regressor(epochs=40)])
def test_scikit_learn_contract(estimator, check):
    check(estimator)
