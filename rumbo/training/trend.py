# pyright: strict
"""A divergence, a plateau or a spike, named while it happens, from losses that the caller has anyway.

Judged are only falls and rises that stand out from the noise, and each episode is named once. All rules are of our
own, and were tried on healthy and broken trainings: tests/training/test_trend.py.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from rumbo.core.messages import t

BLOCK = 50
"""Steps that are judged together."""
NUM_FIRST = 10
"""Steps whose median stands for the untrained network."""
WINDOW = 5
"""Epochs that are compared with as many before them."""
STUCK_EPOCHS = 3
"""Epochs near the first loss after which nothing counts as learnt."""
LEAST_FALL = 0.01
"""Share by which the loss must fall from one window to the next."""
MOST_NOISE = 0.02
"""Standard error of that share above which nothing is said."""
NEAR_START = 0.97
"""Share of the first loss above which nothing was learnt."""
SMALL = 0.1
"""Share of the first loss below which standing still is no harm: there is little left to learn."""


@dataclass
class Trend:
    """What must be remembered of the losses; plain numbers, so that a resumed training says the same.

    Attributes:
        first: the loss of the very first step.
        start: the median of the first steps, the loss of the untrained network.
        best_block: the lowest median of a block of steps.
        best_epoch: the lowest mean of an epoch.
        recent: losses of the block that is not full yet.
        usual: median of the last full block.
        spread: standard deviation in it, from the median of the distances to the median.
        losses: means of the last epochs that count for a plateau.
        num_epochs: epochs seen.
        num_near_start: epochs in a row near the first loss, while the rate did not rise.
        peak_rate: the highest rate of an epoch's end.
        last_rate: the last one.
        is_diverged: a divergence was named, and the mean of no epoch has come down since.
        is_flat: a plateau was named, and the loss did not fall since.
        is_stuck: it was named that nothing is learnt.
        calm_blocks: blocks without a spike since the last one was named; -1 before any.
    """

    first: float | None = None
    start: float | None = None
    best_block: float | None = None
    best_epoch: float | None = None
    recent: list[float] = field(default_factory=list[float])
    usual: float | None = None
    spread: float = 0.0
    losses: list[float] = field(default_factory=list[float])
    num_epochs: int = 0
    num_near_start: int = 0
    peak_rate: float = 0.0
    last_rate: float = 0.0
    is_diverged: bool = False
    is_flat: bool = False
    is_stuck: bool = False
    calm_blocks: int = -1

    def to_dict(self) -> dict[str, Any]:
        """As JSON types; no number in it is infinite."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """What `to_dict` gave."""
        return cls(**values)

    def steps(self, losses: Sequence[float]) -> list[str]:
        """Take the losses of steps, in order; any number at a time gives the same sentences.

        On an accelerator, hand over those of a whole epoch before `epoch`: one transfer, and no wait at a step.
        Losses that are not finite are left out: whoever skips such a step says so.
        """
        sentences: list[str] = []
        for loss in losses:
            if not math.isfinite(loss):
                continue
            self.first = loss if self.first is None else self.first
            self.recent.append(loss)
            if self.start is None and len(self.recent) == NUM_FIRST:
                self.start = statistics.median(self.recent)
            if len(self.recent) == BLOCK:
                sentences += self._judge_block()
                self.recent = []
        return sentences

    def _judge_block(self) -> list[str]:
        block, middle = self.recent, statistics.median(self.recent)
        spread = 1.4826 * statistics.median(abs(loss - middle) for loss in block)
        best, self.best_block = self.best_block, middle if self.best_block is None else min(self.best_block, middle)
        if self.is_diverged:
            sentences = list[str]()
        elif self._has_risen(middle, best):
            self.is_diverged = True
            sentences = [
                t(
                    "the training diverges: the loss of the last {count} steps is about {loss:.3g}, and was {best:.3g} "
                    "before. Try a lower learning rate (`rumbo lrfind` finds one) or clipping "
                    "(--set train.clip_norm=1).",
                    count=BLOCK,
                    loss=middle,
                    best=self.first if best is None else best,
                )
            ]
        else:
            sentences = self._judge_spike(max(block))
        self.usual, self.spread = middle, spread
        return sentences

    def _judge_spike(self, highest: float) -> list[str]:
        """A loss far above those before it and above twice what the untrained network had."""
        if self.usual is None or self.start is None:
            return []
        if highest <= max(self.usual + 12 * self.spread, self.usual + 2 * abs(self.start)):
            self.calm_blocks += self.calm_blocks >= 0
            return []
        is_new = self.calm_blocks < 0 or self.calm_blocks >= 5
        self.calm_blocks = 0
        if not is_new:
            return []
        return [
            t(
                "a spike: the loss of a step rose to {loss:.3g}, and was about {usual:.3g} before. Training goes on; "
                "if it comes again, clip the gradients (--set train.clip_norm=1).",
                loss=highest,
                usual=self.usual,
            )
        ]

    def _has_risen(self, loss: float, best: float | None) -> bool:
        """Whether a loss is far above the best one; that of the untrained network was reached, too."""
        reached = [value for value in (best, self.first, self.start) if value is not None]
        if not reached:
            return False
        unit = abs(self.start if self.start is not None else min(reached))
        return loss > min(reached) + max(abs(min(reached)), 0.1 * unit) + 0.2 * unit

    def epoch(self, loss: float, rate: float) -> list[str]:
        """Take the mean loss of an epoch over train, and the learning rate of its last step."""
        self.num_epochs += 1
        is_rising, self.last_rate = rate > 1.001 * self.last_rate > 0, rate
        self.peak_rate = max(self.peak_rate, rate)
        if not math.isfinite(loss):
            return []
        best, self.best_epoch = self.best_epoch, loss if self.best_epoch is None else min(self.best_epoch, loss)
        was_diverged, self.is_diverged = self.is_diverged, self._has_risen(loss, best)
        if self.is_diverged:
            self.losses, self.num_near_start = [], 0
            return [] if was_diverged else [self._diverges(loss, self.first if best is None else best, rate)]
        # While the rate rises, or when it is near its end, a loss that stays says nothing.
        if is_rising or rate < 0.5 * self.peak_rate:
            return []
        return self._judge_stuck(loss) or self._judge_flat(loss)

    def _diverges(self, loss: float, best: float | None, rate: float) -> str:
        return t(
            "the training diverges: the loss on train is {loss:.3g} in epoch {epoch}, and was {best:.3g} before. Try a "
            "lower learning rate than {rate:.2g} (`rumbo lrfind` finds one) or clipping (--set train.clip_norm=1).",
            loss=loss,
            epoch=self.num_epochs,
            best=best,
            rate=rate,
        )

    def _judge_stuck(self, loss: float) -> list[str]:
        if self.start is None or loss < NEAR_START * self.start:
            self.num_near_start, self.is_stuck = 0, False
            return []
        self.num_near_start += 1
        if self.is_stuck or self.num_near_start < STUCK_EPOCHS:
            return []
        self.is_stuck = True
        return [
            t(
                "nothing is learnt yet: after {epochs} epochs the loss on train is {loss:.4g}, and it began at "
                "{start:.4g}. Try another learning rate (`rumbo lrfind` finds one) or other initial weights, or look "
                "whether the inputs can tell the target.",
                epochs=self.num_epochs,
                loss=loss,
                start=self.start,
            )
        ]

    def _judge_flat(self, loss: float) -> list[str]:
        self.losses = [*self.losses, loss][-2 * WINDOW :]
        if len(self.losses) < 2 * WINDOW or self.is_stuck:
            return []
        before, last = self.losses[:WINDOW], self.losses[WINDOW:]
        mean_before, mean_last = statistics.fmean(before), statistics.fmean(last)
        scale = abs(mean_before) or 1.0
        error = math.sqrt((statistics.variance(before) + statistics.variance(last)) / WINDOW)
        if mean_before - mean_last > LEAST_FALL * scale:
            self.is_flat = False
            return []
        has_little_left = self.start is not None and abs(mean_last) < SMALL * abs(self.start)
        if self.is_flat or has_little_left or error > MOST_NOISE * scale:
            return []
        self.is_flat = True
        return [
            t(
                "the loss on train stands still: {last:.4g} in the last {count} epochs, {before:.4g} in as many "
                "before. If that is too high, try another learning rate (`rumbo lrfind` finds one), a longer training "
                "whose rate falls, or a larger network.",
                last=mean_last,
                count=WINDOW,
                before=mean_before,
            )
        ]
