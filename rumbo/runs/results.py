"""results.csv: one row per epoch, `epoch,time_s,lr` and then a column for each `split/metric`."""

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

from rumbo.core.errors import DataError
from rumbo.core.messages import t
from rumbo.runs.append import AppendFile
from rumbo.runs.files import MAX_JSON_BYTES, read_file

FIRST_COLUMNS = ("epoch", "time_s", "lr")


class ResultsFile(AppendFile):
    """results.csv, opened for writing; with an offset it is cut back to there.

    The columns are those of the first row. A later row may leave some empty; a new one would move the others, and is a
    ValueError.
    """

    def __init__(self, path: Path, offset: int | None = None):
        super().__init__(path, offset)
        self._columns = tuple(read_results(path)) if self.offset else ()

    def write(self, epoch: int, time_s: float, lr: float, metrics: Mapping[str, float | None]) -> int:
        """Append the row of an epoch, and give the offset behind it, which a checkpoint remembers.

        Args:
            epoch: counted from 1.
            time_s: seconds of training since its start, resumes included.
            lr: learning rate at the end of the epoch.
            metrics: `split/metric` -> value; what is not a number is written nan, None stays empty.
        """
        row: dict[str, float | None] = {"epoch": epoch, "time_s": time_s, "lr": lr, **metrics}
        columns = self._columns or tuple(row)
        if unknown := set(row) - set(columns):
            raise ValueError(f"columns {sorted(unknown)} were not in the first row of {self.path.name}.")
        header = "" if self._columns else _line(columns)
        before, after = self.offset, self.append((header + _line(_cell(row.get(name)) for name in columns)).encode())
        if after > before:
            self._columns = columns
        return after


def read_results(path: Path) -> dict[str, list[float]]:
    """The columns of results.csv in their order; an empty cell is nan. A row cut by a crash is left out.

    Raises:
        DataError: not readable, or not such a table.
    """
    data = read_file(path, max_bytes=MAX_JSON_BYTES)
    try:
        rows = list(csv.reader(io.StringIO(data[: data.rfind(b"\n") + 1].decode()), strict=True))
        header, body = (rows[0], rows[1:]) if rows else (list(FIRST_COLUMNS), [])
        if tuple(header[:3]) != FIRST_COLUMNS or len(set(header)) != len(header):
            raise ValueError(t("its columns do not begin with {names}", names=",".join(FIRST_COLUMNS)))
        return {
            name: [float(cell or "nan") for cell in cells]
            for name, cells in zip(header, zip(*body, strict=True) if body else [()] * len(header), strict=True)
        }
    except (ValueError, csv.Error) as error:
        raise DataError(t("{path} is not a table of results: {reason}.", path=path, reason=str(error))) from None


def _line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()


def _cell(value: float | None) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else repr(float(value))
