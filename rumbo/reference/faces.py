r"""Faces told apart by their encodings: distance, triplet loss, and siamese heads, with their gradients.

Letters: an encoding is a column, so `f` of m pictures is n x m (n = 128 in the notes); `A`, `P`, `N` are the
encodings of anchors, positives and negatives, column by column; `alpha` is the margin, `tau` the threshold.
"""

from itertools import product
from typing import NamedTuple

import numpy as np

from rumbo.reference.activations import sigmoid
from rumbo.reference.arrays import Array, Integers


def distance(f_i: Array, f_j: Array) -> Array:
    """d(x_i, x_j) = ||f(x_i) - f(x_j)||^2, column by column; n x m -> m.

    One text prints the pictures themselves, ||x_i - x_j||^2, where their encodings are meant.

    Source: Borghi, "Siamese Network"; Paiolla §5.8.2.

    >>> distance(np.array([[0.0], [0.0]]), np.array([[3.0], [4.0]]))
    array([25.])
    """
    return np.sum((f_i - f_j) ** 2, axis=0)


def same_person(f_i: Array, f_j: Array, tau: float) -> Array:
    """Verification, 1:1: 1 where the distance is below the threshold, else 0; n x m -> m.

    Source: Borghi, "One Shot Learning"; Paiolla §5.8.1.
    """
    return (distance(f_i, f_j) < tau).astype(np.float64)


NOT_RECOGNIZED = -1


def recognize(f: Array, stored: Array, tau: float) -> int:
    """Recognition, 1:K: which of the stored encodings (n x K) is nearest to `f` (n x 1); none nearer than tau: -1.

    Source: Borghi, "Verificación facial vs Reconocimiento facial"; Paiolla §5.8.

    >>> stored = np.array([[0.0, 1.0], [0.0, 1.0]])
    >>> recognize(np.array([[0.9], [1.0]]), stored, 0.5), recognize(np.array([[9.0], [9.0]]), stored, 0.5)
    (1, -1)
    """
    d = distance(f, stored)
    return int(np.argmin(d)) if np.min(d) < tau else NOT_RECOGNIZED


def recognition_accuracy(pairwise: float, K: int) -> float:
    """Chance that K independent comparisons are all right: pairwise^K.

    The notes say that K persons make an error K times as likely: so it is only while K (1 - pairwise) is small.

    Source: Borghi, "Verificación facial vs Reconocimiento facial"; Paiolla §5.8.

    >>> round(recognition_accuracy(0.99, 100), 3), round(recognition_accuracy(0.999, 100), 3)
    (0.366, 0.905)
    """
    return pairwise**K


def violation(A: Array, P: Array, N: Array, alpha: float = 0.2) -> Array:
    """||f(A) - f(P)||^2 - ||f(A) - f(N)||^2 + alpha, which ought to be <= 0; n x m -> m.

    Without the margin, encodings that are all the same would do. The notes' print divides by alpha, and in one
    place adds 2 or lambda: braces and letters that were misread.

    Source: Schroff et al. 2015, eq. 1; Paiolla §5.8.3; Borghi, "Triplet Loss".
    """
    return distance(A, P) - distance(A, N) + alpha


def triplet_loss(A: Array, P: Array, N: Array, alpha: float = 0.2) -> Array:
    """L(A, P, N) = max(||f(A) - f(P)||^2 - ||f(A) - f(N)||^2 + alpha, 0), one per triplet; n x m -> m.

    Source: Schroff et al. 2015, eq. 2; Paiolla §5.8.3; Borghi, "Triplet Loss".

    Encodings that are all the same cost the margin:

    >>> triplet_loss(np.zeros((128, 1)), np.zeros((128, 1)), np.zeros((128, 1)))
    array([0.2])
    """
    return np.maximum(violation(A, P, N, alpha), 0)


def triplet_cost(A: Array, P: Array, N: Array, alpha: float = 0.2) -> float:
    """J = sum_i L(A_i, P_i, N_i).

    Source: Borghi, "Triplet Loss"; Paiolla §5.8.3.
    """
    return float(np.sum(triplet_loss(A, P, N, alpha)))


class TripletGradients(NamedTuple):
    """Gradients of the triplet cost; each n x m."""

    dA: Array
    dP: Array
    dN: Array


def triplet_backward(A: Array, P: Array, N: Array, alpha: float = 0.2) -> TripletGradients:
    """Where the loss is not 0: dA = 2 (N - P), dP = 2 (P - A), dN = 2 (A - N); elsewhere 0.

    Source: the derivative of Schroff et al. 2015, eq. 2.
    """
    active = violation(A, P, N, alpha) > 0
    return TripletGradients(dA=active * 2 * (N - P), dP=active * 2 * (P - A), dN=active * 2 * (A - N))


