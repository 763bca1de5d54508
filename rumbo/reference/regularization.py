"""What keeps weights small or units independent: L2, L1, and dropout in both forms.

`weights` are the W of all layers; biases, gamma and beta are not penalised. D is a mask of zeros and ones, 1 = kept.
"""

from collections.abc import Sequence

import numpy as np

from rumbo.reference.arrays import Array


def l2_penalty(weights: Sequence[Array], lam: float, m: int) -> float:
    """lambda / (2 m) times the sum of ||W||_F^2 over the layers; added to the cost.

    Source: Borghi, "Regularización de una red neuronal"; Paiolla §3.1.

    >>> l2_penalty([np.array([[3.0, 4.0]]), np.array([[1.0]])], lam=2.0, m=10)
    2.6
    """
    return lam / (2 * m) * sum(float((W**2).sum()) for W in weights)


def l2_gradient(W: Array, lam: float, m: int) -> Array:
    """lambda / m W; added to dW.

    Source: Borghi, "Regularización de una red neuronal".
    """
    return lam / m * W


def l1_penalty(weights: Sequence[Array], lam: float, m: int) -> float:
    """lambda / (2 m) times the sum of |w| over all weights.

    Source: Borghi, "Regularización de una red neuronal", with the 2 of the notes; other texts write lambda / m.

    >>> l1_penalty([np.array([[3.0, -4.0]]), np.array([[1.0]])], lam=2.0, m=10)
    0.8
    """
    return lam / (2 * m) * sum(float(np.abs(W).sum()) for W in weights)


def l1_gradient(W: Array, lam: float, m: int) -> Array:
    """lambda / (2 m) sign(W), 0 where w = 0: the same pull on every weight, so that small ones reach 0.

    Source: the derivative of `l1_penalty`.
    """
    return lam / (2 * m) * np.sign(W)


def decay_factor(alpha: float, lam: float, m: int) -> float:
    """1 - alpha lambda / m: what one step of descent with L2 multiplies W by, beside the gradient.

    Source: Borghi, "Regularización de una red neuronal"; Paiolla §3.1.
    """
    return 1 - alpha * lam / m


def weight_decay_step(W: Array, dW: Array, alpha: float, lam: float, m: int) -> Array:
    """W := (1 - alpha lambda / m) W - alpha dW; dW without penalty. L2 as a decay of the weights.

    Equal to W - alpha (dW + lambda / m W) for gradient descent, not for rules that divide by sqrt(S) (see
    `optimizers.adamw`). The `weight_decay` of torch is lambda / m.

    Source: Borghi, "Regularización de una red neuronal" (backpropagation with L2), with W drawn out.
    """
    return decay_factor(alpha, lam, m) * W - alpha * dW


def dropout_mask(shape: tuple[int, ...], keep_prob: float, rng: np.random.Generator) -> Array:
    """D, 1 with probability keep_prob and else 0, for each unit and example; drawn anew for every batch.

    Source: Paiolla §3.1 (`d3`); Ronchetti & Quiroga, "Dropout" (`dropout_mask`).
    """
    return (rng.random(shape) < keep_prob).astype(np.float64)


def inverted_dropout(A: Array, D: Array, keep_prob: float) -> Array:
    """A D / keep_prob while training; at prediction A stays as it is. E[result] = A.

    Source: Paiolla §3.1; Ronchetti & Quiroga, "Dropout - Alternativa".

    >>> inverted_dropout(np.array([2.0, 4.0, 8.0]), np.array([1.0, 0.0, 1.0]), 0.8).tolist()
    [2.5, 0.0, 10.0]
    """
    return A * D / keep_prob


def inverted_dropout_backward(dA_dropped: Array, D: Array, keep_prob: float) -> Array:
    """dA = dA_dropped D / keep_prob: what was dropped had no part in the cost.

    Source: the derivative of `inverted_dropout`.
    """
    return dA_dropped * D / keep_prob


def dropout(A: Array, D: Array) -> Array:
    """A D while training: the older form, which is weaker by keep_prob; `dropout_at_test` makes up for it.

    Source: Ronchetti & Quiroga, "Dropout" (`dropout`, phase train).
    """
    return A * D


def dropout_backward(dA_dropped: Array, D: Array) -> Array:
    """dA = dA_dropped D.

    Source: the derivative of `dropout`.
    """
    return dA_dropped * D


def dropout_at_test(A: Array, keep_prob: float) -> Array:
    """A keep_prob, the expectation of `dropout`: at prediction all units are there, each as strong as on average.

    Source: Ronchetti & Quiroga, "Dropout: Problema de normalización". The notes put the factor on the activations of
    the hidden layer; it could as well be on the weights that follow.
    """
    return A * keep_prob
