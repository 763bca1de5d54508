"""The review of suspect labels: a CSV file that a person answers, and the corrections that come out of it.

Nothing is corrected that nobody looked at. The file lists suspects, and labels drawn from all others: without these a
model's blind spots would stay, and the share of wrong labels could not be told.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

from rumbo.core.errors import DataError, UsageError, unknown_name
from rumbo.core.messages import t
from rumbo.data.corrections import Correction, append_corrections, read_corrections
from rumbo.runs import write_file

Listed = Literal["suspect", "sample"]
COLUMNS = ("id", "split", "field", "given", "suggested", "score", "listed", "verdict", "correct")
NEEDED = ("id", "field", "given", "suggested", "verdict")
ANSWERS = {"yes": True, "y": True, "sí": True, "si": True, "s": True, "no": False, "n": False}
"""What may stand in the column `verdict`, whose question is: is the given label wrong?"""
WHY = "rumbo labels"
MOST_BYTES = 256 * 2**20


@dataclass(frozen=True, kw_only=True, slots=True)  # there is one for each label
class ReviewRow:
    """One label to look at.

    Attributes:
        id: its example.
        split: where that belongs.
        field: the column that the label stands in.
        given: the label, as text.
        suggested: what the model would say.
        score: how much the model stands by the given label, in [0, 1].
        listed: whether it is a suspect, or was drawn from all that are not listed.
        is_wrong: the answer; None where nobody has answered.
        correct: the right label where it is neither the given nor the suggested one.
    """

    id: str
    split: str
    field: str
    given: str
    suggested: str
    score: float
    listed: Listed
    is_wrong: bool | None = None
    correct: str = ""

    def cells(self) -> dict[str, str]:
        """By column of the file."""
        answer = "" if self.is_wrong is None else "yes" if self.is_wrong else "no"
        values = {"id": self.id, "split": self.split, "field": self.field, "given": self.given}
        values |= {"suggested": self.suggested, "score": f"{self.score:.4f}", "listed": self.listed}
        return {**values, "verdict": answer, "correct": self.correct}


def write_review(path: Path, rows: Sequence[ReviewRow]) -> None:
    """Write the file that a person answers, whole or not at all."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_guarded(value) for value in row.cells().values()])
    write_file(path, text.getvalue().encode())


def has_answers(path: Path) -> bool:
    """Whether somebody began to answer a file; one that cannot be read counts as somebody's."""
    if not path.exists():
        return False
    try:
        return any(entry["verdict"].strip() for _, entry in _entries(path))
    except DataError:
        return True


def read_review(
    path: Path, known: Mapping[tuple[str, str], ReviewRow], names: Sequence[str]
) -> tuple[list[ReviewRow], int]:
    """The answers in a file, each laid over the label that it is about.

    Args:
        path: of the file, as `write_review` or the page wrote it; a spreadsheet may have saved it since.
        known: every label that was judged, by id and field.
        names: what a label may be.

    Returns:
        The answers, and how many suspects the file lists, answered or not.

    Raises:
        UsageError: there is no such file, or it answers nothing.
        DataError: a line that is no answer to these labels; named by its number.
        UnknownName: a right label that is none of the names.
    """
    if not path.is_file():
        raise UsageError(t("'{path}' does not exist; it should hold a review.", path=path))
    found: dict[tuple[str, str], ReviewRow] = {}
    entries = _entries(path)
    for line, entry in entries:
        answer = entry["verdict"].strip().lower()
        if not answer:
            continue
        row = known.get((_unguarded(entry["id"]), _unguarded(entry["field"])))
        row = row or known.get((entry["id"], entry["field"]))
        if row is None or _unguarded(entry["given"]) not in (row.given, _unguarded(row.given)):
            raise DataError(
                t(
                    "'{path}', line {line}: '{id}' labelled '{given}' is none of this run's labels. Is it the review "
                    "of another run, or was a cell changed?",
                    path=path,
                    line=line,
                    id=entry["id"],
                    given=entry["given"],
                )
            )
        if answer not in ANSWERS:
            raise DataError(
                t(
                    "'{path}', line {line}: verdict '{answer}' must be yes (the label is wrong), no (it is right), or "
                    "empty (not looked at).",
                    path=path,
                    line=line,
                    answer=entry["verdict"],
                )
            )
        found[row.id, row.field] = _answered(row, entry, ANSWERS[answer], names)
    if not found:
        raise UsageError(
            t("'{path}' answers nothing: write yes or no in the column verdict of the labels you looked at.", path=path)
        )
    return list(found.values()), sum(entry.get("listed") != "sample" for _, entry in entries)


