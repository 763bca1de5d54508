r"""Convolution as the notes tell it, in one, two, three or more dimensions, forward and backward.

Letters: `A_prev` activations, m x sizes x C_in, for pictures m x n_H x n_W x C_in; `W` filters, f x ... x C_in x C_out;
`b` one number a filter, C_out; `Z` = what comes out, m x sizes x C_out. `stride`, `padding` and `dilation` are one
number for every dimension or a tuple with one for each.

What deep learning calls a convolution is a cross-correlation: the filter is not flipped. `convolve` flips it.
"""

import math
from typing import NamedTuple

import numpy as np

from rumbo.reference.arrays import Array

Each = int | tuple[int, ...]

# Source: Paiolla §5.1; Borghi, "Detección de ejes horizontales". Each finds edges of the other direction transposed.
VERTICAL: Array = np.array([[1.0, 0.0, -1.0], [1.0, 0.0, -1.0], [1.0, 0.0, -1.0]])
HORIZONTAL: Array = np.array([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0], [-1.0, -1.0, -1.0]])
SOBEL: Array = np.array([[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]])
SCHARR: Array = np.array([[3.0, 0.0, -3.0], [10.0, 0.0, -10.0], [3.0, 0.0, -3.0]])


class ConvolutionGradients(NamedTuple):
    """Of the cost, with respect to the input, the filters and the biases; each has the shape of its own."""

    dA_prev: Array
    dW: Array
    db: Array


def output_size(n: int, f: int, padding: int = 0, stride: int = 1, dilation: int = 1) -> int:
    """n_out = floor((n + 2p - f) / s) + 1, where a dilated filter reaches over f' = d (f - 1) + 1 places.

    Source: Paiolla §5.1.2; Borghi, "Strided Convolutions"; dilation: Yu & Koltun 2015, arXiv:1511.07122, eq. 2.

    >>> output_size(6, f=3), output_size(6, f=3, padding=1), output_size(7, f=3, stride=2)
    (4, 6, 3)
    """
    reach = dilation * (f - 1) + 1
    if n + 2 * padding < reach:
        raise ValueError(f"a filter over {reach} places does not fit into {n} with a padding of {padding}.")
    return (n + 2 * padding - reach) // stride + 1


def same_padding(f: int, dilation: int = 1) -> int:
    """p = (f - 1) / 2, times the dilation: with stride 1 the output is as large as the input.

    Source: Paiolla §5.1.1; Borghi, "Padding".

    >>> same_padding(3), same_padding(5)
    (1, 2)
    """
    if dilation * (f - 1) % 2:
        raise ValueError(f"a filter of {f} places has no middle: see same_padding_of_two_sides.")
    return dilation * (f - 1) // 2


def same_padding_of_two_sides(n: int, f: int, stride: int = 1, dilation: int = 1) -> tuple[int, int]:
    """How many zeros before and after let ceil(n / s) outputs come out, for any filter; the odd one goes after.

    Source: the notes have odd filters of stride 1 only; this is what Keras does with `padding="same"`.

    >>> same_padding_of_two_sides(28, f=3), same_padding_of_two_sides(7, f=2, stride=2)
    ((1, 1), (0, 1))
    """
    total = max((math.ceil(n / stride) - 1) * stride + dilation * (f - 1) + 1 - n, 0)
    return total // 2, total - total // 2


def cross_correlate_matrix(A: Array, F: Array, stride: int = 1) -> Array:
    """C_ij = sum_kl A_(si+k, sj+l) F_kl: lay the filter on the picture, multiply what meets, add, move on.

    Source: Paiolla §5.1, with the stride of §5.1.2; Borghi, "Detección de bordes verticales".

    >>> step = np.array([[10.0, 10, 10, 0, 0, 0]] * 6)
    >>> cross_correlate_matrix(step, VERTICAL)[0]
    array([ 0., 30., 30.,  0.])
    """
    f, g = F.shape
    C = np.zeros((output_size(A.shape[0], f, 0, stride), output_size(A.shape[1], g, 0, stride)))
    for i, j in np.ndindex(*C.shape):
        C[i, j] = (A[stride * i : stride * i + f, stride * j : stride * j + g] * F).sum()
    return C


