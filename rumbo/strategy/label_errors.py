"""How much of an error rate are wrong labels; and what a review says, which trusts no model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rumbo.core import seeds
from rumbo.strategy.intervals import Interval, percentile_interval, proportion_draws
from rumbo.strategy.label_flows import Flows, matrix_draws, transition, true_counts

NUM_DRAWS = 1000
MOST_NUMBERS = 2e7
"""Of all draws' matrices together: with many classes there are fewer draws."""


@dataclass(frozen=True, kw_only=True)
class ErrorSplit:
    """An error rate, cut in two.

    Attributes:
        num_items: examples, or labels of examples, that it was measured on.
        error: against the given labels.
        label_error: the part where the given label is wrong, and the answer is not that label.
        model_error: the part where it is right, and the answer wrong.
        true_error: what the error would be if all labels were right.
        label_interval: of label_error, 95 %, if noise depends on the class alone.
        true_interval: likewise, of true_error.
    """

    num_items: int
    error: float
    label_error: float
    model_error: float
    true_error: float
    label_interval: Interval
    true_interval: Interval

    @property
    def share(self) -> float:
        """The part of the error that wrong labels make, in [0, 1]."""
        return self.label_error / self.error if self.error > 0 else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types."""
        ends = {"label_interval": list(self.label_interval), "true_interval": list(self.true_interval)}
        return {**vars(self), **ends, "share": self.share}


def split_error(
    predicted: Sequence[np.ndarray], given: Sequence[np.ndarray], flows: Sequence[Flows], *, seed: int = 0
) -> ErrorSplit:
    """Cut an error rate into wrong labels and wrong answers.

    M[i, p] counts examples by given label and answer. With T[j, i] = P(given i | true j), and noise that knows nothing
    of the answer, M[:, p] = T' J[:, p] for the counts J of true class and answer. Of the errors, wrong labels make the
    sum over j != i, p != i of T[j, i] J[j, p]; with right labels, the errors would be all J[j, p], p != j.

    Args:
        predicted: codes of the answers, n; of yes/no labels one array each, as below.
        given: codes of the labels, n.
        flows: of the noise.
        seed: of the resampling.
    """
    tables = [_table(p, g, len(flow.given)) for p, g, flow in zip(predicted, given, flows, strict=True)]
    num_items = sum(float(table.sum()) for table in tables)
    error = sum(float(table.sum() - np.trace(table)) for table in tables) / num_items
    parts = np.zeros(2)
    for table, flow in zip(tables, flows, strict=True):
        parts += np.stack(_parts(table, transition(flow.counts))) / num_items
    label_error = float(np.clip(parts[0], 0, error))
    num_draws = int(np.clip(MOST_NUMBERS / max(len(flow.given) for flow in flows) ** 2, 20, NUM_DRAWS))
    generator, drawn = seeds.rng(seed, "labels/error"), np.zeros((2, num_draws))
    for table, matrices in zip(tables, matrix_draws(flows, num_draws, generator), strict=True):
        cells = (table / max(table.sum(), 1)).reshape(-1)
        again = generator.multinomial(round(table.sum()), cells, num_draws).reshape(num_draws, *table.shape)
        again = again.astype(np.float64)
        label, true = _parts(again, matrices)
        wrong = again.sum(axis=(-1, -2)) - np.trace(again, axis1=-1, axis2=-2)
        drawn += np.stack([np.clip(label, 0, wrong), true]) / num_items
    drawn = drawn.clip(0, 1)
    return ErrorSplit(
        num_items=round(num_items),
        error=error,
        label_error=label_error,
        model_error=error - label_error,
        true_error=float(np.clip(parts[1], 0, 1)),
        label_interval=percentile_interval(drawn[0]),
        true_interval=percentile_interval(drawn[1]),
    )


def reviewed_rate(strata: Sequence[tuple[int, int, int]], *, seed: int = 0) -> tuple[float, Interval]:
    """The share of wrong labels from a review: each stratum by what was found in the part that was looked at.

    Args:
        strata: of each: labels in it, those looked at (>= 1), and those of them that were wrong. The ones looked at
            were drawn at random from the stratum, or are all of it.
        seed: of the resampling.

    Source: Horvitz, Thompson 1952, "A generalization of sampling without replacement from a finite universe".

    >>> rate, (low, high) = reviewed_rate([(100, 100, 40), (900, 50, 0)])
    >>> rate, low >= 0.04, high < 0.11
    (0.04, True, True)
    """
    generator, total = seeds.rng(seed, "labels/review"), sum(size for size, _, _ in strata)
    rate, draws = 0.0, np.zeros(2 * NUM_DRAWS)
    for size, looked_at, wrong in strata:
        share = wrong / looked_at
        rate += share * size / total
        is_whole = looked_at >= size
        drawn = share if is_whole else proportion_draws(share, looked_at, len(draws), generator)
        draws = draws + np.asarray(drawn) * size / total
    return rate, percentile_interval(draws)


def _table(predicted: np.ndarray, given: np.ndarray, num_classes: int) -> np.ndarray:
    table = np.zeros((num_classes, num_classes))
    np.add.at(table, (given, predicted), 1)
    return table


def _joint(table: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """J of M = T' J; single cells may be below 0, which keeps their sums right on average."""
    try:
        return np.linalg.solve(np.swapaxes(matrix, -1, -2), table)
    except np.linalg.LinAlgError:  # classes that are labelled alike
        return true_counts(matrix, table)


def _parts(table: np.ndarray, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Errors that are wrong labels, and errors if all labels were right."""
    joint = _joint(table, matrix)  # true class by answer
    away = 1 - np.eye(table.shape[-1])
    per_label = np.swapaxes(matrix * away, -1, -2) @ joint  # given label by answer, of wrong labels
    return (per_label * away).sum(axis=(-1, -2)), (joint * away).sum(axis=(-1, -2))
