"""Faults of masks and landmarks, planted in the membrane and in faces, are found under their codes."""

import csv
import dataclasses
import io
import shutil

import numpy as np
import polars as pl
import pytest
from PIL import Image
from planting import Changed, change, edit, judge, report, splits, unpack

from rumbo.data import open_data

PLANTED = {}
MASK_FILES = {}
POINT_FILES = {}
NUM_FACES = 40


def plants(code):
    """Enter a planting: from the opener of real sets to (clean, faulty), and perhaps an item."""
    return lambda function: PLANTED.setdefault(code, function)


def masks_changed(data, changes):
    """With other masks: row -> a function of the real one."""
    values = {row: made(data.masks.read(row)) for row, made in changes.items()}
    return dataclasses.replace(data, masks=Changed(data.masks, values))


@plants("mask.empty")
def _(real):
    data = real("membrane")
    return data, masks_changed(data, {3: np.zeros_like}), data.ids[3]


def through_jpeg(mask):
    """What is left of the codes after lossy compression, cut at the middle."""
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).normal(0, 90, mask.shape)
    Image.fromarray(np.clip(mask * 255.0 + noise, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=60)
    return (np.asarray(Image.open(buffer)) > 127).astype(np.uint8)


@plants("mask.specks")
def _(real):
    data = real("membrane")
    return data, masks_changed(data, {3: through_jpeg}), data.ids[3]


@plants("mask.inverted")
def _(real):
    data = real("membrane")
    return data, masks_changed(data, {3: lambda mask: 1 - mask}), data.ids[3]


@plants("mask.shares_differ")
def _(real):
    data = change(real("membrane"), split=splits(30, test=0.3))
    test = np.flatnonzero((data.table["split"] == "test").to_numpy())
    return data, masks_changed(data, {row: lambda mask: mask * (np.indices(mask.shape)[0] % 3 == 0) for row in test})


@plants("mask.class_unused")
def _(real):
    data = real("membrane")
    target = dataclasses.replace(data.target, classes=(*data.target.classes, "vesicle"))
    return data, dataclasses.replace(data, target=target), "vesicle"


@plants("mask.wrong_size")
def _(real):
    data = real("membrane")
    return data, masks_changed(data, {3: lambda mask: mask[:, :500]}), data.ids[3]


def in_masks(code):
    """Enter a planting in the files of the membrane: a function that changes a folder."""
    return lambda function: MASK_FILES.setdefault(code, function)


@in_masks("mask.missing")
def _(folder):
    (folder / "label/3.png").unlink()


@in_masks("mask.no_picture")
def _(folder):
    (folder / "image/3.png").unlink()


@in_masks("mask.bad")
def _(folder):
    whole = (folder / "label/3.png").read_bytes()
    (folder / "label/3.png").write_bytes(whole[: len(whole) // 2])


@in_masks("mask.unknown_value")
def _(folder):
    (folder / "classes.json").write_text('{"0": "membrane", "255": "inside"}')
    mask = np.array(Image.open(folder / "label/3.png"))
    mask[:40, :40] = 77
    Image.fromarray(mask).save(folder / "label/3.png")


@pytest.mark.parametrize("code", sorted(MASK_FILES))
def test_the_fault_in_the_mask_files_is_found(code, shared_data, tmp_path):
    clean = unpack(shared_data / "membrane/membrane.zip", tmp_path / "clean", lambda name: "1" not in name)
    faulty = tmp_path / "faulty"
    shutil.copytree(clean, faulty)
    MASK_FILES[code](faulty)
    judge(code, open_data(clean), open_data(faulty))


@pytest.fixture(scope="module")
def faces(shared_data, tmp_path_factory):
    """A folder of faces, one of a person, and the rows of their table."""
    archive, folder = shared_data / "face_landmarks/face_landmarks.zip", tmp_path_factory.mktemp("faces")
    unpack(archive, folder, lambda name: name == "landmarks.csv")
    with open(folder / "landmarks.csv", newline="") as file:
        header, *rows = csv.reader(file)
    (folder / "landmarks.csv").unlink()
    firsts = {row[1]: row for row in rows}
    rows = list(firsts.values())[:NUM_FACES]
    unpack(archive, folder, lambda name: name in {row[0] for row in rows})
    return folder, header, rows


def faces_with(faces, plant=None):
    """The set, after a function changed rows[3] of the table (or the rows) in place."""
    folder, header, rows = faces
    rows = [[*row[:1], *row[1:2], "train", *row[3:]] for row in rows]
    header = [name for name in header if name != "source_split"]
    rows = [row[:2] + row[3:] for row in rows]
    if plant is not None:
        plant(rows)
    with open(folder / "landmarks.csv", "w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return open_data(folder)


def in_points(code):
    """Enter a planting in the table of landmarks: a function that changes the rows; column 4 is x0."""
    return lambda function: POINT_FILES.setdefault(code, function)


@in_points("points.malformed")
def _(rows):
    rows[3][4] = "left"


@in_points("points.half")
def _(rows):
    rows[3][4] = ""


@in_points("points.not_finite")
def _(rows):
    rows[3][4] = "inf"


@in_points("points.outside")
def _(rows):
    rows[3][4] = "900"


@in_points("points.wrong_size")
def _(rows):
    rows[3][2:4] = [str(2 * int(side)) for side in rows[3][2:4]]


@in_points("points.edge")
def _(rows):
    rows[3][4] = "-4"


@in_points("points.missing")
def _(rows):
    rows[3][4] = rows[3][5] = ""


@in_points("points.equal")
def _(rows):
    rows[3][4:] = rows[3][4:6] * 68


@in_points("points.constant")
def _(rows):
    for row in rows:
        row[4:6] = ["30", "40"]


@in_points("points.copied")
def _(rows):
    rows[3][4:] = rows[7][4:]


@in_points("points.swapped")
def _(rows):
    rows[3][4::2] = [str(int(rows[3][2]) - float(x)) for x in rows[3][4::2]]


@in_points("points.outlier")
def _(rows):
    points = np.array(rows[3][4:]).reshape(68, 2)
    rows[3][4:] = np.random.default_rng(0).permutation(points).ravel().tolist()


@pytest.mark.parametrize("code", sorted(POINT_FILES))
def test_the_fault_in_the_landmarks_is_found(code, faces):
    clean, faulty = faces_with(faces), faces_with(faces, POINT_FILES[code])
    judge(code, clean, faulty)
    sums = report(faulty).counts["annotations"]
    assert sums["met"] == sum(sums[name] for name in ("used", "clipped", "corrected", "rejected", "left_out"))
    assert sums["left_out"] == 0


def test_points_named_left_and_right_that_are_exchanged(faces):
    """Names say it where the shape cannot: two points a side."""
    data = faces_with(faces)
    places, names = (36, 45, 48, 54), ("right_eye", "left_eye", "right_mouth", "left_mouth")
    lists = [[points[place] for place in places] for points in data.table["points"].to_list()]

    def with_names(lists):
        column = pl.Series("points", lists, dtype=data.table.schema["points"])
        target = dataclasses.replace(data.target, classes=names)
        return dataclasses.replace(data, table=data.table.with_columns(column), target=target)

    swapped = edit([3], lambda points: [points[1], points[0], points[3], points[2]])(lists)
    judge("points.swapped", with_names(lists), with_names(swapped), data.ids[3])


@pytest.mark.parametrize("code", sorted(PLANTED))
def test_the_fault_is_found(code, real):
    judge(code, *PLANTED[code](real))
