"""Plain JPEG pictures decoded without detours: the same bits as Pillow gives, or None where Pillow must judge.

Both decode with libjpeg-turbo (exact inverse cosine transform, smooth upsampling); tests hold them equal. simplejpeg
writes the array directly, holds no lock, and can shrink by 2, 4 or 8 while it decodes.
"""

from collections.abc import Iterator

import numpy as np
import simplejpeg

SHRINKS = (8, 4, 2, 1)
"""Factors by which libjpeg-turbo shrinks at full speed."""

SCANS_ARE_MISSING = "progressive scans are missing"
_SOF_PLAIN = (0xC0, 0xC1, 0xC2)
"""Frames of Huffman-coded baseline, extended and progressive pictures."""
_SAMPLINGS = ("444", "422", "420", "440", "411", "Gray")


def plain_pixels(data: bytes, *, max_pixels: int, max_side: int, enough_px: int | None = None) -> np.ndarray | None:
    """Pixels as stored, not turned, of a whole 8-bit grey or YCbCr picture.

    Args:
        data: the file.
        max_pixels: height x width above which nothing is decoded.
        max_side: likewise, of one side, in px.
        enough_px: shrink by 2, 4 or 8 as long as the short side keeps so many px; None never shrinks.

    Returns:
        uint8, h x w or h x w x 3; None for anything else, and at the least doubt about damage.
    """
    if not data.startswith(b"\xff\xd8\xff") or not _is_plain(data):
        return None
    try:
        *size, space, sampling = simplejpeg.decode_jpeg_header(data)
        height, width = map(int, size)
        if space not in ("YCbCr", "Gray") or sampling not in _SAMPLINGS:
            return None
        if height * width > max_pixels or max(height, width) > max_side:
            return None
        factor = shrink_factor(height, width, enough_px)
        small = -(-height // factor), -(-width // factor)
        pixels = simplejpeg.decode_jpeg(
            data, "GRAY" if space == "Gray" else "RGB", min_height=small[0], min_width=small[1], min_factor=factor
        )
    except (ValueError, RuntimeError, MemoryError):
        return None
    if pixels.shape[:2] != small or _lacks_scans(data):
        return None
    return pixels[..., 0] if space == "Gray" else pixels


def shrink_factor(height: int, width: int, enough_px: int | None) -> int:
    """The largest of 1, 2, 4, 8 that leaves the short side at least `enough_px`.

    >>> [shrink_factor(900, 1200, enough) for enough in (None, 1000, 450, 226, 225, 1)]
    [1, 1, 2, 2, 4, 8]
    """
    if enough_px is None:
        return 1
    return next((factor for factor in SHRINKS if min(height, width) >= factor * enough_px), 1)


def may_be_turned(data: bytes) -> bool:
    """Whether the header could hold an orientation: cheap, and never wrong when it says no."""
    return any(
        marker == 0xE1 and (b"\x01\x12" in body or b"\x12\x01" in body or b"rientation" in body)
        for marker, body in _header_segments(data)
    )


def complaint(data: bytes) -> str | None:
    """What libjpeg-turbo says against a JPEG that it could decode all the same; None for a sound one.

    A picture that was cut short and closed with an end mark, in whatever scan, makes it complain of data that end too
    early. A flipped bit often leaves no trace: the format has no checksum.
    """
    try:
        space = simplejpeg.decode_jpeg_header(data)[2]
        wanted = {"Gray": "GRAY", "CMYK": "CMYK", "YCCK": "CMYK"}.get(space, "RGB")
        simplejpeg.decode_jpeg(data, wanted, min_height=1, min_width=1, min_factor=SHRINKS[0])
    except (ValueError, RuntimeError, MemoryError) as problem:
        return str(problem) or type(problem).__name__
    return SCANS_ARE_MISSING if _lacks_scans(data) else None


def is_damage(complaint: str) -> bool:
    """Whether a complaint means that pixels are wrong; bytes between markers, as some programs leave them, do not.

    >>> is_damage("Corrupt JPEG data: premature end of data segment")
    True
    >>> is_damage("Corrupt JPEG data: 2 extraneous bytes before marker 0xd9")
    False
    """
    return any(words in complaint for words in ("premature end of data", "bad Huffman code", SCANS_ARE_MISSING))


def _lacks_scans(data: bytes) -> bool:
    """Whether a progressive picture ends between two scans: the decoder finds nothing wrong with the earlier ones."""
    is_progressive = any(marker == 0xC2 for marker, _ in _header_segments(data))
    return is_progressive and not _scans_are_complete(data)


def _is_plain(data: bytes) -> bool:
    for marker, body in _header_segments(data):
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return marker in _SOF_PLAIN and len(body) >= 6 and body[0] == 8 and body[5] in (1, 3)
    return False


def _header_segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(marker, body) of the segments before the first scan."""
    for marker, body in _segments(data):
        if marker == 0xDA:
            return
        yield marker, body


def _scans_are_complete(data: bytes) -> bool:
    """Whether the SOS headers of a progressive JPEG cover coefficients 0..63 of all components down to bit 0.

    Source: ITU-T T.81, B.2.3 (scan header: Ss, Se, Ah/Al) and G.1.1.1.
    """
    open_coefficients: dict[int, set[int]] = {}
    for marker, body in _segments(data):
        if marker == 0xC2 and len(body) >= 6:
            open_coefficients = {body[6 + 3 * i]: set(range(64)) for i in range(min(body[5], (len(body) - 6) // 3))}
        elif marker == 0xDA and body and len(body) >= 4 + 2 * body[0]:
            first, last, bits = body[-3:]
            if bits & 15 == 0:
                for i in range(body[0]):
                    open_coefficients.get(body[1 + 2 * i], set()).difference_update(range(first, last + 1))
    return not any(open_coefficients.values())


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(marker, body) of the header segments; entropy-coded data is jumped over."""
    position = 2
    while position + 4 <= len(data):
        if data[position] != 0xFF or data[position + 1] in (0x00, 0xFF) or 0xD0 <= data[position + 1] <= 0xD8:
            position = data.find(b"\xff", position + 1)
            if position < 0:
                break
            continue
        marker, length = data[position + 1], int.from_bytes(data[position + 2 : position + 4], "big")
        if marker == 0xD9:
            break
        yield marker, data[position + 4 : position + 2 + length]
        position += 2 + length
