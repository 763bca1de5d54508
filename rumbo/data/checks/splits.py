"""Checks of how examples are dealt out: leaks between splits, copies, contradictions, sizes."""

import math
from collections.abc import Callable, Iterable

import numpy as np
import polars as pl

from rumbo.core.messages import t
from rumbo.data.checks.columns import dates
from rumbo.data.checks.facts import Facts
from rumbo.data.checks.findings import Finding
from rumbo.data.checks.found import found
from rumbo.data.manifest import RESERVED, SPLITS, TargetKind
from rumbo.data.splits.split import Leak

SMALL_TEST = 500
"""A share of 50 % measured on 500 examples is uncertain by ± 4 points; below, differences between models drown."""
SMALL_DEV = 100
SMALL_DEV_FRACTION = 0.01
"""Dev below both, beside a train 100 times as large: a slip in folders, no choice of anybody."""


def leaks(facts: Facts) -> Iterable[Finding]:
    """What stands in two splits: as the cut found it, and copies that a split from elsewhere left there."""
    met: dict[str, list[Leak]] = {}
    for leak in facts.split.leaks:
        met.setdefault(leak.code, []).append(leak)
    known = {leak.id for leak in facts.split.leaks}
    for leak in _copies(facts):
        if leak.id not in known and leak.twin not in known:
            met.setdefault(leak.code, []).append(leak)
    for code, pairs in met.items():
        first = pairs[0]
        fields = {
            "count": len(pairs),
            "item": first.id,
            "split": first.split,
            "twin": first.twin,
            "other": first.twin_split,
        }
        if code == "leak.exact_duplicate":
            message = t(
                "examples that stand in two splits, byte for byte: {count}. '{item}' ({split}) is '{twin}' ({other}).",
                **fields,
            )
        else:
            message = t(
                "examples that stand in two splits, nearly the same: {count}. '{item}' ({split}) is like '{twin}' "
                "({other}).",
                **fields,
            )
        removed = sum(leak.action == "removed" for leak in pairs)
        if removed:
            done = t("taken out of train: {removed}; kept: {kept}.", removed=removed, kept=len(pairs) - removed)
        else:
            done = t("kept; results on them are too good.")
        yield found(code, message, [leak.id for leak in pairs], done=done)


def _copies(facts: Facts) -> Iterable[Leak]:
    """Each example with the same content as one of an earlier split."""
    ids = facts.dataset.table["id"]
    for rows in _rows_of_content(facts):
        first = rows[0]
        for row in rows[1:]:
            if facts.splits[row] != facts.splits[first]:
                yield Leak(
                    code="leak.exact_duplicate",
                    id=ids[row],
                    split=facts.splits[row],
                    twin=ids[first],
                    twin_split=facts.splits[first],
                    action="kept",
                )
                break


def _rows_of_content(facts: Facts) -> Iterable[list[int]]:
    """Rows of one content, two or more, in the order of their splits."""
    content = facts.dataset.table["content"]
    rows_of: dict[str, list[int]] = {}
    for row in np.flatnonzero(content.is_duplicated().to_numpy() & (facts.splits != "")).tolist():
        rows_of.setdefault(content[row], []).append(row)
    for rows in rows_of.values():
        yield sorted(rows, key=lambda row: SPLITS.index(facts.splits[row]))


def copies(facts: Facts) -> Iterable[Finding]:
    """The same content twice in one split."""
    repeated: list[int] = []
    for rows in _rows_of_content(facts):
        met: set[str] = set()
        for row in rows:
            if facts.splits[row] in met:
                repeated.append(row)
            met.add(facts.splits[row])
    if repeated:
        message = t("exact copies of other examples in their split: {count}.", count=len(repeated))
        yield found("dup.exact", message, facts.ids(repeated), len(repeated))


def contradictions(facts: Facts) -> Iterable[Finding]:
    """Equal inputs with different labels."""
    dataset = facts.dataset
    if dataset.target is None or not facts.is_kind(TargetKind.CLASS, TargetKind.LABELS):
        return
    has_content = dataset.images is not None or dataset.signals is not None
    keys = ["content"] if has_content else [*dataset.numbers, *dataset.categories]
    if not keys:
        return
    labels = pl.struct(dataset.target.columns)
    many = dataset.table.select((labels.n_unique().over(keys) > 1).alias("many"))["many"]
    rows = np.flatnonzero(many.to_numpy())
    if len(rows):
        message = t(
            "examples with the input of others, but another label: {count}. '{first}' is one.",
            count=len(rows),
            first=facts.ids(rows)[0],
        )
        yield found("label.conflict", message, facts.ids(rows), len(rows))


