"""The ways of dealing out examples: as given, at random, by source, by time, in folds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from rumbo.core.errors import DataError, UsageError, unknown_name
from rumbo.core.messages import t
from rumbo.core.seeds import rng
from rumbo.data.manifest import RESERVED, SPLITS, Dataset
from rumbo.data.options import SplitOptions
from rumbo.data.splits.groups import Groups, Reason, components, copies_of, groups_in, look_for_groups, same_texts, told
from rumbo.data.splits.stratify import deal_labels, deal_strata, has_many_labels, label_counts, strata
from rumbo.data.splits.times import times_of


@dataclass(frozen=True, eq=False)
class Plan:
    """What a split is made from: examples, options, and what belongs together."""

    dataset: Dataset
    options: SplitOptions
    seed: int
    copies: Groups
    alike: Groups
    known: tuple[Groups, ...]
    units: np.ndarray
    dev: float
    test: float


def fractions(num_items: int, options: SplitOptions) -> tuple[float, float]:
    """Shares of dev and test; more examples need smaller ones.

    >>> fractions(1_000, SplitOptions()), fractions(1_000_000, SplitOptions(test_fraction=0.1))
    ((0.2, 0.2), (0.01, 0.1))
    """
    limits = ((10_000, 0.2), (100_000, 0.1), (1_000_000, 0.01))
    usual = next((share for limit, share in limits if num_items <= limit), 0.0025)
    dev = usual if options.dev_fraction is None else options.dev_fraction
    test = usual if options.test_fraction is None else options.test_fraction
    if dev + test >= 1:
        raise UsageError(
            t("dev {dev} and test {test} leave nothing for train; their sum must be below 1.", dev=dev, test=test)
        )
    return dev, test


def make_plan(dataset: Dataset, options: SplitOptions, seed: int) -> Plan:
    """Find what belongs together, before anything is dealt out.

    Raises:
        UsageError: shares of one or more, no such column, no groups to keep, or a random split of known groups.
    """
    dev, test = fractions(len(dataset), options)
    column = column_of(dataset, options.group, "group")
    by_column = groups_in(dataset, column) if column is not None else None
    copies, known = copies_of(dataset), [by_column] if by_column is not None else []
    known += look_for_groups(dataset, by_column) if options.near_duplicates else []
    together = [groups for groups in known if groups.reason is Reason.NEAR] if options.by == "time" else known
    if options.by == "random":
        together = _refuse_known(dataset, [groups for groups in known if groups.members], options)
    is_known = any(groups.members or groups.reason is Reason.COLUMN for groups in known)
    if options.by == "group" and not is_known and not copies.members:
        raise UsageError(
            t(
                "no groups are known: there is no column group, and neither names nor pictures show any. Name the "
                "column that holds them: --set data.split.group=COLUMN (rumbo split: --group COLUMN). Columns: "
                "{columns}.",
                columns=_offered(dataset),
            )
        )
    alike = same_texts(dataset)
    units = components(len(dataset), [copies, alike, *together])
    return Plan(dataset, options, seed, copies, alike, tuple(known), units, dev, test)


def way_of(dataset: Dataset, options: SplitOptions) -> Literal["given", "random", "source", "time"]:
    """What options and data ask for."""
    if options.by in ("source", "time"):
        return options.by
    if options.by != "auto":
        return "random"
    if options.dev_sources or options.test_sources:
        return "source"
    if options.time is not None:
        return "time"
    return "given" if "split" in dataset.table.columns else "random"


def at_random(plan: Plan) -> tuple[np.ndarray, list[str]]:
    """Strata and groups; what is left after dev and test is train."""
    names = cut(plan, np.arange(len(plan.dataset)), {"test": plan.test, "dev": plan.dev})
    decisions = [
        t(
            "split at random with seed {seed}: {dev} % for dev, {test} % for test.",
            seed=plan.seed,
            dev=f"{100 * plan.dev:g}",
            test=f"{100 * plan.test:g}",
        )
    ]
    if plan.options.by != "auto" and "split" in plan.dataset.table.columns:
        decisions.append(t("the splits that the data give were put aside, as asked."))
    return names, decisions + together(plan)


def as_given(plan: Plan) -> tuple[np.ndarray, list[str]]:
    """Respect given splits; cut dev from train where it is missing."""
    names = np.array(plan.dataset.table["split"].to_list(), dtype=object)
    met = {str(name) for name in names}
    if not met <= set(SPLITS):
        raise unknown_name("split", sorted(met - set(SPLITS))[0], SPLITS)
    if "train" not in met:
        raise DataError(t("the data are split into {names}, but nothing is train.", names=", ".join(sorted(met))))
    decisions = [t("train, dev and test are as the data say.")] if {"dev", "test"} <= met else []
    if "dev" not in met:
        train = np.flatnonzero(names == "train")
        names[train] = cut(plan, train, {"dev": plan.dev})
        share = f"{100 * plan.dev:g}"
        sentence = t(
            "the data give no dev: {share} % of train were cut for it with seed {seed}.", share=share, seed=plan.seed
        )
        decisions += [sentence, *together(plan)]
    if "test" not in met:
        decisions.append(t("the data give no test: results on dev are the last word, and lean to the bright side."))
    return names, decisions


def by_source(plan: Plan) -> tuple[np.ndarray, list[str]]:
    """Named sources make dev and test, all others train. With one list for both, its examples are halved."""
    options = plan.options
    column = column_of(plan.dataset, options.source, "source")
    if column is None:
        raise UsageError(
            t(
                "no column says where examples come from. Name one: --set data.split.source=COLUMN (rumbo split: "
                "--source COLUMN). Columns: {columns}.",
                columns=_offered(plan.dataset),
            )
        )
    source = np.array([str(value) for value in plan.dataset.table[column].to_list()], dtype=object)
    met = sorted(set(source))
    for wanted in (*options.dev_sources, *options.test_sources):
        if wanted not in met:
            raise unknown_name("source", wanted, met)
    dev_sources, test_sources = options.dev_sources, options.test_sources
    if not dev_sources and not test_sources:
        raise UsageError(
            t(
                "say which sources make dev and test: --set data.split.dev_sources=A,B (rumbo split: --dev A,B). "
                "Sources: {sources}.",
                sources=", ".join(met[:30]),
            )
        )
    names = np.full(len(source), "train", dtype=object)
    if dev_sources and test_sources and not set(dev_sources) & set(test_sources):
        names[np.isin(source, dev_sources)] = "dev"
        names[np.isin(source, test_sources)] = "test"
        decisions = [
            t("by source: dev is {dev}, test is {test}.", dev=", ".join(dev_sources), test=", ".join(test_sources))
        ]
    else:
        both = tuple(dict.fromkeys((*dev_sources, *test_sources)))
        rows = np.flatnonzero(np.isin(source, both))
        names[rows] = "dev"
        decisions = [t("by source: dev is {sources}; there is no test, as asked.", sources=", ".join(both))]
        if options.test_fraction != 0:
            names[rows] = np.where(cut(plan, rows, {"test": 0.5}) == "test", "test", "dev")
            decisions = [t("by source: dev and test are halves of {sources}.", sources=", ".join(both))]
    if not (names == "train").any():
        raise DataError(t("the sources named hold all examples: nothing is left for train."))
    return names, decisions


def by_time(plan: Plan) -> tuple[np.ndarray, list[str]]:
    """The oldest make train, the newest test; examples of one moment, and copies, stay together."""
    column = plan.options.time
    if column is None:
        raise UsageError(
            t(
                "say which column holds the time: --set data.split.time=COLUMN (rumbo split: --time COLUMN). "
                "Columns: {columns}.",
                columns=_offered(plan.dataset),
            )
        )
    moments = times_of(plan.dataset.table[column_of(plan.dataset, column, "time") or ""], plan.dataset.ids)
    oldest = np.full(int(plan.units.max(initial=-1)) + 1, np.inf)
    np.minimum.at(oldest, plan.units, moments)
    moments = oldest[plan.units]
    distinct, counts = np.unique(moments, return_counts=True)
    shares = {name: share for name, share in (("test", plan.test), ("dev", plan.dev)) if share > 0}
    if len(distinct) <= len(shares):
        raise DataError(
            t(
                "column '{column}' has {count} different times; {names} and train need one each.",
                column=column,
                count=len(distinct),
                names=", ".join(shares),
            )
        )
    names, last, wanted = np.full(len(moments), "train", dtype=object), len(distinct), 0.0
    newer = np.concatenate([counts[::-1].cumsum()[::-1], [0]])  # examples from each moment on
    for place, (name, share) in enumerate(shares.items()):
        wanted += share * len(moments)
        low = len(shares) - place  # each split to come, and train, keeps a moment
        first = low + int(np.argmin(np.abs(newer[low:last] - wanted)))
        names[(moments >= distinct[first]) & (moments < (distinct[last] if last < len(distinct) else np.inf))] = name
        last = first
    return names, [t("by time: the newest by column '{column}' are test, the oldest train.", column=column)]


def deal_folds(plan: Plan) -> tuple[np.ndarray, list[str]]:
    """The fold of each example, from 1; 0 for what is test."""
    options = plan.options
    if options.folds is None:
        raise UsageError(t("say into how many parts: --set data.split.folds=5 (rumbo split: --folds 5)."))
    if (way := way_of(plan.dataset, options)) in ("source", "time"):
        raise UsageError(t("folds are dealt at random or by group; by={by} makes one split.", by=way))
    if options.fold > options.folds:
        raise UsageError(
            t("there are {folds} folds; fold {fold} is none of them.", folds=options.folds, fold=options.fold)
        )
    is_given = way == "given"
    names = np.full(len(plan.dataset), "train", dtype=object)
    if is_given:
        names[(plan.dataset.table["split"] == "test").to_numpy()] = "test"
    elif options.test_fraction:
        names = cut(plan, np.arange(len(plan.dataset)), {"test": options.test_fraction})
    rows = np.flatnonzero(names != "test")
    units, counts, sizes, order = _facts(plan, rows)
    if len(sizes) < options.folds and _has_groups(plan):
        raise DataError(
            t(
                "groups of examples that stay together: {count}; they are too few for {folds} folds.",
                count=len(sizes),
                folds=options.folds,
            )
        )
    if len(sizes) < options.folds:
        raise DataError(
            t("{count} different examples are too few for {folds} folds.", count=len(sizes), folds=options.folds)
        )
    shares = {str(fold + 1): 1 / options.folds for fold in range(options.folds)}
    folds = np.zeros(len(names), np.int64)
    folds[rows] = deal_labels(counts, sizes, shares, order)[units].astype(np.int64)
    decisions = [t("cut into {folds} folds with seed {seed}; each is dev once.", folds=options.folds, seed=plan.seed)]
    if options.dev_fraction is not None:
        decisions.append(
            t(
                "the share of dev, {share}, is not used: each fold is 1/{folds} of what is not test.",
                share=f"{options.dev_fraction:g}",
                folds=options.folds,
            )
        )
    return folds, decisions + together(plan)


def one_fold(plan: Plan) -> tuple[np.ndarray, list[str]]:
    """One fold is dev, the others train."""
    folds, decisions = deal_folds(plan)
    names = np.where(folds == 0, "test", np.where(folds == plan.options.fold, "dev", "train")).astype(object)
    return names, [*decisions, t("fold {fold} is dev.", fold=plan.options.fold)]


FOREIGN_FRACTION = 0.1
"""Share of train from sources that dev lacks, above which train and dev are not alike."""


def carve_train_dev(plan: Plan, names: np.ndarray) -> list[str]:
    """Where dev comes from elsewhere, a part of train is kept apart: it shows variance without the other source."""
    column = column_of(plan.dataset, plan.options.source, "source")
    share, usual, is_elsewhere = plan.options.train_dev_fraction, 0.0, False
    if column is not None:
        source = np.array([str(value) for value in plan.dataset.table[column].to_list()], dtype=object)
        train, dev = source[names == "train"], source[names == "dev"]
        is_elsewhere = bool(len(dev)) and float(np.mean(~np.isin(train, dev))) >= FOREIGN_FRACTION
        usual = min(plan.dev, len(dev) / len(train)) if is_elsewhere else 0.0  # more than dev has tells nothing more
    share = usual if share is None else share
    train_rows = np.flatnonzero(names == "train")
    if plan.options.by == "time":  # which tears groups apart between old and new, but here nothing goes by time
        plan = replace(plan, units=components(len(names), [plan.copies, plan.alike, *plan.known]))
    if share == 0 or (names == "train_dev").any() or len(set(plan.units[train_rows].tolist())) < 2:
        return []
    names[train_rows] = cut(plan, train_rows, {"train_dev": share})
    percent = f"{100 * share:.3g}"
    if is_elsewhere:
        return [t("train has sources that dev lacks: {share} % of train became train_dev.", share=percent)]
    return [t("{share} % of train became train_dev.", share=percent)]


def cut(plan: Plan, rows: np.ndarray, shares: dict[str, float]) -> np.ndarray:
    """The split of each of some rows: shares are taken from each stratum, what is left is train."""
    units, counts, sizes, order = _facts(plan, rows)
    if has_many_labels(plan.dataset) or any(groups.members for groups in plan.known):
        rest = 1 - sum(shares.values())
        split_of_unit = deal_labels(counts, sizes, {"train": rest, **shares}, order)
    else:
        stratum_of_unit = np.zeros(len(sizes), dtype=np.int64)
        stratum_of_unit[units[::-1]] = strata(plan.dataset, rows)[::-1]  # of the first row
        split_of_unit = deal_strata(stratum_of_unit, sizes, shares, order)
    missing = [name for name, share in shares.items() if share > 0 and not (split_of_unit == name).any()]
    if missing and _has_groups(plan):
        raise DataError(
            t(
                "groups of examples that stay together: {count} (examples: {rows}); they are too few to cut {names} "
                "from them. Name a column of more groups, add examples, give the splits yourself in folders train, dev "
                "and test, or let groups be torn apart, with results that are too good: --set data.split.by=random "
                "--set data.split.allow_leak=yes.",
                count=len(sizes),
                rows=len(rows),
                names=", ".join(missing),
            )
        )
    if missing:
        raise DataError(
            t(
                "{count} different examples are too few to cut {names} from them. Add examples, or give the splits "
                "yourself in folders train, dev and test.",
                count=len(sizes),
                names=", ".join(missing),
            )
        )
    return split_of_unit[units]


def _facts(plan: Plan, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Of some rows: the unit of each, the label counts and sizes of the units, and a shuffled order of them."""
    units = np.unique(plan.units[rows], return_inverse=True)[1].reshape(-1)
    sizes = np.bincount(units)
    order = rng(plan.seed, "split").permutation(len(sizes))
    return units, label_counts(plan.dataset, rows, units), sizes, order


