"""Open a data set of any known format: looked at, not asked for."""

from pathlib import Path

from rumbo.core.errors import DataError, unknown_name
from rumbo.core.messages import t
from rumbo.data.files import Files, count_by_extension, open_files
from rumbo.data.manifest import Dataset
from rumbo.data.readers import Request, formats
from rumbo.data.target import KIND_OF_TASK


def open_data(
    path: str | Path,
    *,
    target: str | None = None,
    task: str | None = None,
    labelled: bool = True,
    categories: tuple[str, ...] = (),
) -> Dataset:
    """Recognize what is at a path and read its manifest; pictures are listed, not decoded.

    Args:
        path: a folder, a zip, a table, or one picture.
        target: the target column; several, separated by commas, are yes/no labels; None chooses one and says why.
        task: `classify`, `regress` or `multilabel`; None decides from the values.
        labelled: False for prediction: no target is needed.
        categories: columns that a model takes as text; a few new rows may hold nothing but numbers there.

    Raises:
        UsageError: nothing is at the path.
        UnknownName: no such column or task.
        DataError: no format is recognized, or the content cannot be used.
    """
    if task is not None and task not in KIND_OF_TASK:
        raise unknown_name("task", task, KIND_OF_TASK)
    files = open_files(path)
    request = Request(target=target, task=task, labelled=labelled, categories=categories)
    for name in formats.names():
        reader = formats.get(name)
        if reader.recognizes(files):
            return reader.read(files, request)
    raise _nothing_known(files)


def _nothing_known(files: Files) -> DataError:
    return DataError(
        t(
            "no data set is recognized in '{path}': met {counts}. Known are a folder per class with pictures (also "
            "zipped), CSV, TSV or Parquet tables, IDX pairs, the course's .h5 files, and .npz. "
            "Give the folder that holds the class folders, or the table itself.",
            path=files.path,
            counts=count_by_extension(files.names()),
        )
    )
