"""YOLO: layouts, names, splits, outlines, and sets without data.yaml."""

import pytest
from PIL import Image

from rumbo.core.errors import DataError
from rumbo.data import open_data
from rumbo.data.readers.yolo import parse_yaml

SIDES = ("x1", "y1", "x2", "y2")
LINE = "0 0.5 0.5 0.4 0.2\n"


def example(folder, picture, label=None, text=LINE):
    path = folder / picture
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (50, 40), (len(picture), 2, 3)).save(path)
    if label is not None:
        path = folder / label
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def corners(data, row=0):
    return [[round(box[side], 6) for side in SIDES] for box in data.table["boxes"][row]]


@pytest.mark.parametrize(
    ("picture", "label"),
    [
        ("images/a.jpg", "labels/a.txt"),
        ("a.jpg", "a.txt"),
        ("deep/images/x/a.jpg", "deep/labels/x/a.txt"),
        ("images/images/a.jpg", "images/labels/a.txt"),
    ],
)
def test_layouts(tmp_path, picture, label):
    example(tmp_path, picture, label)
    (tmp_path / "data.yaml").write_text("names: [cat]\n")
    data = open_data(tmp_path)
    assert (data.format, data.ids, data.target.classes) == ("yolo", [picture], ("cat",))
    assert corners(data) == [[15, 16, 35, 24]]
    assert data.table["annotated_height"].to_list() == [None]


@pytest.mark.parametrize("swap", [False, True])
def test_splits(tmp_path, swap):
    for split in ("train", "val", "test"):
        image, label = (f"{split}/images", f"{split}/labels") if swap else (f"images/{split}", f"labels/{split}")
        example(tmp_path, f"{image}/{split}.jpg", f"{label}/{split}.txt")
    image = "{}/images" if swap else "images/{}"
    (tmp_path / "data.yaml").write_text(
        "path: ../somewhere\nnames:\n  0: cat\n"
        + "".join(f"{s}: ../{image.format(s)}\n" for s in ("train", "val", "test"))
    )
    data = open_data(tmp_path)
    assert sorted(data.table.select("id", "split").rows()) == sorted(
        (f"{image.format(folder)}/{folder}.jpg", split)
        for folder, split in (("train", "train"), ("val", "dev"), ("test", "test"))
    )


def test_lists_of_pictures(tmp_path):
    for name in "abc":
        example(tmp_path, f"images/{name}.jpg", f"labels/{name}.txt")
    (tmp_path / "train.txt").write_text("./images/a.jpg\n")
    (tmp_path / "val.txt").write_text("images\\b.jpg\n")
    (tmp_path / "data.yaml").write_text("names: [cat]\ntrain: train.txt\nval: val.txt\n")
    data = open_data(tmp_path)
    assert data.table.select("id", "split").rows() == [("images/a.jpg", "train"), ("images/b.jpg", "dev")]
    assert any("pictures left out, since it does not name them: 1." in sentence for sentence in data.decisions)


def test_negatives_stay(tmp_path):
    example(tmp_path, "images/a.jpg", "labels/a.txt")
    example(tmp_path, "images/b.jpg", "labels/b.txt", "\n")
    example(tmp_path, "images/c.jpg")
    (tmp_path / "data.yaml").write_text("names: [cat]\n")
    data = open_data(tmp_path)
    assert data.table["boxes"].list.len().to_list() == [1, 0, 0]
    assert any(
        "pictures without a text file, which count as pictures without boxes: 1." in sentence
        for sentence in data.decisions
    )


def test_outlines(tmp_path):
    example(tmp_path, "a.jpg", "a.txt", "1 0.1 0.1 0.5 0.1 0.5 0.6\n")
    (tmp_path / "data.yaml").write_text("names: {0: cat, 1: dog}\nnc: 2\n")
    data = open_data(tmp_path)
    assert corners(data) == [[5, 4, 25, 24]]
    assert data.table["boxes"][0][0]["polygons"][0] == pytest.approx([5, 4, 25, 4, 25, 24])
    assert data.table["boxes"][0][0]["class"] == "dog"


def test_ids_with_a_gap_go_by_name(tmp_path):
    example(tmp_path, "a.jpg", "a.txt", "7 0.5 0.5 0.1 0.1\n")
    (tmp_path / "data.yaml").write_text("names: {2: cat, 7: dog}\n")
    data = open_data(tmp_path)
    assert (data.target.classes, data.table["boxes"][0][0]["class"]) == (("cat", "dog"), "dog")
    assert any("box.category_gap" in sentence for sentence in data.decisions)


def test_classes_txt_in_place_of_data_yaml(tmp_path):
    example(tmp_path, "images/a.jpg", "labels/a.txt", "1 0.5 0.5 0.1 0.1\n")
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    data = open_data(tmp_path)
    assert (data.format, data.table["boxes"][0][0]["class"]) == ("yolo", "dog")


def test_without_names_ids_are_names_and_that_is_said(tmp_path):
    example(tmp_path, "images/a.jpg", "labels/a.txt", "3 0.5 0.5 0.1 0.1\n")
    data = open_data(tmp_path)
    assert data.target.classes == ("3",)
    assert any("called by their numbers, 3" in sentence for sentence in data.decisions)


def test_keypoints_and_confidence_are_left_out(tmp_path):
    example(tmp_path, "a.jpg", "a.txt", "0 0.5 0.5 0.4 0.2 0.5 0.5 2 0.4 0.4 2\n")
    example(tmp_path, "b.jpg", "b.txt", "0 0.5 0.5 0.4 0.2 0.93\n")
    (tmp_path / "data.yaml").write_text("names: [cat]\nkpt_shape: [2, 3]\n")
    data = open_data(tmp_path)
    assert corners(data, 0) == corners(data, 1) == [[15, 16, 35, 24]]


def test_rounding_at_the_border_is_no_fault(tmp_path):
    example(tmp_path, "a.jpg", "a.txt", "0 0.500001 0.5 1.000000 1\n")
    (tmp_path / "data.yaml").write_text("names: [cat]\n")
    data = open_data(tmp_path)
    assert (data.repairs, corners(data)[0][2:]) == ((), [50, 40])


def test_notes_beside_class_folders_are_no_yolo(tmp_path):
    for name in ("cat/a", "dog/b"):
        example(tmp_path, f"{name}.jpg", f"{name}.txt", "a nice animal, seen on 12 May\n")
    assert open_data(tmp_path).format == "image-folder"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("names: [a\n", r"line \d: no YAML"),
        ("a: &x [1]\nnames: *x\n", "line 2: YAML aliases are refused"),
        ("names: !!python/object/apply:os.system ['true']\n", "no YAML"),
        ("names: 5\n", "names must be a list"),
        ("names: {cat: 0}\n", "names must be a list"),
    ],
)
def test_hostile_yaml(tmp_path, text, message):
    example(tmp_path, "a.jpg", "a.txt")
    (tmp_path / "data.yaml").write_text(text)
    with pytest.raises(DataError, match=message):
        open_data(tmp_path)


def test_deep_yaml():
    with pytest.raises(DataError, match="no YAML"):
        parse_yaml("[" * 10_000, "a.yaml")
