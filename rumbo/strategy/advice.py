"""Which action pays: cheap trainings under a budget, compared with the run's own on the same examples of dev.

Successive halving (Karnin, Koren, Somekh 2013; Jamieson, Talwalkar 2016, arXiv:1502.07943): all actions are tried a
little, the better half a little longer, and so on; the last few get what is left of the budget, in further seeds. What
is told of each is its effect on the goal with an interval that knows both chances: of the examples that dev happens to
hold, and of the seeds.
"""

import math
from collections.abc import Callable, Mapping, Sequence
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
FINALISTS = 3
SHARE_TO_BEGIN = 0.6
"""Of the budget, at most, for trying each action as little as it can be tried."""
SHARE_TO_LOOK = 0.1
"""Of the budget that a first training of the run as it is may take, so that its time is known."""
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


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What to do next, and what it stands on.

    Attributes:
        metric: the goal.
        value: the goal of the run as it is, mean over the seeds at the largest share of the epochs.
        tried: those that help, best first; then the undecided; then the others.
        told: actions that no training can measure, with their reasons in their sentences.
        left_out: actions for which the budget was too small.
        seconds: what all attempts took.
        is_complete: whether nobody stopped it early; what was tried until then counts all the same.
    """

    metric: str
    value: float
    tried: tuple[Tried, ...]
    told: tuple[Action, ...]
    left_out: tuple[Action, ...]
    seconds: float
    is_complete: bool = True

    @property
    def best(self) -> Tried | None:
        """The action to take; None where none is known to help."""
        return next((each for each in self.tried if each.outcome == "helps"), None)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types."""
        return {
            "goal": {"metric": self.metric, "value": None if math.isnan(self.value) else self.value},
            "actions": [each.to_dict() for each in self.tried],
            "told": [each.to_dict() for each in self.told],
            "left_out": [each.name for each in self.left_out],
            "seconds": round(self.seconds, 2),
            "complete": self.is_complete,
        }


def advise(
    actions: Sequence[Action],
    try_action: Try,
    *,
    metric: str,
    higher_is_better: bool,
    budget_seconds: float,
    run_seconds: float,
    seed: int = 0,
    told: Told | None = None,
) -> Advice:
    """Try actions under a budget and rank them by their effect on dev.

    Args:
        actions: candidates, the likeliest first: where the budget is short, the last ones are left out.
        try_action: trains.
        metric: the goal, as text.
        higher_is_better: which way of it is up.
        budget_seconds: of all attempts together; > 0. At least the run as it is and one action are tried.
        run_seconds: what a training of the run as it is takes, about.
        seed: of the resampling.
        told: sees progress.

    Returns:
        The advice; an action whose interval holds 0 is undecided, however large its effect looks.
    """
    alive = [action for action in actions if action.is_tried]
    trials = _Trials(try_action, 1.0 if higher_is_better else -1.0, budget_seconds, run_seconds, seed, told)
    left_out: list[Action] = []
    is_complete = True
    try:
        if alive and run_seconds <= SHARE_TO_LOOK * budget_seconds:
            trials.run([], 1.0, 1)  # what it takes here, and now
        num_rungs = max(1, math.ceil(math.log2(max(FINALISTS, len(alive)) / FINALISTS)) + 1)
        for rung in range(num_rungs if alive else 0):
            share = trials.left / (num_rungs - rung)
            if rung == 0:  # better all of them a little than a few for long
                share = max(share, min(SHARE_TO_BEGIN * trials.left, trials.least_seconds(alive)))
            fidelity, num_seeds, fitting = trials.plan(alive, share)
            if rung == 0:
                left_out, alive = alive[len(fitting) :], list(fitting)
            trials.run(alive, fidelity, num_seeds)
            alive = [action for action in alive if action.name not in trials.failed]
            alive.sort(key=lambda action: -trials.effect(action)[0])
            if rung < num_rungs - 1:
                alive = alive[: max(FINALISTS, math.ceil(len(alive) / 2))]
        trials.run_on(alive[:FINALISTS])
    except KeyboardInterrupt:
        is_complete = False
    reached = {name for name, _, _ in trials.draws} | trials.failed
    left_out += [each for each in actions if each.is_tried and each.name not in reached and each not in left_out]
    tried = [trials.result(action) for action in actions if action.name in reached]
    places: Mapping[Outcome, int] = {"helps": 0, "undecided": 1, "hurts": 2, "failed": 3}
    # Whoever came further was better when the others were left behind, though their last effects may look larger.
    tried.sort(key=lambda each: (places[each.outcome], -each.fidelity, 0 if each.interval is None else -each.effect))
    return Advice(
        metric=metric,
        value=trials.value,
        tried=tuple(tried),
        told=tuple(action for action in actions if not action.is_tried),
        left_out=tuple(left_out),
        seconds=trials.spent,
        is_complete=is_complete,
    )


@dataclass(eq=False)
class _Trials:
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
        if degrees == 0:
            return mean, None
        own = float(np.var(pairs[:, 0], ddof=1)) if len(pairs) > 1 else 0.0
        noise = max(noise, own, (LEAST_NOISE * abs(self.value)) ** 2)  # an action may be noisier than the others
        of_seeds = noise / len(pairs)
        of_examples = float(np.nanvar(pairs[:, 1:].mean(axis=0)))
        variance = of_seeds + of_examples
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
