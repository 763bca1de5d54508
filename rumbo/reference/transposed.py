r"""Transposed convolution: a small input lays copies of the filter side by side, and a larger output comes out.

Letters as in `rumbo.reference.convolution`; the filters are f x ... x C_in x C_out, C_in being the channels of what
goes in here. It is the backward pass of a convolution, taken forward: <conv(x), y> = <x, transposed(y)>.
"""

import numpy as np

from rumbo.reference.arrays import Array
from rumbo.reference.convolution import ConvolutionGradients, Each, crop, met_by, pad, per_dimension


def transposed_size(
    n: int, f: int, stride: int = 1, padding: int = 0, dilation: int = 1, output_padding: int = 0
) -> int:
    """n_out = s (n - 1) + d (f - 1) + 1 + extra - 2p.

    Where the stride is larger than 1, several sizes of input give a convolution the same output; the extra rows of
    `output_padding`, on the far side, say which of them is meant.

    Source: Dumoulin & Visin 2016, arXiv:1603.07285, sec. 4. The example of Paiolla §5.7.1, 2 to 4, has an extra row.

    >>> transposed_size(2, f=3, stride=2, padding=1), transposed_size(2, f=3, stride=2, padding=1, output_padding=1)
    (3, 4)
    """
    return stride * (n - 1) + dilation * (f - 1) + 1 + output_padding - 2 * padding


def transposed(
    A_prev: Array,
    W: Array,
    b: Array | None = None,
    stride: Each = 1,
    padding: Each = 0,
    dilation: Each = 1,
    output_padding: Each = 0,
) -> Array:
    """Each input multiplies the filter, which is added to the output at s times the input's place; then p is cut off.

    P[i, s x + d k, o] += sum_c A_prev[i, x, c] W[k, c, o]; Z = P without p rows on each side, plus b.

    Source: Paiolla §5.7.1.

    >>> I, F = np.array([[2.0, 1], [3, 2]]), np.array([[1.0, 2, 1], [2, 0, 1], [0, 2, 1]])
    >>> transposed(I[None, :, :, None], F[:, :, None, None], stride=2, padding=1, output_padding=1)[0, :, :, 0]
    array([[ 0.,  4.,  0.,  1.],
           [10.,  7.,  6.,  3.],
           [ 0.,  7.,  0.,  2.],
           [ 6.,  3.,  4.,  2.]])
    """
    sizes, f = A_prev.shape[1:-1], W.shape[:-2]
    s, d, extra = (per_dimension(value, len(f)) for value in (stride, dilation, output_padding))
    P = np.zeros((len(A_prev), *map(transposed_size, sizes, f, s, (0,) * len(f), d, extra), W.shape[-1]))
    for k in np.ndindex(*f):
        P[met_by(k, sizes, stride, dilation)] += np.tensordot(A_prev, W[k], axes=1)
    Z = crop(P, padding)
    return Z if b is None else Z + b


def transposed_backward(
    dZ: Array, A_prev: Array, W: Array, stride: Each = 1, padding: Each = 0, dilation: Each = 1
) -> ConvolutionGradients:
    """Each input gets back what its copy of the filter lies on: a convolution of dZ.

    dA_prev[i, x, c] = sum_k,o dP[i, s x + d k, o] W[k, c, o]; dW[k, c, o] = sum_i,x A_prev[i, x, c]
    dP[i, s x + d k, o]; db[o] = sum of dZ; dP is dZ with p rows of zeros around it.

    Source: the derivative of `transposed`.
    """
    dP, but_channels = pad(dZ, padding), tuple(range(dZ.ndim - 1))
    dA_prev, dW = np.zeros(A_prev.shape), np.zeros(W.shape)
    for k in np.ndindex(*W.shape[:-2]):
        met = met_by(k, A_prev.shape[1:-1], stride, dilation)
        dA_prev += np.tensordot(dP[met], W[k].T, axes=1)
        dW[k] = np.tensordot(A_prev, dP[met], axes=(but_channels, but_channels))
    return ConvolutionGradients(dA_prev, dW, dZ.sum(axis=but_channels))
