"""A character network: an RNN reads a text and tells the next character; then it writes one.

The notes show its sample (Ronchetti & Quiroga, "Redes Recurrentes - Aplicaciones": text after Shakespeare); the parts
are those of the course (Ng, "Sequence Models", week 1) and of Karpathy 2015, "min-char-rnn".

Letters: a text is its codes, whole numbers below k, k the size of its alphabet. `x` and `y` (m, T) are m pieces of
text and the same one character later; `a` (n_a, m, T) the activations of `recurrent.py`, `Z` (k, m T) the scores of
the next character, one column per place.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from rumbo.reference.activations import softmax_temperature
from rumbo.reference.arrays import Array, Integers
from rumbo.reference.initializers import xavier
from rumbo.reference.losses import cost, cross_entropy, cross_entropy_derivative
from rumbo.reference.optimizers import Moments, adam, no_moments
from rumbo.reference.recurrent import RNN, rnn_backward, rnn_cell_forward, rnn_forward


def alphabet_of(text: str) -> str:
    """The characters that occur, in order.

    Source: Karpathy 2015, "min-char-rnn" (`chars`); Ng, "Sequence Models", week 1, "Notation".

    >>> alphabet_of("banana")
    'abn'
    """
    return "".join(sorted(set(text)))


def encode(text: str, alphabet: str) -> Integers:
    """The place of each character in the alphabet.

    Source: Karpathy 2015, "min-char-rnn" (`char_to_ix`).

    >>> encode("banana", "abn")
    array([1, 0, 2, 0, 2, 0])
    """
    return np.array([alphabet.index(character) for character in text], np.int64)


def decode(codes: Integers, alphabet: str) -> str:
    """The text of codes.

    Source: Karpathy 2015, "min-char-rnn" (`ix_to_char`).

    >>> decode(np.array([1, 0, 2, 0, 2, 0]), "abn")
    'banana'
    """
    return "".join(alphabet[code] for code in codes)


def one_hot(codes: Integers, k: int) -> Array:
    """A column with a single 1 for each code; (...) -> (k, ...).

    Source: Ng, "Sequence Models", week 1, "Notation".

    >>> one_hot(np.array([2, 0]), 3)
    array([[0., 1.],
           [0., 0.],
           [1., 0.]])
    """
    return np.moveaxis(np.eye(k)[codes], -1, 0)


class Model(NamedTuple):
    """Parameters, or their gradients: those of the cell, then W_ya (k, n_a) and b_y (k, 1) of the next character."""

    W_ax: Array
    W_aa: Array
    b_a: Array
    W_ya: Array
    b_y: Array

    @property
    def cell(self) -> RNN:
        """The recurrent part."""
        return RNN(self.W_ax, self.W_aa, self.b_a)


def initialize(k: int, n_a: int, rng: np.random.Generator) -> Model:
    """Weights by `initializers.xavier`, biases 0. A one-hot x brings in a single 1.

    Source: Borghi, "Configurando la optimización de problemas" (1 / n); Paiolla §3.2.2.
    """
    return Model(
        W_ax=xavier(n_a, k, rng),
        W_aa=xavier(n_a, n_a, rng),
        b_a=np.zeros((n_a, 1)),
        W_ya=xavier(k, n_a, rng),
        b_y=np.zeros((k, 1)),
    )


class Read(NamedTuple):
    """A text that was read: the cost per character in nats, its gradients, and the state at the end (n_a, m)."""

    cost: float
    gradients: Model
    a_last: Array


def scores(a: Array, model: Model) -> Array:
    """Z = W_ya a + b_y, a column for every place of every piece; (n_a, m, T) -> (k, m T).

    Source: Ng, "Sequence Models", week 1, "Recurrent Neural Network Model"; Karpathy 2015, "min-char-rnn" (`ys`).
    """
    return model.W_ya @ a.reshape(len(a), -1) + model.b_y


def read(x: Integers, y: Integers, a0: Array, model: Model) -> Read:
    """Cost J = mean over all places of -log yhat<t>_{y<t>}, yhat<t> = softmax(W_ya a<t> + b_y), and its gradients.

    Source: Ng, "Sequence Models", week 1, "Backpropagation Through Time" and "Language Model and Sequence Generation".
    """
    k, Y = len(model.b_y), one_hot(y.ravel(), len(model.b_y))
    a, steps = rnn_forward(one_hot(x, k), a0, model.cell)
    Z = scores(a, model)
    dZ = cross_entropy_derivative(Z, Y) / y.size
    da = (model.W_ya.T @ dZ).reshape(a.shape)
    _, _, dW = rnn_backward(da, steps, model.cell)
    gradients = Model(*dW, W_ya=dZ @ a.reshape(len(a), -1).T, b_y=dZ.sum(axis=1, keepdims=True))
    return Read(cost(cross_entropy(Z, Y)), gradients, a[:, :, -1])


def clip_values(gradients: Model, bound: float) -> Model:
    """Each entry into [-bound, bound].

    Source: Ng, "Sequence Models", week 1, "Vanishing Gradients with RNNs"; Karpathy 2015, where the bound is 5.
    """
    return Model(*(np.clip(dW, -bound, bound) for dW in gradients))


def clip_norm(gradients: Model, bound: float) -> Model:
    """All gradients shortened together where their norm is over the bound: the direction stays.

    torch.nn.utils.clip_grad_norm_ divides by the norm + 1e-6, so its result is shorter by that much.

    Source: Pascanu et al. 2013, arXiv:1211.5063, algorithm 1.
    """
    norm = math.sqrt(sum(float(np.sum(dW**2)) for dW in gradients))
    return Model(*(dW * min(1.0, bound / norm) for dW in gradients)) if norm > 0 else gradients


def pieces(codes: Integers, m: int, T: int) -> Iterator[tuple[Integers, Integers]]:
    """The text as m streams side by side, read T characters at a time: x and y (m, T), going on where the last ended.

    Source: Karpathy 2015, "min-char-rnn", with one stream (m = 1).

    >>> [(x.tolist(), y.tolist()) for x, y in pieces(np.arange(8), m=2, T=2)]
    [([[0, 1], [4, 5]], [[1, 2], [5, 6]]), ([[2], [6]], [[3], [7]])]
    """
    streams = codes[: len(codes) // m * m].reshape(m, -1)
    for start in range(0, streams.shape[1] - 1, T):
        window = streams[:, start : start + T + 1]
        yield window[:, :-1], window[:, 1:]


def train(
    codes: Integers,
    model: Model,
    *,
    epochs: int,
    alpha: float = 0.003,
    m: int = 32,
    T: int = 32,
    bound: float = 5.0,
) -> tuple[Model, list[float]]:
    """Adam on pieces of the text, gradients clipped by their norm: the model, and the cost of every step in nats.

    The state goes on from piece to piece, the gradient does not (truncated backward through time).

    Source: Ng, "Sequence Models", week 1; Karpathy 2015, with Adam for AdaGrad.
    """
    costs: list[float] = []
    moments: list[Moments] = [no_moments(W) for W in model]
    for _ in range(epochs):
        a = np.zeros((len(model.b_a), m))
        for x, y in pieces(codes, m, T):
            J, gradients, a = read(x, y, a, model)
            dWs = clip_norm(gradients, bound)
            steps = [adam(W, dW, kept, alpha) for W, dW, kept in zip(model, dWs, moments, strict=True)]
            model, moments = Model(*(W for W, _ in steps)), [kept for _, kept in steps]
            costs.append(J)
    return model, costs


def bits_per_character(codes: Integers, model: Model) -> float:
    """Mean of -log2 yhat<t>_{y<t>} from the second character on: what a text costs to tell, read from the start.

    Source: Graves 2013, arXiv:1308.0850, section 3.1.
    """
    x, Y = one_hot(codes[None, :-1], len(model.b_y)), one_hot(codes[1:], len(model.b_y))
    a, _ = rnn_forward(x, np.zeros((len(model.b_a), 1)), model.cell)
    return cost(cross_entropy(scores(a, model), Y)) / math.log(2)


def unigram_bits(train: Integers, test: Integers, k: int) -> float:
    """What to beat: each character told by how often it occurs, (n_j + 1) / (n + k); bits per character of `test`.

    Source: Shannon 1951, "Prediction and Entropy of Printed English"; Laplace's rule for what was never seen.
    """
    n = np.bincount(train, minlength=k) + 1
    return cost(-np.log2(n[test[1:]] / n.sum()))


def bigram_bits(train: Integers, test: Integers, k: int) -> float:
    """What to beat next: each character told by the one before it, (n_ij + 1) / (n_i + k); bits per character.

    Source: Shannon 1951; Laplace's rule.
    """
    n = np.ones((k, k))
    np.add.at(n, (train[:-1], train[1:]), 1)
    told = n / n.sum(axis=1, keepdims=True)
    return cost(-np.log2(told[test[:-1], test[1:]]))


def sample(model: Model, first: int, length: int, temperature: float, rng: np.random.Generator) -> Integers:
    """Codes written by the model after a first one: each is drawn from softmax(Z / temperature) and read next.

    Low temperatures write what is likeliest, over and over; high ones write noise.

    Source: Ng, "Sequence Models", week 1, "Sampling Novel Sequences"; temperature as `softmax_temperature`.
    """
    k, a, written = len(model.b_y), np.zeros((len(model.b_a), 1)), [first]
    for _ in range(length):
        a = rnn_cell_forward(one_hot(np.array([written[-1]]), k), a, model.cell).a
        yhat = softmax_temperature(model.W_ya @ a + model.b_y, temperature)
        written.append(int(rng.choice(k, p=yhat[:, 0])))
    return np.array(written[1:], np.int64)
