"""Verdicts: the course's tables, planted gaps, too little data, and the laws of the intervals."""

import json
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rumbo.core.errors import UnknownName, UsageError
from rumbo.strategy import Diagnosis, GapName, SplitError, diagnose, next_steps

BIAS, VARIANCE, MISMATCH, OVERFIT = GapName

# All example tables of the notes, misprints corrected (docs/course/errata.md): where they stand, the errors in percent
# (human, train, train_dev, dev), and the verdicts.
TABLES = {
    "S0 821-825, first column (printed 10 and 11)": ((0, 1, None, 11), VARIANCE, ()),
    "S0 821-825, first column as printed": ((0, 10, None, 11), BIAS, ()),
    "S0 821-825, second column": ((0, 15, None, 16), BIAS, ()),
    "S0 821-825, third column": ((0, 15, None, 30), BIAS, (VARIANCE,)),
    "S0 821-825, fourth column": ((0, 0.5, None, 1), "none", ()),
    "S0 827, blurred: 15 is possible": ((15, 15, None, 16), "none", ()),
    "S0 1729-1733, clear pictures": ((1, 8, None, 10), BIAS, (VARIANCE,)),
    "S0 1735-1739, blurred pictures": ((7.5, 8, None, 10), VARIANCE, ()),
    "S0 1885-1890, one source": ((0, 1, None, 10), VARIANCE, ()),
    "S0 1905-1908, first column": ((0, 1, 9, 10), VARIANCE, ()),
    "S0 1905-1908, second column (printed 1, 1 and 1.5)": ((0, 1, 1.5, 10), MISMATCH, ()),
    "S0 1905-1908, second column as printed": ((0, 1, 1, 1.5), "none", ()),
    "S0 1914-1919, first column (printed 10, 11.1 and 12.4)": ((0, 10, 11, 12), BIAS, ()),
    "S0 1914-1919, first column as printed": ((0, 10, 11.1, 12.4), BIAS, (MISMATCH, VARIANCE)),
    "S0 1914-1919, second column (not printed)": ((0, 10, 11, 20), BIAS, (MISMATCH,)),
    "S1 960, far from people": ((1, 8, None, 10), BIAS, (VARIANCE,)),
    "S1 960, near people": ((1, 1.5, None, 3), VARIANCE, ()),
    "S1 998, one source": ((0, 1, None, 10), VARIANCE, ()),
    "S1 1000, two sources": ((0, 1, 1.5, 10), MISMATCH, ()),
}


@pytest.mark.parametrize(("row", "verdict", "also"), TABLES.values(), ids=TABLES.keys())
def test_the_tables_of_the_notes_give_their_verdicts(row, verdict, also):
    human, *errors = row
    given_errors = {
        name: value / 100
        for name, value in zip(("train", "train_dev", "dev"), errors, strict=True)
        if value is not None
    }
    diagnosis = diagnose(given_errors, human_error=human / 100)
    assert (diagnosis.verdict, diagnosis.also) == (verdict, also)
    assert all(gap.interval is None for gap in diagnosis.gaps)
    assert diagnosis.to_dict()["verdict"] in ("avoidable_bias", "variance", "data_mismatch", "none")


@pytest.mark.parametrize(("human", "bias"), [(3, -0.5), (1, 1.5), (0.7, 1.8), (0.5, 2.0)])
def test_the_team_of_s0_1753_1758_shows_the_bias_that_an_untrained_person_hides(human, bias):
    diagnosis = diagnose({"train": 0.025, "dev": 0.025}, human_error=human / 100)
    assert diagnosis.gaps[0].value == pytest.approx(bias / 100)
    assert diagnosis.verdict == (BIAS if human < 1.5 else "none")


def wrong(num_wrong: int, num_items: int) -> SplitError:
    return SplitError(np.arange(num_items) < num_wrong)


