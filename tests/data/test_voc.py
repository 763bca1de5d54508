"""Pascal VOC: layouts, splits, frames of turned pictures, hostile XML."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from rumbo.core.errors import DataError, UsageError
from rumbo.data import open_data
from rumbo.data.annotations.frames import upright
from rumbo.data.readers.voc import parse_xml

SIDES = ("x1", "y1", "x2", "y2")


def picture(folder, name, width=30, height=20, orientation=None, seed=0):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed + width).integers(0, 255, (height, width, 3), np.uint8)
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    Image.fromarray(pixels).save(path, exif=exif)


def annotation(folder, name, boxes=((1, 2, 10, 12),), width=30, height=20, label="cat", filename=None):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    sides = ("xmin", "ymin", "xmax", "ymax")
    objects = "".join(
        f"<object><name>{label}</name><truncated>1</truncated><bndbox>"
        + "".join(f"<{side}>{value}</{side}>" for side, value in zip(sides, box, strict=True))
        + "</bndbox></object>"
        for box in boxes
    )
    size = f"<size><width>{width}</width><height>{height}</height></size>"
    path.write_text(f"<annotation><filename>{filename or path.stem + '.jpg'}</filename>{size}{objects}</annotation>")


def corners(data, row=0):
    return [[box[side] for side in SIDES] for box in data.table["boxes"][row]]


@pytest.mark.parametrize(
    ("pictures", "annotations"),
    [("images", "annotations"), ("JPEGImages", "Annotations"), (".", "."), ("VOC/JPEGImages", "VOC/Annotations")],
)
def test_layouts(tmp_path, pictures, annotations):
    for name in ("a", "b"):
        picture(tmp_path, f"{pictures}/{name}.jpg")
        annotation(tmp_path, f"{annotations}/{name}.xml")
    data = open_data(tmp_path)
    assert (data.format, len(data), data.num_annotations) == ("voc", 2, 2)
    assert corners(data) == [[0, 1, 10, 12]]
    box = data.table["boxes"][0][0]
    assert (box["class"], box["truncated"], box["difficult"], box["crowd"], box["polygons"]) == (
        "cat", True, None, None, None
    )  # fmt: skip
    assert data.table.select("annotated_height", "annotated_width").row(0) == (20, 30)


def test_split_folders(tmp_path):
    for split in ("train", "valid", "test"):
        picture(tmp_path, f"{split}/a_{split}.jpg")
        annotation(tmp_path, f"{split}/a_{split}.xml")
    assert open_data(tmp_path).table["split"].to_list() == ["test", "train", "dev"]


def test_lists_say_splits_and_what_belongs(tmp_path):
    for name in "abcd":
        picture(tmp_path, f"JPEGImages/{name}.jpg")
        annotation(tmp_path, f"Annotations/{name}.xml")
    lists = tmp_path / "ImageSets/Main"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("a\nb\n")
    (lists / "val.txt").write_text("c\n")
    (lists / "cat_train.txt").write_text("a 1\nb -1\nd 1\n")
    data = open_data(tmp_path)
    assert data.table["split"].to_list() == ["train", "train", "dev"]
    assert any("pictures left out, since no list names them: 1." in sentence for sentence in data.decisions)


def test_a_picture_without_xml_is_left_out_and_one_without_objects_stays(tmp_path):
    for name in "abc":
        picture(tmp_path, f"{name}.jpg")
    annotation(tmp_path, "a.xml")
    annotation(tmp_path, "b.xml", boxes=())
    data = open_data(tmp_path)
    assert data.ids == ["a.jpg", "b.jpg"]
    assert data.table["boxes"].list.len().to_list() == [1, 0]
    assert any("pictures left out for want of an annotation file: 1." in sentence for sentence in data.decisions)


def test_the_own_name_wins_over_a_stale_filename(tmp_path):
    for name in "ab":
        picture(tmp_path, f"images/{name}.jpg")
        annotation(tmp_path, f"annotations/{name}.xml", filename="b.jpg")
    data = open_data(tmp_path)
    assert data.ids == ["images/a.jpg", "images/b.jpg"]
    assert any("1 files name another picture" in sentence for sentence in data.decisions)


def test_odd_names(tmp_path):
    picture(tmp_path, "señal/ñandú 图.png")
    annotation(tmp_path, "señal/ñandú 图.xml", label="ñandú 图")
    data = open_data(tmp_path)
    assert (data.ids, data.target.classes) == (["señal/ñandú 图.png"], ("ñandú 图",))


def test_tables_that_do_not_name_every_picture_give_no_split(tmp_path):
    for name in "ab":
        picture(tmp_path, f"{name}.jpg")
        annotation(tmp_path, f"{name}.xml")
    (tmp_path / "train.csv").write_text("filename,class,xmin,ymin,xmax,ymax\na.jpg,cat,1,2,10,99\n")
    data = open_data(tmp_path)
    assert "split" not in data.table.columns
    assert any("1 boxes, of which 0 are the same" in sentence for sentence in data.decisions)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_points_turn_like_pixels(orientation):
    """A single bright pixel, turned by the judge (Pillow), lies where its corners are turned to."""
    height, width, x, y = 5, 7, 2, 1
    pixels = np.zeros((height, width), np.uint8)
    pixels[y, x] = 255
    stored = Image.fromarray(pixels)
    stored.getexif()[0x0112] = orientation
    found = np.argwhere(np.asarray(ImageOps.exif_transpose(stored)))[0]
    ends = [upright(*point, orientation, width, height) for point in ((x, y), (x + 1, y + 1))]
    assert [min(end[1] for end in ends), min(end[0] for end in ends)] == found.tolist()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("frame", ["stored", "upright"])
def test_boxes_of_turned_pictures_lie_in_the_upright_frame(tmp_path, orientation, frame):
    """Annotated as stored or upright; a second picture that lies on its side shows which the set's tool did."""
    stored = (4, 3, 12, 9)  # VOC's counting: pixels 3..11, 2..8
    for name, tag in (("a", orientation), ("witness", 6)):
        picture(tmp_path, f"{name}.jpg", 30, 20, tag)
        size, box = (30, 20), stored
        if frame == "upright":
            ends = [upright(*point, tag, 30, 20) for point in ((3, 2), (12, 9))]
            (x1, x2), (y1, y2) = sorted(end[0] for end in ends), sorted(end[1] for end in ends)
            size, box = (size if tag < 5 else size[::-1]), (x1 + 1, y1 + 1, x2, y2)
        annotation(tmp_path, f"{name}.xml", [box], *size)
    data = open_data(tmp_path)
    ends = [upright(*point, orientation, 30, 20) for point in ((3, 2), (12, 9))]
    x1, y1 = (min(end[axis] for end in ends) for axis in (0, 1))
    x2, y2 = (max(end[axis] for end in ends) for axis in (0, 1))
    assert corners(data) == [[x1, y1, x2, y2]]
    assert data.repairs == ()
    assert any("EXIF" in sentence for sentence in data.decisions)


