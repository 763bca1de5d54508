"""The error table: how often each tag occurs among the wrong examples, and what mending them all could win.

The notes look at about 100 misread examples of dev, put a mark into the column of each cause, and read off the ceiling:
where 5 of 100 mistakes are dogs, perfect work on dogs brings an error of 10 % down to 9.5 %; where 50 are, to 5 %.
What they leave to the reader is told here too: how sure the share is, and whether the right examples have the tag as
often, in which case it explains nothing.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from rumbo.core import seeds
from rumbo.core.errors import UsageError
from rumbo.core.messages import t
from rumbo.strategy.intervals import (
    Interval,
    effective_size,
    is_share,
    percentile_interval,
    proportion_draws,
    share_interval,
)
from rumbo.strategy.lift import Finding, Lift, Looked, lifts
from rumbo.strategy.resampling import resampled_sums

Kind = Literal["mean", "root_mean_square"]
Origin = Literal["automatic", "hand"]
NUM_DRAWS = 2000
LARGE_SHARE = 0.1
"""Of numbers, the tenth with the largest residuals counts as wrong."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Tag:
    """A property that examples have or have not.

    Attributes:
        name: short, as it is counted under.
        has: whether each example has it, n booleans.
        known: whether each was looked at for it, n booleans; None = all. Wrong ones must have been chosen at random.
        meaning: a sentence, for automatic tags.
        origin: found by a rule, or set by hand.
    """

    name: str
    has: np.ndarray
    known: np.ndarray | None = None
    meaning: str = ""
    origin: Origin = "automatic"

    @property
    def looked(self) -> Looked:
        """Both as booleans."""
        has = np.asarray(self.has, dtype=bool)
        return Looked(has, np.ones(len(has), dtype=bool) if self.known is None else np.asarray(self.known, dtype=bool))


@dataclass(frozen=True, kw_only=True)
class TagRow:
    """One line of the table.

    Attributes:
        tag: its name.
        meaning: as in `Tag`.
        origin: as in `Tag`.
        num_known: wrong examples that were looked at.
        count: of them, those with the tag.
        share: of the error of those that were looked at, the part that examples with the tag carry.
        share_interval: 95 %.
        error_left: the ceiling: the error that would be left if all examples with the tag were right.
        left_interval: 95 %.
        lift: how the right examples compare; None where none was looked at.
    """

    tag: str
    meaning: str
    origin: Origin
    num_known: int
    count: int
    share: float
    share_interval: Interval
    error_left: float
    left_interval: Interval
    lift: Lift | None

    @property
    def finding(self) -> Finding:
        """What the right examples say.

        `more`: the tag goes with errors; `as_common`: not more common than among right ones, so that it explains
        nothing; `fewer`; `undecided`: too few examples to tell; `unknown`: no right example was looked at.
        """
        return "unknown" if self.lift is None else self.lift.finding

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types."""
        lift = self.lift
        return {
            **{name: _plain(value) for name, value in asdict(self).items() if name != "lift"},
            "share_of_right": None if lift is None else lift.share_of_right,
            "lift": None if lift is None else lift.value,
            "lift_interval": None if lift is None else list(lift.interval),
            "q_value": None if lift is None else lift.q_value,
            "finding": self.finding,
        }


@dataclass(frozen=True, kw_only=True)
class ErrorTable:
    """The table and what it stands on.

    Attributes:
        kind: how the errors of the examples are joined.
        num_items: examples of weight above 0.
        num_wrong: wrong ones; of numbers, the tenth with the largest residuals.
        num_untagged: wrong ones that were looked at for every tag and have none.
        error: of all examples.
        error_interval: 95 %.
        rows: one per tag that a wrong example has, the largest share first.
    """

    kind: Kind
    num_items: int
    num_wrong: int
    num_untagged: int
    error: float
    error_interval: Interval
    rows: tuple[TagRow, ...]

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types."""
        return {
            **{name: _plain(value) for name, value in asdict(self).items() if name != "rows"},
            "rows": [row.to_dict() for row in self.rows],
        }


def error_table(
    errors: np.ndarray,
    tags: Sequence[Tag],
    *,
    weights: np.ndarray | None = None,
    kind: Kind = "mean",
    seed: int = 0,
) -> ErrorTable:
    """Count tags among the wrong examples.

    Shares and errors are weighted; counts, and the test behind the lift's `q_value`, count examples.

    Args:
        errors: of each example: 1 for wrong and 0 for right, the share of its labels that are wrong, or the residual.
        tags: the columns; one name each.
        weights: of each example, >= 0; None = 1 each.
        kind: `mean` of the errors, or `root_mean_square` of the residuals.
        seed: of the resampling.

    Raises:
        UsageError: no examples, sizes that differ, values that are not finite, or a name twice.

    >>> dogs = Tag(name="dog", has=np.arange(1000) < 5)
    >>> row = error_table(np.arange(1000) < 100, [dogs]).rows[0]
    >>> row.count, round(row.share, 3), round(row.error_left, 4)
    (5, 0.05, 0.095)
    """
    errors, weights = _checked(errors, tags, weights)
    counted = weights > 0
    errors, weights = errors[counted], weights[counted]
    columns = {tag.name: Looked(tag.looked.has[counted], tag.looked.known[counted]) for tag in tags}
    costs = errors**2 if kind == "root_mean_square" else errors
    wrong = wrong_examples(errors, kind)
    told = lifts(columns, wrong, weights)
    rows = [
        _row(tag, columns[tag.name], told.get(tag.name), costs, wrong, weights, kind, seed)
        for tag in tags
        if (columns[tag.name].has & columns[tag.name].known & wrong).any()
    ]
    value, interval = _error(costs, weights, kind, seed)
    return ErrorTable(
        kind=kind,
        num_items=len(errors),
        num_wrong=int(wrong.sum()),
        num_untagged=int(np.all([wrong, *(looked.known & ~looked.has for looked in columns.values())], axis=0).sum()),
        error=value,
        error_interval=interval,
        rows=tuple(sorted(rows, key=lambda row: (-row.share, row.tag))),
    )


