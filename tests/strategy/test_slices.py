"""Slices: nothing is found where there is nothing, and what was planted is found."""

import json

import numpy as np
import pytest

from rumbo.core.errors import UsageError
from rumbo.strategy.slice_columns import SliceColumn, category_column, flag_column, number_column
from rumbo.strategy.slices import find_slices


def columns_of(generator, size):
    """Six columns of several kinds, some of which depend on each other."""
    ages = generator.normal(40, 12, size)
    return [
        number_column("age", ages, ages),
        number_column("born", 2026 - ages + generator.normal(0, 3, size), 2026 - ages),
        category_column("city", generator.choice(["lima", "quito", "cusco", "piura"], size).tolist()),
        category_column("sex", generator.choice(["f", "m"], size).tolist()),
        flag_column("dark", generator.random(size) < 0.2, np.ones(size, dtype=bool)),
        number_column("price", generator.exponential(1, size), generator.exponential(1, size)),
    ]


def test_without_a_bad_group_one_is_seldom_found():
    """400 data sets without any: the share with a finding is at most the level; without pairs as well."""
    generator = np.random.default_rng(0)
    with_finding = {1: 0, 2: 0}
    for _ in range(400):
        columns, wrong = columns_of(generator, 400), generator.random(400) < 0.15
        for depth in with_finding:
            with_finding[depth] += bool(find_slices(wrong, columns, depth=depth, fewest=20).num_found)
    assert with_finding[1] <= 0.05 * 400
    assert with_finding[2] <= 0.05 * 400


def test_without_adjustment_some_would_be_found_nearly_always():
    """The law above can fail: at a level that undoes the adjustment, chance gives findings."""
    generator = np.random.default_rng(0)
    found = 0
    for _ in range(20):
        columns, wrong = columns_of(generator, 400), generator.random(400) < 0.15
        found += bool(find_slices(wrong, columns, level=1.0).num_found)
    assert found == 20


def test_a_planted_group_comes_first():
    generator = np.random.default_rng(1)
    columns = columns_of(generator, 2000)
    in_quito = columns[2].codes == columns[2].labels.index("quito")
    wrong = generator.random(2000) < np.where(in_quito, 0.3, 0.1)
    slices = find_slices(wrong, columns)
    first = slices.found[0]
    assert first.conditions == (("city", "quito"),)
    assert (first.num_items, first.num_wrong) == (in_quito.sum(), (in_quito & wrong).sum())
    assert first.error == pytest.approx(wrong[in_quito].mean())
    assert first.error_of_rest == pytest.approx(wrong[~in_quito].mean())
    assert first.excess == pytest.approx(in_quito.sum() * (first.error - first.error_of_rest))
    assert first.interval[0] < first.error < first.interval[1]
    assert first.q_value < 1e-6
    assert [len(one.conditions) for one in slices.found] == [1]  # quito and something else is no other story
    assert slices.has_pairs


def test_a_planted_pair_is_told_as_a_pair():
    generator = np.random.default_rng(2)
    columns = columns_of(generator, 4000)
    bad = (columns[2].codes == columns[2].labels.index("lima")) & (columns[3].codes == columns[3].labels.index("f"))
    wrong = generator.random(4000) < np.where(bad, 0.35, 0.08)
    found = find_slices(wrong, columns).found
    assert set(found[0].conditions) == {("city", "lima"), ("sex", "f")}
    assert found[0].num_items == bad.sum()


def test_few_examples_are_no_group():
    wrong = np.zeros(200, dtype=bool)
    wrong[:15] = True
    column = SliceColumn(name="c", codes=(np.arange(200) >= 15).astype(int), labels=("bad", "good"))
    assert find_slices(wrong, [column]).num_tested == 0  # both parts: the rest of one is the other
    assert find_slices(wrong, [column], fewest=10).found[0].conditions == (("c", "bad"),)


def test_columns_that_say_the_same_are_told_once():
    generator = np.random.default_rng(3)
    codes = generator.integers(0, 4, 2000)
    wrong = generator.random(2000) < np.where(codes == 0, 0.4, 0.1)
    labels = ("a", "b", "c", "d")
    twins = [SliceColumn(name=name, codes=codes, labels=labels) for name in ("one", "other")]
    slices = find_slices(wrong, twins)
    assert len(slices.found) == 1
    assert slices.num_found == 2


def test_weights_of_zero_leave_examples_out():
    codes = np.repeat([0, 1], 500)
    wrong = np.zeros(1000, dtype=bool)
    wrong[:200] = True
    column = SliceColumn(name="c", codes=codes, labels=("bad", "good"))
    assert find_slices(wrong, [column]).num_found == 1
    assert find_slices(wrong, [column], weights=np.where(wrong, 0.0, 1.0)).num_tested == 0
    doubled = find_slices(wrong, [column], weights=np.full(1000, 2.0)).found[0]
    assert doubled.excess == pytest.approx(200)


def test_the_order_of_rows_does_not_matter():
    generator = np.random.default_rng(4)
    columns = columns_of(generator, 1000)
    wrong = generator.random(1000) < np.where(columns[4].codes == 0, 0.5, 0.1)
    order = generator.permutation(1000)
    turned = [SliceColumn(name=one.name, codes=one.codes[order], labels=one.labels) for one in columns]
    straight, shuffled = find_slices(wrong, columns), find_slices(wrong[order], turned)
    assert straight.to_dict() == shuffled.to_dict()
    assert json.loads(json.dumps(straight.to_dict(), allow_nan=False))["found"][0]["conditions"] == [
        {"column": "dark", "value": "has it"}
    ]


def test_all_right_or_all_wrong_has_no_groups():
    columns = columns_of(np.random.default_rng(5), 200)
    assert find_slices(np.zeros(200, dtype=bool), columns).num_tested == 0
    assert find_slices(np.ones(200, dtype=bool), columns).num_tested == 0
    assert find_slices(np.ones(3, dtype=bool), []).found == ()
    with pytest.raises(UsageError):
        find_slices(np.ones(3, dtype=bool), columns)


def test_bins_come_from_train():
    column = number_column("x", np.array([-5.0, 0.5, 2.0, 99.0, np.inf]), np.arange(11.0), num_bins=2)
    assert column.codes.tolist() == [0, 0, 0, 1, 2]
    assert column.labels == ("at most 5", "above 5", "missing")
    same = number_column("x", np.array([1.0, 1.0]), np.ones(50))
    assert same.labels == ("any value", "missing")
    assert number_column("x", np.array([np.nan]), np.ones(50), missing_counts=False).codes.tolist() == [-1]
    zeros = number_column("x", np.array([0.0, 3.0]), np.array([0.0] * 90 + [1.0] * 10))
    assert zeros.codes.tolist() == [0, 1]


def test_rare_levels_are_looked_at_together():
    names = [f"n{number}" for number in range(30) for _ in range(30 - number)]
    column = category_column("name", [*names, None])
    assert len(column.labels) == 22
    assert column.labels[-2:] == ("any of 10 rarer ones", "missing")
    assert (column.codes == 20).sum() == sum(range(1, 11))
    assert column.codes[-1] == 21
