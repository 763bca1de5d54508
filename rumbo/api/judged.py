"""The predictions of one split of a run, joined with the run's data where these are still there."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from rumbo.api.run import Run, as_run
from rumbo.api.sources import open_run_data, require_same_data, used_by
from rumbo.core.errors import DataError, RumboError, UsageError, unknown_name
from rumbo.core.messages import t
from rumbo.data.manifest import SPLITS, Dataset
from rumbo.data.splits.split import Split
from rumbo.runs import read_predictions
from rumbo.strategy.error_table import wrong_examples
from rumbo.tasks.task import DatasetTask, Predictions


@dataclass(frozen=True, eq=False, kw_only=True)
class Judged:
    """A split of a finished run.

    Attributes:
        run: the run.
        split: its name.
        task: of the model.
        predictions: of the examples whose truth is known.
        dataset: the run's data; None where they have gone or changed.
        rows: the row of each prediction in `dataset`.
        train: the rows of the training examples.
        remarks: what could not be had, finished sentences.
    """

    run: Run
    split: str
    task: DatasetTask
    predictions: Predictions
    dataset: Dataset | None
    rows: np.ndarray
    train: np.ndarray
    remarks: tuple[str, ...]

    @cached_property
    def errors(self) -> np.ndarray:
        """How wrong each example is; see `DatasetTask.item_errors`."""
        return np.asarray(self.task.item_errors(self.predictions), dtype=np.float64)

    @cached_property
    def wrong(self) -> np.ndarray:
        """Which count as wrong."""
        return wrong_examples(self.errors, self.task.error_kind)


def judged(run: Run | str | Path, split: str) -> Judged:
    """Read the predictions of a split, and open the data.

    Raises:
        UsageError: no such split, or none in this run.
        DataError: the run has not finished, or its labels are unknown there.
    """
    if split not in SPLITS:
        raise unknown_name("split", split, SPLITS)
    opened = as_run(run)
    task = opened.model.task
    present = [name for name in SPLITS if (opened.folder.predictions / f"{name}.parquet").is_file()]
    if present and split not in present:
        raise UsageError(
            t(
                "the run has no split '{split}'; it has: {present}.",
                split=split,
                present=", ".join(present),
            )
        )
    predictions = _with_truth(task.from_table(read_predictions(opened.folder.predictions, split)), split)
    remarks: list[str] = []
    if split == "test":
        remarks.append(
            t("These are test examples: whoever looks at them begins to fit them, and test no longer tells the truth.")
        )
    dataset, rows, train = None, np.zeros(0, np.int64), np.zeros(0, np.int64)
    try:
        dataset, rows, train = _data(opened, predictions.ids)
    except RumboError as problem:
        remarks.append(
            t("The run's data cannot be used, so only the predictions are looked at: {problem}", problem=str(problem))
        )
    return Judged(
        run=opened,
        split=split,
        task=task,
        predictions=predictions,
        dataset=dataset,
        rows=rows,
        train=train,
        remarks=tuple(remarks),
    )


def taken(predictions: Predictions, rows: np.ndarray) -> Predictions:
    """The predictions of some rows."""
    return replace(
        predictions,
        ids=tuple(predictions.ids[row] for row in rows.tolist()),
        outputs=predictions.outputs[rows],
        truth=None if predictions.truth is None else predictions.truth[rows],
        weights=predictions.weights[rows],
    )


def _with_truth(predictions: Predictions, split: str) -> Predictions:
    """Those whose truth is known, at least in part."""
    truth = predictions.truth
    known = np.zeros(len(predictions.ids), dtype=bool)
    if truth is not None:
        missing = np.isnan(truth) if truth.dtype.kind == "f" else np.zeros(truth.shape, dtype=bool)
        known = ~missing if truth.ndim == 1 else ~missing.all(axis=1)
    if not known.any():
        raise DataError(t("no label of split '{split}' is known, so that nothing can be called wrong.", split=split))
    return predictions if known.all() else taken(predictions, np.flatnonzero(known))


def _data(run: Run, ids: tuple[str, ...]) -> tuple[Dataset, np.ndarray, np.ndarray]:
    """The run's examples, the rows of some ids, and those of train."""
    dataset = open_run_data(run.config, base=run.path, categories=run.model.preprocess.category_names)
    split = Split.load(run.folder.split)
    dataset = used_by(dataset, split)
    require_same_data(dataset, run.folder, run.config.path)
    row_of = {name: row for row, name in enumerate(dataset.ids)}
    if missing := [name for name in ids if name not in row_of]:
        raise DataError(t("the data lack the example '{id}'.", id=missing[0]))
    return dataset, np.array([row_of[name] for name in ids], dtype=np.int64), split.rows(dataset, "train")