def wrong_examples(errors: np.ndarray, kind: Kind) -> np.ndarray:
    """Which examples count as wrong: those with an error; of numbers the tenth with the largest residuals.

    >>> wrong_examples(np.array([0.0, 0.5, 1.0]), "mean").tolist()
    [False, True, True]
    """
    if kind == "mean":
        return np.asarray(errors) > 0
    sizes = np.abs(errors)
    num_large = max(1, round(LARGE_SHARE * len(sizes)))
    return (sizes >= np.sort(sizes)[-num_large]) & (sizes > 0)


def _row(
    tag: Tag,
    looked: Looked,
    lift: Lift | None,
    costs: np.ndarray,
    wrong: np.ndarray,
    weights: np.ndarray,
    kind: Kind,
    seed: int,
) -> TagRow:
    has, known = looked
    mass = costs * weights
    faulty = known & (costs > 0)
    share = float(mass[faulty & has].sum() / mass[faulty].sum())
    error = float(mass.sum() / weights.sum())
    if not is_share(costs):
        share_bounds, left_bounds = _resampled(looked, mass, weights, kind, seed, tag.name)
    else:
        share_bounds = share_interval(has[faulty].astype(np.float64), weights[faulty])
        if known.all():
            left_bounds = share_interval(costs * ~has, weights)
        else:  # how many are wrong, and what they are, is told by different examples
            generator = seeds.rng(seed, f"error_table/{tag.name}")
            errors = proportion_draws(error, effective_size(weights), NUM_DRAWS, generator)
            shares = proportion_draws(share, effective_size(weights[faulty]), NUM_DRAWS, generator)
            left_bounds = percentile_interval(errors * (1 - shares))
    left = error * (1 - share)
    return TagRow(
        tag=tag.name,
        meaning=tag.meaning,
        origin=tag.origin,
        num_known=int((known & wrong).sum()),
        count=int((known & wrong & has).sum()),
        share=share,
        share_interval=share_bounds,
        error_left=left**0.5 if kind == "root_mean_square" else left,
        left_interval=left_bounds,
        lift=lift,
    )


def _resampled(
    looked: Looked, mass: np.ndarray, weights: np.ndarray, kind: Kind, seed: int, name: str
) -> tuple[Interval, Interval]:
    """Intervals of the share and of the error left, where errors are not just 0 and 1."""
    has, known = looked
    columns = np.stack([mass * (has & known), mass * known, mass, weights], axis=1)
    sums = resampled_sums(columns, NUM_DRAWS, seeds.rng(seed, f"error_table/{name}"))
    tagged, faulty, total, size = sums[sums[:, 1] > 0].T
    shares = tagged / faulty
    left = total / size * (1 - shares)
    return percentile_interval(shares), percentile_interval(np.sqrt(left) if kind == "root_mean_square" else left)


def _error(costs: np.ndarray, weights: np.ndarray, kind: Kind, seed: int) -> tuple[float, Interval]:
    """The error of all examples with its interval."""
    value = float(np.average(costs, weights=weights))
    if is_share(costs):
        return value, share_interval(costs, weights)
    columns = np.stack([costs * weights, weights], axis=1)
    total, size = resampled_sums(columns, NUM_DRAWS, seeds.rng(seed, "error_table")).T
    if kind == "root_mean_square":
        return value**0.5, percentile_interval(np.sqrt(total / size))
    return value, percentile_interval(total / size)


def _checked(errors: np.ndarray, tags: Sequence[Tag], weights: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    errors = np.asarray(errors, dtype=np.float64)
    weights = np.ones(len(errors)) if weights is None else np.asarray(weights, dtype=np.float64)
    if errors.ndim != 1 or len(errors) == 0 or not np.isfinite(errors).all():
        raise UsageError(t("errors must be one finite number per example, and at least one."))
    if weights.shape != errors.shape:
        raise UsageError(
            t("{weights} weights for {items} examples: one each is needed.", weights=weights.size, items=errors.size)
        )
    if not np.isfinite(weights).all() or (weights < 0).any() or weights.sum() == 0:
        raise UsageError(t("weights must be finite, not negative, and not all 0."))
    names = [tag.name for tag in tags]
    for tag in tags:
        if len(tag.looked.has) != len(errors) or len(tag.looked.known) != len(errors):
            raise UsageError(
                t(
                    "tag '{tag}' must say of each of {items} examples whether it has it.",
                    tag=tag.name,
                    items=errors.size,
                )
            )
        if names.count(tag.name) > 1:
            raise UsageError(t("two tags are called '{tag}'.", tag=tag.name))
    return errors, weights


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
