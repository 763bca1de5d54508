"""How the classes are shared out over the splits."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from rumbo.core.messages import t
from rumbo.plots.style import INK, SPLIT_COLORS, WIDTH_INCHES, plain, styled

MAX_CLASSES = 30


@styled
def class_shares(counts: Mapping[str, Mapping[str, int]]) -> Figure:
    """One dot per class and split: its share of that split. Dots far apart mean splits that are not alike.

    Args:
        counts: split -> class -> examples. The 30 largest classes are drawn.
    """
    totals = {name: sum(split.get(name, 0) for split in counts.values()) for split in counts.values() for name in split}
    names: Sequence[str] = sorted(totals, key=lambda name: -totals[name])[:MAX_CLASSES]
    figure = Figure(figsize=(WIDTH_INCHES, 0.9 + 0.22 * len(names)))
    axes = figure.subplots()
    markers = dict(zip(counts, "osD^v", strict=False))
    for split, by_class in counts.items():
        total = max(1, sum(by_class.values()))
        shares = [100 * by_class.get(name, 0) / total for name in names]
        color = SPLIT_COLORS.get(split, INK)
        axes.plot(
            shares, np.arange(len(names)), markers.get(split, "o"), color=color, label=plain(split, 12), alpha=0.85
        )
    axes.set_yticks(range(len(names)), [plain(name) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.set_xlabel(t("share of the split in %"))
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(counts), borderaxespad=0)
    return figure
