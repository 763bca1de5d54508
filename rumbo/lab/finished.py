"""A finished run with its own data, for experiments that look at a trained network."""

from dataclasses import dataclass
from pathlib import Path

from rumbo.core.errors import DataError
from rumbo.core.messages import t
from rumbo.data import Dataset, Split, open_data
from rumbo.data.demo import DIGITS, digits
from rumbo.runs import RunFolder, read_json, read_yaml
from rumbo.tasks.trained import TrainedModel


@dataclass(frozen=True, kw_only=True)
class FinishedRun:
    """A network and the examples that it was trained and judged with."""

    name: str
    trained: TrainedModel
    dataset: Dataset
    split: Split

    def part(self, split: str) -> Dataset:
        """The examples of a split; none where it is empty."""
        return self.dataset.take(self.split.rows(self.dataset, split))


def is_run(source: Path) -> bool:
    """Whether a folder looks like that of a run."""
    return RunFolder(source).config.is_file()


def refuse_runs(source: Path) -> None:
    """A folder of runs is none itself, nor data.

    Raises:
        DataError: runs lie in it.
    """
    found = sorted(config.parent for config in source.glob("*/config.yaml") if is_run(config.parent))
    if found:
        raise DataError(
            t(
                "'{path}' is not a run folder, but a folder with runs in it. Give one of them, such as '{example}'.",
                path=source, example=found[0],
            )
        )  # fmt: skip


def open_run(source: Path) -> FinishedRun:
    """Read a run, and open its data again.

    Raises:
        DataError: no run, not finished, or its data are gone or have changed.
    """
    folder = RunFolder(source)
    if not folder.config.is_file():
        refuse_runs(source)
        raise DataError(
            t("'{path}' is not a run folder: it has no config.yaml. `rumbo train DATA` makes one.", path=str(source))
        )
    if not folder.model.is_dir():
        raise DataError(t("run '{path}' has no model yet: it has not finished.", path=str(source)))
    trained = TrainedModel.load(folder.model)
    config = read_yaml(folder.config)
    path, target, task = (str(config.get(key) or "") for key in ("path", "target", "task"))
    dataset = _open(source, path, target or None, task or None, trained)
    split = Split.load(folder.split)
    dataset = dataset.take(dataset.table["id"].is_in(split.table["id"].to_list()).to_numpy())
    if dataset.sha256() != read_json(folder.data_check).get("data_sha256"):
        raise DataError(
            t(
                "the data of run '{run}' have changed since it began. Put them back as they were, or train anew.",
                run=str(source),
            )
        )
    return FinishedRun(name=source.resolve().name, trained=trained, dataset=dataset, split=split)


def _open(source: Path, path: str, target: str | None, task: str | None, trained: TrainedModel) -> Dataset:
    if path == DIGITS:
        return digits()
    if not path or not (source / path).exists():
        raise DataError(
            t(
                "the data of run '{run}' are no longer at '{path}'. Put them back there, or train anew.",
                run=str(source), path=path,
            )
        )  # fmt: skip
    return open_data(source / path, target=target, task=task, categories=trained.preprocess.category_names)
