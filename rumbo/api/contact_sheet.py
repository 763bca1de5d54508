"""What augmentation does to examples of a data set, to look at."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PIL import Image

from rumbo.core.errors import DataError, UsageError, os_reason
from rumbo.core.messages import t
from rumbo.core.seeds import rng
from rumbo.data.augmentation.color import IMAGENET_AXES, ColorAxes, color_axes
from rumbo.data.augmentation.partners import other_side, partners
from rumbo.data.augmentation.sheet import (
    STILL,
    Column,
    ContactSheet,
    Look,
    mixes,
    picture_looks,
    picture_operations,
    sound_looks,
    sound_operations,
)
from rumbo.data.manifest import Dataset, SignalKind, TargetKind
from rumbo.data.options import AugmentOptions, SoundAugmentOptions

NUM_EXAMPLES = 3
MAX_SIDE_PX = 256
"""Larger pictures are reduced to this side; blur in px is what it is at this size."""
NUM_TRIED = 50

T = TypeVar("T")


def write_contact_sheet(dataset: Dataset, options: AugmentOptions | None, path: Path, seed: int = 0) -> Path:
    """Write the sheet as a PNG, and give its path back.

    Raises:
        UsageError: there is nothing to show, as of a table or texts.
        DataError: no example could be read, or the file cannot be written.
    """
    from rumbo.plots.augmentation_sheet import draw_contact_sheet
    from rumbo.plots.style import to_png

    picture = to_png(draw_contact_sheet(contact_sheet(dataset, options, seed)), dots_per_inch=120)
    try:
        path.write_bytes(picture)
    except OSError as problem:
        raise DataError(t("'{path}' cannot be written: {problem}.", path=path, problem=os_reason(problem))) from None
    return path


def contact_sheet(dataset: Dataset, options: AugmentOptions | None, seed: int = 0) -> ContactSheet:
    """A few examples, with each operation at its full range and mixes of a run.

    Args:
        dataset: pictures with any annotations, sounds or series.
        options: the run's augmentation; None for none, which shows each operation and no mixes.
        seed: of the run: the mixes are what its first epochs show of these examples.

    Raises:
        UsageError: there is nothing to show, as of a table or texts.
        DataError: no example could be read.
    """
    if dataset.images is not None:
        return _of_pictures(dataset, options, seed)
    if dataset.signals is not None and dataset.signals.kind in (SignalKind.AUDIO, SignalKind.SERIES):
        return _of_sounds(dataset, options, seed)
    raise UsageError(
        t(
            "a sheet of augmentation shows pictures, sounds and series; '{path}' has none of them. Numeric columns get "
            "noise by --set data.augment.numbers_noise=0.1, which needs no picture.",
            path=dataset.path,
        )
    )


def _of_pictures(dataset: Dataset, options: AugmentOptions | None, seed: int) -> ContactSheet:
    chosen = options or STILL
    found = _examples(dataset, seed, lambda row: _original(dataset, row))
    has_color = any(look.picture is not None and look.picture.ndim == 3 for _, look in found)
    flip = chosen.flip == "yes" or (chosen.flip == "auto" and has_color)
    operations = picture_operations(chosen, flip=flip, has_color=has_color)
    target = dataset.target
    names = () if target is None else target.classes
    kind = None if target is None else target.kind
    order = partners(names, chosen.swap_names) if kind in (TargetKind.POINTS, TargetKind.MASK) else None
    ignored = max((np.iinfo(look.mask.dtype).max for _, look in found if look.mask is not None), default=None)
    axes = _axes_of([look.picture for _, look in found if look.picture is not None])
    looks = [
        picture_looks(
            look,
            operations,
            options,
            row=row,
            seed=seed,
            flip=flip,
            axes=axes,
            order=order,
            swaps={name: other_side(name) for name in names if other_side(name) in names},
            ignored=255 if ignored is None else ignored,
        )
        for row, look in found
    ]
    return ContactSheet(
        ids=tuple(dataset.ids[row] for row, _ in found),
        columns=(
            Column(title=t("original")),
            *(operation.column for operation in operations),
            *mixes(options),
        ),
        looks=tuple(map(tuple, looks)),
        classes=names,
        order=tuple(order.tolist()) if order is not None and kind is TargetKind.POINTS else (),
        ignored=ignored,
    )


def _of_sounds(dataset: Dataset, options: AugmentOptions | None, seed: int) -> ContactSheet:
    signals = dataset.signals
    assert signals is not None
    is_sound = signals.kind is SignalKind.AUDIO
    found = _examples(dataset, seed, lambda row: np.asarray(signals.read(row), np.float32))
    operations = sound_operations(SoundAugmentOptions() if options is None else options.sound)
    looks = [
        sound_looks(
            wave,
            [change for _, change in operations],
            None if options is None else options.sound,
            row=row,
            seed=seed,
            with_spectrum=is_sound,
        )
        for row, wave in found
    ]
    return ContactSheet(
        ids=tuple(dataset.ids[row] for row, _ in found),
        columns=(Column(title=t("original")), *(column for column, _ in operations), *mixes(options)),
        looks=tuple(map(tuple, looks)),
    )


def _examples(dataset: Dataset, seed: int, read: Callable[[int], T]) -> list[tuple[int, T]]:
    """A few examples that can be read, with their rows: of different classes, and with boxes, where there are any."""
    rows = rng(seed, "sheet").permutation(len(dataset))
    kind = None if dataset.target is None else dataset.target.kind
    if kind is TargetKind.BOXES:
        has_boxes = dataset.table["boxes"].list.len().to_numpy() > 0
        rows = np.concatenate([rows[has_boxes[rows]], rows[~has_boxes[rows]]])
    elif kind is TargetKind.CLASS and dataset.target is not None:
        labels = dataset.table[dataset.target.columns[0]].to_numpy()[rows]
        rows = rows[np.argsort(_turns(labels.tolist()), kind="stable")]
    found: list[tuple[int, T]] = []
    reason = ""
    for row in rows[:NUM_TRIED].tolist():
        try:
            found.append((row, read(row)))
        except DataError as problem:
            reason = reason or f"{dataset.ids[row]}: {problem}"
        if len(found) == NUM_EXAMPLES:
            break
    if not found:
        raise DataError(t("no example of '{path}' could be read: {reason}", path=dataset.path, reason=reason))
    return found


def _turns(labels: list[Any]) -> list[int]:
    """How often each label came before: 0 for its first."""
    counts: Counter[Any] = Counter()
    turns = []
    for label in labels:
        turns.append(counts[label])
        counts[label] += 1
    return turns


def _original(dataset: Dataset, row: int) -> Look:
    """A picture with its annotations, at the size of the sheet."""
    assert dataset.images is not None
    picture = dataset.images.read(row)
    height, width = picture.shape[:2]
    scale = min(1.0, MAX_SIDE_PX / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    ratio = np.array(size) / (width, height)
    if scale < 1:
        picture = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR, reducing_gap=3.0))
    kind = None if dataset.target is None else dataset.target.kind
    boxes = mask = points = None
    if kind is TargetKind.BOXES:
        boxes = [_scaled(box, *ratio.tolist()) for box in dataset.table["boxes"][row].to_list()]
    elif kind is TargetKind.POINTS:
        given = [(point["x"], point["y"]) for point in dataset.table["points"][row].to_list()]
        points = np.array(given, np.float64).reshape(-1, 2) * ratio
    elif kind is TargetKind.MASK and dataset.masks is not None:
        codes = dataset.masks.read(row)
        rows = np.minimum(((np.arange(size[1]) + 0.5) * codes.shape[0] / size[1]).astype(int), codes.shape[0] - 1)
        columns = np.minimum(((np.arange(size[0]) + 0.5) * codes.shape[1] / size[0]).astype(int), codes.shape[1] - 1)
        mask = codes[rows[:, None], columns]
    return Look(picture=picture, boxes=boxes, mask=mask, points=points)


def _scaled(box: dict[str, Any], across: float, down: float) -> dict[str, Any]:
    corners = {"x1": box["x1"] * across, "y1": box["y1"] * down, "x2": box["x2"] * across, "y2": box["y2"] * down}
    polygons = [
        (np.reshape(polygon, (-1, 2)) * [across, down]).reshape(-1).tolist() for polygon in box.get("polygons") or ()
    ]
    return box | corners | {"polygons": polygons or None}


def _axes_of(pictures: list[np.ndarray]) -> ColorAxes:
    colored = [picture.reshape(-1, 3) for picture in pictures if picture.ndim == 3]
    return color_axes(np.concatenate(colored).T[None, :, :, None]) if colored else IMAGENET_AXES
