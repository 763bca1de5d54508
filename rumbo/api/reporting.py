"""A run's report, made from the files of its folder, so that it can be made again in another language."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rumbo import metrics
from rumbo.api.answers import answer_of
from rumbo.api.diagnosing import diagnosis_of
from rumbo.api.run import Run, as_run
from rumbo.api.sources import open_run_data
from rumbo.core.errors import RumboError
from rumbo.core.messages import language
from rumbo.data.files import safe_name
from rumbo.data.manifest import Dataset
from rumbo.data.pictures.decode import prepare
from rumbo.data.splits.split import Split
from rumbo.plots import ReportData, write_report
from rumbo.runs import RunFolder, read_json, read_predictions, read_results
from rumbo.strategy.steps import next_steps
from rumbo.tasks.task import DatasetTask, Predictions
from rumbo.tasks.trained import TrainedModel

NUM_WRONG = 100
"""As many as the notes look at."""
PICTURE_PX = 96
NUM_SCATTERED = 4_000
"""Points of a regression that are drawn."""


def report(run: Run | str | Path) -> Path:
    """Write report.html again in the language in force; returns its path.

    Pictures of wrong examples need the run's data; where these have gone, the report is made without pictures.

    Raises:
        DataError: the run has not finished.
    """
    opened = as_run(run)
    facts = opened.summary
    trained, config = opened.model, opened.config
    try:
        dataset = open_run_data(config, base=opened.path)
    except RumboError:
        dataset = None
    data = build_report(opened.folder, facts, dataset, trained, read_results(opened.folder.results))
    write_report(opened.folder.report_html, data)
    return opened.folder.report_html


def build_report(
    folder: RunFolder,
    facts: Mapping[str, Any],
    dataset: Dataset | None,
    trained: TrainedModel,
    history: Mapping[str, list[float]],
) -> ReportData:
    """Everything that the report tells.

    Args:
        folder: of the run.
        facts: numbers of the finished run, as report.json has them.
        dataset: for pictures and the reason of the target; None where the data have gone.
        trained: the model, for the meaning of predictions.
        history: columns of results.csv.
    """
    task = trained.task
    check = read_json(folder.data_check)
    split = Split.load(folder.split)
    # Wrong examples of dev, not of test: whoever looks at test examples begins to fit them.
    shown_split = next(name for name in ("dev", "test", "train") if name in facts["metrics"])
    table = read_predictions(folder.predictions, shown_split)
    predictions = task.from_table(table)
    diagnosis = diagnosis_of(
        task, {name: task.from_table(read_predictions(folder.predictions, name)) for name in facts["metrics"]}
    )
    names = list(history)
    rows = [dict(zip(names, values, strict=True)) for values in zip(*history.values(), strict=True)]
    where = f"runs/{facts['run']}" if folder.path.parent.name == "runs" else facts["run"]
    return ReportData(
        title=safe_name(Path(os.path.abspath(dataset.path)).name) if dataset is not None else facts["run"],
        run=facts["run"],
        created=facts["created"],
        language=language(),
        task=facts["task"],
        target=_target(dataset, facts),
        model=facts["model"],
        parameters=facts["parameters"],
        data_format=dataset.format if dataset is not None else "",
        decisions=check["decisions"],
        splits=_splits(split, task, folder, facts),
        findings=check["findings"],
        history=rows,
        best_epoch=facts["best_epoch"],
        goal=facts["goal"],
        metrics=facts["metrics"],
        diagnosis=diagnosis.to_dict(),
        next_steps=next_steps(diagnosis),
        confusion=_confusion(task, predictions, shown_split),
        regression=_regression(task, predictions, shown_split),
        wrong=_wrong(task, predictions, dataset, trained),
        environment=facts["environment"],
        commands=[
            f"rumbo train --config {where}/config.yaml",
            f"rumbo predict {where} DATA",
            f"rumbo errors {where}",
            f"rumbo evaluate {where} --split test",
        ],
        weights_sha256=facts["weights_sha256"],
    )


def _target(dataset: Dataset | None, facts: Mapping[str, Any]) -> dict[str, Any]:
    found = dataset.target if dataset is not None else None
    return {
        "choice": str(facts["target"]),
        "reason": found.reason if found else "",
        "runner_up": (found.runner_up or "") if found else "",
    }


def _splits(split: Split, task: DatasetTask, folder: RunFolder, facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    counts = {name: split.table.filter(split.table["split"] == name).height for name in facts["metrics"]}
    total = sum(counts.values())
    rows: list[dict[str, Any]] = []
    for name, count in counts.items():
        row: dict[str, Any] = {"split": name, "items": count, "share": count / total}
        if task.name == "classify":
            labels = read_predictions(folder.predictions, name)["true"].to_list()
            classes: tuple[str, ...] = getattr(task, "classes")  # noqa: B009
            row["classes"] = {label: labels.count(label) for label in classes}
        rows.append(row)
    return rows


def _confusion(task: DatasetTask, predictions: Predictions, split: str) -> dict[str, Any]:
    if task.name != "classify" or predictions.truth is None:
        return {}
    classes: tuple[str, ...] = getattr(task, "classes")  # noqa: B009
    counts = metrics.confusion_matrix(predictions.truth, predictions.outputs.argmax(axis=1), len(classes))
    return {"counts": counts, "classes": list(classes), "split": split}


def _regression(task: DatasetTask, predictions: Predictions, split: str) -> dict[str, Any]:
    if task.name != "regress" or predictions.truth is None:
        return {}
    rows = np.unique(np.linspace(0, len(predictions.ids) - 1, min(NUM_SCATTERED, len(predictions.ids))).astype(int))
    name = str(task.target_config()["column"])
    return {"truth": predictions.truth[rows], "predicted": predictions.outputs[rows], "name": name, "split": split}


def _wrong(
    task: DatasetTask, predictions: Predictions, dataset: Dataset | None, trained: TrainedModel
) -> list[dict[str, Any]]:
    """The worst examples: the surest of the wrong classes, the largest residuals."""
    errors = np.abs(task.item_errors(predictions))
    if task.name == "classify":
        errors = errors * predictions.outputs.max(axis=1)
    worst = [int(row) for row in np.argsort(-errors, kind="stable")[:NUM_WRONG] if errors[row] > 0]
    rows_by_id = {} if dataset is None else {name: row for row, name in enumerate(dataset.table["id"].to_list())}
    table = task.table(predictions)
    found: list[dict[str, Any]] = []
    for row in worst:
        item: dict[str, Any] = {
            "id": predictions.ids[row],
            **answer_of(task, predictions, table.row(row, named=True), row),
        }
        place = rows_by_id.get(predictions.ids[row])
        if dataset is not None and place is not None:
            item |= _looks(dataset, place, trained)
        found.append(item)
    return found


def _looks(dataset: Dataset, row: int, trained: TrainedModel) -> dict[str, Any]:
    """A thumbnail, or the values of the first columns."""
    if dataset.images is not None and trained.preprocess.image is not None:
        rule = trained.preprocess.image.rule
        side = max(rule.height, rule.width)
        pixels = prepare(dataset.images.read(row), rule)
        pixels = np.moveaxis(pixels, 0, -1)
        if side < PICTURE_PX:
            pixels = pixels.repeat(PICTURE_PX // side, 0).repeat(PICTURE_PX // side, 1)
        return {"picture": pixels[..., 0] if pixels.shape[-1] == 1 else pixels}
    columns = (*dataset.numbers, *dataset.categories)[:8]
    return {"features": {name: dataset.table[name][row] for name in columns}}
