"""Is the advice right? Scenarios with a planted cause; each action is really tried, and the advice is held against it.

    python bench/advice truth  [--half tune|report] [--data FOLDER] [--only TEXT]
    python bench/advice advise [--half tune|report] [--data FOLDER] [--only TEXT] [--budget SECONDS]
    python bench/advice score  [--half tune|report]

`truth` trains the scenario as it is and with each action, three seeds each, and measures all on 5,000 clean examples of
test; `advise` does what `rumbo next` does, which sees dev alone. Both append to JSON lines beside this file, a line per
scenario, and leave out what is there already. `score` compares: the first (or one of the first two) actions of the
advice is right where its true effect equals the best one's within a paired 95 % interval; where nothing is advised, "as
it is" is what is compared. Beside it: the plain rule (the usual action for the largest gap), and the same budget spent
on actions drawn at random. Even seeds are for tuning, odd ones were looked at once.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

from scenarios import BAYES, Scenario, all_scenarios, build  # noqa: E402

from rumbo.api.advising import situation_of, tried_on  # noqa: E402
from rumbo.core.errors import TrainingError  # noqa: E402
from rumbo.core.seeds import rng  # noqa: E402
from rumbo.strategy.knobs import candidates  # noqa: E402

SEEDS = 3
AS_IT_IS = "as it is"
PLAIN_RULE = {
    "avoidable_bias": ("stronger_network", "larger_network", "longer"),
    "variance": ("augmentation", "more_weight_decay", "more_dropout"),
    "data_mismatch": (),
    "dev_overfit": (),
    "none": (),
    "undecided": (),
}
"""The usual action for the largest gap: the first of these that there is."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("truth", "advise", "score"))
    parser.add_argument("--half", choices=("tune", "report"), default="tune")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("RUMBO_TEST_DATA", "../shared/data")))
    parser.add_argument("--only", default="", help="scenarios whose name holds this")
    parser.add_argument("--budget", type=float, default=40.0, help="seconds of trainings for an advice")
    parser.add_argument("--seeds", type=int, default=2, help="scenarios of each cause and set")
    arguments = parser.parse_args()
    chosen = [
        each
        for each in all_scenarios(arguments.seeds)
        if each.seed % 2 == (arguments.half == "report") and arguments.only in each.name
    ]
    if arguments.what == "score":
        score(chosen, arguments.half)
        return
    file = HERE / f"{arguments.what}-{arguments.half}.jsonl"
    done = set(read(file))
    for scenario in chosen:
        if scenario.name in done:
            continue
        began = time.monotonic()
        find = truth if arguments.what == "truth" else advice
        found = {"scenario": scenario.name, **find(scenario, arguments.data, arguments.budget)}
        with file.open("a") as lines:
            lines.write(json.dumps(found) + "\n")
        print(f"{scenario.name}: {time.monotonic() - began:.0f} s", flush=True)


def read(file: Path) -> dict[str, dict[str, Any]]:
    """Lines by scenario."""
    if not file.is_file():
        return {}
    return {each["scenario"]: each for each in map(json.loads, file.read_text().splitlines())}


def truth(scenario: Scenario, data: Path, _budget: float) -> dict[str, Any]:
    """What each action is worth on test: the mean accuracy of the seeds, and the covariances of these means."""
    bench = build(scenario, data)
    present = bench.train()
    splits = [name for name in ("train", "train_dev", "dev", "test") if len(present.prepared.rows(name))]
    predictions = {name: present.predictions(name) for name in splits}
    human = BAYES[scenario.data]
    now = situation_of(bench.config, bench.gathered, present.prepared.task, predictions, human_error=human)
    actions = [action for action in candidates(now) if action.is_tried]
    right: dict[str, np.ndarray] = {}
    failed: list[str] = []
    for action in (None, *actions):
        name = AS_IT_IS if action is None else action.name
        try:
            found = [bench.train(action, 1.0, seed + 1).predictions("test") for seed in range(SEEDS)]
        except TrainingError as error:
            failed.append(f"{name}: {error}")
            continue
        right[name] = np.mean([each.outputs.argmax(axis=1) == each.truth for each in found], axis=0)
    values = np.stack(list(right.values()))
    covariance = np.cov(values) / values.shape[1]
    return {
        "verdict": str(now.diagnosis.verdict),
        "also": list(map(str, now.diagnosis.also)),
        "actions": list(right),
        "accuracy": [round(float(value), 5) for value in values.mean(axis=1)],
        "covariance": [[float(f"{value:.3g}") for value in row] for row in np.atleast_2d(covariance)],
        "failed": failed,
    }


