"""Normalisation of inputs equals scikit-learn's and ours; batch norm equals torch's in value and gradient."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import StandardScaler
from torch.nn import functional as F

from rumbo.data.manifest import Dataset
from rumbo.data.preprocess import fit_preprocess, pixel_statistics
from rumbo.reference import normalization as ref

seeds = st.integers(0, 2**32 - 1)
units = st.integers(1, 5)
epsilons = st.sampled_from([1e-5, 1e-3, 0.1])


def agree(found, judge, atol=1e-12):
    np.testing.assert_allclose(found, judge, rtol=1e-9, atol=atol)


def some_inputs(n, m, seed):
    """Features of different place and width; one of them never changes."""
    rng = np.random.default_rng(seed)
    X = rng.normal(rng.normal(0, 5, (n, 1)), rng.uniform(0.1, 9, (n, 1)), (n, m))
    X[rng.integers(n)] = rng.normal()
    return X


@given(units, st.integers(2, 30), seeds)
def test_inputs_are_scaled_as_by_scikit_learn(n, m, seed):
    X, later = some_inputs(n, m, seed), some_inputs(n, 4, seed + 1)
    scale, judge = ref.fit_inputs(X), StandardScaler().fit(X.T)
    agree(scale.mu[:, 0], judge.mean_)
    agree(scale.sigma[:, 0], judge.scale_)
    agree(ref.apply_inputs(later, scale), judge.transform(later.T).T, atol=1e-9)


@given(units, st.integers(2, 30), seeds)
def test_inputs_are_scaled_as_by_ours(n, m, seed):
    X, later = some_inputs(n, m, seed), some_inputs(n, 4, seed + 1)
    scaled = ref.apply_inputs(later, ref.fit_inputs(X))
    table = pl.DataFrame({f"x{i}": feature for i, feature in enumerate(X)})
    train = Dataset(path=Path(), format="", table=table, target=None, numbers=tuple(table.columns))
    ours = fit_preprocess(train, None, None, quantiles=False)
    for column, values, judge in zip(ours.numbers, later, scaled, strict=True):
        agree(column.scaled(values), judge, atol=1e-9)


@given(st.integers(1, 4), st.integers(1, 3), seeds)
def test_pixels_are_measured_as_by_ours(m, C, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (m, C, 5, 4)).astype(np.uint8)
    scale = ref.fit_inputs(ref.channels_in_rows(pixels.transpose(0, 2, 3, 1) / 255))
    means, stds = pixel_statistics(pixels)
    agree(scale.mu[:, 0], means)
    agree(scale.sigma[:, 0], stds)


class Layer:
    """Random values, scales and an upstream gradient, for the reference in columns and for torch in rows."""

    def __init__(self, n, m, seed):
        rng = np.random.default_rng(seed)
        self.Z = rng.normal(rng.normal(0, 2, (n, 1)), rng.uniform(0.5, 3, (n, 1)), (n, m))
        self.gamma, self.beta, self.mu = rng.standard_normal((3, n, 1))
        self.sigma2 = rng.uniform(0.5, 4, (n, 1))
        self.dZ_tilde = rng.standard_normal((n, m))
        self.z = torch.tensor(self.Z.T, requires_grad=True)
        self.g, self.b = (torch.tensor(p[:, 0], requires_grad=True) for p in (self.gamma, self.beta))
        self.running = ref.Statistics(self.mu, self.sigma2)
        self.running_mean, self.running_var = (torch.tensor(p[:, 0].copy()) for p in self.running)

    def torch_forward(self, training, momentum=0.1, eps=1e-5):
        out = F.batch_norm(self.z, self.running_mean, self.running_var, self.g, self.b, training, momentum, eps)
        (out * torch.tensor(self.dZ_tilde.T)).sum().backward()
        return out.detach().numpy().T

    def agree_in_gradients(self, gradients):
        agree(gradients.dZ, self.z.grad.numpy().T)
        agree(gradients.dgamma[:, 0], self.g.grad)
        agree(gradients.dbeta[:, 0], self.b.grad)


@given(units, st.integers(2, 12), seeds, epsilons)
def test_batch_norm_while_training(n, m, seed, eps):
    layer = Layer(n, m, seed)
    judge = layer.torch_forward(training=True, eps=eps)
    Z_tilde, cache = ref.batch_norm(layer.Z, layer.gamma, layer.beta, eps)
    agree(Z_tilde, judge)
    layer.agree_in_gradients(ref.batch_norm_backward(layer.dZ_tilde, cache))


@given(units, st.integers(1, 12), seeds, epsilons)
def test_batch_norm_with_fixed_statistics(n, m, seed, eps):
    layer = Layer(n, m, seed)
    judge = layer.torch_forward(training=False, eps=eps)
    agree(ref.batch_norm_at_test(layer.Z, layer.gamma, layer.beta, layer.running, eps), judge)
    gradients = ref.batch_norm_at_test_backward(layer.dZ_tilde, layer.Z, layer.gamma, layer.running, eps)
    layer.agree_in_gradients(gradients)


@given(units, st.integers(2, 12), seeds, st.floats(0.01, 0.99))
def test_running_averages_take_torchs_unbiased_variance(n, m, seed, beta):
    layer = Layer(n, m, seed)
    layer.torch_forward(training=True, momentum=1 - beta)
    running = ref.running_step(layer.running, ref.unbiased(ref.batch_statistics(layer.Z), m), beta)
    agree(running.mu[:, 0], layer.running_mean)
    agree(running.sigma2[:, 0], layer.running_var)


def test_running_averages_over_an_epoch_start_where_torchs_do():
    rng = np.random.default_rng(0)
    judge, running = torch.nn.BatchNorm1d(3, dtype=torch.float64), ref.first_statistics(3)
    for _ in range(20):
        Z = rng.normal(2, 3, (3, 8))
        judge(torch.tensor(Z.T))
        running = ref.running_step(running, ref.unbiased(ref.batch_statistics(Z), 8))
    agree(running.mu[:, 0], judge.running_mean)
    agree(running.sigma2[:, 0], judge.running_var)
    Z = rng.standard_normal((3, 1))
    ones, zeros = np.ones((3, 1)), np.zeros((3, 1))
    agree(ref.batch_norm_at_test(Z, ones, zeros, running), judge.eval()(torch.tensor(Z.T)).detach().T)


@pytest.mark.parametrize("sizes", [(6,), (3, 4), (2, 3, 2)])
@given(st.integers(1, 3), units, seeds)
def test_batch_norm_of_channels(sizes, m, C, seed):
    rng = np.random.default_rng(seed)
    A, dA = rng.standard_normal((2, m, *sizes, C))
    gamma, beta = rng.standard_normal((2, C, 1))
    a = torch.tensor(np.moveaxis(A, -1, 1), requires_grad=True)
    g, b = (torch.tensor(p[:, 0], requires_grad=True) for p in (gamma, beta))
    judge = F.batch_norm(a, None, None, g, b, training=True)
    (judge * torch.tensor(np.moveaxis(dA, -1, 1))).sum().backward()

    Z_tilde, cache = ref.batch_norm(ref.channels_in_rows(A), gamma, beta)
    gradients = ref.batch_norm_backward(ref.channels_in_rows(dA), cache)
    agree(ref.channels_last(Z_tilde, A.shape), np.moveaxis(judge.detach().numpy(), 1, -1))
    agree(ref.channels_last(gradients.dZ, A.shape), np.moveaxis(a.grad.numpy(), 1, -1))
    agree(gradients.dgamma[:, 0], g.grad)
    agree(gradients.dbeta[:, 0], b.grad)
