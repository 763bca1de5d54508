"""Data by path; `demo:digits` names the real set that ships with scikit-learn."""

from pathlib import Path

from rumbo.core.errors import DataError, UsageError
from rumbo.core.messages import t
from rumbo.data import open_data
from rumbo.data.demo import DIGITS, digits
from rumbo.data.manifest import Dataset
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


def require_same_data(dataset: Dataset, folder: RunFolder, path: str) -> None:
    """Stop where the examples of a run are no longer those that it began with: its split would deal out others.

    Raises:
        DataError: an example is missing, has another content, or stands elsewhere.
    """
    if dataset.sha256() != read_json(folder.data_check)["data_sha256"]:
        raise DataError(
            t("the data at '{path}' have changed since this run began; train anew without --resume.", path=path)
        )
