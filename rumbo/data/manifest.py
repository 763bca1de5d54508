"""The manifest: every data set as one table, a row per example, whatever format it came in."""

import dataclasses
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np
import polars as pl

from rumbo.data.decode import BadItem
from rumbo.data.images import ImageSource

RESERVED = ("id", "content", "split", "source", "group", "weight")
"""Columns with a meaning of their own; a user's column of such a name gets a trailing underscore."""
SPLITS = ("train", "dev", "test")


class TargetKind(Enum):
    """What is predicted."""

    CLASS = "class"
    NUMBER = "number"
    LABELS = "labels"
    """Several yes/no columns; entries may be missing."""


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
            (sha256 of the picture's bytes, else of the row), features (Float64 or String, null = missing), targets
            (CLASS String, NUMBER Float64, LABELS Float64 0 or 1); optional `split`, `source`, `group`, `weight`.
            Columns that are in neither `numbers` nor `categories` were left out of the inputs by a decision.
        target: None when opened without labels.
        numbers: numeric input columns.
        categories: categorical input columns.
        images: row i belongs to row i of the table.
        decisions: what was recognized, guessed and left out, finished sentences.
        bad: examples that are not in the table because they cannot be used, such as rows without a label.
    """

    path: Path
    format: str
    table: pl.DataFrame
    target: Target | None
    numbers: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    images: ImageSource | None = None
    decisions: tuple[str, ...] = ()
    bad: tuple[BadItem, ...] = ()

    def __len__(self) -> int:
        return self.table.height

    def take(self, rows: np.ndarray) -> "Dataset":
        """The examples of some rows, in that order."""
        rows = np.asarray(rows)
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows.astype(np.int64)
        return dataclasses.replace(
            self, table=self.table[rows], images=None if self.images is None else self.images.take(rows)
        )

    @property
    def ids(self) -> list[str]:
        """The names of the examples, in order."""
        return self.table["id"].to_list()

    def sha256(self) -> str:
        """One hash over ids and contents: whether these are the data that a run was made with."""
        digest = hashlib.sha256()
        for name, content in self.table.select("id", "content").iter_rows():
            digest.update(f"{name}\0{content}\n".encode("utf-8", "surrogateescape"))
        return digest.hexdigest()


def sha256_of_each(items: Iterable[bytes]) -> list[str]:
    """The `content` of items: sha256 of their bytes."""
    return [hashlib.sha256(item).hexdigest() for item in items]


def row_ids(name: str, num_rows: int) -> list[str]:
    """Ids of the rows of one file: `name#0`, `name#1` ..."""
    return [f"{name}#{row}" for row in range(num_rows)]
