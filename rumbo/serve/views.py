"""What a browser is shown of an example: its picture brought to a size, or its sound."""

import io
import wave

import numpy as np
from PIL import Image

THUMBNAIL_PX = 240
PICTURE_PX = 1600
"""Longest side that is sent; coordinates are of the whole picture all the same."""
LOSSLESS_PX = 320
"""Smaller pictures are sent as PNG: each of their pixels is looked at."""
MAX_SECONDS = 600


def picture_bytes(pixels: np.ndarray, longest_px: int) -> tuple[bytes, str]:
    """A decoded picture encoded anew, so that nothing of the file but its pixels goes out.

    Args:
        pixels: uint8, h x w or h x w x 3.
        longest_px: longest side; larger pictures are reduced.

    Returns:
        The bytes and their media type.
    """
    picture = Image.fromarray(pixels)
    buffer = io.BytesIO()
    if max(picture.size) <= LOSSLESS_PX and longest_px > THUMBNAIL_PX:
        picture.save(buffer, "PNG", compress_level=1)
        return buffer.getvalue(), "image/png"
    picture.thumbnail((longest_px, longest_px), Image.Resampling.BILINEAR, reducing_gap=2.0)
    picture.save(buffer, "JPEG", quality=88 if longest_px > THUMBNAIL_PX else 80)
    return buffer.getvalue(), "image/jpeg"


def sound_bytes(samples: np.ndarray, rate_hz: float | None) -> bytes:
    """A sound as WAV with 16 bits; float32 t x channels in -1..1."""
    rate = round(rate_hz or 16_000)
    samples = np.atleast_2d(np.asarray(samples, np.float32).T).T[: rate * MAX_SECONDS]
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.rint(np.nan_to_num(samples).clip(-1, 1) * 32767).astype("<i2").tobytes())
    return buffer.getvalue()
