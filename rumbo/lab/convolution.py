"""Convolution arithmetic on numbers."""

from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rumbo.core.messages import t
from rumbo.core.options import option
from rumbo.core.seeds import rng
from rumbo.lab.experiment import Experiment, Result, Track, experiments, unseen
from rumbo.plots.panels import Numbers
from rumbo.reference import convolution, transposed
from rumbo.reference.arrays import Array

# Source: Borghi, "Detección de bordes verticales" (the 6 x 6 picture); Paiolla §5.7.1 (the 2 x 2 and its filter).
A: Array = np.array(
    [
        [3.0, 0, 1, 2, 7, 4],
        [1, 5, 8, 9, 3, 1],
        [2, 7, 2, 5, 1, 3],
        [0, 1, 3, 1, 7, 8],
        [4, 2, 1, 6, 2, 8],
        [2, 4, 5, 2, 3, 9],
    ]
)
SMALL: Array = np.array([[2.0, 1], [3, 2]])
SMALL_FILTER: Array = np.array([[1.0, 2, 1], [2, 0, 1], [0, 2, 1]])
SIZES, FILTERS, PADDINGS, STRIDES, DILATIONS = range(4, 13), (1, 2, 3, 5), (0, 1, 2), (1, 2, 3), (1, 2)


class Case(NamedTuple):
    """One convolution: sides in px."""

    n: int
    f: int
    p: int
    s: int
    d: int


class Check(NamedTuple):
    """The side by the formula and by sliding the filter, by how much the numbers differ, and the side taken back."""

    by_formula: int
    slid: int
    difference: float
    back: int


@experiments.register("convolution")
@dataclass(frozen=True, kw_only=True)
class Convolution(Experiment):
    """Show a convolution number by number, and check the formula of its size by really sliding filters.

    The formula is floor((n + 2p - d (f - 1) - 1) / s) + 1. Sliding is NumPy's windows, one place after another, and
    knows nothing of it. Transposed, the same case leads from the small side back to n, where extra rows at the far end
    make up for what the division cut off.
    Source: Borghi, "Detección de bordes verticales", "Padding", "Strided Convolutions"; Paiolla §5.1 and §5.7.1;
    Yu & Koltun 2015, arXiv:1511.07122 (dilation).
    """

    n: int = option(7, "side of the picture in the table", low=4, high=64)
    row: int = option(0, "row of the result whose window is framed, from 0", low=0, high=3)
    column: int = option(0, "column of the result whose window is framed, from 0", low=0, high=3)

    def run(self, source: Path | None = None, track: Track = unseen) -> Result:
        """Compute; takes no source."""
        everywhere = [Case(*case) for case in product(SIZES, FILTERS, PADDINGS, STRIDES, DILATIONS)]
        here = [Case(self.n, *case) for case in product(FILTERS[2:], (0, 1), STRIDES[:2], DILATIONS)]
        cases = [case for case in dict.fromkeys([*here, *everywhere]) if fits(case)]
        checks = {case: check(case, self.seed) for case in track(cases, t("sliding filters"), len(cases))}
        rows = tuple(
            (*case, found.by_formula, found.slid, found.back)
            for case, found in checks.items()
            if case in here
        )  # fmt: skip
        return Result(
            title=t("Convolution arithmetic, number by number"),
            finding=self._finding(checks),
            columns=(
                t("side n"),
                t("filter f"),
                t("padding p"),
                t("stride s"),
                t("dilation d"),
                t("size by the formula"),
                t("size found"),
                t("transposed back"),
            ),
            rows=rows,
            panels=self._panels(),
            num_columns=3,
        )

    def _panels(self) -> tuple[Numbers, ...]:
        F = convolution.VERTICAL
        valid, window = convolve(A, F), (self.row, self.column, 3, 3)
        back = transposed.transposed(
            _as_picture(SMALL), _as_filter(SMALL_FILTER), stride=2, padding=1, output_padding=1
        )
        return (
            Numbers(title="A, 6 x 6", values=A, frame=window),
            Numbers(title="F, 3 x 3", values=F),
            Numbers(title="A * F, 4 x 4", values=valid, frame=(self.row, self.column, 1, 1)),
            Numbers(title=t("padding 1: 6 x 6, the same"), values=convolve(A, F, padding=1), frame=(1, 1, 4, 4)),
            Numbers(title=t("stride 2: 2 x 2"), values=convolve(A, F, stride=2)),
            Numbers(title=t("dilation 2: 2 x 2"), values=convolve(A, F, dilation=2)),
            Numbers(title="B, 2 x 2", values=SMALL),
            Numbers(title="G, 3 x 3", values=SMALL_FILTER),
            Numbers(title=t("transposed, stride 2, padding 1: 4 x 4"), values=back[0, :, :, 0]),
        )

    def _finding(self, checks: dict[Case, Check]) -> str:
        part = A[self.row : self.row + 3, self.column : self.column + 3]
        terms = [int(term) for term in (part * convolution.VERTICAL).T.ravel() if term]
        sentence = t(
            "The framed number is {sum} = {value}.",
            sum=_as_sum(terms),
            value=_as_sum([int(convolve(A, convolution.VERTICAL)[self.row, self.column])]),
        )
        wrong = [case for case, found in checks.items() if found.by_formula != found.slid]
        difference = max(found.difference for found in checks.values())
        if wrong:
            n, f, p, s, d = wrong[0]
            return sentence + " " + t(
                "The formula misses {count} of {all} sizes, the first at n = {n}, f = {f}, p = {p}, s = {s}, d = {d}.",
                count=len(wrong), all=len(checks), n=n, f=f, p=p, s=s, d=d,
            )  # fmt: skip
        return sentence + " " + t(
            "In all {count} cases tried the size is that of the formula, and the numbers differ from those of slid "
            "filters by at most {difference:.0e}.",
            count=len(checks), difference=difference,
        )  # fmt: skip


