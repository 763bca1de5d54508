"""Noise on numeric columns: as large as asked, missing numbers stay missing, each row has its own."""

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rumbo.data.augmentation.numbers import add_noise


@pytest.fixture(scope="module")
def houses(request) -> torch.Tensor:
    """Real columns; one of them has missing numbers."""
    folder = request.getfixturevalue("shared_data") / "california_housing"
    table = pl.read_csv(next(folder.glob("*.csv")))
    columns = [name for name, kind in table.schema.items() if kind.is_numeric()]
    return torch.from_numpy(table.select(columns).cast(pl.Float64).to_numpy())


def test_noise_is_as_large_as_asked_and_missing_stays_missing(houses):
    spreads = torch.from_numpy(np.nanstd(houses.numpy(), axis=0))
    rows = np.arange(len(houses))
    changed = add_noise(houses, rows, 5, 0.1, spreads=spreads)
    assert houses.isnan().any()
    assert torch.equal(changed.isnan(), houses.isnan())
    added = (changed - houses) / spreads
    np.testing.assert_allclose(np.nanstd(added.numpy(), axis=0), 0.1, rtol=0.03)
    np.testing.assert_allclose(np.nanmean(added.numpy(), axis=0), 0, atol=0.003)
    known = added[~added.isnan().any(dim=1)].numpy()
    assert np.abs(np.corrcoef(known.T) - np.eye(known.shape[1])).max() < 0.03


def test_zero_gives_the_numbers_back(houses):
    assert add_noise(houses, np.arange(len(houses)), 5, 0.0, spreads=torch.ones(houses.shape[1])) is houses


def test_filled_numbers_and_indicators_stay():
    numbers = torch.zeros(50, 3)
    measured = torch.ones(50, 3, dtype=torch.bool)
    measured[::2, 0] = False
    out = add_noise(numbers, np.arange(50), 5, 1.0, spreads=torch.tensor([1.0, 1.0, 0.0]), measured=measured)
    assert not out[::2, 0].any()
    assert out[1::2, 0].all()
    assert out[:, 1].all()
    assert not out[:, 2].any()


@given(st.permutations(range(8)), st.integers(1, 8), st.integers(0, 2**40))
def test_a_row_is_changed_alike_in_any_company_and_order(order, count, seed):
    numbers, rows = torch.arange(24.0).view(8, 3), np.array(order[:count])
    whole = add_noise(numbers, np.arange(8), seed, 0.5, spreads=torch.ones(3))
    part = add_noise(numbers[rows], rows, seed, 0.5, spreads=torch.ones(3))
    assert torch.equal(part, whole[rows])
    assert not torch.equal(add_noise(numbers[rows], rows, seed + 1, 0.5, spreads=torch.ones(3)), part)
