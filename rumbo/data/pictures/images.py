"""Where the pictures of a data set are, and decoding many of them by threads."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, Self

import numpy as np

from rumbo.core.errors import DataError
from rumbo.core.messages import language, t, use_language
from rumbo.data.files import Files, FolderFiles
from rumbo.data.pictures.cache import stamp_of
from rumbo.data.pictures.decode import BadImage, BadItem, DecodeRule, decode, header, prepare

CHUNK_ROWS = 256


class ImageSource(Protocol):
    """Pictures by row."""

    def __len__(self) -> int: ...

    def take(self, rows: np.ndarray) -> Self:
        """The pictures of some rows, in that order."""
        ...

    def read(self, row: int) -> np.ndarray:
        """Upright uint8, h x w x 3 or h x w; raises BadImage."""
        ...

    def size(self, row: int) -> tuple[int, int, int]:
        """Height, width, channels, from the header only; raises BadImage."""
        ...


class FileImages:
    """Pictures that are files, in a folder or inside a zip.

    Args:
        files: where they are.
        names: the file of each row.
    """

    def __init__(self, files: Files, names: Sequence[str]):
        self.files, self.names = files, names

    def __len__(self) -> int:
        return len(self.names)

    def take(self, rows: np.ndarray) -> Self:
        """The pictures of some rows, in that order."""
        return type(self)(self.files, [self.names[int(row)] for row in rows])

    def bytes_of(self, row: int) -> bytes:
        """The file as it is; BadImage when it cannot be read."""
        try:
            return self.files.read(self.names[row])
        except DataError as problem:
            raise BadImage(str(problem)) from None

    def stamp(self, row: int) -> tuple[int, ...] | None:
        """What changes when the file (the archive) of a row is written; None when it is gone."""
        return stamp_of(self.files.root / self.names[row] if isinstance(self.files, FolderFiles) else self.files.path)

    def read(self, row: int) -> np.ndarray:
        """Decoded pixels."""
        return decode(self.bytes_of(row))

    def size(self, row: int) -> tuple[int, int, int]:
        """Height, width, channels, from the header only."""
        return header(self.bytes_of(row))


class ArrayImages:
    """Pictures that are rows of one array.

    Args:
        pixels: uint8, n x h x w or n x h x w x 3.
    """

    def __init__(self, pixels: np.ndarray):
        self.pixels = pixels

    def __len__(self) -> int:
        return len(self.pixels)

    def take(self, rows: np.ndarray) -> Self:
        """The pictures of some rows, in that order."""
        return type(self)(self.pixels[rows])

    def read(self, row: int) -> np.ndarray:
        """Pixels of a row."""
        return self.pixels[row]

    def size(self, row: int) -> tuple[int, int, int]:
        """Height, width, channels: the same for all rows."""
        return *self.pixels.shape[1:3], 1 if self.pixels.ndim == 3 else 3

    def fits(self, rule: DecodeRule) -> bool:
        """Whether `prepare` would leave the pixels as they are."""
        return len(self) > 0 and self.size(0) == (rule.height, rule.width, rule.num_channels)


def refuse_bad(bad: Sequence[BadItem]) -> None:
    """Stop where every picture is needed.

    Raises:
        DataError: naming the first one that cannot be read.
    """
    if bad:
        raise DataError(
            t(
                "{count} pictures cannot be read; the first is {id}: {reason}. Remove or replace them.",
                count=len(bad),
                id=bad[0].id,
                reason=bad[0].reason.rstrip("."),
            )
        )


def load_images(
    images: ImageSource,
    ids: Sequence[str],
    rule: DecodeRule,
    *,
    num_threads: int,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[np.ndarray, list[BadItem]]:
    """Decode all pictures. The result does not depend on the number of threads.

    Args:
        images: where they are.
        ids: their names in the manifest, for the list of bad ones.
        rule: the mode and size wanted.
        num_threads: decoders at work at once.
        progress: called with (done, total) after each chunk, in the caller's thread.

    Returns:
        uint8 n x c x h x w, zeros in bad rows; and the bad rows.
    """
    if isinstance(images, ArrayImages) and images.fits(rule):
        pixels = images.pixels
        return np.ascontiguousarray(pixels[:, None] if pixels.ndim == 3 else pixels.transpose(0, 3, 1, 2)), []
    total = len(images)
    pixels = np.zeros((total, rule.num_channels, rule.height, rule.width), np.uint8)
    bad: list[BadItem] = []

    def load(row: int) -> BadItem | None:
        try:
            pixels[row] = prepare(images.read(row), rule)
        except BadImage as problem:
            return BadItem(row, ids[row], str(problem))
        return None

    # A thread starts without the language that its caller chose.
    with ThreadPoolExecutor(max(1, num_threads), initializer=use_language, initargs=(language(),)) as pool:
        for start in range(0, total, CHUNK_ROWS):
            stop = min(start + CHUNK_ROWS, total)
            bad += [item for item in pool.map(load, range(start, stop)) if item is not None]
            if progress is not None:
                progress(stop, total)
    return pixels, bad
