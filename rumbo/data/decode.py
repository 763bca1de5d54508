"""From the bytes of a picture to pixels: the one decode function for training, evaluation, prediction and serving."""

import io
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from rumbo.core.errors import DataError, ShapeError
from rumbo.core.messages import shown, t

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
"""Told by content, never by extension. PPM is the family PBM, PGM, PPM, PNM."""
EXTENSIONS = frozenset(
    ("jpg", "jpeg", "jpe", "jfif", "png", "webp", "bmp", "gif", "tif", "tiff", "ppm", "pgm", "pbm", "pnm")
)
"""Names that pictures are looked for under in folders."""
MAX_PIXELS = 50_000_000
MAX_SIDE_PX = 20_000

_ORIENTATION = 0x0112
_WHITE = 255
_JPEG_FILL = 128
"""What libjpeg fills in for blocks that never came."""
_opening = threading.Lock()


class BadImage(DataError):
    """A picture that cannot be decoded; the message is the reason."""


@dataclass(frozen=True)
class BadItem:
    """An example that cannot be used.

    Attributes:
        row: its row where it was met; -1 when it is no longer in the set.
        id: its name in the manifest.
        reason: a finished sentence.
        code: the check that it counts under.
    """

    row: int
    id: str
    reason: str
    code: str = "image.bad"


@dataclass(frozen=True, kw_only=True)
class DecodeRule:
    """What pixels a network takes; stored in the model.

    Attributes:
        mode: one channel (ITU-R 601 luma) or three.
        height: in px.
        width: in px.
        fit: `stretch` changes the aspect; `crop` brings the short side to size and cuts the middle out.
    """

    mode: Literal["grey", "rgb"]
    height: int
    width: int
    fit: Literal["stretch", "crop"]

    def __post_init__(self) -> None:
        if self.mode not in ("grey", "rgb") or self.fit not in ("stretch", "crop"):
            raise ShapeError(
                t("mode='{mode}' must be grey or rgb, fit='{fit}' stretch or crop.", mode=self.mode, fit=self.fit)
            )
        for side in (self.height, self.width):
            if isinstance(side, bool) or not isinstance(side, int) or not 1 <= side <= MAX_SIDE_PX:
                raise ShapeError(
                    t("a side of {side} px must be a whole number in [1, {limit}].", side=side, limit=MAX_SIDE_PX)
                )

    @property
    def num_channels(self) -> int:
        """1 or 3."""
        return 1 if self.mode == "grey" else 3


def decode(data: bytes) -> np.ndarray:
    """Upright pixels of the first frame.

    Alpha is laid over white; CMYK becomes RGB (Adobe's inverted inks, as JPEG files have them); 1-bit becomes 0 or 255;
    16-bit grey is scaled by its bit depth, 32-bit floats are taken as 0..1.

    Returns:
        uint8, h x w for grey, h x w x 3 for color.

    Raises:
        BadImage: not a picture of a known format, damaged, cut short, or beyond 50 Mpx or 20,000 px a side.
    """
    # Hostile bytes make decoders raise nearly any exception; each means the same here: this picture is bad.
    try:
        picture = _open(data)
        picture.load()
        cut_short = _is_cut_short(picture, data)
        with _quiet():
            picture = ImageOps.exif_transpose(picture)
        pixels = _to_grey_or_rgb(picture)
    except BadImage:
        raise
    except (Exception, Image.DecompressionBombWarning) as problem:
        raise BadImage(_reason(problem, data)) from None
    if cut_short:
        raise BadImage(t("suspicious: truncated (the file ends before its picture does)."))
    return pixels


def header(data: bytes) -> tuple[int, int, int]:
    """Height, width and channels (1 or 3) of what `decode` will give, read from the header only.

    Raises:
        BadImage: as `decode`, as far as the header shows it.
    """
    try:
        picture = _open(data)
        sideways = _orientation(picture) in (5, 6, 7, 8)
    except BadImage:
        raise
    except (Exception, Image.DecompressionBombWarning) as problem:
        raise BadImage(_reason(problem, data)) from None
    width, height = picture.size if not sideways else picture.size[::-1]
    grey = picture.mode in ("1", "L", "LA", "La", "I", "F") or picture.mode.startswith("I;16")
    return height, width, 1 if grey else 3


