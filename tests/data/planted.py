"""Changed copies of real pictures, for tests and the table of `bench/leaks.py`: what T17 of the promises plants."""

import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from PIL import Image, ImageEnhance, ImageOps

from rumbo.data.files import open_files, picture_names
from rumbo.data.manifest import Dataset, Target, TargetKind
from rumbo.data.pictures.images import FileImages


class MemoryFiles:
    """Files by name, in memory."""

    def __init__(self, data: dict[str, bytes]):
        self.data, self.path, self.num_links = data, Path("."), 0

    def names(self) -> Sequence[str]:
        return sorted(self.data)

    def has(self, name: str) -> bool:
        return name in self.data

    def read(self, name: str) -> bytes:
        return self.data[name]

    def notes(self) -> str:
        return ""


def jpeg(picture: Image.Image, quality: int = 92) -> bytes:
    """The picture as a JPEG file."""
    out = io.BytesIO()
    picture.convert("RGB").save(out, "jpeg", quality=quality)
    return out.getvalue()


def _resized(picture: Image.Image, factor: float) -> Image.Image:
    size = (round(picture.width * factor), round(picture.height * factor))
    return picture.resize(size, Image.Resampling.BICUBIC)


def _cut(picture: Image.Image, share: float) -> Image.Image:
    """A corner goes away: the upper left one."""
    return picture.crop((round(picture.width * share), round(picture.height * share), picture.width, picture.height))


PROMISED: dict[str, Callable[[Image.Image], bytes]] = {
    "re-encode, quality 70": lambda picture: jpeg(picture, 70),
    "resize to 90 %": lambda picture: jpeg(_resized(picture, 0.9)),
    "resize to 50 %": lambda picture: jpeg(_resized(picture, 0.5)),
    "brightness + 10 %": lambda picture: jpeg(ImageEnhance.Brightness(picture).enhance(1.1)),
    "brightness - 10 %": lambda picture: jpeg(ImageEnhance.Brightness(picture).enhance(0.9)),
    "flip": lambda picture: jpeg(ImageOps.mirror(picture)),
    "1-px crop": lambda picture: jpeg(picture.crop((1, 1, picture.width - 1, picture.height - 1))),
}
"""At least 98 % of these are found."""
MEASURED: dict[str, Callable[[Image.Image], bytes]] = {
    "5 % crop": lambda picture: jpeg(_cut(picture, 0.05)),
    "2° rotation": lambda picture: jpeg(picture.rotate(2, Image.Resampling.BICUBIC)),
}
"""Measured and told, not promised."""
ANOTHER: dict[str, Callable[[Image.Image], bytes]] = {
    "red and blue exchanged": lambda picture: jpeg(Image.merge("RGB", picture.convert("RGB").split()[::-1])),
}
"""Another picture, which a hash of brightness takes for the same."""


def pictures_of(path: Path, limit: int | None = None) -> dict[str, bytes]:
    """The pictures of a real set, one of each content, name -> bytes; evenly chosen where a limit is given."""
    files = open_files(path)
    first_of = {hashlib.sha256(data).hexdigest(): (name, data) for name, data in _read(files)}
    chosen = sorted(first_of.values())
    if limit is not None:
        chosen = [chosen[i] for i in np.unique(np.linspace(0, len(chosen) - 1, limit).astype(int))]
    return dict(chosen)


def _read(files) -> list[tuple[str, bytes]]:
    return [(name, files.read(name)) for name in picture_names(files.names())]


def picture_set(
    data: dict[str, bytes],
    *,
    splits: Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
    contents: Sequence[str] | None = None,
    **columns: Sequence[object],
) -> Dataset:
    """A manifest of pictures in memory, in the order given."""
    names = list(data)
    target = None
    table = {
        "id": names,
        "content": [hashlib.sha256(data[name]).hexdigest() for name in names] if contents is None else list(contents),
        **columns,
    }
    if splits is not None:
        table["split"] = list(splits)
    if classes is not None:
        table["class"] = list(classes)
        target = Target(columns=("class",), kind=TargetKind.CLASS, classes=tuple(sorted(set(classes))))
    images = FileImages(MemoryFiles(data), names)
    return Dataset(path=Path("."), format="test", table=pl.DataFrame(table), target=target, images=images)


@dataclass(frozen=True)
class Rate:
    """How many planted copies were found, and how many other pictures were wrongly taken for copies."""

    found: float
    wrong: float


def rate(
    originals: dict[str, bytes], change: Callable[[Image.Image], bytes], together: Callable[[Dataset], np.ndarray]
) -> Rate:
    """Plant a changed copy of each picture and look which of them are put with their original.

    Args:
        originals: clean pictures, all different.
        change: makes the copy.
        together: a number for each row; rows with one number stay together.
    """
    copies = {"copy/" + name: change(Image.open(io.BytesIO(data))) for name, data in originals.items()}
    numbers = together(picture_set(originals | copies))
    count = len(originals)
    own = numbers[:count] == numbers[count:]
    members = [{int(row) % count for row in np.flatnonzero(numbers == number)} for number in np.unique(numbers)]
    wrong = sum(len(rows) for rows in members if len(rows) > 1)
    return Rate(float(own.mean()), wrong / count)
