"""Trainings of a run on parts of its training examples, in memory: what a learning curve stands on."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rumbo.api.computing import num_threads
from rumbo.api.config import RunConfig
from rumbo.api.prepare import Gathered, Prepared, assemble
from rumbo.api.weights import load_weights
from rumbo.core.errors import TrainingError
from rumbo.core.seeds import rng
from rumbo.data.manifest import Dataset, TargetKind
from rumbo.data.options import DataOptions
from rumbo.strategy.levels import Level, SplitError, measure
from rumbo.tasks.inference import infer
from rumbo.tasks.task import DatasetTask, Predictions
from rumbo.training.events import Evaluated
from rumbo.training.guards import NotFinite
from rumbo.training.loop import fit
from rumbo.training.options import FitOptions
from rumbo.training.state import TrainState

NUM_STRATA = 10
"""Parts of equal size that numbers are cut into, so that each subset has small and large ones."""
NEVER = 1_000_000
"""More epochs than any training has."""


@dataclass(frozen=True)
class SubsetErrors:
    """What a training on some of the examples came to, measured in evaluation mode without augmentation.

    Attributes:
        size: training examples.
        seed: of the training and of the choice of examples.
        train: the error on those.
        dev: the error on the run's own dev.
        seconds: that the training took.
    """

    size: int
    seed: int
    train: Level
    dev: Level
    seconds: float


def nested_order(dataset: Dataset, rows: np.ndarray, seed: int, *, group: str | None = None) -> np.ndarray:
    """Rows in an order of which every beginning is a fair sample: smaller subsets lie inside larger ones.

    Classes, and numbers by size, are in each beginning as they are in the whole; each class comes once at the very
    front. Members of a group come together, where there is a column of groups.

    Args:
        dataset: the examples.
        rows: those to order.
        seed: of the order.
        group: the column of groups; none takes `group` where there is one.
    """
    generator = rng(seed, "learning curve")
    column = group or "group"
    if column in dataset.table.columns:
        groups = np.unique(dataset.table[column].cast(str).to_numpy()[rows], return_inverse=True)[1].reshape(-1)
        return rows[np.lexsort((generator.random(len(rows)), generator.permutation(groups.max() + 1)[groups]))]
    strata, shuffled = _strata(dataset, rows), generator.permutation(len(rows))
    keys = np.empty(len(rows))
    for stratum in np.unique(strata):
        members = shuffled[strata[shuffled] == stratum]
        keys[members] = (np.arange(len(members)) + generator.random(len(members))) / len(members)
        keys[members[0]] -= 1
    return rows[np.argsort(keys, kind="stable")]


def _strata(dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    target = dataset.target
    if target is None or target.kind not in (TargetKind.CLASS, TargetKind.NUMBER):
        return np.zeros(len(rows), dtype=np.int64)
    values = dataset.table[target.columns[0]].to_numpy()[rows]
    if target.kind is TargetKind.CLASS:
        return np.unique(values, return_inverse=True)[1].reshape(-1)
    return np.argsort(np.argsort(values, kind="stable"), kind="stable") * NUM_STRATA // len(rows)


def train_on(
    gathered: Gathered,
    config: RunConfig,
    base: Path,
    rows: np.ndarray,
    *,
    seed: int = 0,
    unit: float = 1.0,
    beat: Callable[[], None] | None = None,
) -> SubsetErrors:
    """Train on some of the training examples, about as long as the run did, and measure on its dev.

    Args:
        gathered: the run's data.
        config: the run's options, every choice filled in.
        base: the folder that its paths are relative to.
        rows: the examples to learn from; those of train that are not among them are left out.
        seed: of the training.
        unit: what errors of numbers are divided by, in the target's own unit, since each subset has a deviation of its
            own; 1 where errors are shares.
        beat: called after each event.

    Raises:
        TrainingError: the cost is not finite.
    """
    began, table = time.monotonic(), gathered.split.table
    num_train = int((table["split"] == "train").sum())
    chosen = gathered.dataset.table["id"][rows].to_list()
    split = replace(gathered.split, table=table.filter((table["split"] != "train") | table["id"].is_in(chosen)))
    options = replace(
        config,
        seed=seed,
        train=options_for(config.train, num_train, len(rows)),
        data=_augmented_alike(config.data, config.train.epochs or 1),
    )
    prepared = assemble(replace(gathered, split=split), options)
    load_weights(prepared, base)
    task = prepared.task
    with num_threads(prepared.config.train):
        _fit(prepared, times_as_many_epochs(num_train, len(rows)), beat)
        loaders = {name: prepared.evaluation_loader(name) for name in ("train", "dev")}
        found = {name: infer(task, loader) for name, loader in loaders.items() if loader is not None}
    levels = {name: level_of(task, predictions, unit=unit) for name, predictions in found.items()}
    return SubsetErrors(len(rows), seed, levels["train"], levels["dev"], time.monotonic() - began)


def _fit(prepared: Prepared, every: int, beat: Callable[[], None] | None) -> None:
    """Train, and look at dev as often as the run did: after every so many of the shorter epochs."""
    task, data = prepared.task, prepared.fit_data()
    state = TrainState.fresh(task.model, prepared.config.train)
    try:
        for event in fit(task, replace(data, dev=None), state, prepared.config.train):
            if beat is not None:
                beat()
            if isinstance(event, Evaluated) and event.epoch % every == 0 and data.dev is not None:
                judged = task.with_model(state.judged)
                found = infer(judged, data.dev)
                value = judged.score_by(data.goal, found) if math.isfinite(found.loss) else math.nan
                state.keep_best(value, found.loss, higher_is_better=data.higher_is_better)
    except NotFinite as problem:
        raise TrainingError(str(problem)) from None


def times_as_many_epochs(num_train: int, size: int) -> int:
    """How many times as many epochs a part of the examples gets, so that as many examples are shown in all."""
    return max(1, round(num_train / size))


def level_of(task: DatasetTask, predictions: Predictions, *, unit: float) -> Level:
    """The error of predictions; of numbers, in units of `unit`."""
    errors = SplitError(task.item_errors(predictions), weights=predictions.weights)
    return measure("dev", errors, task.error_kind, unit / deviation_of(task))


def deviation_of(task: DatasetTask) -> float:
    """The standard deviation that a task's errors are divided by; 1 where they are shares."""
    return float(task.target_config().get("std", 1.0)) if task.error_kind == "root_mean_square" else 1.0


def options_for(options: FitOptions, num_train: int, size: int) -> FitOptions:
    """The run's options for a part of its examples: the same batches, and as many steps.

    With the run's number of epochs a sixteenth of the examples would make a sixteenth of the steps, and its error would
    tell of too short a training.

    >>> chosen = options_for(FitOptions(epochs=10, batch_size=128), 16_000, 4_000)
    >>> chosen.epochs, chosen.batch_size
    (40, 128)
    """
    assert options.epochs is not None
    assert options.batch_size is not None
    epochs = options.epochs * times_as_many_epochs(num_train, size)
    batch_size = min(options.batch_size, size)
    return replace(options, epochs=epochs, batch_size=batch_size, budget_seconds=None, shard=False, compile="no")


def _augmented_alike(options: DataOptions, epochs: int) -> DataOptions:
    """Where a training of the run's length leaves pictures as they are, a longer one on fewer examples does, too."""
    if options.augment is None or epochs >= options.augment.fewest_epochs:
        return options
    return replace(options, augment=replace(options.augment, fewest_epochs=NEVER))
