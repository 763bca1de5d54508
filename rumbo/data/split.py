"""Train, dev and test: cut once, stratified, never across copies or groups, and kept as a file with a hash."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from rumbo.core.errors import DataError, UsageError, unknown_name
from rumbo.core.messages import t
from rumbo.core.seeds import rng
from rumbo.data.manifest import SPLITS, Dataset, TargetKind
from rumbo.data.options import SplitOptions
from rumbo.ops.parquet import read_parquet

NUM_QUANTILES = 10
"""Strata of a numeric target."""


@dataclass(frozen=True, eq=False)
class Split:
    """Which example belongs where.

    Attributes:
        table: columns `id` and `split` (train, dev, test), in the order of the data set.
        sha256: of the table's rows, sorted by id: the same for the same split, whatever the order.
        decisions: how it was made, finished sentences.
    """

    table: pl.DataFrame
    sha256: str
    decisions: tuple[str, ...] = ()

    def rows(self, dataset: Dataset, name: str) -> np.ndarray:
        """Rows of a data set that belong to a split, ascending; examples the split does not know are in none."""
        if name not in SPLITS:
            raise unknown_name("split", name, SPLITS)
        inside = set(self.table.filter(pl.col("split") == name)["id"].to_list())
        return np.flatnonzero(dataset.table["id"].is_in(list(inside)).to_numpy()).astype(np.int64)

    def save(self, path: str | Path) -> None:
        """Write as Parquet."""
        with open(path, "wb") as file:  # by name, polars takes no bytes beyond UTF-8, and stars as patterns
            self.table.write_parquet(file)

    @classmethod
    def load(cls, path: str | Path) -> "Split":
        """Read what `save` wrote; the hash is computed anew, compare it with the run's.

        Raises:
            UsageError: there is no such file.
            DataError: it is no split.
        """
        if not Path(path).is_file():
            raise UsageError(t("'{path}' does not exist; it should hold the split.", path=path))
        table = read_parquet(Path(path).read_bytes(), str(path))
        wanted = {"id": pl.String, "split": pl.String}
        if (
            dict(table.schema) != wanted
            or not set(table["split"].unique()) <= set(SPLITS)
            or table["id"].is_duplicated().any()
        ):
            raise DataError(t("'{path}' is no split: it needs the columns id and split, each id once.", path=path))
        return cls(table, _sha256(table))


def make_split(dataset: Dataset, options: SplitOptions, seed: int) -> Split:
    """Deal out the examples: as the data say, else at random, stratified by the target.

    Exact copies (same `content`) and members of a `group` stay together. Every class keeps at least one example in
    train. Given splits are respected: only a missing dev is cut, from train.

    Args:
        dataset: the examples, with their target.
        options: shares of dev and test; None goes by the number of examples.
        seed: of the run; the same seed gives the same split.

    Raises:
        DataError: too few examples, or no train among given splits.
        UsageError: shares of one or more.
    """
    dev_fraction, test_fraction = fractions(len(dataset), options)
    if "split" in dataset.table.columns:
        names, decisions = _complete(dataset, dev_fraction, seed)
    else:
        names = _cut(dataset, np.arange(len(dataset)), {"test": test_fraction, "dev": dev_fraction}, seed)
        decisions = [
            t(
                "split at random with seed {seed}: {dev} % for dev, {test} % for test.",
                seed=seed,
                dev=f"{100 * dev_fraction:g}",
                test=f"{100 * test_fraction:g}",
            )
        ]
    if "group" in dataset.table.columns:
        decisions.append(t("rows of one group stay together."))
    counts = ", ".join(f"{name} {int((names == name).sum())}" for name in SPLITS)
    decisions.append(t("examples: {counts}.", counts=counts))
    table = pl.DataFrame({"id": dataset.table["id"], "split": pl.Series(names.tolist(), dtype=pl.String)})
    return Split(table, _sha256(table), tuple(decisions))


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


def _complete(dataset: Dataset, dev_fraction: float, seed: int) -> tuple[np.ndarray, list[str]]:
    """Respect given splits; cut dev from train where it is missing."""
    names = np.array(dataset.table["split"].to_list(), dtype=object)
    met = {str(name) for name in names}
    if not met <= set(SPLITS):
        raise unknown_name("split", sorted(met - set(SPLITS))[0], SPLITS)
    if "train" not in met:
        raise DataError(t("the data are split into {names}, but nothing is train.", names=", ".join(sorted(met))))
    decisions = [t("train, dev and test are as the data say.")] if len(met) == 3 else []
    if "dev" not in met:
        train = np.flatnonzero(names == "train")
        names[train] = _cut(dataset, train, {"dev": dev_fraction}, seed)
        share = f"{100 * dev_fraction:g}"
        sentence = t(
            "the data give no dev: {share} % of train were cut for it with seed {seed}.", share=share, seed=seed
        )
        decisions.append(sentence)
    if "test" not in met:
        decisions.append(t("the data give no test: results on dev are the last word, and lean to the bright side."))
    return names, decisions


def _cut(dataset: Dataset, rows: np.ndarray, shares: dict[str, float], seed: int) -> np.ndarray:
    """The split of each of some rows: shares are taken from each stratum, what is left is train."""
    units = _units(dataset, rows)
    sizes = np.bincount(units)
    strata = _strata(dataset, rows)
    stratum_of_unit = np.zeros(len(sizes), dtype=np.int64)
    stratum_of_unit[units[::-1]] = strata[::-1]  # of the first row
    split_of_unit = np.full(len(sizes), "train", dtype=object)
    order = rng(seed, "split").permutation(len(sizes))
    for stratum in range(int(strata.max(initial=-1)) + 1):
        members = order[stratum_of_unit[order] == stratum]
        _deal(members, sizes, shares, split_of_unit)
    _fill_up(shares, sizes, order, stratum_of_unit, split_of_unit)
    if missing := [name for name, share in shares.items() if share > 0 and not (split_of_unit == name).any()]:
        raise DataError(
            t(
                "{count} different examples are too few to cut {names} from them. Add examples, or give the splits "
                "yourself in folders train, dev and test.",
                count=len(sizes),
                names=", ".join(missing),
            )
        )
    return split_of_unit[units]


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


def _units(dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    """A number for each row, from 0 in the order of appearance; rows that must stay together share it."""
    columns = [name for name in ("content", "group") if name in dataset.table.columns]
    parent = np.arange(len(rows))

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    for column in columns:
        first: dict[str, int] = {}
        for row, key in enumerate(dataset.table[column][rows].to_list()):
            other = first.setdefault(key, row)
            if other != row:
                low, high = sorted((root(other), root(row)))
                parent[high] = low
    roots = np.array([root(row) for row in range(len(rows))], dtype=np.int64)
    return np.unique(roots, return_inverse=True)[1].reshape(-1)


def _strata(dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    """The stratum of each row: its class, the quantile of its number, or the rarest of its labels."""
    if dataset.target is None:
        return np.zeros(len(rows), dtype=np.int64)
    columns = [dataset.table[name][rows] for name in dataset.target.columns]
    if dataset.target.kind is TargetKind.CLASS:
        code_of = {name: code for code, name in enumerate(dataset.target.classes)}
        return np.array([code_of[name] for name in columns[0].to_list()], dtype=np.int64)
    if dataset.target.kind is TargetKind.NUMBER:
        ranks = np.argsort(np.argsort(columns[0].to_numpy(), kind="stable"), kind="stable")
        return ranks * min(NUM_QUANTILES, len(rows)) // max(len(rows), 1)
    labels = np.stack([column.fill_null(0).to_numpy() for column in columns], axis=1)
    by_rarity = np.argsort(labels.sum(axis=0), kind="stable")
    has_any = labels.any(axis=1)
    return np.where(has_any, labels[:, by_rarity].argmax(axis=1) + 1, 0)


def _sha256(table: pl.DataFrame) -> str:
    """Over `length of id:id split` lines, sorted by id: no id can imitate another row."""
    digest = hashlib.sha256()
    for name, split in table.sort("id").iter_rows():
        digest.update(f"{len(name)}:{name} {split}\n".encode())
    return digest.hexdigest()
