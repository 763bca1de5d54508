"""Panels drawn side by side in one figure."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter
from matplotlib.transforms import Bbox

from rumbo.plots.panels import Array, Intervals, Line, Lines, Numbers, Panel, Picture, Regions, Surface
from rumbo.plots.style import BLUE, GREEN, INK, ORANGE, PURPLE, SKY, WIDTH_INCHES, plain, styled

COLORS = (BLUE, ORANGE, GREEN, PURPLE, SKY, "#e69f00", "#8a8f98", "#000000")
STYLES = {"line": "-", "dashes": "--", "points": "none", "path": "-"}
SIGNED = LinearSegmentedColormap.from_list("signed", [BLUE, "white", ORANGE])
HEIGHTS = LinearSegmentedColormap.from_list(
    "heights", ["#f7f9fb", "#c3d2de", "#8fa9bf"]
)  # light: paths and names lie over it
MAX_LETTERS = 60
MAX_LETTERS_BESIDE = 16
MAX_NAMES_INSIDE = 5
"""More names have no place beside the lines: their legend stands below the panel, as does one that covers a line."""
NUM_CONTOURS = 16
FEW_DECADES = 200
"""Ratio of the ends of a logarithmic axis below which powers of ten alone would be too few numbers."""


@styled
def draw_panels(panels: Sequence[Panel], *, num_columns: int = 2) -> Figure:
    """All panels in reading order.

    Args:
        panels: at least one.
        num_columns: how many stand side by side.
    """
    num_columns = min(num_columns, len(panels))
    num_rows = -(-len(panels) // num_columns)
    side = WIDTH_INCHES / num_columns
    figure = Figure(figsize=(WIDTH_INCHES, num_rows * min(side * 0.85, 3.6)))
    places = list(figure.subplots(num_rows, num_columns, squeeze=False).flat)
    for axes, panel in zip(places, panels, strict=False):
        axes.set_title(plain(panel.title, MAX_LETTERS), wrap=True)
        _draw(axes, panel)
    for axes in places[len(panels) :]:
        axes.set_axis_off()
    while covering := [axes for axes in _laid_out(figure) if _legend_covers_a_line(axes)]:
        for axes in covering:  # which makes others lower: look again
            _legend_below(axes)
    names_below = [legend.get_window_extent().height for axes in figure.axes
                   if (legend := axes.get_legend()) is not None and not _lies_inside(axes, legend)]  # fmt: skip
    if names_below:
        figure.set_figheight(figure.get_figheight() + num_rows * max(names_below) / figure.dpi)
    return figure


def _laid_out(figure: Figure) -> list[Axes]:
    figure.draw_without_rendering()
    return figure.axes


def _legend_covers_a_line(axes: Axes) -> bool:
    legend = axes.get_legend()
    if legend is None:
        return False
    frame = Bbox(legend.get_window_extent().get_points())
    return _lies_inside(axes, legend) and any(_crosses(line, frame) for line in axes.lines)


def _lies_inside(axes: Axes, legend: Legend) -> bool:
    return legend.get_window_extent().y1 > axes.get_window_extent().y0


def _crosses(line: Line2D, frame: Bbox) -> bool:
    """Whether points of a line, or the ways between them where they are joined, lie in a frame."""
    path = line.get_transform().transform_path(line.get_path())
    if line.get_linestyle() != "None":
        return path.intersects_bbox(frame, filled=False)
    return bool(frame.count_contains(path.vertices))


def _draw(axes: Axes, panel: Panel) -> None:
    match panel:
        case Lines():
            _lines(axes, panel)
        case Surface():
            _surface(axes, panel)
        case Regions():
            _regions(axes, panel)
        case Intervals():
            _intervals(axes, panel)
        case Picture():
            _picture(axes, panel)
        case Numbers():
            _numbers(axes, panel)


def _lines(axes: Axes, panel: Lines) -> None:
    for index, line in enumerate(panel.lines):
        _line(axes, line, index)
    axes.set_xscale("log" if panel.log_x and any(_has_positive(line.x) for line in panel.lines) else "linear")
    axes.set_yscale("log" if panel.log_y and any(_has_positive(line.y) for line in panel.lines) else "linear")
    if axes.get_xscale() == "linear" and all((line.x == np.round(line.x)).all() for line in panel.lines):
        axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))  # there is no epoch 2.5
    if panel.y_range is not None:
        axes.set_ylim(*panel.y_range)
    for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        if axis.get_scale() == "log" and high < FEW_DECADES * low:
            _number_few_decades(axis, low, high)
    _label(axes, panel.x_label, panel.y_label)


def _number_few_decades(axis: Axis, low: float, high: float) -> None:
    """Plain numbers at 1, 2 and 5, where powers of ten are too few; at equal steps where those are too few as well."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)) if high > 10 * low else MaxNLocator(5))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())


def _has_positive(values: Array) -> bool:
    return bool(((values > 0) & np.isfinite(values)).any())


def _line(axes: Axes, line: Line, place: int) -> None:
    color = COLORS[(place if line.color is None else line.color) % len(COLORS)]
    marker = {"points": ".", "path": "."}.get(line.mark, "o" if len(line.x) == 1 else "")
    name = _entry(line.name) if line.name else None
    axes.plot(line.x, line.y, linestyle=STYLES[line.mark], marker=marker, markersize=4, color=color, label=name)
    if line.band is not None:
        axes.fill_between(line.x, *line.band, color=color, alpha=0.18, linewidth=0)
    if line.mark == "path":
        axes.plot(line.x[:1], line.y[:1], "o", color=INK, markersize=5)


