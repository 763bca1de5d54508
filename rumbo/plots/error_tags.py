"""How often each tag occurs among wrong and among right examples."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from rumbo.core.messages import t
from rumbo.plots.style import BLUE, INK, ORANGE, WIDTH_INCHES, plain, styled

MAX_TAGS = 20


@styled
def tag_shares(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """A line per tag: its share of the error with the 95 % interval, and a ring for its share of the right examples.

    Args:
        rows: as `strategy.TagRow.to_dict` makes them, with `share_of_right`. The first 20 are drawn.
    """
    shown = list(rows)[:MAX_TAGS]
    figure = Figure(figsize=(WIDTH_INCHES, 0.9 + 0.3 * len(shown)))
    axes = figure.subplots()
    places = np.arange(len(shown))
    shares = np.array([100 * row["share"] for row in shown])
    bounds = np.array([[100 * bound for bound in row["share_interval"]] for row in shown])
    right = [100 * row["share_of_right"] for row in shown]
    axes.hlines(places, bounds[:, 0], bounds[:, 1], color=ORANGE, linewidth=2.2)
    axes.plot(shares, places, "o", color=ORANGE, label=t("of the error, with its 95 % interval"))
    axes.plot(
        right, places, "o", markerfacecolor="none", markeredgecolor=BLUE, markersize=8, label=t("of the right ones")
    )
    axes.set_yticks(places, [plain(row["tag"], 24) for row in shown])
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.set_xlabel(t("examples with the tag, in %"))
    axes.tick_params(axis="y", length=0, colors=INK)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0)
    return figure
