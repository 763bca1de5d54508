"""What holds a run back: its errors by split on equal terms, the gaps between them, and its learning curve."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rumbo.api.run import Run, as_run
from rumbo.api.sources import Progress, open_run_data, open_source
from rumbo.core.errors import DataError, RumboError, UsageError
from rumbo.core.messages import shown, t
from rumbo.data.manifest import SPLITS, Dataset
from rumbo.data.splits.split import Split
from rumbo.runs import read_predictions
from rumbo.runs.files import write_file
from rumbo.strategy.error_text import read_amount, read_rate
from rumbo.strategy.gap_records import Diagnosis
from rumbo.strategy.gaps import diagnose as find_gaps
from rumbo.strategy.levels import SplitError
from rumbo.strategy.steps import next_steps
from rumbo.tasks.task import DatasetTask, Predictions

if TYPE_CHECKING:
    from rumbo.api.learning_curves import LearningCurve

NUM_NAMED = 10
"""Classes that a remark names."""


@dataclass(frozen=True, kw_only=True)
class RunDiagnosis:
    """A verdict on a run.

    Attributes:
        run: the run folder.
        task: of the run.
        diagnosis: gaps and verdict.
        next_steps: what to try, sentences.
        deviation: what errors of numbers are divided by, in the target's own unit; None where errors are shares.
        human_error_given: whether somebody said what is possible; else 0 was taken.
        curve: the learning curve, where one was asked for.
        picture: the file of the picture.
    """

    run: str
    task: str
    diagnosis: Diagnosis
    next_steps: tuple[str, ...]
    deviation: float | None
    human_error_given: bool
    curve: "LearningCurve | None" = None
    picture: Path | None = None

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types."""
        return {
            "run": self.run,
            "task": self.task,
            **self.diagnosis.to_dict(),
            "next_steps": list(self.next_steps),
            "deviation": self.deviation,
            "curve": None if self.curve is None else self.curve.to_dict(),
            "picture": None if self.picture is None else str(self.picture),
        }


def diagnose(
    run: Run | str | Path,
    *,
    human_error: float | str | None = None,
    real_world: str | Path | None = None,
    threshold: float | str = 0.01,
    curve: bool = False,
    budget_seconds: float | None = None,
    out: str | Path | None = None,
    progress: Progress | None = None,
    tell: Callable[[str], None] | None = None,
) -> RunDiagnosis:
    """Say what holds a finished run back.

    All errors are those of the kept weights in evaluation mode, without augmentation: on equal terms. For classes the
    error is the share of wrong answers, for labels the mean share of wrong ones; for numbers it is the root mean square
    of the residuals, divided by the standard deviation of the training targets.

    Args:
        run: a run or its folder.
        human_error: what is possible: people's or the best published error. A share as 0.005 or "0.5%"; for numbers a
            root mean square error in the target's own unit, or "10%" of its standard deviation. None takes 0.
        real_world: labelled data from where the model is used, or will be.
        threshold: how large a gap must be to matter, a share or a percentage.
        curve: whether to train on parts of the training examples and extrapolate.
        budget_seconds: time for that; None: one training of each size.
        out: a .png file for a picture, of the errors or of the curve; it must not exist.
        progress: told while pictures are read.
        tell: told a sentence after each training.

    Raises:
        UsageError: an error that cannot be read, or a file that exists.
        DataError: the run has not finished or has lost its predictions, or the real-world data have no labels.
    """
    opened = as_run(run)
    facts, task = opened.summary, opened.model.task
    picture = None if out is None else _new_picture(Path(out))
    deviation = deviation_of(task)
    possible = possible_error(human_error, deviation)
    least = read_rate(threshold, "--threshold") if isinstance(threshold, str) else threshold
    names = [name for name in SPLITS if name in facts["metrics"]]
    found = {name: task.from_table(read_predictions(opened.folder.predictions, name)) for name in names}
    remarks = [*_missing_splits(found)]
    if real_world is not None:
        found["real_world"], told = _on_real_world(opened, str(real_world), progress)
        remarks += told
    remarks += _missing_classes(task, found)
    diagnosis = diagnosis_of(task, found, human_error=possible, threshold=least)
    diagnosis = replace(diagnosis, remarks=(*diagnosis.remarks, *remarks))
    learned = None
    if curve:
        from rumbo.api.learning_curves import learning_curve

        learned = learning_curve(opened, budget_seconds=budget_seconds, threshold=least, progress=progress, tell=tell)
    answer = RunDiagnosis(
        run=str(opened.path),
        task=task.name,
        diagnosis=diagnosis,
        next_steps=next_steps(diagnosis),
        deviation=deviation,
        human_error_given=human_error is not None,
        curve=learned,
        picture=picture,
    )
    if picture is not None:
        write_file(picture, _drawn(answer))
    return answer


