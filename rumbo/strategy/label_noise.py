"""How many labels are wrong, in which direction, and whether at random."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from rumbo.core.messages import t
from rumbo.strategy.chance import adjusted
from rumbo.strategy.intervals import Interval, normal_quantile, wilson
from rumbo.strategy.label_flows import Flows, doubt, transition, worth, wrong_counts, wrong_share

NoiseKind = Literal["none", "random", "systematic", "undecided"]

FALSE_DISCOVERIES = 0.05
NEGLIGIBLE = 0.01
"""Share of wrong labels that a verdict of none leaves room for."""
MIN_WRONG = 10
"""Wrong labels among the clear examples from which on their kind can be told."""
DECISIVE = 5.0
"""How many times as often as on all other pairs noise must fall on a pair to be called systematic: with less, a weak
model's confusions would pass for it (bench/labels.py)."""
UNEXPECTED = 0.9
"""Share of a pair's wrong labels that the model may itself expect among its clear examples: what it expects more of is
probably its own doubt. Networks learn noise only in part."""


@dataclass(frozen=True)
class NoisePair:
    """Examples of one class that are labelled as another.

    Attributes:
        true: what they are.
        given: what they are labelled as.
        num_items: about how many examples.
        num_uniform: how many it would be if as many wrong labels fell on all pairs alike.
        share: of the examples of the true class.
        p_value: chance of at least so many under uniform noise, adjusted for the number of pairs.
        is_systematic: whether this is more than uniform noise and the doubt of the model do.
        is_doubtful: whether it is more than uniform noise does, but the model itself expects it.
    """

    true: str
    given: str
    num_items: float
    num_uniform: float
    share: float
    p_value: float
    is_systematic: bool
    is_doubtful: bool


@dataclass(frozen=True, kw_only=True)
class LabelNoise:
    """What is known of the wrong labels.

    Attributes:
        num_items: labels that were judged.
        rate: share of them that is wrong.
        interval: of the rate, 95 %, if noise depends on the class alone; wider where the model is weak.
        kind: none, random, systematic, or undecided where too few were seen.
        reason: the kind as a sentence.
        names: classes, in the order of the matrix.
        matrix: P(given label | true class), true classes in rows; of yes/no labels, none: see the pairs.
        pairs: flows that were seen, the largest excess over uniform noise first.
    """

    num_items: int
    rate: float
    interval: Interval
    kind: NoiseKind
    reason: str
    names: tuple[str, ...]
    matrix: tuple[tuple[float, ...], ...] | None
    pairs: tuple[NoisePair, ...]

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types."""
        return {
            **vars(self),
            "interval": list(self.interval),
            "names": list(self.names),
            "matrix": None if self.matrix is None else [list(row) for row in self.matrix],
            "pairs": [vars(pair) for pair in self.pairs],
        }


def label_noise(flows: Sequence[Flows], names: Sequence[str], *, are_yes_no: bool = False) -> LabelNoise:
    """Rate, kind and directions of the noise.

    Args:
        flows: of one classification; or of each of several yes/no labels, whose classes are 0 and 1.
        names: of the classes; or of the yes/no labels.
        are_yes_no: which of both.
    """
    rate, told_by = wrong_share(flows), worth(flows)
    interval = _interval(rate, told_by, doubt(flows))
    pairs = _pairs(flows, names, are_yes_no=are_yes_no)
    num_wrong = sum(float(flow.counts.sum() - np.trace(flow.counts)) for flow in flows)
    kind, reason = _kind(interval, pairs, num_wrong)
    return LabelNoise(
        num_items=round(sum(float(flow.given.sum()) for flow in flows)),
        rate=rate,
        interval=interval,
        kind=kind,
        reason=reason,
        names=tuple(names),
        matrix=None if are_yes_no else tuple(map(tuple, transition(flows[0].counts).tolist())),
        pairs=pairs,
    )


def _interval(rate: float, told_by: float, deviation: float) -> Interval:
    """Wilson's, each arm joined with what the weakness of the model may add."""
    if told_by <= 0:
        return 0.0, 1.0
    low, high = wilson(rate * told_by, told_by)
    more = normal_quantile(0.95) * deviation
    return max(0.0, rate - math.hypot(rate - low, more)), min(1.0, rate + math.hypot(high - rate, more))


