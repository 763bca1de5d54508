"""Degenerate data and odd names: a finished run with its limit stated, or one sentence; never a traceback.

Each case takes at most ten seconds. Names of classes, files and columns come back from every artefact as they were
met, and are escaped where a browser or a spreadsheet could act on them.
"""

import csv as csv_module
import html
import json
import math
import os
import time
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from workbench import TINY, Command, inside, pictures

pytestmark = pytest.mark.train

CONVNET = ("--epochs", "1", "--model", "convnet", "--device", "cpu")
LIMIT_SECONDS = 10

Maker = Callable[[Path], Path]


def table(*lines: str) -> Maker:
    def make(folder: Path) -> Path:
        path = folder / "data.csv"
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return path

    return make


def photos(size: tuple[int, int] = (8, 8), **counts: int) -> Maker:
    return lambda folder: pictures(folder / "data", counts, size=size)


def splits(**counts: dict[str, int]) -> Maker:
    def make(folder: Path) -> Path:
        for split, inside_split in counts.items():
            pictures(folder / "data" / split, inside_split)
        return folder / "data"

    return make


def mixed(*kinds: tuple[str, tuple[int, int], int]) -> Maker:
    """Pictures of each (mode, size, level) in turn."""

    def make(folder: Path) -> Path:
        for number in range(24):
            mode, size, level = kinds[number % len(kinds)]
            place = folder / "data" / ("cat" if number % 5 < 3 else "dog")
            place.mkdir(parents=True, exist_ok=True)
            color = min(255, level + number) if level else 0
            Image.new(mode, size, (color,) * 3 if mode == "RGB" else color).save(place / f"{number}.png")
        return folder / "data"

    return make


def black(folder: Path) -> Path:
    """Equal pixels in files that differ."""
    for number in range(24):
        place = folder / "data" / ("cat" if number % 5 < 3 else "dog")
        place.mkdir(parents=True, exist_ok=True)
        note = PngInfo()
        note.add_text("number", str(number))
        Image.new("L", (8, 8)).save(place / f"{number}.png", pnginfo=note)
    return folder / "data"


def special_file(make_it: Callable[[Path], None]) -> Maker:
    def make(folder: Path) -> Path:
        data = pictures(folder / "data", {"cat": 12, "dog": 12})
        make_it(data)
        return data

    return make


def rows(template: str, count: int = 40) -> list[str]:
    """Lines from a template of {i}, the number of the row, and {c}, a or b in turn."""
    return [template.format(i=number, c="ab"[number % 3 == 0]) for number in range(count)]


