"""First weights. A dense layer's W is (n_out, n_in): n_out units, each fed by n_in; every form keeps E[w] = 0.

What matters is the variance of one weight. z = w_1 x_1 + ... + w_n x_n has n terms, so Var(w) must fall as 1 / n for z
to keep the size of x from layer to layer. Biases start at zero.
"""

import math
from collections.abc import Callable

import numpy as np

from rumbo.reference.arrays import Array

Initializer = Callable[[int, int, np.random.Generator], Array]
"""(n_out, n_in, rng) -> W, which is what every form for dense layers in this module is."""


def zeros(n_out: int, n_in: int, rng: np.random.Generator) -> Array:
    """W = 0: right for biases and for logistic regression; a hidden layer of it never learns.

    Source: Borghi, "Inicialización parámetros"; Paiolla §2.4; Ronchetti & Quiroga, "Inicialización de parámetros".
    """
    return np.zeros((n_out, n_in))


def constant(n_out: int, n_in: int, rng: np.random.Generator, value: float = 5.0) -> Array:
    """All weights equal: the units of a layer stay copies of each other.

    Source: Paiolla §2.4; Ronchetti & Quiroga, "Inicialización de parámetros" (W = 5).

    >>> x = np.array([[3.0], [2.0], [1.0]])
    >>> W = constant(3, 3, np.random.default_rng(0))
    >>> [layer.ravel().tolist() for layer in (W @ x, W @ W @ x)]
    [[30.0, 30.0, 30.0], [450.0, 450.0, 450.0]]
    """
    return np.full((n_out, n_in), value)


def normal(shape: tuple[int, ...], variance: float, rng: np.random.Generator) -> Array:
    """Gaussian weights of mean 0.

    Source: Paiolla §2.4; Ronchetti & Quiroga, "Inicialización de parámetros".
    """
    return rng.standard_normal(shape) * math.sqrt(variance)


def uniform(shape: tuple[int, ...], variance: float, rng: np.random.Generator) -> Array:
    """Weights uniform in [-r, r) with r = `uniform_limit(variance)`.

    Source: Ronchetti & Quiroga, "Inicialización de parámetros"; Glorot & Bengio 2010, eq. 16.
    """
    limit = uniform_limit(variance)
    return rng.uniform(-limit, limit, shape)


def uniform_limit(variance: float) -> float:
    """The half width r = sqrt(3 variance), for Var(w) = (2 r)^2 / 12.

    Source: Glorot & Bengio 2010, from eq. 12 to eq. 16.

    >>> uniform_limit(1 / 3)
    1.0
    """
    return math.sqrt(3 * variance)


def small_random(n_out: int, n_in: int, rng: np.random.Generator, scale: float = 0.01) -> Array:
    """W = scale times N(0, 1): small, so that tanh and the sigmoid start where they are steep.

    Source: Borghi, "Inicialización aleatoria"; Paiolla §2.4. The notes of Borghi print a uniform `random`, whose mean
    is not 0; a normal one is meant.
    """
    return normal((n_out, n_in), scale**2, rng)


def small_uniform(n_out: int, n_in: int, rng: np.random.Generator, limit: float = 0.001) -> Array:
    """Weights uniform in [-limit, limit).

    Source: Ronchetti & Quiroga, "Inicialización de parámetros" (a = -0.001, b = 0.001).
    """
    return rng.uniform(-limit, limit, (n_out, n_in))


def he_variance(n_in: int) -> float:
    """Var(w) = 2 / n_in, for ReLU, which lets half of the variance through.

    Source: Borghi, "Configurando la optimización de problemas"; Paiolla §3.2.2; Ronchetti & Quiroga, "Inicialización de
    parámetros"; He et al. 2015, arXiv:1502.01852, eq. 10.
    """
    return 2 / n_in


def xavier_variance(n_in: int) -> float:
    """Var(w) = 1 / n_in, for tanh and linear units.

    Source: Borghi, "Configurando la optimización de problemas"; Paiolla §3.2.2.
    """
    return 1 / n_in


def glorot_variance(n_in: int, n_out: int) -> float:
    """Var(w) = 2 / (n_in + n_out): a compromise between activations going forward and gradients coming back.

    Source: Borghi, "Xavier initialization" (there without the root, as a variance); Paiolla §3.2.2; Ronchetti &
    Quiroga, "Inicialización de parámetros"; Glorot & Bengio 2010, eq. 12.
    """
    return 2 / (n_in + n_out)


def he(n_out: int, n_in: int, rng: np.random.Generator) -> Array:
    """Normal with `he_variance`.

    Source: that of `he_variance`.
    """
    return normal((n_out, n_in), he_variance(n_in), rng)


def he_uniform(n_out: int, n_in: int, rng: np.random.Generator) -> Array:
    """Uniform with `he_variance`: limits ±sqrt(6 / n_in).

    Source: that of `he_variance`.
    """
    return uniform((n_out, n_in), he_variance(n_in), rng)


def xavier(n_out: int, n_in: int, rng: np.random.Generator) -> Array:
    """Normal with `xavier_variance`.

    Source: that of `xavier_variance`.
    """
    return normal((n_out, n_in), xavier_variance(n_in), rng)


def xavier_uniform(n_out: int, n_in: int, rng: np.random.Generator) -> Array:
    """Uniform with `xavier_variance`: limits ±sqrt(3 / n_in). The `xavier_uniform_` of torch is `glorot_uniform`.

    Source: that of `xavier_variance`.
    """
    return uniform((n_out, n_in), xavier_variance(n_in), rng)


def glorot(n_out: int, n_in: int, rng: np.random.Generator) -> Array:
    """Normal with `glorot_variance`.

    Source: that of `glorot_variance`.
    """
    return normal((n_out, n_in), glorot_variance(n_in, n_out), rng)


def glorot_uniform(n_out: int, n_in: int, rng: np.random.Generator) -> Array:
    """Uniform with `glorot_variance`: limits ±sqrt(6 / (n_in + n_out)).

    Source: Ronchetti & Quiroga, "Inicialización de parámetros" (Keras's default); Glorot & Bengio 2010, eq. 16.
    """
    return uniform((n_out, n_in), glorot_variance(n_in, n_out), rng)


def filter_fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """(n_in, n_out) of filters (f, ..., C_in, C_out): one output is fed by f ... C_in numbers.

    Source: He et al. 2015, arXiv:1502.01852, sec. 2.2 (n = k^2 c forward, n = k^2 d backward).

    >>> filter_fans((3, 3, 64, 128))
    (576, 1152)
    """
    area = math.prod(shape[:-2])
    return area * shape[-2], area * shape[-1]
