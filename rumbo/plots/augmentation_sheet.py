"""The contact sheet of augmentation: what each operation does to a few examples, and what training sees."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Polygon, Rectangle
from matplotlib.textpath import TextPath

from rumbo.core.messages import t
from rumbo.data.augmentation.sheet import Column, ContactSheet, Look
from rumbo.plots.style import BLUE, GREEN, INK, ORANGE, PURPLE, SKY, plain, styled

CELL_INCHES, GAP_INCHES, MARGIN_INCHES = 1.45, 0.1, 0.2
HEADING_INCHES, TITLE_INCHES, LEGEND_INCHES = 0.3, 0.42, 0.35
BETWEEN_INCHES = 0.15
MAX_COLUMNS = 9
MONO_POINTS = 72 * CELL_INCHES / 0.602
"""Size of a letter of the narrow font times how many fit over a cell."""
HEADING_POINTS, TITLE_POINTS, LEAST_POINTS = 11.0, 8.5, 7.5
FLATTEST, STEEPEST = 0.45, 1.4
"""Heights of a row in widths of a cell."""
COLORS = (ORANGE, SKY, GREEN, PURPLE, "#e69f00", BLUE)
OUTSIDE = "#30343b"
MUTED = "#6b7380"
LOUDNESS = LinearSegmentedColormap.from_list("loudness", ["#ffffff", "#c9dcea", BLUE, INK])
FACE_LINES = (
    *((i, i + 1) for first, last in ((0, 16), (17, 21), (22, 26), (27, 30), (31, 35)) for i in range(first, last)),
    *((i, i + 1) for first, last in ((36, 41), (42, 47), (48, 59), (60, 67)) for i in range(first, last)),
    (41, 36), (47, 42), (59, 48), (67, 60),
)  # fmt: skip
"""Which of a face's 68 points are joined: jaw, brows, nose, eyes, lips."""


@styled
def draw_contact_sheet(sheet: ContactSheet) -> Figure:
    """Rows are examples, columns what was done: the run's changes first, below them those that it leaves out."""
    places = range(len(sheet.columns))
    of_run = [place for place in places if sheet.columns[place].is_on]
    left_out = [place for place in places if not sheet.columns[place].is_on]
    bands = [(_heading(sheet, of_run), part) for part in _wrapped(of_run)]
    bands += [
        (t("Not in this run: each is switched on by --set data.augment.NAME=VALUE, as below it"), part)
        for part in _wrapped(left_out)
    ]
    heights = [CELL_INCHES * _steepness(row[0]) for row in sheet.looks]
    band_height = BETWEEN_INCHES + HEADING_INCHES + TITLE_INCHES + sum(heights) + GAP_INCHES * len(heights)
    width = 2 * MARGIN_INCHES + max(len(part) for _, part in bands) * (CELL_INCHES + GAP_INCHES) + 0.15
    legend = _legend(sheet)
    height = len(bands) * band_height - BETWEEN_INCHES + 2 * MARGIN_INCHES + (LEGEND_INCHES if legend else 0)
    room = 0.97 * 72 * (width - 2 * MARGIN_INCHES)
    heading_points = min([HEADING_POINTS, *(_fitting(heading, room, HEADING_POINTS) for heading, _ in bands)])
    if heading_points < LEAST_POINTS:
        heading_points = LEAST_POINTS
        width = 2 * MARGIN_INCHES + max(_text_points(heading, LEAST_POINTS) for heading, _ in bands) / 72
    figure = Figure(figsize=(width, height))
    figure.set_layout_engine("none")
    top, last_heading = height - MARGIN_INCHES, ""
    for heading, part in bands:
        if heading != last_heading:
            figure.text(
                MARGIN_INCHES / width,
                (top - 0.16) / height,
                heading,
                fontsize=heading_points,
                fontweight="bold",
                va="center",
            )
        last_heading = heading
        below = top - HEADING_INCHES - TITLE_INCHES
        for row, (looks, row_height) in enumerate(zip(sheet.looks, heights, strict=True)):
            below -= row_height
            middle = (below + row_height / 2) / height
            name = plain(sheet.ids[row], 20)
            figure.text(0.12 / width, middle, name, fontsize=6, color=MUTED, rotation=90, ha="center", va="center")
            loudest = max((float(np.nanmax(np.abs(look.wave), initial=0)) for look in looks if look.wave is not None),
                          default=0.0)  # fmt: skip
            for number, place in enumerate(part):
                left = MARGIN_INCHES + 0.1 + number * (CELL_INCHES + GAP_INCHES)
                frame = (left / width, below / height, CELL_INCHES / width, row_height / height)
                axes = _draw(figure, frame, looks[place], sheet, loudest)
                if row == 0:
                    _title(axes, sheet.columns[place], is_mix=place > 0 and not sheet.columns[place].setting)
            below -= GAP_INCHES
        top -= band_height
    if legend:
        figure.legend(
            handles=legend, loc="lower left", bbox_to_anchor=(MARGIN_INCHES / width, 0.05 / height), ncols=8, fontsize=8
        )
    return figure


