"""`convert`: all or nothing on the disk, the proof before the result, corrections, losses that are allowed."""

import dataclasses
import errno
import hashlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rumbo import convert, open_data
from rumbo.api import conversion
from rumbo.core.errors import DataError, GateError, StorageError, UnknownName, UsageError
from rumbo.data.corrections import Correction, append_corrections
from rumbo.data.writers import writers

ODD = "señal/ñandú 图"


def picture(path: Path, level: int = 90) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((8, 12, 3), level, np.uint8)).save(path)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two classes in two splits, with odd names."""
    names = ("train/cat/1.png", f"train/dog/{ODD}.png", "train/dog/-x.png", "val/cat/1.png", "val/dog/a b.png")
    for level, name in enumerate(names):
        picture(tmp_path / "photos" / name, 10 * level)
    return tmp_path / "photos"


@pytest.fixture
def marked(tmp_path: Path) -> Path:
    """Three pictures with VOC boxes: one is marked as truncated, one has no box, one box lies outside."""
    folder = tmp_path / "marked"
    box = "<bndbox><xmin>{}</xmin><ymin>2</ymin><xmax>{}</xmax><ymax>8</ymax></bndbox>"
    objects = {
        "a": f"<object><name>cat</name><truncated>1</truncated>{box.format(1, 5)}</object>",
        "b": "",
        "c": f"<object><name>dog</name>{box.format(3, 12)}</object>",
    }
    for name, text in objects.items():
        picture(folder / "JPEGImages" / f"{name}.png", len(text) % 200)
        size = "<size><width>12</width><height>8</height><depth>3</depth></size>"
        (folder / "Annotations").mkdir(exist_ok=True)
        about = f"<annotation><filename>{name}.png</filename>{size}{text}</annotation>"
        (folder / "Annotations" / f"{name}.xml").write_text(about, encoding="utf-8")
    return folder


def tree(folder: Path) -> dict[str, str]:
    """Each file with its hash."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_folder_to_table_and_back_is_the_same_folder(photos: Path, tmp_path: Path):
    before = tree(photos)
    there = convert(photos, to="csv", out=tmp_path / "table")
    back = convert(tmp_path / "table", to="folder", out=tmp_path / "back")
    after = tree(tmp_path / "back")
    assert after.pop(conversion.RECORD)
    # The folders of the splits are now called as we call them.
    assert after == {name.replace("val/", "dev/"): sha for name, sha in before.items()}
    assert tree(photos) == before
    assert {name: dataclasses.astuple(count) for name, count in there.classes.items()} == {"cat": (2, 2), "dog": (3, 3)}
    assert {name: dataclasses.astuple(count) for name, count in back.splits.items()} == {"train": (3, 3), "dev": (2, 2)}
    assert (there.items, there.lost, there.largest_shift_px) == (5, (), 0.0)


def test_which_file_each_example_became_is_recorded(photos: Path, tmp_path: Path):
    convert(photos, to="csv", out=tmp_path / "table")
    record = json.loads((tmp_path / "table" / conversion.RECORD).read_text(encoding="ascii"))
    assert set(record["files"]) == set(open_data(photos).ids)
    for name, new in record["files"].items():
        assert (tmp_path / "table" / new).read_bytes() == (photos / name).read_bytes()


def test_a_loss_is_refused_told_and_allowed(marked: Path, tmp_path: Path):
    with pytest.raises(DataError, match=r"truncated.*1 boxes.*--lossy"):
        convert(marked, to="yolo", out=tmp_path / "out")
    assert sorted(os.listdir(tmp_path)) == ["marked"]
    found = convert(marked, to="yolo", out=tmp_path / "out", lossy=True)
    assert len(found.lost) == 1
    assert open_data(tmp_path / "out").table["boxes"].list.len().to_list() == [1, 0, 1]


def test_a_chain_of_formats_keeps_boxes_and_negatives(marked: Path, tmp_path: Path):
    convert(marked, to="coco", out=tmp_path / "1")
    convert(tmp_path / "1", to="csv", out=tmp_path / "2")
    convert(tmp_path / "2", to="voc", out=tmp_path / "3")
    first, last = open_data(marked).table, open_data(tmp_path / "3").table
    assert last["content"].to_list() == first["content"].to_list()
    for was, now in zip(first["boxes"].to_list(), last["boxes"].to_list(), strict=True):
        keys = ("class", "x1", "y1", "x2", "y2")
        assert [[box[key] for key in keys] for box in was] == [[box[key] for key in keys] for box in now]
        assert [bool(box["truncated"]) for box in was] == [bool(box["truncated"]) for box in now]