CASES: dict[str, tuple[Maker, tuple[str, ...], int, str]] = {
    # name: data, further words, exit code, and what must be said (on stderr)
    "one picture": (photos(cat=1), TINY, 3, "too few|at least one other class"),
    "two pictures": (photos(cat=1, dog=1), TINY, 3, "too few"),
    "one picture a class": (photos(a=1, b=1, c=1, d=1, e=1), TINY, 3, "too few|train lacks"),
    "three pictures a class": (photos(a=3, b=3), TINY, 0, "fewer than 10 examples: a 3, b 3"),
    "a class without dev": (photos(cat=30, dog=1), TINY, 0, "fewer than 10 examples: dog 1"),
    "a given dev without a class": (
        splits(train={"cat": 8, "dog": 8}, val={"cat": 4}),
        TINY,
        0,
        "the data give no test",
    ),
    "a class that train lacks": (
        splits(train={"cat": 8, "dog": 8}, val={"cow": 4}),
        TINY,
        3,
        "dev has classes that train lacks: cow",
    ),
    "an empty class folder": (special_file(lambda data: (data / "cow").mkdir()), TINY, 0, "cat 12, dog 12"),
    "a batch larger than the data": (
        photos(cat=10, dog=10),
        (*TINY, "--set", "train.batch_size=1000"),
        0,
        "12 examples a step",
    ),
    "a last batch of one, batch norm": (
        splits(train={"cat": 9, "dog": 8}, val={"cat": 3, "dog": 3}),
        (*CONVNET, "--set", "train.batch_size=16"),
        0,
        "16 examples a step",
    ),
    "batches of one, batch norm": (
        splits(train={"cat": 3, "dog": 3}, val={"cat": 3, "dog": 3}),
        (*CONVNET, "--set", "train.batch_size=1"),
        0,
        "1 examples a step",
    ),
    "pictures of 1x1": (photos((1, 1), cat=12, dog=12), TINY, 0, "1x1 px"),
    "pictures of 1x1, batch norm": (photos((1, 1), cat=12, dog=12), CONVNET, 2, "1x1|1 px"),
    "pictures of 1x500": (photos((1, 500), cat=12, dog=12), TINY, 0, "96x96 px"),
    "pictures of mixed sizes": (mixed(("RGB", (5, 90), 80), ("RGB", (60, 7), 80)), TINY, 0, "2 sizes"),
    "grey and color": (mixed(("L", (8, 8), 80), ("RGB", (8, 8), 80)), TINY, 0, "as color"),
    "all black and equal": (mixed(("RGB", (8, 8), 0)), TINY, 3, "1 different examples are too few"),
    "all black": (black, TINY, 0, "measured on it is uncertain"),
    "all black, batch norm": (black, CONVNET, 0, "measured on it is uncertain"),
    "a constant column": (table("x,same,y", *rows("{i},7,{c}")), TINY, 0, "same entry in all rows: same"),
    "only a constant column": (table("same,y", *rows("7,{c}")), TINY, 3, "2 different examples are too few"),
    "a column without entries": (table("x,none,y", *rows("{i},,{c}")), TINY, 0, "'none' is empty: left out"),
    "only a column without entries": (table("none,y", *rows(",{c}")), TINY, 3, "none"),
    "equal rows only": (table("x,z,y", *["1,2,a"] * 20, *["1,2,b"] * 20), TINY, 3, "too few"),
    "one feature": (table("x,y", *rows("{i},{c}")), TINY, 0, "2 columns"),
    "only categories": (
        table("color,y", *(f"c{row % 10},{'ab'[row % 2]}" for row in range(60))),
        TINY,
        0,
        "predicts 'y' without an error",
    ),
    "300 classes of two": (
        table("x,y", *(f"{row},class {row % 300}" for row in range(600))),
        TINY,
        0,
        "classes with fewer than 10 examples",
    ),
    "a target of 1e30": (table("x,price", *rows("{i},{i}e30")), ("--epochs", "1", "--model", "mlp"), 0, "price"),
    "a target of 1e300": (
        table("x,price", *rows("{i},{i}.5e300")),
        ("--epochs", "1", "--model", "mlp"),
        3,
        "'0.5e300', which is no number up to 1e100",
    ),
    "features of 1e300": (table("x,y", *rows("{i}e300,{c}")), TINY, 0, "entries are infinite in x 39"),
    "one number as target": (
        table("x,price", *rows("{i},7.5")),
        ("--epochs", "1", "--model", "mlp", "--task", "regress"),
        3,
        "'price' is 7.5 in all training examples. There is nothing to learn",
    ),
    "no columns": (table("", "", ""), TINY, 3, "is empty"),
    "one column": (table("x", *rows("{i}")), TINY, 3, "one column, 'x'"),
    "a header only": (table("x,y"), TINY, 3, "no row"),
    "a header and one row": (table("x,y", "1,a"), TINY, 3, "too few|one class"),
    "a header and two rows": (table("x,y", "1,a", "2,b"), TINY, 3, "too few"),
    "no label at all": (table("x,y", *rows("{i},")), TINY, 3, "'y' is empty in all 40 rows"),
    "columns that the manifest has": (
        table("id,content,weight,source,true,p(a),y", *rows("{i},{i},{i},{i},{i},{i},{c}")),
        TINY,
        0,
        "columns were renamed",
    ),
    "a folder called a.jpg": (
        special_file(lambda data: (data / "dog" / "a.jpg").mkdir()),
        TINY,
        0,
        "cat 12, dog 12",
    ),
    "a pipe": (special_file(lambda data: os.mkfifo(data / "dog" / "pipe.jpg")), TINY, 0, "cat 12, dog 12"),
    "a loop of links": (
        special_file(lambda data: (data / "dog" / "loop").symlink_to(data, target_is_directory=True)),
        TINY,
        0,
        "links that were not followed: 1",
    ),
    "a link to itself": (special_file(lambda data: (data / "x.jpg").symlink_to(data / "x.jpg")), TINY, 0, "dog 12"),
}


