"""Recurrent cells and sequences equal torch's, in value and in every gradient."""

from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from rumbo.reference import recurrent as ref

few = settings(max_examples=20, deadline=None)


class Problem(NamedTuple):
    """Sequences as the reference lays them out, (n, m, T), with the upstream gradient and an end for each."""

    x: np.ndarray
    a0: np.ndarray
    c0: np.ndarray
    da: np.ndarray
    dc_last: np.ndarray
    lengths: list[int]
    rng: np.random.Generator


@st.composite
def problems(draw):
    n_x, n_a, m, T = (draw(st.integers(1, top)) for top in (5, 6, 4, 7))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    normal = rng.standard_normal
    lengths = rng.integers(1, T + 1, m)
    lengths[rng.integers(m)] = T
    return Problem(
        x=normal((n_x, m, T)),
        a0=normal((n_a, m)),
        c0=normal((n_a, m)),
        da=normal((n_a, m, T)),
        dc_last=normal((n_a, m)),
        lengths=lengths.tolist(),
        rng=rng,
    )


def close(ours, theirs):
    theirs = theirs.detach().numpy() if isinstance(theirs, torch.Tensor) else theirs
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-11)


def tensor(array):
    return torch.tensor(array, requires_grad=True)


def batch_first(array):
    """(n, m, T) -> (m, T, n)."""
    return np.ascontiguousarray(array.transpose(1, 2, 0))


def columns(*arrays):
    """One bias (n,) as the reference has it, (n, 1)."""
    return np.sum(arrays, axis=0)[:, None]


def torch_module(kind, problem):
    """A torch layer with large random weights: gates that are really open and shut."""
    layer = kind(len(problem.x), len(problem.a0), batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.tensor(problem.rng.standard_normal(parameter.shape)))
    return layer


def arrays_of(layer, gradient):
    """W_ih, W_hh, b_ih, b_hh of a torch layer, or their gradients."""
    tensors = (layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0, layer.bias_hh_l0)
    return [(t.grad if gradient else t.detach()).numpy() for t in tensors]


def rnn_weights(layer, gradient=False):
    W_ih, W_hh, b_ih, b_hh = arrays_of(layer, gradient)
    # The two biases add up, so each has the gradient of the one bias.
    return ref.RNN(W_ax=W_ih, W_aa=W_hh, b_a=columns(b_ih) if gradient else columns(b_ih, b_hh))


def lstm_weights(layer, gradient=False):
    W_ih, W_hh, b_ih, b_hh = arrays_of(layer, gradient)
    W = np.split(np.hstack([W_hh, W_ih]), 4)
    b = np.split(columns(b_ih) if gradient else columns(b_ih, b_hh), 4)
    (W_u, W_f, W_c, W_o), (b_u, b_f, b_c, b_o) = W, b
    return ref.LSTM(W_f, b_f, W_u, b_u, W_c, b_c, W_o, b_o)


def reset_after_weights(layer, gradient=False):
    W_ih, W_hh, b_ih, b_hh = arrays_of(layer, gradient)
    (W_ir, W_iz, W_in), (W_hr, W_hz, W_hn) = np.split(W_ih, 3), np.split(W_hh, 3)
    (b_ir, b_iz, b_in), (b_hr, b_hz, b_hn) = np.split(b_ih, 3), np.split(b_hh, 3)
    return ref.ResetAfter(
        W_u=-np.hstack([W_hz, W_iz]),
        b_u=-(columns(b_iz) if gradient else columns(b_iz, b_hz)),
        W_r=np.hstack([W_hr, W_ir]),
        b_r=columns(b_ir) if gradient else columns(b_ir, b_hr),
        W_ca=W_hn,
        b_ca=columns(b_hn),
        W_cx=W_in,
        b_cx=columns(b_in),
    )


ONE_STATE = {
    "rnn": (torch.nn.RNN, rnn_weights, ref.rnn_forward, ref.rnn_backward),
    "gru that resets after": (
        torch.nn.GRU,
        reset_after_weights,
        ref.reset_after_forward,
        ref.reset_after_backward,
    ),
}


@pytest.mark.parametrize("name", ONE_STATE)
@few
@given(problem=problems())
def test_sequences_equal_torch(name, problem):
    kind, weights, forward, backward = ONE_STATE[name]
    layer = torch_module(kind, problem)
    x, a0 = tensor(batch_first(problem.x)), tensor(problem.a0.T.copy()[None])
    a, last = layer(x, a0)
    a.backward(torch.tensor(batch_first(problem.da)))

    ours, steps = forward(problem.x, problem.a0, weights(layer))
    dx, da0, dW = backward(problem.da, steps, weights(layer))
    close(batch_first(ours), a)
    close(ours[:, :, -1].T, last[0])
    close(batch_first(dx), x.grad)
    close(da0.T, a0.grad[0])
    for one, other in zip(dW, weights(layer, gradient=True), strict=True):
        close(one, other)


