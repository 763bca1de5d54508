"""Train with `rumbo.reference`, pure NumPy, on real data, and tell accuracy and time.

    python bench/reference.py cats digits pictures characters [--data FOLDER] [--seed N]

Each training prints one JSON line. The test parts are those of the sets (cats), or are cut off before anything is
learned (digits: a quarter; characters: the last tenth). Nothing was chosen on them.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from rumbo.reference import activations, characters, convnet, initializers, logistic_regression, network

NUM_CHARACTERS = 50_000


def cats(data: Path, seed: int) -> dict[str, Any]:
    """Logistic regression on the course's cat pictures, with the course's rate and number of steps."""
    import h5py

    parts = []
    for split in ("train", "test"):
        with h5py.File(data / "cats_vs_noncats" / f"{split}_catvnoncat.h5") as file:
            pictures, labels = np.asarray(file[f"{split}_set_x"]), np.asarray(file[f"{split}_set_y"])
        parts.append((pictures.reshape(len(pictures), -1).T / 255, labels[None].astype(np.float64)))
    (X, Y), (X_test, Y_test) = parts
    fit = logistic_regression.gradient_descent(X, Y, rate=0.005, steps=2000)
    right = {
        name: logistic_regression.predict(fit.w, fit.b, x) == y
        for name, x, y in (("train", X, Y), ("test", X_test, Y_test))
    }
    return {f"{name}_accuracy": float(found.mean()) for name, found in right.items()}


def digits(data: Path, seed: int) -> dict[str, Any]:
    """A network of two hidden layers on scikit-learn's digits."""
    X, Y, test, rng = *real_digits(seed), np.random.default_rng(seed)
    chosen = network.Network((activations.RELU, activations.RELU), network.SOFTMAX)
    layers = network.initialize((64, 48, 24, 10), initializers.he, rng)
    training = network.Training(rate=0.1, epochs=60, batch_size=32, keep_probs=(1.0, 1.0))
    layers = network.train(chosen, layers, X[:, ~test], Y[:, ~test], training, rng)
    return {"test_accuracy": network.accuracy(chosen, layers, X[:, test], Y[:, test])}


def pictures(data: Path, seed: int) -> dict[str, Any]:
    """A convolutional network on the same digits as pictures of 8 x 8."""
    X, Y, test = real_digits(seed)
    pixels, rng = X.T.reshape(-1, 8, 8, 1), np.random.default_rng(seed)
    parameters, _ = convnet.train(pixels[~test], Y[:, ~test], 16, rate=0.2, epochs=20, batch_size=32, rng=rng)
    return {"test_accuracy": float((convnet.predict(pixels[test], parameters) == Y[:, test].argmax(axis=0)).mean())}


def text(data: Path, seed: int) -> dict[str, Any]:
    """A recurrent network over characters of Shakespeare; bits a character on what it has not read."""
    written = (data / "tinyshakespeare" / "input.txt").read_text(encoding="utf-8")[:NUM_CHARACTERS]
    alphabet = characters.alphabet_of(written)
    codes, k = characters.encode(written, alphabet), len(alphabet)
    read, new = codes[: NUM_CHARACTERS * 9 // 10], codes[NUM_CHARACTERS * 9 // 10 :]
    model = characters.initialize(k, 100, np.random.default_rng(seed))
    model, _ = characters.train(read, model, epochs=8, alpha=0.005, m=16)
    return {
        "bits_per_character": characters.bits_per_character(new, model),
        "bits_of_counts_of_pairs": characters.bigram_bits(read, new, k),
        "bits_of_single_counts": characters.unigram_bits(read, new, k),
    }


def real_digits(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixels in [0, 1] (64 x m), one-hot digits (10 x m), and which quarter is for the test."""
    from sklearn.datasets import load_digits

    values, codes = load_digits(return_X_y=True)
    test = np.zeros(len(codes), dtype=bool)
    test[np.random.default_rng(seed).permutation(len(codes))[: len(codes) // 4]] = True
    return values.T / 16, np.eye(10)[:, codes], test


TRAININGS: dict[str, Callable[[Path, int], dict[str, Any]]] = {
    "cats": cats,
    "digits": digits,
    "pictures": pictures,
    "characters": text,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trainings", nargs="+", choices=sorted(TRAININGS))
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("RUMBO_TEST_DATA", "../shared/data")))
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    for name in arguments.trainings:
        began = time.perf_counter()
        found = TRAININGS[name](arguments.data.resolve(), arguments.seed)
        print(json.dumps({"training": name, **found, "seconds": time.perf_counter() - began}), flush=True)


if __name__ == "__main__":
    main()
