"""The examples that the model gets most wrong, as one sheet."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from rumbo.core.messages import t
from rumbo.plots.style import WIDTH_INCHES, plain, styled

COLUMNS = 6


@styled
def contact_sheet(examples: Sequence[Mapping[str, Any]]) -> Figure:
    """Pictures with what they are and what they were taken for.

    Args:
        examples: each with `picture` (uint8, h x w or h x w x 3), `true`, `predicted`, and `probability` or None.
    """
    rows = math.ceil(len(examples) / COLUMNS)
    figure = Figure(figsize=(WIDTH_INCHES, 1.75 * rows))
    grid = figure.subplots(rows, COLUMNS, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, example in zip(grid.flat, examples, strict=False):
        axes.imshow(example["picture"], cmap="gray", vmin=0, vmax=255)
        axes.set_title(caption(example), fontsize=7, fontweight="normal")
    return figure


def caption(example: Mapping[str, Any]) -> str:
    """Two lines: the true class, then the predicted one with its probability."""
    taken = plain(example["predicted"], 14)
    if example.get("probability") is not None:
        taken += f" ({100 * example['probability']:.0f} %)"
    return t("true: {name}", name=plain(example["true"], 14)) + "\n" + t("taken for: {name}", name=taken)
