"""Training and dev error as the model grows."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.polynomial import Legendre

from rumbo.core.messages import t
from rumbo.core.options import option
from rumbo.core.seeds import rng
from rumbo.lab.experiment import Experiment, Result, Track, experiments, unseen
from rumbo.plots.panels import Line, Lines
from rumbo.reference.arrays import Array, Integers

NUM_DEV = 500
SHOWN = (1, 12)
"""Degrees drawn beside the best one."""


@experiments.register("bias_variance")
@dataclass(frozen=True, kw_only=True)
class BiasVariance(Experiment):
    """Fit polynomials of growing degree to a few noisy points of a curve; tell the error on train and on dev.

    Bias is told as train error minus noise, below 0 where noise itself is fitted; variance as dev error minus train
    error. The examples are made up: y = sin(4 x) + noise on [-1, 1], so that the noise is the Bayes error. The same is
    done for many draws of the data: lines are medians over draws, bands hold the middle half of them.
    Source: Borghi, "Bias / Varianza"; Paiolla §3.
    """

    num_examples: int = option(30, "training examples", low=5, high=10_000)
    noise: float = option(0.3, "standard deviation of the noise on y, the Bayes error", low=0, high=10)
    largest: int = option(14, "largest degree", low=4, high=30)
    draws: int = option(100, "draws of the data", low=2, high=10_000)

    def run(self, source: Path | None = None, track: Track = unseen) -> Result:
        """Fit all degrees to all draws; takes no source."""
        degrees = np.arange(min(self.largest, self.num_examples - 1) + 1)
        draws = track(range(self.draws), t("fitting"), self.draws)
        # draws x degrees x (train, dev)
        errors = np.array([[self._errors(draw, int(degree)) for degree in degrees] for draw in draws])
        train, dev = np.median(errors, axis=0).T
        best = int(np.argmin(dev))
        return Result(
            title=t("Polynomials through {n} points with noise {noise:g}", n=self.num_examples, noise=self.noise),
            finding=self._finding(degrees, train, dev, best),
            columns=(t("degree"), t("train error"), t("dev error"), t("train − noise"), t("variance")),
            rows=tuple(
                (int(degree), float(a), float(b), float(a - self.noise), float(b - a))
                for degree, a, b in zip(degrees, train, dev, strict=True)
            ),
            panels=(self._fits({*SHOWN, best} & set(degrees.tolist())), self._curves(degrees, errors)),
        )  # fmt: skip

    def _finding(self, degrees: Integers, train: Array, dev: Array, best: int) -> str:
        sentences = [
            t(
                "Dev error is least at degree {best}: {dev:.3f}; the noise alone is {noise:.3f}.",
                best=best, dev=dev[best], noise=self.noise,
            )
        ]  # fmt: skip
        if best > 0:
            sentences.append(
                t(
                    "Degree 0 is too simple: {train:.3f} on train already, and {dev:.3f} on dev.",
                    train=train[0], dev=dev[0],
                )
            )  # fmt: skip
        if best < degrees[-1]:
            sentences.append(
                t(
                    "Degree {large} is more flexible than needed: {train:.3f} on train, the least of all, but "
                    "{dev:.3g} on dev.",
                    large=int(degrees[-1]), train=train[-1], dev=dev[-1],
                )
            )  # fmt: skip
        else:
            sentences.append(t("That is the largest degree: none is more flexible than needed."))
        return " ".join(sentences)

    def _draw(self, draw: int) -> tuple[Array, Array, Array, Array]:
        """Training and dev examples."""
        generator = rng(self.seed, "bias_variance", draw)
        x, x_dev = generator.uniform(-1, 1, self.num_examples), generator.uniform(-1, 1, NUM_DEV)
        y, y_dev = (np.sin(4 * place) + generator.normal(0, self.noise, len(place)) for place in (x, x_dev))
        return x, y, x_dev, y_dev

    def _errors(self, draw: int, degree: int) -> tuple[float, float]:
        """Root mean square errors on train and dev."""
        x, y, x_dev, y_dev = self._draw(draw)
        fitted = fit(x, y, degree)
        return float(np.sqrt(np.mean((fitted(x) - y) ** 2))), float(np.sqrt(np.mean((fitted(x_dev) - y_dev) ** 2)))

    def _fits(self, degrees: set[int]) -> Lines:
        x, y, _, _ = self._draw(0)
        grid = np.linspace(-1, 1, 200)
        curves = [Line(name=t("degree {n}", n=degree), x=grid, y=fit(x, y, degree)(grid)) for degree in sorted(degrees)]
        points = Line(name=t("training examples"), x=x, y=y, mark="points")
        return Lines(
            title=t("fits to the first draw"), x_label="x", y_label="y", lines=(points, *curves), y_range=(-2.5, 2.5)
        )

    def _curves(self, degrees: Integers, errors: Array) -> Lines:
        places = degrees.astype(float)
        lines = [
            Line(name=split, x=places, y=np.median(own, axis=0), band=_middle_half(own))
            for split, own in (("train", errors[..., 0]), ("dev", errors[..., 1]))
        ]
        noise = Line(name=t("noise"), x=places, y=np.full(len(places), self.noise), mark="dashes")
        return Lines(
            title=t("error by degree, {n} draws", n=self.draws),
            x_label=t("degree"),
            y_label=t("root mean square error"),
            lines=(*lines, noise),
            log_y=self.noise > 0,
        )


def fit(x: Array, y: Array, degree: int) -> Legendre:
    """The polynomial on [-1, 1] with the least squared error on some points.

    In terms of Legendre's polynomials: powers of x are so alike that rounding would choose between them.
    """
    # With full=True, a fit that passes through all points is no reason for a warning: here that is the lesson.
    fitted, _ = Legendre.fit(x, y, degree, domain=[-1, 1], full=True)
    return fitted


def _middle_half(errors: Array) -> tuple[Array, Array]:
    low, high = np.quantile(errors, [0.25, 0.75], axis=0)
    return low, high
