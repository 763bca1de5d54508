"""Preprocessing: fitted on the training examples only, the same numbers everywhere, finite whatever comes."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.preprocessing import StandardScaler

from rumbo.core.errors import DataError
from rumbo.data.manifest import Dataset
from rumbo.data.preprocess import Preprocess, fit_preprocess, pixel_statistics


def dataset(numbers: dict, categories: dict | None = None) -> Dataset:
    categories = categories or {}
    columns = {**numbers, **categories}
    size = len(next(iter(columns.values())))
    schema = dict.fromkeys(numbers, pl.Float64) | dict.fromkeys(categories, pl.String)
    table = pl.DataFrame({"id": [str(i) for i in range(size)], **columns}, schema_overrides=schema)
    return Dataset(
        path=Path("x"), format="table", table=table, target=None, numbers=tuple(numbers), categories=tuple(categories)
    )


def test_standard_scaling_equals_scikit_learns():
    values = np.random.default_rng(0).normal(50, 9, 200)
    fitted = fit_preprocess(dataset({"size": values}), None, None, quantiles=False)
    numbers, _ = fitted.table_inputs(dataset({"size": values}).table)
    np.testing.assert_allclose(numbers, StandardScaler().fit_transform(values[:, None]), rtol=1e-5, atol=1e-6)


def test_other_splits_are_scaled_by_the_training_examples():
    train, other = dataset({"size": [0.0, 2.0, 4.0]}), dataset({"size": [100.0]})
    fitted = fit_preprocess(train, None, None, quantiles=False)
    numbers, _ = fitted.table_inputs(other.table)
    assert numbers[0, 0] == pytest.approx((100 - 2) / np.std([0, 2, 4]), rel=1e-6)


@example(values=[0.0, 0.0, 1.0, -2.2250738585e-313], asked=[0.0, -5e-324])
@given(
    values=st.lists(st.floats(-1e12, 1e12), min_size=3, max_size=60),
    asked=st.lists(st.floats(-1e300, 1e300), min_size=2, max_size=30),
)
def test_quantile_scaling_keeps_the_order_and_stays_finite(values, asked):
    fitted = fit_preprocess(dataset({"size": values}), None, None, quantiles=True)
    numbers, _ = fitted.table_inputs(dataset({"size": sorted(asked)}).table)
    assert np.isfinite(numbers).all()
    assert (np.diff(numbers[:, 0]) >= 0).all()


def test_missing_and_infinite_numbers_take_the_median_and_are_told():
    fitted = fit_preprocess(dataset({"size": [1.0, 2.0, 9.0, None]}), None, None, quantiles=False)
    numbers, _ = fitted.table_inputs(dataset({"size": [2.0, None, float("inf")]}).table)
    assert numbers.shape == (3, 2)
    assert (numbers[:, 0] == numbers[0, 0]).all()
    assert numbers[:, 1].tolist() == [0, 1, 1]
    assert fitted.spec.num_numbers == 2


def test_unseen_and_missing_categories_share_code_zero():
    fitted = fit_preprocess(dataset({}, {"town": ["b", "a", "b"]}), None, None, quantiles=True)
    _, codes = fitted.table_inputs(dataset({}, {"town": ["a", "b", "c", None]}).table)
    assert codes[:, 0].tolist() == [1, 2, 0, 0]
    assert fitted.spec.category_sizes == (3,)


def test_a_constant_column_does_not_divide_by_zero():
    fitted = fit_preprocess(dataset({"size": [5.0, 5.0, 5.0]}), None, None, quantiles=True)
    numbers, _ = fitted.table_inputs(dataset({"size": [5.0, 6.0]}).table)
    assert numbers[:, 0].tolist() == [0.0, 1.0]


def test_pixel_statistics_equal_numpys():
    pixels = np.random.default_rng(0).integers(0, 256, (20, 3, 5, 7), dtype=np.uint8)
    mean, std = pixel_statistics(pixels)
    np.testing.assert_allclose(mean, (pixels / 255).mean(axis=(0, 2, 3)), rtol=1e-12)
    np.testing.assert_allclose(std, (pixels / 255).std(axis=(0, 2, 3)), rtol=1e-12)


def test_it_reads_back_from_json():
    fitted = fit_preprocess(dataset({"size": [1.0, None, 3.0]}, {"town": ["a", None, "b"]}), None, None, quantiles=True)
    assert Preprocess.from_dict(fitted.to_dict()) == fitted


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"image": None, "numbers": 3, "categories": []},
        {"image": None, "numbers": [{"name": "x"}], "categories": []},
        {"image": {"rule": {"mode": "rgb"}, "mean": [0], "std": [1]}, "numbers": [], "categories": []},
        {"image": None, "numbers": [], "categories": [{"name": "a", "levels": None}]},
    ],
)
def test_a_garbled_description_is_refused(broken):
    with pytest.raises(DataError):
        Preprocess.from_dict(broken)


@pytest.mark.parametrize("value", [0.1, 0.3, 1.1, 123.456])
def test_a_constant_column_is_not_divided_by_its_rounding(value):
    """The mean of many equal numbers is off by a rounding step, and so is their deviation from 0."""
    column = fit_preprocess(dataset({"size": [value] * 1000}), None, None, quantiles=True).numbers[0]
    assert column.std == 1
    assert column.scaled(np.array([value, value + 1])) == pytest.approx([0, 1], abs=1e-9)


def test_a_constant_channel_is_not_divided_by_its_rounding():
    for level in range(256):
        assert pixel_statistics(np.full((3, 1, 7, 7), level, np.uint8))[1] == (1.0,)
