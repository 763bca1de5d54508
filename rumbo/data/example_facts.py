"""Numbers about single examples of any kind: what tags of errors, and slices, are made from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from rumbo.core.errors import DataError
from rumbo.data.manifest import Dataset, SignalKind
from rumbo.data.pictures.picture_facts import picture_facts
from rumbo.data.signals.signal_facts import text_facts, vocabulary, wave_facts

PICTURE_FACTS = ("mean", "std", "sharpness", "color")
"""Taken over from the records of pictures."""
MAX_EXAMPLES = 10_000
"""Examples whose contents are read; of more, some drawn by their place."""
MAX_TRAIN = 2_000


@dataclass(frozen=True, eq=False)
class ExampleFacts:
    """Numbers about some examples and about training examples.

    Attributes:
        values: fact -> value of each example, NaN where it is not known.
        train: fact -> values of a sample of the training examples.
    """

    values: Mapping[str, np.ndarray]
    train: Mapping[str, np.ndarray]


def example_facts(
    dataset: Dataset,
    rows: np.ndarray,
    train: np.ndarray,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> ExampleFacts:
    """What pictures, annotations, texts, sounds and series are like; nothing for plain tables.

    Args:
        dataset: all examples.
        rows: those asked about.
        train: training examples, of which 2,000 are looked at.
        progress: called with (done, total).
    """
    looked = spread_out(rows, MAX_EXAMPLES)
    sample = spread_out(train, MAX_TRAIN)
    total, before = len(looked) + len(sample), 0

    def told(done: int, _: int) -> None:
        if progress is not None:
            progress(before + done, total)

    known = _words(dataset, sample)
    own = _facts(dataset, looked, known, told)
    before = len(looked)
    of_train = _facts(dataset, sample, known, told, is_train=True)
    place = {row: number for number, row in enumerate(rows.tolist())}
    places = np.array([place[row] for row in looked.tolist()], dtype=np.int64)
    values = {name: _filled(len(rows), places, column) for name, column in own.items()}
    return ExampleFacts(values, {name: column[np.isfinite(column)] for name, column in of_train.items()})


def spread_out(rows: np.ndarray, limit: int) -> np.ndarray:
    """All of some rows, or `limit` of them at equal distances."""
    if len(rows) <= limit:
        return rows
    return rows[np.linspace(0, len(rows), limit, endpoint=False).astype(np.int64)]


def _filled(size: int, places: np.ndarray, column: np.ndarray) -> np.ndarray:
    values = np.full(size, np.nan)
    values[places] = column
    return values


def _facts(
    dataset: Dataset,
    rows: np.ndarray,
    known: Any,
    told: Callable[[int, int], None],
    *,
    is_train: bool = False,
) -> dict[str, np.ndarray]:
    """Fact -> value of each row, NaN where it could not be read."""
    if dataset.images is not None:
        return _of_pictures(dataset, rows, told)
    if dataset.signals is None:
        return {}
    records: list[dict[str, float]] = []
    for number, row in enumerate(rows.tolist()):
        try:
            content = dataset.signals.read(row)
        except DataError:
            records.append({})
            continue
        if dataset.signals.kind is SignalKind.TEXT:
            records.append(text_facts(content, known, is_of_them=is_train))
        else:
            records.append(wave_facts(content) if content.ndim <= 2 else {})
        told(number + 1, len(rows))
    names = dict.fromkeys(name for record in records for name in record)
    return {name: np.array([record.get(name, np.nan) for record in records]) for name in names}


def _words(dataset: Dataset, rows: np.ndarray) -> Any:
    signals = dataset.signals
    if signals is None or signals.kind is not SignalKind.TEXT:
        return None
    texts: dict[int, str] = {}
    for row in rows.tolist():
        try:
            texts[row] = signals.read(row)
        except DataError:
            continue
    return vocabulary(texts)


def _of_pictures(dataset: Dataset, rows: np.ndarray, told: Callable[[int, int], None]) -> dict[str, np.ndarray]:
    assert dataset.images is not None
    table = pl.DataFrame({"row": rows.astype(np.int64)}).join(
        picture_facts(dataset.images, rows, progress=told), on="row", how="left", maintain_order="left"
    )
    columns = {name: _numbers(table[name]) for name in PICTURE_FACTS}
    height, width = _numbers(table["height"]), _numbers(table["width"])
    columns["aspect"] = width / height
    columns["short_side"] = np.minimum(height, width)
    if "boxes" in dataset.table.columns:
        columns["object_area"] = _largest_box(dataset.table["boxes"], rows) / (height * width)
    elif dataset.masks is not None:
        columns["object_area"] = np.array([_marked_share(dataset, row) for row in rows.tolist()])
    return columns


def _numbers(column: pl.Series) -> np.ndarray:
    return column.cast(pl.Float64).fill_null(np.nan).to_numpy()


def _largest_box(boxes: pl.Series, rows: np.ndarray) -> np.ndarray:
    """Area in px of the largest box of each example; NaN without one."""
    areas = [
        max(((box["x2"] - box["x1"]) * (box["y2"] - box["y1"]) for box in found or ()), default=np.nan)
        for found in boxes.gather(rows).to_list()
    ]
    return np.array(areas, dtype=np.float64)


def _marked_share(dataset: Dataset, row: int) -> float:
    """Share of the pixels that belong to something."""
    assert dataset.masks is not None
    try:
        mask = dataset.masks.read(row)
    except DataError:
        return np.nan
    return float((mask > 0).mean()) or np.nan