def prepare(pixels: np.ndarray, rule: DecodeRule) -> np.ndarray:
    """Bring decoded pixels to the mode and size of a rule, antialiased.

    Args:
        pixels: uint8, h x w or h x w x 3.
        rule: mode, size and fit.

    Returns:
        uint8, c x h x w.
    """
    picture = Image.fromarray(pixels)
    wanted_mode = "L" if rule.mode == "grey" else "RGB"
    if picture.mode != wanted_mode:
        picture = picture.convert(wanted_mode)
    if picture.size != (rule.width, rule.height):
        box = None if rule.fit == "stretch" else _middle(picture.size, rule)
        picture = picture.resize((rule.width, rule.height), Image.Resampling.BILINEAR, box=box, reducing_gap=3.0)
    array = np.asarray(picture)
    return array[None] if array.ndim == 2 else np.ascontiguousarray(array.transpose(2, 0, 1))


def _middle(size: tuple[int, int], rule: DecodeRule) -> tuple[float, float, float, float]:
    """The largest middle part of a picture that has the aspect of the rule: (left, top, right, bottom) in px."""
    width, height = size
    scale = min(width / rule.width, height / rule.height)
    left, top = (width - scale * rule.width) / 2, (height - scale * rule.height) / 2
    return max(left, 0.0), max(top, 0.0), min(width - left, width), min(height - top, height)


def _open(data: bytes) -> Image.Image:
    """Read the header; refuse by size before a pixel is decoded."""
    if not data:
        raise BadImage(t("the file is empty (0 bytes)."))
    with _quiet():
        picture = Image.open(io.BytesIO(data), formats=FORMATS)
    width, height = picture.size
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE_PX:
        raise _too_large(width, height)
    return picture


@contextmanager
def _quiet() -> Iterator[None]:
    """Warnings of the decoder are nothing for users; that of a bomb is an error.

    `catch_warnings` changes a setting of the whole process: one thread at a time, and only for short work.
    """
    with _opening, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def _orientation(picture: Image.Image) -> int:
    """The tag of how an opened picture is turned, without decoding it."""
    if picture.format == "TIFF":  # Pillow turns it by itself: its size is upright already
        return 1
    exif = Image.Exif()
    with _quiet():
        if picture.format == "PNG":  # getexif would decode it, to find a tag behind the pixels
            exif.load(picture.info.get("exif", b""))
        else:
            exif = picture.getexif()
        return exif.get(_ORIENTATION, 1)


def _too_large(width: int, height: int) -> BadImage:
    return BadImage(
        t(
            "{width} x {height} px is beyond the limits: at most {mega} Mpx and {side} px a side.",
            width=width,
            height=height,
            mega=MAX_PIXELS // 1_000_000,
            side=MAX_SIDE_PX,
        )
    )


def _to_grey_or_rgb(picture: Image.Image) -> np.ndarray:
    mode = picture.mode
    if mode.startswith("I;16") or (mode == "I" and picture.format in (None, "PNG", "PPM")):
        return _scaled(np.asarray(picture), 65535)
    if mode == "I":
        return _scaled(_within(np.asarray(picture), 65535), 65535)
    if mode == "F":
        return _scaled(_within(np.asarray(picture, np.float64), 1), 1)
    if mode == "1":
        return np.asarray(picture.convert("L"))
    if mode in ("LA", "La"):
        return _over_white(picture.convert("LA"), "L")
    if mode in ("RGBA", "RGBa", "PA") or "transparency" in picture.info:
        return _over_white(picture.convert("RGBA"), "RGB")
    return np.asarray(picture if mode in ("L", "RGB") else picture.convert("RGB"))


def _scaled(values: np.ndarray, largest: int) -> np.ndarray:
    return np.rint(values.astype(np.float64) * (255 / largest)).clip(0, 255).astype(np.uint8)


