"""Convolution against torch, in one, two and three dimensions; against scipy for the flipped one."""

from typing import NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal
from torch import nn

from rumbo import models
from rumbo.core.inputs import InputSpec
from rumbo.models.summary import summarize
from rumbo.reference import convolution as ref

CONVOLUTIONS = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


class Case(NamedTuple):
    A_prev: np.ndarray
    W: np.ndarray
    b: np.ndarray
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    rng: np.random.Generator


@st.composite
def cases(draw, dimensions=None):
    d = dimensions or draw(st.integers(1, 3))

    def each(low, high):
        return tuple(draw(st.integers(low, high)) for _ in range(d))

    f, stride, padding, dilation, more = each(1, 4), each(1, 3), each(0, 2), each(1, 3), each(0, 5)
    sizes = tuple(max(1, d * (f - 1) + 1 - 2 * p) + e for f, d, p, e in zip(f, dilation, padding, more, strict=True))
    m, C_in, C_out = (draw(st.integers(1, 3)) for _ in range(3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    A_prev, W = rng.normal(size=(m, *sizes, C_in)), rng.normal(size=(*f, C_in, C_out))
    return Case(A_prev, W, rng.normal(size=C_out), stride, padding, dilation, rng)


def agree(ours, torchs):
    np.testing.assert_allclose(ours, torchs, rtol=1e-9, atol=1e-12)


def channels_second(A):
    return np.moveaxis(A, -1, 1)


def channels_last(A):
    return np.moveaxis(np.asarray(A.detach()), 1, -1)


def filters_first(W):
    return np.moveaxis(W, (-1, -2), (0, 1))


def filters_last(W):
    return np.moveaxis(np.asarray(W.detach()), (0, 1), (-1, -2))


def leaf(array):
    return torch.tensor(np.ascontiguousarray(array), requires_grad=True)


def judge(Z, backward, inputs, weights, biases, Z_torch, rng):
    """Values, then all three gradients of one upstream gradient."""
    agree(Z, channels_last(Z_torch))
    dZ = rng.normal(size=Z.shape)
    Z_torch.backward(torch.tensor(channels_second(dZ).copy()))
    dA_prev, dW, db = backward(dZ)
    agree(dA_prev, channels_last(inputs.grad))
    agree(dW, filters_last(weights.grad))
    agree(db, biases.grad)


@given(cases())
def test_forward_and_backward_agree_with_torch(case):
    A_prev, W, b, *how, rng = case
    inputs, weights, biases = leaf(channels_second(A_prev)), leaf(filters_first(W)), leaf(b)
    Z_torch = CONVOLUTIONS[len(case.stride)](inputs, weights, biases, *how)
    Z = ref.cross_correlate(A_prev, W, b, *how)
    judge(Z, lambda dZ: ref.cross_correlate_backward(dZ, A_prev, W, *how), inputs, weights, biases, Z_torch, rng)


@given(cases())
def test_the_flipped_one_agrees_with_torch_on_flipped_filters(case):
    A_prev, W, b, *how, rng = case
    inputs, weights, biases = leaf(channels_second(A_prev)), leaf(filters_first(W)), leaf(b)
    flipped = torch.flip(weights, tuple(range(2, weights.ndim)))
    Z_torch = CONVOLUTIONS[len(case.stride)](inputs, flipped, biases, *how)
    Z = ref.convolve(A_prev, W, b, *how)
    judge(Z, lambda dZ: ref.convolve_backward(dZ, A_prev, W, *how), inputs, weights, biases, Z_torch, rng)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@given(cases())
def test_same_padding_agrees_with_torch(case):
    sizes, f = case.A_prev.shape[1:-1], case.W.shape[:-2]
    sides = [ref.same_padding_of_two_sides(n, k, 1, d) for n, k, d in zip(sizes, f, case.dilation, strict=True)]
    padded = ref.pad_two_sides(case.A_prev, *zip(*sides, strict=True))
    Z = ref.cross_correlate(padded, case.W, case.b, dilation=case.dilation)
    tensors = torch.tensor(channels_second(case.A_prev)), torch.tensor(filters_first(case.W)), torch.tensor(case.b)
    agree(Z, channels_last(CONVOLUTIONS[len(f)](*tensors, padding="same", dilation=case.dilation)))
    if all(k % 2 for k in f):
        padding = tuple(map(ref.same_padding, f, case.dilation))
        agree(Z, ref.cross_correlate(case.A_prev, case.W, case.b, padding=padding, dilation=case.dilation))


@given(cases())
def test_without_biases_and_with_one_number_for_all_dimensions(case):
    tensors = torch.tensor(channels_second(case.A_prev)), torch.tensor(filters_first(case.W))
    Z_torch = CONVOLUTIONS[len(case.stride)](*tensors, stride=2, padding=5, dilation=3)
    agree(ref.cross_correlate(case.A_prev, case.W, stride=2, padding=5, dilation=3), channels_last(Z_torch))


@given(cases())
def test_what_is_not_said_is_as_in_torch(case):
    A_prev, W = ref.pad(case.A_prev, 2), case.W
    inputs, weights, biases = leaf(channels_second(A_prev)), leaf(filters_first(W)), leaf(case.b)
    Z_torch = CONVOLUTIONS[len(case.stride)](inputs, weights, biases)
    Z = ref.cross_correlate(A_prev, W, case.b)
    assert Z.shape[1:-1] == ref.output_sizes(A_prev.shape[1:-1], W.shape[:-2])
    assert Z.shape[1] == ref.output_size(A_prev.shape[1], W.shape[0])
    agree(ref.convolve(A_prev, ref.flip(W), case.b), Z)
    dZ = case.rng.normal(size=Z.shape)
    agree(ref.convolve_backward(dZ, A_prev, ref.flip(W)).dA_prev, ref.cross_correlate_backward(dZ, A_prev, W).dA_prev)
    judge(Z, lambda dZ: ref.cross_correlate_backward(dZ, A_prev, W), inputs, weights, biases, Z_torch, case.rng)


@given(st.integers(0, 2**32), st.tuples(*[st.integers(1, 4)] * 2), st.tuples(*[st.integers(0, 4)] * 2))
def test_cross_correlation_and_convolution_of_matrices_agree_with_scipy(seed, f, more):
    rng = np.random.default_rng(seed)
    A, W = rng.normal(size=np.add(f, more)), rng.normal(size=f)
    agree(ref.cross_correlate_matrix(A, W), signal.correlate2d(A, W, mode="valid"))
    agree(ref.convolve_matrix(A, W), signal.convolve2d(A, W, mode="valid"))
    agree(ref.cross_correlate_matrix(A, W, stride=2), signal.correlate2d(A, W, mode="valid")[::2, ::2])


@given(cases())
def test_the_flipped_one_agrees_with_scipy_in_any_number_of_dimensions(case):
    filters = case.W[..., :1, :1]
    one_channel = ref.convolve(case.A_prev[..., :1], filters, padding=case.padding)
    for picture, Z in zip(case.A_prev[..., 0], one_channel[..., 0], strict=True):
        padded = np.pad(picture, [(p, p) for p in case.padding])
        agree(Z, signal.convolve(padded, filters[..., 0, 0], mode="valid", method="direct"))


@given(cases(dimensions=2))
def test_the_loop_over_places_of_the_picture_agrees_with_the_loop_over_places_of_the_filter(case):
    A_prev, W = ref.pad(case.A_prev, case.padding), case.W
    Z = ref.cross_correlate(A_prev, W)
    for i, o in np.ndindex(len(A_prev), W.shape[-1]):
        per_channel = [ref.cross_correlate_matrix(A_prev[i, ..., c], W[..., c, o]) for c in range(W.shape[-2])]
        agree(Z[i, ..., o], sum(per_channel))


@given(cases(dimensions=2))
def test_counts_agree_with_the_summary_of_a_network(case):
    *f, C_in, C_out = case.W.shape
    layer = nn.Conv2d(C_in, C_out, tuple(f), case.stride, case.padding, case.dilation)
    sizes = case.A_prev.shape[1:-1]
    (row,) = summarize(layer, InputSpec(image=(C_in, *sizes))).rows
    outputs = ref.output_sizes(sizes, tuple(f), case.padding, case.stride, case.dilation)
    assert row.output_shape == (C_out, *outputs)
    assert row.num_parameters == ref.num_parameters(tuple(f), C_in, C_out)
    assert row.num_multiply_adds == ref.multiply_adds(outputs, tuple(f), C_in, C_out)


def test_counts_of_lenet5_agree_with_its_summary():
    rows = summarize(models.build("lenet5", InputSpec(image=(1, 32, 32)), 10), InputSpec(image=(1, 32, 32))).rows
    convolutions, dense = [((28, 28), 1, 6), ((10, 10), 6, 16)], [(400, 120), (120, 84), (84, 10)]
    parameters = [ref.num_parameters((5, 5), C_in, C_out) for _, C_in, C_out in convolutions]
    parameters += [ref.num_dense_parameters(*sizes) for sizes in dense]
    work = [ref.multiply_adds(outputs, (5, 5), C_in, C_out) for outputs, C_in, C_out in convolutions]
    work += [ref.dense_multiply_adds(*sizes) for sizes in dense]
    assert [row.num_parameters for row in rows if row.num_parameters] == parameters
    assert [row.num_multiply_adds for row in rows if row.num_multiply_adds] == work
