"""Data by path; `demo:digits` names the real set that ships with scikit-learn."""

import dataclasses
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from rumbo.api.config import RunConfig
from rumbo.core.errors import DataError, UsageError
from rumbo.core.messages import t
from rumbo.data import open_data
from rumbo.data.corrections import MADE_TARGETS, Correction, corrected, labelled_rows, read_corrections
from rumbo.data.demo import DIGITS, digits
from rumbo.data.manifest import Dataset
from rumbo.data.mixing import Addition, mix, parse_addition, unique_names
from rumbo.data.options import SplitOptions
from rumbo.data.pictures.decode import BadItem
from rumbo.data.splits.split import Split, make_split, split_from_file
from rumbo.runs import RunFolder, read_json

Progress = Callable[[str, int, int], None]
"""Told (what, done, of how many) while something long goes on."""


def open_source(
    path: str,
    *,
    base: Path,
    target: str | None = None,
    task: str | None = None,
    labelled: bool = True,
    categories: tuple[str, ...] = (),
    weights: str | None = None,
) -> Dataset:
    """The data set at a path relative to a folder, or the embedded one; the rest is for `open_data`.

    Raises:
        UsageError: nothing is there.
        DataError: what is there cannot be used.
    """
    if path == DIGITS:
        return digits()
    whole = base / path
    if not os.path.exists(whole):  # Path.exists raises for names that are too long
        raise UsageError(t("no data at '{path}': there is no such file or folder.", path=path))
    return open_data(whole, target=target, task=task, labelled=labelled, categories=categories, weights=weights)


def open_run_data(
    config: RunConfig,
    *,
    base: Path,
    categories: tuple[str, ...] = (),
    labelled: bool = True,
    split_of: Callable[[Dataset], Split] | None = None,
) -> Dataset:
    """The data of a run: its set with the corrections laid over it, and the sets that are added to train.

    Args:
        config: what the run was asked for; its paths are relative to `base`.
        base: a folder.
        categories: columns that a model takes as text.
        labelled: whether a target is needed.
        split_of: deals out the main set where others are added to it; none leaves its examples in no split.
    """

    def opened(path: str, corrections: str | None = None) -> Dataset:
        return open_corrected(
            path,
            base=base,
            target=config.target,
            task=config.task,
            labelled=labelled,
            categories=categories,
            weights=config.data.weights,
            corrections=None if corrections is None else read_corrections(base / corrections),
        )

    options = config.data
    main = _without_bookkeeping(opened(config.path, options.corrections), options.split)
    if not options.mix:
        return main
    pairs = [parse_addition(text) for text in options.mix]
    names = unique_names([Path(path).resolve().name for path, _ in pairs])
    additions = [
        Addition(name, _without_bookkeeping(opened(path), options.split), weight)
        for name, (path, weight) in zip(names, pairs, strict=True)
    ]
    if split_of is None:
        return mix(main, [None] * len(main), additions)
    split = split_of(main)
    main = dataclasses.replace(used_by(main, split), decisions=(*main.decisions, *split.decisions))
    of_id = dict(split.table.select("id", "split").iter_rows())
    splits = [of_id[name] for name in main.ids]
    column = options.split.group or "group"
    if column in main.table.columns:
        held = set(main.table.filter(~pl.Series(splits).str.starts_with("train"))[column].drop_nulls())
        additions = [_without_groups(addition, column, held) for addition in additions]
    return mix(main, splits, additions)


def _without_groups(addition: Addition, column: str, held: set[Any]) -> Addition:
    """Added examples but those of groups (patients, films) that dev or test hold."""
    dataset = addition.dataset
    if column not in dataset.table.columns:
        return addition
    is_held = dataset.table[column].is_in(list(held)).fill_null(False)
    if not is_held.any():
        return addition
    sentence = t(
        "examples of '{name}' whose {column} dev or test hold were left out: {count}.",
        name=addition.name,
        column=column,
        count=int(is_held.sum()),
    )
    kept = dataset.take((~is_held).to_numpy())
    return dataclasses.replace(addition, dataset=dataclasses.replace(kept, decisions=(*kept.decisions, sentence)))


def open_corrected(
    path: str, *, base: Path, corrections: Sequence[Correction] | None, labelled: bool = True, **request: Any
) -> Dataset:
    """The data set at a path with corrections laid over it, which may be all that gives it labels.

    Args:
        path: as for `open_source`.
        base: likewise.
        corrections: what is laid over; None for nothing.
        labelled: whether a target is needed.
        request: further arguments of `open_source`.
    """
    if corrections is None:
        return open_source(path, base=base, labelled=labelled, **request)
    gives_labels = labelled and any(correction.field in MADE_TARGETS for correction in corrections)
    try:
        dataset = open_source(path, base=base, labelled=labelled, **request)
    except DataError:
        if not gives_labels:
            raise
        dataset = open_source(path, base=base, labelled=False, **request)  # the labels are in the corrections
    dataset = corrected(dataset, corrections)
    return labelled_rows(dataset) if labelled else dataset


def _without_bookkeeping(dataset: Dataset, options: SplitOptions) -> Dataset:
    """A set whose columns that say how examples are dealt out are no inputs: a patient's number is none."""
    kept = {options.group, options.source, options.time}
    dropped = [name for name in (*dataset.numbers, *dataset.categories) if name in kept]
    if not dropped:
        return dataset
    return dataclasses.replace(
        dataset,
        numbers=tuple(name for name in dataset.numbers if name not in kept),
        categories=tuple(name for name in dataset.categories if name not in kept),
        decisions=(
            *dataset.decisions,
            t("columns that say how examples are dealt out are no inputs: {columns}.", columns=", ".join(dropped)),
        ),
    )


def deal_out_main(dataset: Dataset, config: RunConfig, base: Path) -> Split:
    """The split of a run's main set: read from a file, or made anew."""
    options = config.data.split
    if options.file is not None:
        return split_from_file(dataset, base / options.file, options)
    return make_split(dataset, options, config.seed)


def deal_out(dataset: Dataset, config: RunConfig, base: Path) -> Split:
    """The split of all examples of a run.

    Where sets were added to the main one, dev and test were cut from it before; here copies of them leave train.
    """
    if not config.data.mix:
        return deal_out_main(dataset, config, base)
    asked = config.data.split
    options = dataclasses.replace(
        asked, by="auto", time=None, dev_sources=(), test_sources=(), file=None, folds=None, fold=1
    )
    split = make_split(dataset, options, config.seed)
    of_main = t("train, dev and test are as the data say.")  # how they were cut is told with the main set
    return dataclasses.replace(split, decisions=tuple(told for told in split.decisions if told != of_main))


def rows_but(num_rows: int, bad: Sequence[BadItem]) -> np.ndarray:
    """The rows of a set that can be used."""
    return np.setdiff1d(np.arange(num_rows), [item.row for item in bad])


def used_by(dataset: Dataset, split: Split) -> Dataset:
    """The examples that a split deals out: those that leaked, or that it does not know, are in none."""
    return dataset.take(dataset.table["id"].is_in(split.table["id"].to_list()).to_numpy())


def require_same_data(dataset: Dataset, folder: RunFolder, path: str) -> None:
    """Stop where the examples of a run are no longer those that it began with: its split would deal out others.

    Raises:
        DataError: an example is missing, has another content, or stands elsewhere.
    """
    if dataset.sha256() != read_json(folder.data_check)["data_sha256"]:
        raise DataError(
            t("the data at '{path}' have changed since this run began; train anew without --resume.", path=path)
        )
