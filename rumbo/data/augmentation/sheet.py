"""Examples of what augmentation does, as numbers: originals, each operation at its full range, mixes of a run."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch

from rumbo.core.messages import t
from rumbo.core.seeds import stream
from rumbo.data.augmentation.annotations import move_box_rows, move_landmarks, move_masks
from rumbo.data.augmentation.audio import SoundChange, change_sound, draw_sound_changes
from rumbo.data.augmentation.color import IMAGENET_AXES, ColorAxes
from rumbo.data.augmentation.draws import BASE, Draw, per_item
from rumbo.data.augmentation.pictures import augment_and_tell
from rumbo.data.options import AugmentOptions, SoundAugmentOptions

NUM_MIXES = 3
STILL = AugmentOptions(flip="no", shift_fraction=0, zoom=0, rotate_degrees=0, light=0)
_ENDS: Mapping[str, tuple[float, ...]] = {
    BASE: (1, 0, 0, 1, 1, 1, 1),
    "crop": (1, 0.5, 0.25, 0.25),
    "shear": (1,),
    "shrink": (1,),
    "blur": (1,),
    "fade": (1,),
    "color_shift": (1, 0.4, 0),
    "pca_color": (0.975, 0.975, 0.025),
}
"""Draws that take each operation to the end of its range; for colors, to one that shows. A warp has no end: it is
drawn."""
_SPECTRUM_SAMPLES = 128
_FAINTEST_DB = -70.0

Boxes: TypeAlias = list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Look:
    """One version of one example. What it lacks is None.

    Attributes:
        picture: uint8, h x w or h x w x 3.
        boxes: as `manifest.BOX` has them.
        mask: codes, h x w.
        points: landmarks, n x 2 in px; NaN where not marked.
        wave: samples over channels.
        spectrum: power in decibels below the loudest, frequencies upward x time; for sounds.
    """

    picture: np.ndarray | None = None
    boxes: Boxes | None = None
    mask: np.ndarray | None = None
    points: np.ndarray | None = None
    wave: np.ndarray | None = None
    spectrum: np.ndarray | None = None


@dataclass(frozen=True, kw_only=True)
class Column:
    """What was done to the examples of a column.

    Attributes:
        title: in a word or two.
        setting: the option and its value, as `--set data.augment.NAME=VALUE` takes them; empty for original and mixes.
        is_on: whether the run does it; else the range is one that shows it.
    """

    title: str
    setting: str = ""
    is_on: bool = True


@dataclass(frozen=True, kw_only=True, eq=False)
class ContactSheet:
    """Examples in rows, what was done to them in columns.

    Attributes:
        ids: of the examples.
        columns: original, operations, mixes.
        looks: rows x columns.
        classes: names of mask codes or points, in their order.
        order: the partner of each point in a mirror; empty without points.
        ignored: the mask code of what was not in the original; None without masks.
    """

    ids: tuple[str, ...]
    columns: tuple[Column, ...]
    looks: tuple[tuple[Look, ...], ...]
    classes: tuple[str, ...] = ()
    order: tuple[int, ...] = ()
    ignored: int | None = None


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One option on its own: its range in the run, or, where that is 0, one that shows it.

    Attributes:
        column: what is said about it.
        options: with this alone.
        flip: whether it is the mirror.
    """

    column: Column
    options: AugmentOptions
    flip: bool = False


def picture_operations(options: AugmentOptions, *, flip: bool, has_color: bool) -> list[Operation]:
    """Each operation on pictures, those of the run first.

    Args:
        options: the run's.
        flip: whether the run mirrors.
        has_color: whether the pictures have colors; without, operations on colors are left out.
    """
    geometric = [
        _single(t("crop"), options, "crop_area", 0.5, off=1.0),
        _single(t("shift"), options, "shift_fraction", 0.1),
        _single(t("zoom"), options, "zoom", 0.25),
        _single(t("rotation"), options, "rotate_degrees", 20.0),
        _single(t("shear"), options, "shear_degrees", 20.0),
        _single(t("shrink"), options, "shrink", 0.3),
        _single(t("local warp"), options, "warp_fraction", 0.12),
    ]
    colors = [
        _single(t("loss of color"), options, "fade", 1.0),
        _single(t("color shift"), options, "color_shift", 0.2),
        _single(t("PCA color"), options, "pca_color", 0.3),
    ]
    mirror = Operation(column=Column(title=t("mirror"), setting="flip=yes", is_on=flip), options=STILL, flip=True)
    light = [_single(t("light"), options, "light", 0.4), _single(t("blur"), options, "blur_px", 2.0)]
    every = [mirror, *geometric, *light, *(colors if has_color else [])]
    return sorted(every, key=lambda operation: not operation.column.is_on)