def groups(facts: Facts) -> Iterable[Finding]:
    """A group, or a person, in two splits that the data give."""
    table = facts.dataset.table
    identities = facts.is_kind(TargetKind.IDENTITY) and "identity" in table.columns
    column = "identity" if identities else "group"
    if column not in table.columns:
        return
    pairs = pl.DataFrame({"group": table[column], "split": facts.splits.tolist()}).filter(pl.col("split") != "")
    torn = pairs.unique().group_by("group").agg(pl.col("split").sort()).filter(pl.col("split").list.len() > 1)
    torn = torn.sort("group")
    if torn.height == 0:
        return
    rows = np.flatnonzero(table[column].is_in(torn["group"].to_list()).to_numpy())
    fields = {
        "count": torn.height,
        "total": pairs["group"].n_unique(),
        "first": torn["group"][0],
        "splits": ", ".join(torn["split"][0]),
    }
    if identities:
        message = t("people who stand in several splits: {count} of {total}; '{first}' in {splits}.", **fields)
    else:
        message = t("groups that stand in several splits: {count} of {total}; '{first}' in {splits}.", **fields)
    yield found("leak.identity" if identities else "leak.group", message, facts.ids(rows), len(rows))


def small_test(facts: Facts) -> Iterable[Finding]:
    """A test set, or dev where there is none, on which shares have a wide 95 % interval (1.96 sqrt(p (1 - p) / n))."""
    if not facts.is_kind(TargetKind.CLASS, TargetKind.LABELS, TargetKind.IDENTITY) and facts.target is not None:
        return  # its errors are no shares
    split = "test" if len(facts.rows["test"]) else "dev"
    count = len(facts.rows[split])
    if 0 < count < SMALL_TEST:
        message = t(
            "{split} has {count} examples: a share measured on it is uncertain by up to ± {points} points.",
            split=split,
            count=count,
            points=f"{100 * 1.96 * math.sqrt(0.25 / count):.0f}",
        )
        yield found("split.small_test", message, num_items=count)


def small_dev(facts: Facts) -> Iterable[Finding]:
    """A dev that is given and tiny beside train."""
    train, dev = len(facts.rows["train"]), len(facts.rows["dev"])
    if 0 < dev < min(SMALL_DEV, SMALL_DEV_FRACTION * train):
        message = t("dev has {dev} examples beside {train} of train.", dev=dev, train=train)
        yield found("split.small_dev", message, facts.ids(facts.rows["dev"]), dev)


def new_sources(facts: Facts) -> Iterable[Finding]:
    """Dev or test from sources that train has nothing of."""
    table = facts.dataset.table
    if "source" not in table.columns:
        return
    seen = set(table["source"][facts.rows["train"]].unique().to_list())
    for split in ("dev", "test"):
        rows = facts.rows[split]
        is_new = ~table["source"][rows].is_in(list(seen)).fill_null(False).to_numpy()
        if is_new.any():
            new = sorted({str(name) for name in table["source"][rows[is_new]].unique().to_list()})
            message = t(
                "{split} has {count} examples of sources that train lacks: {names}.",
                split=split,
                count=int(is_new.sum()),
                names=", ".join(new[:10]),
            )
            yield found("split.source_new", message, facts.ids(rows[is_new]), int(is_new.sum()))


def time_mixed(facts: Facts) -> Iterable[Finding]:
    """Dates in the rows, and train reaches beyond the first of test (of dev, where there is no test)."""
    table, later = facts.dataset.table, "test" if len(facts.rows["test"]) else "dev"
    if len(facts.rows[later]) == 0 or len(facts.rows["train"]) == 0 or facts.dataset.signals is not None:
        return
    for name in table.columns:
        if name in RESERVED or table[name].dtype != pl.String or (when := dates(table[name])) is None:
            continue
        first, last = when[facts.rows[later]].min(), when[facts.rows["train"]].max()
        rows = facts.rows["train"][(when[facts.rows["train"]] > first).fill_null(False).to_numpy()]
        if len(rows):
            message = t(
                "by the dates in '{column}', {count} of {total} training examples are later than the first of "
                "{split} ({first}); the last is of {last}.",
                column=name,
                count=len(rows),
                total=len(facts.rows["train"]),
                split=later,
                first=str(first)[:10],
                last=str(last)[:10],
            )
            yield found("split.time_mixed", message, facts.ids(rows), len(rows))
            return


CHECKS: tuple[Callable[[Facts], Iterable[Finding]], ...] = (
    leaks,
    copies,
    contradictions,
    groups,
    small_test,
    small_dev,
    new_sources,
    time_mixed,
)
