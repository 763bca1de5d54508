"""Texts, sounds, series, drawings and volumes by row: files that are read when asked for, or rows of joined arrays."""

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

from rumbo.core.errors import DataError
from rumbo.core.messages import t
from rumbo.data.files import Files
from rumbo.data.manifest import SignalKind
from rumbo.data.pictures.decode import BadImage

_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_SNIFF_BYTES = 4096


class FileSignals:
    """Signals that are files, in a folder or an archive: read and decoded when asked for.

    Args:
        kind: what they are.
        files: where they are.
        names: the file of each row.
        decode: from a file's bytes and name to what `SignalSource.read` gives; raises DataError.
        sizes: the shape of each, as it was found when the set was opened.
        rate_hz: samples a second, where all have the same.
    """

    def __init__(
        self,
        kind: SignalKind,
        files: Files,
        names: Sequence[str],
        decode: Callable[[bytes, str], Any],
        sizes: Sequence[tuple[int, ...]],
        rate_hz: float | None = None,
    ):
        self.kind, self.files, self.names, self.rate_hz = kind, files, names, rate_hz
        self._decode, self._sizes = decode, sizes

    def __len__(self) -> int:
        return len(self.names)

    def take(self, rows: np.ndarray) -> Self:
        """Those of some rows, in that order."""
        names = [self.names[int(row)] for row in rows]
        sizes = [self._sizes[int(row)] for row in rows]
        return type(self)(self.kind, self.files, names, self._decode, sizes, self.rate_hz)

    def read(self, row: int) -> Any:
        """One example; DataError when the file cannot be read or decoded any more."""
        name = self.names[row]
        return self._decode(self.files.read(name), name)

    def size(self, row: int) -> tuple[int, ...]:
        """The shape that `read` gives, as it was when the set was opened."""
        return self._sizes[row]


class JoinedSignals:
    """Signals that lie one behind the other in one array.

    Args:
        kind: SERIES or STROKES.
        values: points x features, of any number type.
        starts: the first point of each example.
        stops: the point behind its last.
        rate_hz: samples a second, where it is known.
    """

    def __init__(
        self,
        kind: SignalKind,
        values: np.ndarray,
        starts: np.ndarray,
        stops: np.ndarray,
        rate_hz: float | None = None,
    ):
        self.kind, self.rate_hz = kind, rate_hz
        self.values = values[:, None] if values.ndim == 1 else values
        self.starts, self.stops = starts, stops

    def __len__(self) -> int:
        return len(self.starts)

    def take(self, rows: np.ndarray) -> Self:
        """Those of some rows, in that order."""
        return type(self)(self.kind, self.values, self.starts[rows], self.stops[rows], self.rate_hz)

    def read(self, row: int) -> np.ndarray:
        """float32, points x features; the numbers are those of the file, not scaled."""
        with np.errstate(over="ignore"):  # beyond float32 is infinite, which a check tells
            return self.values[self.starts[row] : self.stops[row]].astype(np.float32)

    def size(self, row: int) -> tuple[int, ...]:
        """Points and features."""
        return int(self.stops[row] - self.starts[row]), self.values.shape[1]


class FileMasks:
    """Codes of voxels that are files.

    Args:
        files: where they are.
        names: the file of each row.
        decode: from a file's bytes and name to uint8 or uint16; raises DataError.
    """

    def __init__(self, files: Files, names: Sequence[str], decode: Callable[[bytes, str], np.ndarray]):
        self.files, self.names, self._decode = files, names, decode

    def __len__(self) -> int:
        return len(self.names)

    def take(self, rows: np.ndarray) -> Self:
        """Those of some rows, in that order."""
        return type(self)(self.files, [self.names[int(row)] for row in rows], self._decode)

    def read(self, row: int) -> np.ndarray:
        """uint8 or uint16; BadImage when the file cannot be read or decoded any more."""
        try:
            return self._decode(self.files.read(self.names[row]), self.names[row])
        except DataError as problem:
            raise BadImage(str(problem)) from None


def decode_text(data: bytes, name: str) -> str:
    """A text file as text, whatever of the usual encodings it has; line ends stay as they are.

    Raises:
        DataError: the bytes are no text.

    >>> decode_text("año".encode("cp1252"), "a.txt")
    'año'
    """
    return sniffed_text(data, name)[0]


def sniffed_text(data: bytes, name: str) -> tuple[str, str]:
    """Text and its encoding: by the mark at its start, else UTF-8, UTF-16 without a mark, cp1252, latin-1.

    Raises:
        DataError: zero bytes, as pictures and programs have them.
    """
    marked = [encoding for mark, encoding in _MARKS if data.startswith(mark)]
    for encoding in marked or ["utf-8", *_utf16_without_mark(data), "cp1252", "latin-1"]:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text, "utf-8" if encoding == "utf-8-sig" else encoding
    raise DataError(t("'{name}' is no text: it has zero bytes, or a mark of an encoding that it breaks.", name=name))


def _utf16_without_mark(data: bytes) -> list[str]:
    """UTF-16 of a Western text: every second byte is zero."""
    head = np.frombuffer(data[:_SNIFF_BYTES], np.uint8)
    if len(head) < 4 or len(data) % 2:
        return []
    zeros = [float((head[start::2] == 0).mean()) for start in (0, 1)]
    if max(zeros) < 0.4 or min(zeros) > 0.1:
        return []
    return ["utf-16-be"] if zeros[0] > zeros[1] else ["utf-16-le"]