def test_prediction_takes_pictures_only(tmp_path):
    picture(tmp_path, "a.jpg")
    annotation(tmp_path, "a.xml")
    data = open_data(tmp_path, labelled=False)
    assert (data.target, data.table.columns) == (None, ["id", "content"])


def test_a_task_that_boxes_cannot_serve(tmp_path):
    picture(tmp_path, "a.jpg")
    annotation(tmp_path, "a.xml")
    assert open_data(tmp_path, task="detect").format == "voc"
    with pytest.raises(UsageError, match=r"classify cannot be learnt .* voc; these serve: localize, detect"):
        open_data(tmp_path, task="classify")
    with pytest.raises(UsageError, match="nearest: boxes"):
        open_data(tmp_path, target="boxe")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('<!DOCTYPE a [<!ENTITY b "c">]><annotation>&b;</annotation>', r"line 1: a document type"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><annotation/>', r"line 1: a document type"),
        ("<annotation>\n&nbsp;</annotation>", r"line 2: no XML: it uses a character by a name"),
        ("<annotation>\n\n<b></annotation>", r"line 3: no XML: an element ends under another name"),
        ("", r"line 1: no XML: it ends too early"),
        ("<a>" * 100_000, r"nested too deep"),
        ('<?xml version="1.0" encoding="martian"?><a/>', r"line 1: no XML: its encoding is unknown"),
    ],
)
def test_hostile_xml(text, message):
    with pytest.raises(DataError, match=message):
        parse_xml(text.encode(), "a.xml")


def test_nothing_usable_is_an_error(tmp_path):
    picture(tmp_path, "a.jpg")
    (tmp_path / "a.xml").write_text("<annotation><object>")
    with pytest.raises(DataError, match=r"no annotation of .* can be used. 'a.xml' line 1"):
        open_data(tmp_path)


def test_a_broken_picture_keeps_its_boxes_until_decoding_names_it(tmp_path):
    picture(tmp_path, "a.jpg")
    picture(tmp_path, "b.jpg")
    annotation(tmp_path, "a.xml")
    annotation(tmp_path, "b.xml")
    (tmp_path / "b.jpg").write_bytes(io.BytesIO(b"\xff\xd8\xff").getvalue())
    data = open_data(tmp_path)
    assert data.table["boxes"].list.len().to_list() == [1, 1]
