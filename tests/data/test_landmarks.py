"""Tables of landmarks: columns, groups and splits, frames, faults planted in the real set."""

from collections import Counter

import polars as pl
import pytest
from PIL import Image

from rumbo.core.errors import UsageError
from rumbo.data import open_data
from rumbo.data.annotations.frames import upright


def write(folder, header, rows, pictures=("a.jpg", "b.jpg"), size=(30, 20), orientation=None):
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    for name in pictures:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, (len(name), 3, 4)).save(folder / name, exif=exif)
    (folder / "points.csv").write_text("\n".join([header, *rows]) + "\n")


def points(data, row=0):
    return [(point["x"], point["y"]) for point in data.table["points"][row]]


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("image,x0,y0,x1,y1", ("0", "1")),
        ("file,left_eye_x,left_eye_y,nose_x,nose_y", ("left_eye", "nose")),
        ("image,X_1,Y_1,X_2,Y_2", ("1", "2")),
    ],
)
def test_columns(tmp_path, header, names):
    write(tmp_path, header, ["a.jpg,1,2,3.5,4", "b.jpg,5,6,7,8"])
    data = open_data(tmp_path)
    assert (data.format, data.ids, data.target.classes) == ("landmarks", ["a.jpg", "b.jpg"], names)
    assert points(data) == [(1, 2), (3.5, 4)]
    assert (data.num_annotations, data.repairs, data.bad) == (4, (), ())


def test_one_pair_of_coordinates_is_a_table(tmp_path):
    write(tmp_path, "image,gps_x,gps_y,label", ["a.jpg,1,2,cat", "b.jpg,3,4,dog"])
    assert open_data(tmp_path).format == "table"


def test_gaps_are_points_that_were_not_marked(tmp_path):
    write(tmp_path, "image,x0,y0,x1,y1", ["a.jpg,1,2,,", "b.jpg,-1,-1,7,8"])
    data = open_data(tmp_path)
    assert points(data, 0) == [(1, 2), (None, None)]
    assert points(data, 1) == [(None, None), (7, 8)]
    assert data.num_annotations == 2
    assert any("1 points at -1, -1" in sentence for sentence in data.decisions)


def test_a_split_column_counts_unless_it_tears_people_apart(tmp_path):
    rows = ["a.jpg,ann,train,1,2,3,4", "b.jpg,bob,test,1,2,3,4"]
    write(tmp_path, "image,person,subset,x0,y0,x1,y1", rows)
    data = open_data(tmp_path)
    assert data.table.select("split", "group", "identity").row(1) == ("test", "bob", "bob")
    write(tmp_path, "image,person,subset,x0,y0,x1,y1", [rows[0], rows[1].replace("bob", "ann")])
    data = open_data(tmp_path)
    assert "split" not in data.table.columns
    assert any("1 of 'person' are on both sides" in sentence for sentence in data.decisions)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_points_of_turned_pictures(tmp_path, orientation):
    """Written for the pixels as stored; the second picture, on its side, shows that."""
    write(tmp_path, "image,height,width,x0,y0,x1,y1", [], ["a.jpg"], orientation=orientation)
    write(
        tmp_path,
        "image,height,width,x0,y0,x1,y1",
        ["a.jpg,20,30,4,5,6,7", "b.jpg,20,30,4,5,6,7"],
        ["b.jpg"],
        orientation=6,
    )
    data = open_data(tmp_path)
    assert points(data) == [upright(4, 5, orientation, 30, 20), upright(6, 7, orientation, 30, 20)]


def test_points_of_shrunk_pictures_are_scaled_and_counted(tmp_path):
    write(tmp_path, "image,height,width,x0,y0,x1,y1", ["a.jpg,40,60,4,6,8,10", "b.jpg,7,60,4,6,8,10"])
    data = open_data(tmp_path)
    assert points(data) == [(2, 3), (4, 5)]
    assert points(data, 1) == [(None, None)] * 2
    assert Counter((repair.code, repair.action) for repair in data.repairs) == {
        ("points.wrong_size", "corrected"): 2,
        ("points.wrong_size", "rejected"): 2,
    }


