"""T14 of RELIABILITY.md: 60 bad tables, made from real ones. Each is mended or refused by file, line and column.

A case changes the bytes of a slice of California housing or adult income, and says what must follow: the entries as
they must be read, the rows that must be named, or the refusal. In every case rows met = rows used + rows named.
"""

import codecs
import csv
import gzip
import io
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import polars as pl
import pytest

from rumbo.api.config import RunConfig
from rumbo.api.prepare import prepare
from rumbo.core.errors import DataError, UsageError
from rumbo.data import check_data, make_split, open_data
from rumbo.data.manifest import TargetKind
from rumbo.data.options import SplitOptions

NUM_ROWS = 200
QUICK = SplitOptions(near_duplicates=False)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A bad table and what must become of it.

    Attributes:
        make: from the lines of the real table (header first, where it has one) to the bytes of the file.
        table: `housing` (header, 10 columns, a numeric target) or `adult` (none, 15 columns, two classes).
        rows: rows that the file has.
        bad: the lines of rows that must be named as unusable, with a word of the reason.
        refused: words of the refusal; the file's name is always among them.
        said: words that must stand in a decision or a finding.
        codes: codes that a finding must have.
        values: (column, row) -> the entry as it must be read.
        same: whether every entry must be as in the real table.
        target: asked for.
        task: asked for.
        name: of the file.
    """

    make: Callable[[list[str]], bytes | str]
    table: str = "housing"
    rows: int = NUM_ROWS
    bad: dict[int, str] = field(default_factory=dict)
    refused: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    values: dict[tuple[str, int], object] = field(default_factory=dict)
    same: bool = False
    target: str | None = "median_house_value"
    task: str | None = None
    name: str = "real.csv"


def text(lines, ending="\n"):
    """Lines as a file."""
    return ending.join(lines) + ending


def entry(line, column, value):
    """A function that writes a value into a line (from 1) and column (from 0) of a comma-separated table."""

    def made(lines):
        fields = lines[line - 1].split(",")
        fields[column] = value(fields[column]) if callable(value) else value
        return text([*lines[: line - 1], ",".join(fields), *lines[line:]])

    return made


def column(place, value):
    """A function that makes every entry of a column anew, from (old, row)."""

    def made(lines):
        split = [line.split(",") for line in lines[1:]]
        for row, fields in enumerate(split):
            fields[place] = value(fields[place], row)
        return text([lines[0], *(",".join(fields) for fields in split)])

    return made


def added(name, value):
    """A function that adds a column before the target, from (fields, row)."""

    def made(lines):
        body = [f"{value(line.split(','), row)},{line}" for row, line in enumerate(lines[1:])]
        return text([f"{name},{lines[0]}", *body])

    return made


def rewritten(**style):
    """The table written by csv with another style."""

    def made(lines):
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\n", **style).writerows(csv.reader(lines))
        return buffer.getvalue()

    return made


def decimal_commas(lines):
    """Semicolons, and commas for points."""
    return text([line.replace(",", ";").replace(".", ",") for line in lines])


def grouped(lines):
    """Semicolons, decimal commas, points between thousands."""
    rows = [line.split(",") for line in lines]
    for fields in rows[1:]:
        fields[3] = f"{float(fields[3]):,.1f}".replace(",", " ").replace(".", ",").replace(" ", ".")
        fields[:3] = [value.replace(".", ",") for value in fields[:3]]
        fields[4:9] = [value.replace(".", ",") for value in fields[4:9]]
    return text([";".join(fields) for fields in rows])


def with_line(place, line):
    """A function that puts a line in."""
    return lambda lines: text([*lines[:place], line, *lines[place:]])


CASES = {
    # encodings and line ends
    "utf-8 with a mark": Case(make=lambda lines: codecs.BOM_UTF8 + text(lines).encode(), same=True),
    "utf-16 little": Case(make=lambda lines: text(lines).encode("utf-16"), same=True, said=("utf-16",)),
    "utf-16 big": Case(
        make=lambda lines: codecs.BOM_UTF16_BE + text(lines).encode("utf-16-be"), same=True, said=("utf-16",)
    ),
    "cp1252": Case(
        make=lambda lines: entry(4, 9, "BAHÍA")(lines).encode("cp1252"),
        values={("ocean_proximity", 2): "BAHÍA"},
        said=("cp1252",),
    ),
    "latin-1 control byte": Case(
        make=lambda lines: entry(4, 9, "BAH\x81A")(lines).encode("latin-1"), said=("latin-1",)
    ),
    "windows line ends": Case(make=lambda lines: text(lines, "\r\n"), same=True),
    "old mac line ends": Case(make=lambda lines: text(lines, "\r"), same=True),
    "mixed line ends": Case(
        make=lambda lines: "".join(line + ("\r\n", "\n", "\r")[row % 3] for row, line in enumerate(lines)), same=True
    ),
    "no last line end": Case(make=lambda lines: "\n".join(lines), same=True),
    "blank lines": Case(make=lambda lines: text(lines, "\n\n\n"), same=True),
    "gzip": Case(make=lambda lines: gzip.compress(text(lines).encode()), same=True, name="real.csv.gz"),
    "gzip cut short": Case(
        make=lambda lines: gzip.compress(text(lines).encode())[:-300], refused=("damaged",), name="real.csv.gz"
    ),
    # separators and quotes
    "semicolons": Case(make=lambda lines: text(lines).replace(",", ";"), same=True, said=("semicolons",)),
    "tabs": Case(make=lambda lines: text(lines).replace(",", "\t"), same=True, said=("tabs",)),
    "spaces after commas": Case(make=lambda lines: text(lines).replace(",", ",  "), same=True),
    "all quoted": Case(make=rewritten(quoting=csv.QUOTE_ALL), same=True),
    "quoted line end": Case(
        make=entry(4, 9, '"NEAR\nBAY"'), values={("ocean_proximity", 2): "NEAR\nBAY", ("longitude", 3): -122.25}
    ),
    "quoted separator": Case(make=entry(4, 9, '"NEAR, BAY"'), values={("ocean_proximity", 2): "NEAR, BAY"}),
    "doubled quotes": Case(make=entry(4, 9, '"THE ""BAY"""'), values={("ocean_proximity", 2): 'THE "BAY"'}),
    "quote never closed": Case(make=entry(4, 9, '"NEAR BAY'), refused=("line 4", "quote")),
    "decimal commas": Case(make=decimal_commas, same=True, said=("decimal commas",)),
    "thousands points": Case(make=grouped, same=True, said=("decimal commas",)),
    "thousands commas in quotes": Case(
        make=column(3, lambda old, row: f'"{float(old):,.0f}"'), codes=("feature.text_numbers",)
    ),
    # shape
    "too many fields": Case(
        make=lambda lines: text([*lines[:7], lines[7] + ",9", *lines[8:]]), refused=("line 8", "11")
    ),
    "too few fields": Case(
        make=lambda lines: text([*lines[:7], lines[7].rpartition(",")[0], *lines[8:]]), refused=("line 8", "9")
    ),
    "only a header": Case(make=lambda lines: text(lines[:1]), refused=("no row",)),
    "empty": Case(make=lambda lines: b"", refused=("empty",)),
    "blank": Case(make=lambda lines: b"\n \n\n", refused=("empty",)),
    "one column": Case(
        make=lambda lines: text([line.split(",")[0] for line in lines]), target=None, refused=("one column",)
    ),
    "no header": Case(make=lambda lines: text(lines[1:]), target="column_9", said=("without a header",)),
    "header twice in names": Case(
        make=lambda lines: text([lines[0].replace("latitude", "longitude"), *lines[1:]]),
        values={("longitude_2", 0): 37.88},
    ),
    "empty name": Case(
        make=lambda lines: text([lines[0].replace("latitude", ""), *lines[1:]]), values={("column_2", 0): 37.88}
    ),
    "header repeated below": Case(
        make=lambda lines: with_line(100, lines[0])(lines), rows=NUM_ROWS + 1, bad={101: "median_house_value"}
    ),
    "reserved names": Case(
        make=lambda lines: text([lines[0].replace("latitude", "id").replace("households", "content"), *lines[1:]]),
        values={("id_", 0): 37.88},
        said=("renamed",),
    ),
    # bytes that are no table
    "NUL byte": Case(make=entry(4, 9, "NEAR\0BAY"), refused=("line 4", "NUL")),
    "binary junk": Case(make=lambda lines: bytes(range(256)) * 40, refused=("NUL",)),
    "a picture called csv": Case(
        make=lambda lines: b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(250)) * 20, refused=("NUL",)
    ),
    "damaged parquet": Case(make=lambda lines: b"PAR1" + b"\1" * 300, refused=("Parquet",), name="real.parquet"),
    "huge field": Case(make=entry(4, 9, "B" * 200_000), refused=("field",)),
    # entries of inputs
    "NaN": Case(make=entry(4, 3, "NaN"), values={("total_rooms", 2): None}, codes=("feature.missing",)),
    "inf": Case(make=entry(4, 3, "inf"), values={("total_rooms", 2): float("inf")}, codes=("feature.infinite",)),
    "1e400": Case(make=entry(4, 3, "1e400"), values={("total_rooms", 2): float("inf")}, codes=("feature.infinite",)),
    "empty entry": Case(make=entry(4, 3, ""), values={("total_rooms", 2): None}, codes=("feature.missing",)),
    "a word among numbers": Case(
        make=entry(4, 3, "many"), values={("total_rooms", 2): None}, said=("total_rooms", "many")
    ),
    "half numbers half words": Case(
        make=column(3, lambda old, row: old if row % 2 else f"room{row % 9}"), codes=("feature.mixed",)
    ),
    "unicode minus": Case(
        make=column(0, lambda old, row: old.replace("-", "\N{MINUS SIGN}")), values={("longitude", 0): -122.23}
    ),
    "plus signs": Case(make=column(1, lambda old, row: f"+{old}"), same=True),
    "leading zeros": Case(make=column(2, lambda old, row: f"00{old}"), same=True),
    "booleans": Case(
        make=added("near", lambda fields, row: ("True", "FALSE", "true")[row % 3]), codes=("feature.case_variants",)
    ),
    "dates": Case(
        make=added("when", lambda fields, row: f"19{50 + row % 50}-0{1 + row % 9}-11"), codes=("feature.dates",)
    ),
    "sentinel": Case(
        make=column(2, lambda old, row: "-9999" if row % 20 == 0 else old), codes=("feature.sentinel",)
    ),
    "unit mistake": Case(make=entry(4, 7, lambda old: f"{float(old) * 1000:.1f}"), codes=("feature.outlier",)),
    "constant column": Case(make=column(2, lambda old, row: "7"), codes=("feature.constant",)),
    "empty column": Case(make=column(2, lambda old, row: ""), said=("housing_median_age", "empty")),
    "target leak": Case(
        make=added("tax", lambda fields, row: float(fields[8]) * 0.01 + 5), codes=("feature.leak",)
    ),
    "row numbers": Case(make=added("nr", lambda fields, row: row), codes=("feature.row_number",)),
    "repeated rows": Case(
        make=lambda lines: text([*lines, *lines[1:11]]), rows=NUM_ROWS + 10, codes=("dup.exact",)
    ),
    # the target
    "target empty": Case(make=entry(4, 8, ""), bad={4: "median_house_value"}),
    "target no number": Case(make=entry(4, 8, "dear"), bad={4: "'dear'"}),
    "target infinite": Case(make=entry(4, 8, "1e400"), bad={4: "'1e400'"}),
    "target unknown name": Case(make=text, target="median_house_valu", refused=("median_house_value",)),
    "class in two spellings": Case(
        make=lambda lines: text([*lines[:3], lines[3].replace("<=50K", "<=50k").replace(">50K", ">50k"), *lines[4:]]),
        table="adult",
        target=None,
        codes=("class.case_variants",),
    ),
    "class empty": Case(
        make=lambda lines: text([*lines[:3], lines[3].rpartition(",")[0] + ", ?", *lines[4:]]),
        table="adult",
        target=None,
        bad={4: "column_15"},
    ),
}  # fmt: skip


