"""Pictures and masks: layouts, values and their codes, faults."""

import json

import numpy as np
import pytest
from PIL import Image, ImageOps

from rumbo.core.errors import DataError, UsageError
from rumbo.data import open_data
from rumbo.data.annotations.masks import VOID, mask_values, turned
from rumbo.data.pictures.decode import BadImage

HEIGHT, WIDTH = 6, 8


def photo(path, orientation=None, size=(WIDTH, HEIGHT)):
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    Image.new("RGB", size, (len(path.name), 7, 9)).save(path, exif=exif)


def mask(path, values, mode=None, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(np.asarray(values))
    if mode == "P":
        picture = Image.fromarray(np.asarray(values, np.uint8), "L")
        picture.putpalette([(7 * value) % 256 for value in range(768)])
    picture.save(path, **options)


def levels(*values):
    """A mask that holds each value, the first one most."""
    found = np.full((HEIGHT, WIDTH), values[0], np.uint8)
    found[0, : len(values)] = values
    return found


def pair(folder, values, name="a", **options):
    photo(folder / f"images/{name}.jpg")
    mask(folder / f"masks/{name}.png", values, **options)


@pytest.mark.parametrize(
    ("picture", "mask_name", "split"),
    [
        ("images/{}.jpg", "masks/{}.png", None),
        ("image/{}.png", "label/{}.png", None),
        ("img/{}.jpg", "labels/{}_mask.png", None),
        ("VOC/JPEGImages/{}.jpg", "VOC/SegmentationClass/{}.png", None),
        ("train/images/{}.jpg", "train/masks/{}.png", "train"),
        ("images/train/{}.jpg", "annotations/train/{}.png", "train"),
        ("train/{}.jpg", "train_masks/{}_mask.gif", "train"),
        ("x/{}.jpg", "x/{}_mask.png", None),
    ],
)
def test_layouts(tmp_path, picture, mask_name, split):
    for name in ("a", "b"):
        photo(tmp_path / picture.format(name))
        mask(tmp_path / mask_name.format(name), levels(0, 1))
    data = open_data(tmp_path)
    assert (data.format, data.ids, data.bad) == ("mask-pairs", [picture.format(name) for name in "ab"], ())
    assert data.table["mask"].to_list() == [mask_name.format(name) for name in "ab"]
    assert (data.table["split"].to_list() if "split" in data.table.columns else [None] * 2) == [split] * 2
    assert (data.masks.read(1) == levels(0, 1)).all()
    assert data.take(np.array([1])).masks.names == [mask_name.format("b")]


@pytest.mark.parametrize(
    ("values", "names", "codes"),
    [
        ((0, 255), ("0", "255"), (0, 1)),
        ((0, 1), ("0", "1"), (0, 1)),
        ((3, 200), ("3", "200"), (0, 1)),
        ((0, 1, 2, 5), ("0", "1", "2", "5"), (0, 1, 2, 3)),
        ((0, 1, 2, 255), ("0", "1", "2"), (0, 1, 2, VOID)),
        ((0, 127, 255), ("0", "127", "255"), (0, 1, 2)),
    ],
)
def test_values_become_codes(tmp_path, values, names, codes):
    pair(tmp_path, levels(*values))
    pair(tmp_path, levels(values[0]), name="b")
    data = open_data(tmp_path)
    assert data.target.classes == names
    assert (data.masks.read(0) == levels(*codes)).all()
    assert (data.masks.read(1) == codes[0]).all()
    assert any(f"{names[-1]} -> {len(names) - 1}" in sentence for sentence in data.decisions)


def test_palette_numbers_are_the_codes_whatever_the_colors(tmp_path):
    pair(tmp_path, levels(0, 2, 1), mode="P")
    data = open_data(tmp_path)
    assert (data.masks.read(0) == levels(0, 2, 1)).all()


def test_one_bit_masks(tmp_path):
    pair(tmp_path, levels(0, 1).astype(bool))
    assert (open_data(tmp_path).masks.read(0) == levels(0, 1)).all()


def test_sixteen_bits(tmp_path):
    values = levels(0, 1).astype(np.uint16) * 1000
    pair(tmp_path, values)
    data = open_data(tmp_path)
    assert data.target.classes == ("0", "1000")
    assert (data.masks.read(0) == levels(0, 1)).all()


def test_colors_without_a_list(tmp_path):
    colors = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    colors[2, 3] = (255, 0, 10)
    pair(tmp_path, colors)
    pair(tmp_path, np.zeros((HEIGHT, WIDTH, 3), np.uint8), name="b")
    data = open_data(tmp_path)
    assert data.target.classes == ("#000000", "#ff000a")
    assert data.masks.read(0)[2, 3] == 1
    assert data.masks.read(0).sum() == 1
    assert data.masks.read(1).sum() == 0


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("class_dict.csv", "name,r,g,b\nsky,0,0,10\nroad,9,0,0\nsea,0,9,0\n"),
        ("label_colors.txt", "0 0 10\tsky\n9 0 0\troad\n0 9 0 sea\n"),
        ("labelmap.txt", "# label:color_rgb:parts:actions\nsky:0,0,10::\nroad:9,0,0::\nsea:0,9,0::\n"),
    ],
)
def test_colors_by_a_list(tmp_path, name, text):
    colors = np.full((HEIGHT, WIDTH, 3), (0, 0, 10), np.uint8)
    colors[2, 3] = (9, 0, 0)
    pair(tmp_path, colors)
    (tmp_path / name).write_text(text)
    data = open_data(tmp_path)
    assert data.target.classes == ("sky", "road", "sea")
    assert (data.masks.read(0)[2, 3], data.masks.read(0).sum()) == (1, 1)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("classes.txt", "sky\nroad\n"),
        ("labels.json", json.dumps(["sky", "road"])),
        ("labels.json", json.dumps({"0": "sky", "255": "road"})),
        ("labels.json", json.dumps({"road": 255, "sky": 0})),
    ],
)
def test_names_of_black_and_white(tmp_path, name, text):
    pair(tmp_path, levels(0, 255))
    (tmp_path / name).write_text(text)
    data = open_data(tmp_path)
    assert data.target.classes == ("sky", "road")
    assert (data.masks.read(0) == levels(0, 1)).all()


