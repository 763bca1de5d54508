"""Advice on trainings that are simulated: what they are worth, how noisy they are and what they cost is known."""

import json

import numpy as np
import pytest

from rumbo.core.errors import TrainingError
from rumbo.core.seeds import rng
from rumbo.strategy.actions import Action
from rumbo.strategy.advice import Advice, Attempt, advise
from rumbo.strategy.compare import RunScores, RunValue
from rumbo.strategy.gaps import GapName, Stage

SIZE = 2_000


def action(name: str, *, cost: float = 1.0, is_tried: bool = True) -> Action:
    return Action(name=name, gap=GapName.VARIANCE, stage=Stage.DEV, sentence=name, cost=cost, is_tried=is_tried)


class World:
    """Trainings whose accuracy is 0.8 + the action's effect + luck of the seed; examples differ in difficulty."""

    def __init__(self, effects: dict[str, float], *, noise: float = 0.005, seed: int = 0, size: int = SIZE):
        self.effects, self.noise, self.seed = effects, noise, seed
        self.difficulty = rng(seed, "difficulty").random(size)
        self.is_mean = self.is_up = True
        self.calls: list[tuple[str | None, float, int]] = []

    def attempt(self, tried: Action | None, fidelity: float, seed: int) -> Attempt:
        name = None if tried is None else tried.name
        self.calls.append((name, fidelity, seed))
        if name == "breaks":
            raise TrainingError("not finite")
        luck = rng(self.seed, "luck", name or "", seed, round(fidelity * 8)).normal(0, self.noise)
        accuracy = 0.8 * (0.9 + 0.1 * fidelity) + self.effects.get(name or "", 0.0) + luck
        is_right = self.difficulty < accuracy
        seconds = fidelity * (1.0 if tried is None else tried.cost)
        items = is_right.astype(np.float64)
        ids = [str(row) for row in range(len(items))]
        if not self.is_mean:
            value = RunValue(
                name="", ids=ids, weights=np.ones(len(items)), statistic=lambda w: float(w @ items / w.sum())
            )
            return Attempt(scores=value, seconds=seconds)
        return Attempt(scores=RunScores(name="", ids=ids, scores=items if self.is_up else 1 - items), seconds=seconds)


def advice_of(world: World, actions: list[Action], *, budget: float, seed: int = 0) -> Advice:
    return advise(
        actions,
        world.attempt,
        metric="accuracy",
        higher_is_better=world.is_up,
        budget_seconds=budget,
        run_seconds=1.0,
        epochs=8,
        seed=seed,
    )


NAMES = [f"idle {i}" for i in range(8)]


def test_the_best_of_ten_is_found_and_told_with_an_interval_that_holds_the_truth():
    world = World({"good": 0.03, "better": 0.06})
    found = advice_of(world, [action(name) for name in ("good", *NAMES, "better")], budget=120)
    assert found.best is not None
    assert found.best.action.name == "better"
    low, high = found.best.interval
    assert 0 < low < 0.06 < high
    assert [each.action.name for each in found.tried[:2]] == ["better", "good"]
    assert found.seconds <= 120


@pytest.mark.train
def test_what_does_nothing_is_seldom_recommended():
    false = 0
    for seed in range(50):
        world = World({}, noise=0.02, seed=seed, size=200)
        found = advice_of(world, [action(name) for name in NAMES[:4]], budget=40, seed=seed)
        false += sum(each.outcome == "helps" for each in found.tried)
    assert false / (50 * 4) <= 0.05


def test_effects_of_a_shorter_training_do_not_rank_above_those_of_the_whole():
    """What only speeds up the beginning looks best early, and falls behind when all get further."""
    early = {"good": 0.06, "good 2": 0.055, "good 3": 0.05, "good 4": 0.045, "flash": 0.04}
    world = World({}, noise=0.001)
    usual = world.attempt

    def attempt(tried: Action | None, fidelity: float, seed: int) -> Attempt:
        world.effects = early if fidelity < 0.5 else dict.fromkeys(early, 0.03)
        return usual(tried, fidelity, seed)

    actions = [action(name) for name in (*early, *NAMES)]
    found = advise(
        actions, attempt, metric="accuracy", higher_is_better=True, budget_seconds=20, run_seconds=1.0, epochs=8
    )
    fidelities = [each.fidelity for each in found.tried if each.outcome == "helps"]
    assert fidelities == sorted(fidelities, reverse=True)
    assert len(set(fidelities)) > 1


def test_actions_that_hurt_are_told_and_come_last():
    found = advice_of(World({"bad": -0.05}), [action("bad"), action("idle 0")], budget=40)
    assert [each.outcome for each in found.tried] == ["undecided", "hurts"]
    assert found.best is None


def test_a_lower_metric_is_better_where_it_is_so():
    world = World({"good": 0.05})
    world.is_up = False
    found = advice_of(world, [action("good"), action("idle 0")], budget=40)
    assert found.best is not None
    assert found.best.effect > 0
    assert found.value == pytest.approx(0.2, abs=0.03)


def test_a_short_budget_leaves_out_the_last_and_says_so():
    found = advice_of(World({}), [action(name, cost=2) for name in NAMES], budget=2)
    assert [each.name for each in found.left_out] == NAMES[-len(found.left_out) :]
    assert {each.fidelity for each in found.tried} == {0.125}


def test_what_cannot_be_trained_fails_alone():
    found = advice_of(World({"good": 0.06}), [action("breaks"), action("good")], budget=40)
    assert {each.action.name: each.outcome for each in found.tried} == {"good": "helps", "breaks": "failed"}
    assert found.tried[-1].interval is None


