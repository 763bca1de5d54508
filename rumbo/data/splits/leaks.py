"""What given splits share: the same example on two sides, and groups that are torn apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from rumbo.core.errors import DataError
from rumbo.core.messages import t
from rumbo.data.splits.dealing import Plan
from rumbo.data.splits.groups import Groups, Reason, told

if TYPE_CHECKING:
    from rumbo.data.splits.split import Split

MAX_LEAK = 0.01
"""Share of the examples that are taken out of train where given splits share them; with more, training stops."""


class LeakError(DataError):
    """Given splits share more than is taken out of train.

    Args:
        message: how many, the first ones, and what to do.
        split: as it was given, with all its leaks.
    """

    def __init__(self, message: str, split: "Split"):
        super().__init__(message)
        self.split = split


TRAIN = ("train", "train_dev")


@dataclass(frozen=True, kw_only=True)
class Leak:
    """An example of one split that stands in another one too.

    Attributes:
        code: the check it counts under: the same bytes, nearly the same picture, or of one group.
        id: the example.
        split: where it was met.
        twin: what it equals.
        twin_split: where that is.
        action: whether it was taken out of train.
    """

    code: Literal["leak.exact_duplicate", "leak.near_duplicate", "leak.group"]
    id: str
    split: str
    twin: str
    twin_split: str
    action: Literal["removed", "kept"]


def find_leaks(plan: Plan, names: np.ndarray) -> tuple[tuple[Leak, ...], list[str], int]:
    """What two splits share; examples of train are to be removed while they are few.

    Returns:
        Leaks, decisions, and how many of train are too many to be removed: 0 where they are few, or were allowed.
    """
    near = [groups for groups in plan.known if groups.reason is Reason.NEAR]
    found: dict[int, tuple[int, str]] = {}
    for code, groups in (("leak.exact_duplicate", plan.copies), *(("leak.near_duplicate", kind) for kind in near)):
        for row, twin in _straddling(groups, names):
            found.setdefault(row, (twin, code))
    if plan.options.by == "random" and plan.options.allow_leak:
        found = {row: fact for row, fact in found.items() if fact[1] == "leak.exact_duplicate"}
    in_train = [row for row in found if names[row] in TRAIN]
    is_few, is_allowed = len(in_train) <= MAX_LEAK * len(names), plan.options.allow_leak
    removed = set(in_train) if is_few and not is_allowed else set()
    ids = plan.dataset.table["id"]
    leaks = [
        Leak(
            code=code,  # type: ignore[arg-type]
            id=ids[row],
            split=names[row],
            twin=ids[twin],
            twin_split=names[twin],
            action="removed" if row in removed else "kept",
        )
        for row, (twin, code) in sorted(found.items())
    ]
    decisions: list[str] = []
    if leaks:
        first = leaks[0]
        facts = {"one": first.id, "split": first.split, "other": first.twin, "twin_split": first.twin_split}
        if removed:
            decisions.append(
                t("examples of train that stand in dev or test too were taken out: {count}.", count=len(removed))
            )
        if len(removed) < len(leaks):
            decisions.append(
                t("examples that stand in two splits and were kept: {count}.", count=len(leaks) - len(removed))
            )
        decisions.append(t("the first is '{one}' ({split}), as '{other}' ({twin_split}).", **facts))
    num_too_many = 0 if is_few or is_allowed else len(in_train)
    return tuple(leaks), decisions + _torn(plan, names), num_too_many


def refusal(leaks: Sequence[Leak], num_train: int, path: str | Path | None = None) -> str:
    """Why splits that share too much are not used, and what to do.

    Args:
        leaks: what they share.
        num_train: examples of train.
        path: the file that the splits were read from; None where the data give them.
    """
    of_train = [leak for leak in leaks if leak.split in TRAIN]
    pairs = [
        t("'{one}' is in train, '{other}' in {split}.", one=leak.id, other=leak.twin, split=leak.twin_split)
        for leak in of_train[:3]
    ]
    facts = {
        "count": len(of_train),
        "total": num_train,
        "exact": sum(leak.code == "leak.exact_duplicate" for leak in of_train),
        "near": sum(leak.code == "leak.near_duplicate" for leak in of_train),
        "pairs": " ".join(pairs),
    }
    if path is not None:
        return t(
            "{count} of {total} examples of train stand in dev or test too, {exact} byte for byte and {near} nearly: "
            "results would be too good. {pairs} The splits are those of '{path}': make that file anew with rumbo "
            "split, which keeps copies together, or accept it with --set data.split.allow_leak=yes.",
            path=path,
            **facts,
        )
    return t(
        "{count} of {total} examples of train stand in dev or test too, {exact} byte for byte and {near} nearly: "
        "results would be too good. {pairs} Remove them from one of the splits, cut anew with --set "
        "data.split.by=group, which keeps copies together, or accept it with --set data.split.allow_leak=yes.",
        **facts,
    )


def _torn(plan: Plan, names: np.ndarray) -> list[str]:
    """Groups, frames and bursts on both sides of given splits, which only their giver can put right."""
    decisions: list[str] = []
    for groups in plan.known:
        torn = [rows for rows in groups.members if len({*names[rows]} - {""}) > 1]
        if groups.reason is not Reason.NEAR and torn and plan.options.by != "random":
            decisions.append(
                t(
                    "groups of which some examples are in train and others in dev or test: {count}. {groups} Results "
                    "say little about new groups; --set data.split.by=group keeps them together.",
                    count=len(torn),
                    groups=told(plan.dataset, groups),
                )
            )
    return decisions


def _straddling(groups: Groups, names: np.ndarray) -> list[tuple[int, int]]:
    """(row, twin in another split): every row of train with a twin in dev or test; of dev and test, the later ones."""
    found: list[tuple[int, int]] = []
    for rows in groups.members:
        first_of: dict[str, int] = {}
        for row in rows.tolist():
            side = "train" if names[row] in TRAIN else str(names[row])
            first_of.setdefault(side, row)
        first_of.pop("", None)
        if len(first_of) < 2:
            continue
        keeper = "test" if "test" in first_of else "dev"
        for row in rows.tolist():
            side = "train" if names[row] in TRAIN else str(names[row])
            if side not in ("", keeper):
                found.append((row, first_of[keeper]))
    return found
