"""Tables: CSV, TSV, Parquet; features of mixed type; or a column of picture files with labels and further features."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
import polars as pl
import polars.selectors as cs

from rumbo.core.errors import DataError
from rumbo.core.messages import t
from rumbo.data.decode import EXTENSIONS, BadItem
from rumbo.data.delimited import RawTable, clean, looks_delimited, parse_delimited
from rumbo.data.files import Files, existing, extension, picture_names, safe_name
from rumbo.data.fingerprints import row_contents
from rumbo.data.images import FileImages
from rumbo.data.manifest import RESERVED, Dataset
from rumbo.data.readers import Reader, Request, formats
from rumbo.data.readers.folders import SPLIT_OF_FOLDER
from rumbo.data.readers.image_folder import contents
from rumbo.data.target import LARGEST, NUMBER_FRACTION, Labels, choose_target, read_labels, to_numbers
from rumbo.ops.parquet import read_parquet

TEXT_EXTENSIONS = ("csv", "tsv", "tab", "data")
SAMPLE_ROWS = 50
MAX_LEVELS = 1000
"""A text column with more different entries is no category."""
MAX_LEVEL_FRACTION = 0.5
MIN_ROWS_TO_JUDGE = 40
"""Below, different entries in most rows say little about a text column."""


@dataclass(frozen=True)
class Tables:
    """All tables of a set as one.

    Attributes:
        frame: columns of String, or of numbers as the files have them.
        ids: the id of each row.
        places: file and line of each row, for messages.
        splits: the split of each row, None when files do not say.
        only_in_train: the one column that the test table lacks.
        decisions: what was found out.
    """

    frame: pl.DataFrame
    ids: pl.Series
    places: "Places"
    splits: pl.Series | None
    only_in_train: str | None
    decisions: tuple[str, ...]


@dataclass(frozen=True)
class Places:
    """The files in order, and the line of each of their rows."""

    names: tuple[str, ...]
    lines: tuple[np.ndarray, ...]

    def row(self, row: int) -> tuple[str, int]:
        """File and line of a row of all."""
        for name, lines in zip(self.names, self.lines, strict=True):
            if row < len(lines):
                return name, int(lines[row])
            row -= len(lines)
        raise IndexError(row)


@dataclass(frozen=True)
class Pictures:
    """The column of picture files, the file of each row ("" for none), and row -> why there is none."""

    column: str
    files: list[str]
    missing: dict[int, str]


def recognizes(files: Files) -> bool:
    """Whether there is a table; beside pictures, only one that names them."""
    names = table_names(files)
    if not names or not picture_names(files.names()):
        return bool(names)
    heads = {name: _head(files, name) for name in names[:3]}
    return any(_picture_column(head, files, name) is not None for name, head in heads.items())


def read(files: Files, request: Request) -> Dataset:
    """The manifest of a table."""
    names = table_names(files)
    tables = _read_all(files, names, request)
    if tables.frame.is_empty():
        raise _nothing_left(files, [])
    decisions = list(tables.decisions)
    frame, special = _take_special_columns(tables, request.target, decisions)
    pictures = _pictures(frame, files, names[0], decisions)
    labels = _labels(frame, pictures, files, request, tables, special.get("split")) if request.labelled else None
    target = labels.target if labels else None
    bad = _bad_rows(tables, pictures, labels, decisions)
    usable = np.ones(frame.height, dtype=bool)
    usable[list(bad)] = False
    if not usable.any():
        raise _nothing_left(files, list(bad.values()))

    targets = list(target.columns) if target else []
    inputs = [name for name in frame.columns if name not in targets and not (pictures and name == pictures.column)]
    columns, numbers, categories = _features(frame.select(inputs), request, decisions)
    if not (numbers or categories or pictures):
        raise _no_input(files, decisions)
    table = pl.DataFrame([tables.ids, *special.values(), *columns, *(labels.columns if labels else ())])
    shown = frame.select(inputs + targets)
    if bad:
        table, shown = table.filter(usable), shown.filter(usable)
    images = None
    if pictures is not None:
        images = FileImages(files, [name for name, is_used in zip(pictures.files, usable, strict=True) if is_used])
    shas = pl.Series(contents(images, decisions)) if images is not None else row_contents(shown)
    return Dataset(
        path=files.path,
        format="table",
        table=table.insert_column(1, shas.alias("content")),
        target=target,
        numbers=numbers,
        categories=categories,
        images=images,
        decisions=tuple(decisions),
        bad=tuple(bad.values()),
    )


def table_names(files: Files) -> list[str]:
    """The tables among the files; a lone .txt file counts, if its lines look like rows."""
    names = [name for name in files.names() if extension(name) in (*TEXT_EXTENSIONS, "parquet")]
    if not names and len(files.names()) == 1 and extension(files.names()[0]) == "txt":
        only = files.names()[0]
        return [only] if looks_delimited(files.read(only), only) else []
    return names


def _parse(files: Files, name: str, max_rows: int | None = None) -> RawTable:
    data = files.read(name)
    if extension(name) != "parquet":
        return parse_delimited(data, name, max_rows, as_numbers=True)
    frame = read_parquet(data, name, max_rows=max_rows)
    plain = [
        column.name for column in frame.iter_columns() if not column.dtype.is_nested() and column.dtype != pl.Binary
    ]
    decisions = [t("'{name}': {rows} rows, {columns} columns.", name=name, rows=frame.height, columns=frame.width)]
    if dropped := [column for column in frame.columns if column not in plain]:
        decisions.append(t("columns with lists or bytes were left out: {columns}.", columns=", ".join(dropped)))
    kept = frame.select(
        (cs.by_name(plain) & (cs.integer() | cs.float())),
        (cs.by_name(plain) - cs.integer() - cs.float()).cast(pl.String),
    )
    return RawTable(clean(kept.select(plain)), np.arange(frame.height) + 1, tuple(decisions))


def _head(files: Files, name: str) -> pl.DataFrame:
    """The first rows."""
    if extension(name) == "parquet":
        return _parse(files, name, SAMPLE_ROWS).frame
    return parse_delimited(files.read(name), name, SAMPLE_ROWS).frame


def _read_all(files: Files, names: Sequence[str], request: Request) -> Tables:
    """Read the one table, or those whose names say train, dev and test."""
    splits = {name: _split_of_name(name) for name in names} if len(names) > 1 else {names[0]: None}
    decisions: list[str] = []
    if len(names) > 1:
        if "train" not in splits.values():
            raise DataError(
                t(
                    "'{path}' holds {count} tables: {names}. Give one of them, or call them train and test.",
                    path=files.path,
                    count=len(names),
                    names=", ".join(names[:10]),
                )
            )
        if others := [name for name in names if splits[name] is None]:
            decisions.append(t("other tables were left alone: {names}.", names=", ".join(others[:10])))
    used = sorted((name for name in names if len(names) == 1 or splits[name]), key=lambda name: splits[name] != "train")
    parts = {name: _parse(files, name) for name in used}
    columns = parts[used[0]].frame.columns
    only_in_train: str | None = None
    for name in used[1:]:
        met = parts[name].frame.columns
        if set(met) == set(columns):
            continue
        lacking = [column for column in columns if column not in met]
        if len(lacking) == 1 and set(met) < set(columns) and request.labelled:
            only_in_train = lacking[0]
            decisions.append(t("'{name}' has no column '{column}': left out.", name=name, column=only_in_train))
            del parts[name]
            continue
        raise DataError(
            t(
                "'{name}' and '{other}' differ in their columns: {columns}.",
                name=name,
                other=used[0],
                columns=", ".join(sorted(set(columns) ^ set(met))[:10]),
            )
        )
    ids = [_row_ids(safe_name(name), part.frame.height) for name, part in parts.items()]
    given = [pl.select(split=pl.repeat(splits[name], part.frame.height)) for name, part in parts.items()]
    return Tables(
        frame=_joined([part.frame.select(columns) for part in parts.values()]),
        ids=pl.concat(ids),
        places=Places(tuple(parts), tuple(part.lines for part in parts.values())),
        splits=pl.concat(given)["split"] if len(parts) > 1 else None,
        only_in_train=only_in_train,
        decisions=(*(sentence for part in parts.values() for sentence in part.decisions), *decisions),
    )


def _joined(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """All rows; a column that is text in one of the files is text."""
    if len(frames) == 1:
        return frames[0]
    differing = [name for name in frames[0].columns if len({frame[name].dtype for frame in frames}) > 1]
    return pl.concat([frame.with_columns(pl.col(differing).cast(pl.String)) for frame in frames])


def _row_ids(name: str, num_rows: int) -> pl.Series:
    """As `manifest.row_ids`."""
    numbers = pl.int_range(num_rows).cast(pl.String)
    return pl.select(pl.concat_str(pl.lit(f"{name}#"), numbers).alias("id")).to_series()


def _as_text(column: pl.Series) -> pl.Series:
    return column if column.dtype == pl.String else column.cast(pl.String)


def _split_of_name(name: str) -> str | None:
    words = re.split(r"[^a-z0-9]+", name.lower())
    return next((SPLIT_OF_FOLDER[word] for word in words if word in SPLIT_OF_FOLDER), None)


def _take_special_columns(
    tables: Tables, asked: str | None, decisions: list[str]
) -> tuple[pl.DataFrame, dict[str, pl.Series]]:
    """Set `split` and `group` columns apart, unless one is the target; rename others that the manifest has itself."""
    frame = tables.frame
    special: dict[str, pl.Series] = {} if tables.splits is None else {"split": tables.splits}
    if "split" in frame.columns and not special and asked != "split":
        values = _as_text(frame["split"]).str.to_lowercase()
        if set(values.unique().to_list()) <= set(SPLIT_OF_FOLDER):
            special["split"] = values.replace_strict(SPLIT_OF_FOLDER).alias("split")
            frame = frame.drop("split")
            decisions.append(t("column 'split' says which rows are train, dev and test."))
    if "group" in frame.columns and asked != "group":
        own = pl.Series([f"#{row}" for row in range(frame.height)])
        given = _as_text(frame["group"])
        special["group"] = pl.select(pl.when(given.is_null()).then(own).otherwise(given).alias("group")).to_series()
        frame = frame.drop("group")
        decisions.append(t("column 'group' keeps its rows together in one split; it is no input."))
    renamed = {name: _own_name(name) for name in frame.columns if name in RESERVED}
    if renamed:
        pairs = ", ".join(f"{old} -> {new}" for old, new in renamed.items())
        decisions.append(t("columns were renamed, since the manifest uses their names: {pairs}.", pairs=pairs))
    return frame.rename(renamed), special


def _own_name(name: str) -> str:
    return name.strip() + "_" if name.strip() in RESERVED else name


def _labels(
    frame: pl.DataFrame,
    pictures: Pictures | None,
    files: Files,
    request: Request,
    tables: Tables,
    splits: pl.Series | None,
) -> Labels:
    columns = [name for name in frame.columns if pictures is None or name != pictures.column]
    if len(frame.columns) < 2 or not columns:
        raise DataError(
            t(
                "'{path}' has one column, '{column}'; training needs at least one input and one target. "
                "Columns are separated by commas, semicolons or tabs.",
                path=files.path,
                column=frame.columns[0][:80],
            )
        )
    asked = request.target
    if asked is not None:
        asked = ",".join(_own_name(name) for name in asked.split(","))
    only_in_train = None if tables.only_in_train is None else _own_name(tables.only_in_train)
    choice = choose_target(columns, asked, files.notes(), only_in_train)
    return read_labels(frame.with_columns(pl.col(choice.columns).cast(pl.String)), choice, request.task, splits)


def _features(
    frame: pl.DataFrame, request: Request, decisions: list[str]
) -> tuple[list[pl.Series], tuple[str, ...], tuple[str, ...]]:
    """Columns as Float64 or String, and which of them are numeric and categorical inputs."""
    columns: list[pl.Series] = []
    numbers: list[str] = []
    categories: list[str] = []
    for column in frame.iter_columns():
        if column.dtype != pl.String and column.name not in request.categories:
            columns.append(_bounded(column.cast(pl.Float64)))
            reason = _why_no_input(column, is_number=True) if request.labelled else None
            if reason is not None:
                decisions.append(reason)
            else:
                numbers.append(column.name)
            continue
        text = _as_text(column)
        values = to_numbers(text)
        wrong = text.filter(values.is_null() & text.is_not_null())
        looks_so = len(wrong) <= (1 - NUMBER_FRACTION) * text.count() and wrong.n_unique() <= 3
        is_number = looks_so and text.name not in request.categories
        columns.append(values if is_number else text)
        if is_number and len(wrong):
            decisions.append(
                t(
                    "column '{column}' is numeric; {count} other entries count as missing: {values}.",
                    column=text.name,
                    count=len(wrong),
                    values=", ".join(wrong.unique().sort().to_list()),
                )
            )
        reason = _why_no_input(text, is_number) if request.labelled else None
        if reason is not None:
            decisions.append(reason)
        else:
            (numbers if is_number else categories).append(text.name)
    return columns, tuple(numbers), tuple(categories)


def _why_no_input(text: pl.Series, is_number: bool) -> str | None:
    """The reason for which a column cannot help on new examples, or None."""
    present = text.count()
    if present == 0:
        return t("column '{column}' is empty: left out.", column=text.name)
    if is_number:
        is_full = present == len(text) and present >= MIN_ROWS_TO_JUDGE
        if is_full and _is_id_name(text) and text.n_unique() == present:
            return t("column '{column}' numbers the rows: left out.", column=text.name)
        return None
    distinct = text.drop_nulls().n_unique()
    if distinct > MAX_LEVELS or (present >= MIN_ROWS_TO_JUDGE and distinct > MAX_LEVEL_FRACTION * present):
        return t(
            "column '{column}' is text with {distinct} different entries in {present} rows: left out.",
            column=text.name,
            distinct=distinct,
            present=present,
        )
    return None


def _is_id_name(text: pl.Series) -> bool:
    """Whether a column of different numbers is called an id, or has no name and counts up."""
    words = re.split(r"[^a-z0-9]+", text.name.lower())
    if {"id", "index", "rownumber", "rownames"} & set(words) or text.name.endswith("ID") or text.name.endswith("Id"):
        return True
    if "unnamed" not in words and words[0] != "column":
        return False
    steps = (to_numbers(text) if text.dtype == pl.String else text.cast(pl.Float64)).diff().drop_nulls()
    return bool((steps == 1).all())


def _bounded(numbers: pl.Series) -> pl.Series:
    """Beyond `LARGEST` infinite, as `to_numbers`."""
    if not (numbers.abs() > LARGEST).any():
        return numbers
    infinite = numbers.sign() * math.inf
    return pl.select(pl.when(numbers.abs() > LARGEST).then(infinite).otherwise(numbers).alias(numbers.name)).to_series()


def _picture_column(frame: pl.DataFrame, files: Files, table: str) -> str | None:
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


def _pictures(frame: pl.DataFrame, files: Files, table: str, decisions: list[str]) -> Pictures | None:
    """The pictures that a column names; None where no column does."""
    column = _picture_column(frame, files, table)
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
    decisions.append(t("column '{column}' names {count} pictures.", column=column, count=len(found) - len(missing)))
    return Pictures(column, found, missing)


def _bad_rows(
    tables: Tables, pictures: Pictures | None, labels: Labels | None, decisions: list[str]
) -> dict[int, BadItem]:
    """Rows that cannot be used: without a picture, or without a label."""
    bad: dict[int, BadItem] = {}
    if pictures is not None:
        bad |= {row: _bad(tables, row, reason, "image.bad") for row, reason in pictures.missing.items()}
    if labels is None:
        return bad
    decisions += labels.decisions
    unlabelled = {row: _bad(tables, row, reason, "target.missing") for row, reason in labels.problems.items()}
    if unlabelled:
        count, first = len(unlabelled), next(iter(unlabelled.values())).reason
        decisions.append(
            t(
                "rows without a usable target, left out: {count} of {rows}. {reason}",
                count=count,
                rows=tables.frame.height,
                reason=first,
            )
        )
    return bad | unlabelled


def _bad(tables: Tables, row: int, reason: str, code: str) -> BadItem:
    file, line = tables.places.row(row)
    sentence = t("'{file}' line {line}: {reason}.", file=file, line=line, reason=reason)
    return BadItem(-1, tables.ids[row], sentence, code)


def _no_input(files: Files, decisions: Sequence[str]) -> DataError:
    return DataError(
        t(
            "'{path}' has no column left to predict from. {reasons} Add columns of numbers or categories.",
            path=files.path,
            reasons=" ".join(decisions[-3:]),
        )
    )


def _nothing_left(files: Files, bad: Sequence[BadItem]) -> DataError:
    reason = bad[0].reason if bad else t("There is a header, but no row.")
    return DataError(t("no row of '{path}' can be used. {reason}", path=files.path, reason=reason))


formats.register("table")(Reader(recognizes, read))
