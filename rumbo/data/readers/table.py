"""Tables: CSV, TSV, Parquet; features of mixed type; or a column of picture files with labels and further features."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import polars.selectors as cs

from rumbo.core.errors import DataError, unknown_name
from rumbo.core.messages import t
from rumbo.data.delimited import RawTable, clean, looks_delimited, parse_delimited
from rumbo.data.files import Files, extension, picture_names, safe_name
from rumbo.data.fingerprints import row_contents
from rumbo.data.manifest import RESERVED, Dataset
from rumbo.data.pictures.decode import BadItem
from rumbo.data.pictures.images import FileImages
from rumbo.data.readers import Reader, Request, formats
from rumbo.data.readers.features import as_text, features
from rumbo.data.readers.folders import SPLIT_OF_FOLDER
from rumbo.data.readers.image_folder import contents
from rumbo.data.readers.named_pictures import NamedPictures, named_pictures, picture_column
from rumbo.data.readers.weights import read_weights
from rumbo.data.target import Labels, choose_target, read_labels
from rumbo.ops.parquet import read_parquet

TEXT_EXTENSIONS = ("csv", "tsv", "tab", "data")
SAMPLE_ROWS = 50


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


def recognizes(files: Files) -> bool:
    """Whether there is a table; beside pictures, only one that names them."""
    names = table_names(files)
    if not names or not picture_names(files.names()):
        return bool(names)
    heads = {name: _head(files, name) for name in names[:3]}
    return any(picture_column(head, files, name) is not None for name, head in heads.items())


def read(files: Files, request: Request) -> Dataset:
    """The manifest of a table."""
    names = table_names(files)
    tables = _read_all(files, names, request)
    if tables.frame.is_empty():
        raise _nothing_left(files, [])
    decisions = list(tables.decisions)
    tables, given = _take_weights(tables, request.weights, decisions)
    frame, special = _take_special_columns(tables, request.target, decisions)
    special |= given
    pictures = named_pictures(frame, files, names[0], decisions)
    labels = _labels(frame, pictures, files, request, tables, special.get("split")) if request.labelled else None
    target = labels.target if labels else None
    bad = _bad_rows(tables, pictures, labels, decisions)
    usable = np.ones(frame.height, dtype=bool)
    usable[list(bad)] = False
    if not usable.any():
        raise _nothing_left(files, list(bad.values()))

    targets = list(target.columns) if target else []
    inputs = [name for name in frame.columns if name not in targets and not (pictures and name == pictures.column)]
    columns, numbers, categories = features(frame.select(inputs), request, decisions)
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


def _split_of_name(name: str) -> str | None:
    words = re.split(r"[^a-z0-9]+", name.lower())
    return next((SPLIT_OF_FOLDER[word] for word in words if word in SPLIT_OF_FOLDER), None)


def _take_weights(tables: Tables, column: str | None, decisions: list[str]) -> tuple[Tables, dict[str, pl.Series]]:
    """Set the column of weights apart."""
    if column is None:
        return tables, {}
    if column not in tables.frame.columns:
        raise unknown_name("column", column, tables.frame.columns)
    found = read_weights(tables.frame[column], tables.places.row)
    decisions.append(
        t(
            "column '{column}' says how much each example counts, from {low:g} to {high:g}; it is no input.",
            column=column,
            low=found.min(),
            high=found.max(),
        )
    )
    return replace(tables, frame=tables.frame.drop(column)), {"weight": found.alias("weight")}


def _take_special_columns(
    tables: Tables, asked: str | None, decisions: list[str]
) -> tuple[pl.DataFrame, dict[str, pl.Series]]:
    """Set `split` and `group` columns apart, unless one is the target; rename others that the manifest has itself."""
    frame = tables.frame
    special: dict[str, pl.Series] = {} if tables.splits is None else {"split": tables.splits}
    if "split" in frame.columns and not special and asked != "split":
        values = as_text(frame["split"]).str.to_lowercase()
        if set(values.unique().to_list()) <= set(SPLIT_OF_FOLDER):
            special["split"] = values.replace_strict(SPLIT_OF_FOLDER).alias("split")
            frame = frame.drop("split")
            decisions.append(t("column 'split' says which rows are train, dev and test."))
    if "group" in frame.columns and asked != "group":
        own = pl.Series([f"#{row}" for row in range(frame.height)])
        given = as_text(frame["group"])
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
    pictures: NamedPictures | None,
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


def _bad_rows(
    tables: Tables, pictures: NamedPictures | None, labels: Labels | None, decisions: list[str]
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
