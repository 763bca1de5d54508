# pyright: reportConstantRedefinition=false
# A and Z are variables here, capitals as in the notes.
"""A network of L dense layers: forward, cost, backward and training by mini-batches.

Shapes: X = A[0] (n_0, m) examples in columns, W[l] (n_l, n_{l-1}), b[l] (n_l, 1), Z[l] and A[l] (n_l, m).
As in the notes, dZ and dA belong to each example's own loss; the 1/m of the cost comes in with dW and db.

Source: Borghi, "Representación de Redes Neuronales" to "Redes neuronales profundas de L-capas"; Paiolla §2.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from rumbo.reference import losses
from rumbo.reference.activations import LINEAR, Activation, linear, sigmoid, softmax
from rumbo.reference.arrays import Array
from rumbo.reference.descent import mini_batches
from rumbo.reference.initializers import Initializer
from rumbo.reference.regularization import dropout_mask, l1_gradient, l1_penalty, l2_gradient, l2_penalty


class Layer(NamedTuple):
    """Parameters of one layer, or the gradients of the cost with respect to them."""

    W: Array
    b: Array


class Output(NamedTuple):
    """What the last layer's Z says and what it costs: predictions, loss of each example, dZ of that loss."""

    predictions: Callable[[Array], Array]
    loss: Callable[[Array, Array], Array]
    derivative: Callable[[Array, Array], Array]


def summed_binary_cross_entropy(Z: Array, Y: Array) -> Array:
    """Binary cross-entropy of each example, summed over its labels; k x m -> m."""
    return losses.binary_cross_entropy(Z, Y).sum(axis=0)


def summed_squared_error(Z: Array, Y: Array) -> Array:
    """Squared error of each example, summed over its outputs; k x m -> m.

    Source: Teran, "Perdida del Error cuadrático medio".
    """
    return losses.squared_error(Z, Y).sum(axis=0)


BINARY = Output(sigmoid, summed_binary_cross_entropy, losses.binary_cross_entropy_derivative)
SOFTMAX = Output(softmax, losses.cross_entropy, losses.cross_entropy_derivative)
SQUARED = Output(linear, summed_squared_error, losses.squared_error_derivative)


class Network(NamedTuple):
    """What is chosen before training: g of each hidden layer, the output, and lambda of the two penalties."""

    activations: tuple[Activation, ...]
    output: Output
    l2: float = 0.0
    l1: float = 0.0


class Cache(NamedTuple):
    """What backward needs of a layer: its input A[l-1] and its weighted sums Z[l]."""

    A_prev: Array
    Z: Array


def initialize(sizes: Sequence[int], initializer: Initializer, rng: np.random.Generator) -> list[Layer]:
    """W[l] = initializer(n_l, n_{l-1}, rng), b[l] = 0, for the sizes n_0, n_1, ..., n_L.

    >>> from rumbo.reference.initializers import he
    >>> [layer.W.shape for layer in initialize((5, 3, 2), he, np.random.default_rng(0))]
    [(3, 5), (2, 3)]
    """
    return [Layer(initializer(n, n_prev, rng), np.zeros((n, 1))) for n_prev, n in pairwise(sizes)]


def number_of_parameters(layers: Sequence[Layer]) -> int:
    """Sum over the layers of n_l n_{l-1} + n_l."""
    return sum(W.size + b.size for W, b in layers)


def no_dropout(layers: Sequence[Layer], m: int) -> list[Array]:
    """Masks of ones for the hidden layers: every unit stays."""
    return [np.ones((len(W), m)) for W, _ in layers[:-1]]


def dropout_masks(
    layers: Sequence[Layer], keep_probs: Sequence[float], m: int, rng: np.random.Generator
) -> list[Array]:
    """Inverted dropout for each hidden layer: D is 1 / keep_prob with probability keep_prob, else 0; n_l x m.

    The division keeps the expected value of A; for predictions use `no_dropout`.
    Source: Paiolla §3.1; Borghi, "Dropout regularización".
    """
    hidden = zip(layers[:-1], keep_probs, strict=True)
    return [dropout_mask((len(W), m), keep, rng) / keep for (W, _), keep in hidden]


def forward(network: Network, layers: Sequence[Layer], X: Array, masks: Sequence[Array]) -> list[Cache]:
    """Z[l] = W[l] A[l-1] + b[l]; A[l] = g[l](Z[l]) * D[l], D from `no_dropout` or `dropout_masks`.

    The last cache holds Z[L], of which the output's probabilities are made.
    Source: Paiolla eq. 2.3 and 2.4; Borghi, "Representación de Redes Neuronales".
    """
    caches: list[Cache] = []
    A = X
    ones = np.ones((1, X.shape[1]))
    for (W, b), activation, D in zip(layers, (*network.activations, LINEAR), (*masks, ones), strict=True):
        Z = W @ A + b
        caches.append(Cache(A, Z))
        A = activation.g(Z) * D
    return caches


