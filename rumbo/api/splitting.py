"""A data set dealt out to train, dev and test, or to folds, and written as a file."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from rumbo.api.config import RunConfig
from rumbo.api.sources import open_run_data
from rumbo.core.errors import DataError, StorageError, UsageError
from rumbo.core.messages import t
from rumbo.data.manifest import SPLITS, Dataset, TargetKind
from rumbo.data.options import DataOptions, SplitOptions
from rumbo.data.splits.split import Leak, Split, make_folds, make_split
from rumbo.data.splits.tables import bytes_of, read_table, require_ending
from rumbo.runs.files import write_file

DEFAULT_OUT = "split.parquet"
MAX_SHARE = 0.9
_PREFIX = "data.split."
_LISTED = "rumbo train --list-options"


@dataclass(frozen=True, kw_only=True)
class SplitFile:
    """What was written.

    Attributes:
        out: the file.
        items: examples in the data set.
        counts: split (or fold) -> examples; what is in none is not in it.
        classes: split (or fold) -> class -> examples that show it; None without classes.
        groups: what belongs together: reason, column, number of groups and of examples in them.
        leaks: what given splits share.
        sha256: of the split; None for folds.
        decisions: how it was made.
    """

    out: str
    items: int
    counts: dict[str, int]
    classes: dict[str, dict[str, int]] | None
    groups: tuple[dict[str, Any], ...]
    leaks: tuple[Leak, ...]
    sha256: str | None
    decisions: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON types."""
        found = asdict(self)
        return {**found, "groups": list(self.groups), "decisions": list(self.decisions), "leaks": found["leaks"]}


def split(
    path: str,
    *,
    by: str = "auto",
    dev: str | None = None,
    test: str | None = None,
    folds: int | None = None,
    group: str | None = None,
    source: str | None = None,
    time: str | None = None,
    target: str | None = None,
    corrections: str | Path | None = None,
    seed: int = 0,
    out: str | Path = DEFAULT_OUT,
    settings: Mapping[str, str] | None = None,
    base: Path | None = None,
) -> SplitFile:
    """Deal out the examples of a data set and write id and split (with folds: id and fold) as Parquet or CSV.

    Args:
        path: the data.
        by: auto, random, group, source or time.
        dev: its share, as 0.2, or the sources it is taken from, separated by commas.
        test: the same for test.
        folds: number of parts of a cross-validation.
        group: column of groups.
        source: column of sources.
        time: column of times.
        target: the target column, for the strata.
        corrections: a file laid over the data.
        seed: the same seed gives the same file.
        out: the file, .parquet or .csv; one that holds another split is not overwritten.
        settings: further options of splits, as text.
        base: the folder that `path` is relative to; the current one when not given.

    Raises:
        UsageError: what was asked for cannot be done.
        DataError: what is in the data cannot be used.
        StorageError: the file cannot be written.
    """
    require_ending(out)
    options = _options({"by": by, "group": group, "source": source, "time": time}, dev, test, folds, settings)
    laid = None if corrections is None else str(corrections)
    config = RunConfig(path=path, target=target, data=DataOptions(corrections=laid))
    dataset = open_run_data(config, base=base or Path())
    if options.folds is not None:
        table, decisions = make_folds(dataset, options, seed)
        made = make_split(dataset, replace(options, fold=1), seed)
        names = pl.Series(["test" if fold is None else str(fold) for fold in table["fold"].to_list()])
        order = [*map(str, range(1, options.folds + 1)), "test"]
        sha256 = None
    else:
        made = make_split(dataset, options, seed)
        table, decisions, sha256 = made.table, made.decisions, made.sha256
        names, order = table["split"], list(SPLITS)
    _write(Path(out), table)
    by_name = {name: table["id"].filter(names == name) for name in order}
    by_name = {name: ids for name, ids in by_name.items() if len(ids)}
    return SplitFile(
        out=str(out),
        items=len(dataset),
        counts={name: len(ids) for name, ids in by_name.items()},
        classes=_classes(dataset, by_name),
        groups=_groups(made),
        leaks=made.leaks,
        sha256=sha256,
        decisions=(*dataset.decisions, *decisions),
    )


def _options(
    named: Mapping[str, str | None],
    dev: str | None,
    test: str | None,
    folds: int | None,
    settings: Mapping[str, str] | None,
) -> SplitOptions:
    """Options from text; a share or a list of sources is told by whether it reads as a number."""
    texts = {name: value for name, value in named.items() if value is not None}
    for name, value in (("dev", dev), ("test", test)):
        if value is not None:
            if _is_number(value) and not 0 <= float(value) <= MAX_SHARE:
                raise UsageError(
                    t(
                        "--{name}={value} must be a share from 0 to {most}, as 0.2.",
                        name=name,
                        value=value,
                        most=MAX_SHARE,
                    )
                )
            texts[f"{name}_fraction" if _is_number(value) else f"{name}_sources"] = value
    if folds is not None:
        texts["folds"] = str(folds)
    texts |= {name.removeprefix(_PREFIX): value for name, value in (settings or {}).items()}
    if "file" in texts:
        raise UsageError(t("data.split.file is for rumbo train and rumbo check; a split is made from the data."))
    options = SplitOptions()
    for name, value in texts.items():
        options = options.override(name, value, where=_LISTED)
    return options


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _write(path: Path, table: pl.DataFrame) -> None:
    if not path.parent.is_dir():
        raise UsageError(t("the folder of --out '{path}' does not exist.", path=path))
    if path.exists() and not _holds(path, table):
        raise UsageError(
            t("'{path}' exists already and holds something else; name another file with --out.", path=path)
        )
    try:
        write_file(path, bytes_of(table, path))
    except OSError as error:
        raise StorageError(
            t("cannot write '{path}': {reason}.", path=path, reason=error.strerror or str(error))
        ) from None


def _holds(path: Path, table: pl.DataFrame) -> bool:
    try:
        return read_table(path).equals(table)
    except (DataError, UsageError, OSError):
        return False


def _classes(dataset: Dataset, by_name: Mapping[str, pl.Series]) -> dict[str, dict[str, int]] | None:
    """Examples of each class, or that show each category or have each label."""
    target = dataset.target
    if target is None or target.kind not in (TargetKind.CLASS, TargetKind.LABELS, TargetKind.BOXES):
        return None
    found: dict[str, dict[str, int]] = {}
    for name, ids in by_name.items():
        part = dataset.table.filter(pl.col("id").is_in(ids.to_list()))
        if target.kind is TargetKind.CLASS:
            found[name] = {label: int((part[target.columns[0]] == label).sum()) for label in target.classes}
        elif target.kind is TargetKind.LABELS:
            found[name] = {label: int((part[label] > 0).sum()) for label in target.columns}
        else:
            shown = [{box["class"] for box in boxes or ()} for boxes in part["boxes"].to_list()]
            found[name] = {label: sum(label in names for names in shown) for label in target.classes}
    return found


def _groups(made: Split) -> tuple[dict[str, Any], ...]:
    return tuple(
        {
            "reason": groups.reason.value,
            "column": groups.column or None,
            "groups": len(groups.members),
            "examples": groups.num_rows,
        }
        for groups in made.groups
        if groups.members
    )
