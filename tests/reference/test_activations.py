"""Laws of the activations: slopes by differences, limits, and softmax's relations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rumbo.reference import activations as a
from rumbo.reference.gradient_check import two_sided

SEEDS = st.integers(0, 9999)


@pytest.mark.parametrize("name", ["SIGMOID", "TANH", "RELU", "LEAKY_RELU", "LINEAR"])
@given(z=st.floats(-5, 5).filter(lambda z: abs(z) > 1e-3))
def test_derivatives_are_slopes(name, z):
    g, derivative = getattr(a, name)
    slope = two_sided(lambda x: float(g(np.array(x))), z, 1e-5)
    np.testing.assert_allclose(derivative(np.array(z)), slope, rtol=1e-6, atol=1e-9)


def test_known_values():
    zero, far = np.zeros(1), np.array([-30.0, 30.0])
    assert a.sigmoid(zero) == 0.5
    assert a.sigmoid_derivative(zero) == 0.25
    assert a.tanh(zero) == 0
    assert a.tanh_derivative(zero) == 1
    np.testing.assert_allclose(a.sigmoid(far), [0, 1], atol=1e-12)
    np.testing.assert_allclose(a.tanh(far), [-1, 1], atol=1e-12)
    np.testing.assert_array_equal(a.relu(far), [0, 30])
    np.testing.assert_allclose(a.leaky_relu(far), [-0.3, 30])


@given(k=st.integers(2, 6), m=st.integers(1, 5), seed=SEEDS, shift=st.floats(-50, 50))
def test_softmax_is_a_distribution_that_a_shift_leaves_alone(k, m, seed, shift):
    Z = np.random.default_rng(seed).normal(0, 5, (k, m))
    A = a.softmax(Z)
    assert (A > 0).all()
    np.testing.assert_allclose(A.sum(axis=0), 1)
    np.testing.assert_allclose(a.softmax(Z + shift), A, rtol=1e-9)


@given(m=st.integers(1, 5), seed=SEEDS)
def test_softmax_of_two_classes_is_logistic(m, seed):
    Z = np.random.default_rng(seed).normal(0, 3, (2, m))
    np.testing.assert_allclose(a.softmax(Z)[1], a.sigmoid(Z[1] - Z[0]), rtol=1e-9)


def test_temperature_sharpens_and_flattens():
    Z = np.array([[1.0], [2.0], [4.0]])
    np.testing.assert_allclose(a.softmax_temperature(Z, 1.0), a.softmax(Z))
    np.testing.assert_allclose(a.softmax_temperature(Z, 1e-3)[:, 0], [0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(a.softmax_temperature(Z, 1e6), 1 / 3, rtol=1e-5)
    largest = [a.softmax_temperature(Z, T)[2, 0] for T in (0.5, 1, 2, 4)]
    assert largest == sorted(largest, reverse=True)
