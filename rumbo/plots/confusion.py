"""Which class is taken for which."""

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from rumbo.core.messages import t
from rumbo.plots.style import BLUE, INK, WIDTH_INCHES, plain, styled

MAX_CLASSES = 30
MAX_SHARED = 12  # up to here a cell has room for its count and its share


def most_confused(counts: np.ndarray, max_classes: int = MAX_CLASSES) -> np.ndarray:
    """Codes of the classes with most mistakes, given or received, in their own order; all where there are few."""
    if len(counts) <= max_classes:
        return np.arange(len(counts))
    mistakes = counts.sum(axis=0) + counts.sum(axis=1) - 2 * counts.diagonal()
    return np.sort(np.argsort(-mistakes, kind="stable")[:max_classes])


@styled
def confusion_matrix(counts: np.ndarray, classes: Sequence[str]) -> Figure:
    """True classes in rows, predicted ones in columns; a cell has its count and its share of the row.

    Above 30 classes only those with most mistakes are drawn; shares still are of the whole row.

    Args:
        counts: examples of true class i predicted as class j, k x k.
        classes: names, k.
    """
    counts = np.asarray(counts)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    chosen = most_confused(counts)
    counts, shares = counts[np.ix_(chosen, chosen)], shares[np.ix_(chosen, chosen)]
    names = [plain(classes[code], 18) for code in chosen]
    num_classes = len(names)
    room_for_names = 0.08 * max(map(len, names))
    side = min(WIDTH_INCHES, 1.8 + room_for_names + 0.42 * num_classes)
    figure = Figure(figsize=(side, side))
    axes = figure.subplots()
    colors = np.empty((num_classes, num_classes, 4))
    colors[:] = to_rgba(BLUE)
    colors[..., 3] = np.where(counts > 0, 0.06 + 0.94 * shares, 0.0)
    edges = np.arange(num_classes + 1) - 0.5
    axes.pcolormesh(edges, edges, colors, edgecolors=to_rgba(INK, 0.12), linewidth=0.5)
    size = 8 if num_classes <= MAX_SHARED else max(4.5, 135 / num_classes)
    for row, column in np.argwhere(counts > 0):
        share = float(shares[row, column])
        text = _cell(float(counts[row, column]), share if num_classes <= MAX_SHARED else None)
        color = "white" if share > 0.55 else INK
        axes.text(column, row, text, ha="center", va="center", fontsize=min(size, 8), color=color)
    axes.set(xlabel=t("predicted"), ylabel=t("true"), aspect="equal")
    axes.invert_yaxis()
    upright = num_classes <= 12 and max(map(len, names)) <= 3
    axes.set_xticks(range(num_classes), names, rotation=0 if upright else 90)
    axes.set_yticks(range(num_classes), names)
    axes.grid(False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure


def _cell(count: float, share: float | None) -> str:
    text = f"{count:.0f}" if count < 10_000 else f"{count / 1000:.0f}k"
    return text if share is None else f"{text}\n{100 * share:.0f} %"