@pytest.fixture(scope="module")
def faces(shared_data, tmp_path_factory):
    """The first 60 pictures of the real set, as a folder."""
    data = open_data(shared_data / "face_landmarks")
    folder = tmp_path_factory.mktemp("faces")
    (folder / "images").mkdir()
    for row in range(60):
        (folder / data.ids[row]).write_bytes(data.images.bytes_of(row))
    lines = data.images.files.read("landmarks.csv").decode().splitlines()
    return folder, lines[:61]


PLANTED = [
    ("points.malformed", {"x5": "3O.1"}, 1),
    ("points.half", {"y7": ""}, 1),
    ("points.not_finite", {"x0": "1e999"}, 1),
    ("points.outside", {"x0": "900", "y1": "-400"}, 2),
    ("points.wrong_size", {"width": "50"}, 68),
]


@pytest.mark.parametrize(("code", "changes", "count"), PLANTED, ids=[code for code, _, _ in PLANTED])
def test_a_planted_fault_costs_its_points(faces, tmp_path, code, changes, count):
    folder, lines = faces
    clean = (tmp_path / "clean", "\n".join(lines))
    header, row = lines[0].split(","), lines[30].split(",")
    for column, value in changes.items():
        row[header.index(column)] = value
    faulty = (tmp_path / "faulty", "\n".join([*lines[:30], ",".join(row), *lines[31:]]))
    sets = []
    for place, text in (clean, faulty):
        (place / "images").mkdir(parents=True)
        for path in (folder / "images").iterdir():
            (place / "images" / path.name).hardlink_to(path)
        (place / "landmarks.csv").write_text(text)
        sets.append(open_data(place))
    before, after = sets
    assert (before.repairs, before.num_annotations) == ((), 60 * 68)
    assert Counter((repair.code, repair.action) for repair in after.repairs) == {(code, "rejected"): count}
    assert all(repair.where == "landmarks.csv:31" and repair.id == after.ids[29] for repair in after.repairs)
    known = after.table["points"].list.eval(pl.element().struct.field("x").is_not_null().sum()).explode().sum()
    assert known + count == after.num_annotations == 60 * 68
    rows = [row for row in range(60) if row != 29]
    assert after.table["points"][rows].to_list() == before.table["points"][rows].to_list()
    assert any(code in sentence for sentence in after.decisions)


def test_a_missing_picture_is_named_with_its_line(tmp_path):
    write(tmp_path, "image,x0,y0,x1,y1", ["a.jpg,1,2,3,4", "gone.jpg,1,2,3,4"])
    data = open_data(tmp_path)
    assert (data.ids, [item.code for item in data.bad]) == (["a.jpg"], ["annotation.no_picture"])
    assert "'points.csv' line 3: there is no picture 'gone.jpg'" in data.bad[0].reason


def test_tasks(tmp_path):
    write(tmp_path, "image,person,x0,y0,x1,y1", ["a.jpg,ann,1,2,3,4", "b.jpg,bob,1,2,3,4"])
    assert open_data(tmp_path, task="landmarks").format == "landmarks"
    embed = open_data(tmp_path, task="embed")
    assert (embed.target.kind.value, embed.target.classes) == ("identity", ("ann", "bob"))
    assert open_data(tmp_path, target="person").format == "table"
    assert open_data(tmp_path, labelled=False).format == "table"
    with pytest.raises(UsageError, match="detect cannot be learnt from a table of landmarks"):
        open_data(tmp_path, task="detect")
    write(tmp_path, "image,x0,y0,x1,y1", ["a.jpg,1,2,3,4", "b.jpg,1,2,3,4"])
    with pytest.raises(UsageError, match="needs a column that says who"):
        open_data(tmp_path, task="embed")


def test_a_picture_in_two_rows(tmp_path):
    write(tmp_path, "image,x0,y0,x1,y1", ["a.jpg,1,2,3,4", "a.jpg,5,6,7,8"])
    data = open_data(tmp_path)
    assert data.ids == ["points.csv#0", "points.csv#1"]