def advice(scenario: Scenario, data: Path, budget: float) -> dict[str, Any]:
    """What `rumbo next` says; test is seen by the diagnosis alone, as there."""
    bench = build(scenario, data)
    began = time.monotonic()
    present = bench.train()
    seconds = time.monotonic() - began
    splits = [name for name in ("train", "train_dev", "dev", "test") if len(present.prepared.rows(name))]
    predictions = {name: present.predictions(name) for name in splits}
    human = BAYES[scenario.data]
    now = situation_of(bench.config, bench.gathered, present.prepared.task, predictions, human_error=human)
    actions = candidates(now)
    found = tried_on(bench, actions, budget, seconds)
    order = [action.name for action in actions if action.is_tried]
    plain = next((name for name in PLAIN_RULE[str(now.diagnosis.verdict)] if name in order), AS_IT_IS)
    return {
        "verdict": str(now.diagnosis.verdict),
        "helps": [each.action.name for each in found.tried if each.outcome == "helps"],
        "told": [each.name for each in found.told],
        "plain": plain,
        "random": random_search(bench, order, budget, seconds, scenario.seed),
        "advice": found.to_dict(),
    }


def random_search(bench: Any, names: list[str], budget: float, seconds: float, seed: int) -> str:
    """The best on dev of actions drawn at random, one training each, for as long as the budget lasts."""
    by_name = {action.name: action for action in candidates_of(bench)}
    left, best, best_value = budget, AS_IT_IS, -np.inf
    for name in [AS_IT_IS, *rng(seed, "random search").permutation(names)]:
        if left <= 0:
            break
        try:
            attempt = bench.attempt(by_name.get(str(name)), 1.0, 0)
        except TrainingError:
            continue
        left -= attempt.seconds
        value = float(np.mean(attempt.scores.scores))
        if value > best_value:
            best, best_value = str(name), value
    return best


def candidates_of(bench: Any) -> list[Any]:
    """All actions for a workbench, whatever its verdict."""
    present = bench.train()
    predictions = {name: present.predictions(name) for name in ("train", "dev")}
    return list(candidates(situation_of(bench.config, bench.gathered, present.prepared.task, predictions)))


def score(chosen: list[Scenario], half: str) -> None:
    """The table."""
    truths, advices = read(HERE / f"truth-{half}.jsonl"), read(HERE / f"advise-{half}.jsonl")
    counts = {"verdict": 0, "told": 0, "top-1": 0, "top-2": 0, "plain rule": 0, "random search": 0}
    regrets: dict[str, list[float]] = {"top-1": [], "plain rule": [], "random search": []}
    num_told, total = 0, 0
    for scenario in chosen:
        if scenario.name not in truths or scenario.name not in advices:
            continue
        total += 1
        real, said = Truth(truths[scenario.name]), advices[scenario.name]
        first, *others = (said["helps"] or [AS_IT_IS])[:2]
        verdict = said["verdict"] in scenario.verdicts
        hit = real.is_best(first)
        counts["verdict"] += verdict
        counts["top-1"] += hit
        counts["top-2"] += hit or any(real.is_best(name) for name in others)
        counts["plain rule"] += real.is_best(said["plain"])
        counts["random search"] += real.is_best(said["random"])
        for name, taken in (("top-1", first), ("plain rule", said["plain"]), ("random search", said["random"])):
            regrets[name].append(real.effect[real.best] - real.effect.get(taken, min(real.effect.values())))
        if scenario.told is not None:
            num_told += 1
            counts["told"] += scenario.told in said["told"]
        worth = {name: f"{real.effect.get(name, float('nan')):.3f}" for name in (real.best, first, AS_IT_IS)}
        print(
            f"{'ok ' if hit else 'NO '} {scenario.name:32} verdict {said['verdict']:16}{'' if verdict else '(!)'} "
            f"best {real.best} {worth[real.best]}, advised {first} {worth[first]}, {AS_IT_IS} {worth[AS_IT_IS]}; "
            f"plain {said['plain']}"
        )
    if not total:
        print("nothing to compare: run truth and advise first")
        return
    for name, count in counts.items():
        of = num_told if name == "told" else total
        print(f"{name}: {count} of {of} ({count / max(1, of):.0%})")
    for name, values in regrets.items():
        print(f"mean regret of {name}: {100 * np.mean(values):.2f} points")


class Truth:
    """What was measured of a scenario."""

    def __init__(self, line: dict[str, Any]):
        self.names, self.covariance = line["actions"], np.array(line["covariance"])
        self.effect: dict[str, float] = dict(zip(self.names, line["accuracy"], strict=True))
        self.best = max(self.effect, key=lambda name: self.effect[name])

    def is_best(self, name: str) -> bool:
        """Whether an action is as good as the best one, as far as the test examples tell."""
        if name not in self.effect:
            return False
        i, j = self.names.index(self.best), self.names.index(name)
        variance = self.covariance[i, i] + self.covariance[j, j] - 2 * self.covariance[i, j]
        return self.effect[self.best] - self.effect[name] <= 1.96 * max(variance, 0.0) ** 0.5


if __name__ == "__main__":
    main()
