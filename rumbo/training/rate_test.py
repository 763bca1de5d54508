# pyright: strict
"""The learning-rate range test: a short training whose rate rises, and what its losses say about the rate.

The loop trains; here are only the rates, the curve as it grows, and the rule that reads it. Losses are smoothed by
exponentially weighted averages with bias correction: V_t = beta V_(t-1) + (1 - beta) loss_t, over 1 - beta^t.

Source: Smith 2017, "Cyclical learning rates for training neural networks", arXiv:1506.01186, sec. 3.3, with a rate
that rises exponentially instead of linearly.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from rumbo.core.errors import OptionError
from rumbo.core.messages import t
from rumbo.core.options import Options, option

BETA = 0.8
"""Decay of the moving average that smooths the losses: about the last five of them count."""
KEPT = 0.8
"""Share of the loss's fall that must be left at a rate for it to be one that still trains."""
NUM_NOISE = 5.0
"""Standard errors that a fall must exceed to be one: the lowest of many values is low by chance."""
LEAST_FALL = 0.01
"""Share of the first loss that it must fall by in any case."""
DESCENT = ("sgd", "momentum", "momentum_average", "nesterov")
"""Optimizers whose step is the rate times a gradient."""
DESCENT_MARGIN, OTHER_MARGIN = 3.0, 5.0
"""What the largest rate that still trains is divided by: docs/experiments.md. Optimizers that scale each weight's step
go on training, but badly, at rates that are far too large."""


@dataclass(frozen=True, kw_only=True)
class RateTest(Options):
    """Which rates are tried."""

    low: float = option(1e-6, "The lowest rate.", low=1e-12, high=100.0)
    high: float = option(100.0, "The highest rate; the test ends before when the loss is far above its best.",
                         low=1e-12, high=100.0)  # fmt: skip
    num_steps: int = option(200, "Steps from the lowest to the highest rate.", low=100, high=100_000)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.low >= self.high:
            raise OptionError(
                t("the lowest rate, {low:g}, must be below the highest, {high:g}.", low=self.low, high=self.high)
            )
        # Below this, the average over ten losses would lie over the whole curve.
        if self.high < 100 * self.low:
            raise OptionError(
                t(
                    "the rates from {low:g} to {high:g} lie too close together: the highest must be at least 100 times "
                    "the lowest.",
                    low=self.low,
                    high=self.high,
                )
            )

    @property
    def growth(self) -> float:
        """What the rate is multiplied by at each step."""
        return (self.high / self.low) ** (1 / (self.num_steps - 1))

    def rate(self, step: int) -> float:
        """The rate of a step, from 0.

        >>> [float(f"{RateTest(low=1e-4, high=1.0, num_steps=101).rate(step):.6g}") for step in (0, 25, 100)]
        [0.0001, 0.001, 1.0]
        """
        return self.low * self.growth**step


@dataclass(frozen=True)
class RateFinding:
    """What a curve of losses over rates says.

    Attributes:
        suggestion: a rate to train with; None where the curve does not decide.
        reason: why there is none; empty where there is one.
        largest_rate: the largest rate that still trains: the smoothed loss keeps 80 % of its fall there.
        minimum_rate: the rate of the least smoothed loss.
        steepest_rate: the rate at which the smoothed loss fell fastest over the logarithm of the rate.
    """

    suggestion: float | None
    reason: str = ""
    largest_rate: float | None = None
    minimum_rate: float | None = None
    steepest_rate: float | None = None