def all_triplets(labels: Integers) -> Integers:
    """Every (anchor, positive, negative): two pictures of one person and one of another; m -> 3 x t, places in m.

    Source: Paiolla §5.8.3.

    >>> all_triplets(np.array([7, 7, 8]))
    array([[0, 1],
           [1, 0],
           [2, 2]])
    """
    places = range(len(labels))
    triplets = [
        (a, p, n)
        for a, p, n in product(places, repeat=3)
        if a != p and labels[a] == labels[p] and labels[a] != labels[n]
    ]
    return np.array(triplets, np.int64).reshape(-1, 3).T


def hard_triplets(f: Array, labels: Integers, alpha: float = 0.2) -> Integers:
    """The triplets that still break the constraint, the only ones with a gradient; n x m, m -> 3 x t.

    Source: Paiolla §5.8.3; Schroff et al. 2015, section 3.2.
    """
    a, p, n = triplets = all_triplets(labels)
    return triplets[:, violation(f[:, a], f[:, p], f[:, n], alpha) > 0]


def semi_hard_triplets(f: Array, labels: Integers, alpha: float = 0.2) -> Integers:
    """Hard triplets whose negative is yet farther than the positive: d(A, P) < d(A, N) < d(A, P) + alpha; -> 3 x t.

    Source: Schroff et al. 2015, eq. 4: the hardest ones first can make every encoding the same.
    """
    a, p, n = triplets = hard_triplets(f, labels, alpha)
    return triplets[:, distance(f[:, a], f[:, p]) < distance(f[:, a], f[:, n])]


def hardest_triplets(f: Array, labels: Integers) -> Integers:
    """For each anchor its farthest positive and its nearest negative; n x m, m -> 3 x t.

    Source: Schroff et al. 2015, section 3.2.
    """
    triplets = all_triplets(labels)
    d = np.array([distance(f[:, [j]], f) for j in range(len(labels))])
    chosen: list[tuple[int, int, int]] = []
    for a in np.unique(triplets[0]):
        _, p, n = triplets[:, triplets[0] == a]
        chosen.append((int(a), int(p[np.argmax(d[a, p])]), int(n[np.argmin(d[a, n])])))
    return np.array(chosen, np.int64).reshape(-1, 3).T


class Pair(NamedTuple):
    """Gradients with respect to the encodings of the first and the second picture; each n x m."""

    df_i: Array
    df_j: Array


def absolute_difference(f_i: Array, f_j: Array) -> Array:
    """u_k = |f(x_i)_k - f(x_j)_k|; n x m.

    Source: Borghi, "Verificación facial y clasificación binaria"; Taigman et al. 2014, section 4.2.
    """
    return np.abs(f_i - f_j)


def absolute_difference_backward(du: Array, f_i: Array, f_j: Array) -> Pair:
    """df_i = du sign(f_i - f_j), df_j = -df_i; 0 where the two are equal.

    Source: the derivative of `absolute_difference`.
    """
    df_i = du * np.sign(f_i - f_j)
    return Pair(df_i, -df_i)


def chi_square(f_i: Array, f_j: Array) -> Array:
    """u_k = (f(x_i)_k - f(x_j)_k)^2 / (f(x_i)_k + f(x_j)_k); n x m, entries >= 0; two zeros differ by 0.

    Source: Borghi, "Verificación facial y clasificación binaria"; Taigman et al. 2014, section 4.1.

    >>> chi_square(np.array([[1.0], [2.0]]), np.array([[3.0], [2.0]]))
    array([[1.],
           [0.]])
    """
    return (f_i - f_j) ** 2 / _positive_sum(f_i, f_j)


def chi_square_backward(du: Array, f_i: Array, f_j: Array) -> Pair:
    """df_i = du (f_i - f_j)(f_i + 3 f_j) / (f_i + f_j)^2, and df_j the same with i and j exchanged.

    Source: the derivative of `chi_square`.
    """
    difference, square = f_i - f_j, _positive_sum(f_i, f_j) ** 2
    return Pair(du * difference * (f_i + 3 * f_j) / square, -du * difference * (f_j + 3 * f_i) / square)


def _positive_sum(f_i: Array, f_j: Array) -> Array:
    return np.where(f_i + f_j > 0, f_i + f_j, 1.0)


class HeadGradients(NamedTuple):
    """Gradients of a siamese head: dw 1 x n, db 1 x 1, du n x m."""

    dw: Array
    db: Array
    du: Array


def head(w: Array, b: Array, u: Array) -> Array:
    """Chance that two pictures show one person, yhat = sigma(sum_k w_k u_k + b); 1 x n, 1 x 1, n x m -> 1 x m.

    `u` is `absolute_difference` or `chi_square`. The notes print w_i under a sum over k.

    Source: Borghi, "Verificación facial y clasificación binaria"; Paiolla §5.8.4.
    """
    return sigmoid(w @ u + b)


def head_backward(dZ: Array, w: Array, u: Array) -> HeadGradients:
    """Gradients dw = dZ u^T, db = sum dZ, du = w^T dZ; dZ is 1 x m, and yhat - y for each pair's cross-entropy.

    Source: the dense layer's equations, Paiolla §2.3.
    """
    return HeadGradients(dw=dZ @ u.T, db=np.sum(dZ, axis=1, keepdims=True), du=w.T @ dZ)