def convolve_matrix(A: Array, F: Array, stride: int = 1) -> Array:
    """The convolution of mathematics: the filter is mirrored in both directions first.

    Source: Borghi, "Cross-correlación vs convolución".

    >>> convolve_matrix(np.eye(3), np.array([[0.0, 1], [2, 3]]))
    array([[3., 1.],
           [2., 3.]])
    """
    return cross_correlate_matrix(A, F[::-1, ::-1], stride)


def pad(A: Array, padding: Each) -> Array:
    """p zeros on both sides of every dimension but the first (examples) and the last (channels).

    Source: Paiolla §5.1.1; Borghi, "Padding".

    >>> pad(np.ones((1, 2, 2, 3)), 1).shape
    (1, 4, 4, 3)
    """
    p = per_dimension(padding, A.ndim - 2)
    return pad_two_sides(A, p, p)


def pad_two_sides(A: Array, before: tuple[int, ...], after: tuple[int, ...], filling: float = 0.0) -> Array:
    """Zeros, or another filling, in numbers that may differ between the two sides and between dimensions.

    Source: `pad`; two numbers for each dimension, as in `same_padding_of_two_sides`.
    """
    return np.pad(A, ((0, 0), *zip(before, after, strict=True), (0, 0)), constant_values=filling)


def crop(A: Array, padding: Each) -> Array:
    """Take the padding off again.

    Source: the inverse of `pad`.
    """
    p, sizes = per_dimension(padding, A.ndim - 2), A.shape[1:-1]
    return A[(slice(None), *(slice(p_i, n - p_i) for p_i, n in zip(p, sizes, strict=True)))]


def cross_correlate(
    A_prev: Array, W: Array, b: Array | None = None, stride: Each = 1, padding: Each = 0, dilation: Each = 1
) -> Array:
    """Z = W * A_prev + b: each output is the sum over filter and channels of what the filter lies on, plus b.

    Z[i, x, o] = sum_k sum_c A_prev[i, s x + d k - p, c] W[k, c, o] + b[o], x and k having one entry a dimension.
    The loop runs over the places k of the filter, all outputs at once.

    Source: Paiolla §5.1.3, §5.2; Borghi, "Convolución sobre volúmenes", "Resumen de la notación", "Generalización a
    1D y 3D".

    >>> cross_correlate(np.ones((5, 14, 14, 14, 1)), np.ones((5, 5, 5, 1, 16))).shape
    (5, 10, 10, 10, 16)
    """
    P, f = pad(A_prev, padding), W.shape[:-2]
    Z = np.zeros((len(P), *output_sizes(P.shape[1:-1], f, 0, stride, dilation), W.shape[-1]))
    for k in np.ndindex(*f):
        Z[:] += np.tensordot(P[met_by(k, Z.shape[1:-1], stride, dilation)], W[k], axes=1)
    return Z if b is None else Z + b


def cross_correlate_backward(
    dZ: Array, A_prev: Array, W: Array, stride: Each = 1, padding: Each = 0, dilation: Each = 1
) -> ConvolutionGradients:
    """Each input gets back, from every output it went into, dZ times the weight between them.

    dA_prev[i, s x + d k - p, c] += sum_o dZ[i, x, o] W[k, c, o]; dW[k, c, o] = sum_i,x A_prev[i, s x + d k - p, c]
    dZ[i, x, o]; db[o] = sum_i,x dZ[i, x, o].

    Source: not in the notes, which leave it to the framework; the derivatives of `cross_correlate`.
    """
    P, but_channels = pad(A_prev, padding), tuple(range(dZ.ndim - 1))
    dP, dW = np.zeros_like(P), np.zeros(W.shape)
    for k in np.ndindex(*W.shape[:-2]):
        met = met_by(k, dZ.shape[1:-1], stride, dilation)
        dP[met] += np.tensordot(dZ, W[k].T, axes=1)
        dW[k] = np.tensordot(P[met], dZ, axes=(but_channels, but_channels))
    return ConvolutionGradients(crop(dP, padding), dW, dZ.sum(axis=but_channels))


