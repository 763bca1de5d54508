"""Units dealt out to splits so that each split has its share of every class, label or range of numbers."""

import numpy as np

from rumbo.data.manifest import Dataset, TargetKind

NUM_QUANTILES = 10
"""Strata of a numeric target."""


def strata(dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    """The stratum of each row: its class, or the quantile of its number; 0 for other targets."""
    target = dataset.target
    if target is None or target.kind not in (TargetKind.CLASS, TargetKind.NUMBER):
        return np.zeros(len(rows), dtype=np.int64)
    column = dataset.table[target.columns[0]][rows]
    if target.kind is TargetKind.CLASS:
        code_of = {name: code for code, name in enumerate(target.classes)}
        return np.array([code_of[name] for name in column.to_list()], dtype=np.int64)
    ranks = np.argsort(np.argsort(column.to_numpy(), kind="stable"), kind="stable")
    return ranks * min(NUM_QUANTILES, len(rows)) // max(len(rows), 1)


def has_many_labels(dataset: Dataset) -> bool:
    """Whether an example has several labels at once."""
    return dataset.target is not None and dataset.target.kind in (TargetKind.LABELS, TargetKind.BOXES)


def label_counts(dataset: Dataset, rows: np.ndarray, units: np.ndarray) -> np.ndarray:
    """How many rows of each unit have each label: float64, units x labels.

    Labels are the classes, the quantiles of a number, the yes/no columns, or the categories of boxes that a picture
    shows, with one more for pictures without any.
    """
    target = dataset.target
    if target is not None and target.kind is TargetKind.LABELS:
        columns = [dataset.table[name][rows].fill_null(0).to_numpy() > 0 for name in target.columns]
        has = np.stack(columns, axis=1)
    elif target is not None and target.kind is TargetKind.BOXES:
        code_of = {name: code for code, name in enumerate(target.classes)}
        has = np.zeros((len(rows), len(code_of) + 1), bool)
        for place, boxes in enumerate(dataset.table["boxes"][rows].to_list()):
            shown = {code_of[box["class"]] for box in boxes or () if box["class"] in code_of}
            has[place, list(shown) or [len(code_of)]] = True
    else:
        stratum = strata(dataset, rows)
        has = np.zeros((len(rows), int(stratum.max(initial=0)) + 1), bool)
        has[np.arange(len(rows)), stratum] = True
    counts = np.zeros((int(units.max(initial=-1)) + 1, has.shape[1]))
    np.add.at(counts, units, has)
    return counts


def deal_strata(
    stratum_of_unit: np.ndarray, sizes: np.ndarray, shares: dict[str, float], order: np.ndarray
) -> np.ndarray:
    """The split of each unit, "train" for what is left: shares are taken from each stratum, in a given order.

    Args:
        stratum_of_unit: a number for each unit.
        sizes: examples in each unit.
        shares: of the examples, for each split but train.
        order: all units, shuffled.
    """
    split_of_unit = np.full(len(sizes), "train", dtype=object)
    for stratum in range(int(stratum_of_unit.max(initial=-1)) + 1):
        members = order[stratum_of_unit[order] == stratum]
        _deal(members, sizes, shares, split_of_unit)
    _fill_up(shares, sizes, order, stratum_of_unit, split_of_unit)
    return split_of_unit


def deal_labels(counts: np.ndarray, sizes: np.ndarray, shares: dict[str, float], order: np.ndarray) -> np.ndarray:
    """The split of each unit, by iterative stratification: the rarest label first, to the split that lacks it most.

    Units may be groups: these go first, the large ones before the small ones, and each counts with all its examples.
    Train has an example of every label; a split that stays empty gets the smallest unit of a split with several.

    Args:
        counts: examples of each unit with each label, units x labels.
        sizes: examples in each unit.
        shares: of the examples, for every split; their sum is 1.
        order: all units, shuffled.

    Source: Sechidis, Tsoumakas, Vlahavas 2011, "On the stratification of multi-label data", algorithm 1.
    """
    names, share = list(shares), np.array(list(shares.values()))
    lacks_items = share * sizes.sum()
    lacks_label = share[:, None] * counts.sum(axis=0)
    totals = np.maximum(counts.sum(axis=0), 1)
    split_of_unit = np.full(len(sizes), -1)
    left = counts.sum(axis=0)

    def give(unit: int, split: int) -> None:
        nonlocal left
        split_of_unit[unit] = split
        lacks_items[split] -= sizes[unit]
        lacks_label[split] -= counts[unit]
        left = left - counts[unit]

    queue = order[np.argsort(-sizes[order], kind="stable")]
    for unit in queue[sizes[queue] > 1].tolist():
        # A group brings several labels: it goes where most of its labels lack most of their share, if it has room.
        has_room = (share > 0) & (lacks_items >= sizes[unit] / 2)
        lacks = lacks_label @ (counts[unit] / totals) / np.maximum(share, 1e-12)
        give(unit, _neediest(np.where(has_room, lacks, -np.inf) if has_room.any() else lacks_items, lacks_items))
    while left.any():
        label = int(np.argmin(np.where(left > 0, left, np.inf)))
        for unit in queue[(split_of_unit[queue] < 0) & (counts[queue, label] > 0)].tolist():
            give(unit, _neediest(lacks_label[:, label], lacks_items))
    for unit in queue[split_of_unit[queue] < 0].tolist():
        give(unit, int(np.argmax(lacks_items)))
    if "train" in names:
        _teach_every_label(counts, sizes, split_of_unit, names.index("train"))
    for split in np.flatnonzero((share > 0) & (np.bincount(split_of_unit, minlength=len(share)) == 0)).tolist():
        num_units = np.bincount(split_of_unit, minlength=len(share))
        rich = [unit for unit in queue[::-1].tolist() if num_units[split_of_unit[unit]] > 1]
        if rich:
            split_of_unit[rich[0]] = split
    return np.array([names[split] for split in split_of_unit.tolist()], dtype=object)


def _teach_every_label(counts: np.ndarray, sizes: np.ndarray, split_of_unit: np.ndarray, train: int) -> None:
    """Where train has no example of a label, the smallest unit that has some moves there."""
    for label in np.flatnonzero(counts.any(axis=0)).tolist():
        holders = np.flatnonzero(counts[:, label] > 0)
        if not (split_of_unit[holders] == train).any():
            split_of_unit[holders[np.argmin(sizes[holders])]] = train


def _neediest(lacks: np.ndarray, lacks_items: np.ndarray) -> int:
    """The split that lacks most of the labels; among equals, most of examples."""
    most = np.flatnonzero(np.isclose(lacks, lacks.max()))
    return int(most[np.argmax(lacks_items[most])])


def _deal(members: np.ndarray, sizes: np.ndarray, shares: dict[str, float], split_of_unit: np.ndarray) -> None:
    """Give each split its share of a stratum's items, in the order of `members`; the last unit stays in train."""
    total, position = int(sizes[members].sum()), 0
    for name, share in shares.items():
        wanted, taken = round(share * total), 0
        # A unit goes in when that brings the sum nearer to what is wanted.
        while position < len(members) - 1 and taken + sizes[members[position]] / 2 <= wanted and taken < wanted:
            split_of_unit[members[position]] = name
            taken += int(sizes[members[position]])
            position += 1


def _fill_up(
    shares: dict[str, float],
    sizes: np.ndarray,
    order: np.ndarray,
    stratum_of_unit: np.ndarray,
    split_of_unit: np.ndarray,
) -> None:
    """Where strata are so small that a split got less than half of its share, move units there from train.

    Each stratum keeps a unit in train.
    """
    num_in_train = np.bincount(stratum_of_unit[split_of_unit == "train"], minlength=stratum_of_unit.max(initial=0) + 1)
    for name, share in shares.items():
        wanted, taken = share * sizes.sum(), sizes[split_of_unit == name].sum()
        if taken >= wanted / 2:
            continue
        for unit in order[split_of_unit[order] == "train"]:
            fits = taken == 0 or taken + sizes[unit] / 2 <= wanted
            if taken < wanted and fits and num_in_train[stratum_of_unit[unit]] > 1:
                split_of_unit[unit] = name
                taken += sizes[unit]
                num_in_train[stratum_of_unit[unit]] -= 1
