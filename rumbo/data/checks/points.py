"""Checks of landmarks: outside, missing, all in one place, copied, exchanged sides, shapes unlike the others."""

import re
from collections.abc import Callable, Iterable

import numpy as np

from rumbo.core.messages import t
from rumbo.data.checks.codes import CODES
from rumbo.data.checks.facts import Facts
from rumbo.data.checks.findings import Finding
from rumbo.data.checks.found import found

FEWEST_ITEMS = 20
CONSTANT_FRACTION = 0.99
FEWEST_POINTS = 3
OUTLIER_RATIO = 6
OUTLIER_RESIDUAL = 0.25
"""Of the residual after the best turn, shift and scale, against the middle one and absolute (1 = nothing in common).
Measured on 3,365 faces from all sides: middle 0.02, largest 0.18; and 0.35 where the points belong to another frame."""
MIRRORED_RATIO = 0.5
"""A mirrored fit with half the residual of the upright one. On real faces it has at least 2.7 times as much."""


def coordinates(facts: Facts) -> np.ndarray:
    """Items x points x 2, NaN where a point is not marked or an item has another number of points."""
    column, count = facts.dataset.table["points"], len(facts.target.classes) if facts.target else 0
    points = np.full((len(column), count, 2), np.nan)
    for row, item in enumerate(column.to_list()):
        if item is not None and len(item) == count:
            for place, point in enumerate(item):
                if point is not None and point["x"] is not None and point["y"] is not None:
                    points[row, place] = point["x"], point["y"]
    return points


def places(facts: Facts) -> Iterable[Finding]:
    """Points outside of their pictures, not marked, all in one place, or in the same place in all pictures."""
    points = coordinates(facts)
    if points.size == 0:
        return
    marked = np.all(np.isfinite(points), axis=2)
    pictures = facts.pictures
    rows = pictures["row"].to_numpy()
    limits = np.stack([pictures["width"].to_numpy(), pictures["height"].to_numpy()], axis=1)[:, None]
    beyond = np.logical_or(points[rows] < 0, points[rows] > limits).any(axis=(1, 2))
    yield from _about("points.edge", facts, rows[beyond])
    yield from _about("points.missing", facts, np.flatnonzero(~marked.all(axis=1)))
    low, high = (
        np.where(marked[..., None], points, np.inf).min(axis=1),
        np.where(marked[..., None], points, -np.inf).max(axis=1),
    )
    several = marked.sum(axis=1) >= FEWEST_POINTS
    yield from _about("points.equal", facts, np.flatnonzero(several & np.equal(low, high).all(axis=1)))
    names = facts.target.classes if facts.target else ()
    still = [name for place, name in enumerate(names) if _is_still(points[:, place][marked[:, place]])]
    if still:
        message = t("landmarks with the same place in all pictures: {names}.", names=", ".join(still[:10]))
        yield found("points.constant", message, still)


def _is_still(places: np.ndarray) -> bool:
    """Whether nearly all of some places are one."""
    if len(places) < FEWEST_ITEMS:
        return False
    return bool(np.unique(places, axis=0, return_counts=True)[1].max() >= CONSTANT_FRACTION * len(places))


def copied(facts: Facts) -> Iterable[Finding]:
    """Different pictures with exactly the same points."""
    first_of: dict[bytes, int] = {}
    guilty: list[int] = []
    points = coordinates(facts)
    contents = facts.dataset.table["content"].to_list()
    for row in range(len(points)):
        if np.isfinite(points[row]).all() and points.shape[1] >= FEWEST_POINTS and np.ptp(points[row], axis=0).any():
            other = first_of.setdefault(points[row].tobytes(), row)
            if contents[other] != contents[row]:
                guilty.append(row)
    yield from _about("points.copied", facts, np.array(guilty, dtype=np.int64))


def shapes(facts: Facts) -> Iterable[Finding]:
    """Shapes that no turn, shift and scale brings near to the middle shape, or only their mirror image."""
    points = coordinates(facts)
    whole = np.flatnonzero(np.isfinite(points).all(axis=(1, 2)))
    if len(whole) < FEWEST_ITEMS or points.shape[1] <= FEWEST_POINTS:
        return
    shapes = points[whole] - points[whole].mean(axis=1, keepdims=True)
    sizes = np.sqrt((shapes**2).sum(axis=(1, 2)))
    whole, shapes = whole[sizes > 0], shapes[sizes > 0] / sizes[sizes > 0, None, None]
    if len(whole) < FEWEST_ITEMS:
        return
    middle = np.median(shapes, axis=0)
    middle /= np.sqrt((middle**2).sum())
    residual, mirrored = _residuals(shapes, middle), _residuals(shapes * (-1, 1), middle)
    swapped = mirrored < MIRRORED_RATIO * residual
    usual = float(np.median(residual))
    if swapped.mean() < 0.25:
        names = facts.target.classes if facts.target else ()
        turned = _sides_exchanged(shapes, names)
        yield from _about("points.swapped", facts, whole[swapped | turned])
        swapped = swapped | turned
    far = ~swapped & (residual > max(OUTLIER_RESIDUAL, OUTLIER_RATIO * usual))
    yield from _about("points.outlier", facts, whole[far])


def _residuals(shapes: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """1 - squared cosine of each shape with the middle one after the best rotation, no mirroring (Kendall 1984)."""
    complex_shapes, wanted = shapes[..., 0] + 1j * shapes[..., 1], middle[:, 0] + 1j * middle[:, 1]
    return 1 - np.abs(complex_shapes @ wanted.conj()) ** 2


def _sides_exchanged(shapes: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Items whose points named left and right stand the other way round than in nearly all others."""
    pairs = [
        (place, names.index(twin))
        for place, name in enumerate(names)
        if (twin := re.sub(r"left", "right", name, flags=re.IGNORECASE)) != name and twin in names
    ]
    if not pairs:
        return np.zeros(len(shapes), dtype=bool)
    left, right = np.array(pairs).T
    votes = np.sign(shapes[:, left, 0] - shapes[:, right, 0])
    usual = np.sign(votes.sum(axis=0))
    if (votes == usual).mean() < 0.9:  # seen from front and back: there is no usual side
        return np.zeros(len(shapes), dtype=bool)
    return (votes == -usual).all(axis=1)


def _about(code: str, facts: Facts, rows: np.ndarray) -> Iterable[Finding]:
    if len(rows):
        ids = facts.ids(rows)
        message = t(
            "{meaning} Pictures: {count}, such as '{first}'.",
            meaning=CODES[code].meaning,
            count=len(rows),
            first=ids[0],
        )
        yield found(code, message, ids, len(rows))


CHECKS: tuple[Callable[[Facts], Iterable[Finding]], ...] = (places, copied, shapes)
