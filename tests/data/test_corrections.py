"""Corrections: a file laid over data that stay as they are."""

import json
import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rumbo.core.errors import DataError, UnknownName, UsageError
from rumbo.data import open_data
from rumbo.data.corrections import Correction, append_corrections, corrected, labelled_rows, read_corrections

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@pytest.fixture
def flowers(tmp_path):
    path = tmp_path / "flowers.csv"
    path.write_text("height,kind\n1.5,rose\n2.5,lily\n3.5,rose\n" + "9,lily\n" * 9, encoding="utf-8")
    return open_data(path)


def correction(field: str, value: str, row: int = 0) -> Correction:
    return Correction(id=f"flowers.csv#{row}", field=field, value=value, who="ana", when="2026-01-01", why="seen")


def test_values_are_laid_over_and_the_last_counts(flowers):
    found = corrected(
        flowers,
        [
            correction("kind", "lily"),
            correction("kind", "tulip"),
            correction("height", "7.25", 1),
            correction("weight", "0.5", 2),
            correction("tags", '["blurred", "wet"]', 2),
        ],
    )
    assert found.table["kind"].to_list()[:3] == ["tulip", "lily", "rose"]
    assert found.table["height"].to_list()[:3] == [1.5, 7.25, 3.5]
    assert found.table["weight"].to_list()[:3] == [1.0, 1.0, 0.5]
    assert found.table["tags"].to_list()[2] == ["blurred", "wet"]
    assert found.target.classes == ("lily", "rose", "tulip")
    assert "4 corrections" in found.decisions[-1]
    assert flowers.table["kind"][0] == "rose"


def test_boxes_are_given_as_json(shared_data):
    raccoons = open_data(shared_data / "raccoon")
    name = raccoons.ids[0]
    box = {"class": "fox", "x1": 1.0, "y1": 2.0, "x2": 30.5, "y2": 40.0}
    found = corrected(raccoons, [Correction(id=name, field="boxes", value=json.dumps([box]))])
    boxes = found.table["boxes"][0].to_list()
    assert [(each["class"], each["x2"], each["crowd"]) for each in boxes] == [("fox", 30.5, None)]
    assert found.target.classes[-1] == "fox"


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        (correction("kind", "lily", 99), DataError, "'flowers.csv#99', which is not in"),
        (correction("hight", "1"), UnknownName, "nearest: height"),
        (correction("id", "x"), UnknownName, "no field is called 'id'"),
        (correction("height", "tall"), DataError, "'tall' is no value of that column"),
        (correction("tags", "wet"), DataError, "'wet' is no value of that column"),
        (correction("tags", "[1]"), DataError, "entry 1: a tag is text"),
        (correction("tags", "[" * 3000), DataError, "is no value of that column"),
        (correction("weight", "-3"), DataError, "it takes a number from 0 on"),
        (correction("weight", "nan"), DataError, "it takes a number from 0 on"),
        (correction("height", "inf"), DataError, "it takes a number"),
        (correction("split", "dev"), DataError, "change splits that the data bring along"),
    ],
)
def test_what_does_not_fit_is_named(flowers, wrong, error, words):
    with pytest.raises(error, match=words.replace("(", r"\(")):
        corrected(flowers, [wrong])


@given(st.lists(st.builds(Correction, id=TEXT, field=TEXT, value=TEXT, who=TEXT, when=TEXT, why=TEXT), max_size=5))
def test_what_is_written_is_read(tmp_path_factory, corrections):
    path = tmp_path_factory.mktemp("corrections") / "señal, 図.csv"
    append_corrections(path, corrections[:2])
    append_corrections(path, corrections[2:])
    assert read_corrections(path) == tuple(corrections)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"name,value\n", "lacks the columns id, field"),
        (b"id,field,value\na,b\n", "line 2: 2 fields, but the header has 3"),
        (b'id,field,value\n"a,b,c\n', "line 2"),
        (b"\xff\xfe\0", "is not UTF-8 text"),
        (b"", "lacks the columns"),
    ],
)
def test_a_damaged_file_is_named_with_its_line(tmp_path, text, words):
    path = tmp_path / "corrections.csv"
    path.write_bytes(text)
    with pytest.raises(DataError, match=words):
        read_corrections(path)
    with pytest.raises(UsageError, match="does not exist"):
        read_corrections(tmp_path / "none.csv")


