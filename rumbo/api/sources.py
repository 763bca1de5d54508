"""Data by path; `demo:digits` names the real set that ships with scikit-learn."""

from collections.abc import Callable
from pathlib import Path

from rumbo.api.config import RunConfig
from rumbo.core.errors import DataError, UsageError
from rumbo.core.messages import t
from rumbo.data import open_data
from rumbo.data.corrections import MADE_TARGETS, corrected, labelled_rows, read_corrections
from rumbo.data.demo import DIGITS, digits
from rumbo.data.manifest import Dataset
from rumbo.data.mixing import Addition, mix, parse_addition, unique_names
from rumbo.data.options import SplitOptions
from rumbo.data.splits.split import Split, make_split, split_from_file
from rumbo.runs import RunFolder, read_json


def open_source(
    path: str,
    *,
    base: Path,
    target: str | None = None,
    task: str | None = None,
    labelled: bool = True,
    categories: tuple[str, ...] = (),
) -> Dataset:
    """The data set at a path relative to a folder, or the embedded one; the rest is for `open_data`.

    Raises:
        UsageError: nothing is there.
        DataError: what is there cannot be used.
    """
    if path == DIGITS:
        return digits()
    whole = base / path
    if not whole.exists():
        raise UsageError(t("no data at '{path}': there is no such file or folder.", path=path))
    return open_data(whole, target=target, task=task, labelled=labelled, categories=categories)


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
    options = config.data

    def opened(path: str, labelled: bool) -> Dataset:
        return open_source(
            path, base=base, target=config.target, task=config.task, labelled=labelled, categories=categories
        )

    if options.corrections is None:
        main = opened(config.path, labelled)
    else:
        corrections = read_corrections(base / options.corrections)
        gives_labels = labelled and any(correction.field in MADE_TARGETS for correction in corrections)
        try:
            main = opened(config.path, labelled)
        except DataError:
            if not gives_labels:
                raise
            main = opened(config.path, False)  # the labels are in the corrections
        main = corrected(main, corrections)
        main = labelled_rows(main) if gives_labels else main
    if not options.mix:
        return main
    pairs = [parse_addition(text) for text in options.mix]
    names = unique_names([Path(path).resolve().name for path, _ in pairs])
    additions = [Addition(name, opened(path, True), weight) for name, (path, weight) in zip(names, pairs, strict=True)]
    if split_of is None:
        return mix(main, [None] * len(main), additions)
    split = split_of(main)
    of_id = dict(split.table.select("id", "split").iter_rows())
    return mix(main, [of_id.get(name) for name in main.ids], additions)


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
    options = SplitOptions(
        train_dev_fraction=asked.train_dev_fraction,
        near_duplicates=asked.near_duplicates,
        allow_leak=asked.allow_leak,
    )
    return make_split(dataset, options, config.seed)


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
