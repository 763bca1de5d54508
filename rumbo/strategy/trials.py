"""Trainings with and without an action, paired, and what their difference says: an effect with its interval."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from scipy import stats

from rumbo.core import seeds
from rumbo.core.errors import TrainingError
from rumbo.strategy.actions import Action
from rumbo.strategy.any_metric import Statistic
from rumbo.strategy.compare import RunScores, RunValue
from rumbo.strategy.intervals import Interval

NUM_DRAWS = 300
LARGEST_DRAW = 20_000
"""Dev sets above this size are resampled at this size, and the spread is scaled: it falls with the root of the size."""
FEWEST_SEEDS, MOST_SEEDS, LAST_SEEDS = 2, 4, 10
"""Of an attempt, within a rung; and of the finalists, while there is time."""
SHARES = (1.0, 0.5, 0.25, 0.125)
"""Of a training's epochs that an attempt may have, rounded to whole ones; the least tells little of the whole one."""
LEAST_NOISE = 1e-4
"""Deviation between seeds, as a share of the goal's value, below which two equal attempts are taken for luck."""


def fidelities(epochs: int) -> tuple[float, ...]:
    """The shares of so many epochs that differ, the largest first.

    >>> fidelities(1), fidelities(3)
    ((1.0,), (1.0, 0.6666666666666666, 0.3333333333333333))
    """
    counts = {max(1, round(epochs * share)) for share in SHARES}
    return tuple(count / epochs for count in sorted(counts, reverse=True))


@dataclass(frozen=True, eq=False, kw_only=True)
class Attempt:
    """What a training gave on dev.

    Attributes:
        scores: the goal: what each example adds to a mean, or a function of the examples' weights.
        seconds: what it took, and would take again.
        once_seconds: what was done for it once and is there now, such as finding suspect labels.
    """

    scores: RunScores | RunValue
    seconds: float
    once_seconds: float = 0.0


Try = Callable[[Action | None, float, int], Attempt]
"""Trains: the action (None: the run as it is), the share of the epochs, the seed. All see the same dev."""
Told = Callable[[str | None, float], None]
"""Progress: the action that is tried now (None: the run as it is), and the share of the budget that is spent."""
Outcome = Literal["helps", "undecided", "hurts", "failed"]


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What an action did.

    Attributes:
        action: the action.
        outcome: helps or hurts where the interval leaves out 0; failed where it could not be trained.
        effect: change of the goal, > 0 where it is better; in the goal's own unit.
        interval: of the effect, 95 %; None where it failed, or was tried too little for one.
        fidelity: share of the epochs that it was tried with.
        num_seeds: trainings behind it, each paired with one of the run as it is.
        seconds: what they took.
    """

    action: Action
    outcome: Outcome
    effect: float
    interval: Interval | None
    fidelity: float
    num_seeds: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types."""
        return {
            **self.action.to_dict(),
            "outcome": self.outcome,
            "effect": None if math.isnan(self.effect) else self.effect,
            "interval": None if self.interval is None else list(self.interval),
            "fidelity": self.fidelity,
            "seeds": self.num_seeds,
            "seconds": round(self.seconds, 2),
        }


class OutOfBudget(Exception):  # never leaves `advise`
    """The next attempt does not fit into what is left."""


