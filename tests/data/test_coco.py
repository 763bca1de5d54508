"""COCO JSON: splits, categories by name, repaired paths, outlines and run lengths."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from rumbo.core.errors import DataError
from rumbo.data import open_data
from rumbo.data.annotations.outlines import decode_counts, outlines_of_mask, unpack_counts

SIDES = ("x1", "y1", "x2", "y2")


def pictures(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (30, 20), (len(name), 3, 4)).save(folder / name)


def write(path, names, annotations=(), categories=("cat",), first_id=1, **extra):
    images = [{"id": row, "file_name": name, "width": 30, "height": 20} for row, name in enumerate(names)]
    content = {
        "images": images,
        "annotations": [
            {"id": number, "image_id": 0, "category_id": first_id, "bbox": [1, 2, 10, 12]} | entry
            for number, entry in enumerate(annotations)
        ],
        "categories": [{"id": first_id + place, "name": name} for place, name in enumerate(categories)],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content | extra))


def box(data, row=0, place=0):
    return data.table["boxes"][row][place]


def test_files_are_splits(tmp_path):
    pictures(tmp_path, "train2017/a.jpg", "train2017/b.jpg", "val2017/c.jpg")
    write(tmp_path / "annotations/instances_train2017.json", ["a.jpg", "b.jpg"], [{}])
    write(tmp_path / "annotations/instances_val2017.json", ["c.jpg"], [{}])
    write(tmp_path / "annotations/captions_train2017.json", ["a.jpg"], [{"bbox": None, "caption": "a cat"}])
    data = open_data(tmp_path)
    assert data.ids == ["train2017/a.jpg", "train2017/b.jpg", "val2017/c.jpg"]
    assert data.table["split"].to_list() == ["train", "train", "dev"]
    assert data.table["boxes"].list.len().to_list() == [1, 0, 1]
    assert any("captions_train2017.json" in sentence for sentence in data.decisions)


def test_the_same_base_name_in_two_splits(tmp_path):
    pictures(tmp_path, "train/a.jpg", "test/a.jpg")
    write(tmp_path / "train/_annotations.coco.json", ["a.jpg"], [{}])
    write(tmp_path / "test/_annotations.coco.json", ["a.jpg"])
    data = open_data(tmp_path)
    assert data.table.select("id", "split").rows() == [("test/a.jpg", "test"), ("train/a.jpg", "train")]
    assert data.table["boxes"].list.len().to_list() == [0, 1]


def test_categories_go_by_name_where_files_number_them_differently(tmp_path):
    pictures(tmp_path, "a.jpg", "b.jpg")
    write(tmp_path / "train.json", ["a.jpg"], [{"category_id": 1}], ("cat", "dog"))
    write(tmp_path / "val.json", ["b.jpg"], [{"category_id": 1}], ("dog", "cat"))
    data = open_data(tmp_path)
    assert data.target.classes == ("cat", "dog")
    assert [box(data, row)["class"] for row in (0, 1)] == ["cat", "dog"]


@pytest.mark.parametrize(
    "entry",
    [
        "..\\..\\media\\upload\\1\\photo 1.jpg",
        "/data/upload/1/photo 1.jpg",
        "images\\photo 1.jpg",
        "C:\\Users\\x\\photo 1.jpg",
        "/data/local-files/?d=set/photo 1.jpg",
        "0a1b2c3d-photo 1.jpg",
        "./photo 1.jpg",
    ],
)
def test_paths_are_repaired(tmp_path, entry):
    pictures(tmp_path, "images/photo 1.jpg")
    write(tmp_path / "result.json", [entry], [{}])
    data = open_data(tmp_path)
    assert (data.ids, data.bad, data.num_annotations) == (["images/photo 1.jpg"], (), 1)


def test_a_base_name_of_two_files_is_not_guessed(tmp_path):
    pictures(tmp_path, "x/a.jpg", "y/a.jpg", "b.jpg")
    write(tmp_path / "result.json", ["..\\a.jpg", "b.jpg"], [{}])
    data = open_data(tmp_path)
    assert (data.ids, [item.code for item in data.bad]) == (["b.jpg"], ["annotation.no_picture"])
    assert any("pictures left out, since no COCO file lists them: 2." in sentence for sentence in data.decisions)


def test_the_json_file_itself_can_be_given(tmp_path):
    pictures(tmp_path, "images/a.jpg")
    write(tmp_path / "one.json", ["a.jpg"], [{}])
    assert open_data(tmp_path / "one.json").ids == ["images/a.jpg"]


def test_corners_flags_and_outlines(tmp_path):
    pictures(tmp_path, "a.jpg")
    outline = [1, 2, 11, 2, 11, 14.5]
    write(
        tmp_path / "a.json",
        ["a.jpg"],
        [{"segmentation": [outline], "iscrowd": 0}, {"bbox": [], "segmentation": [outline]}],
    )
    data = open_data(tmp_path)
    assert [box(data)[side] for side in SIDES] == [1, 2, 11, 14]
    assert (box(data)["crowd"], box(data)["polygons"]) == (False, [outline])
    assert [box(data, 0, 1)[side] for side in SIDES] == [1, 2, 11, 14.5]


def test_one_number_for_two_categories_is_refused(tmp_path):
    pictures(tmp_path, "a.jpg")
    write(tmp_path / "a.json", ["a.jpg"], [{}], categories=[{"id": 1, "name": "cat"}, {"id": 1, "name": "dog"}])
    path = tmp_path / "a.json"
    content = json.loads(path.read_text())
    content["categories"] = [{"id": 1, "name": "cat"}, {"id": 1, "name": "dog"}]
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match="category 1 is called 'cat' and 'dog'"):
        open_data(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"images": [],\n "annotations": [}', r"line 2: no JSON: it is faulty in column 18"),
        ('{"images": [],\n "annotations": [', r"line 2: no JSON: it ends too early"),
        ('{"images": [], "annotations": [' + "[" * 200_000, "nested too deep"),
        ('{"images": [], "annotations": [' + "9" * 5000 + "]}", "line 1: no JSON"),
        ('{"images": [], "annotations": []}', "They name no picture"),
        ('[{"images": [], "annotations": []}]', "has no list of images"),
    ],
)
def test_hostile_json(tmp_path, text, message):
    pictures(tmp_path, "a.jpg")
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DataError, match=message):
        open_data(tmp_path)


def rasterized(polygons, height, width):
    """The pixels whose middle lies inside one of the outlines, counted by crossings; an independent judge."""
    mask = np.zeros((height, width), bool)
    ys, xs = np.mgrid[:height, :width] + 0.5
    for line in polygons:
        points = np.array(line).reshape(-1, 2)
        inside = np.zeros_like(mask)
        for (x1, y1), (x2, y2) in zip(points, np.roll(points, -1, axis=0), strict=True):
            if y1 != y2:
                crosses = (ys > min(y1, y2)) & (ys < max(y1, y2)) & (xs < x1 + (ys - y1) * (x2 - x1) / (y2 - y1))
                inside ^= crosses
        assert not (mask & inside).any()
        mask |= inside
    return mask


@given(st.integers(1, 9), st.integers(1, 9), st.data())
def test_outlines_hold_exactly_the_mask(height, width, data):
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=height * width, max_size=height * width)))
    mask = mask.reshape(height, width)
    assert (rasterized(outlines_of_mask(mask), height, width) == mask).all()


def packed(counts):
    """COCO's packing of run lengths, after the description of its format: the way back of `unpack_counts`."""
    text = ""
    for place, count in enumerate(counts):
        value = count - counts[place - 2] if place > 2 else count
        while True:
            bits, value = value & 0x1F, value >> 5
            more = value != -1 if bits & 0x10 else value != 0
            text += chr(48 + (bits | 0x20 if more else bits))
            if not more:
                break
    return text


