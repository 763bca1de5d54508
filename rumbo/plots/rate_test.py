"""Losses of a learning-rate range test over the rates, and the rate that they suggest."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from rumbo.core.messages import t
from rumbo.plots.style import BLUE, GREEN, INK, ORANGE, WIDTH_INCHES, styled

ROOM = 0.35
"""Share of the height between the least smoothed loss and the start that is kept free above and below."""


@styled
def rate_test_curve(
    rates: Sequence[float],
    losses: Sequence[float],
    smoothed: Sequence[float],
    *,
    suggestion: float | None,
    largest_rate: float | None = None,
) -> Figure:
    """Raw and smoothed loss over a logarithmic axis of rates.

    Args:
        rates: n rates, rising.
        losses: n losses of batches; what lies far above the start is cut off.
        smoothed: n moving averages.
        suggestion: marked with a line; None where there is none.
        largest_rate: the largest rate that still trained, marked likewise.
    """
    figure = Figure(figsize=(WIDTH_INCHES, 3.4))
    axes = figure.subplots()
    axes.plot(rates, losses, ".", color=INK, alpha=0.35, markersize=4, label=t("loss of a batch"))
    axes.plot(rates, smoothed, color=BLUE, label=t("smoothed"))
    if largest_rate is not None:
        label = t("still trains: {rate:.1e}", rate=largest_rate)
        axes.axvline(largest_rate, color=ORANGE, linewidth=1.2, linestyle="--", label=label)
    if suggestion is not None:
        label = t("suggestion: {rate:.1e}", rate=suggestion)
        axes.axvline(suggestion, color=GREEN, linewidth=1.6, label=label)
    if len(rates) > 1:
        axes.set_xscale("log")
    if len(smoothed):
        low, high = float(np.min(smoothed)), float(smoothed[0])
        room = ROOM * max(high - low, 0.1 * abs(high), 1e-12)
        # What begins or ends far outside would make the fall a flat line.
        axes.set_ylim(low - room, high + 2 * room)
    axes.set_title(t("Learning-rate range test"))
    axes.set_xlabel(t("learning rate"))
    axes.set_ylabel(t("loss"))
    axes.legend(loc="best", fontsize=8)
    return figure
