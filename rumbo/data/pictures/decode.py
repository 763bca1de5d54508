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
from rumbo.data.pictures.jpeg import complaint, is_damage, may_be_turned, plain_pixels, shrink_factor

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


def decode(data: bytes, *, enough_px: int | None = None) -> np.ndarray:
    """Upright pixels of the first frame.

    Alpha is laid over white; CMYK becomes RGB (Adobe's inverted inks, as JPEG files have them); 1-bit becomes 0 or 255;
    16-bit grey is scaled by its bit depth, 32-bit floats are taken as 0..1.

    Args:
        data: the file.
        enough_px: shrink by 2, 4 or 8 as long as the short side keeps so many px; None never shrinks. JPEG files are
            shrunk while they are decoded, which saves most of the work.

    Returns:
        uint8, h x w for grey, h x w x 3 for color.

    Raises:
        BadImage: not a picture of a known format, damaged, cut short, or beyond 50 Mpx or 20,000 px a side.
    """
    # Hostile bytes make decoders raise nearly any exception; each means the same here: this picture is bad.
    try:
        plain = plain_pixels(data, max_pixels=MAX_PIXELS, max_side=MAX_SIDE_PX, enough_px=enough_px)
        if plain is not None:
            return _turned(plain, orientation(opened(data))) if may_be_turned(data) else plain
        picture = opened(data)
        picture.load()
        complained = complaint(data) if picture.format == "JPEG" else None
        with quiet():
            picture = ImageOps.exif_transpose(picture)
        pixels = _to_grey_or_rgb(picture)
    except BadImage:
        raise
    except (Exception, Image.DecompressionBombWarning) as problem:
        raise BadImage(_reason(problem, data)) from None
    if complained is not None and is_damage(complained):
        raise BadImage(t("damaged: {problem}.", problem=shown(complained)))
    factor = shrink_factor(pixels.shape[0], pixels.shape[1], enough_px)
    return pixels if factor == 1 else np.asarray(Image.fromarray(pixels).reduce(factor))


def header(data: bytes) -> tuple[int, int, int]:
    """Height, width and channels (1 or 3) of what `decode` will give, read from the header only.

    Raises:
        BadImage: as `decode`, as far as the header shows it.
    """
    try:
        picture = opened(data)
        sideways = orientation(picture) in (5, 6, 7, 8)
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
    picture = Image.fromarray(in_mode(pixels, rule.mode))
    if picture.size != (rule.width, rule.height):
        box = None if rule.fit == "stretch" else _middle(picture.size, rule)
        picture = picture.resize((rule.width, rule.height), Image.Resampling.BILINEAR, box=box, reducing_gap=3.0)
    array = np.asarray(picture)
    return array[None] if array.ndim == 2 else np.ascontiguousarray(array.transpose(2, 0, 1))


def in_mode(pixels: np.ndarray, mode: Literal["grey", "rgb"]) -> np.ndarray:
    """Decoded pixels, h x w or h x w x 3, as h x w (ITU-R 601 luma) or h x w x 3."""
    if pixels.ndim == (2 if mode == "grey" else 3):
        return pixels
    return np.asarray(Image.fromarray(pixels).convert("L" if mode == "grey" else "RGB"))


def _middle(size: tuple[int, int], rule: DecodeRule) -> tuple[float, float, float, float]:
    """The largest middle part of a picture that has the aspect of the rule: (left, top, right, bottom) in px."""
    width, height = size
    scale = min(width / rule.width, height / rule.height)
    left, top = (width - scale * rule.width) / 2, (height - scale * rule.height) / 2
    return max(left, 0.0), max(top, 0.0), min(width - left, width), min(height - top, height)


def opened(data: bytes) -> Image.Image:
    """Read the header; refuse by size before a pixel is decoded."""
    if not data:
        raise BadImage(t("the file is empty (0 bytes)."))
    with quiet():
        picture = Image.open(io.BytesIO(data), formats=FORMATS)
    width, height = picture.size
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE_PX:
        raise _too_large(width, height)
    return picture


@contextmanager
def quiet() -> Iterator[None]:
    """Warnings of the decoder are nothing for users; that of a bomb is an error.

    `catch_warnings` changes a setting of the whole process: one thread at a time, and only for short work.
    """
    with _opening, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def orientation(picture: Image.Image) -> int:
    """The tag of how an opened picture is turned, without decoding it."""
    if picture.format == "TIFF":  # Pillow turns it by itself: its size is upright already
        return 1
    exif = Image.Exif()
    with quiet():
        if picture.format == "PNG":  # getexif would decode it, to find a tag behind the pixels
            exif.load(picture.info.get("exif", b""))
        else:
            exif = picture.getexif()
        return exif.get(_ORIENTATION, 1)


def _turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Stored pixels made upright, by the tag of their orientation (Exif 2.3, 4.6.4 A, tag 274)."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


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
