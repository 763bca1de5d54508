"""Wrong labels planted in real sets, and predictions of a simple model that never saw the example: for tests and bench.

The model is a linear discriminant in closed form: the same numbers on every machine, in a second.
"""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

KINDS = ("random", "neighbour", "three pairs")
RATES = (0.05, 0.1, 0.2)
FASHION = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot")
PAIRS = ((6, 0), (4, 2), (9, 7))
"""What `three pairs` labels as what: for fashion shirts as T-shirts, coats as pullovers, boots as sneakers."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Planted:
    """A set with wrong labels, and what a model that never saw each example says of it."""

    name: str
    kind: str
    rate: float
    true: np.ndarray
    given: np.ndarray
    probabilities: np.ndarray

    @property
    def wrong(self) -> np.ndarray:
        return self.true != self.given


def digits(_: Path) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return x / 16, y.astype(np.int64)


def fashion_pictures(data: Path, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The first pictures of Fashion-MNIST's test part, uint8, and their codes."""
    with gzip.open(data / "fashion_mnist" / "t10k-images-idx3-ubyte.gz") as file:
        pixels = np.frombuffer(file.read(16 + count * 784), np.uint8, offset=16).reshape(-1, 28, 28)
    with gzip.open(data / "fashion_mnist" / "t10k-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(8 + count), np.uint8, offset=8)
    return pixels, labels.astype(np.int64)


def fashion(data: Path) -> tuple[np.ndarray, np.ndarray]:
    pixels, labels = fashion_pictures(data, 6_000)
    small = pixels.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(len(pixels), -1) / 255
    return small, labels


def adult(data: Path) -> tuple[np.ndarray, np.ndarray]:
    with gzip.open(data / "adult_income" / "adult-train.csv.gz", "rt") as file:
        rows = [line.strip().split(", ") for line in file if line.count(",") == 14][:8_000]
    columns: list[np.ndarray] = []
    for values in list(zip(*rows, strict=True))[:14]:
        try:
            numbers = np.array(values, np.float64)
            columns.append(((numbers - numbers.mean()) / numbers.std())[:, None])
        except ValueError:
            names = sorted(set(values))
            columns.append((np.array(values)[:, None] == np.array(names)).astype(np.float64))
    return np.concatenate(columns, axis=1), np.array([int(">" in row[14]) for row in rows])


SETS = {"digits": digits, "fashion": fashion, "adult": adult}


def plant(true: np.ndarray, kind: str, rate: float, seed: int = 0) -> np.ndarray:
    """Labels of which about that share is wrong: any other; the next class; three pairs (of two classes: one way)."""
    generator, given, k = np.random.default_rng(seed), true.copy(), int(true.max()) + 1
    is_hit = generator.random(len(true)) < rate
    if kind == "random":
        given[is_hit] = (true[is_hit] + generator.integers(1, k, int(is_hit.sum()))) % k
    elif kind == "neighbour" and k > 2:
        given[is_hit] = (true[is_hit] + 1) % k
    else:
        pairs = PAIRS if k > 2 else ((1, 0),)
        for source, label in pairs:
            rows = generator.permutation(np.flatnonzero(true == source))
            given[rows[: min(round(rate * len(true) / len(pairs)), len(rows) // 2)]] = label
    return given


def held_out(x: np.ndarray, given: np.ndarray, folds: int = 5, ridge: float = 0.03) -> np.ndarray:
    """Probabilities by linear discriminants, each learned from the other folds."""
    fold = np.random.default_rng(0).permutation(len(x)) % folds
    k = int(given.max()) + 1
    found = np.empty((len(x), k))
    for part in range(folds):
        train, rows = fold != part, fold == part
        means = np.stack([x[train & (given == code)].mean(axis=0) for code in range(k)])
        spread = x[train] - means[given[train]]
        inverse = np.linalg.inv(spread.T @ spread / train.sum() + ridge * np.eye(x.shape[1]))
        shares = np.bincount(given[train], minlength=k) / train.sum()
        scores = x[rows] @ inverse @ means.T - 0.5 * np.einsum("kd,de,ke->k", means, inverse, means) + np.log(shares)
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        found[rows] = scores / scores.sum(axis=1, keepdims=True)
    return found


def planted_sets(data: Path, names: tuple[str, ...] = tuple(SETS)) -> Iterator[Planted]:
    """Each set with each kind and rate of noise."""
    for name in names:
        x, true = SETS[name](data)
        for kind in KINDS if true.max() > 1 else ("random", "three pairs"):
            for rate in RATES:
                given = plant(true, kind, rate)
                yield Planted(name=name, kind=kind, rate=rate, true=true, given=given, probabilities=held_out(x, given))
