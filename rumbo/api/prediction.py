"""Answers for new data, by the same decoding and preprocessing as in training."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from rumbo.api.run import Run, as_run
from rumbo.api.sources import open_source
from rumbo.tasks.task import Predictions


def predict(run: Run | str | Path, data: str | Path | Sequence[str | Path]) -> pl.DataFrame:
    """Predict each example of a folder, a file, a table or several of them.

    Args:
        run: a run or its folder.
        data: pictures, folders of pictures, tables; labels in them are not needed and not read.

    Returns:
        One row per example: id, prediction, probabilities. Where two paths hold the same id, each is led by its path.

    Raises:
        UsageError: nothing is at a path.
        DataError: the data lack what the model needs, or cannot be read.
    """
    model = as_run(run).model
    paths = [data] if isinstance(data, str | Path) else list(data)
    tables = []
    for path in paths:
        dataset = open_source(str(path), base=Path(), labelled=False, categories=model.preprocess.category_names)
        predictions = model.predict(dataset)
        unlabelled = Predictions(
            ids=predictions.ids, outputs=predictions.outputs, truth=None, weights=predictions.weights
        )
        tables.append(model.task.table(unlabelled))
    answers = pl.concat(tables)
    if answers["id"].n_unique() < sum(len(set(table["id"])) for table in tables):
        answers = pl.concat([_led_by(str(path), table) for path, table in zip(paths, tables, strict=True)])
    return answers


def _led_by(path: str, answers: pl.DataFrame) -> pl.DataFrame:
    """Ids of one path made different from those of another: `a/scan.png` and `b/scan.png` are both `scan.png`."""
    name, folder = Path(path).name, Path(path).parent
    ids = [
        str((folder if item == name or item.startswith(f"{name}#") else Path(path)) / item) for item in answers["id"]
    ]
    return answers.with_columns(pl.Series("id", ids, dtype=pl.String))


def safe_for_spreadsheets(table: pl.DataFrame) -> pl.DataFrame:
    """Text cells that a spreadsheet would run as a formula get a leading apostrophe; numbers stay as they are."""
    text = [name for name, kind in table.schema.items() if kind == pl.String]
    return table.with_columns(
        pl.when(pl.col(name).str.contains(r"^[=+\-@\t\r\n]"))
        .then("'" + pl.col(name))
        .otherwise(pl.col(name))
        .alias(name)
        for name in text
    )