def real_lines(shared_data, name):
    """A slice of a real table: NUM_ROWS rows in a mixed order, after the header where there is one."""
    if name == "housing":
        header, *lines = (shared_data / "california_housing/housing.csv").read_text().splitlines()
        head, lines = [header], [line for line in lines if ",," not in line]
    else:
        packed = (shared_data / "adult_income/adult-train.csv.gz").read_bytes()
        head, lines = [], [line for line in gzip.decompress(packed).decode().splitlines() if "?" not in line]
    rows = np.random.default_rng(0).permutation(np.arange(4, len(lines)))[: NUM_ROWS - 4]
    return [*head, *lines[:4], *(lines[row] for row in rows)]  # the first ones are named in the cases


@pytest.mark.parametrize("name", CASES)
def test_a_bad_table_is_mended_or_refused(name, shared_data, tmp_path):
    case = CASES[name]
    lines = real_lines(shared_data, case.table)
    made = case.make(list(lines))
    (tmp_path / case.name).write_bytes(made if isinstance(made, bytes) else made.encode())
    if case.refused:
        with pytest.raises((DataError, UsageError)) as met:
            open_data(tmp_path / case.name, target=case.target, task=case.task)
        for word in case.refused:
            assert word in str(met.value)
        return
    data = open_data(tmp_path / case.name, target=case.target, task=case.task)
    assert len(data) + len(data.bad) == case.rows
    assert len(data.bad) == len(case.bad)
    for item, (line, word) in zip(data.bad, case.bad.items(), strict=True):
        assert f"'{case.name}' line {line}:" in item.reason
        assert word in item.reason
    split = make_split(data, QUICK, 0)
    assert sum(len(split.rows(data, part)) for part in ("train", "dev", "test")) == len(data)
    report = check_data(data, split)
    said = " ".join([*data.decisions, *(f"{found.message} {found.done}" for found in report.findings)])
    for word in case.said:
        assert word in said
    codes = {found.code for found in report.findings}
    assert set(case.codes) <= codes
    if case.bad:
        assert "target.missing" in codes
        assert report.counts["bad"] == len(case.bad)
    for (column_name, row), value in case.values.items():
        assert data.table[column_name][row] == value
    if case.same:
        (tmp_path / "clean").mkdir()
        (tmp_path / "clean/real.csv").write_text(text(lines))
        clean = open_data(tmp_path / "clean/real.csv", target=case.target)
        assert data.table.drop("id", "content").equals(clean.table.drop("id", "content"))
        assert (data.numbers, data.categories) == (clean.numbers, clean.categories)


