"""Rates too small, too large, and stable."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rumbo.core.errors import OptionError
from rumbo.core.messages import t
from rumbo.core.options import option
from rumbo.core.seeds import rng
from rumbo.lab.digits import NUM_TRAIN, digits
from rumbo.lab.experiment import Experiment, Result, Track, experiments, unseen
from rumbo.plots.panels import Line, Lines
from rumbo.reference import activations, descent, initializers, network
from rumbo.reference.arrays import Array

FALLEN = 0.9
"""Share of the first cost below which a cost has fallen."""


@experiments.register("learning_rates")
@dataclass(frozen=True, kw_only=True)
class LearningRates(Experiment):
    """Train one network on handwritten digits with rates over several powers of ten, from the same first weights.

    Mini-batch gradient descent of `rumbo.reference` on scikit-learn's digits, 1,200 for train and the rest for dev. A
    rate is stable when its cost falls by a tenth or more, and ends within three times the least that any rate reached.
    A rate whose cost does not fall at all is too large; so are others above the rate that reached the least. The rest
    is too small.
    Source: Teran, "Ritmo de aprendizaje"; Borghi, "Gradiente descendente".
    """

    smallest: float = option(0.001, "smallest rate", low=1e-9, high=1)
    largest: float = option(10.0, "largest rate", low=1e-6, high=1e6)
    num_rates: int = option(8, "rates between them, at equal ratios", low=2, high=50)
    width: int = option(32, "units of the hidden layer", low=1, high=1_000)
    epochs: int = option(15, "epochs of each training", low=1, high=1_000)
    batch_size: int = option(64, "examples in a step", low=1, high=NUM_TRAIN)

    def run(self, source: Path | None = None, track: Track = unseen) -> Result:
        """Train with every rate; takes no source."""
        if self.smallest >= self.largest:
            raise OptionError(
                t("smallest={low:g} must be below largest={high:g}.", low=self.smallest, high=self.largest)
            )
        rates = np.geomspace(self.smallest, self.largest, self.num_rates)
        trained = [self._train(float(rate)) for rate in track(rates, t("training"), len(rates))]
        costs, scores = np.array([costs for costs, _ in trained]), np.array([score for _, score in trained])
        ends = np.where(np.isfinite(costs[:, -1]), costs[:, -1], np.inf)
        words = [self._word(rate, end, costs[0, 0], rates, ends) for rate, end in zip(rates, ends, strict=True)]
        return Result(
            title=t("Learning rates on digits, {epochs} epochs", epochs=self.epochs),
            finding=self._finding(rates, scores, words),
            columns=(t("rate"), t("first cost"), t("last cost"), t("dev accuracy"), t("verdict")),
            rows=tuple(
                (float(rate), float(cost[0]), float(cost[-1]) if np.isfinite(cost[-1]) else None, float(score), word)
                for rate, cost, score, word in zip(rates, costs, scores, words, strict=True)
            ),
            panels=(
                Lines(
                    title=t("cost on train by epoch"),
                    x_label=t("epoch"),
                    y_label=t("cost"),
                    lines=tuple(
                        Line(name=f"{rate:.2g}", x=np.arange(self.epochs + 1.0), y=cost)
                        for rate, cost in zip(rates, costs, strict=True)
                    ),
                    log_y=True,
                    y_range=(min(ends.min(), costs[0, 0]) / 2, 3 * costs[0, 0]),
                ),
                Lines(
                    title=t("dev accuracy at the end"),
                    x_label=t("rate"),
                    y_label=t("accuracy"),
                    lines=(Line(name="", x=rates, y=scores),),
                    log_x=True,
                ),
            ),
        )  # fmt: skip

    def _train(self, rate: float) -> tuple[Array, float]:
        """The cost on train before each epoch and at the end, and the accuracy on dev."""
        (X, Y), (X_dev, Y_dev) = digits(self.seed)
        generator = rng(self.seed, "learning_rates")  # the same first weights and order for every rate
        chosen = network.Network((activations.RELU,), network.SOFTMAX)
        layers = network.initialize((len(X), self.width, len(Y)), initializers.he, generator)
        costs = [network.cost(chosen, layers, X, Y, network.no_dropout(layers, X.shape[1]))]
        with np.errstate(all="ignore"):  # a rate that is too large overflows, and that is the point
            for _ in range(self.epochs):
                for X_t, Y_t in descent.mini_batches(X, Y, self.batch_size, generator):
                    masks = network.no_dropout(layers, X_t.shape[1])
                    layers = network.descend(layers, network.gradients(chosen, layers, X_t, Y_t, masks), rate)
                costs.append(network.cost(chosen, layers, X, Y, network.no_dropout(layers, X.shape[1])))
            return np.array(costs), network.accuracy(chosen, layers, X_dev, Y_dev)

    def _word(self, rate: float, end: float, start: float, rates: Array, ends: Array) -> str:
        if end >= start:
            return t("too large")
        if end <= min(3 * ends.min(), FALLEN * start):
            return t("stable")
        return t("too small") if rate <= rates[ends.argmin()] else t("too large")

    def _finding(self, rates: Array, scores: Array, words: list[str]) -> str:
        stable = rates[[word == t("stable") for word in words]]
        if not len(stable):
            if t("too small") not in words:
                return t("None of the {count} rates lowers the cost: all are too large.", count=len(rates))
            if t("too large") not in words:
                return t("None of the {count} rates lowers the cost by a tenth: all are too small.", count=len(rates))
            return t("None of the {count} rates lowers the cost by a tenth.", count=len(rates))
        best = int(np.argmax(scores))
        return t(
            "Best on dev is the rate {rate:.3g} with an accuracy of {score:.3f}; {count} of {all} rates are stable, "
            "from {low:.3g} to {high:.3g}.",
            rate=rates[best], score=scores[best], count=len(stable), all=len(rates), low=stable.min(),
            high=stable.max(),
        )  # fmt: skip
