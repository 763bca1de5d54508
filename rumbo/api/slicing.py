"""The columns that slices are looked for in: those of the data, what examples are like, their classes and tags."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from rumbo.core.messages import t
from rumbo.data.example_facts import ExampleFacts
from rumbo.data.manifest import RESERVED, Dataset
from rumbo.strategy.error_table import Tag
from rumbo.strategy.slice_columns import MOST_LEVELS, SliceColumn, category_column, flag_column, number_column
from rumbo.tasks.task import DatasetTask, Predictions

ROW_TAGS = ("missing_value", "outlying_number", "rare_category", "grey", "near_duplicate")
"""Tags that no column says by itself."""


def data_columns(dataset: Dataset, rows: np.ndarray, train: np.ndarray, targets: Sequence[str]) -> list[SliceColumn]:
    """The columns of the data, also those that are no inputs.

    Args:
        dataset: all examples of the run.
        rows: those to be sliced.
        train: the training examples; they make the bins.
        targets: columns that are predicted, which `target_columns` makes slices of.
    """
    own, known = dataset.table[rows], dataset.table[train]
    columns = [number_column(name, _numbers(own[name]), _numbers(known[name])) for name in dataset.numbers]
    columns += [category_column(name, _texts(own[name])) for name in dataset.categories]
    return columns + [category_column(name, _texts(own[name])) for name in _others(dataset, own, targets)]


def fact_columns(facts: ExampleFacts) -> list[SliceColumn]:
    """What pictures, texts and series are like, in bins."""
    return [
        number_column(title, facts.values[name], facts.train[name], missing_counts=False)
        for name, title in fact_names().items()
        if name in facts.values
    ]


def tag_columns(tags: Sequence[Tag]) -> list[SliceColumn]:
    """Tags that no number says by itself."""
    return [flag_column(tag.name, *tag.looked) for tag in tags if tag.name in ROW_TAGS or _is_for_all(tag)]


def parts_of(columns: Sequence[SliceColumn]) -> dict[str, np.ndarray]:
    """Each part of some columns by a name: which examples are in it, n booleans."""
    return {
        f"{column.name}: {label}": column.codes == code
        for column in columns
        for code, label in enumerate(column.labels)
        if (column.codes == code).any()
    }


def target_columns(task: DatasetTask, predictions: Predictions, train: np.ndarray | None) -> list[SliceColumn]:
    """The truth as columns: the class, each label, or the number in bins.

    Args:
        task: of the model.
        predictions: with their truth.
        train: true numbers of the training examples, which make the bins; None takes those of `predictions`.
    """
    truth = predictions.truth
    assert truth is not None
    if task.name == "classify":
        classes: tuple[str, ...] = getattr(task, "classes")  # noqa: B009
        return [category_column(str(task.target_config()["column"]), [classes[code] for code in truth.tolist()])]
    if task.name == "multilabel":
        labels: tuple[str, ...] = getattr(task, "labels")  # noqa: B009
        return [flag_column(name, truth[:, code] == 1, ~np.isnan(truth[:, code])) for code, name in enumerate(labels)]
    column = str(task.target_config()["column"])
    return [number_column(column, truth, truth if train is None else train)]


def _is_for_all(tag: Tag) -> bool:
    """Tags of wrong examples alone would make slices that are wrong because they were looked at."""
    return tag.origin == "hand" and bool(tag.looked.known.all())


def fact_names() -> dict[str, str]:
    """What the numbers about examples are called."""
    return {
        "mean": t("brightness"),
        "std": t("contrast"),
        "sharpness": t("sharpness"),
        "color": t("colorfulness"),
        "aspect": t("width / height"),
        "short_side": t("shorter side in px"),
        "object_area": t("share of the picture that is marked"),
        "words": t("words"),
        "unknown": t("share of unknown words"),
        "capitals": t("share of capitals"),
        "digits": t("share of digits"),
        "length": t("length"),
        "spread": t("spread"),
        "roughness": t("roughness"),
        "peak": t("largest peak"),
    }


def _others(dataset: Dataset, table: pl.DataFrame, targets: Sequence[str]) -> list[str]:
    """Source and group, and text columns that are no inputs, where they have few levels."""
    used = {*dataset.numbers, *dataset.categories, *RESERVED, *targets}
    free = [name for name in table.columns if name not in used and table.schema[name] == pl.String]
    free += [name for name in ("source", "group") if name in table.columns]
    return [name for name in free if 2 <= table[name].n_unique() <= MOST_LEVELS]


def _numbers(column: pl.Series) -> np.ndarray:
    return column.cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()


def _texts(column: pl.Series) -> list[str | None]:
    return column.cast(pl.String).to_list()