def test_a_run_that_cannot_be_trained_again_is_an_error():
    def attempt(*_: object) -> Attempt:
        raise TrainingError("not finite")

    with pytest.raises(TrainingError):
        advise(
            [action("good")],
            attempt,
            metric="accuracy",
            higher_is_better=True,
            budget_seconds=10,
            run_seconds=1,
            epochs=8,
        )


def test_what_no_training_measures_is_told_and_nothing_is_trained_for_it():
    world = World({})
    found = advice_of(world, [action("larger_dev", is_tried=False)], budget=40)
    assert [each.name for each in found.told] == ["larger_dev"]
    assert not world.calls
    assert not found.tried


def test_the_same_seed_gives_the_same_advice():
    def once() -> list[object]:
        found = advice_of(World({"good": 0.02}), [action("good"), action("idle 0")], budget=30)
        return [(each.action.name, each.effect, each.interval) for each in found.tried]

    assert once() == once()


def test_a_goal_that_is_no_mean_over_examples_gives_the_same():
    means, other = World({"good": 0.06}), World({"good": 0.06})
    other.is_mean = False
    found = [advice_of(world, [action("good"), action("idle 0")], budget=20) for world in (means, other)]
    assert found[0].to_dict()["actions"][0]["interval"] == pytest.approx(found[1].to_dict()["actions"][0]["interval"])


def test_whoever_stops_early_keeps_what_was_tried():
    world = World({"good": 0.06})

    def attempt(tried: Action | None, fidelity: float, seed: int) -> Attempt:
        if len(world.calls) == 12:
            raise KeyboardInterrupt
        return world.attempt(tried, fidelity, seed)

    actions = [action(name) for name in ("good", *NAMES)]
    found = advise(
        actions, attempt, metric="accuracy", higher_is_better=True, budget_seconds=400, run_seconds=1.0, epochs=8
    )
    assert not found.is_complete
    assert found.tried[0].action.name == "good"
    json.dumps(found.to_dict(), allow_nan=False)


def test_a_goal_that_is_not_defined_for_one_action_decides_nothing_for_it_alone():
    world = World({"good": 0.06})

    def attempt(tried: Action | None, fidelity: float, seed: int) -> Attempt:
        usual = world.attempt(tried, fidelity, seed)
        if tried is None or tried.name != "undefined":
            return usual
        ids = [str(row) for row in range(SIZE)]
        value = RunValue(name="", ids=ids, weights=np.ones(SIZE), statistic=lambda _: float("nan"))
        return Attempt(scores=value, seconds=usual.seconds)

    actions = [action(name) for name in ("undefined", "good", *NAMES)]
    found = advise(
        actions, attempt, metric="accuracy", higher_is_better=True, budget_seconds=60, run_seconds=1.0, epochs=8
    )
    outcomes = {each.action.name: each.outcome for each in found.tried}
    assert outcomes["good"] == "helps"
    assert outcomes["undefined"] == "undecided"
    json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.parametrize("epochs", [1, 2, 3, 12])
def test_shares_of_the_epochs_are_whole_epochs(epochs):
    world = World({"good": 0.06})
    advise(
        [action(name) for name in ("good", *NAMES)],
        world.attempt,
        metric="accuracy",
        higher_is_better=True,
        budget_seconds=12,
        run_seconds=1.0,
        epochs=epochs,
    )
    met = {fidelity for _, fidelity, _ in world.calls}
    assert all((fidelity * epochs) % 1 == 0 for fidelity in met)
    assert epochs > 1 or met == {1.0}


def test_a_budget_is_kept_where_trainings_are_slower_than_was_thought():
    world = World({"good": 0.06})

    def attempt(tried: Action | None, fidelity: float, seed: int) -> Attempt:
        usual = world.attempt(tried, fidelity, seed)
        return Attempt(scores=usual.scores, seconds=6 * usual.seconds)

    actions = [action(name) for name in ("good", *NAMES, "idle 9", "idle 10", "idle 11")]
    found = advise(
        actions, attempt, metric="accuracy", higher_is_better=True, budget_seconds=40, run_seconds=1.0, epochs=8
    )
    assert found.seconds <= 40
    later = [fidelity for name, fidelity, _ in world.calls if name == "good"]
    assert later == sorted(later), "no attempt is shorter than one before"


@pytest.mark.parametrize("stop", range(14, 36, 3))
def test_a_finding_survives_a_stop_in_the_middle_of_the_next_rung(stop):
    world = World({"good": 0.1}, noise=0.002)

    def attempt(tried: Action | None, fidelity: float, seed: int) -> Attempt:
        if len(world.calls) == stop:
            raise KeyboardInterrupt
        return world.attempt(tried, fidelity, seed)

    actions = [action(name) for name in ("good", *NAMES[:5])]
    found = advise(
        actions, attempt, metric="accuracy", higher_is_better=True, budget_seconds=10, run_seconds=1.0, epochs=8
    )
    assert {each.action.name: each.outcome for each in found.tried}["good"] == "helps"


def test_a_goal_that_is_not_defined_decides_nothing():
    world = World({"good": 0.06})

    def attempt(tried: Action | None, fidelity: float, seed: int) -> Attempt:
        ids = [str(row) for row in range(10)]
        value = RunValue(name="", ids=ids, weights=np.ones(10), statistic=lambda _: float("nan"))
        return Attempt(scores=value, seconds=world.attempt(tried, fidelity, seed).seconds)

    found = advise(
        [action("good")], attempt, metric="roc_auc", higher_is_better=True, budget_seconds=20, run_seconds=1.0, epochs=8
    )
    assert found.tried[0].outcome == "undecided"
    json.dumps(found.to_dict(), allow_nan=False)