def test_measured_errors_have_intervals_that_hold_the_value():
    diagnosis = diagnose({"train": wrong(5, 1000), "dev": wrong(60, 500), "test": wrong(62, 500)})
    assert diagnosis.verdict == VARIANCE
    gap = next(gap for gap in diagnosis.gaps if gap.name == VARIANCE)
    assert gap.value == pytest.approx(0.115)
    low, high = gap.interval
    standard_error = np.sqrt(0.12 * 0.88 / 500 + 0.005 * 0.995 / 1000)
    assert low == pytest.approx(0.115 - 1.96 * standard_error, abs=0.005)
    assert high == pytest.approx(0.115 + 1.96 * standard_error, abs=0.005)
    low, high = diagnosis.errors["dev"].interval
    assert low < 0.12 < high


@pytest.mark.parametrize("num_wrong", [0, 1, 2])
def test_two_examples_decide_nothing(num_wrong):
    diagnosis = diagnose({"train": wrong(0, 1000), "dev": wrong(num_wrong, 2)})
    assert diagnosis.verdict == "undecided"
    assert diagnosis.smallest_dev_size > 100
    assert str(diagnosis.smallest_dev_size) in " ".join(diagnosis.remarks)
    assert "dev has 2 examples" in " ".join(diagnosis.remarks)


def test_a_tiny_test_set_does_not_hide_the_other_gaps():
    diagnosis = diagnose({"train": wrong(2000, 10_000), "dev": wrong(2000, 10_000), "test": wrong(1, 2)})
    assert diagnosis.verdict == BIAS
    assert "test has 2 examples" in " ".join(diagnosis.remarks)


def test_two_residuals_decide_nothing():
    few = SplitError(np.array([0.1, -3.0]))
    many = SplitError(np.ones(500))
    diagnosis = diagnose({"train": many, "dev": few}, kind="root_mean_square", scale=2.0, human_error=1.0)
    assert diagnosis.verdict == "undecided"
    assert "dev" in " ".join(diagnosis.remarks)


def test_large_sets_without_a_gap_give_none():
    diagnosis = diagnose({"train": wrong(50, 10_000), "dev": wrong(60, 10_000)})
    assert diagnosis.verdict == "none"


def test_dev_that_flatters_is_told():
    diagnosis = diagnose({"train": wrong(50, 10_000), "dev": wrong(50, 10_000), "test": wrong(900, 10_000)})
    assert diagnosis.verdict == OVERFIT


def test_an_open_gap_is_told_beside_the_verdict():
    diagnosis = diagnose({"train": wrong(2000, 10_000), "dev": wrong(7, 30)})
    assert diagnosis.verdict == BIAS
    assert diagnosis.also == ()
    assert "variance" in " ".join(diagnosis.remarks)


def test_the_smallest_dev_size_is_enough():
    share, train = 0.1, wrong(0, 10**6)
    size = diagnose({"train": train, "dev": wrong(100, 1000)}).smallest_dev_size
    gap = next(g for g in diagnose({"train": train, "dev": wrong(int(share * size), size)}).gaps if g.name == VARIANCE)
    half_width = (gap.interval[1] - gap.interval[0]) / 2
    assert half_width == pytest.approx(0.01, rel=0.1)


def test_regression_is_a_share_of_the_targets_deviation():
    generator = np.random.default_rng(0)
    train, dev = generator.normal(0, 1.0, 4000), generator.normal(0, 2.0, 4000)
    diagnosis = diagnose(
        {"train": SplitError(train), "dev": SplitError(dev)}, kind="root_mean_square", scale=4.0, human_error=0.9
    )
    assert diagnosis.errors["train"].value == pytest.approx(np.sqrt((train**2).mean()) / 4)
    assert diagnosis.errors["human"].value == pytest.approx(0.225)
    assert diagnosis.verdict == VARIANCE
    low, high = diagnosis.errors["dev"].interval
    assert (high - low) / 2 == pytest.approx(1.96 * 0.5 / np.sqrt(2 * 4000), rel=0.1)


def test_weights_count_like_repeated_examples():
    errors = np.array([1.0, 0.0, 0.0, 1.0, 0.0] * 50)
    weights = np.tile([3.0, 1.0, 1.0, 0.0, 2.0], 50)
    value = diagnose({"train": SplitError(errors, weights)}).errors["train"].value
    assert value == pytest.approx(3 / 7)


