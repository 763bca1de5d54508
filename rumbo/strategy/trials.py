"""Trainings with and without an action, paired, and what their difference says: an effect with its interval."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from scipy import stats

from rumbo.core import seeds
from rumbo.core.errors import TrainingError
from rumbo.strategy.actions import Action
from rumbo.strategy.compare import RunScores, RunValue
from rumbo.strategy.intervals import Interval

NUM_DRAWS = 300
FEWEST_SEEDS, MOST_SEEDS, LAST_SEEDS = 2, 4, 10
"""Of an attempt, within a rung; and of the finalists, while there is time."""
FIDELITIES = (1.0, 0.5, 0.25, 0.125)
"""Shares of a training's epochs that an attempt may have; the least tells little of the whole one."""
LEAST_NOISE = 1e-4
"""Deviation between seeds, as a share of the goal's value, below which two equal attempts are taken for luck."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Attempt:
    """What a training gave on dev.

    Attributes:
        scores: the goal: what each example adds to a mean, or a function of the examples' weights.
        seconds: what it took.
    """

    scores: RunScores | RunValue
    seconds: float


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


@dataclass(eq=False)
class Trials:
    """Attempts made so far, and what they say."""

    try_action: Try
    sign: float
    budget: float
    run_seconds: float
    seed: int
    told: Told | None
    spent: float = 0.0
    failed: set[str] = field(default_factory=set[str])
    seconds_of: dict[str | None, list[tuple[float, float]]] = field(
        default_factory=dict[str | None, list[tuple[float, float]]]
    )
    draws: dict[tuple[str | None, float, int], np.ndarray] = field(
        default_factory=dict[tuple[str | None, float, int], np.ndarray]
    )
    """By action, share of the epochs and seed: the goal on dev, then on resamples of it; higher is better."""
    counts: np.ndarray | None = None

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

    def plan(self, actions: Sequence[Action], share: float) -> tuple[float, int, Sequence[Action]]:
        """The share of the epochs, the seeds, and the actions that a share of the budget is enough for."""
        for fidelity in FIDELITIES:
            cost = self._seconds(None, fidelity) + sum(self._seconds(action, fidelity) for action in actions)
            if FEWEST_SEEDS * cost <= share:
                return fidelity, min(MOST_SEEDS, int(share / cost)), actions
        fidelity, room = FIDELITIES[-1], share - FEWEST_SEEDS * self._seconds(None, FIDELITIES[-1])
        fitting: list[Action] = []
        for action in actions:
            room -= FEWEST_SEEDS * self._seconds(action, fidelity)
            if room < 0 and fitting:
                break
            fitting.append(action)
        return fidelity, FEWEST_SEEDS, fitting

    def least_seconds(self, actions: Sequence[Action]) -> float:
        """What it takes to try all of them as little as they can be tried."""
        least = FIDELITIES[-1]
        return FEWEST_SEEDS * (self._seconds(None, least) + sum(self._seconds(each, least) for each in actions))

    def _seconds(self, action: Action | None, fidelity: float) -> float:
        """What an attempt takes: as those before, else by the run's time."""
        known = self.seconds_of.get(None if action is None else action.name)
        if known:
            return fidelity * max(seconds / share for share, seconds in known)
        return fidelity * self.run_seconds * (1.0 if action is None else action.cost)

    def run(self, actions: Sequence[Action], fidelity: float, num_seeds: int) -> None:
        """Make the attempts that are missing, seed by seed, so that a budget that ends early leaves pairs."""
        for seed in range(num_seeds):
            for action in (None, *actions):
                name = None if action is None else action.name
                if (name, fidelity, seed) in self.draws or name in self.failed:
                    continue
                # Two seeds of each are needed for anything; more only while there is time.
                if seed >= FEWEST_SEEDS and self.left < self._seconds(action, fidelity):
                    return
                if self.told is not None:
                    self.told(name, min(1.0, self.spent / self.budget))
                try:
                    attempt = self.try_action(action, fidelity, seed)
                except TrainingError:
                    if action is None:
                        raise
                    self.failed.add(action.name)
                    continue
                self.spent += attempt.seconds
                self.seconds_of.setdefault(name, []).append((fidelity, attempt.seconds))
                self.draws[name, fidelity, seed] = self.sign * self._resampled(attempt)

    def run_on(self, actions: Sequence[Action]) -> None:
        """Further seeds for the last few, at the largest share of the epochs that they all had."""
        if not actions:
            return
        fidelity = min(self._best_fidelity(action) for action in actions)
        for num_seeds in range(FEWEST_SEEDS + 1, LAST_SEEDS + 1):
            new = [name for name in (None, *actions) if not self._has(name, fidelity, num_seeds - 1)]
            if self.left < sum(self._seconds(action, fidelity) for action in new):
                return
            self.run(actions, fidelity, num_seeds)

    def _has(self, action: Action | None, fidelity: float, seed: int) -> bool:
        return (None if action is None else action.name, fidelity, seed) in self.draws

    def _resampled(self, attempt: Attempt) -> np.ndarray:
        """The goal on dev, then on resamples of it, the same ones for all attempts."""
        scores = attempt.scores
        size = len(scores.ids or ())
        weights = np.ones(size) if scores.weights is None else scores.weights
        if self.counts is None:
            generator = seeds.rng(self.seed, "advice", size)
            self.counts = generator.multinomial(size, np.full(size, 1 / size), NUM_DRAWS).astype(np.float64)
        if isinstance(scores, RunScores):
            values = np.asarray(scores.scores, dtype=np.float64)
            drawn = (self.counts @ (values * weights)) / np.maximum(self.counts @ weights, 1e-12)
            return np.concatenate([[np.average(values, weights=weights)], drawn])
        return np.array([scores.statistic(weights), *(scores.statistic(weights * row) for row in self.counts)])

    def _pairs(self, action: Action, fidelity: float) -> np.ndarray:
        """Differences to the run as it is: a row per seed."""
        shared = [
            seed
            for seed in range(LAST_SEEDS)
            if (action.name, fidelity, seed) in self.draws and (None, fidelity, seed) in self.draws
        ]
        return np.array([self.draws[action.name, fidelity, s] - self.draws[None, fidelity, s] for s in shared])

    def _best_fidelity(self, action: Action) -> float:
        return max((share for name, share, _ in self.draws if name == action.name), default=0.0)

    def _noise(self, fidelity: float) -> tuple[float, int]:
        """Variance between seeds of the difference, pooled over actions, and its degrees of freedom."""
        names = {name for name, share, _ in self.draws if name is not None and share == fidelity}
        total, degrees = 0.0, 0
        for name in names:
            seeds_of = sorted(s for other, share, s in self.draws if (other, share) == (name, fidelity))
            shared = [s for s in seeds_of if (None, fidelity, s) in self.draws]
            values = [self.draws[name, fidelity, s][0] - self.draws[None, fidelity, s][0] for s in shared]
            if len(values) > 1:
                total += float(np.var(values, ddof=1)) * (len(values) - 1)
                degrees += len(values) - 1
        return (total / degrees if degrees else math.nan), degrees

    def effect(self, action: Action) -> tuple[float, Interval | None]:
        """The mean difference over the seeds, and its interval."""
        fidelity = self._best_fidelity(action)
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
        of_examples = float(np.nanvar(pairs[:, 1:].mean(axis=0)))
        variance = of_seeds + of_examples
        if not math.isfinite(variance):
            return mean, None
        # Welch, Satterthwaite: the variance of the seeds is known from few, that of the examples from many.
        freedom = degrees * (variance / of_seeds) ** 2 if of_seeds > 0 else math.inf
        half = float(stats.t.ppf(0.975, min(freedom, 1e6))) * math.sqrt(variance)
        return mean, (mean - half, mean + half)

    def result(self, action: Action) -> Tried:
        """What is told of an action."""
        fidelity = self._best_fidelity(action)
        effect, interval = self.effect(action)
        if action.name in self.failed:
            outcome, interval = "failed", None
        elif interval is None:  # tried once, before somebody stopped it
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
            seconds=sum(seconds for _, seconds in self.seconds_of.get(action.name, [])),
        )
