"""Rules of descent: W, its gradient dW and what the rule remembers in; the next W and memory out.

One array at a time; W stands for b, gamma and beta as well. Every rule is a pure function, and every memory starts at
zero. The two forms of momentum, and epsilon inside or outside of the root, are two functions each, and the functions at
the end of the file convert between them.
"""

import math
from typing import NamedTuple

import numpy as np

from rumbo.reference.arrays import Array
from rumbo.reference.averages import average_step


def gradient_descent(W: Array, dW: Array, alpha: float) -> Array:
    """W := W - alpha dW.

    Source: Borghi, "Gradiente descendiente"; Paiolla §1.2; Ronchetti & Quiroga, "Descenso de gradiente - Versiones".

    J = w^2 - 10 w + 25 from w = 0 with rate 0.01: 0.1 after one step, nearly 5 after a thousand.

    >>> w = np.zeros(1)
    >>> round(gradient_descent(w, 2 * w - 10, 0.01).item(), 6)
    0.1
    """
    return W - alpha * dW


def momentum(W: Array, dW: Array, V: Array, alpha: float, beta: float = 0.9) -> tuple[Array, Array]:
    """V := beta V + (1 - beta) dW, W := W - alpha V: a step along the weighted average of gradients.

    Source: Borghi, "Gradiente descendente con momentum"; Paiolla §3.3.3, algorithm 3.2. No bias correction.
    """
    V_t = average_step(V, dW, beta)
    return W - alpha * V_t, V_t


def velocity(W: Array, dW: Array, v: Array, alpha: float, mu: float = 0.9) -> tuple[Array, Array]:
    """The velocity form of momentum: v := mu v + dW, W := W - alpha v. It is torch's; `velocity_rate` converts.

    Source: Sutskever et al. 2013 (ICML), eq. 1-2, with the rate outside of v.
    """
    v = mu * v + dW
    return W - alpha * v, v


def velocity_with_rate(W: Array, dW: Array, v: Array, alpha: float, mu: float = 0.9) -> tuple[Array, Array]:
    """The rate inside of the velocity: v := mu v + alpha dW, W := W - v. Equals `velocity` while alpha stays the same.

    When alpha falls, this v still carries the old rates.

    Source: Ronchetti & Quiroga, "Descenso de gradiente con Momentum".
    """
    v = mu * v + alpha * dW
    return W - v, v


def nesterov(W: Array, dW: Array, v: Array, alpha: float, mu: float = 0.9) -> tuple[Array, Array]:
    """Momentum that looks one step ahead: v := mu v + dW, W := W - alpha (dW + mu v).

    W is the point looked at, where dW is taken. Source: Sutskever et al. 2013 (ICML), eq. 3-4, rewritten for that
    point (Bengio et al. 2012, arXiv:1212.0901, eq. 6-7); the notes do not have it.
    """
    v = mu * v + dW
    return W - alpha * (dW + mu * v), v


def rmsprop(W: Array, dW: Array, S: Array, alpha: float, beta: float = 0.9, eps: float = 1e-8) -> tuple[Array, Array]:
    """Steps in units of the gradient's usual size: S := beta S + (1 - beta) dW^2, W := W - alpha dW / (sqrt(S) + eps).

    Source: Tieleman & Hinton 2012, lecture 6.5; Borghi, "Otro algoritmo: RMSProp". Epsilon as in Borghi's Adam.
    """
    S_t = average_step(S, dW**2, beta)
    return W - alpha * dW / (np.sqrt(S_t) + eps), S_t


def rmsprop_inside(
    W: Array, dW: Array, S: Array, alpha: float, beta: float = 0.9, eps: float = 1e-8
) -> tuple[Array, Array]:
    """S := beta S + (1 - beta) dW^2, W := W - alpha dW / sqrt(S + eps).

    Source: Paiolla §3.3.4, algorithm 3.3. The notes print beta V where the average S of squares is meant.
    """
    S_t = average_step(S, dW**2, beta)
    return W - alpha * dW / np.sqrt(S_t + eps), S_t


class Moments(NamedTuple):
    """What Adam remembers: V the average gradient, S the average square, t the steps made."""

    V: Array
    S: Array
    t: int = 0


def no_moments(W: Array) -> Moments:
    """V = S = 0 and t = 0, in the shape of W.

    Source: Kingma & Ba 2015, arXiv:1412.6980, algorithm 1.
    """
    return Moments(np.zeros_like(W), np.zeros_like(W))


