"""Text tables as people have them: commas, semicolons or tabs, decimal commas, any usual encoding, header or none."""

import contextlib
import csv
import io
import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import polars.selectors as cs

from rumbo.core.errors import DataError
from rumbo.core.messages import t
from rumbo.data.files import gunzipped
from rumbo.data.target import MISSING, NUMBER_FRACTION

SAMPLE_LINES = 100
CHUNK_ROWS = 50_000
LARGE_BYTES = 8 * 2**20
"""Files beyond are read by polars' reader where it gives the same."""
HEAD_BYTES = 2**18
MIN_ALIKE = 0.8
"""Share of lines with the usual number of fields from which a .txt file is taken for a table."""
_DELIMITERS = "\t;,"
_ENCODINGS_BY_MARK = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


@dataclass(frozen=True)
class RawTable:
    """A table of text, stripped, null where missing.

    Attributes:
        frame: columns of String; Float64 where large files were read as numbers on request.
        lines: the line of the file, from 1, that each row ends on; the row's number where files have no lines.
        decisions: what was found out, finished sentences.
    """

    frame: pl.DataFrame
    lines: np.ndarray
    decisions: tuple[str, ...] = ()


def parse_delimited(data: bytes, name: str, max_rows: int | None = None, *, as_numbers: bool = False) -> RawTable:
    """Read a CSV or TSV file, gzipped or not.

    Args:
        data: the file's bytes.
        name: for messages.
        max_rows: stop after so many rows, to look at the columns only; the rest of a large file is not decoded.
        as_numbers: in a file beyond `LARGE_BYTES`, columns of numbers without an exception may be Float64.

    Raises:
        DataError: empty, not text, or a line with another number of fields; the message names file and line.
    """
    data = gunzipped(data if max_rows is None else _head(data), name)
    text, encoding = _text(data, name)
    try:
        if max_rows is None and len(data) > LARGE_BYTES:
            data = data if encoding == "utf-8" else text.encode()
            if (table := _parse_large(data, encoding, name, as_numbers)) is not None:
                return table
        return _parse(text, encoding, name, max_rows)
    except csv.Error as problem:
        reason = t("a field is longer than {limit} characters", limit=csv.field_size_limit())
        if "field larger" not in str(problem):
            reason = t("its quotes or line ends are faulty")
        raise DataError(t("'{name}' cannot be read as a table: {problem}.", name=name, problem=reason)) from problem


def looks_delimited(data: bytes, name: str) -> bool:
    """Whether nearly all first lines have the same number of fields, above one: rows rather than prose."""
    try:
        text, _ = _text(gunzipped(_head(data), name), name)
        return max(_score(text, delimiter)[0] for delimiter in _DELIMITERS) >= MIN_ALIKE
    except (DataError, csv.Error):
        return False


def _head(data: bytes) -> bytes:
    """Whole lines at the beginning of a large file, unpacked."""
    if data.startswith(b"\x1f\x8b"):
        with contextlib.suppress(zlib.error):
            data = zlib.decompressobj(wbits=31).decompress(data, HEAD_BYTES)
    if len(data) < HEAD_BYTES or (end := data.rfind(b"\n", 0, HEAD_BYTES)) <= 0:
        return data
    return data[: end + 1 + (data[:2] == b"\xff\xfe")]


def _parse(text: str, encoding: str, name: str, max_rows: int | None) -> RawTable:
    delimiter = _sniff_delimiter(text)
    sample = [row for _, row in _rows(text, delimiter, SAMPLE_LINES)]
    if not sample:
        raise DataError(t("'{name}' is empty: a table needs a line for each example.", name=name))
    has_header = _has_header(sample)
    header = _column_names(sample[0] if has_header else [""] * len(sample[0]))
    frame, lines = _frame(_rows(text, delimiter, max_rows), header, skip=int(has_header), name=name)
    if max_rows is None:
        _refuse_open_quote(text, frame, lines, name)
    return _table(frame, lines, delimiter, has_header, encoding, name)


def _refuse_open_quote(text: str, frame: pl.DataFrame, lines: np.ndarray, name: str) -> None:
    """A quote that is never closed makes one field of all that follows: rows would be lost without a word."""
    last = None if frame.is_empty() else frame[-1, -1]
    if last is not None and "\n" in last and not text.rstrip().endswith('"'):
        line = int(lines[-2]) + 1 if len(lines) > 1 else 1
        raise DataError(
            t("'{name}' line {line} opens a quote that is never closed. Close or remove it.", name=name, line=line)
        )


