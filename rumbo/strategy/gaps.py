"""What holds a model back: the gaps between unavoidable, train, train-dev, dev and test error.

Words and method: Ng 2018, "Machine Learning Yearning", ch. 20-43; the thresholds and intervals are ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

import numpy as np

from rumbo.core import seeds
from rumbo.core.errors import UsageError, unknown_name
from rumbo.core.messages import t
from rumbo.strategy.intervals import (
    Interval,
    bootstrap_means,
    effective_size,
    percentile_interval,
    proportion_draws,
    smallest_size,
    wilson,
)

SPLITS = ("train", "train_dev", "dev", "test")
MIN_ITEMS = 10  # fewer examples decide nothing: resampling knows only the values it has seen
NUM_DRAWS = 2000
ROUNDING = 1e-9  # 0.10 - 0.09 must not count as more than 0.01

Kind = Literal["mean", "root_mean_square"]


class GapName(StrEnum):
    """The four things that can be improved apart."""

    AVOIDABLE_BIAS = "avoidable_bias"
    VARIANCE = "variance"
    DATA_MISMATCH = "data_mismatch"
    DEV_OVERFIT = "dev_overfit"


@dataclass(frozen=True, eq=False)
class SplitError:
    """The error on one split: measured per example, or a bare number.

    Attributes:
        error: one error per example (0 or 1 for right and wrong, any cost, or a signed residual for
            `root_mean_square`), or the split's error as one number.
        weights: weight of each example, >= 0; only with errors per example.
        size: examples behind a bare error rate; without it the number is taken as exact.
    """

    error: np.ndarray | float
    weights: np.ndarray | None = None
    size: int | None = None

    def __post_init__(self) -> None:
        error = np.asarray(self.error, dtype=np.float64)
        if error.ndim > 1 or error.size == 0:
            raise UsageError(t("errors of shape {shape}: one number per example is needed.", shape=str(error.shape)))
        if not np.isfinite(error).all():
            raise UsageError(t("an error that is not a finite number: leave such examples out, or predict them again."))
        if self.weights is not None:
            weights = np.asarray(self.weights, dtype=np.float64)
            if weights.shape != error.shape or error.ndim == 0:
                raise UsageError(
                    t(
                        "{weights} weights for {items} examples: one each is needed.",
                        weights=weights.size,
                        items=error.size,
                    )
                )
            if not np.isfinite(weights).all() or (weights < 0).any() or weights.sum() == 0:
                raise UsageError(t("weights must be finite, not negative, and not all 0."))
        if self.size is not None and not (error.ndim == 0 and 0 <= error <= 1 and self.size > 0):
            raise UsageError(t("a size belongs to a bare error rate between 0 and 1, and must be at least 1."))


@dataclass(frozen=True)
class Gap:
    """One gap: how much of the error it makes, with its interval (None when only bare numbers were given)."""

    name: GapName
    value: float
    interval: Interval | None
    explanation: str


@dataclass(frozen=True)
class ErrorLevel:
    """The error of one split on the common scale."""

    value: float
    interval: Interval | None
    num_items: int | None


@dataclass(frozen=True)
class Diagnosis:
    """The verdict and what it stands on.

    Attributes:
        verdict: the largest gap that matters; `none`; or `undecided`.
        also: the other gaps that matter, largest first.
        gaps: all gaps that the given splits allow.
        errors: error by name: `human`, then the splits.
        threshold: how large a gap must be to matter.
        kind: how the errors of the examples were joined.
        smallest_dev_size: examples in dev that would tell a gap of `threshold` from none; None when unknown.
        reason: the verdict as a sentence.
        remarks: what could not be told, and what it would take.
    """

    verdict: GapName | Literal["none", "undecided"]
    also: tuple[GapName, ...]
    gaps: tuple[Gap, ...]
    errors: dict[str, ErrorLevel]
    threshold: float
    kind: Kind
    smallest_dev_size: int | None
    reason: str
    remarks: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types."""
        return {
            "verdict": str(self.verdict),
            "also": [str(name) for name in self.also],
            "gaps": [
                {
                    "name": str(gap.name),
                    "value": gap.value,
                    "interval": None if gap.interval is None else list(gap.interval),
                    "explanation": gap.explanation,
                }
                for gap in self.gaps
            ],
            "errors": {
                name: {
                    "value": level.value,
                    "interval": None if level.interval is None else list(level.interval),
                    "items": level.num_items,
                }
                for name, level in self.errors.items()
            },
            "threshold": self.threshold,
            "kind": self.kind,
            "smallest_dev_size": self.smallest_dev_size,
            "reason": self.reason,
            "remarks": list(self.remarks),
        }


