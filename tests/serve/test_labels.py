"""The book behind the page: what is taken for a value, what is written and when, and data sets made of it."""

import json
import math
import zipfile

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from rumbo.api.labelling import Tool, export_labels, labelled_data, open_labels
from rumbo.core.errors import DataError, StorageError, UsageError
from rumbo.data import TargetKind, open_data
from rumbo.data.corrections import FIELDS, Correction, append_corrections, corrected, read_corrections


def saved(path):
    return [(c.id, c.field, c.value) for c in read_corrections(path)]


@pytest.fixture
def book(photos, tmp_path):
    def book(task, *, classes=("a", "b"), **more):
        return open_labels(photos, out=tmp_path / "c.csv", task=task, classes=classes, labelled=False, who="me", **more)

    return book


def test_each_change_is_in_the_file_at_once(book, tmp_path):
    labels = book("classes")
    assert not (tmp_path / "c.csv").exists()
    labels.change(0, "class", "a")
    labels.change(1, "tags", ["x", "x", " y "])
    labels.change(0, "class", "new")
    labels.change(2, "class", "b")
    labels.change(2, "class", None)
    ids = labels.ids
    assert saved(tmp_path / "c.csv") == [
        (ids[0], "class", "a"),
        (ids[1], "tags", '["x", "y"]'),
        (ids[0], "class", "new"),
        (ids[2], "class", "b"),
        (ids[2], "class", ""),
    ]
    first = read_corrections(tmp_path / "c.csv")[0]
    assert (first.who, first.why) == ("me", "rumbo label")
    assert first.when[10] == "T"
    assert first.when[-6] in "+-"
    assert (labels.progress().labelled, labels.progress().saved) == (1, 5)
    again = book("classes")
    assert [again.value(row) for row in range(3)] == ["new", None, None]
    assert again.value(1, "tags") == ["x", "y"]
    assert again.classes == ["a", "b", "new"]
    assert again.progress().saved == 0


def test_other_corrections_stay_and_count(photos, tmp_path):
    path = tmp_path / "c.csv"
    ids = open_data(photos).ids
    path.write_text(f"{','.join(FIELDS)}\ngone.png,class,ant,,,\n{ids[0]},split,test,,,\n{ids[1]},class,bee,,,\n")
    labels = open_labels(photos, out=path)
    assert (labels.strays, labels.value(1)) == (1, "bee")
    labels.change(0, "class", "bee")
    assert saved(path)[:3] == [("gone.png", "class", "ant"), (ids[0], "split", "test"), (ids[1], "class", "bee")]


def test_labelled_data_are_shown_with_their_labels(photos, tmp_path):
    labels = open_labels(photos, out=tmp_path / "c.csv")
    assert (labels.tool, labels.field, labels.classes) == (Tool.CLASSES, "class", ["ant", "bee"])
    assert labels.progress().labelled == 6
    labels.change(0, "class", "wasp")
    data = corrected(open_data(photos), read_corrections(tmp_path / "c.csv"))
    assert data.table["class"][0] == "wasp"


def test_pictures_without_folders_are_opened_without_labels(tmp_path):
    for name in ("1.png", "2.png"):
        (tmp_path / "loose").mkdir(exist_ok=True)
        Image.new("RGB", (4, 4)).save(tmp_path / "loose" / name)
    labels = open_labels(tmp_path / "loose", out=tmp_path / "c.csv")
    assert (labels.tool, labels.progress().labelled, labels.classes) == (Tool.CLASSES, 0, [])


