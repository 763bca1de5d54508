"""Weighted averages equal scipy's filter, polars' means with adjusted weights, and torch's average of weights."""

import numpy as np
import polars as pl
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter
from torch.optim.swa_utils import AveragedModel, get_ema_avg_fn

from rumbo.reference import averages as ref

betas = st.floats(0.01, 0.995)
seeds = st.integers(0, 2**32 - 1)


def agree(found, judge):
    np.testing.assert_allclose(found, judge, rtol=1e-9, atol=1e-14)


@given(betas, st.integers(1, 60), st.integers(1, 4), seeds)
def test_averages_are_a_linear_filter(beta, T, width, seed):
    theta = np.random.default_rng(seed).standard_normal((T, width))
    agree(ref.weighted_averages(theta, beta), lfilter([1 - beta], [1, -beta], theta, axis=0))


@given(betas, st.integers(1, 60), seeds)
def test_corrected_averages_are_polars(beta, T, seed):
    theta = np.random.default_rng(seed).standard_normal(T)
    agree(ref.corrected_averages(theta, beta), pl.Series(theta).ewm_mean(alpha=1 - beta, adjust=True).to_numpy())


@given(betas, st.integers(1, 20), seeds)
def test_a_step_is_torchs_average_of_weights(beta, steps, seed):
    network = torch.nn.Linear(3, 2, dtype=torch.float64)
    averaged = AveragedModel(network, avg_fn=get_ema_avg_fn(beta))
    averaged.update_parameters(network)  # the first time copies
    V = network.weight.detach().numpy().copy()
    for W in np.random.default_rng(seed).standard_normal((steps, 2, 3)):
        network.weight.data = torch.tensor(W)
        averaged.update_parameters(network)
        V = ref.average_step(V, W, beta)
    agree(V, averaged.module.weight.detach().numpy())
