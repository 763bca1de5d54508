"""Checks of classes and yes/no labels: single, missing, rare, mixed differently, named twice."""

import re
from collections.abc import Callable, Iterable

import numpy as np
import polars as pl

from rumbo.core.messages import t
from rumbo.data.checks.columns import same_shares_p, variants
from rumbo.data.checks.facts import Facts
from rumbo.data.checks.findings import Finding
from rumbo.data.checks.found import found
from rumbo.data.manifest import SPLITS, TargetKind

RARE_CLASS = 10
SHARES_P = 1e-3
SHARES_DIFFERENCE = 0.03
"""Class shares are said to differ below this probability of chance, and by at least this much."""
EXPECTED_IN_DEV = 12
"""So many of a class expected in dev and none there has a probability below e^-12 = 6e-6."""
IMBALANCED = 0.95
"""Adult income, with 76 %, is usual; above 95 % always guessing one class beats most models in accuracy."""
HIDDEN = re.compile(
    r"^(\..*|__macosx|__pycache__|\$recycle\.bin|system volume information|lost\+found|thumbs|"
    r"(new|untitled) folder( ?\(?\d+\)?)?|nueva carpeta( ?\(?\d+\)?)?|carpeta sin título.*|@eadir)$",
    re.IGNORECASE,
)


def single(facts: Facts) -> Iterable[Finding]:
    """One class only, and classes that train lacks."""
    classes, counts = facts.classes, facts.class_counts
    if counts is None:
        return
    train = {name for name, count in counts["train"].items() if count}
    if classes is not None and len(train) == 1:
        message = t(
            "all {count} training examples are of one class, '{name}'.",
            count=len(facts.rows["train"]),
            name=next(iter(train)),
        )
        yield found("class.single", message, train, len(facts.rows["train"]))
    if facts.is_kind(TargetKind.LABELS):
        return
    for split in ("dev", "test"):
        unseen = sorted(name for name, count in counts[split].items() if count and name not in train)
        if unseen:
            message = t("{split} has classes that train lacks: {names}.", split=split, names=", ".join(unseen[:10]))
            remedy = t("add training examples of them, or remove them from {split}.", split=split)
            severity = "error" if classes is not None else "warning"
            yield found("class.missing_in_train", message, unseen, severity=severity, remedy=remedy)


def missing_in_dev(facts: Facts) -> Iterable[Finding]:
    """Classes that dev or test should have by their share in train."""
    counts = facts.class_counts
    if counts is None or facts.is_kind(TargetKind.LABELS) or not sum(counts["train"].values()):
        return
    for split in ("dev", "test"):
        ratio = sum(counts[split].values()) / sum(counts["train"].values())
        lacking = [
            name
            for name, count in counts["train"].items()
            if not counts[split][name] and count * ratio > EXPECTED_IN_DEV
        ]
        if lacking:
            message = t("{split} lacks classes that train has: {names}.", split=split, names=", ".join(lacking[:10]))
            yield found("class.missing_in_dev", message, lacking)


def rare(facts: Facts) -> Iterable[Finding]:
    """Classes with few examples, or none, or nearly all."""
    counts = facts.class_counts
    if counts is None or facts.target is None:
        return
    total = {name: sum(counts[split][name] for split in SPLITS) for name in facts.target.classes}
    if facts.is_kind(TargetKind.LABELS):
        return
    few = [name for name, count in total.items() if 0 < count < RARE_CLASS]
    if few:
        message = t(
            "classes with fewer than {limit} examples: {names}.",
            limit=RARE_CLASS,
            names=", ".join(f"{name} {total[name]}" for name in few[:10]),
        )
        yield found("class.rare", message, few)
    empty = [name for name, count in total.items() if count == 0]
    if empty and len(empty) < len(total):
        message = t("classes without an example: {names}.", names=", ".join(empty[:10]))
        yield found("class.empty", message, empty)
    most = max(total, key=lambda name: total[name])
    share = total[most] / max(1, sum(total.values()))
    if facts.classes is not None and len(total) > 1 and IMBALANCED < share < 1:
        message = t("{share} % of the examples are of class '{name}'.", share=f"{100 * share:.1f}", name=most)
        yield found("class.imbalanced", message, [most], total[most])


