"""Write a data set in another format, read it back with the ordinary reader, and compare."""

import hashlib
import io
from collections.abc import Callable

from PIL import Image

from rumbo.core.errors import DataError
from rumbo.core.messages import t
from rumbo.data.files import Files
from rumbo.data.manifest import Dataset
from rumbo.data.pictures.decode import BadImage, header
from rumbo.data.pictures.images import FileImages
from rumbo.data.recognize import read_files
from rumbo.data.writers import Writer
from rumbo.data.writers.plan import Plan

Put = Callable[[str, bytes], None]
"""Takes the name and the bytes of each file of the new set."""


def write(writer: Writer, plan: Plan, put: Put, progress: Callable[[int, int], None] | None = None) -> list[str]:
    """Hand out all files of the new set: pictures byte for byte, rows of arrays as PNG, then annotations.

    Returns:
        The sha256 of each picture.

    Raises:
        DataError: a picture that cannot be read.
    """
    contents: list[str] = []
    sizes: list[tuple[int, int]] = []
    for row, name in enumerate(plan.names):
        data = _picture(plan.dataset, row)
        contents.append(hashlib.sha256(data).hexdigest())
        if writer.needs_sizes:
            sizes.append(_size(plan.dataset, row, data))
        put(name, data)
        if progress is not None and (row % 64 == 0 or row + 1 == len(plan.names)):
            progress(row + 1, len(plan.names))
    for name, data in writer.annotations(plan, sizes):
        put(name, data)
    return contents


def read_back(writer: Writer, plan: Plan, files: Files) -> Dataset:
    """Open the new set as anybody would.

    Raises:
        DataError: it is taken for another format, or cannot be read.
        UsageError: it is taken for a format that cannot serve the task.
    """
    dataset = read_files(files, writer.request(plan))
    if dataset.format not in writer.readers:
        raise DataError(
            t("it is recognized as {met}, not as {wanted}.", met=dataset.format, wanted=" / ".join(writer.readers))
        )
    return dataset


def _picture(dataset: Dataset, row: int) -> bytes:
    images = dataset.images
    assert images is not None
    try:
        if isinstance(images, FileImages):
            return images.bytes_of(row)
        buffer = io.BytesIO()
        Image.fromarray(images.read(row)).save(buffer, "PNG")
        return buffer.getvalue()
    except BadImage as problem:
        raise _bad_picture(dataset, row, problem) from None


def _size(dataset: Dataset, row: int, data: bytes) -> tuple[int, int]:
    try:
        height, width, _ = header(data)
    except BadImage as problem:
        raise _bad_picture(dataset, row, problem) from None
    return height, width


def _bad_picture(dataset: Dataset, row: int, problem: BadImage) -> DataError:
    return DataError(
        t(
            "picture '{id}' cannot be read: {reason} Repair or remove it; nothing was written.",
            id=dataset.ids[row],
            reason=str(problem),
        )
    )
