"""The data set that needs no file: `demo:digits`."""

from pathlib import Path

import numpy as np
import polars as pl

from rumbo.core.messages import t
from rumbo.data.manifest import Dataset, Target, TargetKind, sha256_of_each
from rumbo.data.pictures.images import ArrayImages

DIGITS = "demo:digits"


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
