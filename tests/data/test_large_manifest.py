"""Large tables: read fast, read the same, and known by contents that are the same everywhere."""

import hashlib
import json
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from rumbo.core.errors import DataError
from rumbo.data import delimited, fingerprints, open_data
from rumbo.data.fingerprints import row_contents
from rumbo.data.readers import image_folder
from rumbo.data.target import to_numbers

BENCH = Path(__file__).resolve().parents[2] / "bench/manifest.py"


def measured(num_rows):
    command = [sys.executable, str(BENCH), "--rows", str(num_rows), "--json"]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def test_a_hundred_thousand_rows_open_at_once():
    """Processor time, for a busy machine; a tenth of the large form's limits, beside what any process takes."""
    for name, met in measured(100_000).items():
        assert met["rows"] == 100_000, name
        assert met["cpu_seconds"] < 1.0, name
        assert met["peak_mib"] < 300, name


@pytest.mark.slow
def test_a_million_rows_open_in_two_seconds_and_a_gibibyte():
    """All processors' time together: what an idle machine takes is less."""
    for name, met in measured(1_000_000).items():
        assert met["rows"] == 1_000_000, name
        assert met["cpu_seconds"] < 2.0, (name, met)
        assert met["peak_mib"] < 1024, (name, met)


# --- the fast way reads what the careful way reads

plain = st.text(st.characters(categories=("L", "N", "P", "S", "Zs"), exclude_characters='"\n\r,;\t'), max_size=6)
entries = st.one_of(
    plain,
    st.integers(-1000, 1000).map(str),
    st.floats(allow_nan=True).map(str),
    st.sampled_from(["", "NA", "nan", "?", "+5", "007", " 1 ", "1e400", "-0.0", "1_0", "٣", "inf"]),
)


@st.composite
def csv_bytes(draw):
    width = draw(st.integers(1, 4))
    likely = draw(st.integers(0, 4)) > 0
    some = entries if likely else st.one_of(entries, st.sampled_from(["x,y", 'a"b', '"q"', "  "]))
    rows = draw(st.lists(st.lists(some, min_size=width, max_size=width), min_size=1, max_size=12))
    if not likely:
        rows.append(draw(st.lists(entries, max_size=5)))
    header = [["a", "b", "c", "d"][:width]] if draw(st.booleans()) else []
    mark = draw(st.sampled_from([",", ";", "\t"]))
    end = draw(st.sampled_from(["\n", "\r\n"] if likely else ["\n", "\r"]))
    text = end.join(mark.join(row) for row in [*header, *rows]) + draw(
        st.sampled_from(["", end] if likely else [end, end * 2])
    )
    return text.encode()


@settings(max_examples=400)
@given(csv_bytes())
@example(b",\n,:")
def test_the_fast_way_reads_the_same(data):
    fast = None
    try:
        careful = delimited._parse(data.decode(), "utf-8", "a.csv", None)
    except DataError:
        careful = None
    if careful is not None or data.strip():
        fast = delimited._parse_large(data, "utf-8", "a.csv", False)
    if fast is None:
        return
    assert careful is not None, "the fast way must leave to the careful one what that refuses"
    assert fast.frame.equals(careful.frame)
    assert fast.frame.schema == careful.frame.schema
    assert fast.lines.tolist() == careful.lines.tolist()
    assert fast.decisions == careful.decisions
    typed = delimited._parse_large(data, "utf-8", "a.csv", True)
    for column in typed.frame.iter_columns():
        if column.dtype == pl.Float64:
            numbers = to_numbers(careful.frame[column.name])
            wanted = np.clip(column.to_numpy(), -1e100, 1e100)
            np.testing.assert_array_equal(np.clip(numbers.to_numpy(), -1e100, 1e100), wanted)
        else:
            assert column.equals(careful.frame[column.name])


def test_the_fast_way_is_taken():
    rows = "\n".join(f"{row / 7},{row},{row % 3},w{row}" for row in range(100))
    table = delimited._parse_large(f"a,b,c,d\n{rows}\n".encode(), "utf-8", "a.csv", True)
    assert [str(kind) for kind in table.frame.dtypes] == ["Float64", "Float64", "String", "String"]
    assert table.frame["a"].to_list() == [row / 7 for row in range(100)]
    assert (table.lines[0], table.lines[-1]) == (2, 101)


@pytest.mark.parametrize("line", ["1.5,2", "1.5,2,3,4", '"1.5",2,3', "", " , , ", "1.5,x\0,3"])
def test_what_the_fast_way_cannot_read_is_read_carefully(monkeypatch, tmp_path, line):
    lines = [f"{row / 7},{row % 2},{row}" for row in range(60)]
    text = "\n".join(["a,b,c", *lines[:30], line, *lines[30:]]) + "\n"
    (tmp_path / "a.csv").write_text(text)

    def outcome():
        try:
            data = open_data(tmp_path / "a.csv", target="b")
        except DataError as problem:
            return str(problem)
        return data.table.drop("content").rows(), data.numbers, data.decisions

    careful = outcome()
    monkeypatch.setattr(delimited, "LARGE_BYTES", 0)
    assert outcome() == careful


