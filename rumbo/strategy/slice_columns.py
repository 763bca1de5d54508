"""Columns as parts that slices are made of: numbers in bins, categories by level, tags as they are."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from rumbo.core.messages import shown, t

NUM_BINS = 5
MOST_LEVELS = 20
"""Rarer levels of a category are looked at together."""


@dataclass(frozen=True, eq=False, kw_only=True)
class SliceColumn:
    """A column whose parts exclude one another.

    Attributes:
        name: of the column.
        codes: the part of each example, n; -1 for none.
        labels: what each part is, for people.
    """

    name: str
    codes: np.ndarray
    labels: tuple[str, ...]


def number_column(
    name: str, values: np.ndarray, train: np.ndarray, num_bins: int = NUM_BINS, *, missing_counts: bool = True
) -> SliceColumn:
    """A numeric column in bins that hold equally many training examples.

    Args:
        name: of the column.
        values: of the examples to be sliced, NaN for missing, n.
        train: of the training examples: what is met in dev moves no border.
        num_bins: fewer where values repeat.
        missing_counts: missing values are a part of their own; else they are in none.

    >>> column = number_column("age", np.array([1.0, 9.0, np.nan]), np.arange(10.0), num_bins=2)
    >>> column.codes.tolist(), column.labels
    ([0, 1, 2], ('at most 4.5', 'above 4.5', 'missing'))
    """
    finite = train[np.isfinite(train)]
    edges = np.unique(np.quantile(finite, np.arange(1, num_bins) / num_bins)) if len(finite) else np.zeros(0)
    if len(edges) and edges[-1] >= finite.max():
        edges = edges[:-1]
    missing = ~np.isfinite(values)
    codes = np.searchsorted(edges, np.where(missing, 0.0, values), side="left")
    codes = np.where(missing, len(edges) + 1 if missing_counts else -1, codes)
    return SliceColumn(name=name, codes=codes, labels=(*_ranges(edges), t("missing")))


def category_column(name: str, values: Sequence[str | None]) -> SliceColumn:
    """A column of names: its most frequent levels, the others together, and missing ones.

    >>> category_column("sex", ["f", "m", None, "f"]).labels
    ('f', 'm', 'missing')
    """
    counts = Counter(value for value in values if value is not None)
    levels = [level for level, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_LEVELS]]
    code_of = {level: code for code, level in enumerate(levels)}
    has_rare = len(counts) > len(levels)
    num_levels = len(levels) + has_rare
    codes = [num_levels if value is None else code_of.get(value, len(levels)) for value in values]
    rare = (t("any of {count} rarer ones", count=len(counts) - len(levels)),) if has_rare else ()
    return SliceColumn(
        name=name, codes=np.array(codes, dtype=np.int64), labels=(*map(shown, levels), *rare, t("missing"))
    )


def flag_column(name: str, has: np.ndarray, known: np.ndarray) -> SliceColumn:
    """A tag: those that have it, and those that were looked at and have not."""
    return SliceColumn(name=name, codes=np.where(known, np.where(has, 0, 1), -1), labels=(t("has it"), t("lacks it")))


def _ranges(edges: np.ndarray) -> list[str]:
    if len(edges) == 0:
        return [t("any value")]
    texts = [f"{edge:.0f}" if 1e4 <= abs(edge) < 1e9 else f"{edge:.4g}" for edge in edges]
    between = [t("above {low}, at most {high}", low=low, high=high) for low, high in pairwise(texts)]
    return [t("at most {value}", value=texts[0]), *between, t("above {value}", value=texts[-1])]
