"""What the checks look at: the data set, its splits, and what is read of its contents once for all checks."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from rumbo.core.errors import DataError
from rumbo.data.checks.findings import MAX_ITEMS
from rumbo.data.manifest import SPLITS, Dataset, SignalKind, Target, TargetKind
from rumbo.data.pictures.decode import BadItem
from rumbo.data.pictures.picture_facts import SCHEMA, picture_facts
from rumbo.data.splits.split import Split

MAX_PICTURES = 2000
"""Pictures (texts, sounds) read for statistics before a training; of larger sets every n-th. `thorough` reads all."""
MAX_MASKS = 400


@dataclass(frozen=True)
class Facts:
    """A data set as the checks see it."""

    dataset: Dataset
    split: Split
    bad: tuple[BadItem, ...] = ()
    thorough: bool = False

    @cached_property
    def rows(self) -> dict[str, np.ndarray]:
        """Split -> its rows."""
        return {name: self.split.rows(self.dataset, name) for name in SPLITS}

    @cached_property
    def splits(self) -> np.ndarray:
        """The split of each row, "" for none."""
        names = np.full(len(self.dataset), "", dtype=object)
        for split, rows in self.rows.items():
            names[rows] = split
        return names

    @property
    def used_splits(self) -> tuple[str, ...]:
        """The splits to tell of: train_dev only where there is one."""
        return tuple(name for name in SPLITS if name != "train_dev" or len(self.rows[name]))

    @property
    def target(self) -> Target | None:
        """What is predicted."""
        return self.dataset.target

    def is_kind(self, *kinds: TargetKind) -> bool:
        """Whether the target is of one of some kinds."""
        return self.target is not None and self.target.kind in kinds

    def has_signals(self, *kinds: SignalKind) -> bool:
        """Whether the examples are of one of some kinds."""
        return self.dataset.signals is not None and self.dataset.signals.kind in kinds

    def ids(self, rows: Iterable[int]) -> tuple[str, ...]:
        """The first ids of some rows."""
        column = self.dataset.table["id"]
        return tuple(column[int(row)] for row, _ in zip(rows, range(MAX_ITEMS), strict=False))

    @cached_property
    def given_splits(self) -> pl.Series:
        """The split of each row as the data give it, before dev was cut from train; else as it was cut."""
        if "split" in self.dataset.table.columns:
            return self.dataset.table["split"]
        return pl.Series(self.splits.tolist(), dtype=pl.String)

    @cached_property
    def classes(self) -> pl.Series | None:
        """The class of each row, when the target is one."""
        target = self.target
        return self.dataset.table[target.columns[0]] if target and target.kind is TargetKind.CLASS else None

    @cached_property
    def class_counts(self) -> dict[str, dict[str, int]] | None:
        """Split -> class -> examples; boxes of it for BOXES, yes for LABELS; None where the target has no classes."""
        target, table = self.target, self.dataset.table
        if target is None or not target.classes:
            return None
        if target.kind is TargetKind.CLASS:
            pairs = pl.DataFrame({"split": self.splits.tolist(), "class": table[target.columns[0]]})
        elif target.kind is TargetKind.BOXES:
            pairs = self.boxes.select("split", "class")
        elif target.kind is TargetKind.LABELS:
            columns = [table[name].fill_null(0) for name in target.columns]
            return {
                split: {column.name: int(column[rows].sum()) for column in columns} for split, rows in self.rows.items()
            }
        else:
            return None
        met = {(split, name): count for split, name, count in pairs.group_by("split", "class").len().iter_rows()}
        return {split: {name: met.get((split, name), 0) for name in target.classes} for split in SPLITS}

    @cached_property
    def pictures(self) -> pl.DataFrame:
        """Records of the pictures, or of every n-th; empty where there are none."""
        images = self.dataset.images
        if images is None:
            return pl.DataFrame(schema=SCHEMA)
        return picture_facts(images, self.sample(MAX_PICTURES))

    @cached_property
    def boxes(self) -> pl.DataFrame:
        """A row per box: `row`, `split`, the fields of BOX, and `height`, `width` of its picture where it was read."""
        table = self.dataset.table.select("boxes").with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
        table = table.with_columns(pl.Series("split", self.splits.tolist(), dtype=pl.String))
        flat = table.explode("boxes").filter(pl.col("boxes").is_not_null()).unnest("boxes")
        return flat.join(self.pictures.select("row", "height", "width"), on="row", how="left", maintain_order="left")

    def sample(self, limit: int) -> np.ndarray:
        """All rows, or every n-th so that about `limit` are read."""
        step = 1 if self.thorough else -(-len(self.dataset) // limit)
        return np.arange(0, len(self.dataset), max(1, step))

    def signals(self) -> Iterator[tuple[int, Any]]:
        """(row, content) of the signals, or of every n-th; what cannot be read is passed over: a finding names it."""
        signals = self.dataset.signals
        if signals is None:
            return
        for row in self.sample(MAX_PICTURES).tolist():
            try:
                yield row, signals.read(row)
            except DataError:
                continue

    @cached_property
    def texts(self) -> dict[int, str]:
        """Row -> text."""
        return dict(self.signals()) if self.has_signals(SignalKind.TEXT) else {}

    @cached_property
    def masks(self) -> list["MaskFacts"]:
        """Records of the masks, or of every n-th."""
        masks, target = self.dataset.masks, self.target
        if masks is None or target is None:
            return []
        found: list[MaskFacts] = []
        for row in self.sample(MAX_MASKS).tolist():
            try:
                found.append(mask_facts(row, masks.read(row), len(target.classes)))
            except DataError:
                continue
        return found


@dataclass(frozen=True, kw_only=True)
class MaskFacts:
    """What is kept of a mask.

    Attributes:
        row: its row.
        shape: h x w or d x h x w.
        counts: pixels of each code; of codes beyond the classes, the last entry.
        lonely: share of the pixels whose neighbours above, below, left and right all are of other codes.
    """

    row: int
    shape: tuple[int, ...]
    counts: np.ndarray
    lonely: float


def mask_facts(row: int, mask: np.ndarray, num_classes: int) -> MaskFacts:
    """Look at one mask."""
    beyond = min(num_classes, np.iinfo(mask.dtype).max)
    counts = np.bincount(np.minimum(mask, beyond).ravel(), minlength=num_classes + 1)
    middle = mask[..., 1:-1, 1:-1]
    around = (mask[..., :-2, 1:-1], mask[..., 2:, 1:-1], mask[..., 1:-1, :-2], mask[..., 1:-1, 2:])
    lonely = np.logical_and.reduce([middle != other for other in around]).mean() if middle.size else 0.0
    return MaskFacts(row=row, shape=mask.shape, counts=counts, lonely=float(lonely))