def moments_step(dW: Array, moments: Moments, beta1: float, beta2: float) -> Moments:
    """V := beta1 V + (1 - beta1) dW, S := beta2 S + (1 - beta2) dW^2, t := t + 1; no correction yet.

    Source: Borghi, "Algoritmo de optimización de Adam". Paiolla's algorithm 3.4 prints beta2 V where S is meant.
    """
    V, S, t = moments
    return Moments(average_step(V, dW, beta1), average_step(S, dW**2, beta2), t + 1)


def corrected(moments: Moments, beta1: float, beta2: float) -> tuple[Array, Array]:
    """V / (1 - beta1^t) and S / (1 - beta2^t). What is remembered stays without correction.

    Source: Borghi, "Algoritmo de optimización de Adam"; Kingma & Ba 2015, arXiv:1412.6980, §3. Paiolla's algorithm 3.4
    writes the corrected values back into V and S, which would correct them twice.
    """
    V, S, t = moments
    return V / (1 - beta1**t), S / (1 - beta2**t)


def adam(
    W: Array, dW: Array, moments: Moments, alpha: float, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8
) -> tuple[Array, Moments]:
    """W := W - alpha V' / (sqrt(S') + eps), with V' and S' the corrected averages.

    Source: Borghi, "Algoritmo de optimización de Adam"; Kingma & Ba 2015, arXiv:1412.6980, algorithm 1.

    The first step has the size alpha, whatever the gradient:

    >>> W, _ = adam(np.zeros(2), np.array([1e-3, -5.0]), no_moments(np.zeros(2)), alpha=0.1)
    >>> W.round(5).tolist()
    [-0.1, 0.1]
    """
    moments = moments_step(dW, moments, beta1, beta2)
    V, S = corrected(moments, beta1, beta2)
    return W - alpha * V / (np.sqrt(S) + eps), moments


def adam_inside(
    W: Array, dW: Array, moments: Moments, alpha: float, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8
) -> tuple[Array, Moments]:
    """W := W - alpha V' / sqrt(S' + eps): `adam` with epsilon inside of the root.

    Source: Paiolla §3.3.5, algorithm 3.4.
    """
    moments = moments_step(dW, moments, beta1, beta2)
    V, S = corrected(moments, beta1, beta2)
    return W - alpha * V / np.sqrt(S + eps), moments


def adamw(
    W: Array,
    dW: Array,
    moments: Moments,
    alpha: float,
    decay: float = 0.01,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
) -> tuple[Array, Moments]:
    """W := (1 - alpha decay) W, then a step of `adam`: the decay is not divided by sqrt(S).

    Source: Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2, with their eta alpha written as alpha.
    """
    return adam((1 - alpha * decay) * W, dW, moments, alpha, beta1, beta2, eps)


class LargestMoments(NamedTuple):
    """What AMSGrad remembers: Adam's moments, and the largest S so far."""

    moments: Moments
    S_max: Array


def no_largest_moments(W: Array) -> LargestMoments:
    """All zero, in the shape of W.

    Source: Reddi et al. 2018, arXiv:1904.09237, algorithm 2.
    """
    return LargestMoments(no_moments(W), np.zeros_like(W))


def amsgrad(
    W: Array,
    dW: Array,
    state: LargestMoments,
    alpha: float,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
) -> tuple[Array, LargestMoments]:
    """`adam` with the largest S so far in place of S: the step of a component grows no more.

    Source: Reddi et al. 2018, arXiv:1904.09237, algorithm 2, with Adam's corrections as in Keras and torch (the paper
    has none); Ronchetti & Quiroga, "Optimizadores Avanzados - En Keras" (`amsgrad`).
    """
    moments = moments_step(dW, state.moments, beta1, beta2)
    S_max = np.maximum(state.S_max, moments.S)
    V, S = corrected(moments._replace(S=S_max), beta1, beta2)
    return W - alpha * V / (np.sqrt(S) + eps), LargestMoments(moments, S_max)


def adagrad(W: Array, dW: Array, S: Array, alpha: float, eps: float = 1e-4) -> tuple[Array, Array]:
    """S := S + dW^2, W := W - alpha dW / (sqrt(S) + eps): S only grows, so every step is smaller.

    Source: Ronchetti & Quiroga, "Optimizadores Avanzados" (there without alpha, that is alpha = 1); Duchi et al. 2011
    (JMLR 12), fig. 1, diagonal case, with delta = eps.

    >>> W, S = adagrad(np.zeros(1), np.array([3.0]), np.zeros(1), alpha=1.0, eps=0.0)
    >>> adagrad(W, np.array([4.0]), S, alpha=1.0, eps=0.0)[0].round(3).item()
    -1.8
    """
    S_t = S + dW**2
    return W - alpha * dW / (np.sqrt(S_t) + eps), S_t


