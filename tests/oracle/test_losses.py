"""Losses against torch's and ours, value and gradient."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from rumbo import losses
from rumbo.reference import losses as reference
from rumbo.reference.activations import sigmoid, softmax

SEEDS = st.integers(0, 9999)


def agree(fast, judge):
    np.testing.assert_allclose(fast.detach().numpy(), judge, rtol=1e-9, atol=1e-13)


def gradient_of_sum(fast, values):
    """Values and gradient of a loss per example: the gradient of the sum is each loss's own."""
    tensor = torch.tensor(values, requires_grad=True)
    per_example = fast(tensor)
    per_example.sum().backward()
    assert tensor.grad is not None
    return per_example, tensor.grad


@given(k=st.integers(1, 6), m=st.integers(1, 8), smoothing=st.floats(0, 0.9), weighted=st.booleans(), seed=SEEDS)
def test_cross_entropy(k, m, smoothing, weighted, seed):
    rng = np.random.default_rng(seed)
    Z, codes = rng.normal(0, 3, (k, m)), rng.integers(0, k, m)
    w = rng.uniform(0.2, 3, k) if weighted else None
    Y = reference.smoothed_targets(np.eye(k)[:, codes], smoothing)
    fast, gradient = gradient_of_sum(
        lambda logits: losses.cross_entropy(
            logits,
            torch.tensor(codes),
            label_smoothing=smoothing,
            class_weights=None if w is None else torch.tensor(w),
        ),
        Z.T.copy(),
    )
    agree(fast, reference.cross_entropy(Z, Y, w))
    agree(gradient, reference.cross_entropy_derivative(Z, Y, w).T)


@given(k=st.integers(1, 4), m=st.integers(1, 8), w=st.floats(0.1, 10), unknown=st.floats(0, 0.6), seed=SEEDS)
def test_binary_cross_entropy(k, m, w, unknown, seed):
    rng = np.random.default_rng(seed)
    Z, Y = rng.normal(0, 3, (k, m)), rng.uniform(0, 1, (k, m))
    Y[rng.random((k, m)) < unknown] = np.nan
    fast, gradient = gradient_of_sum(
        lambda logits: losses.binary_cross_entropy(logits, torch.tensor(Y.T), positive_weight=w), Z.T.copy()
    )
    agree(fast, reference.binary_cross_entropy(Z, Y, w).T)
    agree(gradient, reference.binary_cross_entropy_derivative(Z, Y, w).T)


@given(m=st.integers(1, 9), seed=SEEDS)
def test_losses_of_probabilities(m, seed):
    rng = np.random.default_rng(seed)
    yhat, y = rng.uniform(0.01, 0.99, m), rng.integers(0, 2, m).astype(float)
    fast, gradient = gradient_of_sum(lambda p: F.binary_cross_entropy(p, torch.tensor(y), reduction="none"), yhat)
    agree(fast, reference.log_loss(yhat, y))
    agree(gradient, reference.log_loss_derivative(yhat, y))


@given(k=st.integers(2, 6), m=st.integers(1, 8), seed=SEEDS)
def test_categorical_loss_of_probabilities(k, m, seed):
    rng = np.random.default_rng(seed)
    yhat, codes = softmax(rng.normal(size=(k, m))), rng.integers(0, k, m)
    Y = np.eye(k)[:, codes]
    fast, gradient = gradient_of_sum(
        lambda p: F.nll_loss(p.log(), torch.tensor(codes), reduction="none"), yhat.T.copy()
    )
    agree(fast, reference.categorical_log_loss(yhat, Y))
    agree(gradient, reference.categorical_log_loss_derivative(yhat, Y).T)


@pytest.mark.parametrize("name", ["squared_error", "absolute_error"])
@given(shape=st.tuples(st.integers(1, 5), st.integers(1, 5)), seed=SEEDS)
def test_errors(name, shape, seed):
    rng = np.random.default_rng(seed)
    yhat, y = rng.normal(size=shape), rng.normal(size=shape)
    yhat[0, 0] = y[0, 0]
    fast, gradient = gradient_of_sum(lambda p: getattr(losses, name)(p, torch.tensor(y)), yhat)
    agree(fast, getattr(reference, name)(yhat, y))
    agree(gradient, getattr(reference, f"{name}_derivative")(yhat, y))


@given(m=st.integers(1, 30), delta=st.floats(0.05, 5), seed=SEEDS)
def test_huber(m, delta, seed):
    rng = np.random.default_rng(seed)
    yhat, y = rng.normal(0, 3, m), rng.normal(0, 3, m)
    for loss in (losses.huber, lambda p, t, delta: F.huber_loss(p, t, reduction="none", delta=delta)):
        fast, gradient = gradient_of_sum(lambda p, loss=loss: loss(p, torch.tensor(y), delta=delta), yhat)
        agree(fast, reference.huber(yhat, y, delta))
        agree(gradient, reference.huber_derivative(yhat, y, delta))


@given(shape=st.tuples(st.integers(1, 5), st.integers(1, 5)), seed=SEEDS)
def test_mean_squared_error_and_its_half(shape, seed):
    rng = np.random.default_rng(seed)
    yhat, y = rng.normal(size=shape), rng.normal(size=shape)
    fast, gradient = gradient_of_sum(lambda p: F.mse_loss(p, torch.tensor(y)), yhat)
    agree(fast, reference.mean_squared_error(yhat, y))
    agree(fast, reference.cost(reference.squared_error(yhat, y)))
    agree(gradient, reference.mean_squared_error_derivative(yhat, y))
    fast, gradient = gradient_of_sum(lambda p: F.mse_loss(p, torch.tensor(y), reduction="none") / 2, yhat)
    agree(fast, reference.half_squared_error(yhat, y))
    agree(gradient, reference.half_squared_error_derivative(yhat, y))


@given(m=st.integers(1, 9), seed=SEEDS)
def test_logits_and_probabilities_tell_the_same_loss(m, seed):
    rng = np.random.default_rng(seed)
    Z, Y = rng.normal(0, 2, m), rng.integers(0, 2, m).astype(float)
    A = sigmoid(Z)
    np.testing.assert_allclose(reference.binary_cross_entropy(Z, Y), reference.log_loss(A, Y), rtol=1e-12)
    chained = reference.log_loss_derivative(A, Y) * A * (1 - A)
    np.testing.assert_allclose(reference.binary_cross_entropy_derivative(Z, Y), chained, rtol=1e-9)