def flip(W: Array) -> Array:
    """The filters mirrored in every dimension; channels stay.

    Source: Borghi, "Cross-correlación vs convolución".
    """
    return np.flip(W, axis=tuple(range(W.ndim - 2)))


def convolve(
    A_prev: Array, W: Array, b: Array | None = None, stride: Each = 1, padding: Each = 0, dilation: Each = 1
) -> Array:
    """The convolution of mathematics: a cross-correlation with the filters mirrored.

    Source: Borghi, "Cross-correlación vs convolución".
    """
    return cross_correlate(A_prev, flip(W), b, stride, padding, dilation)


def convolve_backward(
    dZ: Array, A_prev: Array, W: Array, stride: Each = 1, padding: Each = 0, dilation: Each = 1
) -> ConvolutionGradients:
    """Gradients of `convolve`: those of the cross-correlation, the filters' mirrored back.

    Source: the derivative of `convolve`.
    """
    dA_prev, dW, db = cross_correlate_backward(dZ, A_prev, flip(W), stride, padding, dilation)
    return ConvolutionGradients(dA_prev, flip(dW), db)


def per_dimension(value: Each, dimensions: int) -> tuple[int, ...]:
    """One number for all dimensions, or one for each, as a tuple with one for each.

    Source: not in the notes, whose pictures are square; torch.nn.Conv2d takes its numbers so.
    """
    return (value,) * dimensions if isinstance(value, int) else value


def output_sizes(
    sizes: tuple[int, ...], f: tuple[int, ...], padding: Each = 0, stride: Each = 1, dilation: Each = 1
) -> tuple[int, ...]:
    """`output_size`, dimension by dimension.

    Source: Paiolla §5.1.2; Borghi, "Strided Convolutions".

    >>> output_sizes((39, 39), (3, 3)), output_sizes((37, 37), (5, 5), stride=2)
    ((37, 37), (17, 17))
    """
    p, s, d = (per_dimension(value, len(f)) for value in (padding, stride, dilation))
    return tuple(map(output_size, sizes, f, p, s, d))


def met_by(k: tuple[int, ...], outputs: tuple[int, ...], stride: Each, dilation: Each) -> tuple[slice, ...]:
    """The places of the padded input that place k of the filter lies on, one for each output: s x + d k.

    Source: the indices of Paiolla §5.1 and §5.1.2; dilation: Yu & Koltun 2015, arXiv:1511.07122, eq. 2.
    """
    s, d = per_dimension(stride, len(k)), per_dimension(dilation, len(k))
    places = [
        slice(k_i * d_i, k_i * d_i + (n - 1) * s_i + 1, s_i) for k_i, n, s_i, d_i in zip(k, outputs, s, d, strict=True)
    ]
    return (slice(None), *places)


def num_parameters(f: tuple[int, ...], C_in: int, C_out: int) -> int:
    """(f ... f C_in + 1) C_out: the weights of each filter and its bias.

    Source: Borghi, "Características que se notan al realizar ejemplos". The notes leave out the channels of the input,
    or count one bias for all filters.

    >>> num_parameters((5, 5), 1, 6), num_parameters((5, 5), 3, 8)
    (156, 608)
    """
    return (math.prod(f) * C_in + 1) * C_out


def num_dense_parameters(n_in: int, n_out: int) -> int:
    """(n_in + 1) n_out: W and b of a layer that connects all with all.

    Source: Borghi, "Características que se notan al realizar ejemplos", which counts one bias for the whole layer.

    >>> num_dense_parameters(400, 120)
    48120
    """
    return (n_in + 1) * n_out


def multiply_adds(outputs: tuple[int, ...], f: tuple[int, ...], C_in: int, C_out: int) -> int:
    """Every number that comes out costs f ... f C_in multiplications, each with its addition; biases are left out.

    Source: Borghi, "Motivación para la red tipo Inception".

    >>> multiply_adds((28, 28), (5, 5), C_in=192, C_out=32)
    120422400
    """
    return math.prod(outputs) * C_out * math.prod(f) * C_in


def dense_multiply_adds(n_in: int, n_out: int) -> int:
    """n_in n_out: every input times every column of weights.

    Source: the product W A of Paiolla eq. 2.3, one column of A.
    """
    return n_in * n_out