def test_a_value_without_a_class_costs_the_example_and_is_named(tmp_path):
    pair(tmp_path, levels(0, 1, 2))
    pair(tmp_path, levels(0, 1, 7), name="b")
    (tmp_path / "classes.txt").write_text("sky\nroad\nsea\n")
    data = open_data(tmp_path)
    assert data.ids == ["images/a.jpg"]
    assert [(item.id, item.code) for item in data.bad] == [("images/b.jpg", "mask.unknown_value")]
    assert "the mask holds 7, which no class has; known are 0, 1, 2" in data.bad[0].reason


def test_a_mask_that_changed_is_refused_when_read(tmp_path):
    pair(tmp_path, levels(0, 1))
    data = open_data(tmp_path)
    mask(tmp_path / "masks/a.png", levels(0, 9))
    with pytest.raises(BadImage, match="holds 9"):
        data.masks.read(0)
    (tmp_path / "masks/a.png").unlink()
    with pytest.raises(BadImage, match="cannot be read"):
        data.masks.read(0)


def test_faults_are_named_and_cost_their_example(tmp_path):
    for name in "abcdefg":
        pair(tmp_path, levels(0, 1), name=name)
    (tmp_path / "masks/a.png").unlink()
    (tmp_path / "images/b.jpg").unlink()
    (tmp_path / "masks/c.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    mask(tmp_path / "masks/d.png", levels(0, 1)[:-1])
    data = open_data(tmp_path)
    assert data.ids == [f"images/{name}.jpg" for name in "efg"]
    assert sorted((item.code, item.id) for item in data.bad) == [
        ("mask.bad", "images/c.jpg"),
        ("mask.missing", "images/a.jpg"),
        ("mask.no_picture", "masks/b.png"),
        ("mask.wrong_size", "images/d.jpg"),
    ]
    assert any("8 x 5 px, its picture 8 x 6" in item.reason for item in data.bad)


def test_lossy_black_and_white_is_cut_in_the_middle(tmp_path, shared_data):
    source = open_data(shared_data / "membrane")
    for row in range(3):
        photo(tmp_path / f"images/{row}.jpg", size=(512, 512))
        (tmp_path / "masks").mkdir(exist_ok=True)
        white = Image.fromarray(source.masks.read(row) * np.uint8(255))
        white.save(tmp_path / f"masks/{row}.jpg", quality=90)
    data = open_data(tmp_path)
    assert any("blurred by lossy compression" in sentence for sentence in data.decisions)
    assert (data.masks.read(0) != source.masks.read(0)).mean() < 0.001


def test_photographs_are_no_masks(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)
    photo(tmp_path / "images/a.jpg", size=(64, 64))
    mask(tmp_path / "masks/a.png", noise)
    with pytest.raises(DataError, match="different values, such as 0, 1, 2"):
        open_data(tmp_path)


def test_pairs_of_photographs_are_no_masks(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)
    photo(tmp_path / "input/a.jpg", size=(64, 64))
    mask(tmp_path / "target/a.png", noise)
    assert open_data(tmp_path).format == "image-folder"
    mask(tmp_path / "target/a.png", noise > 100)
    assert open_data(tmp_path).format == "mask-pairs"


def test_boxes_and_masks_of_one_set_are_told_by_the_task(tmp_path):
    for name in ("a", "b"):
        photo(tmp_path / f"JPEGImages/{name}.jpg")
    mask(tmp_path / "SegmentationClass/a.png", levels(0, 1, 255))
    mask(tmp_path / "SegmentationObject/a.png", levels(0, 1, 255))
    (tmp_path / "Annotations").mkdir()
    (tmp_path / "Annotations/a.xml").write_text("<annotation><filename>a.jpg</filename></annotation>")
    assert open_data(tmp_path).format == "voc"
    data = open_data(tmp_path, task="segment")
    assert (data.format, data.ids) == ("mask-pairs", ["JPEGImages/a.jpg"])
    assert [item.code for item in data.bad] == ["mask.missing"]


def test_class_folders_called_mask_are_classes(tmp_path):
    for name in ("mask/1", "mask/2", "no_mask/1", "no_mask/2"):
        photo(tmp_path / f"{name}.jpg")
    assert open_data(tmp_path).format == "image-folder"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_masks_of_turned_pictures_are_turned_along(tmp_path, orientation):
    """The mask was drawn on the pixels as stored; a picture on its side shows that the set's tool did so."""
    values = np.arange(HEIGHT * WIDTH).reshape(HEIGHT, WIDTH) % 3
    values = (values > 0).astype(np.uint8)
    values[0, 0] = 1
    for name, tag in (("a", orientation), ("witness", 6)):
        photo(tmp_path / f"images/{name}.jpg", tag)
        mask(tmp_path / f"masks/{name}.png", values)
    data = open_data(tmp_path)
    judge = Image.fromarray(values)
    judge.getexif()[0x0112] = orientation
    assert (data.masks.read(0) == np.asarray(ImageOps.exif_transpose(judge))).all()
    assert data.masks.read(0).shape == data.images.read(0).shape[:2]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_masks_own_tag_turns_it(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    values = levels(0, 1, 2)
    mask(tmp_path / "a.png", values, exif=exif)
    assert (mask_values((tmp_path / "a.png").read_bytes()) == turned(values, orientation)).all()


def test_tasks(tmp_path):
    pair(tmp_path, levels(0, 1))
    assert open_data(tmp_path, task="segment").format == "mask-pairs"
    assert open_data(tmp_path, labelled=False).ids == ["images/a.jpg"]
    with pytest.raises(UsageError, match=r"detect cannot be learnt .* mask-pairs; these serve: segment"):
        open_data(tmp_path, task="detect")