def _has_groups(plan: Plan) -> bool:
    """Whether more than copies stay together."""
    return plan.options.by != "random" and any(groups.members for groups in plan.known)


def column_of(dataset: Dataset, wanted: str | None, usual: str) -> str | None:
    """The column that is named; without a name the usual one, where there is one."""
    if wanted is None:
        return usual if usual in dataset.table.columns else None
    if wanted not in dataset.table.columns:
        raise unknown_name("column", wanted, own_columns(dataset))
    return wanted


def own_columns(dataset: Dataset) -> list[str]:
    """The columns that a user may name: those of the data, none of ours."""
    return [name for name in dataset.table.columns if name not in RESERVED or name in ("source", "group")]


def _offered(dataset: Dataset) -> str:
    return ", ".join(own_columns(dataset)[:30]) or t("none")


def _refuse_known(dataset: Dataset, known: Sequence[Groups], options: SplitOptions) -> list[Groups]:
    """A random split would tear groups apart: it has to be asked for twice."""
    if known and not options.allow_leak:
        raise UsageError(
            t(
                "a random split would tear apart what belongs together, and results would be too good: {groups} Keep "
                "them together with --set data.split.by=group, or accept it with --set data.split.allow_leak=yes.",
                groups=" ".join(told(dataset, groups) for groups in known),
            )
        )
    return []


def together(plan: Plan) -> list[str]:
    """What was found, and whether it was kept together."""
    found = [groups for groups in plan.known if groups.members or groups.reason is Reason.COLUMN]
    if plan.options.by == "group" and plan.copies.members:
        found = [plan.copies, *found]
    decisions = [told(plan.dataset, groups) for groups in found]
    if found and plan.options.by == "random":
        decisions.append(t("they were torn apart, as asked: results on dev and test are too good."))
    elif found:
        decisions.append(t("rows of one group stay together."))
    return decisions