@pytest.mark.parametrize(
    ("task", "value"),
    [
        ("classes", 3),
        ("classes", ""),
        ("classes", " "),
        ("classes", "a\nb"),
        ("classes", "a\u202eb"),
        ("classes", "\x1b[31m"),
        ("classes", "x" * 256),
        ("classes", ["a"]),
        ("boxes", "a"),
        ("boxes", [3]),
        ("boxes", [{"class": "a", "x1": 0, "y1": 0, "x2": 5}]),
        ("boxes", [{"class": "a", "x1": 0, "y1": 0, "x2": math.nan, "y2": 5}]),
        ("boxes", [{"class": "a", "x1": 0, "y1": 0, "x2": True, "y2": 5}]),
        ("boxes", [{"class": "a", "x1": 5, "y1": 0, "x2": 5, "y2": 5}]),
        ("boxes", [{"class": "a", "x1": 5, "y1": 0, "x2": 4, "y2": 5}]),
        ("boxes", [{"class": "a", "x1": 61, "y1": 0, "x2": 70, "y2": 5}]),
        ("boxes", [{"class": "", "x1": 0, "y1": 0, "x2": 5, "y2": 5}]),
        ("boxes", [{"x1": 0, "y1": 0, "x2": 5, "y2": 5}]),
        ("boxes", [{"class": "a", "x1": 0, "y1": 0, "x2": 5, "y2": 5}] * 10_001),
        ("points", [{"x": 1, "y": math.inf}]),
        ("points", [{"x": 1, "y": 1}] * 3),
        ("tags", "a"),
        ("tags", [["a"]]),
    ],
)
def test_what_is_no_value_is_refused_and_changes_nothing(book, tmp_path, task, value):
    labels = book(task)
    with pytest.raises(DataError):
        labels.change(0, labels.field, value)
    assert labels.value(0) is None
    assert not (tmp_path / "c.csv").exists()
    with pytest.raises(DataError, match="split"):
        labels.change(0, "split", "test")


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.floats(-100, 200), st.floats(-100, 200), st.floats(0.5, 100), st.floats(0.5, 100)), max_size=4
    )
)
def test_boxes_are_inside_and_survive_the_file(drawn):
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder) / "photos"
        photos.mkdir()
        Image.new("L", (60, 40)).save(photos / "1.png")
        labels = open_labels(photos, out=Path(folder) / "c.csv", task="boxes", classes=["a"])
        value = [{"class": "a", "x1": x, "y1": y, "x2": x + w, "y2": y + h} for x, y, w, h in drawn]
        inside = [x < 59.9 and y < 39.9 and x + w > 0.1 and y + h > 0.1 for x, y, w, h in drawn]
        value = [box for box, is_inside in zip(value, inside, strict=True) if is_inside]
        kept = labels.change(0, "boxes", value)
        assert len(kept) == len(value)
        for box, given_box in zip(kept, value, strict=True):
            assert 0 <= box["x1"] < box["x2"] <= 60
            assert 0 <= box["y1"] < box["y2"] <= 40
            assert abs(box["x1"] - min(max(given_box["x1"], 0), 60)) <= 0.0051
        again = open_labels(photos, out=Path(folder) / "c.csv", task="boxes", classes=["a"])
        assert again.value(0) == kept
        if value:
            assert labelled_data(again).table["boxes"].to_list()[0][0]["x1"] == kept[0]["x1"]


def test_points_have_as_many_places_as_names(book):
    labels = book("points", classes=("eye", "mouth"))
    assert labels.change(0, "points", [{"x": 70, "y": 5, "visible": False}]) == [
        {"x": 60.0, "y": 5.0, "visible": False},
        {"x": None, "y": None, "visible": None},
    ]
    data = labelled_data(labels)
    assert (data.target.kind, data.target.classes, len(data)) == (TargetKind.POINTS, ("eye", "mouth"), 1)


def test_a_file_that_cannot_be_written_changes_nothing(book, tmp_path):
    labels = book("classes")
    labels.change(0, "class", "a")
    (tmp_path / "c.csv").write_text("not,a,corrections,file\n")
    with pytest.raises(StorageError):
        labels.change(0, "class", "b")
    assert labels.value(0) == "a"
    assert labels.progress().saved == 1


