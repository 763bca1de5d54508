"""The figures that the course notes print, as the markers of golden tests tell them. Read without running the tests."""

import ast
import csv
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
SOURCES = {
    "S0": "M. Borghi, *Introduction to Deep Learning* (Spanish), after Andrew Ng's course",
    "S1": "L. Paiolla Forastiere, *Deep Learning by DeepLearning.AI* (2022)",
    "S2": "M. Teran, *Introducción y Redes Neuronales* (2020, Spanish)",
    "S3": "M. Borghi, *Convolutional Neural Networks* (Spanish), after Andrew Ng's course",
    "S4": "F. Ronchetti, F. Quiroga, *Aprendizaje Automático Profundo*, class 9 (Spanish)",
}
FILES = {"S0": "000_", "S1": "001_", "S2": "002_", "S3": "003_", "S4": "004_"}


@dataclass(frozen=True)
class Passage:
    """One printed passage and the test that computes its figures.

    Args:
        source: S0 to S4.
        first: line of the text, from 1.
        last: the passage's last line.
        says: the figures as printed.
        shows: what they are, in a sentence.
        right: the right value, where the notes are wrong.
        why: the reason, where the notes are wrong.
        test: file and function.
    """

    source: str
    first: int
    last: int
    says: tuple[str, ...]
    shows: str
    right: str
    why: str
    test: str


def passages() -> list[Passage]:
    """All marked tests, in the order of the notes."""
    found = [passage for file in sorted(HERE.glob("test_*.py")) for passage in _marked(file)]
    return sorted(found, key=lambda passage: (passage.source, passage.first, passage.last, passage.test))


def _marked(file: Path) -> Iterator[Passage]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.golden":
                    yield _passage(mark, f"{file.name}::{node.name}")


def _passage(mark: ast.Call, test: str) -> Passage:
    values = {word.arg: ast.literal_eval(word.value) for word in mark.keywords}
    (source,) = (ast.literal_eval(argument) for argument in mark.args)
    first, last = values.pop("lines", None) or [values.pop("line")] * 2
    says = values.pop("says")
    says = (says,) if isinstance(says, str) else tuple(says)
    right, why = values.pop("right", ""), values.pop("why", "")
    return Passage(source, first, last, says, values.pop("shows"), right, why, test, **values)


def passed_over(source: str) -> list[tuple[int, int, str]]:
    """First and last line, and reason, of what holds no figure to compute."""
    file = HERE / f"passed_over_{source}.csv"
    with file.open(encoding="utf-8", newline="") as lines:
        return [(int(row["first"]), int(row["last"]), row["reason"]) for row in csv.DictReader(lines)]


def text_of(source: str) -> list[str] | None:
    """The lines of one of the texts; None where they are not on this machine: they are not ours to hand out."""
    beside = HERE.parents[2] / "shared" / "notes"
    folder = Path(os.environ.get("RUMBO_TEST_NOTES", beside))
    files = sorted(folder.glob(f"{FILES[source]}*.txt"))
    return files[0].read_text(encoding="utf-8").split("\n") if files else None


def squeezed(text: str) -> str:
    """Text without white space and backslashes, so that how a table is set does not matter."""
    return re.sub(r"[\s\\]+", "", text)
