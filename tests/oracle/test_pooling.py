"""Pooling against torch, in one, two and three dimensions, with and without ties."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from rumbo.reference import pooling as ref

MAX_POOL = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
AVERAGE_POOL = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
AGGREGATES = {
    "MAX": lambda w: w.amax(-1),
    "MIN": lambda w: w.amin(-1),
    "AVERAGE": lambda w: w.mean(-1),
    "SUM": lambda w: w.sum(-1),
    "PRODUCT": lambda w: w.prod(-1),
    "STANDARD_DEVIATION": lambda w: w.std(-1, correction=0),
}


@st.composite
def cases(draw, smallest_window=1):
    """Activations, window, stride, padding (at most half a window, as torch asks), and a generator."""
    d = draw(st.integers(1, 3))
    f = tuple(draw(st.integers(smallest_window, 4)) for _ in range(d))
    stride = tuple(draw(st.integers(1, 4)) for _ in range(d))
    padding = tuple(draw(st.integers(0, n // 2)) for n in f)
    sizes = tuple(n + draw(st.integers(0, 5)) for n in f)
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return rng.normal(size=(draw(st.integers(1, 3)), *sizes, draw(st.integers(1, 3)))), f, stride, padding, rng


def channels_second(A):
    return torch.tensor(np.moveaxis(A, -1, 1).copy(), requires_grad=True)


def judge(A, A_torch, inputs, backward, rng, atol=1e-12):
    np.testing.assert_allclose(A, A_torch.detach().movedim(1, -1), rtol=1e-9, atol=atol)
    dA = rng.normal(size=A.shape)
    A_torch.backward(torch.tensor(dA).movedim(-1, 1))
    np.testing.assert_allclose(backward(dA), inputs.grad.movedim(1, -1), rtol=1e-9, atol=atol)


@given(cases())
def test_max_pooling_agrees_with_torch(case):
    A_prev, *how, rng = case
    inputs = channels_second(A_prev)
    A_torch = MAX_POOL[len(how[0])](inputs, *how)
    judge(ref.max_pool(A_prev, *how), A_torch, inputs, lambda dA: ref.max_pool_backward(dA, A_prev, *how), rng)


@given(cases())
def test_of_places_that_tie_the_first_wins_as_in_torch(case):
    A_prev, *how, rng = case
    A_prev = A_prev.round().clip(-1, 1)
    inputs = channels_second(A_prev)
    A_torch = MAX_POOL[len(how[0])](inputs, *how)
    judge(ref.max_pool(A_prev, *how), A_torch, inputs, lambda dA: ref.max_pool_backward(dA, A_prev, *how), rng)


@given(cases())
def test_average_pooling_agrees_with_torch(case):
    A_prev, *how, rng = case
    inputs = channels_second(A_prev)
    A_torch = AVERAGE_POOL[len(how[0])](inputs, *how)
    judge(ref.average_pool(A_prev, *how), A_torch, inputs, lambda dA: ref.average_pool_backward(dA, A_prev, *how), rng)


@pytest.mark.parametrize("kind", ["max", "average"])
@given(case=cases())
def test_without_a_word_there_is_no_padding(kind, case):
    A_prev, f, stride, _, rng = case
    inputs = channels_second(A_prev)
    A_torch = {"max": MAX_POOL, "average": AVERAGE_POOL}[kind][len(f)](inputs, f, stride)
    forward, backward = getattr(ref, f"{kind}_pool"), getattr(ref, f"{kind}_pool_backward")
    judge(forward(A_prev, f, stride), A_torch, inputs, lambda dA: backward(dA, A_prev, f, stride), rng)


@pytest.mark.parametrize("name", AGGREGATES)
@given(case=cases(smallest_window=2))
def test_every_aggregate_agrees_with_torch_on_unfolded_windows(name, case):
    A_prev, f, stride, padding, rng = case
    aggregate = getattr(ref, name)
    inputs = channels_second(A_prev)
    sides = [p for p in reversed(padding) for _ in range(2)]
    windows = F.pad(inputs, sides, value=aggregate.padding_holds)
    for dimension, (side, step) in enumerate(zip(f, stride, strict=True), start=2):
        windows = windows.unfold(dimension, side, step)
    A_torch = AGGREGATES[name](windows.flatten(2 + len(f)))
    A = ref.pool(A_prev, f, stride, padding, aggregate)
    judge(A, A_torch, inputs, lambda dA: ref.pool_backward(dA, A_prev, f, stride, padding, aggregate), rng)


@given(cases())
def test_the_global_average_agrees_with_torch(case):
    A_prev, *_, rng = case
    inputs = channels_second(A_prev)
    A_torch = inputs.flatten(2).mean(2)
    A = ref.global_average_pool(A_prev)
    judge(A, A_torch, inputs, lambda dA: ref.global_average_pool_backward(dA, A_prev), rng)


def test_a_product_with_zeros_has_its_gradient():
    A_prev = np.array([0.0, 3, 0, 2, 0, 0]).reshape(1, 6, 1)
    d = ref.pool_backward(np.ones((1, 3, 1)), A_prev, 2, 2, aggregate=ref.PRODUCT)
    assert d[0, :, 0].tolist() == [3, 0, 2, 0, 0, 0]


def test_a_window_without_differences_leaves_the_standard_deviation_without_gradient():
    d = ref.pool_backward(np.ones((1, 1, 1)), np.full((1, 4, 1), 7.0), 4, 4, aggregate=ref.STANDARD_DEVIATION)
    assert (d == 0).all()
