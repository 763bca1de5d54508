"""Error over the number of training examples, with what it would be with more of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from rumbo.core.messages import t
from rumbo.plots.style import INK, SPLIT_COLORS, WIDTH_INCHES, styled


@styled
def learning_curve_figure(
    series: Mapping[str, Mapping[str, Any]], *, now: int, possible: float = 0.0, kind: str = "mean"
) -> Figure:
    """Measured errors as points, the fitted law as a line with its 95 % band, dashed beyond what was measured.

    Args:
        series: split -> `sizes` and `errors` of the points (n each), and `grid`, `middle`, `low`, `high` of the law
            (m each).
        now: examples of the run.
        possible: the human error; a line where it is above 0.
        kind: `mean`, or `root_mean_square` for errors in standard deviations of the target.
    """
    figure = Figure(figsize=(WIDTH_INCHES, 3.6))
    axes = figure.subplots()
    for split, values in series.items():
        color, grid = SPLIT_COLORS.get(split, INK), np.asarray(values["grid"])
        middle, low, high = (100 * np.asarray(values[name]) for name in ("middle", "low", "high"))
        axes.fill_between(grid, low, high, color=color, alpha=0.15, linewidth=0)
        measured = grid <= now
        axes.plot(grid[measured], middle[measured], color=color, label=split)
        axes.plot(grid[~measured], middle[~measured], color=color, linestyle="--")
        axes.plot(values["sizes"], 100 * np.asarray(values["errors"]), "o", color=color, markersize=4)
    if possible > 0:
        axes.axhline(100 * possible, color=SPLIT_COLORS["human"], linewidth=1.2, label=t("possible"))
    axes.axvline(now, color=INK, alpha=0.5, linewidth=1, linestyle=":")
    axes.set_xscale("log", base=2)
    ticks = _ticks(series)
    axes.set_xticks(ticks, [f"{tick:,}".replace(",", "\u202f") for tick in ticks])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_ylim(bottom=0)
    axes.set_title(t("Learning curve"))
    axes.set_xlabel(t("training examples"))
    deviations = kind == "root_mean_square"
    axes.set_ylabel(t("error in % of the target's standard deviation") if deviations else t("error in %"))
    axes.legend(loc="best")
    return figure


def _ticks(series: Mapping[str, Mapping[str, Any]]) -> Sequence[int]:
    """The sizes that were measured, and those that are asked for."""
    sizes = {int(size) for values in series.values() for size in values["sizes"]}
    largest = max(sizes)
    return sorted({*sizes, 2 * largest, 4 * largest})
