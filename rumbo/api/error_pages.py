"""The page of `rumbo errors`: its numbers, and what the wrong examples look like."""

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rumbo.api.answers import answer_of
from rumbo.api.judged import Judged
from rumbo.core.errors import DataError, StorageError, os_reason
from rumbo.core.messages import language, t
from rumbo.data.files import safe_name
from rumbo.data.manifest import Dataset, SignalKind
from rumbo.plots.error_page import ErrorPage, write_error_page

if TYPE_CHECKING:
    from rumbo.api.error_analysis import ErrorAnalysis, WrongExample

MAX_LETTERS = 240
MAX_COLUMNS = 16
MAX_PAIRS = 15
MAX_PICTURE_PX = 144


def write_page(analysis: "ErrorAnalysis", found: Judged) -> None:
    """Write the page.

    Raises:
        StorageError: it cannot be written.
    """
    assert analysis.page is not None
    of_clusters = {name for cluster in analysis.clusters for name in cluster.examples}
    looks = _looks(found, {example.id for example in analysis.examples} | of_clusters)
    answers = _answers(found, of_clusters)
    data = None if found.dataset is None else safe_name(Path(os.path.abspath(found.dataset.path)).name)
    name = safe_name(found.run.name)
    page = ErrorPage(
        title=data or name,
        run=name,
        split=analysis.split,
        created=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        language=language(),
        table=analysis.table.to_dict(),
        pairs=[pair.to_dict() for pair in analysis.pairs[:MAX_PAIRS]],
        num_pairs=len(analysis.pairs),
        slices=analysis.slices.to_dict(),
        clusters=[
            cluster.to_dict() | {"examples": [{**answers[name], **looks.get(name, {})} for name in cluster.examples]}
            for cluster in analysis.clusters
        ],
        groups=[(heading, [_shown(one, looks) for one in some]) for heading, some in _grouped(analysis)],
        remarks=analysis.remarks,
    )
    try:
        write_error_page(analysis.page, page)
    except OSError as problem:
        raise StorageError(
            t("'{path}' cannot be written: {problem}.", path=analysis.page, problem=os_reason(problem))
        ) from None


def _answers(found: Judged, ids: set[str]) -> dict[str, dict[str, Any]]:
    """Id -> `id`, truth and answer."""
    table = found.task.table(found.predictions)
    return {
        name: {"id": name, **answer_of(found.task, found.predictions, table.row(row, named=True), row)}
        for row, name in enumerate(found.predictions.ids)
        if name in ids
    }


def _grouped(analysis: "ErrorAnalysis") -> Iterable[tuple[str, list["WrongExample"]]]:
    """The examples by what was taken for what; all together where there are no classes."""
    if analysis.task != "classify":
        return [("", list(analysis.examples))] if analysis.examples else []
    runs = groupby(analysis.examples, key=lambda one: (str(one.true), str(one.predicted)))
    return [
        (t("{true} taken for {predicted}", true=pair[0], predicted=pair[1]), list(examples)) for pair, examples in runs
    ]


def _shown(example: "WrongExample", looks: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "true": example.true,
        "predicted": example.predicted,
        "probability": example.probability,
        "tags": example.tags,
        **looks.get(example.id, {"id": example.id}),
    }


def _looks(found: Judged, ids: set[str]) -> dict[str, dict[str, Any]]:
    """Id -> what to see of the example."""
    if found.dataset is None:
        return {}
    row_of = dict(zip(found.predictions.ids, found.rows.tolist(), strict=True))
    return {name: {"id": name, **look_of(found.dataset, row_of[name])} for name in ids}


def look_of(dataset: Dataset, row: int) -> dict[str, Any]:
    """`picture`, `text` or `features` of an example; nothing where it cannot be read."""
    try:
        if dataset.images is not None:
            return {"picture": _small(dataset.images.read(row))}
        if dataset.signals is not None:
            content = dataset.signals.read(row)
            if dataset.signals.kind is SignalKind.TEXT:
                return {"text": " ".join(content[: 2 * MAX_LETTERS].split())[:MAX_LETTERS]}
            return {"picture": drawn_wave(np.asarray(content, np.float64))} if content.ndim <= 2 else {}
    except DataError:
        return {}
    columns = (*dataset.numbers, *dataset.categories)[:MAX_COLUMNS]
    return {"features": {name: dataset.table[name][row] for name in columns}}


def drawn_wave(values: np.ndarray, width: int = 144, height: int = 72) -> np.ndarray:
    """The first channel of a series or sound as a small picture, uint8: the range of each piece as a dark line."""
    channel = values.reshape(len(values), -1)[:, 0] if len(values) else np.zeros(1)
    channel = np.where(np.isfinite(channel), channel, 0.0)
    low, high = float(channel.min()), float(channel.max())
    levels = (channel - low) / (high - low) if high > low else np.full(len(channel), 0.5)
    places = np.rint((1 - levels) * (height - 1)).astype(np.int64)
    if len(places) < width:
        places = np.rint(np.interp(np.linspace(0, len(places) - 1, width), np.arange(len(places)), places)).astype(int)
    starts = np.linspace(0, len(places), width, endpoint=False).astype(np.int64)
    top, bottom = np.minimum.reduceat(places, starts), np.maximum.reduceat(places, starts)
    top[1:], bottom[1:] = np.minimum(top[1:], bottom[:-1]), np.maximum(bottom[1:], top[:-1])  # pieces touch
    rows = np.arange(height)[:, None]
    return np.where((rows >= top) & (rows <= bottom), 40, 255).astype(np.uint8)


def _small(pixels: np.ndarray) -> np.ndarray:
    """Large pictures reduced at once, so that a hundred of them take no memory."""
    from PIL import Image

    if max(pixels.shape[:2]) <= MAX_PICTURE_PX:
        return pixels
    picture = Image.fromarray(pixels)
    picture.thumbnail((MAX_PICTURE_PX, MAX_PICTURE_PX))
    return np.asarray(picture)