def test_a_crash_while_writing_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "corrections.csv"
    append_corrections(path, [correction("kind", "lily")])

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        append_corrections(path, [correction("kind", "tulip")])
    assert [each.value for each in read_corrections(path)] == ["lily"]


def test_pixels_stay_with_their_rows(shared_data):
    cats = open_data(shared_data / "cats_vs_noncats")
    found = corrected(cats, [Correction(id=cats.ids[3], field="label", value="cat")])
    assert found.table["label"][3] == "cat"
    assert np.array_equal(found.images.read(3), cats.images.read(3))
    assert isinstance(found.table["label"], pl.Series)


def test_labels_of_an_unlabelled_set_come_from_corrections(shared_data):
    photos = open_data(shared_data / "style_images", labelled=False)
    first, second = photos.ids[:2]
    found = corrected(photos, [Correction(id=first, field="class", value="photo"), correction_of_tags(second)])
    assert found.target.columns == ("class",)
    assert found.target.classes == ("photo",)
    kept = labelled_rows(found)
    assert kept.ids == [first]
    assert kept.decisions[-1].endswith(f"were left out: {len(photos) - 1}.")
    points = '[{"x": 1, "y": 2, "visible": true}, {"x": null, "y": null, "visible": false}]'
    marked = corrected(photos, [Correction(id=second, field="points", value=points)])
    assert marked.target.classes == ("0", "1")
    assert marked.table["points"][1].to_list()[0] == {"x": 1.0, "y": 2.0, "visible": True}


def correction_of_tags(name: str) -> Correction:
    return Correction(id=name, field="tags", value='["sky"]')


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("[null]", "entry 1: it is no object"),
        ('[{"x1": 1, "y1": 1, "x2": 9, "y2": 9}]', "it has no class"),
        ('[{"class": "a", "x1": NaN, "y1": 1, "x2": 9, "y2": 9}]', "NaN is no number"),
        ('[{"class": "a", "x1": 9, "y1": 1, "x2": 9, "y2": 9}]', "it has no area"),
        ('[{"class": "a", "x1": "1", "y1": 1, "x2": 9, "y2": 9}]', "x1 must be a number"),
        ('[{"class": "a", "x1": 1, "y1": 1, "x2": 9, "y2": 9, "score": 1}]', "'score' is no part of a box"),
        ('[{"class": "a", "x1": 1, "y1": 1, "x2": 9, "y2": 9, "polygons": [["x"]]}]', "polygons must be"),
        ('{"class": "a"}', "it is no list"),
        ("[" * 3000, "is no value"),
    ],
)
def test_boxes_that_are_none_are_refused(shared_data, value, reason):
    raccoons = open_data(shared_data / "raccoon")
    with pytest.raises(DataError, match=reason):
        corrected(raccoons, [Correction(id=raccoons.ids[0], field="boxes", value=value)])


def test_an_emptied_label_leaves_its_example_out(flowers):
    kept = labelled_rows(corrected(flowers, [correction("kind", "")]))
    assert len(kept) == len(flowers) - 1
    assert "flowers.csv#0" not in kept.ids


def test_a_file_with_semicolons_is_read(tmp_path):
    path = tmp_path / "corrections.csv"
    path.write_text("id;field;value\nflowers.csv#0;kind;lily\n", encoding="utf-8")
    assert read_corrections(path)[0].value == "lily"


def test_two_processes_lose_nothing(tmp_path):
    """Fifty corrections each, at the same time."""
    code = """
import sys
from rumbo.data.corrections import Correction, append_corrections
for number in range(50):
    append_corrections(sys.argv[1], [Correction(id=f"{sys.argv[2]}-{number}", field="class", value="a")])
"""
    path = tmp_path / "corrections.csv"
    writers = [subprocess.Popen([sys.executable, "-c", code, str(path), str(name)]) for name in range(2)]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0]
    assert len({each.id for each in read_corrections(path)}) == 100
