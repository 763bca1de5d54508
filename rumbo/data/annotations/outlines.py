"""Masks in run lengths, as COCO has them, and their outlines along pixel edges: nothing is lost."""

from itertools import pairwise

import numpy as np

_LOW, _MORE, _SIGN = 0x1F, 0x20, 0x10
_FIRST_CHARACTER = 48


def unpack_counts(text: str) -> np.ndarray:
    """The run lengths of COCO's compressed text: six bits a character, differences to the run before last.

    Raises:
        ValueError: a character outside of the alphabet, or text that ends inside of a number.

    >>> unpack_counts("520").tolist()
    [5, 2, 0]
    """
    counts: list[int] = []
    value = shift = 0
    for character in text:
        bits = ord(character) - _FIRST_CHARACTER
        if not 0 <= bits < 64 or shift > 60:
            raise ValueError(f"{character!r} is no part of packed run lengths.")
        value |= (bits & _LOW) << shift
        shift += 5
        if bits & _MORE:
            continue
        if bits & _SIGN:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value = shift = 0
    if shift:
        raise ValueError("packed run lengths end inside of a number.")
    return np.array(counts, np.int64)


def decode_counts(counts: np.ndarray, height: int, width: int) -> np.ndarray:
    """The mask of run lengths that go down the columns, beginning outside.

    Returns:
        bool, h x w.

    Raises:
        ValueError: a run below 0, or runs that do not add up to the number of pixels.

    >>> decode_counts(np.array([1, 2, 1]), 2, 2).astype(int).tolist()
    [[0, 1], [1, 0]]
    """
    counts = counts.astype(np.int64)
    if (counts < 0).any() or counts.sum() != height * width:
        raise ValueError(f"run lengths must be >= 0 and add up to {height * width}.")
    inside = np.arange(len(counts)) % 2 == 1
    return np.repeat(inside, counts).reshape(width, height).T


def outlines_of_mask(mask: np.ndarray) -> list[list[float]]:
    """Polygons x, y, x, y ... whose union is exactly the mask; none has a hole, those are cut open.

    Args:
        mask: bool, h x w; pixel i covers [i, i + 1).

    >>> outlines_of_mask(np.array([[False, True, True]]))
    [[1.0, 0.0, 3.0, 0.0, 3.0, 1.0, 1.0, 1.0]]
    """
    loops = _loops(mask)
    cuts = sorted({min(x for x, _ in loop) + 1 for loop in loops if _is_hole(loop)})
    if cuts:  # a cut through the first column of each hole opens all of them
        edges = [0, *cuts, mask.shape[1]]
        loops = [
            [(x + start, y) for x, y in loop] for start, stop in pairwise(edges) for loop in _loops(mask[:, start:stop])
        ]
    return [[float(value) for point in _corners(loop) for value in point] for loop in loops]


def _loops(mask: np.ndarray) -> list[list[tuple[int, int]]]:
    """Closed ways along pixel edges, the mask on the right hand: clockwise around it, the other way in its holes."""
    padded = np.pad(mask.astype(bool), 1)
    inner = padded[1:-1, 1:-1]
    after: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for neighbour, start, step in (
        (padded[:-2, 1:-1], (0, 0), (1, 0)),  # nothing above: to the right along the top
        (padded[1:-1, 2:], (1, 0), (0, 1)),
        (padded[2:, 1:-1], (1, 1), (-1, 0)),
        (padded[1:-1, :-2], (0, 1), (0, -1)),
    ):
        for y, x in np.argwhere(inner & ~neighbour).tolist():
            after.setdefault((x + start[0], y + start[1]), []).append(step)
    loops: list[list[tuple[int, int]]] = []
    while after:
        first = point = next(iter(after))
        step = after[first][0]
        loop: list[tuple[int, int]] = []
        while True:
            loop.append(point)
            steps = after[point]
            # Where two pixels touch by a corner, turning right stays with the same pixel.
            right = (-step[1], step[0])
            step = right if right in steps and len(steps) > 1 else steps[0]
            steps.remove(step)
            if not steps:
                del after[point]
            point = (point[0] + step[0], point[1] + step[1])
            if point == first:
                break
        loops.append(loop)
    return loops


def _is_hole(loop: list[tuple[int, int]]) -> bool:
    area = sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in zip(loop, [*loop[1:], loop[0]], strict=True))
    return area < 0


def _corners(loop: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The points at which a way turns."""
    return [
        point
        for before, point, behind in zip([loop[-1], *loop[:-1]], loop, [*loop[1:], loop[0]], strict=True)
        if (point[0] - before[0], point[1] - before[1]) != (behind[0] - point[0], behind[1] - point[1])
    ]
