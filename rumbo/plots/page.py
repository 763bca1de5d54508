"""What all our pages share: the template engine, numbers for people, pictures inside the page.

Names of files and classes come from strangers: everything is escaped by the template engine, control and direction
marks are made visible, and a content security policy forbids all but inline styles and inline pictures.
"""

import base64
import io
import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure
from PIL import Image

from rumbo.core.messages import shown, t
from rumbo.plots.style import to_svg

TEMPLATES = Path(__file__).parent / "templates"
MAX_PICTURE_PX = 144


@cache
def environment() -> jinja2.Environment:
    """The template engine: it escapes everything, and knows our filters and sentences."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["t"] = t
    made.filters |= {"number": number, "percent": percent, "interval": interval, "picture": picture}
    return made


def _finalize(value: Any) -> Any:
    """What a `{{ }}` prints: text of others with its control marks visible; our own SVG as it is."""
    if value is None:
        return ""
    return shown(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def number(value: Any) -> str:
    r"""A number for people: four digits that count, thin spaces between thousands; a dash for none.

    >>> number(0.98611), number(61706), number(None), number(3.2e-7)
    ('0.9861', '61\u202f706', '–', '3.2e-07')
    """
    if value is None or (isinstance(value, float | np.floating) and not math.isfinite(value)):
        return "–"
    if isinstance(value, str | bool):
        return str(value)
    if isinstance(value, int | np.integer) or abs(value) >= 1e4:
        return f"{value:,.0f}".replace(",", "\u202f") if abs(value) < 1e15 else f"{value:.3g}"
    return f"{value:.4g}"


def percent(value: float | None) -> str:
    """A share for people; a dash for none.

    >>> percent(0.125)
    '12.5 %'
    """
    if value is None or not math.isfinite(value):
        return "–"
    return f"{100 * value:.1f} %".replace("-", "−")


def interval(bounds: Sequence[float], *, as_percent: bool = False) -> str:
    """Both ends of an interval.

    >>> interval((0.97, 0.99))
    '0.97 – 0.99'
    """
    low, high = (percent(bound) if as_percent else number(bound) for bound in bounds)
    return f"{low} – {high}"


def picture(pixels: np.ndarray, longest_px: int = MAX_PICTURE_PX) -> str:
    """A picture as a data URI: PNG made from the pixels alone, so that nothing else of the file travels along."""
    image = Image.fromarray(np.ascontiguousarray(pixels, dtype=np.uint8))
    longest = max(image.size)
    if longest > longest_px:
        image.thumbnail((longest_px, longest_px))
    else:  # small pictures keep their pixels visible
        factor = longest_px // longest
        image = image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
    target = io.BytesIO()
    image.save(target, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(target.getvalue()).decode("ascii")


def drawing(figure: Figure, name: str) -> Markup:
    """A figure of ours as SVG inside the page; all text in it is escaped by the XML writer."""
    return Markup(to_svg(figure, name=name))


def severity_names() -> dict[str, str]:
    """What the severities of findings are called."""
    return {"error": t("error"), "warning": t("warning"), "note": t("note")}