class RateCurve:
    """Losses of the test as they come, what was seen in them, and when that is enough.

    Args:
        test: which rates are tried.

    Attributes:
        losses: one of each step, finite.
        smoothed: their moving averages. A loss counts as no more than twice the first ones, so that a single spike,
            from which the network recovers, is not taken for the end.
        lowest: the step of the least smoothed loss; None among the first ones.
        largest: the last step at which enough of the fall was left; None while nothing fell beyond its noise.
        is_over: nothing more is to be learnt: all rates were tried, or the loss is lastingly far above its best.
    """

    def __init__(self, test: RateTest):
        self.test = test
        self.losses: list[float] = []
        self.smoothed: list[float] = []
        self.lowest: int | None = None
        self.largest: int | None = None
        self.is_over = False
        self.start, self.noise, self._ceiling = 0.0, 0.0, math.inf
        self._average = 0.0

    @property
    def num_first(self) -> int:
        """Losses at the lowest rates, which stand for the untrained network and its noise."""
        return max(10, self.test.num_steps // 10)

    @property
    def rates(self) -> list[float]:
        """The rate of each loss."""
        return [self.test.rate(step) for step in range(len(self.losses))]

    def add(self, loss: float) -> None:
        """Take the loss of the next step, measured before the update with its rate."""
        if not math.isfinite(loss):
            self.is_over = True
            return
        step = len(self.losses)
        self.losses.append(loss)
        self._average = BETA * self._average + (1 - BETA) * min(loss, self._ceiling)
        self.smoothed.append(self._average / (1 - BETA ** (step + 1)))
        if len(self.losses) == self.num_first:
            self._look_at_first()
        elif len(self.losses) > self.num_first:
            self._look(step, self.smoothed[step])
        self.is_over = self.is_over or len(self.losses) >= self.test.num_steps

    def _look_at_first(self) -> None:
        self.start = statistics.median(self.losses)
        # Of the difference between an average, whose variance is (1 - beta) / (1 + beta), and a median: pi / 2n.
        variance = (1 - BETA) / (1 + BETA) + math.pi / (2 * len(self.losses))
        self.noise = statistics.stdev(self.losses) * math.sqrt(variance)
        self._ceiling = self.start + max(abs(self.start), 5 * self.noise)

    def _look(self, step: int, loss: float) -> None:
        if self.lowest is None or loss < self.smoothed[self.lowest]:
            self.lowest = step
        fall = self.start - self.smoothed[self.lowest]
        # A new lowest point is the last that is low enough; else the bar has not moved since the last one was.
        if fall > max(NUM_NOISE * self.noise, LEAST_FALL * abs(self.start)) and loss <= self.start - KEPT * fall:
            self.largest = step
        is_high = loss > (self.start + self._ceiling) / 2
        is_gone = self.largest is not None and step - self.largest > self.num_first
        self.is_over = is_high or is_gone

    def finding(self, optimizer: str) -> RateFinding:
        """Read the curve.

        The suggestion is the largest rate that still trains, divided by 3 for gradient descent with or without
        momentum and by 5 for all others.

        Args:
            optimizer: the name of the optimizer that made the losses.
        """
        if self.lowest is None:
            return RateFinding(
                None,
                t(
                    "the loss was lost at a rate of {rate:.1e}, before there was anything to see: begin lower with "
                    "--low, or look at the data with `rumbo check`.",
                    rate=self.test.rate(len(self.losses)),
                ),
            )
        least = self.test.rate(self.lowest)
        if self.largest is None:
            return RateFinding(None, self._why_not_fallen(self.smoothed[self.lowest]), minimum_rate=least)
        largest = self.test.rate(self.largest)
        suggestion, reason = largest / (DESCENT_MARGIN if optimizer in DESCENT else OTHER_MARGIN), ""
        if self.largest == self.test.num_steps - 1:
            suggestion = None
            reason = t(
                "the loss was still low at the highest rate, {rate:.1e}, so nothing says how large is too large: go "
                "higher with --high.",
                rate=self.test.high,
            )
        steepest = self.test.rate(_steepest(self.smoothed, self.lowest))
        return RateFinding(suggestion, reason, largest_rate=largest, minimum_rate=least, steepest_rate=steepest)

    def _why_not_fallen(self, least: float) -> str:
        return t(
            "the loss never fell beyond its noise: it began at {start:.4g}, its least smoothed value was {least:.4g}, "
            "and the noise of such values is {noise:.2g}. Take more steps with --steps, larger batches with --set "
            "train.batch_size=…, or look whether the target can be learnt from these inputs.",
            start=self.start,
            least=least,
            noise=self.noise,
        )


def _steepest(smoothed: Sequence[float], lowest: int) -> int:
    """The step of the steepest fall, over ten steps, up to the lowest point."""
    width = min(10, lowest)
    if width == 0:
        return lowest
    falls = {step: smoothed[step - width] - smoothed[step] for step in range(width, lowest + 1)}
    return max(falls, key=falls.__getitem__) - width // 2