def test_a_bare_rate_with_its_size_has_an_interval():
    exact = diagnose({"train": 0.0, "dev": 0.05})
    sized = diagnose({"train": 0.0, "dev": SplitError(0.05, size=20)})
    assert exact.verdict == VARIANCE
    assert sized.verdict == "undecided" or sized.gaps[1].interval[0] > 0
    assert sized.gaps[1].interval is not None


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 40),
    st.integers(0, 40),
    st.integers(1, 2000),
    st.integers(1, 2000),
)
def test_every_diagnosis_is_strict_json_and_the_same_twice(wrong_train, wrong_dev, num_train, num_dev):
    errors = {"train": wrong(min(wrong_train, num_train), num_train), "dev": wrong(min(wrong_dev, num_dev), num_dev)}
    first, second = diagnose(errors, seed=3), diagnose(errors, seed=3)
    text = json.dumps(first.to_dict(), allow_nan=False)
    assert json.loads(text) == first.to_dict() == second.to_dict()
    assert first.reason
    assert next_steps(first)
    for gap in first.gaps:
        assert gap.interval[0] - 0.5 <= gap.value <= gap.interval[1] + 0.5


def test_intervals_cover_the_truth_as_often_as_they_say():
    generator = np.random.default_rng(1)
    covered = 0
    for _ in range(200):
        train, dev = generator.random(400) < 0.02, generator.random(150) < 0.08
        low, high = diagnose({"train": SplitError(train), "dev": SplitError(dev)}).gaps[1].interval
        covered += low <= 0.06 <= high
    assert 0.90 <= covered / 200 <= 0.99


def test_sixty_thousand_costs_take_no_second():
    costs = np.random.default_rng(0).exponential(size=60_000)
    start = time.process_time()
    diagnose({"train": SplitError(costs), "dev": SplitError(costs[:10_000])})
    assert time.process_time() - start < 1.5


@pytest.mark.parametrize(
    ("errors", "options", "message"),
    [
        ({"trian": 0.1}, {}, "train"),
        ({"dev": 0.1}, {}, "train"),
        ({}, {}, "train"),
        ({"train": 0.1, "dev": 0.2}, {"threshold": 0.0}, "threshold"),
        ({"train": 0.1, "dev": 0.2}, {"scale": float("nan")}, "scale"),
    ],
)
def test_what_cannot_be_done_is_said(errors, options, message):
    with pytest.raises(UsageError, match=message):
        diagnose(errors, **options)


def test_an_unknown_split_names_the_nearest():
    with pytest.raises(UnknownName, match="train_dev"):
        diagnose({"train_dv": 0.1})


@pytest.mark.parametrize(
    "arguments",
    [
        {"error": np.array([])},
        {"error": np.array([0.0, np.nan])},
        {"error": np.zeros((2, 2))},
        {"error": np.zeros(2), "weights": np.ones(3)},
        {"error": np.zeros(2), "weights": np.zeros(2)},
        {"error": np.zeros(2), "weights": np.array([1.0, -1.0])},
        {"error": 1.5, "size": 10},
        {"error": 0.5, "size": 0},
    ],
)
def test_impossible_errors_are_refused(arguments):
    with pytest.raises(UsageError):
        SplitError(**arguments)


def test_steps_start_with_the_verdicts_recipe():
    both: Diagnosis = diagnose({"train": 0.15, "dev": 0.3})
    steps = next_steps(both)
    assert steps[: len(next_steps(diagnose({"train": 0.15})))] == next_steps(diagnose({"train": 0.15}))
    assert len(steps) == len(set(steps)) > 3


def test_dev_that_may_flatter_is_told_only_when_it_shows_itself():
    train = wrong(20, 1000)
    unsure = diagnose({"train": train, "dev": wrong(4, 150), "test": wrong(8, 150)})
    assert OVERFIT not in (unsure.verdict, *unsure.also)
    assert "overfitting of dev" not in " ".join(unsure.remarks)
    sure = diagnose({"train": train, "dev": wrong(4, 150), "test": wrong(30, 150)})
    assert OVERFIT in (sure.verdict, *sure.also)


STAGES = {BIAS: "train", VARIANCE: "dev", MISMATCH: "dev", OVERFIT: "test"}


