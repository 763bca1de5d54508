"""Checks of where examples come from: sources whose examples repeat, as artificial ones do."""

from collections.abc import Callable, Iterable

import numpy as np

from rumbo.core.messages import t
from rumbo.data.checks.facts import Facts
from rumbo.data.checks.findings import Finding
from rumbo.data.checks.found import found

MIN_ROWS = 20
REPEATED = 2.0
"""Times that an example of a source is met on average, from where a network may learn them by heart."""


def few_distinct(facts: Facts) -> Iterable[Finding]:
    """Sources of train with many examples, but few that differ.

    What differs is what the split took apart: not copies, nor near duplicates, nor members of one `group`, such as
    mixtures with one recording of noise.

    Source: Ng, Machine Learning Yearning, ch. 42: an hour of car noise over 10,000 hours of speech.
    """
    table = facts.dataset.table
    if "source" not in table.columns or table["source"].drop_nulls().n_unique() < 2:
        return
    unit = _units(facts)
    train = facts.rows["train"]
    sources = np.array(table["source"].to_list(), dtype=object)
    for source in sorted({str(name) for name in sources[train] if name is not None}):
        rows = train[sources[train] == source]
        distinct = len(np.unique(unit[rows]))
        if len(rows) < MIN_ROWS or len(rows) < REPEATED * distinct:
            continue
        yield found(
            "source.few_distinct",
            t(
                "source '{source}' gives train {count} examples, but only {distinct} of them differ: each is met "
                "{times} times an epoch.",
                source=source,
                count=len(rows),
                distinct=distinct,
                times=f"{len(rows) / distinct:.3g}",
            ),
            facts.ids(rows),
            num_items=len(rows),
        )


def _units(facts: Facts) -> np.ndarray:
    """A number for each row; rows that are copies, or that the split keeps together, share it."""
    contents = facts.dataset.table["content"].to_list()
    first: dict[str, int] = {}
    unit = np.array([first.setdefault(content, row) for row, content in enumerate(contents)], dtype=np.int64)
    for groups in facts.split.groups:
        for members in groups.members:
            joined = np.unique(unit[members])
            unit[np.isin(unit, joined[1:])] = joined[0]
    return unit


CHECKS: tuple[Callable[[Facts], Iterable[Finding]], ...] = (few_distinct,)
