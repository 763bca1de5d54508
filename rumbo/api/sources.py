"""Data by path; `demo:digits` names the real set that ships with scikit-learn."""

from pathlib import Path

import numpy as np
import polars as pl

from rumbo.core.errors import UsageError
from rumbo.core.messages import t
from rumbo.data import open_data
from rumbo.data.images import ArrayImages
from rumbo.data.manifest import Dataset, Target, TargetKind, sha256_of_each

DIGITS = "demo:digits"


def open_source(
    path: str, *, base: Path, target: str | None = None, task: str | None = None, labelled: bool = True
) -> Dataset:
    """The data set at a path relative to a folder, or the embedded one.

    Raises:
        UsageError: nothing is there.
        DataError: what is there cannot be used.
    """
    if path == DIGITS:
        return digits()
    whole = base / path
    if not whole.exists():
        raise UsageError(t("no data at '{path}': there is no such file or folder.", path=path))
    return open_data(whole, target=target, task=task, labelled=labelled)


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
