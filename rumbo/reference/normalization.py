"""Mean 0 and variance 1: of the inputs by the training set, of hidden layers by each mini-batch.

Z is (n, m), examples in columns; mu, sigma2, gamma and beta are (n, 1).
"""

from typing import NamedTuple

import numpy as np

from rumbo.reference.arrays import Array
from rumbo.reference.averages import average_step


class Scale(NamedTuple):
    """Mean and standard deviation of each input over the training set, (n_x, 1) both."""

    mu: Array
    sigma: Array


def fit_inputs(X: Array) -> Scale:
    """mu = 1/m sum x, sigma^2 = 1/m sum (x - mu)^2 of the training set; a feature that never changes has sigma = 1.

    Source: Borghi, "Configurando la optimización de problemas"; Paiolla §3.2.1, whose sigma^2 leaves out mu and is
    right only for x that has mean 0 already; Ronchetti & Quiroga, "Normalización de la entrada".
    """
    mu = X.mean(axis=1, keepdims=True)
    sigma = np.sqrt(((X - mu) ** 2).mean(axis=1, keepdims=True))
    varies = X.max(axis=1, keepdims=True) > X.min(axis=1, keepdims=True)  # sigma of equal numbers may round above 0
    return Scale(mu, np.where(varies, sigma, 1.0))


def apply_inputs(X: Array, scale: Scale) -> Array:
    """x := (x - mu) / sigma, with the mu and sigma of the training set for every set.

    Source: Paiolla §3.2.1.

    >>> X = np.array([[1.0, 2.0, 3.0], [5.0, 5.0, 5.0]])
    >>> apply_inputs(X, fit_inputs(X)).round(3).tolist()
    [[-1.225, 0.0, 1.225], [0.0, 0.0, 0.0]]
    """
    return (X - scale.mu) / scale.sigma


class Statistics(NamedTuple):
    """Mean and variance of each unit, (n, 1) both: of a mini-batch, or averaged over many."""

    mu: Array
    sigma2: Array


def batch_statistics(Z: Array) -> Statistics:
    """mu = 1/m sum z, sigma^2 = 1/m sum (z - mu)^2 over the mini-batch.

    Source: Borghi, "Implementar Batch Norm"; Paiolla §3.5; Ioffe & Szegedy 2015, arXiv:1502.03167, algorithm 1.
    """
    mu = Z.mean(axis=1, keepdims=True)
    return Statistics(mu, ((Z - mu) ** 2).mean(axis=1, keepdims=True))


class BatchNormCache(NamedTuple):
    """What the way back needs."""

    Z_norm: Array
    sigma2: Array
    gamma: Array
    eps: float


def batch_norm(Z: Array, gamma: Array, beta: Array, eps: float = 1e-5) -> tuple[Array, BatchNormCache]:
    """Z_norm = (Z - mu) / sqrt(sigma^2 + eps), Z_tilde = gamma Z_norm + beta, by the mini-batch's own mu and sigma.

    Returns Z_tilde and the cache. With gamma = sqrt(sigma^2 + eps) and beta = mu, Z_tilde is Z. A bias added to Z is
    taken out again by mu: layers with batch norm need no b.

    Source: Borghi, "Implementar Batch Norm"; Paiolla §3.5; Ioffe & Szegedy 2015, arXiv:1502.03167, algorithm 1.
    """
    statistics = batch_statistics(Z)
    Z_norm = normalize(Z, statistics, eps)
    return gamma * Z_norm + beta, BatchNormCache(Z_norm, statistics.sigma2, gamma, eps)


def normalize(Z: Array, statistics: Statistics, eps: float) -> Array:
    """(Z - mu) / sqrt(sigma^2 + eps).

    Source: Ioffe & Szegedy 2015, arXiv:1502.03167, algorithm 1; Borghi, "Implementar Batch Norm".
    """
    return (Z - statistics.mu) / np.sqrt(statistics.sigma2 + eps)


class BatchNormGradients(NamedTuple):
    """dZ (n, m), dgamma and dbeta (n, 1)."""

    dZ: Array
    dgamma: Array
    dbeta: Array