@given(st.lists(st.integers(0, 200_000), max_size=12))
def test_packed_run_lengths(counts):
    assert unpack_counts(packed(counts)).tolist() == counts


@pytest.mark.parametrize("text", ["P", "ñ", "0\n", "P" * 40])
def test_damaged_run_lengths(text):
    with pytest.raises(ValueError, match="run lengths"):
        unpack_counts(text)


def test_run_lengths_become_outlines(tmp_path):
    pictures(tmp_path, "a.jpg")
    picture = Image.new("1", (30, 20))
    ImageDraw.Draw(picture).rectangle((5, 6, 9, 8), fill=1)
    mask = np.asarray(picture)
    flat = mask.T.ravel()
    changes = np.flatnonzero(np.diff(flat.astype(int))) + 1
    counts = np.diff([0, *changes.tolist(), flat.size]).tolist()
    assert (decode_counts(np.array(counts), 20, 30) == mask).all()
    crowd = {"iscrowd": 1, "bbox": [5, 6, 5, 3]}
    write(
        tmp_path / "a.json",
        ["a.jpg"],
        [
            crowd | {"segmentation": {"size": [20, 30], "counts": counts}},
            crowd | {"bbox": [5, 6, 5, 2], "segmentation": {"size": [20, 30], "counts": packed(counts)}},
        ],
    )
    data = open_data(tmp_path)
    for place in (0, 1):
        assert box(data, 0, place)["crowd"] is True
        assert box(data, 0, place)["polygons"] == [[5.0, 6.0, 10.0, 6.0, 10.0, 9.0, 5.0, 9.0]]
    assert data.repairs == ()


