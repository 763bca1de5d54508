"""`rumbo check`: what is found, where it is written, and the exit code."""

import json
import re
from pathlib import Path

import pytest
from test_degenerate import CASES
from workbench import Command, csv, inside, pictures, tree


def codes(answer) -> set[str]:
    return {finding["code"] for finding in answer.json["findings"]}


def test_a_clean_table_passes_and_is_counted(tmp_path: Path, rumbo: Command) -> None:
    csv(tmp_path / "table.csv", 600)
    with inside(tmp_path):
        answer = rumbo("check", "table.csv", "--json")
    assert answer.code == 0
    found = answer.json
    assert (found["format"], found["items"], found["target"]["columns"]) == ("table", 600, ["label"])
    assert sum(found["counts"]["splits"].values()) == 600
    assert sum(sum(names.values()) for names in found["counts"]["classes"].values()) == 600
    assert not any(finding["severity"] == "error" for finding in found["findings"])
    assert len(set(found["examples"])) == 18
    assert tree(tmp_path) == [str(tmp_path / "table.csv")]


def test_faults_give_exit_3_and_all_findings(tmp_path: Path, rumbo: Command) -> None:
    pictures(tmp_path / "photos", {"cat": 20})
    with inside(tmp_path):
        answer = rumbo("check", "photos", "--json")
        told = rumbo("check", "photos")
    assert (answer.code, told.code) == (3, 3)
    assert "class.single" in codes(answer)
    assert answer.json["error"]["kind"] == "FaultyData"
    assert "[class.single]" in told.out
    assert told.err.count("\n") == 1


@pytest.mark.parametrize(("level", "code"), [("error", 0), ("warning", 3), ("note", 3), ("never", 0)])
def test_fail_on_chooses_the_level(level: str, code: int, tmp_path: Path, rumbo: Command) -> None:
    pictures(tmp_path / "photos", {"cat": 20, "dog": 20, "fox": 4})
    with inside(tmp_path):
        assert rumbo("check", "photos", "--fail-on", level).code == code


def test_a_bad_picture_is_named_and_the_others_are_counted(tmp_path: Path, rumbo: Command) -> None:
    pictures(tmp_path / "photos", {"cat": 20, "dog": 20})
    (tmp_path / "photos" / "cat" / "bad.jpg").write_bytes(b"\xff\xd8\xff no picture")
    with inside(tmp_path):
        answer = rumbo("check", "photos", "--json", "--fail-on", "never")
    bad = next(finding for finding in answer.json["findings"] if finding["code"] == "image.bad")
    assert bad["items"] == ["cat/bad.jpg"]
    assert answer.json["counts"]["bad"] == 1
    assert answer.json["items"] == 40


def test_the_page_holds_findings_and_pictures(tmp_path: Path, rumbo: Command) -> None:
    pictures(tmp_path / "<b>", {"cat": 20, "<script>alert(1)</script>": 20})
    with inside(tmp_path):
        answer = rumbo("check", "<b>", "--out", "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "page.html" in answer.out
    assert page.count("data:image/png;base64,") == 18
    assert "<script" not in page
    assert "default-src 'none'" in page
    assert "split.small_test" in page


def test_pictures_without_labels_are_looked_at(tmp_path: Path, rumbo: Command) -> None:
    pictures(tmp_path / "photos", {".": 12})
    with inside(tmp_path):
        answer = rumbo("check", "photos", "--json")
    assert answer.code == 3
    assert answer.json["target"] is None
    assert answer.json["items"] == 12
    assert "target.none" in codes(answer)


def test_corrections_are_laid_over(tmp_path: Path, rumbo: Command) -> None:
    csv(tmp_path / "table.csv", 60)
    (tmp_path / "fixes.csv").write_text("id,field,value\ntable.csv#0,label,maybe\n", encoding="utf-8")
    with inside(tmp_path):
        answer = rumbo("check", "table.csv", "--corrections", "fixes.csv", "--json")
    assert answer.json["target"]["classes"] == ["no", "yes", "maybe"]
    assert "1 corrections were laid over the data." in answer.json["decisions"]


def test_spanish(tmp_path: Path, rumbo: Command) -> None:
    pictures(tmp_path / "fotos", {"gato": 20, "perro": 20})
    with inside(tmp_path):
        answer = rumbo("check", "fotos", "--lang", "es", "--out", "pagina.html")
    assert re.search(r"ejemplos\s+40", answer.out)
    assert '<html lang="es">' in (tmp_path / "pagina.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", CASES)
def test_degenerate_data_is_looked_at(name: str, tmp_path: Path, rumbo: Command) -> None:
    """What `train` refuses or survives, `check` tells; never a traceback, always one JSON object."""
    CASES[name][0](tmp_path)
    data = next(tmp_path.glob("data*")).name
    with inside(tmp_path):
        answer = rumbo("check", data, "--json")
    assert answer.code in (0, 2, 3), answer.err
    found = json.loads(answer.out.splitlines()[-1])
    assert ("error" in found) == (answer.code != 0)
    assert "Traceback" not in answer.err


@pytest.mark.parametrize("words", [("--out", "nowhere/page.html"), ("--out", "."), ("--augment=page.jpg",)])
def test_a_place_that_cannot_be_written_is_told_at_once(words: tuple[str, ...], tmp_path: Path, rumbo: Command) -> None:
    pictures(tmp_path / "photos", {"cat": 20, "dog": 20})
    with inside(tmp_path):
        answer = rumbo("check", "photos", *words)
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert "cannot be written" in answer.err or "should end in" in answer.err


def test_check_fails_where_train_would(tmp_path: Path, rumbo: Command) -> None:
    pictures(tmp_path / "photos", {"cat": 30, "dog": 30})
    for number in range(2):
        (tmp_path / "photos" / "cat" / f"bad{number}.jpg").write_bytes(b"no picture")
    with inside(tmp_path):
        answer = rumbo("check", "photos", "--json")
    assert answer.code == 3
    assert "row.too_many_bad" in codes(answer)
