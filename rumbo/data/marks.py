"""Boxes, points and tags as JSON text: read strictly, or refused with the reason."""

import json
import math
from collections.abc import Callable
from typing import Any

from rumbo.core.messages import t

EXAMPLES = {
    "boxes": '[{"class": "cat", "x1": 0, "y1": 0, "x2": 9, "y2": 9}]',
    "points": '[{"x": 1, "y": 2, "visible": true}]',
    "tags": '["blurred"]',
}
_FLAGS = ("crowd", "difficult", "truncated")


def read_marks(field: str, text: str) -> list[Any]:
    """The entries of a value of `boxes`, `points` or `tags`.

    Raises:
        ValueError: it is no JSON, no list, or an entry is none of that field; the message says which and why.
    """
    try:
        entries = json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise ValueError(t("lists in lists without end")) from None
    if not isinstance(entries, list):
        raise ValueError(t("it is no list"))
    for number, entry in enumerate(entries):
        if reason := _READERS[field](entry):
            raise ValueError(t("entry {number}: {reason}", number=number + 1, reason=reason))
    return entries


def _refuse(word: str) -> float:
    raise ValueError(t("{word} is no number", word=word))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _faulty_box(entry: Any) -> str:
    if not isinstance(entry, dict):
        return t("it is no object")
    if unknown := sorted(set(entry) - {"class", "x1", "y1", "x2", "y2", "polygons", *_FLAGS}):
        return t("'{key}' is no part of a box", key=unknown[0])
    if not isinstance(entry.get("class"), str) or not entry["class"]:
        return t("it has no class")
    if wrong := [key for key in ("x1", "y1", "x2", "y2") if not _is_number(entry.get(key))]:
        return t("{key} must be a number of px", key=wrong[0])
    if entry["x1"] >= entry["x2"] or entry["y1"] >= entry["y2"]:
        return t("it has no area: x1 must be below x2, and y1 below y2")
    if wrong := [key for key in _FLAGS if not isinstance(entry.get(key), bool | None)]:
        return t("{key} must be true or false", key=wrong[0])
    outlines = entry.get("polygons") or []
    if not isinstance(outlines, list) or not all(isinstance(o, list) and all(map(_is_number, o)) for o in outlines):
        return t("polygons must be lists of numbers")
    return ""


def _faulty_point(entry: Any) -> str:
    if not isinstance(entry, dict) or not set(entry) <= {"x", "y", "visible"}:
        return t("a point is an object of x, y and visible")
    x, y = entry.get("x"), entry.get("y")
    if (x is None) != (y is None) or (x is not None and not (_is_number(x) and _is_number(y))):
        return t("x and y must be numbers of px, or both null")
    return "" if isinstance(entry.get("visible"), bool | None) else t("{key} must be true or false", key="visible")


def _faulty_tag(entry: Any) -> str:
    return "" if isinstance(entry, str) and entry else t("a tag is text")


_READERS: dict[str, Callable[[Any], str]] = {"boxes": _faulty_box, "points": _faulty_point, "tags": _faulty_tag}
