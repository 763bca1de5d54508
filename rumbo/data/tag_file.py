"""Tags that somebody set by hand, as a table: read in the forms that people write, and written as a template."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from rumbo.core.errors import DataError, StorageError, UsageError, os_reason
from rumbo.core.messages import t
from rumbo.data.corrections import read_corrections

TagsById: TypeAlias = dict[str, tuple[str, ...]]
"""Id -> its tags; an example that was looked at and has none has an empty tuple."""

NOTHING = "-"
"""Written where somebody looked, and no tag fits."""
TOLD = ("true", "predicted", "probability", "found", "comment", "comments")
"""Columns for the reader, which say no tags."""
HEADER = ("id", "true", "predicted", "probability", "found", "tags", "comment")
YES = ("x", "X", "1", "✓", "✔", "yes", "true", "sí", "si")
NO = ("", "0", "no", "false", NOTHING)
MAX_LETTERS = 255


def read_tags(path: str | Path) -> TagsById:
    """Read tags in one of four forms, told apart by the header.

    - `id,tags` (or `id,tag,tag2 …`): each cell holds tags, separated by semicolons. `-` says that somebody looked and
      found none; a row without anything was not looked at.
    - `id` and other columns: a column for each tag, marked with x, ✓ or 1, as the notes draw it. Without a column of
      tags beside them, every row was looked at.
    - `id,field,value …`: what `rumbo label` writes.
    - No header: an id and its tags in each row.

    Raises:
        UsageError: there is no such file.
        DataError: it is none of these; line and cell are named.
    """
    path = Path(path)
    if not path.is_file():
        raise UsageError(t("'{path}' does not exist; it should hold tags.", path=path))
    rows = _rows(path)
    if not rows:
        raise DataError(t("'{path}' is empty; it should hold an id and its tags in each row.", path=path))
    header = [name.strip() for name in rows[0][1]]
    if {"id", "field", "value"} <= set(header):
        return _of_corrections(path)
    if header[0].casefold() != "id":
        return _of_rows(rows)
    repeated = [name for name in header if header.count(name) > 1 and name]
    tag_columns = [place for place, name in enumerate(header) if _is_tags(name)]
    if not tag_columns and repeated:
        raise DataError(t("'{path}' has two columns called '{name}'.", path=path, name=repeated[0]))
    found: TagsById = {}
    for line, row in rows[1:]:
        if len(row) > len(header) and not tag_columns:
            raise DataError(
                t(
                    "'{path}', line {line}: {count} fields, but the header has {wanted}.",
                    path=path,
                    line=line,
                    count=len(row),
                    wanted=len(header),
                )
            )
        marked = _marked(path, line, header, row)
        tags: tuple[str, ...] | None = marked
        if tag_columns:
            cells = [cell for place, cell in enumerate(row) if place in tag_columns or place >= len(header)]
            written = _in_cells(cells)
            tags = None if written is None and not marked else tuple(dict.fromkeys((*(written or ()), *marked)))
        if tags is not None and row[0]:
            found[row[0]] = tags
    return found


def write_tags(path: str | Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a table to be filled in.

    Args:
        path: must not exist: a table that somebody has filled in is not written over.
        rows: each with `id`, `true`, `predicted`, `probability` (a number or None), and the tags that rules `found` and
            those set by hand, `tags`.

    Raises:
        UsageError: the file exists.
        StorageError: it cannot be written.
    """
    path = Path(path)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    for row in rows:
        chance = row.get("probability")
        writer.writerow(
            [
                row["id"],
                _safe(row.get("true")),
                _safe(row.get("predicted")),
                "" if chance is None else f"{chance:.3f}",
                ";".join(row.get("found") or ()),
                ";".join(row.get("tags") or ()),
                "",
            ]
        )
    try:
        with path.open("x", encoding="utf-8", newline="") as file:
            file.write(text.getvalue())
    except FileExistsError:
        raise UsageError(
            t("'{path}' exists already, and may hold tags that were set. Give another name.", path=path)
        ) from None
    except OSError as problem:
        raise StorageError(t("'{path}' cannot be written: {problem}.", path=path, problem=os_reason(problem))) from None


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """Line number and cells of each row that holds anything."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise DataError(t("'{path}' is not UTF-8 text: {problem}.", path=path, problem=str(problem))) from None
    except OSError as problem:
        raise DataError(t("'{path}' cannot be read: {problem}.", path=path, problem=os_reason(problem))) from None
    first = text.partition("\n")[0]
    separator = ";" if first.count(";") > first.count(",") else "\t" if "\t" in first and "," not in first else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        return [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as problem:
        message = t("'{path}', line {line}: {problem}.", path=path, line=reader.line_num, problem=str(problem))
        raise DataError(message) from None


def _is_tags(name: str) -> bool:
    """`tag`, `tags`, `tag1`, `tag_2`; `marcas` and `etiquetas` too."""
    word = name.casefold().rstrip("0123456789").rstrip("_ ")
    return word in ("tag", "tags", "marca", "marcas", "etiqueta", "etiquetas")


def _in_cells(cells: Sequence[str]) -> tuple[str, ...] | None:
    """The tags of a row; None where nothing was written."""
    parts = [part.strip() for cell in cells for part in cell.replace("|", ";").split(";")]
    parts = [part[:MAX_LETTERS] for part in parts if part]
    if not parts:
        return None
    return tuple(dict.fromkeys(part for part in parts if part != NOTHING))


def _marked(path: Path, line: int, header: Sequence[str], row: Sequence[str]) -> tuple[str, ...]:
    """The columns that a row has a mark in."""
    tags: list[str] = []
    for name, cell in zip(header[1:], row[1:], strict=False):
        mark = cell.strip()
        if not name or name.casefold() in TOLD or _is_tags(name) or mark in NO or mark.casefold() in NO:
            continue
        if mark not in YES and mark.casefold() not in YES:
            raise DataError(
                t(
                    "'{path}', line {line}: column '{column}' holds '{cell}'. A column of its own for each tag takes a "
                    "mark (x, ✓, 1) or nothing; tags in words go into a column 'tags'.",
                    path=path,
                    line=line,
                    column=name,
                    cell=mark[:80],
                )
            )
        tags.append(name[:MAX_LETTERS])
    return tuple(tags)


def _of_rows(rows: Sequence[tuple[int, list[str]]]) -> TagsById:
    found: TagsById = {}
    for _, row in rows:
        tags = _in_cells(row[1:])
        if tags is not None:
            found[row[0]] = tags
    return found


def _of_corrections(path: Path) -> TagsById:
    """The last value of each example's tags; an empty one takes them back."""
    found: TagsById = {}
    for correction in read_corrections(path):
        if correction.field != "tags":
            continue
        if correction.value == "":
            found.pop(correction.id, None)
            continue
        try:
            tags = json.loads(correction.value)
        except ValueError:
            tags = None
        if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
            raise DataError(
                t(
                    "'{path}': the tags of '{id}' are no JSON list of texts: '{value}'.",
                    path=path,
                    id=correction.id,
                    value=correction.value[:80],
                )
            )
        found[correction.id] = tuple(dict.fromkeys(tags))
    return found


def _safe(value: Any) -> str:
    """Text that a spreadsheet would run as a formula gets a leading apostrophe."""
    text = "" if value is None else str(value)
    return f"'{text}" if isinstance(value, str) and text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