@pytest.mark.parametrize(
    ("path", "more", "error"),
    [
        ("nowhere", {}, UsageError),
        ("photos", {"task": "masks"}, UsageError),
        ("photos", {"out": "no/such/folder/c.csv"}, UsageError),
        ("photos", {"out": "photos"}, UsageError),
        ("photos", {"classes": ["a\nb"]}, DataError),
        ("table.csv", {}, DataError),
        ("photos", {"out": "broken.csv"}, DataError),
        ("photos", {"out": "other.csv"}, DataError),
    ],
)
def test_what_cannot_be_labelled_is_told(photos, tmp_path, monkeypatch, path, more, error):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "table.csv").write_text("x,label\n" + "1,a\n2,b\n" * 10)
    (tmp_path / "broken.csv").write_text(f"id,field,value\n{open_data(photos).ids[0]},tags,no json\n")
    (tmp_path / "other.csv").write_text("x,y\n1,2\n")
    with pytest.raises(error):
        open_labels(path, **more)


def test_the_file_is_named_after_the_data(photos, tmp_path, monkeypatch):
    monkeypatch.chdir(photos)
    assert open_labels(".").out == tmp_path / "photos-corrections.csv"  # beside the data, not among them
    assert open_labels("ant", labelled=False).out.name == "ant-corrections.csv"
    with pytest.raises(UsageError, match="lies in the data"):
        open_labels(".", out="ant/c.csv")
    monkeypatch.chdir(tmp_path)
    assert str(open_labels("photos").out) == "photos-corrections.csv"
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as file:
        for path in photos.rglob("*.png"):
            file.write(path, path.relative_to(photos))
    assert open_labels(tmp_path / "set.zip").out.name == "set-corrections.csv"


# ---- to other formats


@pytest.mark.parametrize("to", ["folder", "csv"])
def test_classes_are_exported(book, tmp_path, to):
    labels = book("classes")
    for row in range(5):
        labels.change(row, "class", "ab"[row % 2])
    export_labels(labels, to, tmp_path / "out")
    data = open_data(tmp_path / "out")
    assert sorted(data.table[data.target.columns[0]].to_list()) == ["a", "a", "a", "b", "b"]
    assert data.target.classes == ("a", "b")


@pytest.mark.parametrize("to", ["coco", "voc", "yolo"])
def test_boxes_are_exported(book, tmp_path, to):
    labels = book("boxes")
    drawn = [{"class": "b", "x1": 3, "y1": 4, "x2": 20, "y2": 30}, {"class": "a", "x1": 0, "y1": 0, "x2": 60, "y2": 40}]
    labels.change(0, "boxes", drawn)
    labels.change(1, "boxes", [])
    export_labels(labels, to, tmp_path / "out")
    data = open_data(tmp_path / "out")
    assert len(data) == 2
    found = {
        tuple(map(tuple, ((b["class"], b["x1"], b["y1"], b["x2"], b["y2"]) for b in boxes)))
        for boxes in data.table["boxes"].to_list()
    }
    assert found == {(("b", 3, 4, 20, 30), ("a", 0, 0, 60, 40)), ()}