def _parse_large(data: bytes, encoding: str, name: str, as_numbers: bool) -> RawTable | None:
    """The same table as `_parse` gives, by polars' reader, many times faster; None where only `_parse` reads it right.

    That is: with quotes, blank lines, one column, or lines of another length.
    """
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n")
    if b'"' in data or b"\r" in data or b"\n\n" in data or data[:1] == b"\n":
        return None
    head = _head(data).decode()
    delimiter = _sniff_delimiter(head)
    sample = [row for _, row in _rows(head, delimiter, SAMPLE_LINES)]
    if not sample or not head.partition("\n")[0].replace(delimiter, "").strip():  # the header comes later
        return None
    has_header, width = _has_header(sample), len(sample[0])
    num_rows = data.count(b"\n") + (not data.endswith(b"\n")) - has_header
    # Too many fields are an error below; so with the right number of separators no line has too few.
    if width == 1 or data.count(delimiter.encode()) != (width - 1) * (num_rows + has_header):
        return None
    header = _column_names(sample[0] if has_header else [""] * width)
    numeric = [
        name for position, name in enumerate(header) if as_numbers and _is_quantity(sample[has_header:], position)
    ]
    frame = _read_with_polars(data, delimiter, has_header, header, numeric)
    if frame is None or frame.height != num_rows:
        return None
    frame = clean(frame)
    if frame.select(pl.all_horizontal(pl.all().is_null()).any()).item():  # perhaps a line of separators only
        return None
    lines = np.arange(1 + has_header, num_rows + 1 + has_header)
    return _table(frame, lines, delimiter, has_header, encoding, name)


def _read_with_polars(
    data: bytes, delimiter: str, has_header: bool, header: Sequence[str], numeric: Sequence[str]
) -> pl.DataFrame | None:
    """All columns as text, those named as numbers as Float64 unless one entry is none."""
    for columns in (numeric, []):
        try:
            return pl.read_csv(
                data,
                separator=delimiter,
                has_header=False,
                skip_rows=int(has_header),
                new_columns=list(header),
                schema_overrides=[pl.Float64 if name in columns else pl.String for name in header],
                quote_char=None,
            )
        except pl.exceptions.PolarsError:
            continue
    return None


def _is_quantity(rows: Sequence[Sequence[str]], position: int) -> bool:
    """Whether the first entries are numbers that mean a quantity; codes such as 007 stay the text that they are."""
    entries = {row[position] for row in rows if position < len(row) and row[position]}
    try:
        finite = all(math.isfinite(float(entry)) for entry in entries)
    except ValueError:
        return False
    whole = [entry for entry in entries if entry.lstrip("-").isdecimal()]
    return (
        finite and bool(entries) and (not whole or (len(entries) > 20 and all(str(int(one)) == one for one in whole)))
    )


def _table(
    frame: pl.DataFrame, lines: np.ndarray, delimiter: str, has_header: bool, encoding: str, name: str
) -> RawTable:
    """The table with what was found out."""
    frame, has_comma = _without_decimal_commas(frame, delimiter)
    decisions = [
        t(
            "'{name}': {rows} rows, {columns} columns, separated by {delimiter}, {header}.",
            name=name,
            rows=frame.height,
            columns=frame.width,
            delimiter={"\t": t("tabs"), ";": t("semicolons"), ",": t("commas")}[delimiter],
            header=t("with a header") if has_header else t("without a header: columns are named by position"),
        )
    ]
    if encoding not in ("utf-8", "utf-8-sig"):
        decisions.append(t("'{name}' is no UTF-8: read as {encoding}.", name=name, encoding=encoding))
    if has_comma:
        decisions.append(t("'{name}' has decimal commas: 1,5 was read as 1.5.", name=name))
    return RawTable(frame, lines, tuple(decisions))


def clean(frame: pl.DataFrame) -> pl.DataFrame:
    """Strip padding; entries that mean "not known" become null."""
    numbers, text = cs.float(), cs.string()
    return frame.with_columns(text.str.strip_chars(), numbers.fill_nan(None)).with_columns(
        pl.when(text.str.to_lowercase().is_in(MISSING)).then(None).otherwise(text).name.keep()
    )


