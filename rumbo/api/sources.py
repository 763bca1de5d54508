"""Data by path; `demo:digits` names the real set that ships with scikit-learn."""

from pathlib import Path

import numpy as np
import polars as pl

from rumbo.core.errors import DataError, UsageError
from rumbo.core.messages import t
from rumbo.data import open_data
from rumbo.data.images import ArrayImages
from rumbo.data.manifest import Dataset, Target, TargetKind, sha256_of_each
from rumbo.runs import RunFolder, read_json

DIGITS = "demo:digits"


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


def digits() -> Dataset:
    """1,797 handwritten digits of 43 people, 8x8 grey (Alpaydin & Kaynak 1998, UCI), from scikit-learn."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    images = np.round(pixels.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    ids = [f"digit-{row:04d}" for row in range(len(images))]
    table = pl.DataFrame(
        {
            "id": ids,
            "content": sha256_of_each(image.tobytes() for image in images),
            "digit": [str(label) for label in labels],
        }
    )
    return Dataset(
        path=Path(DIGITS),
        format="demo",
        table=table,
        target=Target(
            columns=("digit",),
            kind=TargetKind.CLASS,
            classes=tuple("0123456789"),
            reason=t("target: the digit that was written."),
        ),
        images=ArrayImages(images),
        decisions=(t("1,797 handwritten digits of 8x8 px, from scikit-learn."),),
    )
