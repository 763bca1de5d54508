import numpy as np
import pytest

from rumbo.core import seeds
from rumbo.strategy import intervals


@pytest.mark.parametrize(
    ("num_errors", "num_items", "low", "high"),
    [  # Newcombe 1998, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (29, 29, 0.8830, 1.0),
    ],
)
def test_wilson_equals_the_published_values(num_errors, num_items, low, high):
    assert intervals.wilson(num_errors, num_items) == pytest.approx((low, high), abs=5e-5)


def test_a_set_without_a_wrong_example_is_not_sure_of_all():
    right, one_each = np.ones(16, dtype=bool), np.ones(16)
    assert intervals.share_interval(right, one_each) == pytest.approx((0.8064, 1.0), abs=5e-5)
    assert intervals.share_interval(~right, one_each) == pytest.approx((0.0, 0.1936), abs=5e-5)
    draws = intervals.mean_draws(right, one_each, 2000, seeds.rng(0, "test"))
    assert 0.8 < np.quantile(draws, 0.025) < 0.9


def test_bootstrap_spread_is_the_standard_error():
    items = np.random.default_rng(0).exponential(size=400)
    draws = intervals.bootstrap_means(items, np.ones(400), 4000, seeds.rng(0, "test"))
    assert draws.mean() == pytest.approx(items.mean(), abs=0.01)
    assert draws.std() == pytest.approx(items.std() / 20, rel=0.05)


def test_groups_keep_the_spread():
    items = np.random.default_rng(0).exponential(size=45_000)
    draws = intervals.bootstrap_means(items, np.ones(len(items)), 2000, seeds.rng(0, "test"))
    assert draws.mean() == pytest.approx(items.mean(), rel=1e-3)
    assert draws.std() == pytest.approx(items.std() / np.sqrt(len(items)), rel=0.06)


def test_weight_zero_is_left_out():
    items, weights = np.array([1.0, 2.0, 3.0, 100.0] * 20), np.array([1.0, 1.0, 1.0, 0.0] * 20)
    draws = intervals.bootstrap_means(items, weights, 500, seeds.rng(0, "test"))
    assert draws.max() < 3.0


def test_smallest_size_halves_the_width():
    assert intervals.smallest_size(0.3, 0.01) == 3458
    assert intervals.smallest_size(0.3, 0.01, known_variance=1.0) is None
    assert intervals.smallest_size(0.3, 0.02) == pytest.approx(3458 / 4, abs=1)


def test_effective_size():
    assert intervals.effective_size(np.ones(7)) == pytest.approx(7)
    assert intervals.effective_size(np.array([1.0, 1.0, 0.0])) == pytest.approx(2)
