"""Files of splits: Parquet or CSV, with the columns id and split, or id and fold."""

import io
from pathlib import Path

import polars as pl

from rumbo.core.errors import DataError, UsageError
from rumbo.core.messages import t
from rumbo.data.manifest import SPLITS
from rumbo.ops.parquet import read_parquet

ENDINGS = (".parquet", ".csv")


def require_ending(path: str | Path) -> None:
    """Stop where a split is to be written in a format that is none of ours.

    Raises:
        UsageError: the name ends otherwise.
    """
    if Path(path).suffix.lower() not in ENDINGS:
        raise UsageError(
            t("'{path}': a split is written as .parquet or .csv; end the name with one of them.", path=path)
        )


def bytes_of(table: pl.DataFrame, path: str | Path) -> bytes:
    """A table of splits as the file of that name holds it: CSV for .csv, else Parquet."""
    out = io.BytesIO()
    if Path(path).suffix.lower() == ".csv":
        table.write_csv(out)
    else:
        table.write_parquet(out)
    return out.getvalue()


def read_table(path: str | Path) -> pl.DataFrame:
    """`id` and `split`, or `id` and `fold`: String, and Int64 for folds; null is a missing fold.

    Raises:
        UsageError: there is no such file.
        DataError: it is no split.
    """
    if not Path(path).is_file():
        raise UsageError(t("'{path}' does not exist; it should hold the split.", path=path))
    data, is_csv = Path(path).read_bytes(), Path(path).suffix.lower() == ".csv"
    try:
        table = pl.read_csv(data, infer_schema=False) if is_csv else read_parquet(data, str(path))
    except (pl.exceptions.PolarsError, DataError):
        raise DataError(
            t(
                "'{path}' cannot be read as {format}. A split is a .parquet or .csv file with the columns id and "
                "split, or id and fold, as rumbo split writes it.",
                path=path,
                format="CSV" if is_csv else "Parquet",
            )
        ) from None
    if is_csv and "fold" in table.columns:
        folds = table["fold"].str.strip_chars().replace("", None)
        number = folds.cast(pl.Int64, strict=False)
        if number.null_count() > folds.null_count():
            raise DataError(
                t(
                    "'{path}' is no split: fold '{fold}' is no whole number.",
                    path=path,
                    fold=folds.filter(number.is_null() & folds.is_not_null())[0],
                )
            )
        table = table.with_columns(fold=number)
    kinds = dict(table.schema)
    if kinds not in ({"id": pl.String, "split": pl.String}, {"id": pl.String, "fold": pl.Int64}):
        raise DataError(
            t(
                "'{path}' is no split: it needs the columns id and split, or id and fold, and has {columns}.",
                path=path,
                columns=", ".join(table.columns[:10]),
            )
        )
    if table["id"].is_duplicated().any():
        first = table["id"].filter(table["id"].is_duplicated())[0]
        raise DataError(t("'{path}' is no split: the id '{id}' stands there twice.", path=path, id=first or ""))
    if "split" in kinds and (
        unknown := [name for name in table["split"].unique(maintain_order=True) if name not in SPLITS]
    ):
        raise DataError(
            t(
                "'{path}' is no split: '{split}' is none of {splits}.",
                path=path,
                split=unknown[0] or "",
                splits=", ".join(SPLITS),
            )
        )
    return table
