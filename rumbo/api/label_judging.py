"""Between predictions and suspects: which labels are judged, and what is said of each."""

from collections.abc import Sequence

import numpy as np

from rumbo.api.label_review import ReviewRow
from rumbo.api.run import Run
from rumbo.core.errors import DataError, UsageError
from rumbo.core.messages import t
from rumbo.runs import read_predictions
from rumbo.strategy.suspects import Judgement, Suspects, judge_classes, judge_labels
from rumbo.tasks.task import DatasetTask, Predictions


def judged(task: DatasetTask, predictions: Predictions, fewest: int) -> tuple[list[Judgement], list[str]]:
    """The labels with what is believed of them, and what is left out."""
    assert predictions.truth is not None
    try:
        if task.name == "classify":
            classes: Sequence[str] = getattr(task, "classes")  # noqa: B009
            found, rare = judge_classes(predictions.truth, predictions.outputs, classes, fewest=fewest)
        else:
            labels: Sequence[str] = getattr(task, "labels")  # noqa: B009
            found, rare = judge_labels(predictions.truth, predictions.outputs, labels, fewest=fewest)
    except UsageError as problem:
        raise DataError(str(problem)) from None
    if not rare:
        return found, []
    sentence = t(
        "not judged, since they have fewer than {count} examples: {names}.", count=fewest, names=", ".join(rare[:20])
    )
    return found, [sentence]


def _field(task: DatasetTask, judgement: Judgement) -> str:
    return judgement.name or str(task.target_config()["column"])


def review_rows(
    task: DatasetTask, judgements: Sequence[Judgement], found: Suspects, ids: Sequence[str], splits: np.ndarray
) -> list[tuple[ReviewRow, bool]]:
    """Labels, most suspicious first, and whether each is a suspect."""
    fields = [_field(task, each) for each in judgements]
    rows = []
    for place in range(len(found)):
        label, row = int(found.labels[place]), int(found.rows[place])
        made = ReviewRow(
            id=ids[row],
            split=str(splits[row]),
            field=fields[label],
            given=judgements[label].classes[found.given[place]],
            suggested=judgements[label].classes[found.suggested[place]],
            score=float(found.scores[place]),
            listed="suspect",
        )
        rows.append((made, bool(found.is_suspect[place])))
    return rows


def predicted_by_run(
    run: Run, task: DatasetTask, judgements: Sequence[Judgement], split: str
) -> tuple[Predictions | None, list[Judgement]]:
    """The run's own predictions of a split it did not learn from, on the classes or labels that were judged."""
    if not (run.folder.predictions / f"{split}.parquet").is_file():
        return None, []
    predictions = task.from_table(read_predictions(run.folder.predictions, split))
    assert predictions.truth is not None
    if task.name == "classify":
        classes: Sequence[str] = getattr(task, "classes")  # noqa: B009
        kept = np.array([classes.index(name) for name in judgements[0].classes])
        rows = np.flatnonzero(np.isin(predictions.truth, kept))
        part = np.maximum(predictions.outputs[np.ix_(rows, kept)], 1e-12)
        given = np.searchsorted(kept, predictions.truth[rows])
        made = Judgement(
            name="",
            rows=rows,
            given=given,
            probabilities=part / part.sum(axis=1, keepdims=True),
            classes=judgements[0].classes,
        )
        return (predictions, [made]) if len(rows) else (None, [])
    labels: Sequence[str] = getattr(task, "labels")  # noqa: B009
    places = [labels.index(each.name) for each in judgements]
    names = [each.name for each in judgements]
    truth, outputs = predictions.truth[:, places], predictions.outputs[:, places]
    return predictions, judge_labels(truth, outputs, names, fewest=0)[0]
