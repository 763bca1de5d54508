"""Labels of a run that are probably wrong, how many there are, and how much of the dev error they make."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rumbo.api.held_out import Tell, held_out_predictions, kept_predictions
from rumbo.api.label_judging import judged, predicted_by_run, review_rows
from rumbo.api.label_review import ReviewRow
from rumbo.api.run import Run, as_run
from rumbo.api.sources import Progress
from rumbo.core import seeds
from rumbo.core.errors import DataError, UsageError
from rumbo.core.messages import t
from rumbo.data.splits.split import Split
from rumbo.runs import read_predictions
from rumbo.strategy.label_errors import ErrorSplit
from rumbo.strategy.label_flows import Flows
from rumbo.strategy.label_noise import LabelNoise
from rumbo.strategy.suspects import Judgement, error_of, find_suspects, flows_of, noise_of
from rumbo.tasks.task import DatasetTask

FEWEST_FOLDS, MOST_FOLDS = 2, 100
NUM_SAMPLE = 50
"""Labels that are no listed suspects, drawn to be looked at too."""
JUDGED_TASKS = ("classify", "multilabel")


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelCheck:
    """What was found about the labels of a run.

    Attributes:
        run: its folder.
        task: classify or multilabel.
        folds: networks that judged; each never saw what it judged.
        epochs: passes each of them made.
        noise: how many labels are wrong, and in which way.
        error: the dev error of the run itself, cut in two; None without dev.
        num_suspects: labels that are more probably wrong than right.
        suspects: the most suspicious, as many as were asked for.
        sample: others, drawn at random, to be looked at too.
        remarks: what should be known.
        known: every label that was judged, by id and field.
        num_judged: how many these are.
    """

    run: Path
    task: str
    folds: int
    epochs: int
    noise: LabelNoise
    error: ErrorSplit | None
    num_suspects: int
    suspects: tuple[ReviewRow, ...]
    sample: tuple[ReviewRow, ...]
    remarks: tuple[str, ...]
    known: Mapping[tuple[str, str], ReviewRow]

    @property
    def num_judged(self) -> int:
        """Labels that were judged."""
        return len(self.known)

    @property
    def names(self) -> tuple[str, ...]:
        """What a label may be."""
        return ("0", "1") if self.task == "multilabel" else self.noise.names

    def to_dict(self) -> dict[str, Any]:
        """As JSON types; the sample is in the review file."""
        return {
            "run": str(self.run),
            "task": self.task,
            "items": self.num_judged,
            "folds": self.folds,
            "epochs": self.epochs,
            "noise": self.noise.to_dict(),
            "error": None if self.error is None else self.error.to_dict(),
            "num_suspects": self.num_suspects,
            "suspects": [_as_json(row) for row in self.suspects],
            "remarks": list(self.remarks),
        }


def check_labels(
    run: Run | str | Path,
    *,
    folds: int = 5,
    budget_seconds: float | None = None,
    top: int = 100,
    test: bool = False,
    progress: Progress | None = None,
    tell: Tell | None = None,
) -> LabelCheck:
    """Find labels of a run's train and dev that are probably wrong.

    The run's own recipe is trained anew on parts of the data, so that each label is judged by a network that never saw
    it. The predictions stay in the run folder: a second call is at once there.

    Args:
        run: a finished run or its folder, of the task classify or multilabel.
        folds: parts of the data, 2 to 100; each costs about one training.
        budget_seconds: of all folds together: where they would take longer, they make fewer passes.
        top: suspects to list.
        test: list suspects of test, too, which are judged by the run itself. Whoever looks at test examples begins to
            fit them; labels are corrected there as on dev, or not at all.
        progress: told while pictures are read and steps are made.
        tell: told a sentence after each fold.

    Raises:
        UsageError: another task, or values out of range.
        DataError: the run has not finished, its data are gone or changed, or are too few.
        Interrupted: somebody asked to stop; whole folds are kept.
        TrainingError: a cost is not finite.
    """
    opened = as_run(run)
    task = _task_of(opened)
    _require(folds, top, budget_seconds)
    found = held_out_predictions(opened, folds=folds, budget_seconds=budget_seconds, progress=progress, tell=tell)
    judgements, remarks = judged(task, found.predictions, folds)
    flows = flows_of(judgements)
    noise = noise_of(judgements, flows)
    ranked = review_rows(task, judgements, find_suspects(judgements, noise, flows), found.predictions.ids, found.splits)
    if test:
        ranked = _with_test(opened, task, judgements, flows, noise, ranked)
    listed = [row for row, _ in ranked[:top]]
    if found.epochs < found.usual_epochs:
        remarks.append(
            t(
                "to keep to the budget, the folds made {epochs} passes instead of {usual}: their judgement is weaker.",
                epochs=found.epochs,
                usual=found.usual_epochs,
            )
        )
    remarks += _not_listed(opened, test=test)
    return LabelCheck(
        run=opened.path,
        task=task.name,
        folds=found.folds,
        epochs=found.epochs,
        noise=noise,
        error=_dev_error(opened, task, judgements, flows),
        num_suspects=sum(is_suspect for _, is_suspect in ranked),
        suspects=tuple(listed),
        sample=_sample([row for row, _ in ranked[top:]], opened.config.seed),
        remarks=tuple(remarks),
        known={(row.id, row.field): row for row, _ in ranked},
    )


def label_noise_of(run: Run | str | Path) -> LabelNoise | None:
    """What an earlier `check_labels` found out about a run's wrong labels; None where there was none. Trains nothing.

    Raises:
        DataError: the run has not finished.
    """
    opened = as_run(run)
    if opened.config.task not in JUDGED_TASKS or (found := kept_predictions(opened)) is None:
        return None
    judgements, _ = judged(opened.model.task, found.predictions, found.folds)
    return noise_of(judgements, flows_of(judgements))


def dev_label_noise(run: Run | str | Path) -> tuple[LabelNoise, ErrorSplit] | None:
    """A first estimate from the run's own predictions on dev, which it did not learn from. Trains nothing.

    Dev is a small part of the data, so the interval is wide, and the best epoch was chosen by dev. None where there is
    no dev, another task, or too few examples.

    Raises:
        DataError: the run has not finished.
    """
    opened = as_run(run)
    if not opened.folder.is_finished or opened.config.task not in JUDGED_TASKS:
        return None
    task = opened.model.task
    try:
        predictions = task.from_table(read_predictions(opened.folder.predictions, "dev"))
        judgements, _ = judged(task, predictions, FEWEST_FOLDS)
    except DataError:
        return None
    flows = flows_of(judgements)
    return noise_of(judgements, flows), error_of(judgements, flows, seed=opened.config.seed)


def _task_of(run: Run) -> DatasetTask:
    if not run.folder.is_finished:
        _ = run.summary  # says what to do
    task = run.model.task
    if task.name == "regress":
        raise UsageError(
            t(
                "`rumbo labels` judges classes and yes/no labels (tasks classify and multilabel), but '{run}' predicts "
                "numbers: there a large error may be a wrong number or a hard example, and nothing in the predictions "
                "says which.",
                run=str(run.path),
            )
        )
    if task.name not in JUDGED_TASKS:
        raise UsageError(
            t(
                "`rumbo labels` judges the tasks {tasks} so far; the task of '{run}' is {task}.",
                tasks=", ".join(JUDGED_TASKS),
                run=str(run.path),
                task=task.name,
            )
        )
    return task


def _require(folds: int, top: int, budget_seconds: float | None) -> None:
    if not FEWEST_FOLDS <= folds <= MOST_FOLDS:
        raise UsageError(
            t("--folds={folds} must be from {low} to {high}.", folds=folds, low=FEWEST_FOLDS, high=MOST_FOLDS)
        )
    if top < 1 or (budget_seconds is not None and not budget_seconds > 0):
        name, value = ("--top", top) if top < 1 else ("--budget", budget_seconds)
        bound = t("above 0")
        raise UsageError(t("{path}={value} must be {bound}.", path=name, value=value, bound=bound))


def _with_test(
    run: Run,
    task: DatasetTask,
    judgements: Sequence[Judgement],
    flows: Sequence[Flows],
    noise: LabelNoise,
    ranked: list[tuple[ReviewRow, bool]],
) -> list[tuple[ReviewRow, bool]]:
    """Labels of test among the others, by the run's own predictions of them."""
    predictions, of_test = predicted_by_run(run, task, judgements, "test")
    if predictions is None:
        raise UsageError(t("the run has no test whose labels could be looked at: leave out --test."))
    found = find_suspects(of_test, noise, flows)
    splits = np.full(len(predictions.ids), "test", dtype=object)
    both = ranked + review_rows(task, of_test, found, predictions.ids, splits)
    return sorted(both, key=lambda pair: (not pair[1], pair[0].score))


