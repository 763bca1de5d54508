"""Checks of boxes as they stand in the table: what readers let pass because only the whole set shows it."""

from collections.abc import Callable, Iterable

import numpy as np
import polars as pl

from rumbo.core.messages import t
from rumbo.data.checks.codes import CODES
from rumbo.data.checks.facts import Facts
from rumbo.data.checks.findings import Finding
from rumbo.data.checks.found import found

TINY_PX = 8
EXTREME_ASPECT = 30
"""Poles and masts reach 15; measured largest on raccoon: 2.0."""
WHOLE = 0.98
MOSTLY_WHOLE = 0.8
"""Of the boxes. On raccoon, where animals fill their pictures, 0.5 % of the boxes are so large."""
SAME_IOU = 0.95
MOSTLY_EMPTY = 0.95
EDGE_PX = 1.0
"""Beyond the edge by rounding: readers clip, corrections are people's."""
FEWEST_BOXES = 20


def invalid(facts: Facts) -> Iterable[Finding]:
    """Boxes that must not reach the loss: not finite, without area, outside of the picture."""
    corners = ("x1", "y1", "x2", "y2")
    unusable = (
        ~pl.all_horizontal(pl.col(name).is_finite().fill_null(False) for name in corners)
        | (pl.col("x2") <= pl.col("x1"))
        | (pl.col("y2") <= pl.col("y1"))
        | (pl.col("x1") >= pl.col("width"))
        | (pl.col("y1") >= pl.col("height"))
        | (pl.col("x2") <= 0)
        | (pl.col("y2") <= 0)
        | (pl.col("x2") > pl.col("width") + EDGE_PX)
        | (pl.col("y2") > pl.col("height") + EDGE_PX)
        | (pl.col("x1") < -EDGE_PX)
        | (pl.col("y1") < -EDGE_PX)
    )
    yield from _about("box.invalid", facts, facts.boxes.filter(unusable.fill_null(False)))


def forms(facts: Facts) -> Iterable[Finding]:
    """Tiny boxes, strips, boxes as large as their pictures."""
    sides = (pl.col("x2") - pl.col("x1")).alias("w"), (pl.col("y2") - pl.col("y1")).alias("h")
    boxes = facts.boxes.with_columns(*sides).filter((pl.col("w") > 0) & (pl.col("h") > 0))
    short, long = pl.min_horizontal("w", "h"), pl.max_horizontal("w", "h")
    yield from _about("box.tiny", facts, boxes.filter(short < TINY_PX))
    yield from _about("box.aspect", facts, boxes.filter(long > EXTREME_ASPECT * short))
    whole = boxes.filter(pl.col("w") * pl.col("h") >= WHOLE * pl.col("width") * pl.col("height"))
    measured = boxes.filter(pl.col("width").is_not_null()).height
    if measured >= FEWEST_BOXES and whole.height > MOSTLY_WHOLE * measured:
        yield from _about("box.whole_picture", facts, whole)


def overlaps(facts: Facts) -> Iterable[Finding]:
    """Two boxes of a class that are nearly the same; crowds are passed over."""
    boxes = facts.boxes.filter(~pl.col("crowd").fill_null(False)).with_row_index("number")
    boxes = boxes.select("number", "row", "class", "x1", "y1", "x2", "y2")
    several = boxes.filter(pl.len().over("row", "class") > 1)
    pairs = several.join(several, on=["row", "class"], suffix="_b").filter(pl.col("number") < pl.col("number_b"))
    width = pl.min_horizontal("x2", "x2_b") - pl.max_horizontal("x1", "x1_b")
    height = pl.min_horizontal("y2", "y2_b") - pl.max_horizontal("y1", "y1_b")
    both = width.clip(0) * height.clip(0)
    areas = (pl.col("x2") - pl.col("x1")) * (pl.col("y2") - pl.col("y1"))
    other = (pl.col("x2_b") - pl.col("x1_b")) * (pl.col("y2_b") - pl.col("y1_b"))
    yield from _about("box.overlap", facts, pairs.filter(both > SAME_IOU * (areas + other - both)))


def empty_pictures(facts: Facts) -> Iterable[Finding]:
    """Almost all pictures without a box, or the first class without one."""
    table, target = facts.dataset.table, facts.target
    without = np.flatnonzero((table["boxes"].list.len() == 0).to_numpy())
    if len(without) > MOSTLY_EMPTY * len(table) and len(table) >= FEWEST_BOXES:
        message = t("pictures without a box: {count} of {total}.", count=len(without), total=len(table))
        yield found("box.mostly_empty", message, facts.ids(without), len(without))
    counts = facts.class_counts
    if target is None or counts is None or len(target.classes) < 3:
        return
    total = {name: sum(part[name] for part in counts.values()) for name in target.classes}
    first, *others = target.classes
    if total[first] == 0 and all(total[name] > 0 for name in others):
        message = t("'{name}', the first of {count} classes, has no box.", name=first, count=len(total))
        yield found("box.class_shift", message, [first])


def rotated_frames(facts: Facts) -> Iterable[Finding]:
    """Annotations that say the size of their picture with width and height exchanged."""
    table = facts.dataset.table
    if not {"annotated_height", "annotated_width"} <= set(table.columns):
        return
    claims = table.select("annotated_height", "annotated_width").with_row_index("row")
    claims = claims.with_columns(pl.col("row").cast(pl.Int64)).drop_nulls()
    both = claims.join(facts.pictures.select("row", "height", "width"), on="row", maintain_order="left")
    exchanged = both.filter(
        (pl.col("annotated_height") == pl.col("width"))
        & (pl.col("annotated_width") == pl.col("height"))
        & (pl.col("height") != pl.col("width"))
    )
    if exchanged.height:
        row, _, _, height, width = exchanged.row(0)
        message = t(
            "annotations of pictures that lay on their side: {count}. '{first}' is {width} x {height} px upright.",
            count=exchanged.height,
            first=facts.ids([row])[0],
            width=width,
            height=height,
        )
        yield found("box.rotated_frame", message, facts.ids(exchanged["row"]), exchanged.height)


def _about(code: str, facts: Facts, guilty: pl.DataFrame) -> Iterable[Finding]:
    """A finding that says what the code means, of how many boxes, and where the first is."""
    if guilty.height == 0:
        return
    row, name, *corners = guilty.select("row", "class", "x1", "y1", "x2", "y2").row(0)
    message = t(
        "{meaning} Boxes: {count}, such as '{name}' at {corners} in '{first}'.",
        meaning=CODES[code].meaning,
        count=guilty.height,
        name=str(name),
        corners=", ".join("?" if value is None else f"{value:g}" for value in corners),
        first=facts.ids([row])[0],
    )
    yield found(code, message, facts.ids(guilty["row"].unique(maintain_order=True)), guilty.height)


CHECKS: tuple[Callable[[Facts], Iterable[Finding]], ...] = (invalid, forms, overlaps, empty_pictures, rotated_frames)
