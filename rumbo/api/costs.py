"""A matrix of costs read from a table: a row for each true class, a column for each predicted one."""

import csv
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rumbo.core.errors import DataError, UsageError, os_reason, unknown_name
from rumbo.core.messages import t
from rumbo.metrics.costs import checked_costs, usual_costs

MOST_BYTES = 2**24


def read_costs(path: str | Path, classes: Sequence[str]) -> np.ndarray:
    """Read what mistakes cost from a CSV file with `,`, `;` or tabs.

    The first line names predicted classes, the first column true ones. Cells that are empty, and classes that are not
    there, have the usual costs: 0 for what is right, 1 for a mistake.

    Args:
        path: the file.
        classes: all names, in the order of their codes.

    Returns:
        float64, k x k.

    Raises:
        UsageError: there is no such file, or it names a class that the data lack.
        DataError: a cell is no cost, or the whole is no matrix that one could learn by; file and line are named.
    """
    rows = _rows(path)
    header = [cell.strip() for cell in rows[0][1]][1:]
    columns = _places(header, classes, path, rows[0][0])
    if not columns:
        raise DataError(t("'{path}' names no class in its first line: the predicted ones stand there.", path=str(path)))
    costs, seen = usual_costs(len(classes)), set[str]()
    for line, cells in rows[1:]:
        name = cells[0].strip()
        (row,) = _places([name], classes, path, line)
        if name in seen or len(cells) != len(columns) + 1:
            raise DataError(
                t(
                    "'{path}' line {line}: each true class has one line with {count} cells, its name first.",
                    path=str(path),
                    line=line,
                    count=len(columns) + 1,
                )
            )
        seen.add(name)
        for column, cell in zip(columns, cells[1:], strict=True):
            if cell.strip():
                costs[row, column] = _cost(cell.strip(), path, line)
    try:
        return checked_costs(costs)
    except UsageError as problem:
        raise DataError(f"'{path}': {problem}") from None


def _rows(path: str | Path) -> list[tuple[int, list[str]]]:
    """Lines that are not empty, with their numbers from 1."""
    try:
        if Path(path).stat().st_size > MOST_BYTES:
            raise DataError(t("'{path}' is too large for a matrix of costs.", path=str(path)))
        text = Path(path).read_bytes().decode("utf-8-sig")
    except OSError as problem:
        raise UsageError(
            t("the costs in '{path}' cannot be read: {reason}.", path=str(path), reason=os_reason(problem))
        ) from None
    except UnicodeDecodeError:
        raise DataError(t("'{path}' is no text in UTF-8.", path=str(path))) from None
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        found = [
            (reader_line, row) for reader_line, row in enumerate(csv.reader(text.splitlines(), delimiter=delimiter), 1)
        ]
    except csv.Error as problem:
        raise DataError(t("'{path}' is no table: {reason}.", path=str(path), reason=str(problem))) from None
    found = [(line, row) for line, row in found if any(cell.strip() for cell in row)]
    if len(found) < 2:
        raise DataError(
            t(
                "'{path}' is no matrix of costs: its first line names predicted classes, and a line for each true "
                "class follows.",
                path=str(path),
            )
        )
    return found


def _places(names: Sequence[str], classes: Sequence[str], path: str | Path, line: int) -> list[int]:
    """The codes of classes that a line names."""
    for name in names:
        if name not in classes:
            where = t("'{path}' line {line}", path=str(path), line=line)
            raise UsageError(f"{where}: {unknown_name('class', name, classes)}")
    if len(set(names)) < len(names):
        raise DataError(t("'{path}' line {line} names a class twice.", path=str(path), line=line))
    return [list(classes).index(name) for name in names]


def _cost(cell: str, path: str | Path, line: int) -> float:
    text = cell if "." in cell else cell.replace(",", ".")
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise DataError(
            t(
                "'{path}' line {line}: '{value}' is no cost; costs are numbers from 0 on.",
                path=str(path),
                line=line,
                value=cell[:80],
            )
        )
    return value
