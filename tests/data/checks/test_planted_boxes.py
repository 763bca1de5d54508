"""Faults of boxes, planted in the raccoons: in files where readers see them, in the table where only checks do."""

import copy
import dataclasses
import json

import numpy as np
import pytest
from PIL import Image
from planting import judge, repaint, report, unpack

from rumbo.data import open_data
from rumbo.data.checks.annotations import balance

PLANTED = {}
IN_FILES = {}
NUM = 30


def plants(code):
    """Enter a planting in the table: from the opener of real sets to (clean, faulty), and perhaps an item."""
    return lambda function: PLANTED.setdefault(code, function)


def in_coco(code):
    """Enter a planting in a COCO file: a function that changes its content."""
    return lambda function: IN_FILES.setdefault(code, function)


def raccoons(real):
    """The first raccoons, without splits and without copies."""
    data = real("raccoon")
    rows = np.flatnonzero(~data.table["content"].is_duplicated().to_numpy())[:NUM]
    data = data.take(rows)
    lists = data.table["boxes"].to_list()
    num = sum(map(len, lists))
    return dataclasses.replace(data, table=data.table.drop("split"), num_annotations=num)


def with_boxes(data, rows, boxed):
    """Other boxes in some rows: a function from (list of boxes, height, width) to such a list."""
    import polars as pl

    lists = data.table["boxes"].to_list()
    for row in rows:
        height, width, _ = data.images.size(row)
        lists[row] = boxed(copy.deepcopy(lists[row]), height, width)
    dtype = data.table.schema["boxes"]
    return dataclasses.replace(data, table=data.table.with_columns(pl.Series("boxes", lists, dtype=dtype)))


def moved(**sides):
    """The first box with other sides, in px."""
    return lambda boxes, height, width: [boxes[0] | sides, *boxes[1:]]


@plants("box.invalid")
def _(real):
    data = raccoons(real)
    return data, with_boxes(data, [3], lambda boxes, h, w: [boxes[0] | {"x1": w + 50.0, "x2": w + 90.0}]), data.ids[3]


@plants("box.tiny")
def _(real):
    data = raccoons(real)
    return data, with_boxes(data, [3], moved(x1=10.0, x2=15.0, y1=10.0, y2=14.0)), data.ids[3]


@plants("box.aspect")
def _(real):
    data = raccoons(real)
    return (
        data,
        with_boxes(data, [3], lambda b, h, w: [b[0] | {"x1": 1.0, "x2": w - 1.0, "y1": 5.0, "y2": 8.0}]),
        data.ids[3],
    )


@plants("box.whole_picture")
def _(real):
    data = raccoons(real)
    whole = lambda b, h, w: [b[0] | {"x1": 0.0, "y1": 0.0, "x2": float(w), "y2": float(h)}]  # noqa: E731
    return data, with_boxes(data, range(NUM), whole)


@plants("box.overlap")
def _(real):
    data = raccoons(real)
    return data, with_boxes(data, [3], lambda b, h, w: [b[0], b[0] | {"x1": b[0]["x1"] + 1}]), data.ids[3]


@plants("box.mostly_empty")
def _(real):
    data = raccoons(real)
    return data, with_boxes(data, range(1, NUM), lambda b, h, w: [])


@plants("box.class_shift")
def _(real):
    data = raccoons(real)
    classes = ("background", "cat", "raccoon")
    named = with_boxes(data, range(0, NUM, 3), lambda b, h, w: [b[0] | {"class": "cat"}])
    first = with_boxes(named, range(0, NUM, 4), lambda b, h, w: [b[0] | {"class": "background"}])
    return (
        dataclasses.replace(first, target=dataclasses.replace(data.target, classes=classes)),
        dataclasses.replace(named, target=dataclasses.replace(data.target, classes=classes)),
        "background",
    )


@plants("box.rotated_frame")
def _(real):
    data = raccoons(real)
    on_side = repaint(data, lambda picture: picture.transpose(Image.Transpose.ROTATE_90), [3])
    return data, on_side, data.ids[3]


@in_coco("box.outside")
def _(content):
    content["annotations"][3]["bbox"][2] += 5000


@in_coco("box.zero_area")
def _(content):
    content["annotations"][3]["bbox"][2] = 0


@in_coco("box.negative")
def _(content):
    content["annotations"][3]["bbox"][2] *= -1


@in_coco("box.not_finite")
def _(content):
    content["annotations"][3]["bbox"][0] = float("nan")


@in_coco("box.malformed")
def _(content):
    content["annotations"][3]["bbox"] = [1, 2, 3]


@in_coco("box.unknown_class")
def _(content):
    content["annotations"][3]["category_id"] = 77


@in_coco("box.duplicate")
def _(content):
    content["annotations"].append(content["annotations"][3] | {"id": 9999})


@in_coco("box.duplicate_id")
def _(content):
    content["annotations"][4]["id"] = content["annotations"][3]["id"]


@in_coco("box.no_picture")
def _(content):
    content["annotations"][3]["image_id"] = 9999


@in_coco("box.polygon_short")
def _(content):
    content["annotations"][3]["segmentation"] = [[1, 2, 3, 4]]


