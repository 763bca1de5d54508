"""Convolution arithmetic: the notes' matrices, sizes found without the formula, and a formula that would be wrong."""

import numpy as np
import pytest
import torch

from rumbo.lab import convolution as lab
from rumbo.lab.convolution import Case, Convolution, check, fits, slide
from rumbo.reference import convolution

NOTES = [[-5, -4, 0, 8], [-10, -2, 2, 3], [0, -2, -4, -7], [-3, -2, -3, -16]]
NOTES_TRANSPOSED = [[0, 4, 0, 1], [10, 7, 6, 3], [0, 7, 0, 2], [6, 3, 4, 2]]


def test_the_notes_matrices_are_drawn():
    panels = {panel.title: panel.values.tolist() for panel in Convolution().run(None).panels}
    assert panels["A * F, 4 x 4"] == NOTES
    assert panels["transposed, stride 2, padding 1: 4 x 4"] == NOTES_TRANSPOSED
    same = np.array(panels["padding 1: 6 x 6, the same"])
    assert same[1:-1, 1:-1].tolist() == NOTES
    assert panels["stride 2: 2 x 2"] == np.array(NOTES)[::2, ::2].tolist()


def test_the_drawn_numbers_are_those_of_torch():
    panels = {panel.title: panel.values for panel in Convolution().run(None).panels}
    A, F = (torch.tensor(panels[title])[None, None] for title in ("A, 6 x 6", "F, 3 x 3"))
    dilated = torch.nn.functional.conv2d(A, F, dilation=2)[0, 0]
    assert panels["dilation 2: 2 x 2"].tolist() == dilated.tolist()
    padded = torch.nn.functional.conv2d(A, F, padding=1)[0, 0]
    assert panels["padding 1: 6 x 6, the same"].tolist() == padded.tolist()


def test_the_frame_lies_where_its_number_comes_from():
    for row, column in ((0, 0), (2, 1), (3, 3)):
        result = Convolution(row=row, column=column).run(None)
        picture, F, valid = result.panels[:3]
        top, left, height, width = picture.frame
        assert (top, left) == valid.frame[:2] == (row, column)
        window = picture.values[top : top + height, left : left + width]
        assert (window * F.values).sum() == NOTES[row][column]


def test_the_sum_is_told_term_by_term():
    assert Convolution().run(None).finding.startswith("The framed number is 3 + 1 + 2 − 1 − 8 − 2 = −5.")
    assert "= 0." in Convolution(row=2, column=0).run(None).finding
    assert "= 8." in Convolution(row=0, column=3).run(None).finding


def test_sliding_agrees_with_torch():
    generator = np.random.default_rng(0)
    for n, f, s, d in ((7, 3, 1, 1), (8, 3, 2, 1), (9, 2, 3, 2), (5, 5, 1, 1)):
        picture, F = generator.normal(size=(n, n)), generator.normal(size=(f, f))
        wanted = torch.nn.functional.conv2d(
            torch.tensor(picture)[None, None], torch.tensor(F)[None, None], stride=s, dilation=d
        )
        np.testing.assert_allclose(slide(picture, F, s, d), wanted[0, 0], rtol=1e-12)


@pytest.mark.parametrize("n", [4, 5, 8])
def test_the_table_holds_all_that_fit(n):
    result = Convolution(n=n).run(None)
    wanted = {
        Case(n, f, p, s, d) for f in (3, 5) for p in (0, 1) for s in (1, 2) for d in (1, 2) if d * (f - 1) < n + 2 * p
    }
    assert {Case(*row[:5]) for row in result.rows} == wanted
    for *case, by_formula, found, back in result.rows:
        _, f, p, s, d = case
        assert by_formula == found == (n + 2 * p - d * (f - 1) - 1) // s + 1
        assert back == n


def test_what_does_not_fit_is_left_out():
    assert not fits(Case(4, 5, 0, 1, 1))
    assert fits(Case(5, 5, 0, 1, 1))
    assert fits(Case(4, 5, 1, 1, 1))
    assert not fits(Case(5, 3, 1, 1, 4))


def test_numbers_are_compared_too(monkeypatch):
    honest = lab.slide
    monkeypatch.setattr(lab, "slide", lambda *given: honest(*given) + 0.5)
    assert check(Case(6, 3, 1, 2, 1), 0).difference == pytest.approx(0.5)
    assert "by at most 5e-01" in Convolution().run(None).finding


def test_a_wrong_formula_would_be_told(monkeypatch):
    honest = convolution.output_size
    monkeypatch.setattr(
        "rumbo.lab.convolution.convolution.output_size", lambda n, f, p, s, d: honest(n, f, p, s, d) + (s == 3)
    )
    monkeypatch.setattr(lab, "convolve", lambda picture, F, **how: np.zeros((1, 1)))
    finding = Convolution().run(None).finding
    assert "The formula misses" in finding
    assert "s = 3" in finding
