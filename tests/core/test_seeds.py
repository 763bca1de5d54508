"""Randomness is a function of seed, purpose and position."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rumbo.core.seeds import rng, stream, uniform_per_item

seeds = st.integers(0, 2**62)


@given(seeds, st.integers(0, 1000))
def test_streams_differ_by_seed_purpose_and_position(seed, epoch):
    keys = [
        (seed, "shuffle", epoch),
        (seed + 1, "shuffle", epoch),
        (seed, "dropout", epoch),
        (seed, "shuffle", epoch + 1),
    ]
    drawn = [stream(*key) for key in [*keys, (seed, "shuffle", epoch, 0), (seed, "shuffle")]]
    assert len(set(drawn)) == len(drawn)
    assert all(0 <= value < 2**63 for value in drawn)
    assert stream(seed, "shuffle", epoch) == drawn[0]


def test_streams_stay_the_same_between_versions():
    """Runs are resumed by later versions: these numbers are part of the promise."""
    assert stream(0, "shuffle", 1) == 5804239312711994095
    assert rng(0, "split").integers(0, 1000, 3).tolist() == [588, 325, 955]


@given(seeds, st.integers(1, 40), st.integers(1, 5), st.randoms())
def test_an_items_draws_do_not_depend_on_its_batch(seed, num_items, num_draws, random):
    items = np.array(random.sample(range(10_000), num_items))
    order = np.array(random.sample(range(num_items), num_items))
    together = uniform_per_item(seed, items, num_draws)
    np.testing.assert_array_equal(uniform_per_item(seed, items[order], num_draws), together[order])
    np.testing.assert_array_equal(uniform_per_item(seed, items[:1], num_draws), together[:1])


def test_draws_are_uniform_and_independent():
    draws = uniform_per_item(stream(3, "flip", 0), np.arange(20_000), 3)
    assert draws.dtype == np.float64
    assert draws.min() >= 0
    assert draws.max() < 1
    np.testing.assert_allclose(draws.mean(axis=0), 0.5, atol=0.01)
    np.testing.assert_allclose(draws.var(axis=0), 1 / 12, atol=0.003)
    for one, other in itertools.combinations(draws.T, 2):
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.03
    assert abs(np.corrcoef(draws[:-1, 0], draws[1:, 0])[0, 1]) < 0.03


def test_another_epoch_draws_anew():
    items = np.arange(100)
    first, second = (uniform_per_item(stream(0, "flip", epoch), items, 1) for epoch in (0, 1))
    assert not np.isin(first, second).any()