def adagrad_inside(W: Array, dW: Array, S: Array, alpha: float, eps: float = 1e-8) -> tuple[Array, Array]:
    """S := S + dW^2, W := W - alpha dW / sqrt(S + eps).

    Source: Ruder 2016, arXiv:1609.04747, §4.3; Teran, "Algoritmos de tasas de aprendizaje adaptativas", points there.
    """
    S_t = S + dW**2
    return W - alpha * dW / np.sqrt(S_t + eps), S_t


class Deltas(NamedTuple):
    """What Adadelta remembers: S the average square of gradients, D that of its own steps."""

    S: Array
    D: Array


def no_deltas(W: Array) -> Deltas:
    """S = D = 0, in the shape of W.

    Source: Zeiler 2012, arXiv:1212.5701, algorithm 1.
    """
    return Deltas(np.zeros_like(W), np.zeros_like(W))


def adadelta(
    W: Array, dW: Array, deltas: Deltas, alpha: float = 1.0, rho: float = 0.95, eps: float = 1e-6
) -> tuple[Array, Deltas]:
    """S := rho S + (1 - rho) dW^2, step = sqrt(D + eps) / sqrt(S + eps) dW, D := rho D + (1 - rho) step^2.

    W := W - alpha step. The step has the units of W, so the rate can be 1; epsilon stands inside of both roots, and
    the first D = 0 needs it there. Source: Zeiler 2012, arXiv:1212.5701, algorithm 1; named by Teran, "Algoritmos de
    tasas de aprendizaje adaptativas".
    """
    S = average_step(deltas.S, dW**2, rho)
    step = np.sqrt(deltas.D + eps) / np.sqrt(S + eps) * dW
    return W - alpha * step, Deltas(S, average_step(deltas.D, step**2, rho))


class NesterovMoments(NamedTuple):
    """What NAdam remembers: Adam's moments, and the product of all momenta so far."""

    moments: Moments
    product: float


def no_nesterov_moments(W: Array) -> NesterovMoments:
    """V = S = 0 and t = 0, in the shape of W; the empty product is 1.

    Source: Dozat 2016 (ICLR workshop), algorithm 2.
    """
    return NesterovMoments(no_moments(W), 1.0)


def nadam(
    W: Array,
    dW: Array,
    state: NesterovMoments,
    alpha: float,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    psi: float = 0.004,
) -> tuple[Array, NesterovMoments]:
    """Adam that looks one step ahead, as `nesterov` does: W := W - alpha V' / (sqrt(S') + eps), with another V'.

    V' = mu_(t+1) V / (1 - mu_1 ... mu_(t+1)) + (1 - mu_t) dW / (1 - mu_1 ... mu_t): the momentum of the next step on
    what is remembered, the gradient itself beside it. The momenta rise, mu_t = beta1 (1 - 0.96^(t psi) / 2); V is
    averaged with beta1 alone.

    Source: Dozat 2016 (ICLR workshop), algorithm 2, with the schedule of momenta there; V as in torch and Keras.
    """
    moments = moments_step(dW, state.moments, beta1, beta2)
    mu, mu_next = (beta1 * (1 - 0.5 * 0.96 ** (t * psi)) for t in (moments.t, moments.t + 1))
    product = state.product * mu
    ahead = mu_next * moments.V / (1 - product * mu_next) + (1 - mu) * dW / (1 - product)
    _, S = corrected(moments, beta1, beta2)
    return W - alpha * ahead / (np.sqrt(S) + eps), NesterovMoments(moments, product)


def radam(
    W: Array, dW: Array, moments: Moments, alpha: float, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8
) -> tuple[Array, Moments]:
    """Adam that trusts S only when it has seen enough: before, W := W - alpha V', a step of momentum.

    rho is how many gradients S is worth: rho_inf = 2 / (1 - beta2) - 1 in the end, rho_t = rho_inf - 2 t beta2^t /
    (1 - beta2^t) so far. Above 5 the step is alpha r V' / sqrt(S'), r^2 = (rho_t - 4)(rho_t - 2) rho_inf /
    ((rho_inf - 4)(rho_inf - 2) rho_t), which rises to 1: a warm-up that nobody has to set.

    Source: Liu et al. 2020, arXiv:1908.03265, algorithm 2, with torch's threshold of 5 for 4 there, and epsilon where
    torch has it: sqrt(S') is (sqrt(S) + eps) / sqrt(1 - beta2^t).
    """
    moments = moments_step(dW, moments, beta1, beta2)
    V, _ = corrected(moments, beta1, beta2)
    remembered = beta2**moments.t
    rho_inf = 2 / (1 - beta2) - 1
    rho = rho_inf - 2 * moments.t * remembered / (1 - remembered)
    if rho <= 5:
        return W - alpha * V, moments
    r = math.sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))
    return W - alpha * r * V * math.sqrt(1 - remembered) / (np.sqrt(moments.S) + eps), moments


