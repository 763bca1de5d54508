"""The manifest: every data set as one table, a row per example, whatever format it came in."""

import dataclasses
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Literal, Protocol, Self

import numpy as np
import polars as pl

from rumbo.data.pictures.decode import BadItem
from rumbo.data.pictures.images import ImageSource

RESERVED = ("id", "content", "split", "source", "group", "weight", "tags")
"""Columns with a meaning of their own; a user's column of such a name gets a trailing underscore."""
SPLITS = ("train", "train_dev", "dev", "test")
"""train_dev is carved from train where dev comes from another source: it shows variance apart from data mismatch."""
BOX = pl.Struct(
    {
        "class": pl.String,
        "x1": pl.Float64,
        "y1": pl.Float64,
        "x2": pl.Float64,
        "y2": pl.Float64,
        "crowd": pl.Boolean,
        "difficult": pl.Boolean,
        "truncated": pl.Boolean,
        "polygons": pl.List(pl.List(pl.Float64)),
    }
)
"""One box: corners in px of the upright picture, x to the right, y down, pixel i covering [i, i + 1); x2 - x1 is the
width. What a format does not say is null; polygons are x, y, x, y ..."""
POINT = pl.Struct({"x": pl.Float64, "y": pl.Float64, "visible": pl.Boolean})
"""One landmark in px, as a box's corner; x and y are null where it was not marked."""


class TargetKind(Enum):
    """What is predicted."""

    CLASS = "class"
    NUMBER = "number"
    LABELS = "labels"
    """Several yes/no columns; entries may be missing."""
    BOXES = "boxes"
    """Column `boxes`: a list of `BOX`."""
    MASK = "mask"
    """A class per pixel or voxel: `Dataset.masks`; column `mask` names the file."""
    POINTS = "points"
    """Column `points`: a list of `POINT`, one for each of the target's classes, in that order."""
    IDENTITY = "identity"
    """Column `identity`: who is shown; the people of train are not those of test."""
    NOTHING = "nothing"
    """There are no labels and none are needed: text to continue, drawings, series to forecast."""


class SignalKind(Enum):
    """What an example is, when it is neither a picture nor a row of columns."""

    TEXT = "text"
    AUDIO = "audio"
    SERIES = "series"
    STROKES = "strokes"
    VOLUME = "volume"


class SignalSource(Protocol):
    """Texts, sounds, series, drawings or volumes by row.

    Attributes:
        kind: what they are.
        rate_hz: samples a second, where one is known.
    """

    kind: SignalKind
    rate_hz: float | None

    def __len__(self) -> int: ...

    def take(self, rows: np.ndarray) -> Self:
        """Those of some rows, in that order."""
        ...

    def read(self, row: int) -> Any:
        """One example, by kind; what cannot be read raises DataError with the reason.

        TEXT: str. AUDIO: float32 t x channels in -1..1. SERIES: float32 t x features. STROKES: float32 t x 3 (dx, dy,
        pen lifted). VOLUME: float32 d x h x w.
        """
        ...

    def size(self, row: int) -> tuple[int, ...]:
        """The shape that `read` gives, (characters,) for text, without reading more than it must."""
        ...


class MaskSource(Protocol):
    """A code per pixel (voxel) by row: the place of its class in `Target.classes`."""

    def __len__(self) -> int: ...

    def take(self, rows: np.ndarray) -> Self:
        """Those of some rows, in that order."""
        ...

    def read(self, row: int) -> np.ndarray:
        """uint8 or uint16, h x w or d x h x w; raises BadImage."""
        ...


@dataclass(frozen=True, kw_only=True)
class Repair:
    """What was done about one faulty annotation (a box, a point); the example itself stays.

    Attributes:
        id: the example.
        where: file and line (or entry), as `labels/a.txt:3`.
        code: the check it counts under, such as `box.outside`.
        met: the faulty value as it was met.
        action: whether it is still used.
    """

    id: str
    where: str
    code: str
    met: str
    action: Literal["clipped", "rejected", "corrected"]


@dataclass(frozen=True, kw_only=True)
class Target:
    """Which columns are predicted, and how that was decided.

    Attributes:
        columns: one column, or several for LABELS.
        kind: class, number or labels.
        classes: the names in the order of their codes; for LABELS the columns; empty for NUMBER.
        runner_up: the column that would have been next.
        reason: why these columns, a finished sentence.
    """

    columns: tuple[str, ...]
    kind: TargetKind
    classes: tuple[str, ...] = ()
    runner_up: str | None = None
    reason: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """A data set: a table, its target, and pictures where it has them.

    Attributes:
        path: where it was opened.
        format: the reader that knew it.
        table: `id` (path relative to the set, `#` and the row counted from 0 where rows matter; unique), `content`
            (sha256 of the file's or picture's bytes, else of the row; in sets of more than 100,000, `mix:` and a fast
            hash of the row, or `stat:` and one of name, size and time of change), features (Float64 or String, null =
            missing), targets (CLASS and IDENTITY String, NUMBER Float64, LABELS Float64 0 or 1, others as their kind
            says); optional `split`, `source`, `group`, `weight`, `tags`. Columns that are in neither `numbers` nor
            `categories` were left out of the inputs by a decision.
        target: None when opened without labels.
        numbers: numeric input columns.
        categories: categorical input columns.
        images: row i belongs to row i of the table; so do masks and signals.
        masks: a code per pixel, for the kind MASK.
        signals: texts, sounds, series, drawings, volumes.
        decisions: what was recognized, guessed and left out, finished sentences.
        bad: examples that are not in the table because they cannot be used, such as rows without a label.
        repairs: faulty annotations, and what was done about them.
        num_annotations: boxes or points as the files have them: those in the table + the rejected.
    """

    path: Path
    format: str
    table: pl.DataFrame
    target: Target | None
    numbers: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    images: ImageSource | None = None
    masks: MaskSource | None = None
    signals: SignalSource | None = None
    decisions: tuple[str, ...] = ()
    bad: tuple[BadItem, ...] = ()
    repairs: tuple[Repair, ...] = ()
    num_annotations: int | None = None

    def __len__(self) -> int:
        return self.table.height

    def take(self, rows: np.ndarray) -> "Dataset":
        """The examples of some rows, in that order."""
        rows = np.asarray(rows)
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows.astype(np.int64)
        return dataclasses.replace(
            self,
            table=self.table[rows],
            images=None if self.images is None else self.images.take(rows),
            masks=None if self.masks is None else self.masks.take(rows),
            signals=None if self.signals is None else self.signals.take(rows),
        )

    @property
    def ids(self) -> list[str]:
        """The names of the examples, in order."""
        return self.table["id"].to_list()

    def sha256(self) -> str:
        """One hash over ids, contents, targets and weights: whether these are the data that a run was made with."""
        told = [*(self.target.columns if self.target is not None else ()), "weight"]
        columns = ["id", "content", *(name for name in told if name in self.table.columns)]
        digest = hashlib.sha256()
        for values in self.table.select(columns).iter_rows():
            digest.update(("\0".join(map(str, values)) + "\n").encode("utf-8", "surrogateescape"))
        return digest.hexdigest()


def sha256_of_each(items: Iterable[bytes]) -> list[str]:
    """The `content` of items: sha256 of their bytes."""
    return [hashlib.sha256(item).hexdigest() for item in items]


def row_ids(name: str, num_rows: int) -> list[str]:
    """Ids of the rows of one file: `name#0`, `name#1` ..."""
    return [f"{name}#{row}" for row in range(num_rows)]
