"""Boxes, masks and landmarks, moved by the numbers that moved the pixels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rumbo.data.augmentation.geometry import Geometry

EDGE_PARTS = 8
"""Each edge of a box is cut into so many before it is warped, since straight edges do not stay straight."""


@dataclass(frozen=True, kw_only=True, eq=False)
class MovedBoxes:
    """Boxes of changed pictures, as many as there were.

    Attributes:
        boxes: corners in px, clipped to the picture; NaN where nothing is left.
        left: which part of each is still in the picture, 0 to 1.
        polygons: outlines, clipped too; empty ones are gone.
    """

    boxes: Float[np.ndarray, "n 4"]
    left: Float[np.ndarray, " n"]
    polygons: tuple[tuple[Float[np.ndarray, "p 2"], ...], ...]


def move_boxes(
    geometry: Geometry,
    boxes: Float[np.ndarray, "n 4"],
    items: np.ndarray,
    polygons: Sequence[Sequence[Float[np.ndarray, "p 2"]]] | None = None,
) -> MovedBoxes:
    """Boxes where their objects went.

    A turned, slanted or warped box becomes the smallest upright one around what is in the picture of its polygons, or,
    where it has none, of its own outline.

    Args:
        geometry: how the pictures were moved.
        boxes: x1, y1, x2, y2 in px.
        items: the picture of each box, its place in the batch.
        polygons: for each box its outlines, if there are any.
    """
    size = (geometry.width, geometry.height)
    clipped, left, outlines = np.full((len(boxes), 4), np.nan), np.zeros(len(boxes)), []
    for row, box in enumerate(boxes):
        given = [] if polygons is None else [p for p in polygons[row] if len(p) >= 3]
        moved = [_move(geometry, polygon, int(items[row])) for polygon in given]
        inside = [clip(polygon, *size) for polygon in moved]
        outlines.append(tuple(polygon for polygon in inside if len(polygon)))
        if geometry.keeps_axes or not moved:
            moved = [_move(geometry, _outline(box, geometry.waves is not None), int(items[row]))]
            inside = [clip(polygon, *size) for polygon in moved]
        corners = np.concatenate(inside)
        whole, seen = sum(map(area, moved)), sum(map(area, inside))
        if len(corners) and whole > 0:
            clipped[row] = [*corners.min(axis=0), *corners.max(axis=0)]
            left[row] = min(seen / whole, 1.0)
    return MovedBoxes(boxes=clipped, left=left, polygons=tuple(outlines))


def move_box_rows(
    geometry: Geometry,
    rows: Sequence[Sequence[Mapping[str, Any]]],
    *,
    keep_fraction: float,
    swaps: Mapping[str, str] | None = None,
) -> list[list[dict[str, Any]]]:
    """The column `boxes` of a batch, moved: boxes that left are gone, cut ones are `truncated`.

    Args:
        geometry: how the pictures were moved.
        rows: for each picture its boxes, as `manifest.BOX` has them.
        keep_fraction: a box stays where at least this part of it is left.
        swaps: classes that trade names in a mirror.
    """
    flat = [(item, box) for item, boxes in enumerate(rows) for box in boxes]
    corners = np.array([[box["x1"], box["y1"], box["x2"], box["y2"]] for _, box in flat], np.float64).reshape(-1, 4)
    items = np.array([item for item, _ in flat], np.int64)
    outlines = [[np.reshape(polygon, (-1, 2)) for polygon in box.get("polygons") or ()] for _, box in flat]
    moved = move_boxes(geometry, corners, items, outlines)
    result: list[list[dict[str, Any]]] = [[] for _ in rows]
    for (item, box), place, left, polygons in zip(flat, moved.boxes, moved.left, moved.polygons, strict=True):
        if left == 0 or left < keep_fraction:
            continue
        changed = dict(box) | dict(zip(("x1", "y1", "x2", "y2"), place.tolist(), strict=True))
        if swaps and geometry.mirrored[item]:
            changed["class"] = swaps.get(box["class"], box["class"])
        if box.get("polygons") is not None:
            changed["polygons"] = [polygon.reshape(-1).tolist() for polygon in polygons]
        if left < 1 - 1e-9:
            changed["truncated"] = True
        result[item].append(changed)
    return result


def move_landmarks(
    geometry: Geometry, points: Float[np.ndarray, "b n 2"], order: np.ndarray | None = None
) -> tuple[Float[np.ndarray, "b n 2"], Bool[np.ndarray, "b n"]]:
    """Landmarks where they went, and which are inside the picture; those that are not keep their places outside.

    Args:
        geometry: how the pictures were moved.
        points: x and y in px; NaN where one was not marked.
        order: the partner of each point, as `partners.partners` gives it: the left eye of a mirrored face is the
            right one.
    """
    num_items, num_points = points.shape[:2]
    flat = geometry.points(points.reshape(-1, 2), np.repeat(np.arange(num_items), num_points))
    moved = flat.reshape(points.shape)
    if order is not None:
        moved = np.where(geometry.mirrored[:, None, None], moved[:, order], moved)
    with np.errstate(invalid="ignore"):
        inside = (moved >= 0) & (moved <= [geometry.width, geometry.height])
    return moved, np.asarray(inside.all(axis=2))


def move_masks(geometry: Geometry, masks: np.ndarray, *, border: int, order: np.ndarray | None = None) -> np.ndarray:
    """Codes per pixel where they went: nearest neighbor, so that no code is invented.

    Args:
        geometry: how the pictures were moved.
        masks: whole numbers, b x h x w.
        border: the code of what was not in the original picture: one that is ignored, or background.
        order: the partner of each class, where left and right are classes; codes beyond it stay.
    """
    codes = torch.from_numpy(masks.astype(np.float32))[:, None]
    moved: Tensor = geometry.sample(codes - border, mode="nearest", padding="zeros") + border
    changed = moved[:, 0].numpy().astype(masks.dtype)
    if order is not None and (order != np.arange(len(order))).any():
        table = np.arange(max(len(order), int(changed.max(initial=0)) + 1))
        table[: len(order)] = order
        changed = np.where(geometry.mirrored[:, None, None], table[changed], changed).astype(masks.dtype)
    return changed


def clip(polygon: Float[np.ndarray, "p 2"], width: float, height: float) -> Float[np.ndarray, "q 2"]:
    """What of a polygon is in the picture; empty where nothing is.

    Source: Sutherland, Hodgman 1974, "Reentrant polygon clipping". Parts of a hollow shape stay joined by lines along
    the border, which have no area.
    """
    if ((polygon >= 0) & (polygon <= [width, height])).all():
        return polygon
    for axis, limit, sign in ((0, 0.0, 1), (0, width, -1), (1, 0.0, 1), (1, height, -1)):
        if not len(polygon):
            break
        depth = sign * (polygon[:, axis] - limit)
        kept: list[np.ndarray] = []
        for point, d, before, d_before in zip(
            polygon, depth, np.roll(polygon, 1, axis=0), np.roll(depth, 1), strict=True
        ):
            if (d >= 0) != (d_before >= 0):
                crossing = before + (point - before) * (d_before / (d_before - d))
                crossing[axis] = limit
                kept.append(crossing)
            if d >= 0:
                kept.append(point)
        polygon = np.array(kept).reshape(-1, 2)
    return polygon


def area(polygon: Float[np.ndarray, "p 2"]) -> float:
    """Area of a polygon in px², by the shoelace formula; 0 of an empty one."""
    if not len(polygon):
        return 0.0
    x, y = (polygon - polygon[0]).T
    return 0.5 * abs(float(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))))


def _outline(box: Float[np.ndarray, " 4"], is_fine: bool) -> Float[np.ndarray, "p 2"]:
    x1, y1, x2, y2 = box
    corners = np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]])
    if not is_fine:
        return corners
    steps = np.arange(EDGE_PARTS)[:, None] / EDGE_PARTS
    edges = [a + (b - a) * steps for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True)]
    return np.concatenate(edges)


def _move(geometry: Geometry, polygon: Float[np.ndarray, "p 2"], item: int) -> Float[np.ndarray, "p 2"]:
    return geometry.points(polygon, np.full(len(polygon), item))