@in_coco("box.rle_bad")
def _(content):
    content["annotations"][3]["segmentation"] = {"size": [3, 3], "counts": [1, 2, 3]}


@in_coco("box.wrong_size")
def _(content):
    content["images"][3]["width"] *= 2
    content["images"][3]["height"] *= 2


@in_coco("annotation.no_picture")
def _(content):
    content["images"][3]["file_name"] = "gone.jpg"


@in_coco("annotation.duplicate_id")
def _(content):
    content["images"].append(content["images"][3] | {"file_name": "again.jpg"})


@in_coco("annotation.bad")
def _(content):
    del content["images"][3]["file_name"]


@pytest.fixture(scope="module")
def coco(real, shared_data, tmp_path_factory):
    """A folder of raccoons, and the content of a COCO file that says what their XML files say."""
    data, folder = raccoons(real), tmp_path_factory.mktemp("coco")
    names = set(data.images.names)
    unpack(shared_data / "raccoon/raccoon.zip", folder, lambda name: name in names)
    sizes = [data.images.size(row) for row in range(NUM)]
    images = [
        {"id": row, "file_name": name.split("/")[-1], "width": size[1], "height": size[0]}
        for row, (name, size) in enumerate(zip(data.images.names, sizes, strict=True))
    ]
    boxes = [(row, box) for row, found in enumerate(data.table["boxes"].to_list()) for box in found]
    annotations = [
        {
            "id": number,
            "image_id": row,
            "category_id": 1,
            "iscrowd": 0,
            "bbox": [box["x1"], box["y1"], box["x2"] - box["x1"], box["y2"] - box["y1"]],
        }
        for number, (row, box) in enumerate(boxes, start=1)
    ]
    return folder, {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "raccoon"}]}


def opened(folder, content):
    """The set that a COCO file makes of the pictures."""
    (folder / "annotations.json").write_text(json.dumps(content))
    return open_data(folder)


@pytest.mark.parametrize("code", sorted(PLANTED))
def test_the_fault_is_found(code, real):
    judge(code, *PLANTED[code](real))


@pytest.mark.parametrize("code", sorted(IN_FILES))
def test_the_fault_in_the_file_is_found_and_the_balance_is_exact(code, coco):
    folder, content = coco
    clean = opened(folder, content)
    faulty = copy.deepcopy(content)
    IN_FILES[code](faulty)
    data = opened(folder, faulty)
    judge(code, clean, data)
    sums = report(data).counts["annotations"]
    assert sums["met"] == len(faulty["annotations"])
    assert sums["met"] == sum(sums[name] for name in ("used", "clipped", "corrected", "rejected", "left_out"))
    assert sums["left_out"] == 0
    assert sums["used"] >= len(content["annotations"]) - 3


@pytest.mark.parametrize(
    ("code", "old", "new"),
    [
        ("box.inverted", "<xmin>81</xmin>", "<xmin>600</xmin>"),
        ("box.malformed", "<xmin>81</xmin>", "<xmin>left</xmin>"),
        ("annotation.bad", "</annotation>", ""),
    ],
)
def test_the_fault_in_voc_is_found(code, old, new, shared_data, tmp_path):
    wanted = ("raccoon-1.", "raccoon-2.", "raccoon-3.", "raccoon-4.", "raccoon-5.", "raccoon-6.", "raccoon-7.")
    opened = []
    for name in ("clean", "faulty"):
        folder = unpack(
            shared_data / "raccoon/raccoon.zip", tmp_path / name, lambda member: any(word in member for word in wanted)
        )
        file = folder / "annotations/raccoon-1.xml"
        assert old in file.read_text()
        if name == "faulty":
            file.write_text(file.read_text().replace(old, new))
        opened.append(open_data(folder))
    judge(code, *opened)


def test_a_yolo_file_in_px_is_found(real, coco, tmp_path):
    data = raccoons(real)
    opened = []
    for name in ("clean", "faulty"):
        for part in ("images", "labels"):
            (tmp_path / name / part).mkdir(parents=True)
        (tmp_path / name / "data.yaml").write_text("names: [raccoon]\n")
        for row, boxes in enumerate(data.table["boxes"].to_list()[:12]):
            height, width, _ = data.images.size(row)
            if name == "faulty" and row == 3:
                height = width = 1
            lines = [
                f"0 {(box['x1'] + box['x2']) / 2 / width} {(box['y1'] + box['y2']) / 2 / height} "
                f"{(box['x2'] - box['x1']) / width} {(box['y2'] - box['y1']) / height}"
                for box in boxes
            ]
            (tmp_path / name / f"images/{row}.jpg").write_bytes(data.images.bytes_of(row))
            (tmp_path / name / f"labels/{row}.txt").write_text("\n".join(lines) + "\n")
        opened.append(open_data(tmp_path / name))
    judge("box.not_normalized", *opened)


def test_pictures_that_left_the_set_are_in_the_balance(real):
    data = raccoons(real)
    fewer = data.take(np.arange(10))
    sums = balance(fewer)
    assert sums["left_out"] == data.num_annotations - fewer.table["boxes"].list.len().sum() > 0
    assert sums["met"] == sums["used"] + sums["left_out"]


ELSEWHERE = ("box.inverted", "box.not_normalized")
"""Planted above in files of their own."""
