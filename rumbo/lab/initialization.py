"""Sizes of activations and gradients, layer by layer, for each way to begin."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from rumbo.core.messages import t
from rumbo.core.options import option
from rumbo.core.seeds import rng
from rumbo.lab.digits import NUM_TRAIN, digits
from rumbo.lab.experiment import Experiment, Result, Track, experiments, unseen
from rumbo.plots.panels import Line, Lines
from rumbo.reference import activations, initializers, network
from rumbo.reference.arrays import Array

WAYS: dict[str, initializers.Initializer] = {
    "zeros": initializers.zeros,
    "constant 5": initializers.constant,
    "0.01 normal": initializers.small_random,
    "±0.001 uniform": initializers.small_uniform,
    "Xavier": initializers.xavier,
    "Glorot": initializers.glorot,
    "He": initializers.he,
}
ACTIVATIONS = {"relu": activations.RELU, "tanh": activations.TANH, "sigmoid": activations.SIGMOID}
LINEAR_DEPTH, LINEAR_WEIGHTS = 50, (1.5, 0.5)
RATE = 0.1
ROUNDING = 1e-12
"""A sum of terms of both signs that is smaller than this share of their sizes is rounding."""
SAME = 1e-9
"""Rows of W that differ by less, relative to the largest weight, are copies: sums of one order, not of one value."""


class Sizes(NamedTuple):
    """Mean absolute values of A[1] ... A[L-1], dZ[1] ... dZ[L] and dW[1]; different rows of W[1] after a step."""

    A: Array
    dZ: Array
    dW1: float
    num_rows: int


@experiments.register("initialization")
@dataclass(frozen=True, kw_only=True)
class Initialization(Experiment):
    """Send handwritten digits through a network that knows nothing yet, forward and back, for each initializer.

    Sizes are mean absolute values over units (or weights) and examples. All by `rumbo.reference`, in float64. The
    lower panels are linear networks of 1.5 and of 0.5 times the identity, really run: A[l] = w^l.
    Source: Paiolla §2.4 and §3.2.2; Borghi, "Inicialización parámetros" and "Configurando la optimización de
    problemas"; Glorot & Bengio 2010; He et al. 2015, arXiv:1502.01852.
    """

    activation: Literal["relu", "tanh", "sigmoid"] = option("relu", "of the hidden layers: relu, tanh or sigmoid")
    depth: int = option(10, "layers, with the output layer", low=3, high=50)
    width: int = option(100, "units of each hidden layer", low=2, high=1_000)
    examples: int = option(200, "digits that are sent through", low=2, high=NUM_TRAIN)

    def run(self, source: Path | None = None, track: Track = unseen) -> Result:
        """Measure; takes no source."""
        X, Y = centered_digits(self.seed, self.examples)
        found = {
            name: self._sizes(initializer, X, Y, name)
            for name, initializer in track(WAYS.items(), t("sending digits through"), len(WAYS))
        }
        found = {_shown(name): sizes for name, sizes in found.items()}
        rows = tuple(
            (
                name,
                float(sizes.A[0]),
                _factor(sizes.A),
                _factor(sizes.dZ[::-1]),
                _power_of_ten(sizes.A[-1]),
                _power_of_ten(sizes.dW1),
                sizes.num_rows,
            )
            for name, sizes in found.items()
        )
        return Result(
            title=t(
                "{depth} layers of {width} units, {activation}: sizes at the start",
                depth=self.depth,
                width=self.width,
                activation=self.activation,
            ),
            finding=_finding(found),
            columns=(
                t("initializer"),
                t("first |A|"),
                t("|A| a layer on"),
                t("|dZ| a layer back"),
                t("last |A|, log10"),
                t("first |dW|, log10"),
                t("different rows after a step"),
            ),
            rows=rows,
            panels=(*_by_layer(found), *linear_networks()),
        )

    def _sizes(self, initializer: initializers.Initializer, X: Array, Y: Array, name: str) -> Sizes:
        sizes = (len(X), *[self.width] * (self.depth - 1), len(Y))
        layers = network.initialize(sizes, initializer, rng(self.seed, f"initialization/{name}"))
        net = network.Network((ACTIVATIONS[self.activation],) * (self.depth - 1), network.SOFTMAX)
        masks = network.no_dropout(layers, X.shape[1])
        caches = network.forward(net, layers, X, masks)
        dZ = back_through(net, layers, caches, Y)
        dW1 = dZ[0] @ X.T / X.shape[1]
        return Sizes(
            np.array([np.abs(cache.A_prev).mean() for cache in caches[1:]]),
            np.array([np.abs(part).mean() for part in dZ]),
            float(np.abs(dW1).mean()),
            num_different_rows(layers[0].W - RATE * dW1),
        )


def _shown(name: str) -> str:
    """In the user's language; names of people stay."""
    words = {
        "zeros": t("zeros"),
        "constant 5": t("constant 5"),
        "0.01 normal": t("0.01 normal"),
        "±0.001 uniform": t("±0.001 uniform"),
    }
    return words.get(name, name)


def centered_digits(seed: int, num_examples: int) -> tuple[Array, Array]:
    """Handwritten digits with mean 0 and standard deviation 1 over all pixels, 64 x m, and one-hot, 10 x m."""
    (X, Y), _ = digits(seed)
    return (X[:, :num_examples] - X.mean()) / X.std(), Y[:, :num_examples]


