"""Edge filters on a photograph."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rumbo.core.errors import DataError
from rumbo.core.messages import t
from rumbo.core.options import option
from rumbo.data.files import open_files
from rumbo.data.pictures.decode import BadImage, DecodeRule, decode, prepare
from rumbo.lab.experiment import Experiment, Result, Track, experiments, unseen
from rumbo.plots.panels import Picture
from rumbo.reference import convolution
from rumbo.reference.arrays import Array

ROUNDING = 1e-12
"""Answers nearer to 0 come of even places, whose weights do not cancel to the last digit."""


class Edges(NamedTuple):
    """How strong edges are at each place, as a share of what a step from black to white gives."""

    name: str
    strength: Array
    signed: bool


@experiments.register("edges")
@dataclass(frozen=True, kw_only=True)
class EdgeFilters(Experiment):
    """Lay the notes' filters on a photograph and see what they answer to.

    Every answer is divided by the sum of the filter's positive weights: 1 is a straight step from black to white.
    The gradient's size is the root of the sum of squares of the two directions.
    Source: Borghi, "Detección de bordes verticales", "Detección de ejes horizontales"; Paiolla §5.1.
    """

    threshold: float = option(0.2, "strength from which a place counts as an edge", low=0.0, high=1.0)
    longest_side: int = option(480, "larger pictures are made smaller, in px", low=16, high=2_000)

    @classmethod
    def takes(cls) -> str:
        """A picture."""
        return t("a picture (JPEG, PNG, WebP, BMP, GIF, TIFF, PPM)")

    def run(self, source: Path | None = None, track: Track = unseen) -> Result:
        """Filter; without a source, a photograph that comes with scikit-learn."""
        grey = self._grey(photograph() if source is None else read_picture(source))
        found = list(track(all_edges(grey), t("filtering"), 8))
        rows = tuple(
            (
                edges.name,
                float(np.abs(edges.strength).max()),
                float(np.abs(edges.strength).mean()),
                100 * float((np.abs(edges.strength) > self.threshold).mean()),
            )
            for edges in found
        )
        by_name = {edges.name: edges for edges in found}
        size = by_name[t("Sobel, size of the gradient")].strength
        height, width = grey.shape
        return Result(
            title=t("Edges of a photograph from scikit-learn, {width} x {height} px", width=width, height=height)
            if source is None
            else t("Edges of '{name}', {width} x {height} px", name=source.name, width=width, height=height),
            finding=self._finding(found),
            columns=(t("filter"), t("largest answer"), t("mean answer"), t("edge, % of the picture")),
            rows=rows,
            panels=(
                Picture(title=t("the picture, grey"), pixels=grey, ends=(0.0, 1.0)),
                *(Picture(title=edges.name, pixels=edges.strength, signed=edges.signed) for edges in found[:2]),
                *(Picture(title=edges.name, pixels=edges.strength) for edges in found if not edges.signed),
                Picture(
                    title=t("Sobel above {threshold:g}", threshold=self.threshold),
                    pixels=(size > self.threshold).astype(float),
                    ends=(0.0, 1.0),
                ),
            ),
            num_columns=3,
        )  # fmt: skip

    def _grey(self, pixels: NDArray[np.uint8]) -> Array:
        """0 is black, 1 white; not larger than asked for, and large enough for a filter of 3 x 3."""
        height, width = pixels.shape[:2]
        if min(height, width) < 3:
            raise DataError(
                t(
                    "the picture has {width} x {height} px; a filter of 3 x 3 needs at least 3 px a side.",
                    width=width, height=height,
                )
            )  # fmt: skip
        scale = min(self.longest_side / max(height, width), 1.0)
        rule = DecodeRule(
            mode="grey", height=max(round(scale * height), 3), width=max(round(scale * width), 3), fit="stretch"
        )
        return prepare(pixels, rule)[0] / 255.0

    def _finding(self, found: list[Edges]) -> str:
        vertical, horizontal, *_ = (100 * float((np.abs(edges.strength) > self.threshold).mean()) for edges in found)
        sobel, scharr = (edges.strength for edges in found if not edges.signed)
        share = 100 * float((sobel > self.threshold).mean())
        same = 100 * float(((sobel > self.threshold) == (scharr > self.threshold)).mean())
        if vertical > horizontal:
            direction = t(
                "More of the picture is vertical edge, {more:.1f} %, than horizontal, {less:.1f} %.",
                more=vertical, less=horizontal,
            )  # fmt: skip
        elif vertical < horizontal:
            direction = t(
                "More of the picture is horizontal edge, {more:.1f} %, than vertical, {less:.1f} %.",
                more=horizontal, less=vertical,
            )  # fmt: skip
        else:
            direction = t("As much of the picture is vertical as horizontal edge, {share:.1f} %.", share=vertical)
        strong = t(
            "In any direction it is {share:.1f} % by Sobel; Scharr judges {same:.1f} % of the places alike.",
            share=share, same=same,
        )  # fmt: skip
        colors = t("Orange edges are brighter on the left, or above; blue ones on the right, or below.")
        return f"{direction} {strong} {colors}"


def photograph() -> NDArray[np.uint8]:
    """A temple and its surroundings, 640 x 427 px, from scikit-learn."""
    from sklearn.datasets import load_sample_image

    return np.asarray(load_sample_image("china.jpg"))


def read_picture(source: Path) -> NDArray[np.uint8]:
    """The pixels of a file, upright.

    Raises:
        DataError: no single file, or no picture; the message says why.
    """
    files = open_files(source)
    if len(files.names()) != 1:
        raise DataError(t("'{source}' holds {count} files. Give one picture.", source=source, count=len(files.names())))
    name = files.names()[0]
    try:
        return decode(files.read(name))
    except BadImage as problem:
        raise DataError(t("'{name}' cannot be used: {reason}", name=name, reason=str(problem))) from problem


def all_edges(grey: Array) -> list[Edges]:
    """The notes' filters in both directions, and the size of the gradient of Sobel and Scharr."""
    vertical, horizontal = (answer(grey, F) for F in (convolution.VERTICAL, convolution.HORIZONTAL))
    # HORIZONTAL is VERTICAL transposed; so are the other two.
    sobel_x, sobel_y = (answer(grey, F) for F in (convolution.SOBEL, convolution.SOBEL.T))
    scharr_x, scharr_y = (answer(grey, F) for F in (convolution.SCHARR, convolution.SCHARR.T))
    return [
        Edges(t("vertical edges"), vertical, True),
        Edges(t("horizontal edges"), horizontal, True),
        Edges(t("Sobel, vertical edges"), sobel_x, True),
        Edges(t("Sobel, horizontal edges"), sobel_y, True),
        Edges(t("Scharr, vertical edges"), scharr_x, True),
        Edges(t("Scharr, horizontal edges"), scharr_y, True),
        Edges(t("Sobel, size of the gradient"), np.hypot(sobel_x, sobel_y), False),
        Edges(t("Scharr, size of the gradient"), np.hypot(scharr_x, scharr_y), False),
    ]


def answer(grey: Array, F: Array) -> Array:
    """The cross-correlation without padding, divided by the sum of the filter's positive weights; rounding is 0."""
    Z = convolution.cross_correlate(grey[None, :, :, None], F[:, :, None, None])
    strength = Z[0, :, :, 0] / F[F > 0].sum()
    return np.where(np.abs(strength) > ROUNDING, strength, 0.0)
