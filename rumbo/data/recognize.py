"""Open a data set of any known format: looked at, not asked for."""

import dataclasses
from pathlib import Path

from rumbo.core.errors import DataError, UsageError, unknown_name
from rumbo.core.messages import t
from rumbo.data.files import Files, count_by_extension, open_files, unlisted
from rumbo.data.manifest import Dataset, TargetKind
from rumbo.data.readers import Reader, Request, formats
from rumbo.data.target import KIND_OF_TASK

IDENTITY = TargetKind.IDENTITY


def open_data(
    path: str | Path,
    *,
    target: str | None = None,
    task: str | None = None,
    labelled: bool = True,
    categories: tuple[str, ...] = (),
    weights: str | None = None,
) -> Dataset:
    """Recognize what is at a path and read its manifest; pictures are listed, not decoded.

    Args:
        path: a folder, a zip, a table, or one picture.
        target: the target column; several, separated by commas, are yes/no labels; None chooses one and says why.
        task: a name of `KIND_OF_TASK`; None decides from what is there.
        labelled: False for prediction: no target is needed.
        categories: columns that a model takes as text; a few new rows may hold nothing but numbers there.
        weights: the column that says how much each example counts; it is no input.

    Raises:
        UsageError: nothing is at the path, or what is there cannot serve the task.
        UnknownName: no such column or task.
        DataError: no format is recognized, or the content cannot be used.
    """
    if task is not None and task not in KIND_OF_TASK:
        raise unknown_name("task", task, KIND_OF_TASK)
    request = Request(target=target, task=task, labelled=labelled, categories=categories, weights=weights)
    return read_files(open_files(path), request)


def read_files(files: Files, request: Request) -> Dataset:
    """The manifest of files, by the first reader that knows them and serves the task; raises as `open_data`."""
    task = request.task
    kind = None if task is None else KIND_OF_TASK[task]
    passed_over: list[str] = []
    for name in formats.names():
        reader = formats.get(name)
        if (passed_over and not reader.kinds) or not reader.recognizes(files):
            continue
        if kind is None or not reader.kinds or kind in reader.kinds:
            dataset = _as_persons(name, task).read(files, request)
            _require_weights(dataset, request)
            told = unlisted(files)
            return dataclasses.replace(dataset, decisions=(*dataset.decisions, *told)) if told else dataset
        passed_over.append(name)
    raise _cannot_serve(files, task or "", passed_over) if passed_over else _nothing_known(files)


def _require_weights(dataset: Dataset, request: Request) -> None:
    """Only tables have a column of weights."""
    if request.weights is not None and "weight" not in dataset.table.columns:
        raise UsageError(
            t(
                "'{path}' is recognized as {format}, which has no columns, so data.weights={column} names nothing. Put "
                "the weights into a table that also names the files.",
                path=dataset.path,
                format=dataset.format,
                column=request.weights,
            )
        )


def _as_persons(name: str, task: str | None) -> Reader:
    """The reader; who asks for embeddings of pictures in folders says that the folders are persons."""
    return formats.get("persons" if name == "image-folder" and KIND_OF_TASK.get(task or "") is IDENTITY else name)


def _cannot_serve(files: Files, task: str, names: list[str]) -> UsageError:
    kinds = {kind for name in names for kind in formats.get(name).kinds}
    return UsageError(
        t(
            "the task {task} cannot be learnt from '{path}', which is recognized as {formats}; these serve: {tasks}.",
            task=task,
            path=files.path,
            formats=", ".join(names),
            tasks=", ".join(name for name, kind in KIND_OF_TASK.items() if kind in kinds),
        )
    )


def _nothing_known(files: Files) -> DataError:
    return DataError(
        t(
            "no data set is recognized in '{path}': met {counts}. Known are a folder per class or person with pictures "
            "(also zipped), CSV, TSV or Parquet tables, boxes as COCO, Pascal VOC or YOLO, pictures with masks and "
            "more ({formats}). Give the folder that holds everything, or the table itself.",
            formats=", ".join(formats.names()),
            path=files.path,
            counts=count_by_extension(files.names()),
        )
    )
