"""What the size of mini-batches does to speed and to noise."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rumbo.core.messages import t
from rumbo.core.options import option
from rumbo.core.seeds import rng
from rumbo.lab.digits import NUM_TRAIN, digits
from rumbo.lab.experiment import Experiment, Result, Track, experiments, unseen
from rumbo.plots.panels import Line, Lines
from rumbo.reference import activations, descent, gradient_check, initializers, network
from rumbo.reference.arrays import Array

SIZES = (1, 8, 64, 512, NUM_TRAIN)
NUM_BATCHES = 30
"""Mini-batches whose gradients are compared with the gradient of all examples."""


class Trained(NamedTuple):
    """One training: seconds and cost at the start and after each epoch."""

    seconds: Array
    costs: Array


@experiments.register("batch_size")
@dataclass(frozen=True, kw_only=True)
class BatchSize(Experiment):
    """Train one network on handwritten digits with one example in a step, with some, and with all.

    `rumbo.reference` on scikit-learn's digits, the same first weights and the same rate for every size. Noise is how
    far the gradient of a mini-batch lies from that of all examples at the first weights: the root mean square of
    ‖g_batch − g_all‖ / ‖g_all‖. It should fall as one over the square root of the size.
    Source: Borghi, "Mini-batch gradiente descendiente"; Paiolla §3.3.1.
    """

    rate: float = option(0.1, "learning rate", low=1e-9, high=100)
    width: int = option(32, "units of the hidden layer", low=1, high=1_000)
    epochs: int = option(8, "epochs of each training", low=1, high=1_000)

    def run(self, source: Path | None = None, track: Track = unseen) -> Result:
        """Train with every size; takes no source."""
        trained = [self._train(size) for size in track(SIZES, t("training"), len(SIZES))]
        noise = np.array([self._noise(size) for size in SIZES])
        ends, seconds = np.array([run.costs[-1] for run in trained]), np.array([run.seconds[-1] for run in trained])
        return Result(
            title=t("Mini-batches on digits, {epochs} epochs", epochs=self.epochs),
            finding=self._finding(seconds, ends),
            columns=(t("size"), t("steps an epoch"), t("ms an epoch"), t("noise"), t("cost")),
            rows=tuple(
                (size, descent.number_of_batches(NUM_TRAIN, size), float(1e3 * s / self.epochs), float(far),
                 float(end) if np.isfinite(end) else None)
                for size, s, far, end in zip(SIZES, seconds, noise, ends, strict=True)
            ),
            panels=(
                self._by_epoch(trained),
                self._by_time(trained),
                Lines(
                    title=t("noise of the gradient"),
                    x_label=t("examples in a step"),
                    y_label=t("noise"),
                    lines=(
                        Line(name=t("measured"), x=np.array(SIZES[:-1], float), y=noise[:-1]),
                        Line(
                            name=t("one over the root"), x=np.array(SIZES[:-1], float),
                            y=noise[0] / np.sqrt(SIZES[:-1]), mark="dashes",
                        ),
                    ),
                    log_x=True,
                    log_y=True,
                ),
            ),
            num_columns=3,
        )  # fmt: skip

    def _finding(self, seconds: Array, ends: Array) -> str:
        speed = t(
            "An epoch of single examples takes {ratio:.0f} times as long as one of {all} at once.",
            ratio=seconds[0] / seconds[-1], all=NUM_TRAIN,
        )  # fmt: skip
        if not np.isfinite(ends).any():
            return speed + " " + t("The rate {rate:g} is too large: no cost is finite at the end.", rate=self.rate)
        least, whole = int(np.nanargmin(np.where(np.isfinite(ends), ends, np.nan))), ends[-1]
        values = {"epochs": self.epochs, "best": SIZES[least], "cost": ends[least], "whole": whole}
        if least == len(SIZES) - 1:
            rest = t("After {epochs} epochs the cost is least with all of them in a step: {cost:.3g}.", **values)
        elif np.isfinite(whole):
            rest = t(
                "After {epochs} epochs the cost is least with {best} examples in a step: {cost:.3g}; with all it is "
                "{whole:.3g}.",
                **values,
            )
        else:
            rest = t(
                "After {epochs} epochs the cost is least with {best} examples in a step: {cost:.3g}; with all it is "
                "not finite.",
                **values,
            )
        return f"{speed} {rest}"

    def _by_epoch(self, trained: list[Trained]) -> Lines:
        epochs = np.arange(self.epochs + 1.0)
        return Lines(
            title=t("cost by epoch"),
            x_label=t("epoch"),
            y_label=t("cost"),
            lines=tuple(Line(name=str(size), x=epochs, y=run.costs) for size, run in zip(SIZES, trained, strict=True)),
            log_y=True,
        )

    def _by_time(self, trained: list[Trained]) -> Lines:
        """A logarithmic axis has no place for the start at 0."""
        return Lines(
            title=t("cost by time"),
            x_label=t("seconds"),
            y_label=t("cost"),
            lines=tuple(
                Line(name=str(size), x=run.seconds[1:], y=run.costs[1:])
                for size, run in zip(SIZES, trained, strict=True)
            ),
            log_x=True,
            log_y=True,
        )

    def _start(self) -> tuple[network.Network, list[network.Layer], Array, Array]:
        (X, Y), _ = digits(self.seed)
        chosen = network.Network((activations.RELU,), network.SOFTMAX)
        sizes = (len(X), self.width, len(Y))
        return chosen, network.initialize(sizes, initializers.he, rng(self.seed, "batch_size")), X, Y

    def _train(self, size: int) -> Trained:
        chosen, layers, X, Y = self._start()
        generator = rng(self.seed, "batch_size order")
        everyone = network.no_dropout(layers, NUM_TRAIN)
        seconds, costs = [0.0], [network.cost(chosen, layers, X, Y, everyone)]
        with np.errstate(all="ignore"):  # a rate that is too large overflows; the table then has no cost
            for _ in range(self.epochs):
                start = time.perf_counter()
                for X_t, Y_t in descent.mini_batches(X, Y, size, generator):
                    masks = network.no_dropout(layers, X_t.shape[1])
                    layers = network.descend(layers, network.gradients(chosen, layers, X_t, Y_t, masks), self.rate)
                seconds.append(seconds[-1] + time.perf_counter() - start)
                costs.append(network.cost(chosen, layers, X, Y, everyone))
        return Trained(np.array(seconds), np.array(costs))

    def _noise(self, size: int) -> float:
        """How far gradients of mini-batches lie from the gradient of all examples."""
        chosen, layers, X, Y = self._start()
        generator = rng(self.seed, "batch_size noise")
        everything = self._gradient(chosen, layers, X, Y)
        squares: list[float] = []
        for _ in range(NUM_BATCHES):
            batch = generator.permutation(NUM_TRAIN)[:size]
            off = self._gradient(chosen, layers, X[:, batch], Y[:, batch]) - everything
            squares.append(float(off @ off) / float(everything @ everything))
        return float(np.sqrt(np.mean(squares)))

    def _gradient(self, chosen: network.Network, layers: list[network.Layer], X: Array, Y: Array) -> Array:
        found = network.gradients(chosen, layers, X, Y, network.no_dropout(layers, X.shape[1]))
        return gradient_check.flatten([array for layer in found for array in layer])
