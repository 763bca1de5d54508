"""Laws of weighted averages."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rumbo.reference import averages as ref

betas = st.floats(0.01, 0.995)


@given(betas, st.integers(1, 50), st.integers(0, 2**32 - 1))
def test_the_recursion_is_the_sum_of_weighted_values(beta, T, seed):
    theta = np.random.default_rng(seed).standard_normal(T)
    closed = [(ref.weights_of_past(beta, t) * theta[:t][::-1]).sum() for t in range(1, T + 1)]
    np.testing.assert_allclose(ref.weighted_averages(theta, beta), closed, rtol=1e-9, atol=1e-13)


@given(betas, st.integers(1, 200))
def test_the_weights_add_up_to_the_correction(beta, t):
    assert ref.weights_of_past(beta, t).sum() == pytest.approx(ref.bias_correction(beta, t), rel=1e-9)
    assert ref.bias_correction(beta, t) == pytest.approx(1 - ref.weight_beyond(beta, t), rel=1e-9)


@given(betas, st.integers(-50, 50), st.integers(1, 80))
def test_corrected_averages_of_a_constant_are_the_constant(beta, value, T):
    np.testing.assert_allclose(ref.corrected_averages(np.full((T, 2), float(value)), beta), value, rtol=1e-9)


@given(st.floats(2, 1e5))
def test_the_window_forgets_all_but_about_a_third(window):
    beta = ref.beta_of_window(window)
    assert ref.effective_window(beta) == pytest.approx(window, rel=1e-9)
    assert 0.249 < ref.weight_beyond(beta, window) < np.exp(-1)


def test_correcting_what_is_remembered_goes_wrong():
    """Read literally, Paiolla's formula puts the corrected V into the next step: a constant would not stay one."""
    literal = 0.0
    for t in range(1, 4):
        literal = ref.average_step(literal, 40.0, 0.9) / ref.bias_correction(0.9, t)
    assert literal > 100
