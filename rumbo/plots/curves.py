"""Loss and metric by epoch."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rumbo.core.messages import t
from rumbo.plots.style import INK, SPLIT_COLORS, WIDTH_INCHES, plain, styled

DASHES = {"train": "--", "train_dev": ":", "dev": "-", "test": "-."}


def series(history: Sequence[Mapping[str, Any]], column: str) -> tuple[np.ndarray, np.ndarray]:
    """Epochs and values of a column, without the rows where it is missing or not finite."""
    points = [(row["epoch"], row[column]) for row in history if _is_number(row.get(column))]
    epochs, values = zip(*points, strict=True) if points else ((), ())
    return np.asarray(epochs, dtype=float), np.asarray(values, dtype=float)


@styled
def training_curves(
    history: Sequence[Mapping[str, Any]], *, metric: str | None = None, best_epoch: int | None = None
) -> Figure:
    """The loss of each split by epoch and, beside it, the metric; the best epoch is marked.

    Args:
        history: rows of results.csv: `epoch`, then `split/name`.
        metric: the second panel; left out when the history has no such column.
        best_epoch: the epoch whose weights were kept.
    """
    names = ["loss"] + ([metric] if metric and any(f"{split}/{metric}" in history[0] for split in DASHES) else [])
    figure = Figure(figsize=(WIDTH_INCHES, 2.9))
    for axes, name in zip(np.atleast_1d(figure.subplots(1, len(names))), names, strict=True):
        _draw_splits(axes, history, name, best_epoch)
        axes.set_title(t("loss") if name == "loss" else plain(name))
        axes.set_xlabel(t("epoch"))
        axes.xaxis.get_major_locator().set_params(integer=True)
    return figure


def _draw_splits(axes: Axes, history: Sequence[Mapping[str, Any]], name: str, best_epoch: int | None) -> None:
    for split, dashes in DASHES.items():
        epochs, values = series(history, f"{split}/{name}")
        if len(epochs):
            marker = "o" if len(epochs) == 1 else None
            axes.plot(epochs, values, dashes, color=SPLIT_COLORS[split], label=split, marker=marker)
    if best_epoch is not None:
        axes.axvline(
            best_epoch, color=INK, alpha=0.5, linewidth=1, linestyle=":", label=t("kept: epoch {n}", n=best_epoch)
        )
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="best")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool) and math.isfinite(value)
