"""What sequences must obey, whatever the cell."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rumbo.reference import recurrent

few = settings(max_examples=15, deadline=None)
seeds = st.integers(0, 2**32 - 1)
N_X, N_A, M, T = 3, 4, 2, 6
BOTH = (N_A, N_A + N_X)
CELLS = {
    "rnn": (recurrent.RNN, [(N_A, N_X), (N_A, N_A)], recurrent.rnn_forward, recurrent.rnn_backward),
    "gru": (recurrent.GRU, [BOTH] * 3, recurrent.gru_forward, recurrent.gru_backward),
    "reset after": (
        recurrent.ResetAfter,
        [BOTH, BOTH, (N_A, N_A), (N_A, N_X)],
        recurrent.reset_after_forward,
        recurrent.reset_after_backward,
    ),
}


def weights(name, rng):
    kind, shapes, *_ = CELLS[name]
    by_name = iter([rng.standard_normal(shape) for shape in shapes])
    return kind(*(next(by_name) if field.startswith("W") else rng.standard_normal((N_A, 1)) for field in kind._fields))


@pytest.mark.parametrize("name", CELLS)
@few
@given(seed=seeds)
def test_two_halves_are_the_whole(name, seed):
    """A sequence read in two parts, the state and its gradient handed over, is the sequence read at once."""
    *_, forward, backward = CELLS[name]
    rng = np.random.default_rng(seed)
    W, x, a0, da = weights(name, rng), *(rng.standard_normal(s) for s in ((N_X, M, T), (N_A, M), (N_A, M, T)))
    a, steps = forward(x, a0, W)
    dx, da0, dW = backward(da, steps, W)

    first, first_steps = forward(x[:, :, :2], a0, W)
    second, second_steps = forward(x[:, :, 2:], first[:, :, -1], W)
    dx_2, handed_over, dW_2 = backward(da[:, :, 2:], second_steps, W)
    da_1 = da[:, :, :2].copy()
    da_1[:, :, -1] += handed_over
    dx_1, da0_1, dW_1 = backward(da_1, first_steps, W)
    np.testing.assert_allclose(np.concatenate([first, second], axis=2), a, rtol=1e-12)
    np.testing.assert_allclose(np.concatenate([dx_1, dx_2], axis=2), dx, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(da0_1, da0, rtol=1e-9, atol=1e-12)
    for one, two, whole in zip(dW_1, dW_2, dW, strict=True):
        np.testing.assert_allclose(one + two, whole, rtol=1e-9, atol=1e-12)


def constant_lstm(forget):
    """A cell whose gates do not look: forget as told, take and show everything; the candidate is tanh of x."""
    zeros = np.zeros((1, 2))
    gate_open = np.full((1, 1), 40.0)
    return recurrent.LSTM(
        zeros, np.full((1, 1), forget), zeros, gate_open, np.array([[0.0, 1.0]]), np.zeros((1, 1)), zeros, gate_open
    )


def test_an_open_forget_gate_hands_the_gradient_back_whole():
    """Over 60 steps dc0 is the product of the forget gates: 1 when they are open, sigma(0)^60 when half open."""
    x, zeros = np.zeros((1, 1, 60)), np.zeros((1, 1))
    for forget, expected in ((40.0, 1.0), (0.0, 0.5**60)):
        W = constant_lstm(forget)
        *_, steps = recurrent.lstm_forward(x, zeros, zeros, W)
        _, _, dc0, _ = recurrent.lstm_backward(np.zeros((1, 1, 60)), np.ones((1, 1)), steps, W)
        np.testing.assert_allclose(dc0, [[expected]], rtol=1e-9)


@pytest.mark.parametrize(("scale", "low", "high"), [(0.5, 0, 1e-17), (1.5, 1e10, np.inf)])
def test_a_plain_cell_makes_gradients_vanish_or_explode(scale, low, high):
    """Near 0 tanh is the identity, so 60 steps multiply by W_aa 60 times: 0.5^60 or 1.5^60."""
    W = recurrent.RNN(np.zeros((1, 1)), np.full((1, 1), scale), np.zeros((1, 1)))
    _, steps = recurrent.rnn_forward(np.zeros((1, 1, 60)), np.zeros((1, 1)), W)
    da = np.zeros((1, 1, 60))
    da[0, 0, -1] = 1
    _, da0, _ = recurrent.rnn_backward(da, steps, W)
    np.testing.assert_allclose(da0, [[scale**60]], rtol=1e-9)
    assert low < da0[0, 0] < high


@pytest.mark.parametrize("name", CELLS)
def test_what_stands_in_the_filling_does_not_matter(name):
    *_, forward, backward = CELLS[name]
    rng = np.random.default_rng(0)
    W, x, a0, da = weights(name, rng), *(rng.standard_normal(s) for s in ((N_X, M, T), (N_A, M), (N_A, M, T)))
    mask = recurrent.length_mask([T, 2], T)
    other = np.where(mask == 1, x, 20.0)
    results = []
    for filled in (x, other):
        a, steps = forward(filled, a0, W, mask)
        dx, da0, dW = backward(da, steps, W, mask)
        results.append([a, dx, da0, *dW])
    for one, two in zip(*results, strict=True):
        np.testing.assert_array_equal(one, two)
