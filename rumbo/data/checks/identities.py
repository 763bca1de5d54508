"""Checks of people: one picture only, one picture under two people, far too many of one, names written twice."""

from collections.abc import Callable, Iterable

import polars as pl

from rumbo.core.messages import t
from rumbo.data.checks.columns import variants
from rumbo.data.checks.facts import Facts
from rumbo.data.checks.findings import Finding
from rumbo.data.checks.found import found

UNBALANCED = 20
"""Times the middle number of pictures. Measured largest on faces of 278 people: 1.4."""


def numbers(facts: Facts) -> Iterable[Finding]:
    """People with one picture, and with far more than the others."""
    counts = facts.dataset.table["identity"].value_counts().sort("identity")
    single = counts.filter(pl.col("count") == 1)["identity"].to_list()
    if single:
        message = t(
            "people with one picture only: {count} of {total}, such as '{first}'.",
            count=len(single),
            total=counts.height,
            first=single[0],
        )
        yield found("identity.single", message, single)
    usual = float(pl.Series(counts["count"]).cast(pl.Float64).quantile(0.5) or 1.0)
    many = counts.filter(pl.col("count") > UNBALANCED * usual).sort("count", descending=True)
    if many.height:
        name, count = many.row(0)
        message = t(
            "'{name}' has {count} pictures; {usual} are usual here.", name=name, count=count, usual=f"{usual:g}"
        )
        yield found("identity.unbalanced", message, many["identity"].to_list())


def shared(facts: Facts) -> Iterable[Finding]:
    """The same picture under two people."""
    table = facts.dataset.table.select("content", "identity").with_row_index("row")
    twice = table.filter(pl.col("identity").n_unique().over("content") > 1)
    if twice.height:
        first = twice.filter(pl.col("content") == twice["content"][0])
        message = t(
            "pictures that stand under two people: {count}. '{first}' is '{one}' and '{other}'.",
            count=twice["content"].n_unique(),
            first=facts.ids(first["row"])[0],
            one=first["identity"][0],
            other=first["identity"].unique(maintain_order=True)[1],
        )
        yield found("identity.two_people", message, facts.ids(twice["row"]), twice.height)


def names(facts: Facts) -> Iterable[Finding]:
    """Names of people that differ only in how they are written."""
    if alike := variants(facts.dataset.table["identity"].unique().sort().to_list()):
        message = t(
            "people whose names differ only in how they are written: {names}.",
            names="; ".join(", ".join(f"'{name}'" for name in group) for group in alike[:10]),
        )
        yield found("identity.case_variants", message, [name for group in alike for name in group])


CHECKS: tuple[Callable[[Facts], Iterable[Finding]], ...] = (numbers, shared, names)
