"""Values of labels: from a page or a corrections file into the form that data sets hold, or refused with the reason."""

import json
import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from rumbo.core.errors import DataError
from rumbo.core.messages import shown, t
from rumbo.data.corrections import Correction

MAX_LETTERS = 255
"""Of a class name or a tag, in code points."""
MAX_MARKS = 10_000
"""Boxes or points of one example."""


def parsed(correction: Correction, file: Path, *, is_text: bool) -> Any:
    """A value of a corrections file: None, text, or a JSON list; DataError when it is none."""
    if correction.value == "":
        return None
    if is_text:
        return correction.value
    try:
        value = json.loads(correction.value)
    except ValueError:
        value = None
    if not isinstance(value, list):
        raise DataError(
            t(
                "'{path}': the value of '{field}' of '{id}' is no JSON list: '{value}'.",
                path=file,
                field=correction.field,
                id=correction.id,
                value=correction.value[:80],
            )
        )
    return value


def as_text(value: Any) -> str:
    """A value as the corrections file has it."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, allow_nan=False)


def names_in(field: str, label_field: str, value: Any) -> list[str]:
    """Class names of a value: the value itself, or those of its boxes."""
    if field != label_field or value is None:
        return []
    if isinstance(value, str):
        return [value]
    return list(dict.fromkeys(e["class"] for e in value if isinstance(e, dict) and isinstance(e.get("class"), str)))


def class_name(value: Any, known: Collection[str]) -> str:
    """A class name: one that is known, or new text that hides nothing."""
    if isinstance(value, str) and value in known:
        return value
    name = value.strip() if isinstance(value, str) else ""
    if not 1 <= len(name) <= MAX_LETTERS or shown(name) != name:
        raise DataError(
            t("'{name}' is no name: 1 to {limit} letters, no control signs.", name=str(value)[:80], limit=MAX_LETTERS)
        )
    return name


def tag_list(value: Any, known: Collection[str]) -> list[str]:
    """Tags, each once."""
    if not isinstance(value, list) or len(value) > MAX_MARKS:
        raise DataError(t("tags must be a list of texts."))
    return list(dict.fromkeys(class_name(tag, known) for tag in value))


def entries(value: Any) -> list[Mapping[str, Any]]:
    """Boxes or points as a page sends them, not looked into yet."""
    if not isinstance(value, list) or len(value) > MAX_MARKS or not all(isinstance(e, dict) for e in value):
        raise DataError(t("boxes and points must be a list of at most {limit} objects.", limit=MAX_MARKS))
    return value


def _number(entry: Mapping[str, Any], key: str) -> float:
    value = entry.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise DataError(t("{key}='{value}' must be a number of px.", key=key, value=str(value)[:40]))
    return float(value)


def box(entry: Mapping[str, Any], size: tuple[int, int], classes: Sequence[str]) -> dict[str, Any]:
    """One box, brought inside the picture; what is not said is left out."""
    width, height = size
    (x1, x2), (y1, y2) = ((_number(entry, a), _number(entry, b)) for a, b in (("x1", "x2"), ("y1", "y2")))
    x1, x2 = (round(min(max(x, 0.0), width), 2) for x in (x1, x2))
    y1, y2 = (round(min(max(y, 0.0), height), 2) for y in (y1, y2))
    if x1 >= x2 or y1 >= y2:
        raise DataError(
            t(
                "a box from ({x1}, {y1}) to ({x2}, {y2}) has no area inside the picture of {width} x {height} px.",
                x1=x1,
                y1=y1,
                x2=x2,
                y2=y2,
                width=width,
                height=height,
            )
        )
    found: dict[str, Any] = {"class": class_name(entry.get("class"), classes), "x1": x1, "y1": y1, "x2": x2, "y2": y2}
    found.update(
        {flag: entry[flag] for flag in ("crowd", "difficult", "truncated") if isinstance(entry.get(flag), bool)}
    )
    if polygons := entry.get("polygons"):
        found["polygons"] = [[_number({"polygon": x}, "polygon") for x in polygon] for polygon in polygons]
    return found


def point_list(given: Sequence[Mapping[str, Any]], size: tuple[int, int], num_names: int) -> list[dict[str, Any]]:
    """Points inside the picture, as many as there are names (any number where there are none)."""
    if num_names and len(given) > num_names:
        raise DataError(t("{count} points, but there are {names} names of points.", count=len(given), names=num_names))
    missing = {"x": None, "y": None, "visible": None}
    points: list[dict[str, Any]] = []
    for entry in given:
        if entry.get("x") is None or entry.get("y") is None:
            points.append(dict(missing))
            continue
        x, y = (round(min(max(_number(entry, k), 0.0), side), 2) for k, side in zip("xy", size, strict=True))
        visible = entry.get("visible")
        points.append({"x": x, "y": y, "visible": visible if isinstance(visible, bool) else True})
    return points + [dict(missing) for _ in range(num_names - len(points))]