@dataclass(frozen=True, eq=False)
class _Level:
    """An error with what its uncertainty needs: draws of plausible values, and the spread of one example."""

    value: float
    interval: Interval | None = None
    draws: np.ndarray | None = None
    spread: float | None = None
    num_items: int | None = None

    @property
    def too_few(self) -> bool:
        return self.num_items is not None and self.num_items < MIN_ITEMS

    @property
    def variance(self) -> float:
        return 0.0 if self.draws is None else float(self.draws.var())


def diagnose(
    errors: Mapping[str, SplitError | float],
    *,
    human_error: SplitError | float = 0.0,
    threshold: float = 0.01,
    kind: Kind = "mean",
    scale: float = 1.0,
    seed: int = 0,
) -> Diagnosis:
    """Find the gap that costs most.

    avoidable_bias = train - human; variance = train_dev - train (dev - train where there is no train_dev);
    data_mismatch = dev - train_dev; dev_overfit = test - dev. A gap matters when it is above the threshold and its 95 %
    interval leaves out 0. It does not matter when it is at or below the threshold and its interval ends there or is at
    most two thresholds wide; dev_overfit needs no such proof. Everything else is too uncertain to tell. Splits hold
    different examples, so their intervals are joined as independent ones.

    Args:
        errors: by split: train, train_dev, dev, test; as many as there are.
        human_error: the best that is possible, such as the error of a team of experts.
        threshold: how large a gap must be to matter, on the scale of the errors; > 0.
        kind: `mean` of the examples' errors, or `root_mean_square` of their residuals.
        scale: errors are divided by it; for residuals the standard deviation of the target.
        seed: of the resampling.

    Raises:
        UsageError: an unknown split, no gap that could be computed, or values out of range.

    >>> diagnose({"train": 0.08, "dev": 0.10}, human_error=0.01).verdict.value
    'avoidable_bias'
    """
    for name in errors:
        if name not in SPLITS:
            raise unknown_name("split", name, SPLITS)
    if not (threshold > 0 and np.isfinite(threshold)):
        raise UsageError(t("{path}={value} must be {bound}.", path="threshold", value=threshold, bound=t("above 0")))
    if not (scale > 0 and np.isfinite(scale)):
        raise UsageError(t("{path}={value} must be {bound}.", path="scale", value=scale, bound=t("above 0")))
    given = {"human": human_error, **{name: errors[name] for name in SPLITS if name in errors}}
    levels = {name: _measure(name, error, kind, scale, seed) for name, error in given.items()}
    gaps = tuple(_gap(name, levels[worse], levels[better]) for name, worse, better in _pairs(levels))
    if not gaps:
        raise UsageError(
            t(
                "no gap can be computed from {names}: give the error on train, or on dev and test.",
                names=", ".join(errors),
            )
        )
    size = _smallest_dev_size(levels, threshold)
    large, open_gaps, remarks = _judge(gaps, levels, threshold, size)
    if large:
        verdict, reason = large[0].name, _verdict(large[0])
    elif open_gaps:
        verdict, reason = "undecided", t("There are too few examples for a verdict.")
    else:
        verdict, reason = "none", t("No gap is above {threshold}.", threshold=percent(threshold))
    return Diagnosis(
        verdict=verdict,
        also=tuple(gap.name for gap in large[1:]),
        gaps=gaps,
        errors={name: ErrorLevel(level.value, level.interval, level.num_items) for name, level in levels.items()},
        threshold=threshold,
        kind=kind,
        smallest_dev_size=size,
        reason=reason,
        remarks=remarks,
    )


