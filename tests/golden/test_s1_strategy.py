"""Figures of Paiolla, chapter 4: goals, human level, sets from two sources."""

import numpy as np
import pytest
from in_time import KNOWN, in_time
from two_sources import counts_by_split, two_sources

from rumbo.data.options import SplitOptions
from rumbo.data.splits.split import make_split
from rumbo.reference.scores import error, weighted_error
from rumbo.strategy import GapName, diagnose
from rumbo.strategy.goal import parse_goal
from rumbo.strategy.ranking import rank


@pytest.mark.golden(
    "S1",
    line=935,
    says="100 ms",
    shows="A running time of less than 100 ms is satisficing: below it only the metric counts, and at it the limit is "
    "missed.",
)
def test_a_running_time_is_only_to_be_met():
    runs = {"slowest": (0.99, 100), "slow": (0.93, 99), "fast": (0.92, 1)}
    found = rank(parse_goal("accuracy", ["latency_ms<100"], KNOWN), in_time(runs))
    assert [(run.name, run.meets) for run in found.comparison.ranking] == [
        ("slow", True),
        ("fast", True),
        ("slowest", False),
    ]


@pytest.mark.golden(
    "S1",
    line=943,
    says=("3% and 5%",),
    shows="A classifier with 3 % errors ranks behind one with 5 % once its unacceptable mistakes weigh tenfold.",
)
def test_unacceptable_mistakes_weigh_more():
    y = np.zeros(1000, dtype=np.int64)  # none of these pictures shows a cat; the first hundred must never be shown
    weights = np.where(np.arange(1000) < 100, 10.0, 1.0)
    a, b = y.copy(), y.copy()
    a[[*range(10), *range(500, 520)]] = 1  # ten of the unacceptable, and twenty others
    b[500:550] = 1
    assert (error(y, a), error(y, b)) == (0.03, 0.05)
    assert weighted_error(y, a, weights) == pytest.approx((10 * 10 + 20) / (10 * 100 + 900))
    assert weighted_error(y, b, weights) == pytest.approx(50 / 1900)
    assert weighted_error(y, a, weights) > weighted_error(y, b, weights)


@pytest.mark.golden(
    "S1",
    line=960,
    says=("1% of error", "8% of error in the training set", "10% in the dev set"),
    shows="Human level 1 %, train 8 %, dev 10 %: avoidable bias holds the model back most.",
)
def test_far_from_human_level():
    diagnosis = diagnose({"train": 0.08, "dev": 0.10}, human_error=0.01)
    assert diagnosis.verdict == GapName.AVOIDABLE_BIAS
    assert {gap.name: round(gap.value, 6) for gap in diagnosis.gaps} == {
        GapName.AVOIDABLE_BIAS: 0.07,
        GapName.VARIANCE: 0.02,
    }


@pytest.mark.golden(
    "S1",
    line=960,
    says=("1.5% in the training set", "3% in the dev set", "3% closer to 1.5%"),
    shows="Human level 1 %, train 1.5 %, dev 3 %: variance holds the model back most.",
)
def test_near_human_level():
    diagnosis = diagnose({"train": 0.015, "dev": 0.03}, human_error=0.01)
    assert diagnosis.verdict == GapName.VARIANCE
    assert {gap.name: round(gap.value, 6) for gap in diagnosis.gaps} == {
        GapName.AVOIDABLE_BIAS: 0.005,
        GapName.VARIANCE: 0.015,
    }


@pytest.mark.golden(
    "S1",
    lines=(988, 992),
    says=("200,000", "10,000", "very small proportion"),
    shows="Shuffled together, 10,000 pictures of the kind that counts are one in 21 of every set.",
)
def test_the_kind_that_counts_is_rare_when_shuffled():
    dataset = two_sources()
    counts = counts_by_split(make_split(dataset, SplitOptions(), seed=0).table, dataset)
    assert sum(counts["train"]) + sum(counts["dev"]) + sum(counts["test"]) == 210_000
    for app, web in counts.values():
        assert app / (app + web) == pytest.approx(1 / 21, abs=0.015)


@pytest.mark.golden(
    "S1",
    lines=(994, 996),
    says=("200,000", "5,000", "2,500"),
    shows="Half of the pictures that count go into train, a quarter each into dev and test, which hold no others.",
)
def test_the_kind_that_counts_makes_dev_and_test():
    dataset = two_sources(num_train=5000, num_dev=2500, num_test=2500)
    counts = counts_by_split(make_split(dataset, SplitOptions(train_dev_fraction=0), seed=0).table, dataset)
    assert counts == {"train": (5000, 200_000), "dev": (2500, 0), "test": (2500, 0)}


@pytest.mark.golden(
    "S1",
    line=998,
    says=("training error is 1%", "dev error is 10%"),
    shows="Train 1 %, dev 10 %, both of one source: variance.",
)
def test_one_source():
    assert diagnose({"train": 0.01, "dev": 0.10}).verdict == GapName.VARIANCE


@pytest.mark.golden(
    "S1",
    line=1000,
    says="10% is just from the data mismatch",
    shows="The same 1 % and 10 % with a train-dev error near that of train: data mismatch, not variance.",
)
def test_two_sources():
    diagnosis = diagnose({"train": 0.01, "train_dev": 0.015, "dev": 0.10})
    assert (diagnosis.verdict, diagnosis.also) == (GapName.DATA_MISMATCH, ())
    assert diagnose({"train": 0.01, "train_dev": 0.09, "dev": 0.10}).verdict == GapName.VARIANCE
