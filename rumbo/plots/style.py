"""One look for all figures, and figures as SVG or PNG: same input, same bytes; no global state is left behind."""

import functools
import io
import threading
import unicodedata
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from rumbo.core.messages import shown

# Okabe, Ito 2008, "Color universal design": told apart by colour-blind people, and in grey by their lightness.
BLUE, ORANGE, GREEN, PURPLE, SKY = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9"
SPLIT_COLORS = {"human": "#8a8f98", "train": BLUE, "train_dev": SKY, "dev": ORANGE, "test": GREEN, "real_world": PURPLE}
INK = "#1b2430"
WIDTH_INCHES = 7.2
MAX_LETTERS = 32

_STYLE: dict[Any, Any] = {
    "figure.constrained_layout.use": True,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.0,
    "axes.titlesize": 10.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": INK,
    "grid.alpha": 0.12,
    "text.color": INK,
    "text.usetex": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "svg.fonttype": "none",
    "svg.hashsalt": "rumbo",
}
_LOCK = threading.RLock()  # matplotlib's settings belong to the process

P = ParamSpec("P")


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Run a drawing function with our settings, and put the old ones back."""

    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with _LOCK, matplotlib.rc_context(_STYLE), ignoring_glyphs():
            return draw(*args, **kwargs)

    return drawn


def plain(text: object, max_letters: int = MAX_LETTERS) -> str:
    r"""Text of others for a figure: shown as it is, never read as mathematics, in one line, with its end kept.

    >>> plain("price in $ and $")
    'price in \\$ and \\$'
    >>> plain("a" * 50 + ".png", max_letters=12)
    'aaaaaa…a.png'
    """
    letters = shown(text)
    if _width(letters) > max_letters:
        end = max_letters // 2 - 1
        letters = _fitting(letters, max_letters - end - 1) + "…" + _fitting(letters[::-1], end)[::-1]
    return letters.replace("$", r"\$")


def _width(text: str) -> int:
    """Columns that the text takes: East Asian letters and pictograms take two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _fitting(text: str, width: int) -> str:
    """The longest start of the text that takes no more columns."""
    return next(text[:end] for end in range(min(len(text), width), -1, -1) if _width(text[:end]) <= width)


@contextmanager
def ignoring_glyphs() -> Iterator[None]:
    """No warnings about names in scripts that our font lacks."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        yield


def to_png(figure: Figure, *, dots_per_inch: int = 144) -> bytes:
    """The figure as PNG on white, without metadata."""
    with _LOCK, matplotlib.rc_context(_STYLE), ignoring_glyphs():
        FigureCanvasAgg(figure)
        target = io.BytesIO()
        figure.savefig(target, format="png", dpi=dots_per_inch, facecolor="white", metadata={"Software": None})
    return target.getvalue()


def to_svg(figure: Figure, *, name: str = "figure") -> str:
    """The figure as one `<svg>` element with real text: no date, no comments, no style sheet, no links.

    Ink takes the color of the text around it, so that a figure inside a dark page is readable.

    Args:
        figure: to be drawn.
        name: starts every id, so that several figures can stand in one page; letters, digits, hyphens.
    """
    with _LOCK, matplotlib.rc_context(_STYLE), ignoring_glyphs():
        FigureCanvasSVG(figure)
        target = io.StringIO()
        no_metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(target, format="svg", metadata=no_metadata)
    return _clean(target.getvalue(), name)


_SVG = "{http://www.w3.org/2000/svg}"
_LINK = "{http://www.w3.org/1999/xlink}href"
_DROPPED = {"metadata", "style"}
SVG_TAGS = {"svg", "g", "defs", "path", "clipPath", "rect", "circle", "use", "text", "tspan", "image"}


def _clean(text: str, name: str) -> str:
    """Keep only what draws; an element that we do not know is a fault of ours."""
    root = ET.fromstring(text[text.index("<svg") :])
    links = _references(text)
    for element in root.iter():
        for child in list(element):
            if child.tag.removeprefix(_SVG) in _DROPPED:
                element.remove(child)
    for element in root.iter():
        element.tag = element.tag.removeprefix(_SVG)
        if element.tag not in SVG_TAGS:
            raise ValueError(f"matplotlib drew an element <{element.tag}> that reports do not allow.")
        _clean_attributes(element, name, links)
    root.set("xmlns", "http://www.w3.org/2000/svg")
    return ET.tostring(root, encoding="unicode")


def _references(text: str) -> set[str]:
    """All ids that something points at: url(#id) or href="#id"."""
    parts = text.split("#")[1:]
    return {part[: min((part + ')"').index(end) for end in ')"')] for part in parts}


def _clean_attributes(element: ET.Element, name: str, links: set[str]) -> None:
    if element.get("id") in links:
        element.set("id", f"{name}-{element.get('id')}")
    else:
        element.attrib.pop("id", None)
    link = element.attrib.pop(_LINK, None)
    if link is not None:
        element.set("href", f"#{name}-{link[1:]}" if link.startswith("#") else link)
    for key, value in element.attrib.items():
        element.set(key, value.replace("url(#", f"url(#{name}-").replace(INK, "currentColor"))