@pytest.mark.parametrize("given", ["file", "list"])
def test_corrections_are_laid_over_first(photos: Path, tmp_path: Path, given: str):
    corrections = [Correction(id="train/cat/1.png", field="class", value="fox")]
    append_corrections(tmp_path / "corrections.csv", corrections)
    asked = tmp_path / "corrections.csv" if given == "file" else corrections
    found = convert(photos, to="folder", out=tmp_path / "out", corrections=asked)
    assert {name: count.after for name, count in found.classes.items()} == {"cat": 1, "dog": 3, "fox": 1}
    assert (tmp_path / "out/train/fox/1.png").is_file() or (tmp_path / "out/train/fox/cat/1.png").is_file()


@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_nothing_that_is_there_is_written_over(photos: Path, tmp_path: Path, kind: str):
    out = tmp_path / "out"
    if kind == "folder":
        out.mkdir()
        (out / "mine.txt").write_text("mine")
    elif kind == "file":
        out.write_text("mine")
    else:
        out.symlink_to(tmp_path / "nowhere")
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(UsageError, match="not an empty folder"):
        convert(photos, to="csv", out=out)
    assert sorted(os.listdir(tmp_path)) == before


def test_an_empty_folder_is_taken(photos: Path, tmp_path: Path):
    (tmp_path / "out").mkdir()
    convert(photos, to="csv", out=tmp_path / "out")
    assert (tmp_path / "out/data.csv").is_file()


@pytest.mark.parametrize(
    ("asked", "error", "words"),
    [
        ({"to": "cocoo"}, UnknownName, "coco"),
        ({"out": "nowhere/out"}, UsageError, "does not exist"),
        ({"out": "photos/out"}, UsageError, "inside of the data"),
        ({"out": "photos"}, UsageError, "inside of the data"),
        ({"to": "voc"}, DataError, "boxes"),
        ({"corrections": "nowhere.csv"}, UsageError, "nowhere.csv"),
    ],
)
def test_what_cannot_be_is_refused(photos: Path, tmp_path: Path, monkeypatch, asked, error, words):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=words):
        convert("photos", **{"to": "csv", "out": "out", **asked})
    assert sorted(os.listdir(tmp_path)) == ["photos"]


@pytest.mark.parametrize("place", range(5))
def test_a_full_disk_leaves_nothing(photos: Path, tmp_path: Path, monkeypatch, place: int):
    """The disk fills up at one file after the other."""
    count = 0
    real = conversion.write

    def write(writer, plan, put, progress):
        def limited(name, data):
            nonlocal count
            count += 1
            if count > place:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            put(name, data)

        return real(writer, plan, limited, progress)

    monkeypatch.setattr(conversion, "write", write)
    with pytest.raises(StorageError, match="the disk is full"):
        convert(photos, to="csv", out=tmp_path / "out")
    assert sorted(os.listdir(tmp_path)) == ["photos"]


def test_an_interruption_leaves_nothing(photos: Path, tmp_path: Path):
    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert(photos, to="csv", out=tmp_path / "out", progress=interrupt)
    assert sorted(os.listdir(tmp_path)) == ["photos"]


def test_a_crash_leaves_no_half_set(photos: Path, tmp_path: Path):
    program = (
        "import os, sys, rumbo\n"
        "rumbo.convert(sys.argv[1], to='csv', out=sys.argv[2], progress=lambda done, total: os._exit(9))"
    )
    ended = subprocess.run([sys.executable, "-c", program, photos, tmp_path / "out"], check=False)
    assert ended.returncode == 9
    assert not (tmp_path / "out").exists()
    # What it left is hidden: readers pass it over, and the next conversion does not mind it.
    assert all(name.startswith(".out.") for name in os.listdir(tmp_path) if name != "photos")
    assert convert(photos, to="csv", out=tmp_path / "out").items == 5


def test_a_picture_that_cannot_be_read_stops_it(marked: Path, tmp_path: Path):
    dataset = open_data(marked)
    (marked / "JPEGImages/b.png").unlink()
    with pytest.raises(DataError, match=r"JPEGImages/b\.png"):
        convert(dataset, to="coco", out=tmp_path / "out")
    assert sorted(os.listdir(tmp_path)) == ["marked"]