STRANGE = [
    None, True, 0, -1, 1.5, 1e308, float("nan"), float("inf"), 10**400, "", "nan", "7", [], {}, [[]], [1, 2, 3, 4],
    ["a"] * 4, {"size": [20, 30], "counts": [600]}, {"size": [1e9, 1e9], "counts": [1]}, [["a"] * 6], "a.jpg/", "C:\\",
    {"size": [20, 30], "counts": "0"}, [[1, 2, 3, 4, 5, float("nan")]], "../../../etc/passwd", "a\0b", "\ud800", "..",
]  # fmt: skip
FIELDS = [
    ("images", 0, "id"), ("images", 0, "file_name"), ("images", 0, "width"), ("images", 1), ("annotations", 0, "id"),
    ("annotations", 0, "image_id"), ("annotations", 0, "category_id"), ("annotations", 0, "bbox"),
    ("annotations", 0, "bbox", 2), ("annotations", 0, "segmentation"), ("annotations", 0, "segmentation", 0),
    ("annotations", 0, "iscrowd"), ("annotations", 1), ("categories", 0, "id"), ("categories", 0, "name"),
    ("categories", 0), ("categories",),
]  # fmt: skip


@given(changes=st.lists(st.tuples(st.sampled_from(FIELDS), st.sampled_from(STRANGE)), min_size=1, max_size=3))
def test_whatever_stands_in_a_field_each_box_is_used_or_counted(tmp_path_factory, changes):
    folder = tmp_path_factory.mktemp("strange")
    pictures(folder, "a.jpg", "b.jpg")
    annotations = [{"segmentation": [[1, 2, 3, 4, 5, 6]], "iscrowd": 0}, {"image_id": 1}]
    write(folder / "a.json", ["a.jpg", "b.jpg"], annotations, ("cat", "dog"))
    content = json.loads((folder / "a.json").read_text())
    for path, value in changes:
        place = content
        try:
            for key in path[:-1]:
                place = place[key]
            place[path[-1]] = value
        except (TypeError, KeyError, IndexError):  # an earlier change took the place away
            continue
    (folder / "a.json").write_text(json.dumps(content))
    try:
        data = open_data(folder)
    except DataError:
        return
    num_rejected = sum(repair.action == "rejected" for repair in data.repairs)
    assert data.num_annotations == data.table["boxes"].list.len().sum() + num_rejected
    for boxes in data.table["boxes"]:
        for one in boxes:
            assert 0 <= one["x1"] < one["x2"] <= 30
            assert 0 <= one["y1"] < one["y2"] <= 20