def percent(value: float) -> str:
    """A share for people: one decimal, two below 1 %.

    >>> percent(0.0824), percent(0.0042), percent(0)
    ('8.2 %', '0.42 %', '0 %')
    """
    if value == 0:
        return "0 %"
    digits = 1 if abs(value) >= 0.00995 else 2
    return f"{100 * value:.{digits}f} %".replace("-", "−")


def _measure(name: str, given: SplitError | float, kind: Kind, scale: float, seed: int) -> _Level:
    split = given if isinstance(given, SplitError) else SplitError(given)
    generator = seeds.rng(seed, f"bootstrap/{name}")
    items = np.asarray(split.error, dtype=np.float64)
    if items.ndim == 0:
        if split.size is None or kind != "mean":
            return _Level(value=float(items) / scale, num_items=split.size)
        return _rate(float(items), split.size, split.size, scale, generator)
    weights = np.ones(len(items)) if split.weights is None else np.asarray(split.weights, dtype=np.float64)
    if kind == "mean" and ((items == 0) | (items == 1)).all():
        return _rate(float(np.average(items, weights=weights)), effective_size(weights), len(items), scale, generator)
    return _cost(items, weights, kind, scale, generator)


def _rate(share: float, size: float, num_items: int, scale: float, generator: np.random.Generator) -> _Level:
    low, high = wilson(share * size, size)
    shrunk = (share * size + 2) / (size + 4)  # Agresti, Coull 1998: a set without errors has a spread, too
    return _Level(
        value=share / scale,
        interval=(low / scale, high / scale),
        draws=proportion_draws(share, size, NUM_DRAWS, generator) / scale,
        spread=float(np.sqrt(shrunk * (1 - shrunk))) / scale,
        num_items=num_items,
    )


def _cost(items: np.ndarray, weights: np.ndarray, kind: Kind, scale: float, generator: np.random.Generator) -> _Level:
    costs = items**2 if kind == "root_mean_square" else items
    value = float(np.average(costs, weights=weights))
    if len(items) < MIN_ITEMS:
        root = np.sqrt(value) if kind == "root_mean_square" else value
        return _Level(value=float(root) / scale, num_items=len(items))
    draws = bootstrap_means(costs, weights, NUM_DRAWS, generator)
    if kind == "root_mean_square":
        value, draws = float(np.sqrt(value)), np.sqrt(draws)
    draws = draws / scale
    spread = float(draws.std()) * np.sqrt(effective_size(weights))
    return _Level(value / scale, percentile_interval(draws), draws, float(spread), len(items))


def _pairs(levels: Mapping[str, Any]) -> list[tuple[GapName, str, str]]:
    """The gaps that the given splits allow: name, the split with the higher error, the one it is compared with."""
    seen = "train_dev" if "train_dev" in levels else "dev"
    pairs = [
        (GapName.AVOIDABLE_BIAS, "train", "human"),
        (GapName.VARIANCE, seen, "train"),
        (GapName.DATA_MISMATCH, "dev", "train_dev"),
        (GapName.DEV_OVERFIT, "test", "dev"),
    ]
    return [pair for pair in pairs if pair[1] in levels and pair[2] in levels]


def _splits_of(name: GapName, levels: Mapping[str, Any]) -> set[str]:
    return {split for pair in _pairs(levels) if pair[0] == name for split in pair[1:]}


def _gap(name: GapName, worse: _Level, better: _Level) -> Gap:
    interval = None
    unmeasured = any(level.draws is None and level.num_items is not None for level in (worse, better))
    if not unmeasured and (worse.draws is not None or better.draws is not None):
        high = worse.value if worse.draws is None else worse.draws
        low = better.value if better.draws is None else better.draws
        interval = percentile_interval(np.asarray(high - low))
    return Gap(name, worse.value - better.value, interval, _explanation(name, worse.value, better.value))


