"""Where annotations lie in the upright picture: turned as its EXIF tag says, scaled where it was resized."""

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from rumbo.core.errors import DataError
from rumbo.core.messages import t
from rumbo.data.files import safe_name
from rumbo.data.pictures import decode
from rumbo.data.pictures.decode import BadImage, header
from rumbo.data.pictures.images import FileImages
from rumbo.data.readers.folders import each_file

FRACTION_DECIMALS = 9
"""Fractions of a side become px with so many decimals: whole pixels come back as whole pixels."""
MAX_SIDE = 10**9
"""An annotated side beyond is no side."""


class SizedPicture(Protocol):
    """A picture as its annotation has it.

    Attributes:
        height: in px, as the annotation says; None when it does not.
        width: likewise.
        is_normalized: whether points are fractions of the picture's sides.
    """

    height: int | None
    width: int | None
    is_normalized: bool


@dataclass(frozen=True)
class FileFacts:
    """What the file of a picture says.

    Attributes:
        content: sha256 of its bytes; of its name when it cannot be read.
        size: upright height and width in px; None when it cannot be read.
        orientation: the EXIF tag, 1 to 8.
    """

    content: str
    size: tuple[int, int] | None
    orientation: int

    @property
    def stored_size(self) -> tuple[int, int] | None:
        """Height and width of the pixels as stored."""
        if self.size is None or self.orientation < 5:
            return self.size
        height, width = self.size
        return width, height


def side_of(value: float) -> int | None:
    """An annotated side in px; None for 0, which tools write that do not know it, and for what can be no side."""
    return int(value) if 1 <= value <= MAX_SIDE else None


def upright(x: float, y: float, orientation: int, width: float, height: float) -> tuple[float, float]:
    """A point of a stored picture, where it comes to lie when the picture is turned upright.

    Args:
        x: in px from the left of the pixels as stored.
        y: in px from their top.
        orientation: the EXIF tag, 1 to 8.
        width: of the pixels as stored.
        height: likewise.

    Source: Exif 2.32, 4.6.4 A, tag 274.

    >>> upright(0, 0, 6, width=30, height=20)
    (20, 0)
    """
    match orientation:
        case 2:
            return width - x, y
        case 3:
            return width - x, height - y
        case 4:
            return x, height - y
        case 5:
            return y, x
        case 6:
            return height - y, x
        case 7:
            return height - y, width - x
        case 8:
            return y, width - x
        case _:
            return x, y


def file_facts(images: FileImages) -> list[FileFacts]:
    """What the files of pictures say, by threads; nothing is decoded."""

    def facts(name: str) -> FileFacts:
        try:
            data = images.files.read(name)
        except DataError:
            return FileFacts(hashlib.sha256(safe_name(name).encode()).hexdigest(), None, 1)
        content = hashlib.sha256(data).hexdigest()
        try:
            height, width, _ = header(data)
            return FileFacts(content, (height, width), _stored_orientation(data))
        except BadImage:
            return FileFacts(content, None, 1)

    return each_file(facts, images.names)


def _stored_orientation(data: bytes) -> int:
    """The EXIF tag of a picture, as decoding will obey it; 1 where it cannot be read."""
    try:
        return decode.orientation(decode.opened(data))
    except Exception:  # hostile bytes make decoders raise nearly anything; decoding gives the reason
        return 1


def are_turned(pictures: Sequence[SizedPicture], facts: Sequence[FileFacts]) -> bool:
    """Whether annotations of this set are in the frame of the pixels as stored, by the pictures that show it.

    A quarter turn swaps the sides, so the annotated size tells; half turns and mirrorings follow the rest of the set.
    """
    votes = 0
    for picture, fact in zip(pictures, facts, strict=True):
        if fact.orientation < 5 or fact.size is None or fact.size[0] == fact.size[1]:
            continue
        claimed = (picture.height, picture.width)
        votes += (claimed == fact.size[::-1]) - (claimed == fact.size)
    return votes > 0


@dataclass(frozen=True)
class Frame:
    """How points come into the upright picture: scaled, then turned.

    Attributes:
        scale_x: px of the picture per unit of the annotation.
        scale_y: likewise.
        orientation: the turn, an EXIF tag.
        code: the fault that the scaling mends.
    """

    scale_x: float = 1.0
    scale_y: float = 1.0
    orientation: int = 1
    code: str | None = None
    decimals: int | None = None


def frame_of(picture: SizedPicture, fact: FileFacts, turned: bool, counts: Counter[str]) -> Frame | None:
    """The frame of a picture's annotation; None when the annotated size has nothing to do with the picture.

    Args:
        picture: with the size that its annotation says.
        fact: what its file says.
        turned: what `are_turned` says of the set.
        counts: told of turned and upright pictures.
    """
    if fact.size is None:  # decoding will name it; its boxes are kept as they are, if that has a meaning
        return None if picture.is_normalized else Frame()
    height, width = fact.size
    if picture.is_normalized:
        counts["upright"] += fact.orientation != 1
        return Frame(width, height, decimals=FRACTION_DECIMALS)
    claimed = (picture.height, picture.width)
    if None in claimed:
        counts["upright"] += fact.orientation != 1
        return Frame()
    if claimed == fact.stored_size and fact.orientation != 1 and (turned or claimed != fact.size):
        counts["turned"] += 1
        return Frame(orientation=fact.orientation)
    if claimed == fact.size:
        counts["upright"] += fact.orientation != 1
        return Frame()
    assert picture.height is not None
    assert picture.width is not None
    scale = math.sqrt(width * height / (picture.width * picture.height))
    if abs(picture.width * scale - width) <= scale + 1 and abs(picture.height * scale - height) <= scale + 1:
        return Frame(width / picture.width, height / picture.height, code="box.wrong_size")
    return None


def frame_decisions(counts: Mapping[str, int]) -> list[str]:
    """What was done about pictures that an EXIF tag turns, finished sentences."""
    decisions: list[str] = []
    if counts["turned"]:
        decisions.append(
            t(
                "{count} pictures are turned upright by their EXIF tag, but were annotated as stored: their boxes were "
                "turned along.",
                count=counts["turned"],
            )
        )
    if counts["upright"]:
        decisions.append(
            t(
                "{count} pictures are turned upright by their EXIF tag; their boxes were taken to be drawn on the "
                "upright picture.",
                count=counts["upright"],
            )
        )
    return decisions
