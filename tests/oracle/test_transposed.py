"""Transposed convolution against torch, in one, two and three dimensions."""

import numpy as np
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from rumbo.reference.convolution import cross_correlate
from rumbo.reference.transposed import transposed, transposed_backward, transposed_size

TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}


@st.composite
def cases(draw, extra_below_stride=False):
    """Arrays, and stride, padding, dilation and output padding for each dimension."""
    d = draw(st.integers(1, 3))

    def each(low, high):
        return tuple(draw(st.integers(low, high)) for _ in range(d))

    f, sizes, stride, dilation = each(1, 4), each(1, 4), each(1, 3), each(1, 3)
    largest = stride if extra_below_stride else map(max, stride, dilation)
    extra = tuple(draw(st.integers(0, n - 1)) for n in largest)
    full = [s * (n - 1) + d * (k - 1) + 1 + e for n, k, s, d, e in zip(sizes, f, stride, dilation, extra, strict=True)]
    padding = tuple(draw(st.integers(0, min(3, (n - 1) // 2))) for n in full)
    m, C_in, C_out = (draw(st.integers(1, 3)) for _ in range(3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    A_prev, W, b = rng.normal(size=(m, *sizes, C_in)), rng.normal(size=(*f, C_in, C_out)), rng.normal(size=C_out)
    return A_prev, W, b, stride, padding, dilation, extra, rng


def agree(ours, torchs):
    np.testing.assert_allclose(ours, torchs.detach(), rtol=1e-9, atol=1e-12)


def leaf(array):
    return torch.tensor(np.ascontiguousarray(array), requires_grad=True)


@given(cases())
def test_forward_and_backward_agree_with_torch(case):
    A_prev, W, b, stride, padding, dilation, extra, rng = case
    inputs, weights, biases = leaf(np.moveaxis(A_prev, -1, 1)), leaf(np.moveaxis(W, (-2, -1), (0, 1))), leaf(b)
    Z_torch = TRANSPOSED[len(stride)](inputs, weights, biases, stride, padding, extra, 1, dilation)
    Z = transposed(A_prev, W, b, stride, padding, dilation, extra)
    agree(Z, Z_torch.movedim(1, -1))
    sizes = map(transposed_size, A_prev.shape[1:-1], W.shape[:-2], stride, padding, dilation, extra)
    assert Z.shape == (len(A_prev), *sizes, W.shape[-1])
    dZ = rng.normal(size=Z.shape)
    Z_torch.backward(torch.tensor(dZ).movedim(-1, 1))
    dA_prev, dW, db = transposed_backward(dZ, A_prev, W, stride, padding, dilation)
    agree(dA_prev, inputs.grad.movedim(1, -1))
    agree(dW, weights.grad.movedim((0, 1), (-2, -1)))
    agree(db, biases.grad)


@given(cases())
def test_what_is_not_said_is_as_in_torch(case):
    A_prev, W, *_, rng = case
    inputs, weights = leaf(np.moveaxis(A_prev, -1, 1)), leaf(np.moveaxis(W, (-2, -1), (0, 1)))
    Z, Z_torch = transposed(A_prev, W), TRANSPOSED[W.ndim - 2](inputs, weights)
    agree(Z, Z_torch.movedim(1, -1))
    assert Z.shape[1:-1] == tuple(map(transposed_size, A_prev.shape[1:-1], W.shape[:-2]))
    dZ = rng.normal(size=Z.shape)
    Z_torch.backward(torch.tensor(dZ).movedim(-1, 1))
    agree(transposed_backward(dZ, A_prev, W).dA_prev, inputs.grad.movedim(1, -1))


@given(cases(extra_below_stride=True))
def test_it_is_the_adjoint_of_the_convolution(case):
    """<conv(x), y> = <x, transposed(y)>, for the input that the output padding says."""
    y, W, _, stride, padding, dilation, extra, rng = case
    back = transposed(y, W, None, stride, padding, dilation, extra)
    x = rng.normal(size=back.shape)
    there = cross_correlate(x, W.swapaxes(-1, -2), None, stride, padding, dilation)
    np.testing.assert_allclose((there * y).sum(), (x * back).sum(), rtol=1e-9, atol=1e-11)
