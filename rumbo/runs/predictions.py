"""predictions/<split>.parquet: one row per example, joined to the data by `id`."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rumbo.core.errors import DataError
from rumbo.core.messages import t
from rumbo.runs.files import write_file

if TYPE_CHECKING:
    import polars as pl


def write_predictions(folder: Path, split: str, columns: Mapping[str, Any]) -> Path:
    """Write the predictions of a split.

    Args:
        folder: the `predictions` folder of a run; made when it is not there.
        split: train, train_dev, dev or test.
        columns: name -> values, one per example; a matrix becomes a column of fixed-size rows.

    Returns:
        The file.

    Raises:
        StorageError: it cannot be written.
    """
    import polars as pl

    buffer = io.BytesIO()
    pl.DataFrame(dict(columns)).write_parquet(buffer)
    folder.mkdir(exist_ok=True)
    path = folder / f"{split}.parquet"
    write_file(path, buffer.getvalue())
    return path


def read_predictions(folder: Path, split: str) -> "pl.DataFrame":
    """The predictions of a split, as they were written.

    Raises:
        DataError: there are none, or the file is damaged.
    """
    from rumbo.ops.parquet import read_parquet

    path = folder / f"{split}.parquet"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in folder.glob("*.parquet"))) or "-"
        raise DataError(t("{path} is not there; predictions exist for: {known}.", path=path, known=known))
    return read_parquet(path.read_bytes(), str(path))
