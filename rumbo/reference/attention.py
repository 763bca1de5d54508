"""Attention: which steps of one sequence each step of another looks at. Scaled dot-product, and additive.

The notes have no passage on it; the equations are the papers', in the layout of `recurrent.py`. Letters: `Q`
(d, m, T_q) queries, `K` (d, m, T_k) keys, `V` (d_v, m, T_k) values, for m sequences; `A` (T_k, m, T_q) the attention
weights: a column is one query, as the columns of a softmax layer are examples. `mask` is 1 where a query may look at
a key and 0 where not, of the shape of `A` or one that spreads to it; each query must see at least one key.
"""

from typing import NamedTuple

import numpy as np

from rumbo.reference.activations import softmax, softmax_backward
from rumbo.reference.arrays import Array


def causal_mask(T: int) -> Array:
    """Step q looks at steps up to its own, k <= q; T x 1 x T.

    Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.2.3.

    >>> causal_mask(3)[:, 0, :]
    array([[1., 1., 1.],
           [0., 1., 1.],
           [0., 0., 1.]])
    """
    return np.triu(np.ones((T, T)))[:, None, :]


class DotProduct(NamedTuple):
    """What comes out, (d_v, m, T_q), and the weights A (T_k, m, T_q) that backward needs."""

    output: Array
    A: Array


def dot_product_attention(Q: Array, K: Array, V: Array, mask: Array | None = None) -> DotProduct:
    """A = softmax(K^T Q / sqrt(d)), output = V A, for each of the m sequences.

    Vaswani et al. write it in rows: softmax(Q K^T / sqrt(d)) V. Keys that may not be seen get the score -infinity.

    Source: Vaswani et al. 2017, arXiv:1706.03762, eq. 1.

    Two keys that fit alike share the query, which gets the mean of their values:

    >>> Q, K, V = np.ones((4, 1, 1)), np.ones((4, 1, 2)), np.array([[[10.0, 20.0]]])
    >>> dot_product_attention(Q, K, V).output
    array([[[15.]]])
    """
    scores = np.einsum("dmk,dmq->kmq", K, Q) / np.sqrt(len(K))
    A = softmax(_masked(scores, mask))
    return DotProduct(np.einsum("vmk,kmq->vmq", V, A), A)


def dot_product_attention_backward(
    doutput: Array, Q: Array, K: Array, V: Array, A: Array
) -> tuple[Array, Array, Array]:
    """Gradients dQ, dK, dV of the three; the weights of keys that may not be seen are 0, and so is what they hand back.

    Source: the derivative of Vaswani et al. 2017, eq. 1.
    """
    dscores = softmax_backward(np.einsum("vmk,vmq->kmq", V, doutput), A) / np.sqrt(len(K))
    dQ = np.einsum("dmk,kmq->dmq", K, dscores)
    dK = np.einsum("dmq,kmq->dmk", Q, dscores)
    dV = np.einsum("vmq,kmq->vmk", doutput, A)
    return dQ, dK, dV


class Additive(NamedTuple):
    """Parameters, or their gradients: W_s (n_e, n_s), W_a (n_e, n_a), b (n_e, 1), v (n_e, 1)."""

    W_s: Array
    W_a: Array
    b: Array
    v: Array


class AdditiveStep(NamedTuple):
    """One look of the decoder: context (n_a, m), weights A (T, m), hidden units H (n_e, m, T) of the small network."""

    context: Array
    A: Array
    H: Array


def additive_attention(s: Array, a: Array, W: Additive, mask: Array | None = None) -> AdditiveStep:
    """Scores e<t'> = v^T tanh(W_s s + W_a a<t'> + b), A = softmax(e) over t', context = sum_t' A<t'> a<t'>.

    `s` (n_s, m) is the decoder's state before the step, `a` (n_a, m, T) the encoder's activations; mask (T, m).

    Source: Bahdanau et al. 2015, arXiv:1409.0473, eqs. 5-6 and appendix A.1.2; Ng, "Sequence Models", week 3,
    "Attention Model": a small network with s<t-1> and a<t'> as inputs.
    """
    H = np.tanh((W.W_s @ s + W.b)[:, :, None] + np.einsum("ea,amt->emt", W.W_a, a))
    A = softmax(_masked(np.einsum("e,emt->tm", W.v[:, 0], H), mask))
    return AdditiveStep(np.einsum("amt,tm->am", a, A), A, H)


def additive_attention_backward(
    dcontext: Array, s: Array, a: Array, step: AdditiveStep, W: Additive
) -> tuple[Array, Array, Additive]:
    """Gradients ds (n_s, m), da (n_a, m, T) and dW; a<t'> is reached as a value and through its score.

    Source: the derivative of Bahdanau et al. 2015, eqs. 5-6.
    """
    _, A, H = step
    de = softmax_backward(np.einsum("am,amt->tm", dcontext, a), A)
    dZ = np.einsum("e,tm->emt", W.v[:, 0], de) * (1 - H**2)
    dz = dZ.sum(axis=2)
    da = np.einsum("am,tm->amt", dcontext, A) + np.einsum("ea,emt->amt", W.W_a, dZ)
    dW = Additive(
        W_s=dz @ s.T,
        W_a=np.einsum("emt,amt->ea", dZ, a),
        b=dz.sum(axis=1, keepdims=True),
        v=np.einsum("emt,tm->e", H, de)[:, None],
    )
    return W.W_s.T @ dz, da, dW


def _masked(scores: Array, mask: Array | None) -> Array:
    return scores if mask is None else np.where(mask == 1, scores, -np.inf)