def fits(case: Case) -> bool:
    """Whether the filter, spread out, is not larger than the padded picture."""
    return case.n + 2 * case.p >= case.d * (case.f - 1) + 1


def check(case: Case, seed: int) -> Check:
    """Convolve random numbers in both ways."""
    n, f, p, s, d = case
    generator = rng(seed, "convolution", *case)
    picture, F = generator.normal(size=(n, n)), generator.normal(size=(f, f))
    size = convolution.output_size(n, f, p, s, d)
    found = slide(np.pad(picture, p), F, s, d)
    values = convolve(picture, F, padding=p, stride=s, dilation=d)
    difference = float(np.abs(values - found).max()) if values.shape == found.shape else float("inf")
    cut_off = (n + 2 * p - d * (f - 1) - 1) % s
    back = transposed.transposed(
        _as_picture(found), _as_filter(F), stride=s, padding=p, dilation=d, output_padding=cut_off
    )
    return Check(size, len(found), difference, back.shape[1])


def slide(padded: Array, F: Array, stride: int, dilation: int) -> Array:
    """Every window that lies on the picture, its numbers times the filter's, added; no formula of the size."""
    reach = dilation * (len(F) - 1) + 1
    windows = np.lib.stride_tricks.sliding_window_view(padded, (reach, reach))[::stride, ::stride]
    return np.einsum("xykl,kl->xy", windows[..., ::dilation, ::dilation], F)


def convolve(picture: Array, F: Array, *, padding: int = 0, stride: int = 1, dilation: int = 1) -> Array:
    """One channel in, one out."""
    Z = convolution.cross_correlate(
        _as_picture(picture), _as_filter(F), stride=stride, padding=padding, dilation=dilation
    )
    return Z[0, :, :, 0]


def _as_picture(values: Array) -> Array:
    return values[None, :, :, None]


def _as_filter(values: Array) -> Array:
    return values[:, :, None, None]


def _as_sum(terms: list[int]) -> str:
    r"""Terms as people write them.

    >>> _as_sum([3, 1, -8])
    '3 + 1 − 8'
    """
    signs = [(" − " if term < 0 else " + ") + str(abs(term)) for term in terms]
    text = "".join(signs) or " + 0"
    return text.removeprefix(" + ") if text.startswith(" + ") else "−" + text.removeprefix(" − ")
