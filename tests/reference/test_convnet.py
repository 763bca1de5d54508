"""The small convolutional network learns real digits, in NumPy alone."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from rumbo.reference import convnet


@pytest.mark.parametrize("seed", [0, 1])
def test_it_reads_digits_it_has_not_seen(seed):
    pixels, codes = load_digits(return_X_y=True)
    X, Y = (pixels / 16).reshape(-1, 8, 8, 1), np.eye(10)[:, codes]
    train, test = train_test_split(np.arange(len(X)), test_size=0.2, stratify=codes, random_state=seed)
    rng = np.random.default_rng(seed)
    parameters, costs = convnet.train(X[train], Y[:, train], 16, rate=0.2, epochs=20, batch_size=32, rng=rng)
    assert costs[0] > 2
    assert np.mean(costs[-45:]) < 0.1
    assert (convnet.predict(X[test], parameters) == codes[test]).mean() >= 0.95
    assert (convnet.predict(X[test], convnet.initialize((8, 8), 1, 16, 10, rng)) == codes[test]).mean() < 0.4


def test_first_filters_have_the_variance_of_he():
    parameters = convnet.initialize((2, 2), 3, 4000, 5, np.random.default_rng(0))
    assert parameters.W1.var() == pytest.approx(2 / 27, rel=0.02)
    assert parameters.W2.var() == pytest.approx(2 / 4000, rel=0.05)
    assert not parameters.b1.any()
    assert not parameters.b2.any()
