"""First weights: the bounds and deviations that torch's own functions ask for, and weights that have them."""

from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from torch.nn import init

from rumbo.reference import initializers as ref

fans = st.integers(1, 40)
linear = {"nonlinearity": "linear"}
relu = {"nonlinearity": "relu"}
# Name: torch's function for it, and our variance of (n_in, n_out).
NORMAL = {
    "he": (partial(init.kaiming_normal_, **relu), lambda n_in, n_out: ref.he_variance(n_in)),
    "xavier": (partial(init.kaiming_normal_, **linear), lambda n_in, n_out: ref.xavier_variance(n_in)),
    "glorot": (init.xavier_normal_, ref.glorot_variance),
}
UNIFORM = {
    "he_uniform": (partial(init.kaiming_uniform_, **relu), NORMAL["he"][1]),
    "xavier_uniform": (partial(init.kaiming_uniform_, **linear), NORMAL["xavier"][1]),
    "glorot_uniform": (init.xavier_uniform_, ref.glorot_variance),
}


class Asked(torch.Tensor):
    """A tensor that notes with what numbers it is asked to be filled."""

    def normal_(self, mean=0.0, std=1.0, *, generator=None):
        self.numbers = (mean, std)
        return self

    def uniform_(self, low=0.0, high=1.0, *, generator=None):
        self.numbers = (low, high)
        return self


def numbers_of(fill, shape):
    weights = torch.empty(shape, dtype=torch.float64).as_subclass(Asked)
    fill(weights)
    return weights.numbers


@pytest.mark.parametrize("name", NORMAL)
@given(fans, fans)
def test_deviations_are_torchs(name, n_in, n_out):
    fill, variance = NORMAL[name]
    mean, std = numbers_of(fill, (n_out, n_in))
    assert mean == 0
    assert variance(n_in, n_out) == pytest.approx(std**2, rel=1e-12)


@pytest.mark.parametrize("name", UNIFORM)
@given(fans, fans)
def test_bounds_are_torchs(name, n_in, n_out):
    fill, variance = UNIFORM[name]
    limit = ref.uniform_limit(variance(n_in, n_out))
    assert numbers_of(fill, (n_out, n_in)) == pytest.approx((-limit, limit), rel=1e-12)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=3), fans, fans)
def test_fans_of_filters_are_torchs(sizes, C_in, C_out):
    for_torch = torch.empty((C_out, C_in, *sizes))
    assert ref.filter_fans((*sizes, C_in, C_out)) == init._calculate_fan_in_and_fan_out(for_torch)


@pytest.mark.parametrize("name", [*NORMAL, *UNIFORM, "small_random", "small_uniform"])
def test_weights_have_the_distribution(name):
    n_out, n_in = 200, 300
    W = getattr(ref, name)(n_out, n_in, np.random.default_rng(7))
    assert W.shape == (n_out, n_in)
    match name:
        case "small_random":
            judge = stats.norm(0, 0.01)
        case "small_uniform":
            judge = stats.uniform(-0.001, 0.002)
        case _ if name in NORMAL:
            judge = stats.norm(*numbers_of(NORMAL[name][0], (n_out, n_in)))
        case _:
            low, high = numbers_of(UNIFORM[name][0], (n_out, n_in))
            judge = stats.uniform(low, high - low)
            assert low <= W.min() < 0.999 * low
            assert 0.999 * high < W.max() < high
    # 60,000 weights: a deviation 2 % off moves the distribution by 0.005, of which this statistic notices 0.008.
    assert W.std() == pytest.approx(judge.std(), rel=0.01)
    assert abs(W.mean()) < 4 * judge.std() / np.sqrt(W.size)
    assert stats.kstest(W.ravel(), judge.cdf).pvalue > 0.01


def test_equal_weights():
    rng = np.random.default_rng(0)
    assert (ref.zeros(2, 3, rng) == np.zeros((2, 3))).all()
    assert (ref.constant(2, 3, rng) == np.full((2, 3), 5.0)).all()
