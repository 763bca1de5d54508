"""Metrics on labelled data: new data, or a split of the run's own."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rumbo import metrics
from rumbo.api.run import Run, as_run
from rumbo.api.sources import open_run_data, open_source, require_same_data, used_by
from rumbo.core.errors import UsageError
from rumbo.core.messages import t
from rumbo.core.seeds import rng
from rumbo.data.splits.split import Split
from rumbo.strategy.intervals import share_interval
from rumbo.tasks.task import Predictions

NUM_DRAWS = 300
LARGEST_DRAW = 20_000
"""Sets above this size get their interval from resamples of this size, scaled: the spread falls with the root."""


@dataclass(frozen=True)
class Evaluation:
    """Metrics with the interval of the goal."""

    split: str
    num_items: int
    metrics: dict[str, float]
    goal: str
    interval: tuple[float, float]


def evaluate(run: Run | str | Path, data: str | Path | None = None, *, split: str = "test") -> Evaluation:
    """Measure a finished run.

    Args:
        run: a run or its folder.
        data: labelled data of the same kind; none takes the run's own.
        split: train, dev or test of the run's own data.

    Raises:
        UsageError: no such split.
        DataError: the data lack what the model needs, or the run's own have changed.
    """
    opened = as_run(run)
    model, config = opened.model, opened.config
    categories = model.preprocess.category_names
    name = str(data)
    if data is not None:
        dataset = open_source(name, base=Path(), target=config.target, task=config.task, categories=categories)
    else:
        dataset = open_run_data(config, base=opened.path, categories=categories)
        saved = Split.load(opened.folder.split)
        dataset = used_by(dataset, saved)
        require_same_data(dataset, opened.folder, config.path)
        rows = saved.rows(dataset, split)
        if len(rows) == 0:
            present = sorted(set(saved.table["split"].to_list()))
            raise UsageError(
                t("the run has no split '{split}'; it has: {present}.", split=split, present=", ".join(present))
            )
        dataset, name = dataset.take(rows), split
    predictions = model.predict(dataset)
    goal = config.goal or metrics.default_goal(model.task.name)
    return Evaluation(
        split=name,
        num_items=len(dataset),
        metrics=model.task.score(predictions),
        goal=goal,
        interval=goal_interval(goal, predictions, config.seed),
    )


def goal_interval(goal: str, predictions: Predictions, seed: int) -> tuple[float, float]:
    """95 % interval of a metric: Wilson's for a share of examples, else by resampling them.

    A set without a wrong example resamples to sets without one, and would be sure of 100 % after ten examples.

    Source: Wilson 1927; Efron 1979. For sets above 20,000 items the resamples have 20,000, and the interval is
    narrowed by the root of the ratio of sizes.
    """
    truth, outputs = predictions.truth, predictions.outputs
    assert truth is not None
    if goal in ("accuracy", "error") and truth.ndim == 1:
        is_right = outputs.argmax(axis=1) == truth
        return share_interval(is_right if goal == "accuracy" else ~is_right, predictions.weights)
    size = len(truth)
    drawn = min(size, LARGEST_DRAW)
    generator = rng(seed, "bootstrap", size)
    value = metrics.score(goal, truth, outputs, predictions.weights)
    draws = []
    for _ in range(NUM_DRAWS):
        rows = generator.integers(0, size, drawn)
        draws.append(metrics.score(goal, truth[rows], outputs[rows], predictions.weights[rows]))
    finite = np.array(draws)[np.isfinite(draws)]
    if len(finite) < NUM_DRAWS / 2:
        return value, value
    low, high = np.quantile(finite, [0.025, 0.975])
    narrowing = (drawn / size) ** 0.5
    return float(value + (low - value) * narrowing), float(value + (high - value) * narrowing)