@pytest.mark.parametrize("name", CASES)
def test_degenerate_data(name: str, tmp_path: Path, rumbo: Command) -> None:
    make, words, code, said = CASES[name]
    make(tmp_path)
    data = next(tmp_path.glob("data*")).name
    began = time.process_time()
    with inside(tmp_path):
        answer = rumbo("train", data, *words, "--out", "run")
    assert time.process_time() - began <= LIMIT_SECONDS
    assert answer.code == code, answer.err
    assert any(form in answer.err for form in said.split("|")), answer.err
    assert "Traceback" not in answer.err
    assert (tmp_path / "run").exists() == (code == 0)
    if code == 0:
        _is_whole(tmp_path / "run")
    else:
        assert answer.err.count("\n") == 1


def _is_whole(run: Path) -> dict:
    """A finished run: strict JSON, all predictions finite, and the report there."""
    report = json.loads((run / "report.json").read_text(encoding="utf-8"), parse_constant=_refuse)
    assert (run / "report.html").stat().st_size > 0
    for split in report["metrics"]:
        answers = pl.read_parquet((run / "predictions" / f"{split}.parquet").read_bytes())
        numbers = answers.select(pl.col(pl.Float64, pl.Float32))
        assert numbers.select(pl.all().is_finite().all()).row(0) == (True,) * numbers.width
    return report


def _refuse(word: str) -> float:
    raise ValueError(f"{word} is no JSON")


ODD_NAMES = (
    "two\nlines",
    "🦜 parrot",
    "\u202egpj.exe",
    "<script>alert(1)</script>",
    "-rf",
    "--help",
    "ñ" * 127 + "x",
    "'single' \"double\" `back`",
    "=cmd|'calc'!A1",
    "{{7*7}}",
    "cat",
    "Cat",
    "null",
    "a,b;c\td",
    "$(touch owned)",
    unicodedata.normalize("NFC", "Zoë"),
    unicodedata.normalize("NFD", "Zoë"),
)
"""Names that a file system takes."""


def test_odd_class_and_file_names_come_back_as_they_were(tmp_path: Path, rumbo: Command) -> None:
    names = [name.replace("/", "∕") for name in ODD_NAMES]
    pictures(tmp_path / "data", dict.fromkeys(names, 4))
    for name in names:
        first = tmp_path / "data" / name / "00.png"
        first.rename(first.with_name((name.encode()[:200].decode(errors="ignore")) + ".png"))
    with inside(tmp_path):
        answer = rumbo("train", "data", *TINY, "--out", "run", "--json")
        assert answer.code == 0, answer.err
        predicted = rumbo("predict", "run", "data", "--json", "--lang", "es")
        written = rumbo("predict", "run", "data", "--out", "answers.csv")
        shown = rumbo("predict", "run", "data")
        measured = rumbo("evaluate", "run", "--json")
        again = rumbo("report", "run", "--lang", "es")
    assert [predicted.code, written.code, shown.code, measured.code, again.code] == [0, 0, 0, 0, 0]
    _is_whole(tmp_path / "run")
    _classes_are(tmp_path / "run", names)
    ids = {f"{name}/{file.name}" for name in names for file in (tmp_path / "data" / name).iterdir()}
    assert {row["id"] for row in predicted.json["predictions"]} == ids
    assert {row["predicted"] for row in predicted.json["predictions"]} <= set(names)
    with open(tmp_path / "answers.csv", newline="", encoding="utf-8") as file:
        in_file = {row["id"] for row in csv_module.DictReader(file)}
    assert {name.removeprefix("'") for name in in_file} == {name.removeprefix("'") for name in ids}
    assert not any(name.startswith(("=", "-", "+", "@")) for name in in_file)
    _terminal_is_safe(shown.out)