def diagnosis_of(
    task: DatasetTask,
    predictions: Mapping[str, Predictions],
    *,
    human_error: float = 0.0,
    threshold: float = 0.01,
) -> Diagnosis:
    """Errors by split on equal terms, and their gaps.

    Args:
        task: says how wrong each example is.
        predictions: by split.
        human_error: on the scale of the errors.
        threshold: how large a gap must be to matter.
    """
    errors = {split: SplitError(task.item_errors(found), weights=found.weights) for split, found in predictions.items()}
    return find_gaps(errors, kind=task.error_kind, human_error=human_error, threshold=threshold)


def deviation_of(task: DatasetTask) -> float | None:
    """The standard deviation of the target, in whose units the errors of numbers are; None for other tasks."""
    return float(task.target_config()["std"]) if task.error_kind == "root_mean_square" else None


def possible_error(human_error: float | str | None, deviation: float | None) -> float:
    """The human error on the scale of the errors."""
    if human_error is None:
        return 0.0
    if not isinstance(human_error, str):
        human_error = repr(float(human_error))
    name = "--human-error"
    return read_rate(human_error, name) if deviation is None else read_amount(human_error, name, unit=deviation)


def _on_real_world(run: Run, path: str, progress: Progress | None) -> tuple[Predictions, list[str]]:
    """Answers for real-world data, with their truth; and what should be known of these data."""
    model, config = run.model, run.config
    request = {"target": config.target, "task": config.task, "categories": model.preprocess.category_names}
    try:
        dataset = open_source(path, base=Path(), **request)
    except RumboError as problem:
        if _opens_unlabelled(path, request):
            raise DataError(
                t(
                    "'{path}' can be read, but not with labels, and without them no error can be measured: {problem} "
                    "A few hundred labels tell a lot; `rumbo label {path}` sets them.",
                    path=path,
                    problem=str(problem),
                )
            ) from None
        raise
    if progress is not None:
        progress(t("predicting real-world data"), 0, len(dataset))
    return model.predict(dataset), _shared_with_train(run, dataset)


def _shared_with_train(run: Run, dataset: Dataset) -> list[str]:
    """Real-world examples that were learned from are no judges."""
    try:
        own = open_run_data(run.config, base=run.path, categories=run.model.preprocess.category_names)
    except RumboError:  # the data have gone
        return []
    learned = set(own.table["content"][Split.load(run.folder.split).rows(own, "train")].to_list())
    count = sum(content in learned for content in dataset.table["content"].to_list())
    if count == 0:
        return []
    return [
        t(
            "{count} of the {total} real-world examples are in train, too: on them the network is too good.",
            count=count,
            total=len(dataset),
        )
    ]


def _opens_unlabelled(path: str, request: Mapping[str, Any]) -> bool:
    try:
        open_source(path, base=Path(), labelled=False, **{**request, "target": None})
    except RumboError:
        return False
    return True


def _missing_splits(found: Mapping[str, Predictions]) -> list[str]:
    remarks: list[str] = []
    if "dev" not in found:
        remarks.append(t("This run has no dev: what it makes of unseen examples is not told apart from its fit."))
    if "test" not in found and "dev" in found:
        remarks.append(t("This run has no test: how much choosing by dev flatters cannot be told."))
    return remarks


def _missing_classes(task: DatasetTask, found: Mapping[str, Predictions]) -> list[str]:
    """Classes (or labels) that a split does not show: its error says nothing of them."""
    names: tuple[str, ...] = getattr(task, "classes", getattr(task, "labels", ()))
    remarks: list[str] = []
    for split, predictions in found.items():
        if split in ("train", "train_dev") or predictions.truth is None or not names:
            continue
        truth = predictions.truth
        seen = np.bincount(truth.astype(int), minlength=len(names)) if truth.ndim == 1 else (truth == 1).sum(axis=0)
        lost = [shown(name) for name, count in zip(names, seen.tolist(), strict=True) if count == 0]
        if lost:
            remarks.append(
                t(
                    "{split} has no example of {classes}: its error says nothing about them.",
                    split=split,
                    classes=", ".join(lost[:NUM_NAMED]) + (" …" if len(lost) > NUM_NAMED else ""),
                )
            )
    return remarks


def _new_picture(path: Path) -> Path:
    if path.suffix.lower() != ".png":
        raise UsageError(t("--out '{path}' must end in .png.", path=path))
    if path.exists():
        raise UsageError(t("{path} exists already. Choose another --out.", path=path))
    if not path.parent.is_dir():
        raise UsageError(t("the folder of --out '{path}' does not exist.", path=path))
    return path


def _drawn(answer: RunDiagnosis) -> bytes:
    from rumbo.plots.gaps import error_bars
    from rumbo.plots.learning_curve import learning_curve_figure
    from rumbo.plots.style import to_png

    found = answer.diagnosis.to_dict()
    if answer.curve is not None:
        possible = found["errors"]["human"]["value"]
        series, now = answer.curve.series(), answer.curve.more.size
        return to_png(learning_curve_figure(series, now=now, possible=possible, kind=found["kind"]))
    return to_png(error_bars(found["errors"], kind=found["kind"]))
