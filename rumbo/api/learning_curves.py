"""A run's learning curve: its error on train and dev at n/16, n/8 … n training examples, and beyond."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from rumbo.api.prepare import Gathered, gather
from rumbo.api.run import Run
from rumbo.api.sources import Progress, require_same_data, used_by
from rumbo.api.subsets import SubsetErrors, deviation_of, level_of, nested_order, train_on
from rumbo.core.errors import DataError, UsageError
from rumbo.core.messages import t
from rumbo.data.splits.split import Split
from rumbo.runs import read_predictions
from rumbo.strategy.curve import Curve, CurvePoint, fit_curve
from rumbo.strategy.gap_sentences import percent
from rumbo.strategy.levels import Level
from rumbo.strategy.more_data import FACTORS, MoreData, more_data

PARTS = (16, 8, 4, 2)
"""The run's training examples are divided by these."""
FEWEST = 20
"""Training examples of the smallest subset."""
NUM_DRAWN = 60
"""Places of a law that is drawn."""
MOST_ROUNDS = 5
"""Trainings of each size, as far as the budget goes."""


@dataclass(frozen=True, kw_only=True)
class LearningCurve:
    """Errors at several sizes, and what they say of more data.

    Attributes:
        points: one per training, on the scale of the diagnosis; the last one is the run itself.
        dev: the law of the error on dev.
        train: that of the error on train.
        more: whether more data would help.
        seconds: that the trainings took.
    """

    points: tuple[SubsetErrors, ...]
    dev: Curve
    train: Curve
    more: MoreData
    seconds: float

    def series(self) -> dict[str, dict[str, Any]]:
        """Points and laws of dev and train for a figure, up to four times the present size."""
        found: dict[str, dict[str, Any]] = {}
        for split, law in (("dev", self.dev), ("train", self.train)):
            grid = np.geomspace(min(p.size for p in law.points), FACTORS[-1] * law.largest, NUM_DRAWN)
            grid = np.union1d(grid, [law.largest])
            middle, low, high = law.band(grid)
            points = {"sizes": [p.size for p in law.points], "errors": [p.error for p in law.points]}
            found[split] = {**points, "grid": grid, "middle": middle, "low": low, "high": high}
        return found

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types."""
        return {
            "points": [
                {
                    "size": point.size,
                    "seed": point.seed,
                    "train": point.train.value,
                    "dev": point.dev.value,
                    "seconds": round(point.seconds, 2),
                }
                for point in self.points
            ],
            "seconds": round(self.seconds, 2),
            **self.more.to_dict(),
        }


def learning_curve(
    run: Run,
    *,
    budget_seconds: float | None = None,
    threshold: float = 0.01,
    progress: Progress | None = None,
    tell: Callable[[str], None] | None = None,
) -> LearningCurve:
    """Train the run's own recipe on parts of its training examples, and extrapolate.

    Args:
        run: finished; it is the point at n.
        budget_seconds: no training begins that would not end in this time; what is left is spent on further seeds.
            None: one training of each size.
        threshold: the gain that matters.
        progress: told while pictures are read.
        tell: told a sentence after each training.

    Raises:
        DataError: no dev, too few examples, or the data have gone or changed.
        UsageError: a budget too short for any training.
    """
    began = time.monotonic()
    points = [_own_point(run)]
    gathered = gather(run.config, base=run.path, split=Split.load(run.folder.split), progress=progress)
    require_same_data(used_by(gathered.dataset, gathered.split), run.folder, run.config.path)
    rows = gathered.split.rows(gathered.dataset, "train")
    sizes = [len(rows) // part for part in PARTS if len(rows) // part >= FEWEST]
    if not sizes:
        raise DataError(
            t(
                "{count} training examples are too few for a learning curve: half of them must be at least {least}.",
                count=len(rows),
                least=FEWEST,
            )
        )
    pace = _Pace(run.summary["seconds"], began, budget_seconds)
    for round_, size in _jobs(sizes, len(rows), is_free=budget_seconds is None):
        if pace.is_over(size):
            break
        found = _train(gathered, run, rows, size, round_)
        pace.note(size, found.seconds)
        points.append(found)
        if tell is not None:
            tell(_told(found))
    if len(points) == 1:
        raise UsageError(
            t(
                "a budget of {budget:.0f} s is too short for a learning curve: one training takes about "
                "{needed:.0f} s.",
                budget=budget_seconds or 0,
                needed=pace.last,
            )
        )
    return _fitted(points, run.config.seed, threshold, time.monotonic() - began)


def _jobs(sizes: list[int], full: int, *, is_free: bool) -> list[tuple[int, int]]:
    """Rounds and sizes, in order: each size once; then, within a budget, all again with further seeds."""
    first = [(0, size) for size in sizes]
    return first if is_free else [*first, *((n, size) for n in range(1, MOST_ROUNDS) for size in (*sizes, full))]


class _Pace:
    """How long the next training will take: as the last one of its size, else as the last one."""

    def __init__(self, seconds: float, began: float, budget: float | None):
        self.last, self.by_size, self.began, self.budget = seconds, dict[int, float](), began, budget

    def note(self, size: int, seconds: float) -> None:
        self.last = self.by_size[size] = seconds

    def expected(self, size: int) -> float:
        return self.by_size.get(size, self.last)

    def is_over(self, size: int) -> bool:
        return self.budget is not None and time.monotonic() - self.began + self.expected(size) > self.budget


def _train(gathered: Gathered, run: Run, rows: np.ndarray, size: int, round_: int) -> SubsetErrors:
    seed = (run.config.seed + round_) % 2**31
    order = nested_order(gathered.dataset, rows, seed, group=run.config.data.split.group)
    unit = deviation_of(run.model.task)
    return train_on(gathered, run.config, run.path, np.sort(order[:size]), seed=seed, unit=unit)


def _own_point(run: Run) -> SubsetErrors:
    """The run itself, from its own predictions."""
    facts, task = run.summary, run.model.task
    if "dev" not in facts["metrics"]:
        raise DataError(t("run '{run}' has no dev, so there is no error to draw a curve of.", run=str(run.path)))
    found = {name: task.from_table(read_predictions(run.folder.predictions, name)) for name in ("train", "dev")}
    unit = deviation_of(task)
    levels = {name: level_of(task, predictions, unit=unit) for name, predictions in found.items()}
    size = len(found["train"].ids)
    return SubsetErrors(size, run.config.seed, levels["train"], levels["dev"], float(facts["seconds"]))


def _fitted(points: list[SubsetErrors], seed: int, threshold: float, seconds: float) -> LearningCurve:
    """Laws through all points; the first one is the run itself, and becomes the last."""
    own, *others = points
    points = [*sorted(others, key=lambda point: (point.size, point.seed)), own]
    dev = [CurvePoint(point.size, point.dev.value, variance_of(point.dev)) for point in points]
    train = [CurvePoint(point.size, point.train.value, variance_of(point.train)) for point in points]
    return LearningCurve(
        points=tuple(points),
        dev=fit_curve(dev, seed=seed),
        train=fit_curve(train, rises=train[-1].error >= train[0].error, seed=seed),
        more=more_data(dev, threshold=threshold, seed=seed),
        seconds=seconds,
    )


def variance_of(level: Level) -> float:
    """Of an error, as far as the number of examples tells; not 0 even where there are too few to resample."""
    return max(level.variance, (level.value / 10) ** 2 if level.draws is None else 0.0, 1e-12)


def _told(found: SubsetErrors) -> str:
    return t(
        "{size} training examples, seed {seed}: train {train}, dev {dev}; {seconds:.0f} s.",
        size=found.size,
        seed=found.seed,
        train=percent(found.train.value),
        dev=percent(found.dev.value),
        seconds=found.seconds,
    )
