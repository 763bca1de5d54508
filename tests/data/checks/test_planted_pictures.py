"""Faults of pictures, planted in the ants and bees, are found under their codes."""

import dataclasses

import numpy as np
import pytest
from PIL import Image, ImageFilter, ImageOps
from planting import Overlay, judge, repaint, report

from rumbo.data.pictures.decode import BadItem
from rumbo.data.pictures.images import FileImages

PLANTED = {}


def plants(code):
    """Enter a planting: from the opener of real sets to (clean, faulty), and perhaps an item."""
    return lambda function: PLANTED.setdefault(code, function)


def insects(real):
    """Every sixth photograph of ants and bees."""
    return real("hymenoptera").take(np.arange(0, 397, 6))


def level(picture, low, high):
    """A picture squeezed into a range of levels."""
    return picture.point(lambda value: low + value * (high - low) // 255)


def planted(paint, rows=(3,), **save):
    """A planting that repaints some pictures."""

    def plant(real):
        data = insects(real)
        return data, repaint(data, paint, rows, **save), data.ids[rows[0]]

    return plant


plants("image.tiny")(planted(lambda picture: picture.resize((6, 6))))
plants("image.aspect")(planted(lambda picture: picture.resize((700, 60))))
plants("image.uniform")(planted(lambda picture: Image.new("RGB", picture.size, (90, 120, 60))))
plants("image.dark")(planted(lambda picture: level(picture, 0, 25)))
plants("image.bright")(planted(lambda picture: level(picture, 232, 255)))
plants("image.blurred")(planted(lambda picture: picture.filter(ImageFilter.GaussianBlur(picture.width / 12))))
plants("image.bars")(
    planted(lambda picture: ImageOps.expand(picture.resize((300, 200)), (0, 40), fill=(0, 0, 0)), rows=(3, 4))
)
plants("image.rotated_tag")(
    planted(lambda picture: picture, exif=b"Exif\0\0II*\0\b\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0")
)
plants("image.animated")(
    planted(
        lambda picture: picture.convert("P"), format="GIF", save_all=True, append_images=[Image.new("P", (9, 9), 1)]
    )
)
plants("image.extension")(planted(lambda picture: picture, format="PNG"))


@plants("image.suspicious")
def _(real):
    """Bytes of another file before the end mark, as a repaired disk leaves them."""
    data = insects(real)
    name = data.images.names[3]
    damaged = data.images.bytes_of(3)[:-2] + bytes(range(1, 200)) + b"\xff\xd9"
    images = FileImages(Overlay(data.images.files, {name: damaged}), data.images.names)
    return data, dataclasses.replace(data, images=images), data.ids[3]


@plants("image.grey_among_color")
def _(real):
    data = insects(real)
    grey = [row for row in range(len(data)) if np.ptp(data.images.read(row).reshape(-1, 3), axis=1).mean() < 1]
    data = data.take(np.setdiff1d(np.arange(len(data)), grey))
    return data, repaint(data, lambda picture: picture.convert("L"), (3,)), data.ids[3]


@plants("image.size_mixed")
def _(real):
    data = real("orl_faces").take(np.arange(60))
    return data, repaint(data, lambda picture: picture.resize((80, 100)), (3,), format="PPM")


@plants("image.bad")
def _(real):
    data = insects(real)

    whole = data.images.bytes_of(3)
    cut = FileImages(Overlay(data.images.files, {data.images.names[3]: whole[: len(whole) // 2]}), data.images.names)
    with pytest.raises(Exception, match="truncated") as met:
        cut.read(3)
    return data, dataclasses.replace(data, bad=(BadItem(3, data.ids[3], str(met.value)),)), data.ids[3]


@plants("image.shortcut")
def _(real):
    data = insects(real)
    ants = np.flatnonzero((data.table["class"] == "ants").to_numpy())
    return data, repaint(data, lambda picture: picture, ants, quality=40)


@plants("image.brightness_shortcut")
def _(real):
    data = insects(real)
    labels = data.table["class"].to_list()
    dark = [row for row in range(len(data)) if labels[row] == "ants"]
    light = [row for row in range(len(data)) if labels[row] == "bees"]
    faulty = repaint(data, lambda picture: level(picture, 0, 90), dark)
    faulty = repaint(faulty, lambda picture: level(picture, 160, 255), light)
    return data, faulty


@pytest.mark.parametrize("code", sorted(PLANTED))
def test_the_fault_is_found(code, real):
    judge(code, *PLANTED[code](real))


def test_small_sets_of_many_sizes_tell_no_class(real):
    """Sizes that occur once tell every class by chance: they count as one."""
    import polars as pl

    from rumbo.data.checks.images import telling_class

    labels = pl.Series(["a", "b"] * 50)
    assert telling_class(pl.Series([f"{row}x{row}" for row in range(100)]), labels) is None
    assert telling_class(pl.Series(["9x9", "8x8"] * 50), labels) == ("a", 1.0)
    assert telling_class(pl.Series(["9x9", "8x8"] * 25 + ["8x8", "9x9"] * 25), labels) is None


def test_a_fault_of_most_pictures_is_how_they_are_made(real):
    data = insects(real)
    rows = range(0, len(data), 2)
    faulty = repaint(data, lambda picture: ImageOps.expand(picture, (0, picture.height // 4), fill=(0, 0, 0)), rows)
    assert "image.bars" not in {finding.code for finding in report(faulty).findings}
