"""`rumbo label` up to the page, and its export; the page itself is tested in tests/serve."""

from pathlib import Path

import pytest
from workbench import Command, csv, inside, pictures, tree

from rumbo.data import open_data
from rumbo.data.corrections import Correction, append_corrections


@pytest.fixture
def place(tmp_path: Path) -> Path:
    pictures(tmp_path / "photos", {"cat": 3, "dog": 3})
    pictures(tmp_path / "loose", {".": 4})
    csv(tmp_path / "table.csv", 20)
    (tmp_path / "broken.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page ends at once, as if Ctrl-C had been pressed."""
    monkeypatch.setattr("rumbo.serve.server.run", lambda app, place: None)


@pytest.mark.usefixtures("no_page")
def test_it_tells_where_the_page_is_and_what_came_of_it(place: Path, rumbo: Command) -> None:
    before = tree(place)
    with inside(place):
        answer = rumbo("label", "photos", "--no-browser")
        assert answer.code == 0
        assert "http://127.0.0.1:" in answer.out
        assert "#code=" in answer.out
        assert "6 of 6 have a label; 0 changes were saved." in answer.out
        answer = rumbo("label", "loose", "--no-browser", "--json", "--task", "boxes", "--classes", "a, b")
    assert answer.out.count("\n") == 1
    assert answer.json == {
        "path": "loose",
        "tool": "boxes",
        "field": "boxes",
        "items": 4,
        "labelled": 0,
        "saved": 0,
        "classes": ["a", "b"],
        "corrections": None,
        "export": None,
    }
    assert "http://127.0.0.1:" in answer.err
    assert tree(place) == before


@pytest.mark.parametrize(
    ("typed", "code", "words"),
    [
        ("", 2, ["PATH"]),
        ("nowhere", 2, ["'nowhere'"]),
        ("table.csv", 3, ["'table.csv'", "no pictures"]),
        ("photos --task masks", 2, ["--task='masks'", "classes, boxes, points, tags"]),
        ("photos --port many", 2, ["--port='many'"]),
        ("photos --port 70000", 2, ["--port=70000", "65535"]),
        ("photos --port -1", 2, ["--port=-1"]),
        ("photos --out photos/c.csv", 2, ["'photos/c.csv'", "lies in the data"]),
        ("photos --out no/c.csv", 2, ["'no/c.csv'", "does not exist"]),
        ("photos --out broken.csv", 3, ["'broken.csv'", "id, field, value"]),
        ("photos --export coco", 2, ["--export"]),
        ("photos --export cocoa out", 2, ["'cocoa'", "coco"]),
        ("photos --export folder photos", 2, ["'photos'"]),
        ("loose --export csv out", 3, ["nothing has a label"]),
    ],
)
@pytest.mark.usefixtures("no_page")
def test_what_cannot_be_done_is_told(typed: str, code: int, words: list[str], place: Path, rumbo: Command) -> None:
    before = tree(place)
    with inside(place):
        answer = rumbo("label", *typed.split(), "--json")
    assert answer.code == code, answer.err
    assert [word for word in words if word not in answer.err] == []
    assert answer.json["error"]["exit_code"] == code
    assert tree(place) == before


def test_a_port_that_is_taken_is_told(place: Path, rumbo: Command) -> None:
    import socket

    with socket.socket() as taken, inside(place):
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        answer = rumbo("label", "photos", "--no-browser", "--port", port)
    assert answer.code == 2
    assert f"port {port} cannot be used: another program uses it. Choose another with --port" in answer.err


def test_labels_are_exported(place: Path, rumbo: Command) -> None:
    box = '[{"class": "cat", "x1": 1, "y1": 2, "x2": 5, "y2": 8}]'
    changes = [Correction(id="00.png", field="boxes", value=box), Correction(id="02.png", field="boxes", value="[]")]
    append_corrections(place / "loose-corrections.csv", changes)
    with inside(place):
        answer = rumbo("label", "loose", "--task", "boxes", "--export", "yolo", "out", "--json")
        assert answer.code == 0, answer.err
        data = open_data("out")
    assert answer.json["export"] == "out"
    assert (answer.json["labelled"], answer.json["corrections"]) == (2, "loose-corrections.csv")
    assert sorted(len(boxes) for boxes in data.table["boxes"]) == [0, 1]
    assert data.target is not None
    assert data.target.classes == ("cat",)


def test_what_cannot_be_read_is_left_out_of_an_export_and_counted(place: Path, rumbo: Command) -> None:
    (place / "photos" / "cat" / "empty.png").write_bytes(b"")
    (place / "photos" / "dog" / "text.png").write_bytes(b"this is no picture")
    with inside(place):
        answer = rumbo("label", "photos", "--export", "folder", "out")
        assert answer.code == 0, answer.err
        assert "examples left out because they cannot be read: 2." in answer.out
        assert len(open_data("out")) == 6


def test_an_export_that_would_lose_something_names_the_command_that_can(place: Path, rumbo: Command) -> None:
    change = Correction(id="cat/00.png", field="tags", value='["dark"]')
    append_corrections(place / "photos-corrections.csv", [change])
    with inside(place):
        answer = rumbo("label", "photos", "--export", "folder", "out")
        assert answer.code == 3
        command = "rumbo convert photos --corrections photos-corrections.csv --to folder --out out --lossy"
        assert f"`{command}`" in answer.err
        assert rumbo(*command.split()[1:]).code == 0