def test_each_gap_has_its_stage_and_says_what_it_compares():
    diagnosis = diagnose({"train": 0.1, "train_dev": 0.2, "dev": 0.35, "test": 0.4}, human_error=0.02)
    assert {gap.name: gap.stage for gap in diagnosis.gaps} == STAGES
    assert [(gap.worse, gap.better) for gap in diagnosis.gaps] == [
        ("train", "human"),
        ("train_dev", "train"),
        ("dev", "train_dev"),
        ("test", "dev"),
    ]
    assert (diagnosis.verdict, diagnosis.stage) == (MISMATCH, "dev")
    assert diagnosis.also == (VARIANCE, BIAS, OVERFIT)
    assert [gap["judgement"] for gap in diagnosis.to_dict()["gaps"]] == ["large"] * 4


@pytest.mark.parametrize(("errors", "better"), [({"test": 0.03}, "test"), ({}, "dev")])
def test_the_real_world_is_a_stage_of_its_own(errors, better):
    diagnosis = diagnose({"train": 0.025, "dev": 0.03, **errors, "real_world": 0.12}, human_error=0.02)
    assert (diagnosis.verdict, diagnosis.also, diagnosis.stage) == (MISMATCH, (), "real_world")
    gap = diagnosis.gaps[-1]
    assert (gap.worse, gap.better, gap.value) == ("real_world", better, pytest.approx(0.09))
    assert "real world" in diagnosis.reason
    assert "Make dev and test anew" in next_steps(diagnosis)[0]


def test_a_mismatch_at_two_places_is_named_once():
    diagnosis = diagnose({"train": 0.01, "train_dev": 0.01, "dev": 0.10, "real_world": 0.3})
    assert (diagnosis.verdict, diagnosis.also, diagnosis.stage) == (MISMATCH, (), "real_world")
    assert len(next_steps(diagnosis)) > 3


def test_a_real_world_set_like_test_is_none():
    same = {"train": wrong(50, 10_000), "dev": wrong(50, 10_000), "test": wrong(52, 10_000)}
    assert diagnose({**same, "real_world": wrong(54, 10_000)}).verdict == "none"
    assert diagnose({**same, "real_world": wrong(1, 25)}).verdict == "undecided"


def test_human_error_above_the_error_on_unseen_examples_is_no_lower_bound():
    diagnosis = diagnose({"train": 0.03, "dev": 0.035, "test": 0.034}, human_error=0.165)
    assert diagnosis.verdict == "none"
    assert diagnosis.gaps[0].value < 0
    (remark,) = diagnosis.remarks
    assert "no lower bound" in remark
    assert "3.4 %" in remark
    assert "16.5 %" in remark


def test_human_error_above_the_error_on_train_alone_leaves_the_other_gaps():
    diagnosis = diagnose({"train": 0.0, "dev": 0.05}, human_error=0.01)
    assert (diagnosis.verdict, diagnosis.also) == (VARIANCE, ())
    assert "by heart" in diagnosis.remarks[0]
    assert "lower bound" in diagnosis.remarks[0]


def test_human_error_within_the_noise_of_train_needs_no_remark():
    assert diagnose({"train": wrong(9, 1000), "dev": wrong(100, 1000)}, human_error=0.01).remarks == ()


@pytest.mark.parametrize("num_wrong", [0, 1, 5, 10])
def test_ten_dev_examples_decide_nothing(num_wrong):
    diagnosis = diagnose({"train": wrong(5, 1000), "dev": wrong(num_wrong, 10)}, human_error=0.003)
    assert diagnosis.verdict == "undecided"
    assert "dev has 10 examples" in diagnosis.remarks[0]
    assert diagnosis.smallest_dev_size > 100
    sized = diagnose({"train": 0.005, "dev": SplitError(num_wrong / 10, size=10)}, human_error=0.003)
    assert sized.verdict == "undecided"


def test_bare_rates_tell_the_dev_size_that_would_decide():
    assert diagnose({"train": 0.08, "dev": 0.10}).smallest_dev_size == 3458
    assert diagnose({"train": 0.0, "dev": 0.0}).smallest_dev_size > 100
    assert diagnose({"train": 0.1}).smallest_dev_size is None
