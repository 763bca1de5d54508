"""A finished run: its numbers, its model, and what can be asked of it."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rumbo.api.config import RunConfig
from rumbo.core.errors import DataError, UsageError
from rumbo.core.messages import t
from rumbo.runs import RunFolder, read_json

if TYPE_CHECKING:
    import polars as pl

    from rumbo.api.advising import NextSteps
    from rumbo.api.diagnosing import RunDiagnosis
    from rumbo.api.error_analysis import ErrorAnalysis
    from rumbo.api.label_check import LabelCheck
    from rumbo.tasks.trained import TrainedModel


class Run:
    """A run folder, opened for reading.

    Args:
        path: the run folder.

    Raises:
        UsageError: there is no run folder.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.folder = RunFolder(self.path)
        if not self.folder.config.is_file():
            raise UsageError(
                t("'{path}' is not a run folder: it has no config.yaml. `rumbo train DATA` makes one.", path=str(path))
            )

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.resolve().name

    @cached_property
    def config(self) -> RunConfig:
        """Everything that the run depended on."""
        return RunConfig.read(self.folder.config)

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The content of report.json.

        Raises:
            DataError: the run has not finished.
        """
        if not self.folder.is_finished:
            raise DataError(
                t(
                    "run '{path}' has not finished. Continue it with: rumbo train --resume --out {path}",
                    path=str(self.path),
                )
            )
        return read_json(self.folder.report_json)

    @property
    def metrics(self) -> dict[str, dict[str, float]]:
        """Metrics by split."""
        return self.summary["metrics"]

    @property
    def goal(self) -> dict[str, Any]:
        """The goal: `metric`, `split`, `value`, `interval`; with requirements also `met` and `requirements`."""
        return self.summary["goal"]

    @cached_property
    def model(self) -> "TrainedModel":
        """The trained model, ready to predict."""
        from rumbo.tasks.trained import TrainedModel

        if not self.folder.model.is_dir():
            raise DataError(t("run '{path}' has no model yet: it has not finished.", path=str(self.path)))
        return TrainedModel.load(self.folder.model)

    def predict(self, data: str | Path | Sequence[str | Path]) -> "pl.DataFrame":
        """Answers for new data; see `rumbo.predict`."""
        from rumbo.api.prediction import predict

        return predict(self, data)

    def evaluate(self, data: str | Path | None = None, *, split: str = "test") -> dict[str, float]:
        """Metrics on new data, or again on a split of the run's own; see `rumbo.evaluate`."""
        from rumbo.api.evaluation import evaluate

        return evaluate(self, data, split=split).metrics

    def diagnose(self, **options: Any) -> "RunDiagnosis":
        """What holds it back; see `rumbo.diagnose` for the options."""
        from rumbo.api.diagnosing import diagnose

        return diagnose(self, **options)

    def errors(self, **options: Any) -> "ErrorAnalysis":
        """What its wrong examples have in common; see `rumbo.find_errors` for the options."""
        from rumbo.api.error_analysis import find_errors

        return find_errors(self, **options)

    def labels(self, **options: Any) -> "LabelCheck":
        """Labels of its data that are probably wrong; see `rumbo.check_labels` for the options."""
        from rumbo.api.label_check import check_labels

        return check_labels(self, **options)

    def next(self, **options: Any) -> "NextSteps":
        """What to try next, by short trainings; see `rumbo.next_steps` for the options."""
        from rumbo.api.advising import next_steps

        return next_steps(self, **options)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"


def load(path: str | Path) -> Run:
    """Open a run folder."""
    return Run(path)


def as_run(run: "Run | str | Path") -> Run:
    """A run, given itself or its folder."""
    return run if isinstance(run, Run) else Run(run)