def _surface(axes: Axes, panel: Surface) -> None:
    heights = np.asarray(panel.z)
    low, high = np.nanmin(heights), np.nanmax(heights)
    if high > low:
        if panel.log:
            levels = low + np.concatenate([[0.0], np.geomspace((high - low) * 1e-4, high - low, NUM_CONTOURS)])
        else:
            levels = np.linspace(low, high, NUM_CONTOURS)
        shades = np.linspace(0, 1, len(levels) - 1)
        axes.contourf(panel.x, panel.y, heights, levels=levels, colors=[HEIGHTS(shade) for shade in shades])
        axes.contour(panel.x, panel.y, heights, levels=levels, colors=INK, linewidths=0.3, alpha=0.5)
    for index, path in enumerate(panel.paths):
        _line(axes, path, index + 1)
    axes.set_xlim(panel.x[0], panel.x[-1])
    axes.set_ylim(panel.y[0], panel.y[-1])
    axes.grid(visible=False)
    _label(axes, panel.x_label, panel.y_label, names_below=True)


def _regions(axes: Axes, panel: Regions) -> None:
    colors = np.array([to_rgb(COLORS[index % len(COLORS)]) for index in range(len(panel.classes))])
    shades = 1 - 0.5 * panel.probabilities @ (1 - colors)  # a mixture of the classes' colors, half way to white
    extent = (panel.x[0], panel.x[-1], panel.y[0], panel.y[-1])
    axes.imshow(shades.clip(0, 1), extent=extent, origin="lower", aspect="auto", interpolation="bilinear")
    for index in range(len(panel.classes) - 1):  # each boundary is that of its first class
        own, others = panel.probabilities[..., index], np.delete(panel.probabilities, index, axis=-1).max(-1)
        if (own > others).any() and (own < others).any():
            axes.contour(panel.x, panel.y, own - others, levels=[0], colors=INK, linewidths=1.2)
    for index, name in enumerate(panel.classes):
        mine = panel.points[panel.labels == index]
        axes.scatter(
            mine[:, 0], mine[:, 1], s=12, color=colors[index], edgecolor="white", linewidth=0.4, label=_entry(name)
        )
    axes.set_xlim(panel.x[0], panel.x[-1])
    axes.set_ylim(panel.y[0], panel.y[-1])
    axes.grid(visible=False)
    _label(axes, panel.x_label, panel.y_label, names_below=True)


def _intervals(axes: Axes, panel: Intervals) -> None:
    places = np.arange(len(panel.names))
    if panel.reference is not None:
        axes.axvline(panel.reference, color=INK, linestyle="--", linewidth=1)
    axes.hlines(places, panel.low, panel.high, color=BLUE, linewidth=2)
    axes.plot(panel.values, places, "o", color=BLUE, markersize=5)
    axes.set_yticks(places, [plain(name, MAX_LETTERS_BESIDE) for name in panel.names], fontsize=8)
    axes.set_ylim(len(places) - 0.5, -0.5)
    _label(axes, panel.x_label, "")


def _picture(axes: Axes, panel: Picture) -> None:
    pixels = np.asarray(panel.pixels)
    if panel.signed:
        largest = max(float(np.abs(pixels).max()), 1e-12)
        axes.imshow(pixels, cmap=SIGNED, vmin=-largest, vmax=largest)
    else:
        low, high = panel.ends or (None, None)
        axes.imshow(pixels, cmap="gray", vmin=low, vmax=high)
    axes.set_axis_off()


def _numbers(axes: Axes, panel: Numbers) -> None:
    largest = max(float(np.abs(panel.values).max()), 1e-12)
    axes.imshow(panel.values, cmap=SIGNED, vmin=-2 * largest, vmax=2 * largest)
    for (row, column), value in np.ndenumerate(panel.values):
        axes.text(column, row, f"{value:.4g}", ha="center", va="center")
    if panel.frame is not None:
        top, left, height, width = panel.frame
        axes.add_patch(Rectangle((left - 0.5, top - 0.5), width, height, fill=False, edgecolor=INK, linewidth=2))
    axes.set_axis_off()


def _entry(name: str) -> str:
    """A name for the legend; matplotlib leaves out those that begin with an underscore."""
    return f" {plain(name)}" if name.startswith("_") else plain(name)


def _label(axes: Axes, x_label: str, y_label: str, *, names_below: bool = False) -> None:
    axes.set_xlabel(plain(x_label, MAX_LETTERS))
    axes.set_ylabel(plain(y_label, MAX_LETTERS))
    num_names = len(axes.get_legend_handles_labels()[0])
    if num_names > MAX_NAMES_INSIDE or (names_below and num_names):
        _legend_below(axes)
    elif num_names:
        axes.legend(loc="best", fontsize=8)


def _legend_below(axes: Axes) -> None:
    """Below ticks and label: so many times the letters' size, however high the panel is; names as fit side by side."""
    place, figure = axes.get_subplotspec(), axes.get_figure(root=True)
    assert figure is not None
    room = figure.bbox.width / (place.get_gridspec().ncols if place is not None else 1)
    for num_columns in (3, 2, 1):
        legend = axes.legend(
            loc="upper center", bbox_to_anchor=(0.5, 0.0), borderaxespad=4, ncols=num_columns, fontsize=8
        )
        if legend.get_window_extent().width <= room:
            return