def _within(values: np.ndarray, largest: int) -> np.ndarray:
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= largest):
        raise BadImage(
            t(
                "its pixels run from {low} to {high}; with 32 bits, [0, {largest}] is allowed. Save it with 8 or 16.",
                low=f"{low:g}",
                high=f"{high:g}",
                largest=largest,
            )
        )
    return values


def _over_white(picture: Image.Image, mode: str) -> np.ndarray:
    white = Image.new(picture.mode, picture.size, (_WHITE,) * len(picture.getbands()))
    if mode == "RGB":
        return np.asarray(Image.alpha_composite(white, picture).convert("RGB"))
    grey, alpha = picture.getchannel(0), picture.getchannel(1)
    return np.asarray(Image.composite(grey, Image.new("L", picture.size, _WHITE), alpha))


def _is_cut_short(picture: Image.Image, data: bytes) -> bool:
    """Whether a decoded JPEG ended early and was closed with an end mark, which the decoder lets pass.

    Baseline: the last pixels of the bottom row are exactly the fill value. Progressive: the scans that came do not
    bring every coefficient to full precision. Cuts inside the last progressive scan are not seen.
    """
    if picture.format != "JPEG":
        return False
    if picture.info.get("progressive"):
        return not _scans_are_complete(data)
    tail = np.asarray(picture)[-1, -4:]
    return picture.mode in ("L", "RGB") and picture.width >= 4 and bool((tail == _JPEG_FILL).all())


def _scans_are_complete(data: bytes) -> bool:
    """Whether the SOS headers of a progressive JPEG cover coefficients 0..63 of all components down to bit 0.

    Source: ITU-T T.81, B.2.3 (scan header: Ss, Se, Ah/Al) and G.1.1.1.
    """
    open_coefficients: dict[int, set[int]] = {}
    for marker, body in _jpeg_segments(data):
        if marker == 0xC2 and len(body) >= 6:
            open_coefficients = {body[6 + 3 * i]: set(range(64)) for i in range(min(body[5], (len(body) - 6) // 3))}
        elif marker == 0xDA and body and len(body) >= 4 + 2 * body[0]:
            first, last, bits = body[-3:]
            if bits & 15 == 0:
                for i in range(body[0]):
                    open_coefficients.get(body[1 + 2 * i], set()).difference_update(range(first, last + 1))
    return not any(open_coefficients.values())


def _jpeg_segments(data: bytes) -> list[tuple[int, bytes]]:
    """(marker, body) of the header segments; entropy-coded data is jumped over."""
    segments, position = [], 2
    while position + 4 <= len(data):
        if data[position] != 0xFF or data[position + 1] in (0x00, 0xFF) or 0xD0 <= data[position + 1] <= 0xD8:
            position = data.find(b"\xff", position + 1)
            if position < 0:
                break
            continue
        marker, length = data[position + 1], int.from_bytes(data[position + 2 : position + 4], "big")
        if marker == 0xD9:
            break
        segments.append((marker, data[position + 4 : position + 2 + length]))
        position += 2 + length
    return segments


def _reason(problem: BaseException, data: bytes) -> str:
    """Why decoding failed, in words that hold no address of memory."""
    if isinstance(problem, UnidentifiedImageError):
        known = ", ".join(FORMATS)
        return t("not a picture: the file begins with {start}; known are {formats}.", start=_start(data), formats=known)
    if isinstance(problem, Image.DecompressionBombWarning | Image.DecompressionBombError):
        return t("it holds more than {mega} Mpx, the limit.", mega=MAX_PIXELS // 1_000_000)
    if isinstance(problem, MemoryError):
        return t("it needs more memory than there is.")
    text = re.sub(r"<[^>]*0x[0-9a-fA-F]+[^>]*>|0x[0-9a-fA-F]{6,}", "…", str(problem)) or type(problem).__name__
    if "truncated" in text.lower():
        return t("truncated: the file ends before its picture does.")
    return t("damaged: {problem}.", problem=shown(text[:200].rstrip(".")))


def _start(data: bytes) -> str:
    return repr(data[:16])[1:]