def num_different_rows(W: Array) -> int:
    """How many rows are no copies of an earlier one."""
    limit = SAME * np.abs(W).max()
    left, count = W, 0
    while len(left):
        left = left[np.abs(left - left[0]).max(axis=1) > limit]
        count += 1
    return count


def back_through(
    net: network.Network, layers: Sequence[network.Layer], caches: Sequence[network.Cache], Y: Array
) -> list[Array]:
    """dZ[1] ... dZ[L] of every example: dZ[l-1] = W[l]ᵀ dZ[l] * g'(Z[l-1]); `network.backward` hands out dW and db.

    What is left where large terms cancel is rounding, and counts as 0: softmax's dZ sums to 0, so through equal
    weights nothing goes back, but large weights would make something of the rounding, layer by layer.
    """
    dZ = [net.output.derivative(caches[-1].Z, Y)]
    for layer, cache, activation in zip(layers[:0:-1], caches[-2::-1], net.activations[::-1], strict=True):
        dA = layer.W.T @ dZ[0]
        terms = np.abs(layer.W).T @ np.abs(dZ[0])
        dZ.insert(0, np.where(np.abs(dA) > ROUNDING * terms, dA, 0.0) * activation.derivative(cache.Z))
    return dZ


def through_linear_network(w: float) -> tuple[Array, Array]:
    """A[l] and dZ[l] / dZ[L], l = 1 ... L, of L linear layers of w times the identity, on an input of 1."""
    layers = [network.Layer(w * np.eye(2), np.zeros((2, 1)))] * LINEAR_DEPTH
    net = network.Network((activations.LINEAR,) * (LINEAR_DEPTH - 1), network.SQUARED)
    caches = network.forward(net, layers, np.ones((2, 1)), network.no_dropout(layers, 1))
    Z = caches[-1].Z
    dZ = np.array([part.mean() for part in back_through(net, layers, caches, Z - 1)])
    return np.array([*(cache.A_prev.mean() for cache in caches[1:]), Z.mean()]), dZ / dZ[-1]


def linear_networks() -> tuple[Lines, Lines]:
    """What comes out of each layer of linear networks with 1.5 and 0.5, and what goes back to it."""
    runs = {w: through_linear_network(w) for w in LINEAR_WEIGHTS}
    layer = np.arange(1.0, LINEAR_DEPTH + 1)
    titles = t("linear, W = w I: activations"), t("linear, W = w I: gradients back")
    y_labels = "A", "dZ / dZ[L]"
    forward, back = (
        Lines(
            title=titles[part],
            x_label=t("layer"),
            y_label=y_labels[part],
            lines=tuple(Line(name=f"w = {w}", x=layer, y=run[part]) for w, run in runs.items()),
            log_y=True,
        )
        for part in (0, 1)
    )
    return forward, back


def _by_layer(found: dict[str, Sizes]) -> tuple[Lines, Lines]:
    titles = t("activations"), t("gradients")
    y_labels = t("mean |A|"), t("mean |dZ|")
    activation, gradient = (
        Lines(
            title=titles[part],
            x_label=t("layer"),
            y_label=y_labels[part],
            lines=tuple(
                Line(
                    name=name if y[:-1].any() else t("{name} (all 0)", name=name),
                    x=np.arange(1.0, len(y) + 1),
                    y=np.where(y > 0, y, np.nan),
                )
                for name, y in ((name, (sizes.A, sizes.dZ)[part]) for name, sizes in found.items())
            ),
            log_y=True,
        )
        for part in (0, 1)
    )
    return activation, gradient


def _finding(found: dict[str, Sizes]) -> str:
    ratios = {name: sizes.dZ[0] / sizes.dZ[-1] for name, sizes in found.items() if sizes.dZ[0]}
    sentences: list[str] = []
    if ratios:
        nearest = min(ratios, key=lambda name: abs(math.log(ratios[name])))
        least, most = min(ratios, key=lambda name: ratios[name]), max(ratios, key=lambda name: ratios[name])
        sentences.append(
            t(
                "On its way from the last layer to the first the gradient |dZ| keeps its size best with '{nearest}', "
                "to {ratio:.2g} times; the least is left with '{least}', {low:.1e} times.",
                nearest=nearest,
                ratio=ratios[nearest],
                least=least,
                low=ratios[least],
            )
        )
        if ratios[most] > 1:
            sentences.append(t("It grows most with '{most}', to {high:.2g} times.", most=most, high=ratios[most]))
    if none := [name for name in found if name not in ratios]:
        sentences.append(t("No gradient at all reaches the first layer with: {names}.", names=", ".join(none)))
    if copies := [name for name, sizes in found.items() if sizes.num_rows == 1]:
        sentences.append(
            t("After a step all units of the first layer are still copies of one with: {names}.",
              names=", ".join(copies))
        )  # fmt: skip
    return " ".join(sentences)


def _power_of_ten(size: float) -> float | None:
    return math.log10(size) if size > 0 else None


def _factor(sizes: Array) -> float | None:
    """By what the size changes from one layer to the next, on average (geometric)."""
    if not sizes[0] or len(sizes) < 2:
        return None
    return float((sizes[-1] / sizes[0]) ** (1 / (len(sizes) - 1)))
