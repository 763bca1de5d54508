"""The error table: the notes' example, weights, intervals that hold, and tags that explain nothing."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rumbo.core.errors import UsageError
from rumbo.strategy.chance import adjusted, excess_p_values
from rumbo.strategy.error_table import Tag, error_table, wrong_examples
from rumbo.strategy.intervals import wilson
from rumbo.strategy.lift import ratio


def marked(name, size, *rows, known=None):
    has = np.zeros(size, dtype=bool)
    has[np.concatenate([np.arange(part.start, part.stop) for part in rows]) if rows else []] = True
    return Tag(name=name, has=has, known=known)


def the_notes(num_wrong=100, num_items=1000):
    """1,000 examples of dev, 100 of them misread."""
    return (np.arange(num_items) < num_wrong).astype(float)


@pytest.mark.parametrize(("dogs", "left"), [(5, 9.5), (50, 5.0)])
def test_the_ceilings_of_the_notes(dogs, left):
    row = error_table(the_notes(), [marked("dog", 1000, range(dogs))]).rows[0]
    assert (row.count, row.num_known, 100 * row.share) == (dogs, 100, pytest.approx(dogs))
    assert 100 * row.error_left == pytest.approx(left)
    assert row.share_interval == pytest.approx(wilson(dogs, 100))
    assert row.left_interval == pytest.approx(wilson(100 - dogs, 1000))
    assert row.left_interval[0] < row.error_left < row.left_interval[1]


def test_the_table_of_the_notes():
    """8 % dogs, 43 % great cats, 61 % blurry, 12 % filtered, more than 100 % together; the largest first."""
    tags = [marked("dog", 1000, range(8)), marked("great cat", 1000, range(8, 51)),
            marked("blurry", 1000, range(39, 100)), marked("filter", 1000, range(12))]  # fmt: skip
    table = error_table(the_notes(), tags)
    assert [(row.tag, round(100 * row.share)) for row in table.rows] == [
        ("blurry", 61), ("great cat", 43), ("filter", 12), ("dog", 8),
    ]  # fmt: skip
    assert [round(100 * row.error_left, 2) for row in table.rows] == [3.9, 5.7, 8.8, 9.2]
    assert (table.num_wrong, table.num_items, table.num_untagged) == (100, 1000, 0)


def test_a_hundred_looked_at_stand_for_all():
    """Of 1,000 mistakes 100 were looked at: the share is theirs, the error that of all."""
    errors = the_notes(1000, 10_000)
    known = np.arange(10_000) < 100
    row = error_table(errors, [marked("dog", 10_000, range(50), known=known)]).rows[0]
    assert (row.count, row.num_known, row.finding, row.lift) == (50, 100, "unknown", None)
    assert (row.share, row.error_left) == (pytest.approx(0.5), pytest.approx(0.05))
    all_known = error_table(errors, [marked("dog", 10_000, range(500))]).rows[0]
    assert all_known.error_left == pytest.approx(0.05)
    wide, narrow = (row.left_interval[1] - row.left_interval[0] for row in (row, all_known))
    assert wide > 1.8 * narrow  # the share of 100 is the less sure part
    assert 0.038 < row.left_interval[0] < 0.041


def test_what_is_as_common_among_right_ones_explains_nothing():
    errors = the_notes(200, 2000)
    everywhere = Tag(name="day", has=np.arange(2000) % 2 == 0)
    telling = Tag(name="night", has=(np.arange(2000) < 100) | (np.arange(2000) % 20 == 0))
    rare = Tag(name="snow", has=np.isin(np.arange(2000), [3, 1500]))
    missing = Tag(name="sun", has=(np.arange(2000) < 4) | (np.arange(2000) > 1000))
    finding = {row.tag: row.finding for row in error_table(errors, [everywhere, telling, rare, missing]).rows}
    assert finding == {"day": "as_common", "night": "more", "snow": "undecided", "sun": "fewer"}
    lift = error_table(errors, [telling]).rows[0].lift
    assert lift is not None
    assert lift.value == pytest.approx(0.525 / 0.05, rel=0.05)
    assert lift.share_of_right == pytest.approx(0.05)


def test_without_a_cause_tags_are_seldom_blamed():
    """20 tags at random, 200 times: some tag is blamed in at most a twentieth of the sets."""
    generator = np.random.default_rng(0)
    blamed = 0
    for _ in range(200):
        errors = (generator.random(500) < 0.2).astype(float)
        tags = [Tag(name=str(n), has=generator.random(500) < 0.15) for n in range(20)]
        blamed += any(row.finding == "more" for row in error_table(errors, tags).rows)
    assert blamed <= 10


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 3)), min_size=5, max_size=40))
def test_weight_two_is_the_example_twice(examples):
    wrong, has, weights = (np.array(column) for column in zip(*examples, strict=True))
    if not (wrong & has & (weights > 0)).any():
        return
    weighted = error_table(wrong, [Tag(name="t", has=has)], weights=weights).rows[0]
    repeated = error_table(np.repeat(wrong, weights), [Tag(name="t", has=np.repeat(has, weights))]).rows[0]
    assert weighted.share == pytest.approx(repeated.share)
    assert weighted.error_left == pytest.approx(repeated.error_left)
    assert weighted.count <= repeated.count


def test_weight_zero_is_left_out():
    errors, tag = the_notes(), marked("dog", 1000, range(50))
    weights = np.ones(1000)
    weights[:50] = 0
    table = error_table(errors, [tag], weights=weights)
    assert (table.rows, table.num_items, table.num_wrong) == ((), 950, 50)


def test_intervals_of_the_ceiling_hold_in_95_of_100():
    """Drawn anew 400 times: the true error that is left lies inside about as often as promised."""
    generator = np.random.default_rng(1)
    for sampled in (False, True):
        hits = 0
        for _ in range(400):
            wrong = generator.random(600) < 0.2
            has = generator.random(600) < np.where(wrong, 0.3, 0.1)
            known = wrong & (np.cumsum(wrong) <= 60) if sampled else None
            low, high = error_table(wrong, [Tag(name="t", has=has, known=known)]).rows[0].left_interval
            hits += low <= 0.2 * 0.7 <= high
        assert 368 <= hits <= 396, sampled


def test_lifts_hold_in_95_of_100():
    generator = np.random.default_rng(2)
    hits = 0
    for _ in range(500):
        first, second = generator.binomial(60, 0.2), generator.binomial(400, 0.08)
        _, (low, high) = ratio((first, 60), (second, 400))
        hits += low <= 2.5 <= high
    assert 465 <= hits <= 495
    value, (low, high) = ratio((3, 10), (0, 90))
    assert 1 < low < value < high < np.inf


def test_numbers_are_told_by_the_squared_error_they_carry():
    generator = np.random.default_rng(3)
    residuals = generator.normal(size=1000)
    residuals[:50] *= 6
    tags = [marked("far", 1000, range(50)), marked("any", 1000, range(500, 600))]
    table = error_table(residuals, tags, kind="root_mean_square")
    far, plain = table.rows
    squares = residuals**2
    assert table.error == pytest.approx(np.sqrt(squares.mean()))
    assert table.num_wrong == 100
    assert (far.tag, far.share) == ("far", pytest.approx(squares[:50].sum() / squares.sum()))
    assert far.error_left == pytest.approx(np.sqrt(squares[50:].sum() / 1000))
    assert far.left_interval[0] < far.error_left < far.left_interval[1] < table.error
    assert far.share_interval[0] < far.share < far.share_interval[1] < 1
    assert (far.finding, plain.finding) == ("more", "as_common")


def test_shares_of_labels_count_as_much_as_they_are_wrong():
    errors = np.array([1.0, 0.5, 0.5, 0.0] * 50)
    row = error_table(errors, [Tag(name="half", has=errors == 0.5)]).rows[0]
    assert (row.share, row.error_left, row.count) == (pytest.approx(0.5), pytest.approx(0.25), 100)
    assert row.share_interval[0] < 0.5 < row.share_interval[1]


def test_wrong_numbers_are_the_tenth_with_the_largest_residuals():
    assert wrong_examples(np.linspace(-1, 1, 100), "root_mean_square").sum() == 10
    assert not wrong_examples(np.zeros(100), "root_mean_square").any()
    assert wrong_examples(np.array([0.0, 2.0]), "root_mean_square").tolist() == [False, True]


def test_nothing_wrong_and_no_tags():
    table = error_table(np.zeros(10), [marked("dog", 10, range(5))])
    assert (table.rows, table.num_wrong, table.error) == ((), 0, 0)
    assert table.error_interval == pytest.approx(wilson(0, 10))
    assert error_table(np.ones(1), []).num_untagged == 1
    assert error_table(np.ones(10), [marked("dog", 10, range(5))]).rows[0].finding == "unknown"


def test_fishers_test_is_exact():
    # Fisher's tea: four of four cups right by chance, once in 70.
    assert excess_p_values(4, 4, 4, 8).item() == pytest.approx(1 / 70)
    assert excess_p_values(np.array([0, 5]), 5, 5, 10).tolist() == pytest.approx([1, 1 / 252])


def test_adjusted_values_are_those_of_benjamini_and_yekutieli():
    p_values = np.array([0.001, 0.01, 0.03, 0.8])
    harmonic = 1 + 1 / 2 + 1 / 3 + 1 / 4
    assert adjusted(p_values).tolist() == pytest.approx(
        [0.001 * 4 * harmonic, 0.01 * 2 * harmonic, 0.03 * 4 / 3 * harmonic, 1.0]
    )
    assert adjusted(np.zeros(0)).tolist() == []


def test_the_table_is_strict_json():
    cats = marked("cat", 1000, range(5, 9), range(500, 800))
    table = error_table(the_notes(), [marked("dog", 1000, range(5)), cats])
    answer = json.loads(json.dumps(table.to_dict(), allow_nan=False))
    assert answer["rows"][0]["tag"] == "dog"
    assert answer["rows"][1]["finding"] == "fewer"
    assert len(answer["error_interval"]) == len(answer["rows"][0]["lift_interval"]) == 2


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (lambda: error_table(np.zeros(0), []), "at least one"),
        (lambda: error_table(np.array([np.nan]), []), "finite"),
        (lambda: error_table(np.ones(3), [], weights=np.ones(2)), "2 weights for 3 examples"),
        (lambda: error_table(np.ones(3), [], weights=np.zeros(3)), "not all 0"),
        (lambda: error_table(np.ones(3), [marked("dog", 2)]), "'dog'"),
        (lambda: error_table(np.ones(3), [marked("dog", 3), marked("dog", 3)]), "two tags are called 'dog'"),
    ],
)
def test_what_is_refused(make, names):
    with pytest.raises(UsageError, match=names):
        make()
