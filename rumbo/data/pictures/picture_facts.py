"""A short record of each picture, for the checks: one reduced decoding, all statistics from it."""

import io
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import polars as pl
from PIL import Image

from rumbo.core.devices import num_cores
from rumbo.core.messages import language, use_language
from rumbo.data.files import extension
from rumbo.data.pictures.decode import FORMATS, MAX_PIXELS, MAX_SIDE_PX, BadImage, header
from rumbo.data.pictures.images import FileImages, ImageSource
from rumbo.data.pictures.jpeg import complaint, plain_pixels

THUMBNAIL_PX = 128
CHUNK_ROWS = 512
FLAT_LEVELS = 6
"""A line of pixels that spans no more levels is one color: JPEG leaves a few levels of noise on a bar."""
BLACK = 16
_ORIENTATION = 0x0112
_ANIMATED = ("GIF", "WEBP", "TIFF", "PNG")
_STANDARD_TABLE_SUM = 3688
"""Sum of the luminance table of ITU-T T.81, annex K.1: a file's sum over it tells the quality it was saved with."""

SCHEMA: dict[str, Any] = {
    "row": pl.Int64,
    "height": pl.Int64,
    "width": pl.Int64,
    "channels": pl.Int64,
    "format": pl.String,
    "extension": pl.String,
    "mode": pl.String,
    "quality": pl.Int64,
    "frames": pl.Int64,
    "orientation": pl.Int64,
    "mean": pl.Float64,
    "std": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "sharpness": pl.Float64,
    "bars": pl.Float64,
    "color": pl.Float64,
    "complaint": pl.String,
}
"""Columns of `picture_facts`. Heights, widths and channels (1 or 3) are those of the upright picture; `format`, `mode`,
`quality` (of JPEG), `extension` are "" or null where pictures are no files; `mean`, `std` and `low`, `high` (the 1st
and 99th percentile) are of grey levels 0..255; `sharpness` is the variance of the Laplacian over that of the levels;
`bars` the share of the area in black bars on opposite sides; `color` the mean distance between channels; `complaint`
what the decoder says against a JPEG that it can read all the same."""


def picture_facts(
    images: ImageSource,
    rows: Sequence[int] | np.ndarray,
    *,
    num_threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> pl.DataFrame:
    """The records of some pictures, in that order; pictures that cannot be read have none.

    Statistics are of a thumbnail of at most 128 px, decoded at reduced size where the format allows it: exact enough
    to compare pictures, and no proof that a file is whole.

    Args:
        images: where they are.
        rows: which of them.
        num_threads: decoders at work at once; none takes a core each.
        progress: called with (done, total).
    """

    def record(row: int) -> dict[str, Any] | None:
        try:
            return {"row": row} | facts_of(images, row)
        except BadImage:
            return None

    wanted = [int(row) for row in rows]
    records: list[dict[str, Any]] = []
    threads = num_threads or num_cores()
    with ThreadPoolExecutor(threads, initializer=use_language, initargs=(language(),)) as pool:
        for start in range(0, len(wanted), CHUNK_ROWS):
            records += [met for met in pool.map(record, wanted[start : start + CHUNK_ROWS]) if met is not None]
            if progress is not None:
                progress(min(start + CHUNK_ROWS, len(wanted)), len(wanted))
    return pl.DataFrame(records, schema=SCHEMA)


def facts_of(images: ImageSource, row: int) -> dict[str, Any]:
    """The record of one picture, without its row.

    Raises:
        BadImage: it cannot be decoded even at reduced size.
    """
    if not isinstance(images, FileImages):
        height, width, channels = images.size(row)
        about = {"height": height, "width": width, "channels": channels, "format": "", "extension": "", "mode": ""}
        small = Image.fromarray(images.read(row))
        small.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.BILINEAR, reducing_gap=2.0)
        return about | {"frames": 1, "orientation": 1} | _statistics(np.asarray(small))
    data = images.bytes_of(row)
    height, width, channels = header(data)
    try:
        picture = Image.open(io.BytesIO(data), formats=FORMATS)
        about = {
            "height": height,
            "width": width,
            "channels": channels,
            "format": picture.format or "",
            "extension": extension(images.names[row]),
            "mode": picture.mode,
            "quality": _quality(picture),
            "frames": int(getattr(picture, "n_frames", 1)) if picture.format in _ANIMATED else 1,
            "orientation": _orientation(picture),
        }
        plain = plain_pixels(data, max_pixels=MAX_PIXELS, max_side=MAX_SIDE_PX, enough_px=THUMBNAIL_PX)
        if plain is not None:  # it was decoded without a complaint
            return about | {"complaint": None} | _statistics(_small(Image.fromarray(plain)))
        picture.draft("RGB" if channels == 3 else "L", (THUMBNAIL_PX, THUMBNAIL_PX))
        about["complaint"] = complaint(data) if picture.format == "JPEG" else None
        return about | _statistics(_small(picture))
    except Exception as problem:  # hostile bytes make decoders raise nearly anything; decode gives the reason
        raise BadImage(str(problem)) from None


