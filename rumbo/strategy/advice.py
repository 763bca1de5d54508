"""Which action pays: cheap trainings under a budget, compared with the run's own on the same examples of dev.

Successive halving (Karnin, Koren, Somekh 2013; Jamieson, Talwalkar 2016, arXiv:1502.07943): all actions are tried a
little, the better half a little longer, and so on; the last few get what is left of the budget, in further seeds. What
is told of each is its effect on the goal with an interval that knows both chances: of the examples that dev happens to
hold, and of the seeds.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rumbo.strategy.actions import Action
from rumbo.strategy.trials import Attempt, Outcome, OutOfBudget, Told, Trials, Tried, Try, fidelities

FINALISTS = 3
SHARE_TO_BEGIN = 0.6
"""Of the budget, at most, for trying each action as little as it can be tried."""
SHARE_TO_LOOK = 0.1
"""Of the budget that a first training of the run as it is may take, so that its time is known."""

__all__ = ["Advice", "Attempt", "Tried", "Try", "advise"]


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
    epochs: int,
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
        epochs: of the run; attempts have whole ones.
        seed: of the resampling.
        told: sees progress.

    Returns:
        The advice; an action whose interval holds 0 is undecided, however large its effect looks.
    """
    alive = [action for action in actions if action.is_tried]
    sign = 1.0 if higher_is_better else -1.0
    trials = Trials(try_action, sign, budget_seconds, run_seconds, fidelities(epochs), seed, told)
    is_complete = True
    try:
        _halve(trials, alive)
    except OutOfBudget:
        pass
    except KeyboardInterrupt:
        is_complete = False
    reached = {name for name, _, _ in trials.draws} | trials.failed
    left_out = [each for each in alive if each.name not in reached]
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


def _halve(trials: Trials, actions: Sequence[Action]) -> None:
    """The rungs: all actions, the better half, and so on; then further seeds for the finalists."""
    alive = list(actions)
    if not alive:
        return
    if trials.run_seconds <= SHARE_TO_LOOK * trials.budget:
        trials.run([], 1.0, 1)  # what it takes here, and now
    num_rungs = math.ceil(math.log2(max(FINALISTS, len(alive)) / FINALISTS)) + 1
    for rung in range(num_rungs):
        share = trials.left / (num_rungs - rung)
        if rung == 0:  # better all of them a little than a few for long
            share = max(share, min(SHARE_TO_BEGIN * trials.left, trials.least_seconds(alive)))
        trials.run(alive, *trials.plan(alive, share))
        alive = [action for action in alive if action.name not in trials.failed]
        alive.sort(key=lambda action: _order(trials.effect(action)[0]))
        if rung < num_rungs - 1:
            alive = alive[: max(FINALISTS, math.ceil(len(alive) / 2))]
    trials.run_on(alive[:FINALISTS])


def _order(effect: float) -> float:
    """The best first, what is not defined last."""
    return math.inf if math.isnan(effect) else -effect