def _fitting(text: str, room: float, most: float) -> float:
    """The size of bold letters, at most `most`, at which a text takes no more than `room` points."""
    return most * min(1.0, room / max(_text_points(text, most), 1))


def _text_points(text: str, size: float) -> float:
    if not text:
        return 0.0
    return float(TextPath((0, 0), text, size=size, prop=FontProperties(weight="bold")).get_extents().x1)


def _wrapped(places: list[int]) -> list[list[int]]:
    """Lines of nearly equal length."""
    num_lines = -(-len(places) // MAX_COLUMNS)
    return [part.tolist() for part in np.array_split(places, num_lines)] if places else []


def _heading(sheet: ContactSheet, of_run: list[int]) -> str:
    if len(of_run) == 1:
        return t("No augmentation in this run")
    if not any(sheet.columns[place].setting for place in of_run):
        return t("No change is switched on in this run: its epochs show the originals as they are")
    if any(not sheet.columns[place].setting for place in of_run[1:]):
        return t("This run: each change alone at the end of its range, then together as its first epochs show them")
    return t("This run: each change alone at the end of its range")


def _steepness(look: Look) -> float:
    if look.picture is None:
        return FLATTEST if look.spectrum is None else 0.85
    height, width = look.picture.shape[:2]
    return min(max(height / width, FLATTEST), STEEPEST)


def _title(axes: Axes, column: Column, *, is_mix: bool) -> None:
    color = BLUE if is_mix else INK if column.is_on else MUTED
    above = {"xy": (0, 1), "xycoords": "axes fraction", "textcoords": "offset points", "va": "bottom"}
    points = _fitting(column.title, 0.95 * 72 * CELL_INCHES, TITLE_POINTS)
    axes.annotate(column.title, xytext=(0, 13 if column.setting else 3), color=color,
                  fontsize=points, fontweight="bold", **above)  # fmt: skip
    size = min(6.5, MONO_POINTS / max(len(column.setting), 1))
    axes.annotate(column.setting, xytext=(0, 3), color=MUTED, fontsize=size, family="DejaVu Sans Mono", **above)


def _draw(
    figure: Figure, frame: tuple[float, float, float, float], look: Look, sheet: ContactSheet, loudest: float
) -> Axes:
    if look.picture is not None:
        axes = figure.add_axes(frame)
        _draw_picture(axes, look, sheet)
        return axes
    left, below, width, height = frame
    share = 1.0 if look.spectrum is None else 0.45
    axes = figure.add_axes((left, below + (1 - share) * height, width, share * height))
    _draw_wave(axes, look, loudest)
    if look.spectrum is not None:
        lower = figure.add_axes((left, below, width, (1 - share) * height * 0.95))
        lower.imshow(look.spectrum, origin="lower", aspect="auto", cmap=LOUDNESS, vmin=-70, vmax=0)
        _bare(lower)
    return axes


def _draw_picture(axes: Axes, look: Look, sheet: ContactSheet) -> None:
    assert look.picture is not None
    height, width = look.picture.shape[:2]
    extent = (0, width, height, 0)
    axes.imshow(look.picture, cmap="gray", vmin=0, vmax=255, extent=extent, interpolation="antialiased", aspect="auto")
    if look.mask is not None:
        axes.imshow(_painted(look.mask, sheet.ignored), extent=extent, interpolation="nearest", aspect="auto")
    for box in look.boxes or ():
        color = COLORS[(sheet.classes.index(box["class"]) if box["class"] in sheet.classes else 0) % len(COLORS)]
        corner, size = (box["x1"], box["y1"]), (box["x2"] - box["x1"], box["y2"] - box["y1"])
        axes.add_patch(Rectangle(corner, *size, fill=False, edgecolor="white", linewidth=2.4))
        axes.add_patch(Rectangle(corner, *size, fill=False, edgecolor=color, linewidth=1.4))
        for polygon in box.get("polygons") or ():
            outline = np.reshape(polygon, (-1, 2))
            axes.add_patch(Polygon(outline, facecolor=to_rgba(color, 0.3), edgecolor=color, linewidth=0.8))
    if look.points is not None:
        _draw_points(axes, look.points, sheet)
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    _bare(axes)


def _painted(mask: np.ndarray, ignored: int | None) -> np.ndarray:
    """Codes as colors: 0 is clear, what was outside the original is dark."""
    colors = np.zeros((*mask.shape, 4))
    for code in np.unique(mask).tolist():
        if code == ignored:
            colors[mask == code] = to_rgba(OUTSIDE, 0.75)
        elif code:
            colors[mask == code] = to_rgba(COLORS[(code - 1) % len(COLORS)], 0.38)
    return colors


def _draw_points(axes: Axes, points: np.ndarray, sheet: ContactSheet) -> None:
    if len(points) == 68:
        for first, last in FACE_LINES:
            axes.plot(*points[[first, last]].T, color="white", linewidth=0.9, alpha=0.8)
    order = np.array(sheet.order or range(len(points)))
    side = np.sign(order - np.arange(len(points)))
    for which, color in ((1, SKY), (0, "white"), (-1, ORANGE)):
        chosen = points[side == which]
        axes.plot(
            chosen[:, 0], chosen[:, 1], "o", color=color, markersize=2.3, markeredgewidth=0.3, markeredgecolor=INK
        )


def _draw_wave(axes: Axes, look: Look, loudest: float) -> None:
    assert look.wave is not None
    for channel, samples in enumerate(look.wave.T[:4]):
        num_parts = min(len(samples), 240)
        edges = np.linspace(0, len(samples), num_parts + 1).astype(int)
        if num_parts < 240:
            axes.plot(samples, color=COLORS[-1 - channel], linewidth=0.8)
            continue
        parts = [samples[low:high] for low, high in pairwise(edges)]
        low, high = [part.min() for part in parts], [part.max() for part in parts]
        axes.fill_between(edges[:-1], low, high, color=COLORS[-1 - channel], linewidth=0.4)
    axes.set_xlim(0, max(len(look.wave) - 1, 1))
    axes.set_ylim(-1.05 * loudest or -1, 1.05 * loudest or 1)
    _bare(axes)


def _bare(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(True)
        spine.set_color("#c5cbd3")
        spine.set_linewidth(0.6)


def _legend(sheet: ContactSheet) -> Sequence[Patch | Line2D]:
    """What colors mean; empty where there are none."""
    looks = [look for row in sheet.looks for look in row]
    if sheet.order:
        dots = {"marker": "o", "linestyle": "none", "markeredgecolor": INK, "markersize": 5}
        pairs = [
            Line2D([], [], color=SKY, label=t("first of a pair that trades places in a mirror"), **dots),
            Line2D([], [], color=ORANGE, label=t("second of it"), **dots),
            Line2D([], [], color="white", label=t("without a partner"), **dots),
        ]
        return pairs if any(place != partner for place, partner in enumerate(sheet.order)) else []
    if any(look.mask is not None for look in looks):
        names = [(code, name) for code, name in enumerate(sheet.classes) if code][:6]
        patches = [
            Patch(color=to_rgba(COLORS[(code - 1) % len(COLORS)], 0.5), label=plain(name, 20)) for code, name in names
        ]
        return [*patches, Patch(color=to_rgba(OUTSIDE, 0.75), label=t("outside the original, ignored"))]
    if any(look.spectrum is not None for look in looks):
        return [Patch(color=BLUE, label=t("below each wave: power by frequency, upward, over time"))]
    if any(look.boxes for look in looks):
        return [
            Patch(facecolor="none", edgecolor=COLORS[code % len(COLORS)], linewidth=1.5, label=plain(name, 20))
            for code, name in enumerate(sheet.classes[:6])
        ]
    return []