def shares(facts: Facts) -> Iterable[Finding]:
    """Classes whose shares in train and in dev or test differ by more than chance."""
    classes, target = facts.classes, facts.target
    if classes is None or target is None or len(facts.rows["train"]) == 0:
        return
    pairs = pl.DataFrame({"split": facts.given_splits, "class": classes}).group_by("split", "class").len()
    met = {(split, name): count for split, name, count in pairs.iter_rows()}
    counts = {
        split: np.array([met.get((split, name), 0) for name in target.classes], dtype=np.float64) for split in SPLITS
    }
    for split in ("dev", "test"):
        if counts[split].sum() == 0 or counts["train"].sum() == 0:
            continue
        parts = counts["train"] / counts["train"].sum(), counts[split] / counts[split].sum()
        worst = int(np.abs(parts[0] - parts[1]).argmax())
        difference = float(np.abs(parts[0] - parts[1]).max())
        if difference < SHARES_DIFFERENCE or same_shares_p(counts["train"], counts[split]) >= SHARES_P:
            continue
        message = t(
            "the classes are mixed differently: '{name}' is {train} % of train, but {other} % of {split}.",
            split=split,
            name=target.classes[worst],
            train=f"{100 * parts[0][worst]:.0f}",
            other=f"{100 * parts[1][worst]:.0f}",
        )
        yield found("class.shares_differ", message, [target.classes[worst]], int(counts[split].sum()))


def names(facts: Facts) -> Iterable[Finding]:
    """Names that mean the same, that programs gave, or numbers with a gap."""
    target = facts.target
    if target is None or facts.is_kind(TargetKind.POINTS):
        return
    if alike := variants(target.classes):
        message = t(
            "class names that differ only in how they are written: {names}.",
            names="; ".join(", ".join(f"'{name}'" for name in group) for group in alike[:10]),
        )
        yield found("class.case_variants", message, [name for group in alike for name in group])
    if hidden := [name for name in target.classes if HIDDEN.match(name)]:
        message = t("classes that are no classes by their names: {names}.", names=", ".join(hidden[:10]))
        yield found("class.hidden", message, hidden)
    numbers = sorted(int(name) for name in target.classes if re.fullmatch(r"\d{1,4}", name))
    if len(numbers) == len(target.classes) > 2:
        lacking = sorted(set(range(numbers[0], numbers[-1] + 1)) - set(numbers))
        if 0 < len(lacking) <= len(numbers) / 4:  # more gaps are no loss but another way to count
            message = t(
                "the classes are numbers from {low} to {high} without {names}.",
                low=numbers[0],
                high=numbers[-1],
                names=", ".join(map(str, lacking[:10])),
            )
            yield found("class.code_gap", message, [str(number) for number in lacking])


def mostly_copies(facts: Facts) -> Iterable[Finding]:
    """Classes with fewer than half as many different pictures (texts, sounds) as examples."""
    classes, dataset = facts.classes, facts.dataset
    if classes is None or (dataset.images is None and dataset.signals is None):
        return
    table = pl.DataFrame({"class": classes, "content": dataset.table["content"]})
    counts = table.group_by("class").agg(pl.len().alias("all"), pl.col("content").n_unique().alias("different"))
    few = counts.filter((pl.col("all") >= RARE_CLASS) & (pl.col("different") * 2 < pl.col("all"))).sort("class")
    if few.height:
        listed = ", ".join(
            t("{name} {different} of {all}", name=name, different=different, all=count)
            for name, count, different in few.head(10).iter_rows()
        )
        message = t("classes with few different examples: {names}.", names=listed)
        yield found("class.mostly_copies", message, few["class"].to_list())


def constant_labels(facts: Facts) -> Iterable[Finding]:
    """Yes/no columns with one answer in train."""
    if facts.target is None or not facts.is_kind(TargetKind.LABELS):
        return
    train = facts.dataset.table[facts.rows["train"]]
    constant = [name for name in facts.target.columns if train[name].drop_nulls().n_unique() < 2]
    if constant:
        message = t("labels with one answer in all training examples: {names}.", names=", ".join(constant[:10]))
        yield found("label.constant", message, constant)


CHECKS: tuple[Callable[[Facts], Iterable[Finding]], ...] = (
    single,
    missing_in_dev,
    rare,
    shares,
    names,
    mostly_copies,
    constant_labels,
)
