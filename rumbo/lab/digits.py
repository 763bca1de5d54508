"""Handwritten digits that need no file: scikit-learn's 1,797 pictures of 8 x 8 pixels."""

import numpy as np
from sklearn.datasets import load_digits

from rumbo.core.seeds import rng
from rumbo.reference.arrays import Array

NUM_TRAIN = 1_200


def digits(seed: int) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Pixels in [0, 1] (64 x m) and one-hot digits (10 x m) of train and dev, examples in columns."""
    pixels, labels = load_digits(return_X_y=True)
    order = rng(seed, "digits").permutation(len(labels))
    X, Y = pixels[order].T / 16, np.eye(10)[labels[order]].T
    return (X[:, :NUM_TRAIN], Y[:, :NUM_TRAIN]), (X[:, NUM_TRAIN:], Y[:, NUM_TRAIN:])
