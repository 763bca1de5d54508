"""Parquet from strangers: counted before it is unpacked."""

import io

import polars as pl
import pytest

from rumbo.core.errors import DataError
from rumbo.ops import parquet
from rumbo.ops.parquet import read_parquet


def packed(table: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    table.write_parquet(buffer)
    return buffer.getvalue()


def test_a_table_comes_back():
    table = pl.DataFrame({"a": [1, 2, 3], "b": ["x", None, "z"]})
    assert read_parquet(packed(table), "t").equals(table)
    assert read_parquet(packed(table), "t", max_rows=2).equals(table.head(2))


def test_a_bomb_is_refused_before_it_is_unpacked(monkeypatch):
    data = packed(pl.DataFrame({"a": pl.repeat(0, 100_000, eager=True), "b": pl.repeat("x", 100_000, eager=True)}))
    assert len(data) < 20_000
    monkeypatch.setattr(parquet, "MAX_CELLS", 150_000)
    monkeypatch.setattr(pl, "read_parquet", lambda *_, **__: pytest.fail("it was unpacked"))
    with pytest.raises(DataError, match=r"'bomb' unpacks to 100000 rows of 2 columns"):
        read_parquet(data, "bomb")


@pytest.mark.parametrize("data", [b"", b"PAR1", b"not a table at all", packed(pl.DataFrame({"a": [1]}))[:-9]])
def test_damaged_files_are_refused(data):
    with pytest.raises(DataError, match="no whole Parquet file"):
        read_parquet(data, "t")