@few
@given(problem=problems())
def test_lstm_equals_torch(problem):
    layer = torch_module(torch.nn.LSTM, problem)
    x = tensor(batch_first(problem.x))
    a0, c0 = tensor(problem.a0.T.copy()[None]), tensor(problem.c0.T.copy()[None])
    a, (_, c_last) = layer(x, (a0, c0))
    ((a * torch.tensor(batch_first(problem.da))).sum() + (c_last * torch.tensor(problem.dc_last.T)).sum()).backward()

    ours, memory, steps = ref.lstm_forward(problem.x, problem.a0, problem.c0, lstm_weights(layer))
    dx, da0, dc0, dW = ref.lstm_backward(problem.da, problem.dc_last, steps, lstm_weights(layer))
    close(batch_first(ours), a)
    close(memory[:, :, -1].T, c_last[0])
    close(batch_first(dx), x.grad)
    close(da0.T, a0.grad[0])
    close(dc0.T, c0.grad[0])
    for one, other in zip(dW, lstm_weights(layer, gradient=True), strict=True):
        close(one, other)


@pytest.mark.parametrize("name", ONE_STATE)
@few
@given(problem=problems())
def test_different_lengths_equal_packed_sequences(name, problem):
    kind, weights, forward, backward = ONE_STATE[name]
    layer, T = torch_module(kind, problem), problem.x.shape[2]
    mask = ref.length_mask(problem.lengths, T)
    x, a0 = tensor(batch_first(problem.x)), tensor(problem.a0.T.copy()[None])
    packed, last = layer(pack_padded_sequence(x, problem.lengths, batch_first=True, enforce_sorted=False), a0)
    a, _ = pad_packed_sequence(packed, batch_first=True)
    a.backward(torch.tensor(batch_first(problem.da)))

    ours, steps = forward(problem.x, problem.a0, weights(layer), mask)
    dx, da0, dW = backward(mask * problem.da, steps, weights(layer), mask)
    close(batch_first(mask * ours), a)
    close(ours[:, :, -1].T, last[0])
    close(batch_first(dx), x.grad)
    close(da0.T, a0.grad[0])
    for one, other in zip(dW, weights(layer, gradient=True), strict=True):
        close(one, other)


@few
@given(problem=problems())
def test_lstm_of_different_lengths_equals_packed_sequences(problem):
    layer, T = torch_module(torch.nn.LSTM, problem), problem.x.shape[2]
    mask = ref.length_mask(problem.lengths, T)
    x = tensor(batch_first(problem.x))
    a0, c0 = tensor(problem.a0.T.copy()[None]), tensor(problem.c0.T.copy()[None])
    packed = pack_padded_sequence(x, problem.lengths, batch_first=True, enforce_sorted=False)
    packed, (a_last, c_last) = layer(packed, (a0, c0))
    a, _ = pad_packed_sequence(packed, batch_first=True)
    ((a * torch.tensor(batch_first(problem.da))).sum() + (c_last * torch.tensor(problem.dc_last.T)).sum()).backward()

    ours, memory, steps = ref.lstm_forward(problem.x, problem.a0, problem.c0, lstm_weights(layer), mask)
    dx, da0, dc0, dW = ref.lstm_backward(mask * problem.da, problem.dc_last, steps, lstm_weights(layer), mask)
    close(batch_first(mask * ours), a)
    close(ours[:, :, -1].T, a_last[0])
    close(memory[:, :, -1].T, c_last[0])
    close(batch_first(dx), x.grad)
    close(da0.T, a0.grad[0])
    close(dc0.T, c0.grad[0])
    for one, other in zip(dW, lstm_weights(layer, gradient=True), strict=True):
        close(one, other)


@few
@given(problem=problems())
def test_gradient_at_a_filled_step_goes_to_the_state_that_stands_still(problem):
    """Many-to-one by the last step: what stands there is each sequence's own end."""
    layer, T = torch_module(torch.nn.RNN, problem), problem.x.shape[2]
    mask = ref.length_mask(problem.lengths, T)
    x = tensor(batch_first(problem.x))
    packed = pack_padded_sequence(x, problem.lengths, batch_first=True, enforce_sorted=False)
    _, last = layer(packed, tensor(problem.a0.T.copy()[None]))
    last[0].backward(torch.tensor(problem.da[:, :, -1].T))

    only_last = np.zeros_like(problem.da)
    only_last[:, :, -1] = problem.da[:, :, -1]
    _, steps = ref.rnn_forward(problem.x, problem.a0, rnn_weights(layer), mask)
    dx, _, dW = ref.rnn_backward(only_last, steps, rnn_weights(layer), mask)
    close(batch_first(dx), x.grad)
    for one, other in zip(dW, rnn_weights(layer, gradient=True), strict=True):
        close(one, other)