FAULTS = {
    # what a faulty writer could do to a file of it -> what the answer must say
    "a class id": ("labels/b.txt", lambda data: b"0" + data[1:], "class"),
    "a box moved": ("labels/b.txt", lambda data: data.replace(b" 0.5\n", b" 0.25\n"), "a box, by 1 px"),
    "a box lost": ("labels/b.txt", lambda data: b"", "number of its boxes"),
    "classes in another order": ("data.yaml", lambda data: data.replace(b"- cat\n- dog", b"- dog\n- cat"), "classes"),
    "a picture changed": ("images/b.png", lambda data: data + b"x", "picture"),
    "another format": ("data.csv", lambda data: data.replace(b"x1", b"u1"), "kind of the target"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_written_wrong_never_appears(tmp_path: Path, monkeypatch, fault: str):
    name, change, words = FAULTS[fault]
    folder = tmp_path / "source"
    for row, stem in enumerate(("a", "b")):
        picture(folder / "images" / f"{stem}.png", row)
        (folder / "labels").mkdir(exist_ok=True)
        (folder / "labels" / f"{stem}.txt").write_text(f"{row} 0.5 0.5 0.5 0.5\n")
    (folder / "data.yaml").write_text("names: [cat, dog]\n")
    real = conversion.write

    def write(writer, plan, put, progress):
        return real(writer, plan, lambda at, data: put(at, change(data) if at == name else data), progress)

    monkeypatch.setattr(conversion, "write", write)
    with pytest.raises(GateError, match=words) as caught:
        convert(folder, to="csv" if name == "data.csv" else "yolo", out=tmp_path / "out")
    assert caught.value.exit_code == 5
    # What was written stays beside, to be looked at, under a name that nobody takes for a data set.
    left = [entry for entry in os.listdir(tmp_path) if entry != "source"]
    assert len(left) == 1
    assert left[0].startswith(".out.")
    assert left[0] in str(caught.value)
    if fault == "a box lost":
        assert caught.value.result["classes"]["dog"] == {"before": 1, "after": 0}


def test_every_writer_is_described_in_the_docs():
    page = (Path(conversion.__file__).parents[2] / "docs" / "convert.md").read_text(encoding="utf-8")
    for name in writers.names():
        assert f"`{name}`" in page


def test_a_column_of_whole_numbers_stays_one(tmp_path: Path):
    rows = [f"{1960 + row % 40},{row},{'' if row == 7 else row / 4},{row / 3:.2f}" for row in range(50)]
    (tmp_path / "table.csv").write_text("año,n,q,price\n" + "\n".join(rows) + "\n", encoding="utf-8")
    convert(tmp_path / "table.csv", to="csv", out=tmp_path / "out")
    lines = (tmp_path / "out" / "data.csv").read_text(encoding="utf-8").splitlines()
    assert lines[:3] == ["año,n,q,price", "1960,0,0.0,0.0", "1961,1,0.25,0.33"]
    assert lines[8].startswith("1967,7,,")
    first, second = open_data(tmp_path / "table.csv").table, open_data(tmp_path / "out").table
    assert first.drop("id", "content").equals(second.drop("id", "content"))


def test_negative_zero_keeps_its_sign(tmp_path: Path):
    (tmp_path / "table.csv").write_text("a,price\n" + "-0.0,0.5\n3,0.7\n" * 20, encoding="utf-8")
    convert(tmp_path / "table.csv", to="csv", out=tmp_path / "out")
    assert (tmp_path / "out" / "data.csv").read_text(encoding="utf-8").splitlines()[1] == "-0.0,0.5"


def test_clipped_boxes_are_told(marked: Path, tmp_path: Path):
    text = (marked / "Annotations" / "c.xml").read_text(encoding="utf-8")
    wide = text.replace("<xmax>12</xmax>", "<xmax>14</xmax>").replace("<ymax>8</ymax>", "<ymax>9</ymax>")
    (marked / "Annotations" / "c.xml").write_text(wide, encoding="utf-8")
    found = convert(marked, to="coco", out=tmp_path / "out", lossy=True)
    (sentence,) = found.changed
    assert sentence.startswith("annotations that were clipped or corrected: 1; the first is at ")
    assert "c.xml" in sentence


def test_pictures_that_do_not_decode_are_told(photos: Path, tmp_path: Path):
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 60).save(buffer, "JPEG")
    (photos / "train" / "cat" / "cut.jpg").write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])
    found = convert(photos, to="csv", out=tmp_path / "out")
    assert found.changed == ("pictures that do not decode, copied as they are: 1; the first is 'train/cat/cut.jpg'.",)
    (photos / "train" / "cat" / "cut.jpg").unlink()
    assert convert(photos, to="csv", out=tmp_path / "whole").changed == ()
