"""Train, dev and test: cut once, stratified, never across copies or groups, and kept as a file with a hash."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from rumbo.core.errors import DataError, UsageError, unknown_name
from rumbo.core.messages import t
from rumbo.data.manifest import SPLITS, Dataset
from rumbo.data.options import SplitOptions
from rumbo.data.splits.dealing import (
    Plan,
    as_given,
    at_random,
    by_source,
    by_time,
    carve_train_dev,
    deal_folds,
    fractions,
    make_plan,
    one_fold,
    way_of,
)
from rumbo.data.splits.groups import Groups, are_too_many
from rumbo.data.splits.hints import untold_groups
from rumbo.data.splits.leaks import TRAIN, Leak, LeakError, find_leaks, refusal
from rumbo.data.splits.near_duplicates import MAX_PICTURES
from rumbo.data.splits.tables import bytes_of, read_table

__all__ = ["Leak", "LeakError", "Split", "fractions", "make_folds", "make_split", "split_from_file"]


@dataclass(frozen=True, eq=False)
class Split:
    """Which example belongs where.

    Attributes:
        table: columns `id` and `split`, in the order of the data set; examples of no split are not in it.
        sha256: of the table's rows, sorted by id: the same for the same split, whatever the order.
        decisions: how it was made, finished sentences.
        leaks: what given splits share, and what was done about it.
        groups: what was found to belong together.
    """

    table: pl.DataFrame
    sha256: str
    decisions: tuple[str, ...] = ()
    leaks: tuple[Leak, ...] = ()
    groups: tuple[Groups, ...] = ()

    def rows(self, dataset: Dataset, name: str) -> np.ndarray:
        """Rows of a data set that belong to a split, ascending; examples the split does not know are in none."""
        if name not in SPLITS:
            raise unknown_name("split", name, SPLITS)
        inside = set(self.table.filter(pl.col("split") == name)["id"].to_list())
        return np.flatnonzero(dataset.table["id"].is_in(list(inside)).to_numpy()).astype(np.int64)

    def save(self, path: str | Path) -> None:
        """Write as Parquet, or as CSV where the name ends so."""
        Path(path).write_bytes(bytes_of(self.table, path))  # by name, polars takes stars as patterns

    @classmethod
    def load(cls, path: str | Path, fold: int | None = None) -> "Split":
        """Read what `save` wrote; the hash is computed anew, compare it with the run's.

        Args:
            path: a .parquet or .csv file with the columns id and split, or id and fold.
            fold: of a file with folds, the one that is dev; the other ones are train, and what has no fold is test.

        Raises:
            UsageError: there is no such file, or no such fold.
            DataError: it is no split.
        """
        table, decisions = read_table(path), ()
        if "fold" in table.columns:
            table = _of_fold(table, fold, path)
            decisions = (t("fold {fold} of '{path}' is dev, the others are train.", fold=fold, path=path),)
        elif fold not in (None, 1):
            raise UsageError(t("'{path}' holds no folds: leave out data.split.fold={fold}.", path=path, fold=fold))
        return cls(table, _sha256(table), decisions)


def make_split(dataset: Dataset, options: SplitOptions, seed: int) -> Split:
    """Deal out the examples: as the data say, else at random, stratified by the target.

    Exact copies, members of a group and near duplicates stay together. Every class keeps at least one example in
    train. Given splits are respected: only a missing dev is cut, from train, and the few examples of train that dev or
    test hold too are taken out.

    Args:
        dataset: the examples, with their target.
        options: shares of dev and test, None going by the number of examples; by what is cut; what may leak.
        seed: of the run; the same seed gives the same split.

    Raises:
        LeakError: given splits share more than 1 % of the examples.
        DataError: too few examples, or no train among given splits.
        UsageError: shares of one or more; a random split of known groups; no such column, source or fold.
    """
    if options.folds is None and options.fold != 1:
        raise UsageError(
            t(
                "data.split.fold={fold} says which of several folds is dev: say into how many the examples are cut, "
                "as in data.split.folds=5, or name a file of folds with data.split.file.",
                fold=options.fold,
            )
        )
    plan = make_plan(dataset, options, seed)
    if options.folds is not None:
        names, decisions = one_fold(plan)
    else:
        names, decisions = {
            "given": as_given,
            "random": at_random,
            "source": by_source,
            "time": by_time,
        }[way_of(dataset, options)](plan)
    return _finish(plan, names, decisions)


def make_folds(dataset: Dataset, options: SplitOptions, seed: int) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """The parts of a cross-validation: `id` and `fold`, from 1; stratified, groups together; null for test.

    Raises:
        UsageError: no number of folds.
        DataError: fewer units than folds.
    """
    plan = make_plan(dataset, options, seed)
    folds, decisions = deal_folds(plan)
    decisions += [note for groups in plan.known for note in groups.notes]
    decisions += untold_groups(plan, np.array([str(fold or "") for fold in folds.tolist()], dtype=object))
    column = pl.Series([fold or None for fold in folds.tolist()], dtype=pl.Int64)
    return pl.DataFrame({"id": dataset.table["id"], "fold": column}), tuple(decisions)


def split_from_file(dataset: Dataset, path: str | Path, options: SplitOptions) -> Split:
    """The split in a file, for a data set: looked through for leaks as given splits are.

    Raises:
        UsageError: there is no such file or fold.
        DataError: no split, or one of other data.
        LeakError: a split that shares more than 1 % of the examples.
    """
    read = Split.load(path, options.fold)
    name_of = dict(read.table.iter_rows())
    names = np.array([name_of.get(name, "") for name in dataset.ids], dtype=object)
    if not (names == "train").any():
        raise DataError(
            t(
                "none of the {count} examples is in train by '{path}'; it is the split of other data.",
                count=len(dataset),
                path=path,
            )
        )
    decisions = [t("the split was read from '{path}'.", path=path), *read.decisions]
    if unknown := int((names == "").sum()):
        decisions.append(t("examples that it does not name, and that are in no split: {count}.", count=unknown))
    return _finish(make_plan(dataset, options, 0), names, decisions, path)


def _finish(plan: Plan, names: np.ndarray, decisions: list[str], path: str | Path | None = None) -> Split:
    """Look for leaks, carve train_dev, count; `path` is the file that the splits were read from."""
    names = names.copy()
    leaks, told, num_too_many = find_leaks(plan, names)
    if num_too_many:
        given = _split(plan, names, [*decisions, *told], leaks)
        raise LeakError(refusal(leaks, int(np.isin(names, TRAIN).sum()), path), given)
    for leak in leaks:
        if leak.action == "removed":
            names[plan.dataset.table["id"].index_of(leak.id)] = ""
    decisions = [*decisions, *told, *carve_train_dev(plan, names)]
    hints = untold_groups(plan, names) if path is None else []
    return _split(plan, names, [*decisions, *hints], leaks)


def _split(plan: Plan, names: np.ndarray, decisions: list[str], leaks: tuple[Leak, ...]) -> Split:
    """The examples with a name, and how many each split has."""
    if plan.options.near_duplicates and are_too_many(plan.dataset):
        limit = f"{MAX_PICTURES:,}"
        decisions.append(t("near duplicates were not looked for: there are more than {limit} pictures.", limit=limit))
    decisions += [note for groups in plan.known for note in groups.notes]
    counts = ", ".join(f"{name} {int((names == name).sum())}" for name in SPLITS if (names == name).any())
    decisions.append(t("examples: {counts}.", counts=counts))
    inside = np.flatnonzero(names != "")
    ids, column = plan.dataset.table["id"][inside], pl.Series(names[inside].tolist(), dtype=pl.String)
    table = pl.DataFrame({"id": ids, "split": column})
    return Split(table, _sha256(table), tuple(decisions), leaks, (plan.copies, *plan.known))


def _of_fold(table: pl.DataFrame, fold: int | None, path: str | Path) -> pl.DataFrame:
    known = sorted(table["fold"].drop_nulls().unique().to_list())
    if fold not in known:
        raise UsageError(
            t(
                "'{path}' holds folds: say which one is dev with --set data.split.fold=N (there are {folds}).",
                path=path,
                folds=", ".join(map(str, known)),
            )
        )
    name = pl.when(pl.col("fold").is_null()).then(pl.lit("test"))
    return table.select(
        "id", name.when(pl.col("fold") == fold).then(pl.lit("dev")).otherwise(pl.lit("train")).alias("split")
    )


def _sha256(table: pl.DataFrame) -> str:
    """Over `length of id:id split` lines, sorted by id: no id can imitate another row."""
    digest = hashlib.sha256()
    for name, split in table.sort("id").iter_rows():
        digest.update(f"{len(name)}:{name} {split}\n".encode())
    return digest.hexdigest()