def _dev_error(
    run: Run, task: DatasetTask, judgements: Sequence[Judgement], flows: Sequence[Flows]
) -> ErrorSplit | None:
    predictions, of_dev = predicted_by_run(run, task, judgements, "dev")
    return None if predictions is None else error_of(of_dev, flows, seed=run.config.seed)


def _sample(others: Sequence[ReviewRow], seed: int) -> tuple[ReviewRow, ...]:
    """Labels drawn from those that are not listed, test left out unless it was asked for."""
    chosen = seeds.rng(seed, "labels/sample").permutation(len(others))[:NUM_SAMPLE]
    rows = [others[int(place)] for place in sorted(chosen)]
    return tuple(replace(row, listed="sample") for row in rows)


def _not_listed(run: Run, *, test: bool) -> list[str]:
    remarks: list[str] = []
    if run.config.data.mix:
        remarks.append(t("labels of the sets that were mixed in are not judged."))
    has_test = (Split.load(run.folder.split).table["split"] == "test").any()
    if has_test and not test:
        remarks.append(
            t(
                "labels of test are not listed. If you correct dev, correct test in the same way, so that both still "
                "ask for the same thing: --test lists them."
            )
        )
    return remarks


def _as_json(row: ReviewRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "split": row.split,
        "field": row.field,
        "given": row.given,
        "suggested": row.suggested,
        "score": row.score,
    }
