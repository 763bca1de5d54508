"""Classes of unequal size, or of unequal importance: weights in the cost, or more frequent draws. Training only."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from rumbo.core.errors import OptionError, UsageError, unknown_name
from rumbo.core.messages import t
from rumbo.data.loader import Loader
from rumbo.tasks.classify import Classify
from rumbo.tasks.task import DatasetTask
from rumbo.training.options import FitOptions


def balanced(train: Loader, task: DatasetTask, options: FitOptions) -> Loader:
    """The loader of training examples with the classes weighed as the options say; dev and test are not touched.

    `weights` count class c by m / (k m_c), so that the sum of the weights stays m (King & Zeng 2001, sec. 3.1);
    `sampling` draws an epoch's examples with replacement, every class as often. `class_weights` multiply either.

    Raises:
        UsageError: the task has no classes.
        OptionError: a weight that is no number >= 0, or all of them are 0.
    """
    if options.balance == "no" and not options.class_weights:
        return train
    if not isinstance(task, Classify):
        raise UsageError(
            t(
                "train.balance and train.class_weights are for tasks of one class each; this one is {task}. Leave them "
                "out, or weigh examples by a column: --set data.weights=COLUMN.",
                task=task.name,
            )
        )
    classes: tuple[str, ...] = task.classes  # pyright: ignore[reportAttributeAccessIssue] - the registry gives any task
    factors = _factors(options.class_weights, classes)
    codes = train.examples.targets.numpy()
    counts = np.bincount(codes[train.rows], minlength=len(classes))
    if options.balance == "weights":
        factors = factors * counts.sum() / np.maximum(counts, 1) / (counts > 0).sum()
    examples = train.examples
    if options.balance == "weights" or options.class_weights:
        examples = replace(examples, weights=examples.weights * torch.from_numpy(factors[codes]).float())
    if options.balance == "sampling":
        chances = 1 / counts[codes[train.rows]]
        return replace(train, examples=examples, chances=chances / chances.sum())
    return replace(train, examples=examples)


def _factors(given: Mapping[str, Any], classes: tuple[str, ...]) -> np.ndarray:
    factors = np.ones(len(classes))
    for name, value in given.items():
        if name not in classes:
            raise unknown_name("class", name, classes)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
            path, wanted = f"train.class_weights.{name}", t("a number of at least 0")
            raise OptionError(t("{path}='{text}' must be {wanted}.", path=path, text=str(value), wanted=wanted))
        factors[classes.index(name)] = value
    if not factors.any():
        raise OptionError(t("train.class_weights are all 0: no example would count."))
    return factors
