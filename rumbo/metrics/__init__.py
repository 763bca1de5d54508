"""Metrics by name, equal to scikit-learn's. Importing this costs nothing; NumPy comes with the first score."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from rumbo.core.errors import UsageError, unknown_name
from rumbo.core.messages import t
from rumbo.core.registry import Registry
from rumbo.metrics.index import INDEX, MetricEntry

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Metric = Callable[[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]], float]

_registries: "dict[str, Registry[Metric]]" = {task: Registry("metric", entries) for task, entries in INDEX.items()}


def register(task: str, name: str) -> "Callable[[Metric], Metric]":
    """Decorator that enters a metric of a task: (truth, prediction, weights) -> number."""
    return _registries[task].register(name)


def score(
    name: str,
    truth: "NDArray[np.generic]",
    prediction: "NDArray[np.generic]",
    weights: "NDArray[np.generic] | None" = None,
) -> float:
    """A metric of predictions.

    Args:
        name: a name of `for_task`.
        truth: codes of classes (n,); or numbers (n,); or labels 0, 1 or NaN = not known (n, k).
        prediction: probabilities (n, k); or numbers (n,); or probabilities (n, k). The two shapes tell the task.
        weights: how much each example counts, >= 0 (n,); an example of weight 0 is left out. None = 1.

    Returns:
        The figure; NaN where it is not defined, such as ROC-AUC when all examples are of one class.

    Raises:
        UnknownName: the task has no such metric.
        UsageError: shapes that do not fit, or a metric of two classes asked of more.

    >>> import numpy as np
    >>> score("accuracy", np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]]))
    0.5
    """
    from rumbo.metrics.inputs import checked_inputs

    task = "multilabel" if truth.ndim == 2 else "classify" if prediction.ndim == 2 else "regress"
    metric, needs = _registries[task].get(name), INDEX[task][name].num_classes
    if needs is not None and prediction.shape[1] != needs:
        raise UsageError(
            t(
                "metric '{name}' is defined for {wanted} classes, but there are {count}. Use {name}_macro.",
                name=name,
                wanted=needs,
                count=prediction.shape[1],
            )
        )
    return float(metric(*checked_inputs(truth, prediction, weights)))


def entry(name: str) -> MetricEntry:
    """What the index says about a metric, of the first task that has it.

    Raises:
        UnknownName: no task has such a metric.

    >>> entry("rmse").higher_is_better
    False
    """
    for entries in INDEX.values():
        if name in entries:
            return entries[name]
    raise unknown_name("metric", name, names())


def names() -> tuple[str, ...]:
    """All metrics of all tasks."""
    return tuple(dict.fromkeys(name for entries in INDEX.values() for name in entries))


def higher_is_better(name: str) -> bool:
    """Whether more of this metric is better.

    Raises:
        UnknownName: no such metric.
    """
    return entry(name).higher_is_better


def for_task(task: str, num_classes: int | None = None) -> tuple[str, ...]:
    """Metrics of a task, its default goal first; those for two classes only when `num_classes` is 2.

    >>> for_task("regress")
    ('rmse', 'mae', 'r2')
    """
    return tuple(name for name, entry in _entries(task).items() if entry.num_classes in (None, num_classes))


def default_goal(task: str) -> str:
    """The metric that ranks models of a task unless told otherwise."""
    return next(iter(_entries(task)))


def confusion_matrix(
    truth: "NDArray[np.integer]", predicted: "NDArray[np.integer]", num_classes: int
) -> "NDArray[np.int64]":
    """Counts of examples by true class (rows) and predicted class (columns).

    Args:
        truth: codes in [0, num_classes) (n,).
        predicted: codes in [0, num_classes) (n,).
        num_classes: rows and columns.

    >>> import numpy as np
    >>> confusion_matrix(np.array([0, 1, 1]), np.array([0, 0, 1]), 2)
    array([[1, 0],
           [1, 1]])
    """
    import numpy as np

    counts = np.bincount(truth * num_classes + predicted, minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes)


def _entries(task: str) -> dict[str, MetricEntry]:
    if task not in INDEX:
        raise unknown_name("task", task, INDEX)
    return INDEX[task]


__all__ = [
    "INDEX",
    "confusion_matrix",
    "default_goal",
    "entry",
    "for_task",
    "higher_is_better",
    "names",
    "register",
    "score",
]
