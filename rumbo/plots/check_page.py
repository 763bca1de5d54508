"""The page of `rumbo check`: what the data are, examples to look at, and what was found."""

import contextvars
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from rumbo.core.messages import use_language
from rumbo.plots.page import drawing, environment, severity_names
from rumbo.plots.shares import class_shares
from rumbo.plots.style import BLUE, GREEN, ORANGE, PURPLE, SKY

COLORS = (ORANGE, BLUE, GREEN, PURPLE, SKY)
DRAWN_PX = 288
"""Longest side that annotations are drawn at: twice what the page shows."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One example to look at.

    Attributes:
        id: its name.
        caption: its class or number, as text.
        pixels: uint8, h x w or h x w x 3; None for what is no picture.
        text: the beginning of a text, or values of columns.
        boxes: (class code, x1, y1, x2, y2) in px of `pixels`.
        points: (x, y) in px of `pixels`.
        mask: a code per pixel, h x w; 0 is not drawn.
    """

    id: str
    caption: str
    pixels: np.ndarray | None = None
    text: str = ""
    boxes: Sequence[tuple[int, float, float, float, float]] = ()
    points: Sequence[tuple[float, float]] = ()
    mask: np.ndarray | None = None


@dataclass(frozen=True, kw_only=True)
class CheckPage:
    """What the page tells; a section without content is left out.

    Attributes:
        title: name of the data set.
        created: date and time in UTC, as text.
        language: code of the page's language.
        facts: (name, value) pairs for the top.
        decisions: sentences about what was recognized, guessed and left out.
        splits: one per split: `split`, `items`, `share`, and for classes `classes`: name -> examples.
        findings: as in `ReportData`.
        examples: to look at.
    """

    title: str
    created: str
    language: str
    facts: Sequence[tuple[str, str]] = ()
    decisions: Sequence[str] = ()
    splits: Sequence[Mapping[str, Any]] = ()
    findings: Sequence[Mapping[str, Any]] = ()
    examples: Sequence[Shown] = ()


def write_check_page(path: Path, page: CheckPage) -> None:
    """Write the page as one HTML file, in its language."""
    path.write_text(contextvars.copy_context().run(_render, page), encoding="utf-8")


def _render(page: CheckPage) -> str:
    use_language(page.language)
    counts = {split["split"]: split["classes"] for split in page.splits if split.get("classes")}
    shares = drawing(class_shares(counts), "shares") if counts else None
    examples = [
        {"id": item.id, "caption": item.caption, "text": item.text, "picture": drawn(item)} for item in page.examples
    ]
    values = {spec.name: getattr(page, spec.name) for spec in dataclasses.fields(page)}
    return (
        environment()
        .get_template("check.html")
        .render(
            **(values | {"examples": examples}),
            shares=shares,
            class_names=list(dict.fromkeys(name for row in page.splits for name in row.get("classes") or ())),
            severity_names=severity_names(),
        )
    )


def drawn(item: Shown) -> np.ndarray | None:
    """The picture with its mask, boxes and points drawn on it; as it is where there are none."""
    if item.pixels is None or not (item.boxes or item.points or item.mask is not None):
        return item.pixels
    picture = Image.fromarray(item.pixels).convert("RGB")
    if item.mask is not None:
        picture = _tinted(picture, item.mask)
    factor = DRAWN_PX / max(picture.size)
    picture = picture.resize((max(1, round(picture.width * factor)), max(1, round(picture.height * factor))))
    draw = ImageDraw.Draw(picture)
    for code, *corners in item.boxes:
        draw.rectangle([factor * corner for corner in corners], outline=_color(code), width=3)
    for x, y in item.points:
        draw.ellipse([factor * x - 2, factor * y - 2, factor * x + 2, factor * y + 2], fill=_color(1))
    return np.asarray(picture)


def _tinted(picture: Image.Image, mask: np.ndarray) -> Image.Image:
    pixels = np.asarray(picture, np.float32)
    colors = np.array([_rgb(code) for code in range(int(mask.max(initial=0)) + 1)], np.float32)
    is_marked = (mask > 0)[..., None]
    tinted = np.where(is_marked, 0.55 * pixels + 0.45 * colors[mask], pixels)
    return Image.fromarray(tinted.astype(np.uint8))


def _color(code: int) -> str:
    return COLORS[code % len(COLORS)]


def _rgb(code: int) -> tuple[int, int, int]:
    text = _color(code).lstrip("#")
    return int(text[0:2], 16), int(text[2:4], 16), int(text[4:6], 16)