def penalty(network: Network, layers: Sequence[Layer], m: int) -> float:
    """(l2 / 2m) sum_l ‖W[l]‖²_F + (l1 / 2m) sum_l sum_ij |W[l]_ij|; the b are left free.

    Source: Borghi, "Regularización" (with its 1/2m for both); Paiolla §3.1.
    """
    weights = [W for W, _ in layers]
    return l2_penalty(weights, network.l2, m) + l1_penalty(weights, network.l1, m)


def penalty_gradient(network: Network, W: Array, m: int) -> Array:
    """Gradient (l2 / m) W + (l1 / 2m) sign(W): what the penalties add to dW.

    Source: the derivative of `penalty`.
    """
    return l2_gradient(W, network.l2, m) + l1_gradient(W, network.l1, m)


def cost(network: Network, layers: Sequence[Layer], X: Array, Y: Array, masks: Sequence[Array]) -> float:
    """J = (1/m) sum_i L(Z[L](i), Y(i)) + penalty.

    Source: Paiolla §3.1.
    """
    Z = forward(network, layers, X, masks)[-1].Z
    return float(network.output.loss(Z, Y).mean()) + penalty(network, layers, X.shape[1])


def backward(
    network: Network, layers: Sequence[Layer], caches: Sequence[Cache], Y: Array, masks: Sequence[Array]
) -> list[Layer]:
    """Gradients dW[l], db[l] of the cost, from the last layer to the first.

    dZ[L] = A[L] - Y (binary, softmax); dW[l] = (1/m) dZ[l] A[l-1]ᵀ + penalty's; db[l] = (1/m) sum_i dZ[l](i);
    dA[l-1] = W[l]ᵀ dZ[l]; dZ[l-1] = dA[l-1] * D[l-1] * g'(Z[l-1]).

    Source: Paiolla eq. 2.5 to 2.8; Borghi, "Fórmulas para calcular derivadas" (the six equations).
    """
    m = Y.shape[1]
    grads: list[Layer] = []
    dZ = network.output.derivative(caches[-1].Z, Y)
    for l in reversed(range(len(layers))):  # noqa: E741, the notes' letter
        W = layers[l].W
        dW = dZ @ caches[l].A_prev.T / m + penalty_gradient(network, W, m)
        grads.insert(0, Layer(dW, dZ.sum(axis=1, keepdims=True) / m))
        if l > 0:
            dZ = W.T @ dZ * masks[l - 1] * network.activations[l - 1].derivative(caches[l - 1].Z)
    return grads


def gradients(network: Network, layers: Sequence[Layer], X: Array, Y: Array, masks: Sequence[Array]) -> list[Layer]:
    """Forward, then backward: the gradients of `cost`."""
    return backward(network, layers, forward(network, layers, X, masks), Y, masks)


def predictions(network: Network, layers: Sequence[Layer], X: Array) -> Array:
    """Output A[L] without dropout: probabilities (binary, softmax) or numbers (squared); n_L x m."""
    Z = forward(network, layers, X, no_dropout(layers, X.shape[1]))[-1].Z
    return network.output.predictions(Z)


def accuracy(network: Network, layers: Sequence[Layer], X: Array, Y: Array) -> float:
    """Share of the columns whose most probable class is the one-hot target's.

    Source: Paiolla §4.1.
    """
    return float((predictions(network, layers, X).argmax(axis=0) == Y.argmax(axis=0)).mean())


def descend(layers: Sequence[Layer], grads: Sequence[Layer], rate: float) -> list[Layer]:
    """W[l] := W[l] - rate dW[l]; b[l] := b[l] - rate db[l].

    Source: Paiolla §1.2.1; Borghi, "Gradiente descendiente".
    """
    return [Layer(W - rate * dW, b - rate * db) for (W, b), (dW, db) in zip(layers, grads, strict=True)]


class Training(NamedTuple):
    """How `train` walks: rate, epochs, examples in a mini-batch, and what dropout keeps of each hidden layer."""

    rate: float
    epochs: int
    batch_size: int
    keep_probs: tuple[float, ...]


def train(
    network: Network, layers: Sequence[Layer], X: Array, Y: Array, training: Training, rng: np.random.Generator
) -> list[Layer]:
    """Mini-batch gradient descent: each epoch sees all m examples once, in a new order.

    The m of a step's cost, penalties included, is the number of examples in its mini-batch.
    Source: Borghi, "Mini-batch gradiente descendiente"; Paiolla §3.3.1.

    >>> from rumbo.reference.activations import RELU
    >>> from rumbo.reference.initializers import he
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(2, 200))
    >>> Y = (X[:1] * X[1:] > 0) * 1.0  # no straight line parts these two classes
    >>> network = Network((RELU,), BINARY)
    >>> layers = train(network, initialize((2, 16, 1), he, rng), X, Y, Training(0.5, 100, 32, (1.0,)), rng)
    >>> bool(((predictions(network, layers, X) > 0.5) == Y).mean() > 0.95)
    True
    """
    layers = list(layers)
    for _ in range(training.epochs):
        for X_t, Y_t in mini_batches(X, Y, training.batch_size, rng):
            masks = dropout_masks(layers, training.keep_probs, X_t.shape[1], rng)
            layers = descend(layers, gradients(network, layers, X_t, Y_t, masks), training.rate)
    return layers