def batch_norm_backward(dZ_tilde: Array, cache: BatchNormCache) -> BatchNormGradients:
    """Gradients of `batch_norm`: mu and sigma depend on Z too, hence the two terms that are taken off.

    dZ = (dZ_norm - mean(dZ_norm) - Z_norm mean(dZ_norm Z_norm)) / sqrt(sigma^2 + eps), with dZ_norm = gamma dZ_tilde.

    Source: Ioffe & Szegedy 2015, arXiv:1502.03167, §3, with dmu and dsigma^2 put in.
    """
    Z_norm, sigma2, gamma, eps = cache
    dZ_norm = gamma * dZ_tilde
    through_mu = dZ_norm.mean(axis=1, keepdims=True)
    through_sigma = Z_norm * (dZ_norm * Z_norm).mean(axis=1, keepdims=True)
    dZ = (dZ_norm - through_mu - through_sigma) / np.sqrt(sigma2 + eps)
    return BatchNormGradients(dZ, *_scale_gradients(dZ_tilde, Z_norm))


def _scale_gradients(dZ_tilde: Array, Z_norm: Array) -> tuple[Array, Array]:
    """dgamma = sum dZ_tilde Z_norm and dbeta = sum dZ_tilde, over the examples."""
    return (dZ_tilde * Z_norm).sum(axis=1, keepdims=True), dZ_tilde.sum(axis=1, keepdims=True)


def first_statistics(n: int) -> Statistics:
    """mu = 0 and sigma^2 = 1, where running averages start.

    Source: torch.nn.BatchNorm1d, its documentation; the notes' averages start at 0.
    """
    return Statistics(np.zeros((n, 1)), np.ones((n, 1)))


def running_step(running: Statistics, batch: Statistics, beta: float = 0.9) -> Statistics:
    """Both averages take in a mini-batch: mu := beta mu + (1 - beta) mu_batch, and sigma^2 likewise.

    The `momentum` of torch is 1 - beta, and its batch variance is `unbiased`.

    Source: Borghi, "Resumiendo Batch norm" (exponentially weighted averages for the test set).
    """
    return Statistics(
        average_step(running.mu, batch.mu, beta),
        average_step(running.sigma2, batch.sigma2, beta),
    )


def unbiased(batch: Statistics, m: int) -> Statistics:
    """Variance times m / (m - 1): m examples about their own mean vary less than about the true one.

    Source: Ioffe & Szegedy 2015, arXiv:1502.03167, algorithm 2, line 10; torch does it, the notes do not.
    """
    return Statistics(batch.mu, batch.sigma2 * m / (m - 1))


def batch_norm_at_test(Z: Array, gamma: Array, beta: Array, running: Statistics, eps: float = 1e-5) -> Array:
    """gamma (Z - mu) / sqrt(sigma^2 + eps) + beta with the running averages: each example by itself.

    Source: Borghi, "Resumiendo Batch norm"; Ronchetti & Quiroga, "Capa Batch Normalization (BN)" (fixed when run).
    """
    return gamma * normalize(Z, running, eps) + beta


def batch_norm_at_test_backward(
    dZ_tilde: Array, Z: Array, gamma: Array, running: Statistics, eps: float = 1e-5
) -> BatchNormGradients:
    """Gradients of `batch_norm_at_test`, as in fine-tuning with frozen statistics: mu and sigma are constants.

    dZ = gamma dZ_tilde / sqrt(sigma^2 + eps).

    Source: the derivative of `batch_norm_at_test`.
    """
    dZ = gamma * dZ_tilde / np.sqrt(running.sigma2 + eps)
    return BatchNormGradients(dZ, *_scale_gradients(dZ_tilde, normalize(Z, running, eps)))


def channels_in_rows(A: Array) -> Array:
    """(m, H, W, C) -> (C, m H W): every pixel of every picture is an example of its channel, as batch norm wants it.

    Source: Ioffe & Szegedy 2015, arXiv:1502.03167, §3.2.
    """
    return A.reshape(-1, A.shape[-1]).T


def channels_last(Z: Array, shape: tuple[int, ...]) -> Array:
    """(C, m H W) -> (m, H, W, C), the inverse of `channels_in_rows`.

    Source: Ioffe & Szegedy 2015, arXiv:1502.03167, §3.2.
    """
    return Z.T.reshape(shape)