def test_nothing_to_export_is_told(book, tmp_path):
    with pytest.raises(DataError, match="nothing"):
        export_labels(book("boxes"), "coco", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("path", ["raccoon", "face_landmarks", "orl_faces", "membrane", "movie_reviews"])
def test_real_data_sets_open_with_their_own_tool(shared_data, tmp_path, path):
    wanted = {
        "raccoon": (Tool.BOXES, "boxes"),
        "face_landmarks": (Tool.POINTS, "points"),
        "orl_faces": (Tool.CLASSES, "identity"),
        "membrane": (Tool.TAGS, "tags"),
    }
    labels = open_labels(shared_data / path, out=tmp_path / "c.csv")
    if path in wanted:
        assert (labels.tool, labels.field) == wanted[path]
    else:
        assert labels.tool is Tool.CLASSES
    rows = np.arange(min(3, len(labels)))
    for row in rows:
        if labels.tool is not Tool.TAGS:
            value = labels.value(int(row))
            kept = labels.change(int(row), labels.field, value)
            if labels.tool is Tool.CLASSES:
                assert kept == value
    if labels.tool in (Tool.BOXES, Tool.POINTS):
        data = corrected(labels.dataset, read_corrections(tmp_path / "c.csv"))
        columns = ["x1", "y1", "x2", "y2"] if labels.tool is Tool.BOXES else ["x", "y"]
        for before, after in zip(labels.dataset.table[labels.field][rows], data.table[labels.field][rows], strict=True):
            a, b = (series.struct.unnest().select(columns).to_numpy() for series in (before, after))
            np.testing.assert_allclose(a, b, atol=0.0051)


def test_texts_of_the_page_are_all_there():
    import re
    from importlib.resources import files

    from rumbo.serve.texts import page_texts

    static = files("rumbo.serve") / "static"
    source = "\n".join(f.read_text() for f in static.iterdir() if f.name.endswith(".js") or f.name == "label.html")
    used = set(re.findall(r'data-(?:text|label|hint)="(\w+)"|say\("(\w+)"', source))
    names = {name for pair in used for name in pair if name}
    words = set(re.findall(r"[\"'`]([a-z_]+)[\"'`]", source)) | {"keys_boxes", "keys_points"}
    assert names <= set(page_texts())
    assert set(page_texts()) <= words


def test_the_page_has_no_way_to_run_text():
    """No markup from text, no code from text, nothing from elsewhere."""
    import re
    from importlib.resources import files

    static = files("rumbo.serve") / "static"
    wrong = r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|new Function|setTimeout\(\s*[\"'`]|DOMParser"
    wrong += r"|createContextualFragment|srcdoc|javascript:|\son\w+=|\sstyle=|https?://(?!www\.w3\.org/2000/svg)|@import|url\("
    sources = [f for f in static.iterdir() if f.is_file()]
    assert len(sources) > 10
    assert [(f.name, met[0]) for f in sources for met in re.finditer(wrong, f.read_text())] == []


def test_json_of_values_is_plain(book, tmp_path):
    labels = book("boxes")
    labels.change(0, "boxes", [{"class": "ñ", "x1": 1, "y1": 1, "x2": 2, "y2": 2, "crowd": None, "difficult": True}])
    ((_, _, text),) = saved(tmp_path / "c.csv")
    assert json.loads(text) == [{"class": "ñ", "x1": 1.0, "y1": 1.0, "x2": 2.0, "y2": 2.0, "difficult": True}]
    assert pl.read_csv(tmp_path / "c.csv").columns == list(FIELDS)


def test_all_corrections_of_the_file_are_exported(book, tmp_path):
    """Those of other fields, too; those of other sets and of another tool stay out."""
    labels = book("points", classes=())
    labels.change(0, "points", [{"x": 1, "y": 2}])
    labels.change(1, "points", [{"x": 1, "y": 2}, {"x": 3, "y": 4}])
    ids = labels.ids
    more = [("gone.png", "tags", '["a"]'), (ids[0], "tags", '["a"]'), (ids[0], "boxes", "[]"), (ids[1], "class", "x")]
    append_corrections(tmp_path / "c.csv", [Correction(id=i, field=f, value=v) for i, f, v in more])
    data = labelled_data(book("points", classes=()))
    assert (data.ids, data.table["tags"].to_list()) == (ids[:2], [["a"], None])
    assert len(data.target.classes) == 2
    assert [[point["x"] for point in points] for points in data.table["points"].to_list()] == [[1, None], [1, 3]]


def test_what_was_labelled_can_be_opened_by_everybody(book, photos, tmp_path):
    """`corrected` lays the page's file over the unlabelled set, and makes the target of it."""
    for task, value in (("classes", "a"), ("boxes", [{"class": "a", "x1": 1, "y1": 1, "x2": 9, "y2": 9}])):
        labels = book(task)
        labels.change(2, labels.field, value)
        data = corrected(open_data(photos, labelled=False), read_corrections(tmp_path / "c.csv"))
        assert data.target.columns == (labels.field,)
        assert data.table[labels.field].null_count() == 5
        (tmp_path / "c.csv").unlink()