def test_odd_labels_and_columns_of_a_table_come_back_as_they_were(tmp_path: Path, rumbo: Command) -> None:
    names = [name for name in ODD_NAMES if name != "null"]  # an entry `null` means "not known" in a table
    with open(tmp_path / "data.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv_module.writer(file)
        writer.writerow(["<b>x</b>", "=1+1", "two\nlines", "\u202ekind of"])
        for row in range(8 * len(names)):
            writer.writerow([row % 7, row / 3, names[row % 5], names[row % len(names)]])
    with inside(tmp_path):
        answer = rumbo("train", "data.csv", "--target", "\u202ekind of", *TINY, "--out", "run", "--json")
        assert answer.code == 0, answer.err
        told = rumbo("train", "data.csv", "--target", "\u202ekind of", *TINY)
    assert answer.json["target"] == "\u202ekind of"
    _is_whole(tmp_path / "run")
    _classes_are(tmp_path / "run", names)
    _terminal_is_safe(told.out + told.err)


def _classes_are(run: Path, names: list[str]) -> None:
    """The names stand in model, data check, report and predictions exactly, and in the page only as text."""
    config = json.loads((run / "model" / "config.json").read_text(encoding="utf-8"))
    assert set(config["target"]["classes"]) == set(names)
    check = json.loads((run / "data_check.json").read_text(encoding="utf-8"))
    assert set(check["counts"]["classes"]["train"]) == set(names)
    answers = pl.read_parquet(run / "predictions" / "train.parquet")
    assert set(answers["true"].to_list()) == set(names)
    assert {f"p({name})" for name in names} <= set(answers.columns)
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "{{7*7}}" in html.unescape(page)
    assert "\u202e" not in page


def _terminal_is_safe(text: str) -> None:
    assert not any(ord(letter) < 0x20 and letter != "\n" for letter in text)
    assert "\u202e" not in text


def test_file_and_class_names_that_are_no_utf8(tmp_path: Path, rumbo: Command) -> None:
    pictures(tmp_path / "data", {"cat": 12, "dog": 12})
    os.rename(tmp_path / "data" / "cat" / "00.png", os.fsencode(tmp_path / "data" / "cat") + b"/caf\xe9.png")
    os.rename(tmp_path / "data" / "dog", os.fsencode(tmp_path / "data") + b"/perr\xf3")
    with inside(tmp_path):
        answer = rumbo("train", "data", *TINY, "--out", "run", "--json")
        assert answer.code == 0, answer.err
        predicted = rumbo("predict", "run", "data", "--json")
        measured = rumbo("evaluate", "run", "--json")
        again = rumbo("train", "--config", "run/config.yaml", "--out", "again", "--json")
    _is_whole(tmp_path / "run")
    assert r"cat/caf\xe9.png" in {row["id"] for row in predicted.json["predictions"]}
    config = json.loads((tmp_path / "run" / "model" / "config.json").read_text(encoding="utf-8"))
    assert config["target"]["classes"] == ["cat", r"perr\xf3"]
    assert [measured.code, again.code] == [0, 0], measured.err + again.err


def test_folders_whose_names_are_no_utf8(tmp_path: Path, rumbo: Command) -> None:
    """Data of such a name are refused, since config.yaml could not name them; the run itself may lie anywhere."""
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/dat\xe4"))
    pictures(odd, {"cat": 12, "dog": 12})
    with inside(tmp_path):
        refused = rumbo("train", odd.name, *TINY, "--json")
    assert refused.code == 2
    assert r"'dat\xe4'" in refused.err
    assert not (tmp_path / "runs").exists()
    with inside(odd):
        here = rumbo("train", ".", *TINY, "--json")
        there = rumbo("train", ".", *TINY, "--out", os.fsdecode(b"r\xfcn"), "--json")
        again = rumbo("report", there.json["run"])
    assert [here.code, there.code, again.code] == [0, 0, 0], here.err + there.err + again.err
    _is_whole(Path(os.fsdecode(os.fsencode(odd) + b"/r\xfcn")))


def test_metrics_that_are_not_defined_are_null_not_nan(tmp_path: Path, rumbo: Command) -> None:
    """ROC-AUC on a dev of one class."""
    splits(train={"cat": 8, "dog": 8}, val={"cat": 4})(tmp_path)
    with inside(tmp_path):
        answer = rumbo("train", "data", *TINY, "--out", "run", "--json")
        lines = (tmp_path / "run" / "events.jsonl").read_text(encoding="utf-8").splitlines()
        measured = rumbo("evaluate", "run", "--split", "dev", "--json")
        refused = rumbo("train", "data", *TINY, "--goal", "roc_auc", "--out", "other")
    assert answer.json["metrics"]["dev"]["roc_auc"] is None
    assert measured.json["metrics"]["roc_auc"] is None
    for line in lines:
        json.loads(line, parse_constant=_refuse)
    assert refused.code == 3
    assert "the goal roc_auc is not defined on the 4 examples of dev" in refused.err
    assert math.isfinite(answer.json["metrics"]["dev"]["accuracy"])
    assert np.isfinite(answer.json["goal"]["value"])