def _small(picture: Image.Image) -> np.ndarray:
    """A thumbnail in uint8, grey or color."""
    if picture.mode.startswith("I") or picture.mode == "F":  # deep: by its own range, since only looks count here
        levels = np.asarray(picture, np.float64)
        low, high = levels.min(), levels.max()
        top = 65535 if picture.mode.startswith("I") else 1
        picture = Image.fromarray(((levels - min(low, 0)) * (255 / max(high, top))).astype(np.uint8))
    elif picture.mode in ("P", "PA", "RGBA", "LA", "La", "RGBa") or "transparency" in picture.info:
        clear = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", clear.size, (255, 255, 255, 255)), clear).convert("RGB")
    elif picture.mode not in ("L", "RGB"):
        picture = picture.convert("L" if picture.mode == "1" else "RGB")
    picture.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.BILINEAR, reducing_gap=2.0)
    return np.asarray(picture)


def _statistics(pixels: np.ndarray) -> dict[str, float]:
    color = 0.0
    if pixels.ndim == 2:
        grey = pixels.astype(np.float32)
    else:  # channel by channel: reducing an axis of three is ten times slower
        red, green, blue = (np.ascontiguousarray(pixels[:, :, channel]) for channel in range(3))
        grey = np.float32(0.299) * red + np.float32(0.587) * green + np.float32(0.114) * blue
        most, least = np.maximum(np.maximum(red, green), blue), np.minimum(np.minimum(red, green), blue)
        color = float((most - least).mean())
    low, high = np.percentile(grey, [1, 99])
    variance = float(grey.var())
    inside = grey[1:-1, 1:-1]
    sharpness = 0.0
    if inside.size and variance > 0:
        laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * inside
        sharpness = float(laplacian.var()) / variance
    return {
        "mean": float(grey.mean()),
        "std": variance**0.5,
        "low": float(low),
        "high": float(high),
        "sharpness": sharpness,
        "bars": max(_bars(grey), _bars(grey.T)),
        "color": color,
    }


def _bars(grey: np.ndarray) -> float:
    """The share of rows in two black bars, above and below; 0 unless both are there and something is between."""
    is_bar = (grey.max(axis=1) - grey.min(axis=1) <= FLAT_LEVELS) & (grey.mean(axis=1) < BLACK)
    if is_bar.all() or not (is_bar[0] and is_bar[-1]):
        return 0.0
    above, below = int(np.argmin(is_bar)), int(np.argmin(is_bar[::-1]))
    return (above + below) / len(is_bar) if min(above, below) >= 2 else 0.0


def _quality(picture: Image.Image) -> int | None:
    """The quality setting, 1 to 100, that a JPEG's luminance table stands for."""
    tables = getattr(picture, "quantization", None)
    if not tables or 0 not in tables:
        return None
    scale = 100 * sum(tables[0]) / _STANDARD_TABLE_SUM
    return round(max(1.0, min(100.0, (200 - scale) / 2 if scale <= 100 else 5000 / scale)))


def _orientation(picture: Image.Image) -> int:
    if picture.format not in ("JPEG", "WEBP", "PNG"):
        return 1
    if picture.format == "PNG" and "exif" not in picture.info:
        return 1
    try:
        return int(picture.getexif().get(_ORIENTATION, 1))
    except (Exception, Warning):  # a tag that cannot be read turns nothing
        return 1
