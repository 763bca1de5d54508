"""The errors that a diagnosis compares."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from rumbo.core.messages import t
from rumbo.plots.style import INK, SPLIT_COLORS, WIDTH_INCHES, plain, styled


@styled
def error_bars(errors: Mapping[str, Mapping[str, Any]], *, kind: str = "mean") -> Figure:
    """One bar per split with its 95 % interval, from the unavoidable error down to test.

    Args:
        errors: by name, as in `Diagnosis.to_dict()["errors"]`: `value`, `interval` or None.
        kind: `mean`, or `root_mean_square` for errors in standard deviations of the target.
    """
    names = list(errors)
    values = np.array([100 * errors[name]["value"] for name in names])
    figure = Figure(figsize=(WIDTH_INCHES, 0.7 + 0.36 * len(names)))
    axes = figure.subplots()
    colors = [SPLIT_COLORS.get(name, INK) for name in names]
    axes.barh(range(len(names)), values, height=0.62, color=colors)
    furthest = values.max(initial=0.0)
    for place, name in enumerate(names):
        end = values[place]
        if errors[name]["interval"] is not None:
            low, high = (100 * bound for bound in errors[name]["interval"])
            axes.plot([low, high], [place, place], color=INK, linewidth=1.2, marker="|", markersize=7)
            end = max(end, high)
        axes.annotate(f"{values[place]:.2f} %", (end, place), (6, 0), textcoords="offset points", va="center")
        furthest = max(furthest, end)
    axes.set_xlim(0, 1.15 * furthest or 1.0)
    axes.set_yticks(range(len(names)), [_label(name) for name in names])
    axes.invert_yaxis()
    deviations = kind == "root_mean_square"
    axes.set_xlabel(t("error in % of the target's standard deviation") if deviations else t("error in %"))
    axes.grid(axis="y", visible=False)
    return figure


def _label(name: str) -> str:
    return t("possible") if name == "human" else plain(name)