def _text(data: bytes, name: str) -> tuple[str, str]:
    marked = [code for mark, code in _ENCODINGS_BY_MARK.items() if data.startswith(mark)]
    for encoding in (*(marked or ("utf-8", "cp1252")), "latin-1"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            line = text[: text.index("\0")].count("\n") + 1
            raise DataError(t("'{name}' line {line} has a NUL byte: this is no text table.", name=name, line=line))
        return text, encoding
    raise AssertionError("latin-1 has a letter for every byte")


def _rows(text: str, delimiter: str, limit: int | None = None) -> Iterator[tuple[int, list[str]]]:
    """(line, fields) of each row that is not blank."""
    # A StringIO takes four bytes a character.
    lines = io.TextIOWrapper(io.BytesIO(text.encode()), "utf-8", newline="")
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    for count, row in enumerate(row for row in reader if any(field.strip() for field in row)):
        if limit is not None and count >= limit:
            return
        yield reader.line_num, row


def _sniff_delimiter(text: str) -> str:
    """The separator that gives the same number of fields, above one, in the most of the first lines."""
    head = text[: 2**20]
    best = max(_DELIMITERS, key=lambda delimiter: _score(head, delimiter)[0])  # ties: a tab, then a semicolon
    return best if _score(head, best)[0] > 0 else ","


def _score(head: str, delimiter: str) -> tuple[float, int]:
    """The share of the first lines with the usual number of fields, and that number; 0 when it is one."""
    widths = [len(row) for _, row in _rows(head, delimiter, SAMPLE_LINES)]
    if not widths or max(widths) == 1:
        return 0.0, 0
    usual = max(set(widths), key=lambda width: (widths.count(width), width))
    return (widths.count(usual) / len(widths), usual) if usual > 1 else (0.0, 0)


def _has_header(sample: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names columns: text above columns of numbers, or words that do not recur below."""
    first, body = [field.strip() for field in sample[0]], sample[1:]
    if not body:
        return not any(_is_number(field) for field in first)
    if first == [str(number) for number in range(len(first))]:  # as data frames without names are written
        return True
    votes = 0
    for position, field in enumerate(first):
        below = [row[position].strip() for row in body if position < len(row)]
        present = [value for value in below if value.lower() not in MISSING]
        if present and sum(map(_is_number, present)) > 0.9 * len(present) and field.lower() not in MISSING:
            votes += -1 if _is_number(field) else 1
    if votes:
        return votes > 0
    recurs = any(field in {row[i].strip() for row in body if i < len(row)} for i, field in enumerate(first) if field)
    return not recurs and len(set(first)) == len(first)


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", ".", 1))
    except ValueError:
        return False
    return True


def _column_names(header: Sequence[str]) -> list[str]:
    """Names for all columns: empty ones by position, repeated ones numbered."""
    names: list[str] = []
    for position, field in enumerate(header, start=1):
        name = wanted = field.strip() or f"column_{position}"
        repeat = 2
        while name in names:
            name, repeat = f"{wanted}_{repeat}", repeat + 1
        names.append(name)
    return names


def _frame(
    rows: Iterator[tuple[int, list[str]]], header: list[str], skip: int, name: str
) -> tuple[pl.DataFrame, np.ndarray]:
    """All rows as columns of text, and the line of each."""
    frames: list[pl.DataFrame] = []
    lines: list[int] = []
    chunk: list[list[str]] = []
    for count, (line, row) in enumerate(rows):
        if count < skip:
            continue
        if len(row) != len(header):
            raise _wrong_width(name, line, len(row), len(header))
        lines.append(line)
        chunk.append(row)
        if len(chunk) == CHUNK_ROWS:
            frames.append(_columns(header, chunk))
            chunk = []
    frames.append(_columns(header, chunk))
    return clean(pl.concat(frames)), np.array(lines, dtype=np.int64)


def _columns(header: list[str], rows: list[list[str]]) -> pl.DataFrame:
    values = list(zip(*rows, strict=True)) or [()] * len(header)
    return pl.DataFrame({name: pl.Series(column, dtype=pl.String) for name, column in zip(header, values, strict=True)})


def _wrong_width(name: str, line: int, met: int, expected: int) -> DataError:
    return DataError(
        t(
            "'{name}' line {line} has {met} fields; the lines before have {expected}. "
            "Correct the line; text with a separator in it needs quotes.",
            name=name,
            line=line,
            met=met,
            expected=expected,
        )
    )


def _without_decimal_commas(frame: pl.DataFrame, delimiter: str) -> tuple[pl.DataFrame, bool]:
    """Turn `1.234,5` into `1234.5` in columns that hold hardly anything else; other entries stay, to be named."""
    if delimiter == ",":
        return frame, False
    changed = []
    for column in frame.iter_columns():
        if column.dtype != pl.String:
            continue
        present = column.drop_nulls()
        pattern = r"^[+-]?(\d+|\d{1,3}(\.\d{3})+)?(,\d+)?([eE][+-]?\d+)?$"
        fits = present.str.contains(pattern)
        has_comma = (fits & present.str.contains(",", literal=True)).any()
        if has_comma and fits.sum() >= NUMBER_FRACTION * len(present):
            plain = pl.col(column.name).str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
            is_number = pl.col(column.name).str.contains(pattern)
            changed.append(pl.when(is_number).then(plain).otherwise(pl.col(column.name)).alias(column.name))
    return frame.with_columns(changed), bool(changed)
