"""Text files of the UCR archive: a line an example, the class first, then the values, separated by blanks or tabs.

Source: Dau et al. 2019, The UCR Time Series Archive, arXiv:1810.07758.
"""

import re
from pathlib import PurePosixPath

import numpy as np

from rumbo.core.errors import DataError
from rumbo.core.messages import t
from rumbo.data.files import Files, gunzipped
from rumbo.data.signals.sources import decode_text

MIN_COLUMNS = 9
_NAME = re.compile(r".+_(train|test)\.(txt|tsv)(\.gz)?", re.IGNORECASE)


def ucr_names(files: Files) -> list[str]:
    """Files called ..._TRAIN and ..._TEST with lines of numbers, separated by blanks or tabs."""
    names = [name for name in files.names() if _NAME.fullmatch(PurePosixPath(name).name)]
    return [name for name in names if _is_ucr(files.read(name), name)]


def _is_ucr(data: bytes, name: str) -> bool:
    try:
        lines = decode_text(gunzipped(data, name)[: 2**20], name).splitlines()[:5]
        rows = [[float(entry) for entry in line.split()] for line in lines[: max(1, len(lines) - 1)]]
    except (DataError, ValueError):
        return False
    return (
        bool(rows)
        and len({len(row) for row in rows}) == 1
        and len(rows[0]) >= MIN_COLUMNS
        and all(row[0] == int(row[0]) for row in rows if np.isfinite(row[0]))
    )


def ucr_rows(text: str, name: str) -> list[np.ndarray]:
    """Each line's numbers, the class first; NaN that fills short series up at the end is cut off.

    Raises:
        DataError: naming the line that is no such line.
    """
    rows: list[np.ndarray] = []
    width = 0
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = np.array([float(entry) for entry in line.split()])
        except ValueError:
            raise DataError(t("'{name}' line {line}: this is no line of numbers.", name=name, line=number)) from None
        if rows and len(row) != width:
            raise DataError(
                t(
                    "'{name}' line {line} has {met} numbers; the lines before have {expected}.",
                    name=name,
                    line=number,
                    met=len(row),
                    expected=width,
                )
            )
        width = len(row)
        present = np.flatnonzero(np.isfinite(row))
        if len(present) == 0 or present[0] != 0 or len(present) < 2:
            raise DataError(t("'{name}' line {line} has no class or no values.", name=name, line=number))
        rows.append(row[: present[-1] + 1])
    return rows