def random_gru(problem):
    n_x, n_a = len(problem.x), len(problem.a0)
    return ref.GRU(*(problem.rng.standard_normal((n_a, columns)) for columns in (n_a + n_x, 1) * 3))


def gru_in_torch(x, a, W):
    """Cho et al.'s equations 5-8 in the course's letters, step by step."""
    activations = []
    for t in range(x.shape[2]):
        both = torch.cat([a, x[:, :, t]])
        update = torch.sigmoid(W.W_u @ both + W.b_u)
        reset = torch.sigmoid(W.W_r @ both + W.b_r)
        candidate = torch.tanh(W.W_c @ torch.cat([reset * a, x[:, :, t]]) + W.b_c)
        a = update * candidate + (1 - update) * a
        activations.append(a)
    return torch.stack(activations, dim=2)


@few
@given(problem=problems())
def test_the_courses_gru_equals_its_equations_in_torch(problem):
    W = random_gru(problem)
    x, a0, W_torch = tensor(problem.x), tensor(problem.a0), ref.GRU(*map(tensor, W))
    a = gru_in_torch(x, a0, W_torch)
    a.backward(torch.tensor(problem.da))

    ours, steps = ref.gru_forward(problem.x, problem.a0, W)
    dx, da0, dW = ref.gru_backward(problem.da, steps, W)
    close(ours, a)
    close(dx, x.grad)
    close(da0, a0.grad)
    for one, other in zip(dW, W_torch, strict=True):
        close(one, other.grad)


@few
@given(problem=problems())
def test_gru_of_different_lengths_ends_where_each_sequence_ends(problem):
    W, T = random_gru(problem), problem.x.shape[2]
    mask = ref.length_mask(problem.lengths, T)
    together, steps = ref.gru_forward(problem.x, problem.a0, W, mask)
    dx, da0, dW = ref.gru_backward(mask * problem.da, steps, W, mask)
    summed = [np.zeros_like(w) for w in W]
    for i, end in enumerate(problem.lengths):
        alone, steps = ref.gru_forward(problem.x[:, [i], :end], problem.a0[:, [i]], W)
        dx_i, da0_i, dW_i = ref.gru_backward(problem.da[:, [i], :end], steps, W)
        close(together[:, [i], :end], alone)
        close(together[:, i, -1], alone[:, 0, -1])
        close(dx[:, [i], :end], dx_i)
        assert not dx[:, i, end:].any()
        close(da0[:, [i]], da0_i)
        summed = [total + part for total, part in zip(summed, dW_i, strict=True)]
    for one, other in zip(dW, summed, strict=True):
        close(one, other)


def course_weights_of(W, n_a):
    """The course's cell with the weights of one that resets after: equal where the docstring says so."""
    return ref.GRU(W.W_u, W.b_u, W.W_r, W.b_r, np.hstack([W.W_ca, W.W_cx]), W.b_ca + W.b_cx)


@pytest.mark.parametrize("case", ["diagonal", "always reset by 1"])
@few
@given(problem=problems())
def test_where_torchs_gru_is_the_courses(case, problem):
    layer, n_a = torch_module(torch.nn.GRU, problem), len(problem.a0)
    with torch.no_grad():
        if case == "diagonal":
            layer.weight_hh_l0[2 * n_a :] *= torch.eye(n_a)
            layer.bias_hh_l0[2 * n_a :] = 0
        else:
            layer.bias_hh_l0[:n_a] = 60
    a, _ = layer(torch.tensor(batch_first(problem.x)), torch.tensor(problem.a0.T.copy()[None]))
    ours, _ = ref.gru_forward(problem.x, problem.a0, course_weights_of(reset_after_weights(layer), n_a))
    close(batch_first(ours), a)


def test_torchs_gru_is_not_the_courses_in_general():
    rng = np.random.default_rng(0)
    x, a0 = rng.standard_normal((3, 2, 5)), rng.standard_normal((4, 2))
    layer = torch_module(torch.nn.GRU, Problem(x, a0, a0, x, a0, [5, 5], rng))
    ours, _ = ref.gru_forward(x, a0, course_weights_of(reset_after_weights(layer), 4))
    theirs, _ = layer(torch.tensor(batch_first(x)), torch.tensor(a0.T.copy()[None]))
    assert np.abs(batch_first(ours) - theirs.detach().numpy()).max() > 0.1
