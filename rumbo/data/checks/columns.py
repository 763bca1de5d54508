"""Small questions about columns of text and numbers that several checks ask."""

import re
import unicodedata
from collections.abc import Iterable

import numpy as np
import polars as pl

DATE_FORMATS = ("%Y-%m-%d", "%Y/%m/%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%Y-%m", "%Y%m%d")
FEWEST_DATES = 20
"""A column with fewer different dates is a handful of labels."""

DAMAGED = re.compile("\N{REPLACEMENT CHARACTER}|[ÃÂ][\u0080-\u00bf]|â€[™œ\u009d“”¦˜\u0080-\u00bf]|Ð[\u0080-\u00bf]")
"""UTF-8 that was read as Latin-1 or cp1252 (á becomes Ã¡), or bytes that were given up (U+FFFD)."""


def dates(column: pl.Series) -> pl.Series | None:
    """A text column as Datetime, when all its entries are dates of one form; else None."""
    present = column.drop_nulls()
    if len(present) == 0 or not re.search(r"\d{2}", present[0]):
        return None
    days = column.str.extract(r"^([0-9./-]{6,10})(?:[T ].*)?$", 1)
    if days.null_count() > column.null_count():
        return None
    for pattern in DATE_FORMATS:
        text, shape = (days + "-01", "%Y-%m-%d") if pattern == "%Y-%m" else (days, pattern)
        when = text.str.to_date(shape, strict=False, exact=True)
        if when.null_count() == column.null_count() and when.drop_nulls().n_unique() >= FEWEST_DATES:
            years = when.drop_nulls().dt.year()
            return when if bool(years.is_between(1500, 2300).all()) else None
    return None


def plain(name: str) -> str:
    """A name without what people write differently: capitals, spaces, punctuation, how accents are encoded.

    Signs that can tell names apart (+, -, <, >, =, #) stay: C, C++ and C# are three things.

    >>> plain(" New_York. ") == plain("new york"), plain("C") == plain("C#")
    (True, False)
    """
    words = unicodedata.normalize("NFKC", name).casefold()
    return re.sub(r"[\s_.,;:'\"]+", " ", words).strip() or words


def variants(names: Iterable[str]) -> list[list[str]]:
    """Groups of two and more names that differ only as `plain` says; what has no letter is never joined (1.0, 1,0)."""
    alike: dict[str, list[str]] = {}
    for name in names:
        if re.search(r"[^\W\d_]", name):
            alike.setdefault(plain(name), []).append(name)
    return [group for group in alike.values() if len(group) > 1]


def share_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Total variation between two tables of counts, 0..1: the share that would have to move."""
    return float(np.abs(first / first.sum() - second / second.sum()).sum() / 2)


def same_shares_p(first: np.ndarray, second: np.ndarray) -> float:
    """Probability of counts as different as these by chance: Pearson's chi-square test of homogeneity.

    Classes in which fewer than 5 examples are expected in a part are put together.
    """
    from scipy.special import chdtrc

    table = np.stack([first, second])
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    common = (expected >= 5).all(axis=0)
    if not common.all():
        table = np.column_stack([table[:, common], table[:, ~common].sum(axis=1)])
        table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2:
        return 1.0
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    return float(chdtrc(table.shape[1] - 1, ((table - expected) ** 2 / expected).sum()))


def kolmogorov(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Largest distance between two empirical distributions, and its probability by chance.

    Source: Smirnov 1948; the large-sample formula with Stephens' correction of the effective size.
    """
    from scipy.special import kolmogorov as survival

    values = np.sort(np.concatenate([first, second]))
    steps = [np.searchsorted(np.sort(part), values, side="right") / len(part) for part in (first, second)]
    distance = float(np.abs(steps[0] - steps[1]).max())
    size = np.sqrt(len(first) * len(second) / (len(first) + len(second)))
    return distance, float(survival((size + 0.12 + 0.11 / size) * distance))