@pytest.mark.parametrize("name", ["california_housing/housing.csv", "adult_income"])
def test_real_tables_are_the_same_either_way(monkeypatch, shared_data, name):
    careful = open_data(shared_data / name)
    monkeypatch.setattr(delimited, "LARGE_BYTES", 0)
    fast = open_data(shared_data / name)
    assert fast.table.drop("content").equals(careful.table.drop("content"))
    assert (fast.target, fast.numbers, fast.categories) == (careful.target, careful.numbers, careful.categories)
    assert (fast.decisions, fast.bad) == (careful.decisions, careful.bad)


# --- contents


@pytest.mark.parametrize("limit", [0, 10**6])
def test_equal_rows_have_equal_contents_and_others_do_not(monkeypatch, limit):
    monkeypatch.setattr(fingerprints, "MANY_ROWS", limit)
    frame = pl.DataFrame(
        {
            "a": [1.0, 1.0, 2.0, None, None, 1.0, 0.0, -0.0],
            "b": ["x", "x", "x", "x", "x", None, "", ""],
            "c": [1, 1, 1, 1, 1, 1, 1, 1],
        }
    )
    contents = row_contents(frame).to_list()
    assert contents[0] == contents[1]
    assert contents[3] == contents[4]
    assert len(set(contents)) == (5 if limit == 0 else 6)  # as text, -0 is not 0
    assert row_contents(frame.reverse()).to_list() == contents[::-1]


def splitmix(number):
    """The mixing function in whole numbers of Python; its first output from 0 is known from the literature."""
    number = (number + 0x9E3779B97F4A7C15) % 2**64
    number = (number ^ (number >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    number = (number ^ (number >> 27)) * 0x94D049BB133111EB % 2**64
    return number ^ (number >> 31)


def test_mixes_are_the_same_on_every_machine_and_in_every_version(monkeypatch):
    monkeypatch.setattr(fingerprints, "MANY_ROWS", 0)
    assert splitmix(0) == 0xE220A8397B1DCDAF
    lanes = []
    for seed, part in ((0x243F6A8885A308D3, slice(0, 8)), (0x13198A2E03707344, slice(8, 16))):
        bits = int.from_bytes(struct.pack("<d", 1.5), "little")
        text = int.from_bytes(hashlib.sha256("ñ".encode()).digest()[part], "little")
        lanes.append(splitmix(splitmix(seed ^ bits) ^ text))
    frame = pl.DataFrame({"a": [1.5, None], "b": ["ñ", None]})
    assert row_contents(frame)[0] == f"mix:{lanes[0]}-{lanes[1]}"


def test_columns_are_not_exchangeable(monkeypatch):
    monkeypatch.setattr(fingerprints, "MANY_ROWS", 0)
    frame = pl.DataFrame({"a": [1.0, 2.0, 1.0], "b": [2.0, 1.0, 1.0]})
    assert len(set(row_contents(frame).to_list())) == 3


def test_close_numbers_never_collide(monkeypatch):
    monkeypatch.setattr(fingerprints, "MANY_ROWS", 0)
    values = np.concatenate([np.nextafter(1.0, 2.0) + np.arange(50_000) * 2**-52, np.arange(50_000.0)])
    contents = row_contents(pl.DataFrame({"a": values, "b": values[::-1].copy()}))
    assert contents.n_unique() == len(values)
    lanes = contents.str.strip_prefix("mix:").str.split("-")
    assert lanes.list.get(0).n_unique() == lanes.list.get(1).n_unique() == len(values)


# --- many pictures


def test_each_picture_is_read_once_however_often_it_is_named(tmp_path, monkeypatch):
    for number in range(3):
        Image.fromarray(np.full((8, 8), number, np.uint8)).save(tmp_path / f"{number}.png")
    rows = "\n".join(f"{row % 3}.png,{row % 2}" for row in range(60))
    (tmp_path / "labels.csv").write_text("file,label\n" + rows)
    data = open_data(tmp_path)
    assert (len(data), data.table["content"].n_unique()) == (60, 3)
    monkeypatch.setattr(image_folder, "MANY_FILES", 2)
    stamped = open_data(tmp_path)
    assert stamped.table["content"].str.starts_with("stat:").all()
    assert stamped.table["content"].n_unique() == 3
    assert any("too many to read now" in sentence for sentence in stamped.decisions)
    assert open_data(tmp_path).sha256() == stamped.sha256() != data.sha256()
    Image.fromarray(np.full((9, 9), 7, np.uint8)).save(tmp_path / "1.png")
    assert open_data(tmp_path).sha256() != stamped.sha256()


def test_pictures_that_are_missing_are_named_row_by_row(tmp_path):
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "a.png")
    names = ["a.png", "gone.png", "", "./a.png", "sub\\a.png", "a.png"]
    (tmp_path / "t.csv").write_text("file,label\n" + "\n".join(f"{name},{row % 2}" for row, name in enumerate(names)))
    data = open_data(tmp_path)
    assert data.ids == ["t.csv#0", "t.csv#3", "t.csv#4", "t.csv#5"]
    assert [item.reason for item in data.bad] == [
        "'t.csv' line 3: there is no picture 'gone.png'.",
        "'t.csv' line 4: column 'file' is empty.",
    ]
