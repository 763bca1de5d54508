"""Columns that look like groups, and that nobody named as such."""

import re

import numpy as np
import polars as pl

from rumbo.core.messages import t
from rumbo.data.splits.dealing import Plan, own_columns, way_of

GROUP_WORDS = frozenset(
    (
        *("patient", "subject", "person", "video", "scene", "site", "user", "customer"),
        *("paciente", "sujeto", "persona", "escena", "sitio", "usuario", "cliente"),
    )
)
NUMBER_WORDS = frozenset(("id", "ids", "no", "nr", "num", "number", "numero", "code", "codigo", "key", "index"))
"""Beside a word of groups, in the name of a column of numbers: `user_id` is one, `user_age` is none."""
MIN_VALUES = 6
MIN_ROWS = 2
"""Per value, on average."""


def untold_groups(plan: Plan, names: np.ndarray) -> list[str]:
    """A sentence for each column whose name says that its values are groups, where they are torn apart.

    Args:
        plan: of the split.
        names: the split (or fold) of each row, "" for none.
    """
    options, table, target = plan.options, plan.dataset.table, plan.dataset.target
    way = way_of(plan.dataset, options)
    if options.group is not None or "group" in table.columns or way == "time":
        return []
    others = {options.source, options.time, "source", *(target.columns if target is not None else ())}
    sentences: list[str] = []
    for name in own_columns(plan.dataset):
        if name in others or not _says_groups(name, table[name]):
            continue
        known = pl.DataFrame({"value": table[name], "split": pl.Series(names.tolist(), dtype=pl.String)}).filter(
            pl.col("value").is_not_null() & (pl.col("split") != "")
        )
        per_value = known.group_by("value").agg(pl.col("split").n_unique())
        if per_value.height < MIN_VALUES or known.height < MIN_ROWS * per_value.height or per_value["split"].max() == 1:
            continue
        remedy = f"--set data.split.group={name}"
        if way == "given" or options.by == "random":
            remedy += " --set data.split.by=group"
        sentences.append(
            t(
                "column '{column}' looks like groups ({values} values in {rows} rows), and examples of one are in "
                "several splits; {remedy} keeps them together.",
                column=name,
                values=per_value.height,
                rows=known.height,
                remedy=remedy,
            )
        )
    return sentences


def _says_groups(name: str, column: pl.Series) -> bool:
    """Whether a word of a column's name means groups, and it holds text or whole numbers."""
    words = set(re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()))
    if not words & GROUP_WORDS:
        return False
    if column.dtype == pl.String:
        return True
    if not column.dtype.is_numeric() or words - GROUP_WORDS - NUMBER_WORDS:
        return False
    values = column.drop_nulls().cast(pl.Float64).to_numpy()
    return bool((values == np.round(values)).all())