def sound_operations(options: SoundAugmentOptions) -> list[tuple[Column, Callable[[int], SoundChange]]]:
    """Each operation on sounds with its change for a number of samples, those of the run first."""

    def of(title: str, name: str, demo: float, make: Callable[[float, int], SoundChange]) -> Any:
        value = getattr(options, name)
        is_on = value is not None if name == "noise_db" else value > 0
        used = value if is_on else demo
        column = Column(title=title, setting=f"sound.{name}={used:g}", is_on=is_on)
        return column, lambda length: make(used, length)

    def span(fraction: float, length: int) -> tuple[int, int]:
        return int((0.5 - fraction / 2) * length), int((0.5 + fraction / 2) * length)

    every = [
        of(t("louder"), "gain_db", 6.0, lambda value, _: SoundChange(gain_db=value)),
        of(t("softer"), "gain_db", 6.0, lambda value, _: SoundChange(gain_db=-value)),
        of(t("noise"), "noise_db", 10.0, lambda value, _: SoundChange(noise_db=value)),
        of(t("shift in time"), "shift_fraction", 0.2, lambda value, n: SoundChange(shift=round(value * n))),
        of(t("silent span"), "drop_time_fraction", 0.2, lambda value, n: SoundChange(silent=span(value, n))),
        of(t("silent band"), "drop_band_fraction", 0.2, lambda value, n: SoundChange(silent_band=span(value, n // 2))),
    ]
    return sorted(every, key=lambda pair: not pair[0].is_on)


def picture_looks(
    original: Look,
    operations: Sequence[Operation],
    options: AugmentOptions | None,
    *,
    row: int,
    seed: int,
    flip: bool,
    axes: ColorAxes = IMAGENET_AXES,
    order: np.ndarray | None = None,
    swaps: Mapping[str, str] | None = None,
    ignored: int = 255,
) -> list[Look]:
    """The original, each operation at its end, then mixes: what the first epochs of a run of this seed show.

    Args:
        original: the picture with its annotations.
        operations: as `picture_operations` gives them.
        options: the run's, for the mixes; None for no mixes.
        row: the example's row in the data set.
        seed: of the run.
        flip: whether the run mirrors.
        axes: of the colors.
        order: partners of points, or of mask codes.
        swaps: partners of the classes of boxes.
        ignored: the mask code of what was not in the original.
    """

    def change(draw: Draw, chosen: AugmentOptions, *, flip: bool) -> Look:
        picture = original.picture
        assert picture is not None
        pixels = torch.from_numpy(picture.reshape(*picture.shape[:2], -1).transpose(2, 0, 1).copy()).float()[None]
        changed, geometry = augment_and_tell(pixels, draw, chosen, flip=flip, axes=axes)
        array = changed[0].permute(1, 2, 0).round().to(torch.uint8).numpy().reshape(picture.shape)
        boxes, mask, points = None, None, None
        if original.boxes is not None:
            boxes = move_box_rows(
                geometry, [original.boxes], keep_fraction=options.keep_box_fraction if options else 0.0, swaps=swaps
            )[0]
        if original.mask is not None:
            mask = move_masks(geometry, original.mask[None], border=ignored, order=order)[0]
        if original.points is not None:
            points = move_landmarks(geometry, original.points[None], order)[0][0]
        return Look(picture=array, boxes=boxes, mask=mask, points=points)

    ends = _ends(per_item(seed, np.array([row])))
    looks = [original, *(change(ends, operation.options, flip=operation.flip) for operation in operations)]
    if options is not None:
        draws = [per_item(stream(seed, "augment", epoch), np.array([row])) for epoch in range(1, NUM_MIXES + 1)]
        looks += [change(draw, options, flip=flip) for draw in draws]
    return looks


def sound_looks(
    wave: np.ndarray,
    changes: Sequence[Callable[[int], SoundChange]],
    options: SoundAugmentOptions | None,
    *,
    row: int,
    seed: int,
    with_spectrum: bool,
) -> list[Look]:
    """As `picture_looks`, for a sound or a series: samples over channels."""

    def look(samples: np.ndarray) -> Look:
        is_long = with_spectrum and len(samples) >= 4 * _SPECTRUM_SAMPLES
        return Look(wave=samples, spectrum=spectrum(samples[:, 0]) if is_long else None)

    looks = [look(wave), *(look(change_sound(wave, change(len(wave)), seed)) for change in changes)]
    if options is None:
        return looks
    for epoch in range(1, NUM_MIXES + 1):
        of_epoch = stream(seed, "augment", epoch)
        change = draw_sound_changes(np.array([row]), of_epoch, options, np.array([len(wave)]))[0]
        looks.append(look(change_sound(wave, change, of_epoch)))
    return looks


def mixes(options: AugmentOptions | None) -> list[Column]:
    """The columns of the mixes."""
    if options is None:
        return []
    return [Column(title=t("epoch {number}", number=epoch)) for epoch in range(1, NUM_MIXES + 1)]


def spectrum(samples: np.ndarray) -> np.ndarray:
    """Power of Hann windows of 128 samples, half over each other, in decibels below the loudest; 65 x windows."""
    starts = np.arange(0, len(samples) - _SPECTRUM_SAMPLES + 1, _SPECTRUM_SAMPLES // 2)
    windows = samples[starts[:, None] + np.arange(_SPECTRUM_SAMPLES)] * np.hanning(_SPECTRUM_SAMPLES)
    power = np.abs(np.fft.rfft(windows, axis=1)).T ** 2
    loudest = power.max()
    if loudest == 0:
        return np.full(power.shape, _FAINTEST_DB)
    return np.maximum(10 * np.log10(np.maximum(power / loudest, 1e-30)), _FAINTEST_DB)


def _single(title: str, options: AugmentOptions, name: str, demo: float, *, off: float = 0.0) -> Operation:
    value = getattr(options, name)
    used = demo if value == off else value
    column = Column(title=title, setting=f"{name}={used:g}", is_on=value != off)
    return Operation(column=column, options=dataclasses.replace(STILL, **{name: used}))


def _ends(drawn: Draw) -> Draw:
    def draw(purpose: str, num_draws: int) -> np.ndarray:
        return np.array([_ENDS[purpose]], np.float64) if purpose in _ENDS else drawn(purpose, num_draws)

    return draw
