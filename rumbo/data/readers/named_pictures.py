"""Picture files that a column of a table names: found beside the table, in the set, or by their base name."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import polars as pl

from rumbo.core.errors import DataError
from rumbo.core.messages import t
from rumbo.data.files import Files, existing, extension, picture_names
from rumbo.data.pictures.decode import EXTENSIONS


@dataclass(frozen=True)
class NamedPictures:
    """The column of picture files, the file of each row ("" for none), and row -> why there is none."""

    column: str
    files: list[str]
    missing: dict[int, str]


def picture_column(frame: pl.DataFrame, files: Files, table: str) -> str | None:
    """The column whose entries are picture files of this set."""
    for column in frame.iter_columns():
        if column.dtype != pl.String:
            continue
        sample = column.drop_nulls().head(20).to_list()
        if not sample or sum(extension(entry) in EXTENSIONS for entry in sample) < 0.9 * len(sample):
            continue
        if any(_locate(entry, files, table) for entry in sample):
            return column.name
        if any(_by_basename(files).get(PurePosixPath(entry.replace("\\", "/")).name) for entry in sample):
            return column.name
        raise DataError(
            t(
                "column '{column}' of '{table}' names pictures such as '{entry}', but no such file lies beside the "
                "table. Put the pictures there, or give the folder that holds both.",
                column=column.name,
                table=table,
                entry=sample[0],
            )
        )
    return None


def _located(entries: Sequence[str], files: Files, table: str) -> dict[str, str]:
    """Entry -> the file that it means, "" for none."""
    plain = {entry: entry.replace("\\", "/").removeprefix("./") for entry in entries}
    folder = PurePosixPath(table).parent
    beside = {entry: str(folder / path) for entry, path in plain.items()}
    there = existing(files, {*plain.values(), *beside.values()})
    found = {
        entry: beside[entry] if beside[entry] in there else path if path in there else ""
        for entry, path in plain.items()
    }
    if any(not name for name in found.values()):
        by_base = _by_basename(files)
        for entry, name in found.items():
            found[entry] = name or by_base.get(PurePosixPath(plain[entry]).name) or ""
    return found


def _locate(entry: str, files: Files, table: str) -> str | None:
    """The file that an entry means: relative to the table, or to the set."""
    entry = entry.replace("\\", "/").removeprefix("./")
    beside = str(PurePosixPath(table).parent / entry)
    return next((name for name in (beside, entry) if files.has(name)), None)


def _by_basename(files: Files) -> dict[str, str | None]:
    """Base name -> the one file of that name; None where several have it."""
    found: dict[str, str | None] = {}
    for name in picture_names(files.names()):
        base = PurePosixPath(name).name
        found[base] = None if base in found else name
    return found


def named_pictures(frame: pl.DataFrame, files: Files, table: str, decisions: list[str]) -> NamedPictures | None:
    """The pictures that a column names; None where no column does."""
    column = picture_column(frame, files, table)
    if column is None:
        return None
    name_of = _located(frame[column].unique().drop_nulls().to_list(), files, table)
    entries = frame[column].to_list()
    found = [name_of.get(entry, "") for entry in entries]
    missing: dict[int, str] = {}
    if "" in name_of.values() or frame[column].null_count():
        for row, entry in enumerate(entries):
            if entry is None:
                missing[row] = t("column '{column}' is empty", column=column)
            elif not found[row]:
                missing[row] = t("there is no picture '{entry}'", entry=entry)
    decisions.append(t("column '{column}' names pictures: {count}.", column=column, count=len(found) - len(missing)))
    return NamedPictures(column, found, missing)