@dataclass(eq=False)
class Trials:
    """Attempts made so far, and what they say.

    Attributes:
        try_action: makes one.
        sign: 1 where a higher goal is better, else -1.
        budget: seconds for all.
        run_seconds: what a training of the run as it is takes, about.
        fidelities: shares of the epochs, the largest first.
        seed: of the resampling.
        told: sees progress.
        spent: seconds so far.
        failed: names of actions that could not be trained.
        seconds_of: (name, fidelity) -> what attempts took; the name of the run as it is is None.
        draws: (name, fidelity, seed) -> the goal on dev, then on resamples of it; higher is better.
        narrowing: what the deviation over the resamples is multiplied by.
    """

    try_action: Try
    sign: float
    budget: float
    run_seconds: float
    fidelities: tuple[float, ...]
    seed: int
    told: Told | None
    spent: float = 0.0
    failed: set[str] = field(default_factory=set[str])
    seconds_of: dict[tuple[str | None, float], list[float]] = field(
        default_factory=dict[tuple[str | None, float], list[float]]
    )
    draws: dict[tuple[str | None, float, int], np.ndarray] = field(
        default_factory=dict[tuple[str | None, float, int], np.ndarray]
    )
    narrowing: float = 1.0

    @property
    def left(self) -> float:
        """Seconds of the budget that are left."""
        return max(0.0, self.budget - self.spent)

    @property
    def value(self) -> float:
        """The goal of the run as it is."""
        found = [(fidelity, draws[0]) for (name, fidelity, _), draws in self.draws.items() if name is None]
        largest = max((fidelity for fidelity, _ in found), default=0.0)
        values = [value for fidelity, value in found if fidelity == largest]
        return self.sign * float(np.mean(values)) if values else math.nan

    def plan(self, actions: Sequence[Action], share: float) -> tuple[float, int]:
        """The share of the epochs and the seeds that a part of the budget is enough for; less than before is no use."""
        least = min((self.best_fidelity(action) for action in actions), default=0.0)
        useful = [fidelity for fidelity in self.fidelities if fidelity >= least]
        for fidelity in useful:
            if self._missing_seconds(actions, fidelity, FEWEST_SEEDS) <= share:
                counts = range(MOST_SEEDS, FEWEST_SEEDS - 1, -1)
                return fidelity, next(n for n in counts if self._missing_seconds(actions, fidelity, n) <= share)
        return useful[-1], FEWEST_SEEDS

    def least_seconds(self, actions: Sequence[Action]) -> float:
        """What it takes to try all of them as little as they can be tried."""
        return self._missing_seconds(actions, self.fidelities[-1], FEWEST_SEEDS)

    def _missing_seconds(self, actions: Sequence[Action], fidelity: float, num_seeds: int) -> float:
        return sum(
            self._seconds(action, fidelity)
            for action in (None, *actions)
            for seed in range(num_seeds)
            if not self._has(action, fidelity, seed)
        )

    def _seconds(self, action: Action | None, fidelity: float) -> float:
        """What an attempt takes: as those before, of the nearest share; else by the run as it is."""
        name = None if action is None else action.name
        known = [(share, seconds) for (other, share), seconds in self.seconds_of.items() if other == name]
        if known:
            share, seconds = min(known, key=lambda each: abs(math.log(each[0] / fidelity)))
            return float(np.median(seconds)) * fidelity / share
        if action is None:
            return fidelity * self.run_seconds
        return action.cost * self._seconds(None, fidelity)

    def _has(self, action: Action | None, fidelity: float, seed: int) -> bool:
        return (None if action is None else action.name, fidelity, seed) in self.draws

    def run(self, actions: Sequence[Action], fidelity: float, num_seeds: int) -> None:
        """Make the attempts that are missing: two of each action, one action after the other, then further seeds.

        Raises:
            OutOfBudget: what is left is too short for the next one; the run as it is and one action are always tried.
        """
        for action in (None, *actions):
            for seed in range(min(num_seeds, FEWEST_SEEDS)):
                self._make(action, fidelity, seed)
        for seed in range(FEWEST_SEEDS, num_seeds):
            for action in (None, *actions):
                self._make(action, fidelity, seed)

    def run_on(self, actions: Sequence[Action]) -> None:
        """Further seeds for the last few, at the largest share of the epochs that they all had; raises likewise."""
        if actions:
            fidelity = min(self.best_fidelity(action) for action in actions)
            for num_seeds in range(FEWEST_SEEDS + 1, LAST_SEEDS + 1):
                self.run(actions, fidelity, num_seeds)

    def _make(self, action: Action | None, fidelity: float, seed: int) -> None:
        name = None if action is None else action.name
        if self._has(action, fidelity, seed) or name in self.failed:
            return
        names = {other for other, _, _ in self.draws if other is not None}
        if names - {name} and self.left < self._seconds(action, fidelity):
            raise OutOfBudget
        if self.told is not None:
            self.told(name, min(1.0, self.spent / self.budget))
        try:
            attempt = self.try_action(action, fidelity, seed)
        except TrainingError:
            if action is None:
                raise
            self.failed.add(action.name)
            return
        began = time.monotonic()
        self.draws[name, fidelity, seed] = self.sign * self._resampled(attempt)
        seconds = attempt.seconds + time.monotonic() - began
        self.spent += seconds + attempt.once_seconds
        self.seconds_of.setdefault((name, fidelity), []).append(seconds)

    def _resampled(self, attempt: Attempt) -> np.ndarray:
        """The goal on dev, then on resamples of it, the same ones for all attempts."""
        scores = attempt.scores
        size = len(scores.ids or ())
        drawn, generator = min(size, LARGEST_DRAW), seeds.rng(self.seed, "advice", size)
        self.narrowing = math.sqrt(drawn / size)
        weights = np.ones(size) if scores.weights is None else np.asarray(scores.weights, dtype=np.float64)
        if isinstance(scores, RunScores):
            values = np.asarray(scores.scores, dtype=np.float64)
            statistic: Statistic = lambda counted: float(counted @ values / counted.sum())  # noqa: E731
        else:
            statistic = scores.statistic
        draws = [statistic(weights)]
        for _ in range(NUM_DRAWS):
            counted = weights * np.bincount(generator.integers(0, size, drawn), minlength=size)
            draws.append(statistic(counted) if counted.any() else math.nan)
        return np.array(draws)

    def _pairs(self, action: Action, fidelity: float) -> np.ndarray:
        """Differences to the run as it is: a row per seed."""
        shared = [
            seed for seed in range(LAST_SEEDS) if self._has(action, fidelity, seed) and self._has(None, fidelity, seed)
        ]
        return np.array([self.draws[action.name, fidelity, s] - self.draws[None, fidelity, s] for s in shared])

    def best_fidelity(self, action: Action) -> float:
        """The largest share of the epochs at which there are pairs enough, or else any; 0 where there is none."""
        counts = {fidelity: len(self._pairs(action, fidelity)) for fidelity in self.fidelities}
        enough = [fidelity for fidelity, count in counts.items() if count >= FEWEST_SEEDS]
        return max(enough or [fidelity for fidelity, count in counts.items() if count], default=0.0)

    def _noise(self, fidelity: float) -> tuple[float, int]:
        """Variance between seeds of the difference, pooled over actions, and its degrees of freedom."""
        total, degrees = 0.0, 0
        for name in {name for name, share, _ in self.draws if name is not None and share == fidelity}:
            shared = [s for other, share, s in self.draws if (other, share) == (name, fidelity)]
            pairs = [(self.draws[name, fidelity, s], self.draws.get((None, fidelity, s))) for s in shared]
            values = [float(one[0] - other[0]) for one, other in pairs if other is not None]
            if len(values) > 1 and all(map(math.isfinite, values)):
                total += float(np.var(values, ddof=1)) * (len(values) - 1)
                degrees += len(values) - 1
        return (total / degrees if degrees else math.nan), degrees

    def effect(self, action: Action) -> tuple[float, Interval | None]:
        """The mean difference over the seeds, and its interval; NaN and None where they cannot be told."""
        fidelity = self.best_fidelity(action)
        pairs = self._pairs(action, fidelity)
        if len(pairs) == 0:
            return math.nan, None
        mean = float(pairs[:, 0].mean())
        noise, degrees = self._noise(fidelity)
        if degrees == 0 or not math.isfinite(mean):  # tried once, or a goal that is not defined on dev
            return mean, None
        own = float(np.var(pairs[:, 0], ddof=1)) if len(pairs) > 1 else 0.0
        noise = max(noise, own, (LEAST_NOISE * abs(self.value)) ** 2)  # an action may be noisier than the others
        of_seeds = noise / len(pairs)
        of_examples = float(np.nanvar(pairs[:, 1:].mean(axis=0))) * self.narrowing**2
        variance = of_seeds + of_examples
        if not math.isfinite(variance):
            return mean, None
        # Welch, Satterthwaite: the variance of the seeds is known from few, that of the examples from many.
        freedom = degrees * (variance / of_seeds) ** 2 if of_seeds > 0 else math.inf
        half = float(stats.t.ppf(0.975, min(freedom, 1e6))) * math.sqrt(variance)
        return mean, (mean - half, mean + half)

    def result(self, action: Action) -> Tried:
        """What is told of an action."""
        fidelity = self.best_fidelity(action)
        effect, interval = self.effect(action)
        if action.name in self.failed:
            outcome, interval = "failed", None
        elif interval is None:
            outcome = "undecided"
        else:
            outcome = "helps" if interval[0] > 0 else "hurts" if interval[1] < 0 else "undecided"
        return Tried(
            action=action,
            outcome=outcome,
            effect=effect,
            interval=interval,
            fidelity=fidelity,
            num_seeds=len(self._pairs(action, fidelity)),
            seconds=sum(sum(seconds) for (name, _), seconds in self.seconds_of.items() if name == action.name),
        )