def _smallest_dev_size(levels: Mapping[str, _Level], threshold: float) -> int | None:
    dev = levels.get("dev")
    if dev is None or dev.spread is None:
        return None
    other = levels.get("train_dev") or levels.get("train")
    return smallest_size(dev.spread, threshold, other.variance if other else 0.0)


def _judge(
    gaps: tuple[Gap, ...], levels: Mapping[str, _Level], threshold: float, size: int | None
) -> tuple[list[Gap], list[Gap], tuple[str, ...]]:
    """The gaps that matter, largest first; those that cannot be told; and sentences about the latter."""
    few = {name: level.num_items for name, level in levels.items() if level.too_few}
    certain = [gap for gap in gaps if not _splits_of(gap.name, levels) & few.keys()]
    large = sorted((gap for gap in certain if _matters(gap, threshold)), key=lambda gap: -gap.value)
    small = [gap for gap in certain if _is_small(gap, threshold)]
    open_gaps = [gap for gap in gaps if gap not in large and gap not in small]
    remarks = [_too_few(name, count) for name, count in few.items()]
    remarks += [_uncertain(gap) for gap in open_gaps if gap in certain]
    num_dev = levels["dev"].num_items if "dev" in levels else None
    if open_gaps and size is not None and num_dev is not None and num_dev < size:
        remarks.append(
            t(
                "Dev has {count} examples; about {size} would tell a gap of {threshold} from none.",
                count=num_dev,
                size=size,
                threshold=percent(threshold),
            )
        )
    return large, open_gaps, tuple(remarks)


def _matters(gap: Gap, threshold: float) -> bool:
    return gap.value > threshold + ROUNDING and (gap.interval is None or gap.interval[0] > 0)


def _is_small(gap: Gap, threshold: float) -> bool:
    if gap.name is GapName.DEV_OVERFIT:  # it must show itself: no test set of a usual size rules it out
        return not _matters(gap, threshold)
    if gap.value > threshold + ROUNDING:
        return False
    if gap.interval is None:
        return True
    low, high = gap.interval
    return high <= threshold or high - low <= 2 * threshold


def _explanation(name: GapName, worse: float, better: float) -> str:
    values = {"error": percent(worse), "base": percent(better)}
    sentences = {
        GapName.AVOIDABLE_BIAS: t(
            "Training error {error}, where {base} is possible: what a better fit could win.", **values
        ),
        GapName.VARIANCE: t(
            "Error {error} on unseen examples, {base} in training: what does not carry over.", **values
        ),
        GapName.DATA_MISMATCH: t(
            "Error {error} on dev, {base} on train-dev: what is lost because dev differs.", **values
        ),
        GapName.DEV_OVERFIT: t("Error {error} on test, {base} on dev: how much choosing by dev flatters.", **values),
    }
    return sentences[name]


def _verdict(gap: Gap) -> str:
    value = percent(gap.value)
    sentences = {
        GapName.AVOIDABLE_BIAS: t(
            "The model does not fit its training data well enough: avoidable bias of {value}.", value=value
        ),
        GapName.VARIANCE: t(
            "What the model learned does not carry over to unseen examples: variance of {value}.", value=value
        ),
        GapName.DATA_MISMATCH: t("Dev differs from the training data: data mismatch of {value}.", value=value),
        GapName.DEV_OVERFIT: t("Dev flatters the model: the error on test is {value} higher.", value=value),
    }
    return sentences[gap.name]


def _uncertain(gap: Gap) -> str:
    low, high = gap.interval or (gap.value, gap.value)
    names = {
        GapName.AVOIDABLE_BIAS: t("avoidable bias"),
        GapName.VARIANCE: t("variance"),
        GapName.DATA_MISMATCH: t("data mismatch"),
        GapName.DEV_OVERFIT: t("overfitting of dev"),
    }
    return t(
        "It cannot be told yet how large {name} is: between {low} and {high}.",
        name=names[gap.name],
        low=percent(low),
        high=percent(high),
    )


def _too_few(name: str, num_items: int | None) -> str:
    return t(
        "{split} has {count} examples; at least {needed} are needed for a verdict.",
        split=name,
        count=num_items,
        needed=MIN_ITEMS,
    )
