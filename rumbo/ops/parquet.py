"""Parquet files that may be a stranger's: how many cells they unpack to is asked before they are unpacked."""

import io

import polars as pl

from rumbo.core.errors import DataError
from rumbo.core.messages import t

MAX_CELLS = 500_000_000
"""Rows times columns; run-length coding packs millions of equal cells into a few bytes."""


def read_parquet(data: bytes, name: str, *, max_rows: int | None = None) -> pl.DataFrame:
    """The table in the bytes of a Parquet file.

    Args:
        data: the whole file.
        name: what to call it in messages.
        max_rows: read at most so many rows.

    Raises:
        DataError: no Parquet file, a damaged one, or more cells than `MAX_CELLS`.
    """
    try:
        lazy = pl.scan_parquet(io.BytesIO(data))
        num_rows = int(lazy.select(pl.len()).collect().item())
        num_columns = len(lazy.collect_schema())
        num_read = num_rows if max_rows is None else min(num_rows, max_rows)
        if num_read * num_columns > MAX_CELLS:
            raise DataError(
                t(
                    "'{name}' unpacks to {rows} rows of {columns} columns; at most {limit} cells are read.",
                    name=name,
                    rows=num_rows,
                    columns=num_columns,
                    limit=MAX_CELLS,
                )
            )
        return pl.read_parquet(io.BytesIO(data), n_rows=max_rows)
    except (pl.exceptions.PolarsError, OSError) as problem:
        message = t("'{name}' is no whole Parquet file: {problem}.", name=name, problem=str(problem)[:200])
        raise DataError(message) from None
