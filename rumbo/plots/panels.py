"""What a figure shows, as numbers: the panels that experiments hand over. Light: nothing is drawn here.

Titles, labels and names are sentences of ours, already translated, or names from data; whoever draws makes them safe.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.floating]


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line, or points, with an interval around it if there is one.

    Args:
        name: for the legend; empty for none.
        x: n numbers.
        y: n numbers; where not finite, the line is broken.
        band: lower and upper ends, n numbers each.
        mark: how it is drawn.
        color: which of the palette's colors, from 0, for lines that stand for the same in several panels; None takes
            the next one.
    """

    name: str
    x: Array
    y: Array
    band: tuple[Array, Array] | None = None
    mark: Literal["line", "dashes", "points", "path"] = "line"
    color: int | None = None


@dataclass(frozen=True, kw_only=True)
class Lines:
    """Lines over one pair of axes."""

    title: str
    x_label: str
    y_label: str
    lines: tuple[Line, ...]
    log_x: bool = False
    log_y: bool = False
    y_range: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True)
class Surface:
    """A function of two numbers as contours, with paths over it.

    Args:
        title: above the panel.
        x_label: below it.
        y_label: beside it.
        x: nx numbers.
        y: ny numbers.
        z: heights, ny x nx.
        paths: lines over the surface; their first point is where they begin.
        log: contours at equal ratios of the height above its minimum instead of equal steps.
        z_label: of the color bar.
    """

    title: str
    x_label: str
    y_label: str
    x: Array
    y: Array
    z: Array
    paths: tuple[Line, ...] = ()
    log: bool = False
    z_label: str = ""


@dataclass(frozen=True, kw_only=True)
class Regions:
    """Which class a classifier chooses where, with the examples.

    Args:
        title: above the panel.
        x_label: below it.
        y_label: beside it.
        x: nx numbers.
        y: ny numbers.
        probabilities: of each class, ny x nx x k.
        points: examples, n x 2.
        labels: class of each example, n.
        classes: k names.
    """

    title: str
    x_label: str
    y_label: str
    x: Array
    y: Array
    probabilities: Array
    points: Array
    labels: NDArray[np.integer]
    classes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Intervals:
    """Numbers with their intervals, one below the other.

    Args:
        title: above the panel.
        x_label: below it.
        names: n names, from the top.
        values: n numbers.
        low: lower ends, n.
        high: upper ends, n.
        reference: what they are compared with.
    """

    title: str
    x_label: str
    names: tuple[str, ...]
    values: Array
    low: Array
    high: Array
    reference: float | None = None


@dataclass(frozen=True, kw_only=True)
class Picture:
    """Pixels: h x w x 3 colors in 0..255, or h x w numbers drawn from their least to their largest.

    Args:
        title: above the panel.
        pixels: the picture.
        signed: numbers below and above 0 get two colors, with 0 in the middle.
        ends: the numbers that are drawn black and white, where not the least and the largest.
    """

    title: str
    pixels: NDArray[np.generic]
    signed: bool = False
    ends: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """A small matrix with its values written in the cells, h x w; a marked part has a frame.

    Args:
        title: above the panel.
        values: h x w.
        frame: top row, left column, height and width of what is marked.
    """

    title: str
    values: Array
    frame: tuple[int, int, int, int] | None = None


Panel: TypeAlias = Lines | Surface | Regions | Intervals | Picture | Numbers