def _answered(row: ReviewRow, entry: Mapping[str, str], is_wrong: bool, names: Sequence[str]) -> ReviewRow:
    right = _unguarded(entry.get("correct", "").strip()) or _unguarded(entry["suggested"].strip()) or row.suggested
    if is_wrong and right not in names:
        raise unknown_name("class", right, names)
    listed: Listed = "sample" if entry.get("listed") == "sample" else "suspect"
    is_wrong = is_wrong and right != row.given
    return replace(row, listed=listed, is_wrong=is_wrong, correct=right if is_wrong else "")


def write_corrections(path: Path, rows: Sequence[ReviewRow], *, before: Path | None, who: str, why: str = WHY) -> int:
    """Add a correction for each label that was found wrong; returns how many.

    Args:
        path: the corrections file; what it holds stays.
        rows: answered.
        before: the corrections that the run was trained with: a new file begins with them.
        who: decided.
        why: the reason in the file.

    Raises:
        UsageError: `path` is the file that the run itself stands on.
    """
    if before is not None and path.exists() and path.samefile(before):
        raise UsageError(
            t(
                "'{path}' holds the corrections that the run was trained with; changed, its data would no longer be "
                "those of the run. Name another file with --write: it begins with them.",
                path=path,
            )
        )
    when = datetime.now().astimezone().isoformat(timespec="seconds")
    made = [
        Correction(id=row.id, field=row.field, value=row.correct or row.suggested, who=who, when=when, why=why)
        for row in rows
        if row.is_wrong
    ]
    earlier = read_corrections(before) if before is not None and not path.exists() else ()
    if made:
        append_corrections(path, [*earlier, *made])
    return len(made)


def _entries(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Lines by column, with their numbers; separated by commas or, as some spreadsheets do, by semicolons."""
    if path.stat().st_size > MOST_BYTES:
        raise DataError(t("'{path}' is too large for a review.", path=path))
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise DataError(t("'{path}' is not UTF-8 text: {problem}.", path=path, problem=str(problem))) from None
    first = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";" if first.count(";") > first.count(",") else ",")
    try:
        header = next(reader, [])
        if missing := [name for name in NEEDED if name not in header]:
            raise DataError(
                t(
                    "'{path}' lacks the columns {missing}: it is no review that `rumbo labels` wrote.",
                    path=path,
                    missing=", ".join(missing),
                )
            )
        lines = [(reader.line_num, row) for row in reader if row]
    except csv.Error as problem:
        message = t("'{path}', line {line}: {problem}.", path=path, line=reader.line_num, problem=str(problem))
        raise DataError(message) from None
    for line, row in lines:
        if len(row) != len(header):
            raise DataError(
                t(
                    "'{path}', line {line}: {count} fields, but the header has {wanted}.",
                    path=path,
                    line=line,
                    count=len(row),
                    wanted=len(header),
                )
            )
    return [(line, dict(zip(header, row, strict=True))) for line, row in lines]


def _guarded(text: str) -> str:
    """A cell that a spreadsheet does not run as a formula."""
    return f"'{text}" if text[:1] in tuple("=+-@\t\r\n") and text else text


def _unguarded(text: str) -> str:
    return text[1:] if text[:1] == "'" and text[1:2] in tuple("=+-@\t\r\n") and text[1:] else text
