"""Many pictures from the web and few from the application, as two of the notes have them."""

from pathlib import Path

import numpy as np
import polars as pl

from rumbo.data.manifest import Dataset

WEB, APP = 200_000, 10_000


def two_sources(num_train: int = 0, num_dev: int = 0, num_test: int = 0) -> Dataset:
    """The pictures, by source; where sizes are given the first of the application go to train, dev and test."""
    ids = [str(i) for i in range(APP + WEB)]
    table = pl.DataFrame({"id": ids, "content": ids, "source": ["app"] * APP + ["web"] * WEB})
    if num_dev:
        splits = np.repeat(["train", "dev", "test", "train"], [num_train, num_dev, num_test, WEB])
        table = table.with_columns(pl.Series("split", splits))
    return Dataset(path=Path("pictures"), format="folders", table=table, target=None)


def counts_by_split(split: pl.DataFrame, dataset: Dataset) -> dict[str, tuple[int, int]]:
    """Pictures of the application, and of the web, in each split."""
    both = split.join(dataset.table.select("id", "source"), on="id")
    counts = {
        (name, source): both.filter(pl.col("split") == name, pl.col("source") == source).height
        for name in ("train", "dev", "test")
        for source in ("app", "web")
    }
    return {name: (counts[name, "app"], counts[name, "web"]) for name in ("train", "dev", "test")}
