"""Recurrent networks: RNN, GRU and LSTM cells, forward and backward, and whole sequences (backward through time).

The notes define a recurrent network (its output at t is an input at t + 1, zeros at the start) and name GRU and LSTM:
Ronchetti & Quiroga, "Redes Neuronales Recurrentes". The equations are those of the papers, in the spelling of the
course that the notes follow (Ng, "Sequence Models", week 1).

Letters: `x` (n_x, m, T) is a batch of m sequences and `x_t` (n_x, m) one step of it; `a` (n_a, m, T) the activations,
`a_prev` those of the step before, `a0` those before the first; `c` the memory. `W_c`, `W_u`, `W_r`, `W_f`, `W_o`
(n_a, n_a + n_x) belong to candidate, update, reset, forget and output gate, and act on `[a_prev; x_t]`.

All patterns of the notes are these functions: many-to-many uses every `a[:, :, t]`; many-to-one uses the last one and
hands back a `da` that is zero elsewhere; one-to-many gives each output as the next `x_t`, cell by cell.

Sequences of different lengths: `mask` (m, T) is 1 for a step and 0 for the filling after the end (`length_mask`).
There the state stands still, so the last `a` is the one at every sequence's own end, and filling changes nothing.
Where outputs at filled steps do not count, make `da` 0 there: it would go to the state that stands still.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from rumbo.reference.activations import sigmoid
from rumbo.reference.arrays import Array


def length_mask(lengths: Sequence[int], T: int) -> Array:
    """1 for the steps of each sequence, 0 after its end; m lengths -> m x T.

    Source: not in the notes; torch.nn.utils.rnn.pack_padded_sequence serves the same end.

    >>> length_mask([3, 1], 3)
    array([[1., 1., 1.],
           [1., 0., 0.]])
    """
    return (np.arange(T) < np.array(lengths)[:, None]).astype(np.float64)


class RNN(NamedTuple):
    """Parameters of a plain cell, or their gradients: W_ax (n_a, n_x), W_aa (n_a, n_a), b_a (n_a, 1)."""

    W_ax: Array
    W_aa: Array
    b_a: Array


class RNNStep(NamedTuple):
    """What one step leaves for its way back; `a` is its result."""

    x_t: Array
    a_prev: Array
    a: Array


def rnn_cell_forward(x_t: Array, a_prev: Array, W: RNN) -> RNNStep:
    """Activation a<t> = tanh(W_aa a<t-1> + W_ax x<t> + b_a); (n_x, m), (n_a, m) -> (n_a, m).

    Source: Elman 1990, "Finding structure in time"; Ronchetti & Quiroga, "Redes Recurrentes - Definición".

    >>> W = RNN(W_ax=np.eye(2), W_aa=np.zeros((2, 2)), b_a=np.zeros((2, 1)))
    >>> rnn_cell_forward(np.array([[0.0], [20.0]]), np.zeros((2, 1)), W).a
    array([[0.],
           [1.]])
    """
    return RNNStep(x_t, a_prev, np.tanh(W.W_aa @ a_prev + W.W_ax @ x_t + W.b_a))


def rnn_cell_backward(da: Array, step: RNNStep, W: RNN) -> tuple[Array, Array, RNN]:
    """With dz = da (1 - a^2): dx<t> = W_ax^T dz, da<t-1> = W_aa^T dz, dW_ax = dz x<t>^T, dW_aa = dz a<t-1>^T.

    Source: Werbos 1990, "Backpropagation through time".
    """
    dz = da * (1 - step.a**2)
    dW = RNN(W_ax=dz @ step.x_t.T, W_aa=dz @ step.a_prev.T, b_a=_row_sums(dz))
    return W.W_ax.T @ dz, W.W_aa.T @ dz, dW


class GRU(NamedTuple):
    """Parameters of a GRU cell, or their gradients: u update, r reset, c candidate; each b (n_a, 1)."""

    W_u: Array
    b_u: Array
    W_r: Array
    b_r: Array
    W_c: Array
    b_c: Array


class GRUStep(NamedTuple):
    """What one step leaves for its way back; `a` is its result."""

    x_t: Array
    a_prev: Array
    gate_u: Array
    gate_r: Array
    candidate: Array
    a: Array


def gru_cell_forward(x_t: Array, a_prev: Array, W: GRU) -> GRUStep:
    """Memory c<t> = G_u * c~ + (1 - G_u) * c<t-1>, and a<t> = c<t>; (n_x, m), (n_a, m) -> (n_a, m).

    Gates G_u = sigma(W_u [a<t-1>; x<t>] + b_u) and G_r = sigma(W_r [a<t-1>; x<t>] + b_r); candidate
    c~ = tanh(W_c [G_r * a<t-1>; x<t>] + b_c).

    Cho et al. let their gate z keep the old memory: z = 1 - G_u, so W_z = -W_u and b_z = -b_u. torch.nn.GRU does that
    too, and moreover resets after the product: that cell is `reset_after_cell_forward`.

    Source: Cho et al. 2014, arXiv:1406.1078, eqs. 5-8; Ng, "Sequence Models", week 1, "Gated Recurrent Unit".

    A closed update gate keeps the memory, whatever comes in:

    >>> closed = GRU(*(np.zeros((1, n)) for n in (2, 1, 2, 1, 2, 1)))._replace(b_u=np.array([[-40.0]]))
    >>> gru_cell_forward(np.array([[5.0]]), np.array([[0.7]]), closed).a
    array([[0.7]])
    """
    both = np.vstack([a_prev, x_t])
    gate_u = sigmoid(W.W_u @ both + W.b_u)
    gate_r = sigmoid(W.W_r @ both + W.b_r)
    candidate = np.tanh(W.W_c @ np.vstack([gate_r * a_prev, x_t]) + W.b_c)
    return GRUStep(x_t, a_prev, gate_u, gate_r, candidate, gate_u * candidate + (1 - gate_u) * a_prev)


def gru_cell_backward(da: Array, step: GRUStep, W: GRU) -> tuple[Array, Array, GRU]:
    """Gradients dx<t>, da<t-1>, dW: each sum z = W v + b gets dW = dz v^T and hands back W^T dz.

    a<t-1> is reached four ways: kept by 1 - G_u, reset by G_r, and through the sums of both gates.

    Source: the derivative of Cho et al. 2014, eqs. 5-8.
    """
    x_t, a_prev, gate_u, gate_r, candidate, _ = step
    n_a = len(a_prev)
    both, reset = np.vstack([a_prev, x_t]), np.vstack([gate_r * a_prev, x_t])
    dz_u = da * (candidate - a_prev) * gate_u * (1 - gate_u)
    dz_c = da * gate_u * (1 - candidate**2)
    dreset = W.W_c.T @ dz_c
    dz_r = dreset[:n_a] * a_prev * gate_r * (1 - gate_r)
    dboth = W.W_u.T @ dz_u + W.W_r.T @ dz_r
    dW = GRU(dz_u @ both.T, _row_sums(dz_u), dz_r @ both.T, _row_sums(dz_r), dz_c @ reset.T, _row_sums(dz_c))
    return dboth[n_a:] + dreset[n_a:], dboth[:n_a] + gate_r * dreset[:n_a] + (1 - gate_u) * da, dW


class ResetAfter(NamedTuple):
    """Parameters of the GRU cell that resets after the product, or their gradients.

    W_ca (n_a, n_a) and b_ca act on the old memory, W_cx (n_a, n_x) and b_cx on what comes in.
    """

    W_u: Array
    b_u: Array
    W_r: Array
    b_r: Array
    W_ca: Array
    b_ca: Array
    W_cx: Array
    b_cx: Array


class ResetAfterStep(NamedTuple):
    """What one step leaves for its way back; `product` is W_ca a<t-1> + b_ca, `a` the result."""

    x_t: Array
    a_prev: Array
    gate_u: Array
    gate_r: Array
    product: Array
    candidate: Array
    a: Array


def reset_after_cell_forward(x_t: Array, a_prev: Array, W: ResetAfter) -> ResetAfterStep:
    """GRU whose candidate is c~ = tanh(G_r * (W_ca a<t-1> + b_ca) + W_cx x<t> + b_cx); the rest as `gru_cell_forward`.

    One product for all gates makes it the form that graphics cards run, and torch.nn.GRU. Its weights: with torch's
    rows r, z, n, W_r = [W_hr, W_ir], W_u = -[W_hz, W_iz], W_ca = W_hn, W_cx = W_in; b_r = b_hr + b_ir,
    b_u = -(b_hz + b_iz), b_ca = b_hn, b_cx = b_in. It equals the course's cell where W_ca is diagonal and b_ca = 0, or
    where G_r is 1; in general no weights make the two equal.

    Source: torch.nn.GRU, its documentation; Ng's letters.
    """
    both = np.vstack([a_prev, x_t])
    gate_u = sigmoid(W.W_u @ both + W.b_u)
    gate_r = sigmoid(W.W_r @ both + W.b_r)
    product = W.W_ca @ a_prev + W.b_ca
    candidate = np.tanh(gate_r * product + W.W_cx @ x_t + W.b_cx)
    a = gate_u * candidate + (1 - gate_u) * a_prev
    return ResetAfterStep(x_t, a_prev, gate_u, gate_r, product, candidate, a)


def reset_after_cell_backward(da: Array, step: ResetAfterStep, W: ResetAfter) -> tuple[Array, Array, ResetAfter]:
    """Gradients dx<t>, da<t-1>, dW: each sum z = W v + b gets dW = dz v^T and hands back W^T dz.

    Source: the derivative of `reset_after_cell_forward`.
    """
    x_t, a_prev, gate_u, gate_r, product, candidate, _ = step
    n_a, both = len(a_prev), np.vstack([a_prev, x_t])
    dz_u = da * (candidate - a_prev) * gate_u * (1 - gate_u)
    dz_c = da * gate_u * (1 - candidate**2)
    dproduct = dz_c * gate_r
    dz_r = dz_c * product * gate_r * (1 - gate_r)
    dboth = W.W_u.T @ dz_u + W.W_r.T @ dz_r
    gates = dz_u @ both.T, _row_sums(dz_u), dz_r @ both.T, _row_sums(dz_r)
    dW = ResetAfter(*gates, dproduct @ a_prev.T, _row_sums(dproduct), dz_c @ x_t.T, _row_sums(dz_c))
    return dboth[n_a:] + W.W_cx.T @ dz_c, dboth[:n_a] + W.W_ca.T @ dproduct + (1 - gate_u) * da, dW


class LSTM(NamedTuple):
    """Parameters of an LSTM cell, or their gradients: f forget, u update, c candidate, o output; each b (n_a, 1)."""

    W_f: Array
    b_f: Array
    W_u: Array
    b_u: Array
    W_c: Array
    b_c: Array
    W_o: Array
    b_o: Array


class LSTMStep(NamedTuple):
    """What one step leaves for its way back; `a` and `c` are its result."""

    x_t: Array
    a_prev: Array
    c_prev: Array
    gate_f: Array
    gate_u: Array
    candidate: Array
    gate_o: Array
    c: Array
    a: Array


def lstm_cell_forward(x_t: Array, a_prev: Array, c_prev: Array, W: LSTM) -> LSTMStep:
    """Memory c<t> = G_f * c<t-1> + G_u * c~ and activation a<t> = G_o * tanh(c<t>); (n_x, m), (n_a, m) -> (n_a, m).

    Gates G = sigma(W [a<t-1>; x<t>] + b), each with its own W and b; candidate c~ = tanh(W_c [a<t-1>; x<t>] + b_c).
    torch.nn.LSTM is this cell; its rows are i (our u), f, g (our candidate), o, its two biases add up.

    Source: Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000; Ng, "Sequence Models", week 1.

    Remember everything, take nothing, show everything:

    >>> W = LSTM(*(np.zeros((1, n)) for n in (2, 1, 2, 1, 2, 1, 2, 1)))
    >>> W = W._replace(b_f=np.array([[40.0]]), b_u=np.array([[-40.0]]), b_o=np.array([[40.0]]))
    >>> step = lstm_cell_forward(np.array([[5.0]]), np.array([[0.1]]), np.array([[0.7]]), W)
    >>> step.c, step.a == np.tanh(0.7)
    (array([[0.7]]), array([[ True]]))
    """
    both = np.vstack([a_prev, x_t])
    gate_f = sigmoid(W.W_f @ both + W.b_f)
    gate_u = sigmoid(W.W_u @ both + W.b_u)
    candidate = np.tanh(W.W_c @ both + W.b_c)
    gate_o = sigmoid(W.W_o @ both + W.b_o)
    c = gate_f * c_prev + gate_u * candidate
    return LSTMStep(x_t, a_prev, c_prev, gate_f, gate_u, candidate, gate_o, c, gate_o * np.tanh(c))


def lstm_cell_backward(da: Array, dc: Array, step: LSTMStep, W: LSTM) -> tuple[Array, Array, Array, LSTM]:
    """Gradients dx<t>, da<t-1>, dc<t-1>, dW; the memory's is dc + da G_o (1 - tanh^2 c<t>), and dc<t-1> = G_f times it.

    Source: the derivative of the equations above; Gers et al. 2000.
    """
    x_t, a_prev, c_prev, gate_f, gate_u, candidate, gate_o, c, _ = step
    n_a, both = len(a_prev), np.vstack([a_prev, x_t])
    dc = dc + da * gate_o * (1 - np.tanh(c) ** 2)
    dz_f = dc * c_prev * gate_f * (1 - gate_f)
    dz_u = dc * candidate * gate_u * (1 - gate_u)
    dz_c = dc * gate_u * (1 - candidate**2)
    dz_o = da * np.tanh(c) * gate_o * (1 - gate_o)
    dboth = W.W_f.T @ dz_f + W.W_u.T @ dz_u + W.W_c.T @ dz_c + W.W_o.T @ dz_o
    dW = LSTM(*(part for dz in (dz_f, dz_u, dz_c, dz_o) for part in (dz @ both.T, _row_sums(dz))))
    return dboth[n_a:], dboth[:n_a], gate_f * dc, dW


def rnn_forward(x: Array, a0: Array, W: RNN, mask: Array | None = None) -> tuple[Array, list[RNNStep]]:
    """The cell at every step of (n_x, m, T), from a0 (n_a, m): activations (n_a, m, T), and the steps.

    Source: Ronchetti & Quiroga, "Redes Recurrentes - Ejecución".
    """
    return _forward(rnn_cell_forward, x, a0, W, mask)


def rnn_backward(da: Array, steps: list[RNNStep], W: RNN, mask: Array | None = None) -> tuple[Array, Array, RNN]:
    """From da (n_a, m, T), the cost's gradient at each activation by itself: dx (n_x, m, T), da0 (n_a, m), and dW.

    Source: Werbos 1990, "Backpropagation through time".
    """
    return _backward(rnn_cell_backward, da, steps, W, mask)


def gru_forward(x: Array, a0: Array, W: GRU, mask: Array | None = None) -> tuple[Array, list[GRUStep]]:
    """The cell at every step of (n_x, m, T), from a0 (n_a, m): activations (n_a, m, T), and the steps.

    Source: Cho et al. 2014, arXiv:1406.1078, eqs. 5-8.
    """
    return _forward(gru_cell_forward, x, a0, W, mask)


def gru_backward(da: Array, steps: list[GRUStep], W: GRU, mask: Array | None = None) -> tuple[Array, Array, GRU]:
    """From da (n_a, m, T), the cost's gradient at each activation by itself: dx (n_x, m, T), da0 (n_a, m), and dW.

    Source: the derivative of `gru_forward`.
    """
    return _backward(gru_cell_backward, da, steps, W, mask)


def reset_after_forward(
    x: Array, a0: Array, W: ResetAfter, mask: Array | None = None
) -> tuple[Array, list[ResetAfterStep]]:
    """The cell at every step of (n_x, m, T), from a0 (n_a, m): activations (n_a, m, T), and the steps.

    Source: torch.nn.GRU, its documentation.
    """
    return _forward(reset_after_cell_forward, x, a0, W, mask)


def reset_after_backward(
    da: Array, steps: list[ResetAfterStep], W: ResetAfter, mask: Array | None = None
) -> tuple[Array, Array, ResetAfter]:
    """From da (n_a, m, T), the cost's gradient at each activation by itself: dx (n_x, m, T), da0 (n_a, m), and dW.

    Source: the derivative of `reset_after_forward`.
    """
    return _backward(reset_after_cell_backward, da, steps, W, mask)


def lstm_forward(
    x: Array, a0: Array, c0: Array, W: LSTM, mask: Array | None = None
) -> tuple[Array, Array, list[LSTMStep]]:
    """The cell at every step of (n_x, m, T), from a0, c0 (n_a, m): activations and memories (n_a, m, T), and the steps.

    Source: Ng, "Sequence Models", week 1, "Long Short Term Memory".
    """
    a, c, mask, steps = a0, c0, _mask_or_ones(mask, x), list[LSTMStep]()
    activations, memories = list[Array](), list[Array]()
    for t in range(x.shape[2]):
        step = lstm_cell_forward(x[:, :, t], a, c, W)
        a, c = _choose(mask[:, t], step.a, a), _choose(mask[:, t], step.c, c)
        steps.append(step)
        activations.append(a)
        memories.append(c)
    return np.stack(activations, axis=2), np.stack(memories, axis=2), steps


def lstm_backward(
    da: Array, dc_last: Array, steps: list[LSTMStep], W: LSTM, mask: Array | None = None
) -> tuple[Array, Array, Array, LSTM]:
    """From da (n_a, m, T) and the gradient at the last memory (n_a, m): dx (n_x, m, T), da0, dc0 (n_a, m), and dW.

    `dc_last` is zeros unless the cost looks at the last memory itself.

    Source: the derivative of `lstm_forward`.
    """
    mask, dx, dW = _mask_or_ones(mask, da), list[Array](), _zeros(W)
    da_back, dc_back = np.zeros_like(dc_last), dc_last
    for t in reversed(range(da.shape[2])):
        da_t, dc_t, real = da[:, :, t] + da_back, dc_back, mask[:, t]
        dx_t, da_prev, dc_prev, dW_t = lstm_cell_backward(real * da_t, real * dc_t, steps[t], W)
        da_back, dc_back = da_prev + (1 - real) * da_t, dc_prev + (1 - real) * dc_t
        dx.append(dx_t)
        dW = _sum(dW, dW_t)
    return np.stack(dx[::-1], axis=2), da_back, dc_back, dW


Weights = TypeVar("Weights", RNN, GRU, ResetAfter, LSTM)
Step = TypeVar("Step", RNNStep, GRUStep, ResetAfterStep)


def _forward(
    cell: Callable[[Array, Array, Weights], Step], x: Array, a0: Array, W: Weights, mask: Array | None
) -> tuple[Array, list[Step]]:
    a, mask, activations, steps = a0, _mask_or_ones(mask, x), list[Array](), list[Step]()
    for t in range(x.shape[2]):
        step = cell(x[:, :, t], a, W)
        a = _choose(mask[:, t], step.a, a)
        steps.append(step)
        activations.append(a)
    return np.stack(activations, axis=2), steps


def _backward(
    cell: Callable[[Array, Step, Weights], tuple[Array, Array, Weights]],
    da: Array,
    steps: list[Step],
    W: Weights,
    mask: Array | None,
) -> tuple[Array, Array, Weights]:
    mask, dx, dW, back = _mask_or_ones(mask, da), list[Array](), _zeros(W), np.zeros_like(da[:, :, 0])
    for t in reversed(range(da.shape[2])):
        da_t, real = da[:, :, t] + back, mask[:, t]  # an activation acts on the cost by itself and through t + 1
        dx_t, da_prev, dW_t = cell(real * da_t, steps[t], W)
        back = da_prev + (1 - real) * da_t
        dx.append(dx_t)
        dW = _sum(dW, dW_t)  # the same parameters at every step
    return np.stack(dx[::-1], axis=2), back, dW


def _mask_or_ones(mask: Array | None, x: Array) -> Array:
    return np.ones(x.shape[1:]) if mask is None else mask


def _choose(real: Array, new: Array, old: Array) -> Array:
    return real * new + (1 - real) * old


def _row_sums(dz: Array) -> Array:
    return dz.sum(axis=1, keepdims=True)


def _zeros(W: Weights) -> Weights:
    return W._make(np.zeros_like(w) for w in W)


def _sum(one: Weights, other: Weights) -> Weights:
    return one._make(p + q for p, q in zip(one, other, strict=True))