def _pairs(flows: Sequence[Flows], names: Sequence[str], *, are_yes_no: bool) -> tuple[NoisePair, ...]:
    """Every ordered pair, tested against noise that falls on all pairs alike; told are those that were seen.

    Given the number of wrong labels among the clear examples, a pair has a binomial number of them under uniform noise,
    with the share of its class among the clear examples of all pairs.
    """
    from scipy.stats import binom

    rows = [(f, j, i) for f, flow in enumerate(flows) for j, i in zip(*_off_diagonal(flow), strict=True)]
    seen = np.array([flows[f].counts[j, i] for f, j, i in rows])
    trials = np.array([flows[f].trials[j] for f, j, _ in rows])
    if seen.sum() <= 0:
        return ()
    p_values = adjusted(binom.sf(np.round(seen) - 1, max(1, round(seen.sum())), trials / trials.sum()))
    elsewhere = (seen.sum() - seen) / np.maximum(trials.sum() - trials, 1e-12)
    matrices = [transition(flow.counts) for flow in flows]
    wrong = [wrong_counts(matrix, flow.given) for matrix, flow in zip(matrices, flows, strict=True)]
    found: list[NoisePair] = []
    for place, (f, j, i) in enumerate(rows):
        if seen[place] <= 0:
            continue
        share, num_items = float(matrices[f][j, i]), float(wrong[f][j, i])
        is_often = bool(p_values[place] <= FALSE_DISCOVERIES and share >= DECISIVE * elsewhere[place])
        is_news = bool(flows[f].expected[j, i] <= UNEXPECTED * share)
        found.append(
            NoisePair(
                true=_saying(names[f], j) if are_yes_no else names[j],
                given=_saying(names[f], i) if are_yes_no else names[i],
                num_items=num_items,
                num_uniform=num_items / share * float(seen.sum() / trials.sum()),
                share=share,
                p_value=float(p_values[place]),
                is_systematic=is_often and is_news,
                is_doubtful=is_often and not is_news,
            )
        )
    return tuple(sorted(found, key=lambda pair: (not pair.is_systematic, -(pair.num_items - pair.num_uniform))))


def _off_diagonal(flow: Flows) -> tuple[list[int], list[int]]:
    rows, columns = np.nonzero(~np.eye(len(flow.given), dtype=bool) & (flow.trials > 0)[:, None])
    return rows.tolist(), columns.tolist()


def _saying(name: str, code: int) -> str:
    return f"{name}={code}"


def _kind(interval: Interval, pairs: Sequence[NoisePair], num_wrong: float) -> tuple[NoiseKind, str]:
    worst = next((pair for pair in pairs if pair.is_systematic), None)
    if worst is not None:
        several = sum(pair.is_systematic for pair in pairs)
        sentence = t(
            "The noise is systematic: '{true}' is labelled '{given}' in {share} % of the cases, {times:.1f} times what "
            "uniform noise would do (pairs like this: {count}). Systematic noise is learned: correct it.",
            true=worst.true,
            given=worst.given,
            share=f"{100 * worst.share:.1f}",
            times=worst.num_items / max(worst.num_uniform, 1e-9),
            count=several,
        )
        return "systematic", sentence
    if interval[1] <= NEGLIGIBLE:
        return "none", t("Next to no label is wrong.")
    if (doubtful := next((pair for pair in pairs if pair.is_doubtful), None)) is not None:
        return "undecided", t(
            "'{true}' is labelled '{given}' more often than uniform noise would do, but the networks confuse them, "
            "too: look at these labels to tell whether they are wrong.",
            true=doubtful.true,
            given=doubtful.given,
        )
    if num_wrong < MIN_WRONG:
        return "undecided", t("Too few wrong labels were seen to tell whether they are random.")
    return "random", t(
        "The noise looks random: no class is labelled as another more often than uniform noise would do. Training "
        "bears it rather well; dev and test do not, where it counts as errors of the model."
    )
