"""Bias and variance: fits have the least squares, train error is what statistics says, findings are the table's."""

import warnings

import numpy as np
import pytest
from numpy.polynomial import Legendre

from rumbo.lab.bias_variance import BiasVariance, fit


def parts(result):
    return np.array(result.rows, dtype=float).T


@pytest.mark.parametrize("degree", [0, 1, 4, 9, 16])
def test_a_fit_has_the_least_squared_error(degree):
    generator = np.random.default_rng(degree)
    x, y = generator.uniform(-1, 1, 30), generator.normal(size=30)
    powers = np.vander(x, degree + 1)
    wanted = powers @ np.linalg.lstsq(powers, y, rcond=None)[0]
    np.testing.assert_allclose(fit(x, y, degree)(x), wanted, atol=1e-6)


def test_through_as_many_points_as_it_has_coefficients_a_fit_passes():
    x = np.linspace(-1, 1, 7)
    y = np.sin(20 * x)
    np.testing.assert_allclose(fit(x, y, 6)(x), y, atol=1e-10)


@pytest.mark.parametrize("options", [{"largest": 30, "num_examples": 31}, {"largest": 30, "num_examples": 10_000},
                                     {"num_examples": 5}, {"noise": 0.0}])  # fmt: skip
def test_the_ends_of_the_options_give_no_warnings(options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = BiasVariance(**options, draws=2).run(None)
    assert np.isfinite(parts(result)).all()
    assert parts(result)[0].tolist() == list(range(len(result.rows)))


def test_train_error_never_rises_and_variance_is_what_is_left():
    degree, train, dev, bias, variance = parts(BiasVariance(draws=30, largest=10).run(None))
    assert degree.tolist() == list(range(11))
    assert (np.diff(train) <= 1e-12).all()
    np.testing.assert_allclose(bias, train - 0.3)
    np.testing.assert_allclose(variance, dev - train)


def test_train_error_is_that_of_so_many_free_numbers():
    """Where the curve is fitted, the mean of squared train errors is noise^2 (1 - (degree + 1) / n)."""
    chosen = BiasVariance(num_examples=30)
    squares = np.array([chosen._errors(draw, 7)[0] ** 2 for draw in range(800)])
    wanted = 0.3**2 * (1 - 8 / 30)
    assert abs(squares.mean() - wanted) < 4 * squares.std() / 800**0.5
    assert abs(squares.mean() / wanted - 1) < 0.05


def test_the_noise_is_the_least_that_dev_can_have():
    """With so many examples the fit is the curve itself."""
    chosen = BiasVariance(num_examples=10_000)
    dev = np.array([chosen._errors(draw, 9)[1] for draw in range(40)])
    assert dev.mean() == pytest.approx(0.3, rel=0.02)


def test_the_error_of_a_constant_is_that_of_the_curve_and_the_noise():
    """The variance of sin(4 x) over [-1, 1] is 1/2 - sin(8) / 16."""
    chosen = BiasVariance(num_examples=10_000, noise=0.1)
    wanted = (0.5 - np.sin(8) / 16 + 0.1**2) ** 0.5
    assert np.mean([chosen._errors(draw, 0) for draw in range(10)]) == pytest.approx(wanted, rel=0.02)


def test_dev_examples_are_others_than_train_ones_and_draws_differ():
    chosen = BiasVariance()
    x, y, x_dev, _ = chosen._draw(0)
    assert not set(x) & set(x_dev)
    assert len(x_dev) == 500
    assert chosen._draw(1)[1].tolist() != y.tolist()
    assert BiasVariance(seed=1)._draw(0)[0].tolist() != x.tolist()


@pytest.mark.parametrize(
    ("options", "simple", "flexible"),
    [
        ({}, True, True),
        ({"noise": 10.0}, False, True),
        ({"num_examples": 10_000, "noise": 0.01, "largest": 4}, True, False),
    ],
)
def test_the_finding_is_that_of_the_table(options, simple, flexible):
    chosen = BiasVariance(**options, draws=20)
    result = chosen.run(None)
    _, train, dev, *_ = parts(result)
    best = int(dev.argmin())
    assert f"least at degree {best}: {dev[best]:.3f}; the noise alone is {chosen.noise:.3f}." in result.finding
    assert (f"Degree 0 is too simple: {train[0]:.3f} on train already" in result.finding) == simple == (best > 0)
    told = f"more flexible than needed: {train[-1]:.3f} on train, the least of all, but {dev[-1]:.3g} on dev."
    assert (told in result.finding) == flexible == (best < len(dev) - 1)
    assert ("That is the largest degree" in result.finding) != flexible


def test_lines_are_medians_and_bands_hold_the_middle_half():
    chosen = BiasVariance(draws=9, largest=5)
    result = chosen.run(None)
    errors = np.array([[chosen._errors(draw, degree) for degree in range(6)] for draw in range(9)])
    fits, curves = result.panels
    for place, line in enumerate(curves.lines[:2]):
        np.testing.assert_allclose(line.y, np.median(errors[..., place], axis=0))
        np.testing.assert_allclose(line.y, parts(result)[1 + place])
        in_order = np.sort(errors[..., place], axis=0)
        np.testing.assert_allclose(line.band, in_order[[2, 6]])
    assert curves.lines[2].y.tolist() == [0.3] * 6
    x, y, *_ = chosen._draw(0)
    assert (fits.lines[0].x.tolist(), fits.lines[0].y.tolist()) == (x.tolist(), y.tolist())
    straight = fits.lines[1]
    np.testing.assert_allclose(straight.y, Legendre.fit(x, y, 1, domain=[-1, 1])(straight.x))
    best = int(parts(result)[2].argmin())
    assert [line.name for line in fits.lines[1:]] == [f"degree {degree}" for degree in sorted({1, best})]