def adamax(
    W: Array, dW: Array, moments: Moments, alpha: float, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8
) -> tuple[Array, Moments]:
    """Adam with the largest gradient, fading, in place of the root: S := max(beta2 S, |dW| + eps).

    W := W - alpha V' / S; a maximum needs no correction. Source: Kingma & Ba 2015, arXiv:1412.6980, algorithm 2, with
    the eps of torch, which keeps S above 0.
    """
    V, S, t = average_step(moments.V, dW, beta1), np.maximum(beta2 * moments.S, np.abs(dW) + eps), moments.t + 1
    return W - alpha * V / (1 - beta1**t) / S, Moments(V, S, t)


def velocity_rate(alpha: float, beta: float) -> float:
    """The rate of `velocity` (mu = beta) that makes the steps of `momentum` with rate alpha: alpha (1 - beta).

    Source: V = (1 - beta) v, put into `momentum` and `velocity`.

    >>> round(velocity_rate(0.1, 0.9), 12)
    0.01
    """
    return alpha * (1 - beta)


def momentum_rate(alpha: float, mu: float) -> float:
    """The rate of `momentum` (beta = mu) that makes the steps of `velocity` with rate alpha: alpha / (1 - mu).

    Source: the inverse of `velocity_rate`.

    >>> round(momentum_rate(0.01, 0.9), 12)
    0.1
    """
    return alpha / (1 - mu)


def dampened_velocity(
    W: Array, dW: Array, v: Array | None, alpha: float, mu: float = 0.9, dampening: float = 0.0
) -> tuple[Array, Array]:
    """The SGD of torch: v := mu v + (1 - dampening) dW, W := W - alpha v; but the first v, where none is given, is dW.

    With dampening = mu it is `momentum` but for that first step, which torch does not dampen: it is 1 / (1 - mu) times
    as long. `undampened_start` makes the two equal. Source: torch.optim.SGD, the algorithm in its documentation.
    """
    v = dW if v is None else mu * v + (1 - dampening) * dW
    return W - alpha * v, v


def undampened_start(dW: Array, mu: float, dampening: float) -> Array:
    """The v_0 from which mu v_0 + (1 - dampening) dW = dW: dampening / mu times the first gradient.

    `momentum` started there makes the steps of torch's SGD with dampening = momentum = beta: V_0 is the first gradient.

    Source: torch.optim.SGD, its documentation, solved for v_0.
    """
    return dampening / mu * dW


def inside_epsilon(S: Array, eps: float) -> Array:
    """The eps_in for which sqrt(S + eps_in) = sqrt(S) + eps: 2 eps sqrt(S) + eps^2, another one for each S.

    No single eps_in does it for all S. With eps_in = eps^2 both are the same at S = 0, and elsewhere the step with
    epsilon inside is the longer one, by a factor of at most sqrt(2). Where S is far above eps^2 neither matters.

    Source: (sqrt(S) + eps)^2 = S + eps_in, solved for eps_in.
    """
    return 2 * eps * np.sqrt(S) + eps**2


def folded_rate(alpha: float, beta1: float, beta2: float, t: int) -> float:
    """Adam's two corrections folded into the rate of step t: alpha_t = alpha sqrt(1 - beta2^t) / (1 - beta1^t).

    W := W - alpha_t V / (sqrt(S) + eps_t), with V and S as remembered and eps_t from `folded_epsilon`, is `adam`. Who
    leaves eps_t = eps runs another rule. Source: Kingma & Ba 2015, arXiv:1412.6980, end of §2.
    """
    return alpha * math.sqrt(1 - beta2**t) / (1 - beta1**t)


def folded_epsilon(eps: float, beta2: float, t: int) -> float:
    """Epsilon that goes with `folded_rate`: eps_t = eps sqrt(1 - beta2^t).

    Source: Kingma & Ba 2015, arXiv:1412.6980, end of §2.
    """
    return eps * math.sqrt(1 - beta2**t)