def test_there_are_60_cases():
    assert len(CASES) >= 60


def adults_with_splits(shared_data, tmp_path, pay="unpaid"):
    """Train and test of adult income; a row of the test has a work, and perhaps a pay, that train lacks."""
    lines = real_lines(shared_data, "adult")
    (tmp_path / "train.csv").write_text(text(lines[:150]))
    fields = lines[160].split(", ")
    fields[1], fields[-1] = "Astronaut", pay
    (tmp_path / "test.csv").write_text(text([*lines[150:160], ", ".join(fields), *lines[161:]]))
    return open_data(tmp_path)


def test_a_class_of_test_that_train_lacks_is_no_class_0(shared_data, tmp_path):
    """Mutant: an unknown class mapped to 0."""
    data = adults_with_splits(shared_data, tmp_path)
    report = check_data(data, make_split(data, QUICK, 0))
    (found,) = [finding for finding in report.findings if finding.code == "class.missing_in_train"]
    assert (found.severity, found.items) == ("error", ("unpaid",))
    assert report.counts["classes"]["train"]["unpaid"] == 0
    assert report.counts["classes"]["test"]["unpaid"] == 1
    with pytest.raises(DataError, match="unpaid"):
        report.raise_errors()


def test_levels_are_those_of_train_only(shared_data, tmp_path):
    """Mutant: label encoding over all splits."""
    data = adults_with_splits(shared_data, tmp_path, pay="<=50K")
    prepared = prepare(RunConfig(path=str(tmp_path), seed=1), base=tmp_path)
    (work,) = [column for column in prepared.trained.preprocess.categories if column.name == "column_2"]
    assert "Private" in work.levels
    assert "Astronaut" not in work.levels
    row = int(np.flatnonzero((data.table["column_2"] == "Astronaut").to_numpy())[0])
    _, codes = prepared.trained.preprocess.table_inputs(data.table[row : row + 1])
    assert codes[0, prepared.trained.preprocess.category_names.index("column_2")] == 0


def test_rows_with_missing_inputs_are_kept(shared_data, tmp_path):
    """Mutant: `dropna()`."""
    lines = real_lines(shared_data, "housing")
    holes = [lines[0], *(entry(1, 3 + row % 4, "")([line]).strip() for row, line in enumerate(lines[1:]))]
    (tmp_path / "real.csv").write_text(text(holes))
    data = open_data(tmp_path / "real.csv", target="median_house_value")
    assert (len(data), data.bad, data.target.kind) == (NUM_ROWS, (), TargetKind.NUMBER)
    assert data.table.select(pl.sum_horizontal(pl.col(data.numbers).is_null())).to_series().to_list() == [1] * NUM_ROWS
