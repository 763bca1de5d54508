"""`rumbo convert`: what is typed, what is printed, exit codes."""

from pathlib import Path

import pytest
from workbench import Command, inside, pictures, tree


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    pictures(tmp_path / "photos", {"cat": 3, "señal 图": 2})
    return tmp_path


def test_the_counts_before_and_after_are_printed(photos: Path, rumbo: Command):
    with inside(photos):
        answer = rumbo("convert", "photos", "--to", "csv", "--out", "table")
    assert answer.code == 0, answer.err
    lines = [line.split() for line in answer.out.splitlines()]
    assert ["class", "before", "after"] in lines
    assert ["cat", "3", "3"] in lines
    assert ["señal", "图", "2", "2"] in lines
    assert "5 examples, image-folder -> csv, read back and found equal: table" in answer.out


def test_json_has_the_counts(photos: Path, rumbo: Command):
    with inside(photos):
        answer = rumbo("convert", "photos", "--to", "csv", "--out", "table", "--json")
    found = answer.json
    assert found["classes"] == {"cat": {"before": 3, "after": 3}, "señal 图": {"before": 2, "after": 2}}
    assert (found["source_format"], found["format"], found["items"], found["lost"]) == ("image-folder", "csv", 5, [])
    assert answer.out.isascii()


def test_what_is_lost_is_printed(photos: Path, rumbo: Command):
    rows = [f"photos/cat/{number:02d}.png,{number},cat" for number in range(3)]
    rows += [f"photos/señal 图/{number:02d}.png,{number},dog" for number in range(2)]
    (photos / "data.csv").write_text("\n".join(["image,age,label", *rows]), encoding="utf-8")
    with inside(photos):
        out = photos.parent / f"{photos.name} out"
        refused = rumbo("convert", ".", "--to", "folder", "--out", out)
        assert refused.code == 3
        assert "1 columns: age" in refused.err
        assert "--lossy" in refused.err
        answer = rumbo("convert", ".", "--to", "folder", "--out", out, "--lossy")
    assert answer.code == 0, answer.err
    assert "lost: 1 columns: age." in answer.out


@pytest.mark.parametrize(
    ("typed", "code", "words"),
    [
        ("convert photos --out table", 2, ["--to", "folder, csv, voc, coco, yolo, masks"]),
        ("convert photos --to csv", 2, ["--out is missing"]),
        ("convert --to csv --out table", 2, ["DATA"]),
        ("convert photos --to cvs --out table", 2, ["'cvs'", "csv"]),
        ("convert nowhere --to csv --out table", 2, ["'nowhere'", "no such file"]),
        ("convert photos --to csv --out photos", 2, ["'photos'", "inside of the data"]),
        ("convert photos --to csv --out nowhere/table", 2, ["'nowhere/table'", "does not exist"]),
        ("convert photos --to voc --out table", 3, ["classes", "boxes"]),
        ("convert photos --to csv --out table --task detect", 2, ["detect"]),
    ],
)
def test_what_cannot_be_is_told_and_leaves_nothing(
    photos: Path, rumbo: Command, typed: str, code: int, words: list[str]
):
    before = tree(photos)
    with inside(photos):
        answer = rumbo(*typed.split(), "--json")
    assert answer.code == code, answer
    for word in words:
        assert word in answer.err
    assert "fault of ours" not in answer.err
    assert answer.json["error"]["exit_code"] == code
    assert tree(photos) == before
