r"""A small convolutional network: CONV - ReLU - POOL - FC - softmax, forward, backward, and its training.

`X` pictures, m x n_H x n_W x C; `Y` one-hot columns, k x m. The convolution is "same", its window 3 x 3; pooling halves
the picture; what is left is laid out in columns, and from there on it is a dense network.

Source: Borghi, "Ejemplo red neuronal basado en el trabajo de Yann LeCunn: LeNet-5", "Ejemplo entrenando una CNN con
fotos de gatos"; Paiolla §5.2, §5.3.
"""

from typing import NamedTuple

import numpy as np

from rumbo.reference.activations import relu, relu_derivative, softmax
from rumbo.reference.arrays import Array, Integers
from rumbo.reference.convolution import cross_correlate, cross_correlate_backward
from rumbo.reference.descent import split
from rumbo.reference.initializers import he, he_variance, normal
from rumbo.reference.losses import cross_entropy
from rumbo.reference.pooling import max_pool, max_pool_backward


class Parameters(NamedTuple):
    """Filters W1 3 x 3 x C x n_1 and biases b1 n_1; weights W2 k x n_2 and biases b2 k x 1. Gradients look alike."""

    W1: Array
    b1: Array
    W2: Array
    b2: Array


class Cache(NamedTuple):
    """What the backward pass needs: m x sizes x channels up to A1, columns from the flattened P1 on."""

    X: Array
    Z1: Array
    A1: Array
    P1: Array
    A2: Array


def initialize(sizes: tuple[int, int], C: int, num_filters: int, k: int, rng: np.random.Generator) -> Parameters:
    """He's weights, variance 2 / n_in, and biases of 0, for pictures of these sizes and k classes.

    Source: Paiolla §3.2.2; Borghi, "Configurando la optimización de problemas".

    >>> [p.shape for p in initialize((8, 8), C=1, num_filters=4, k=10, rng=np.random.default_rng(0))]
    [(3, 3, 1, 4), (4,), (10, 64), (10, 1)]
    """
    n_2 = (sizes[0] // 2) * (sizes[1] // 2) * num_filters
    W1 = normal((3, 3, C, num_filters), he_variance(9 * C), rng)
    return Parameters(W1, np.zeros(num_filters), he(k, n_2, rng), np.zeros((k, 1)))


def columns(P: Array) -> Array:
    """m x sizes x C to n x m: each example becomes a column.

    Source: Borghi, "Ejemplo red neuronal basado en el trabajo de Yann LeCunn: LeNet-5" (5 x 5 x 16 = 400).
    """
    return P.reshape(len(P), -1).T


def forward(X: Array, parameters: Parameters) -> tuple[Array, Cache]:
    """Z2, the logits, k x m: Z1 = W1 * X + b1, A1 = relu(Z1), P1 = max pool of A1, Z2 = W2 columns(P1) + b2.

    Source: Paiolla §5.2, §5.3.
    """
    W1, b1, W2, b2 = parameters
    Z1 = cross_correlate(X, W1, b1, padding=1)
    A1 = relu(Z1)
    P1 = max_pool(A1, f=2, stride=2)
    Z2 = W2 @ columns(P1) + b2
    return Z2, Cache(X, Z1, A1, P1, softmax(Z2))


def cost(Z2: Array, Y: Array) -> float:
    """J = 1/m sum of the cross-entropies.

    Source: Paiolla §3.6.
    """
    return float(cross_entropy(Z2, Y).mean())


def backward(Y: Array, cache: Cache, parameters: Parameters) -> Parameters:
    """dW1, db1, dW2, db2: dZ2 = (A2 - Y) / m, and back through each layer in turn.

    Source: the derivative of `forward` and `cost`, by those of their layers.
    """
    X, Z1, A1, P1, A2 = cache
    dZ2 = (A2 - Y) / Y.shape[1]
    dW2, db2 = dZ2 @ columns(P1).T, dZ2.sum(axis=1, keepdims=True)
    dP1 = (parameters.W2.T @ dZ2).T.reshape(P1.shape)
    dZ1 = max_pool_backward(dP1, A1, f=2, stride=2) * relu_derivative(Z1)
    _, dW1, db1 = cross_correlate_backward(dZ1, X, parameters.W1, padding=1)
    return Parameters(dW1, db1, dW2, db2)


def train(
    X: Array, Y: Array, num_filters: int, rate: float, epochs: int, batch_size: int, rng: np.random.Generator
) -> tuple[Parameters, list[float]]:
    """Mini-batch gradient descent, theta = theta - rate dtheta, and the cost of every step.

    Source: Borghi, "Mini-batch gradiente descendiente"; Paiolla §3.3.1.
    """
    parameters = initialize((X.shape[1], X.shape[2]), X.shape[3], num_filters, len(Y), rng)
    costs: list[float] = []
    for _ in range(epochs):
        for batch in split(rng.permutation(len(X)), batch_size):
            Z2, cache = forward(X[batch], parameters)
            costs.append(cost(Z2, Y[:, batch]))
            gradients = backward(Y[:, batch], cache, parameters)
            parameters = Parameters(*(p - rate * dp for p, dp in zip(parameters, gradients, strict=True)))
    return parameters, costs


def predict(X: Array, parameters: Parameters) -> Integers:
    """The class with the largest probability, for each picture.

    Source: Paiolla §3.6.
    """
    return forward(X, parameters)[0].argmax(axis=0)
