"""Figures of S0 on splits, bias and variance, single numbers, human level, error analysis and data mismatch."""

import numpy as np
import pytest
from in_time import KNOWN, in_time
from two_sources import counts_by_split, two_sources

from rumbo import metrics
from rumbo.data.options import SplitOptions
from rumbo.data.splits.split import fractions, make_split
from rumbo.reference import scores
from rumbo.strategy.compare import RunScores, compare_runs
from rumbo.strategy.gaps import diagnose
from rumbo.strategy.goal import parse_goal
from rumbo.strategy.ranking import rank


def gaps_that_matter(human=0.0, **errors):
    """Names of the gaps above one point, the largest first, from errors in percent."""
    result = diagnose({name: value / 100 for name, value in errors.items()}, human_error=human / 100)
    return () if result.verdict == "none" else (str(result.verdict), *map(str, result.also))


def gap_sizes(human, **errors):
    """Gaps in points, by name."""
    result = diagnose({name: value / 100 for name, value in errors.items()}, human_error=human / 100)
    return {str(gap.name): 100 * gap.value for gap in result.gaps}


@pytest.mark.golden(
    "S0",
    line=791,
    says=("70/30%", "60/20/20", "1M de ejemplos", "95.5/0.25/0.25"),
    shows="Shares of train, dev and test: those for little data, and those for a million examples and more.",
    right="99.5/0.25/0.25",
    why="The three shares must sum to 100 %; with 95.5 they sum to 96.",
)
def test_shares_of_the_splits():
    def shares(num_items, **options):
        dev, test = fractions(num_items, SplitOptions(**options))
        return pytest.approx((100 * (1 - dev - test), 100 * dev, 100 * test))

    assert shares(1_000) == (60, 20, 20)
    assert shares(2_000_000) == (99.5, 0.25, 0.25)
    assert shares(1_000, dev_fraction=0.0, test_fraction=0.3) == (70, 0, 30)
    assert sum((95.5, 0.25, 0.25)) == 96


@pytest.mark.golden(
    "S0",
    lines=(821, 825),
    says=("10%\t15%\t15%\t0.5%", "11%\t16%\t30%\t1%", "Human: ~0%", "high variance\thigh bias"),
    shows="Verdicts on four pairs of train and dev error where people make next to none: variance, bias, both, "
    "neither.",
    right="1 % on train and 11 % on dev for high variance",
    why="From 10 to 11 % is one point; ten points of bias would be the finding. The column is meant to show a "
    "network that does well on train alone.",
)
def test_bias_and_variance():
    assert gaps_that_matter(train=1, dev=11) == ("variance",)
    assert gaps_that_matter(train=15, dev=16) == ("avoidable_bias",)
    assert set(gaps_that_matter(train=15, dev=30)) == {"avoidable_bias", "variance"}
    assert gaps_that_matter(train=0.5, dev=1) == ()
    assert gaps_that_matter(train=10, dev=11) == ("avoidable_bias",)


@pytest.mark.golden(
    "S0",
    line=827,
    says=("0%", "15% y 16%"),
    shows="Errors of 15 % on train and 16 % on dev are no problem where blurry pictures make people err as often.",
)
def test_blurry_pictures_excuse_errors():
    assert gaps_that_matter(human=0, train=15, dev=16) == ("avoidable_bias",)
    assert gaps_that_matter(human=15, train=15, dev=16) == ()


@pytest.mark.golden(
    "S0",
    lines=(1614, 1632),
    says=("A\t95%\t90%\t92.4%", "B\t98%\t85%\t91.0%", r"\frac{2}{\frac{1}{P} + \frac{1}{R}}"),
    shows="F1, the harmonic mean of precision and recall, of two classifiers: A is better, though B is more precise.",
)
def test_f1_of_two_classifiers():
    A, B = scores.harmonic_mean(0.95, 0.90), scores.harmonic_mean(0.98, 0.85)
    assert (round(100 * A, 1), round(100 * B, 1)) == (92.4, 91.0)
    assert pytest.approx(2 / (1 / 0.95 + 1 / 0.90), rel=1e-12) == A
    # 1,710 of 1,900 cats are found, and 90 others taken for cats: the same figures from predictions, by both paths.
    y = np.repeat([1, 1, 0, 0], [1710, 190, 90, 1710])
    yhat = np.repeat([1, 0, 1, 0], [1710, 190, 90, 1710])
    assert (scores.precision(y, yhat), scores.recall(y, yhat)) == pytest.approx((0.95, 0.90))
    assert scores.f1(y, yhat) == pytest.approx(A, rel=1e-12)
    assert metrics.score("f1", y, np.eye(2)[yhat]) == pytest.approx(A, rel=1e-12)


@pytest.mark.golden(
    "S0",
    lines=(1636, 1642),
    says=("A\t3%\t7%\t5%\t9%\t6%", "B\t5%\t6%\t5%\t10%\t6.5%", "C\t2%\t3%\t4%\t5%\t3.5%", "D\t5%\t8%\t7%\t2%\t5.25%",
          "E\t4%\t5%\t2%\t4%\t3.75%", "F\t7%\t11%\t8%\t12%\t9.5%"),
    shows="Mean error of six classifiers over four regions, which ranks C first.",
    right="5.5 % for D; the others are right",
    why="(5 + 8 + 7 + 2) / 4 = 5.5.",
)  # fmt: skip
def test_mean_errors_over_regions():
    errors = {
        "A": (3, 7, 5, 9), "B": (5, 6, 5, 10), "C": (2, 3, 4, 5),
        "D": (5, 8, 7, 2), "E": (4, 5, 2, 4), "F": (7, 11, 8, 12),
    }  # fmt: skip
    regions = ("US", "China", "India", "other")
    runs = [RunScores(name=name, ids=regions, scores=np.array(row)) for name, row in errors.items()]
    ranking = compare_runs(runs, higher_is_better=False).ranking
    means = {run.name: run.score for run in ranking}
    assert means == pytest.approx({"A": 6, "B": 6.5, "C": 3.5, "D": 5.5, "E": 3.75, "F": 9.5})
    assert [run.name for run in ranking] == ["C", "E", "D", "A", "B", "F"]


@pytest.mark.golden(
    "S0",
    lines=(1646, 1655),
    says=("A\t90%\t80ms", "B\t92%\t95ms", "C\t95%\t1,500ms", "100ms"),
    shows="Of three classifiers B is the best that answers within 100 ms. A sum of accuracy and running time would put "
    "A first, for no reason but the unit of time.",
)
def test_the_best_within_a_running_time():
    runs = {"A": (0.90, 80), "B": (0.92, 95), "C": (0.95, 1500)}
    ranking = rank(parse_goal("accuracy", ["latency_ms<=100"], KNOWN), in_time(runs)).comparison.ranking
    assert [run.name for run in ranking] == ["B", "A", "C"]
    assert [run.meets for run in ranking] == [True, True, False]
    assert rank(parse_goal("accuracy", [], KNOWN), in_time(runs)).comparison.ranking[0].name == "C"
    assert max(runs, key=lambda name: runs[name][0] - 0.5 * runs[name][1]) == "A"
    assert max(runs, key=lambda name: runs[name][0] - 0.5 * runs[name][1] / 60_000) == "C"


@pytest.mark.golden(
    "S0",
    line=1686,
    says="98%",
    shows="With a million examples we keep 98 % for training.",
)
def test_share_of_training_in_big_data():
    dev, test = fractions(1_000_000, SplitOptions())
    assert 100 * (1 - dev - test) == pytest.approx(98)


@pytest.mark.golden(
    "S0",
    lines=(1704, 1711),
    says=(
        "Algorithm A: 3% error",
        "Algorithm B: 5% error",
        r"\frac{y_{\text{pred}}^{(i)} + y^{(i)}}",
        "10 & \\text{if }",
    ),
    shows="An error in which pictures that must never be shown count ten times: it prefers B, which makes more "
    "mistakes, to A, whose three mistakes are such pictures.",
    right="1 / Σ w(i) · Σ w(i) · 1{y_pred(i) ≠ y(i)}",
    why="The sum of prediction and target is not a mistake: it is 2 where both are 1. An indicator belongs there, "
    "and the weight in front of it, which is not printed.",
)
def test_weighted_error():
    y = np.zeros(100, dtype=int)
    A, B = y.copy(), y.copy()
    A[:3], B[3:8] = 1, 1
    w = np.where(np.arange(100) < 3, 10.0, 1.0)  # the first three must not be shown
    assert (scores.error(y, A), scores.error(y, B)) == (0.03, 0.05)
    assert scores.weighted_error(y, A, w) == pytest.approx(30 / 127, rel=1e-12)
    assert scores.weighted_error(y, B, w) == pytest.approx(5 / 127, rel=1e-12)
    assert metrics.score("error", y, np.eye(2)[A], w) == pytest.approx(30 / 127, rel=1e-12)
    ones = np.ones(4, dtype=int)
    assert scores.weighted_error(ones, ones, np.ones(4)) == 0


@pytest.mark.golden(
    "S0",
    lines=(1729, 1733),
    says=("<u>1%</u>", "<u>8%</u>", "<u>10%</u>"),
    shows="With 1 % for people, 8 % on train and 10 % on dev, bias is what to reduce.",
)
def test_people_at_one_percent():
    assert gaps_that_matter(human=1, train=8, dev=10)[0] == "avoidable_bias"


@pytest.mark.golden(
    "S0",
    lines=(1735, 1739),
    says=("7.5%", "0.5%", "2%"),
    shows="With 7.5 % for people the same errors mean an avoidable bias of 0.5 points and a variance of 2: variance "
    "is what to reduce.",
)
def test_people_at_seven_and_a_half_percent():
    assert gaps_that_matter(human=7.5, train=8, dev=10) == ("variance",)
    sizes = gap_sizes(7.5, train=8, dev=10)
    assert sizes == pytest.approx({"avoidable_bias": 0.5, "variance": 2})


@pytest.mark.golden(
    "S0",
    lines=(1753, 1758),
    says=("3 % error", "1 % error", "0.7 % error", "0.5 % error"),
    shows="Four levels of human error: the lowest, a team's 0.5 %, is the best estimate of what is possible. "
    "Measured against an untrained person's 3 %, a bias of two points would look like none.",
)
def test_the_best_people_stand_for_what_is_possible():
    levels = {"person": 3, "doctor": 1, "experienced doctor": 0.7, "team": 0.5}
    bias = {who: gap_sizes(level, train=2.5)["avoidable_bias"] for who, level in levels.items()}
    assert max(bias, key=bias.__getitem__) == "team"
    assert bias["team"] == pytest.approx(2)
    assert gaps_that_matter(human=levels["team"], train=2.5) == ("avoidable_bias",)
    assert gaps_that_matter(human=levels["person"], train=2.5) == ()


@pytest.mark.golden(
    "S0",
    lines=(1780, 1801),
    says=("90%", "un 0.5%", "5/100 95%", "50/100 5%"),
    shows="What perfect work on dogs could win where 10 % are wrong: 0.5 points if 5 of 100 mistakes are dogs, "
    "leaving 9.5 %, and half of the error if 50 of 100 are.",
    right="9.5 % is left after the 5 of 100",
    why="A decimal point was lost: 10 % less 0.5 points.",
)
@pytest.mark.parametrize(("dogs", "left"), [(5, 9.5), (50, 5)])
def test_ceiling_of_an_improvement(dogs, left):
    # 1,000 examples of dev, 100 of them wrong; the first `dogs` mistakes are mended.
    y = np.zeros(1000, dtype=int)
    yhat = np.where(np.arange(1000) < 100, 1, 0)
    assert 100 * scores.error(y, yhat) == pytest.approx(10)
    yhat[:dogs] = 0
    assert 100 * scores.error(y, yhat) == pytest.approx(left)


def points_won(share):
    """What is won where 100 of 1,000 examples of dev are wrong, and the given percentage of them is mended."""
    y, yhat = np.zeros(1000, dtype=int), np.where(np.arange(1000) < 100, 1, 0)
    mended = yhat.copy()
    mended[:share] = 0
    return 100 * (scores.error(y, yhat) - scores.error(y, mended))


@pytest.mark.golden(
    "S0",
    lines=(1813, 1820),
    says="8%\t43%\t61%\t12%",
    shows="Shares of four tags among the mistakes, which sum to more than 100 % because a picture can bear several. "
    "At an error of 10 % blurry pictures and great cats could win 6.1 and 4.3 points, dogs 0.8: they come first.",
)
def test_tags_of_mistakes():
    share = {"dog": 8, "great cat": 43, "blurry": 61, "filtered": 12}
    assert sum(share.values()) > 100
    won = {tag: points_won(percent) for tag, percent in share.items()}
    assert won == pytest.approx({"dog": 0.8, "great cat": 4.3, "blurry": 6.1, "filtered": 1.2})
    assert sorted(won, key=won.__getitem__)[::-1][:2] == ["blurry", "great cat"]


@pytest.mark.golden(
    "S0",
    lines=(1831, 1838),
    says="8%\t43%\t61%\t6%",
    shows="Wrong labels are 6 % of the mistakes: to correct them would win 0.6 points of an error of 10 %, the least "
    "of all.",
)
def test_wrong_labels_among_the_mistakes():
    assert points_won(6) == pytest.approx(0.6)
    assert points_won(6) == min(points_won(percent) for percent in (8, 43, 61, 6))


@pytest.mark.golden(
    "S0",
    lines=(1871, 1877),
    says=("200mil", "10mil", "Opción 1", "Opción 2", "más 5mil"),
    shows="Of 200,000 pictures from the web and 10,000 from the application a random split leaves one in 21 of dev and "
    "test to the application; with 5,000 of them in train, dev and test hold no others.",
)
def test_two_ways_to_split_two_sources():
    shuffled, by_hand = two_sources(), two_sources(num_train=5000, num_dev=2500, num_test=2500)
    first = counts_by_split(make_split(shuffled, SplitOptions(), seed=0).table, shuffled)
    for app, web in (first["dev"], first["test"]):
        assert app / (app + web) == pytest.approx(1 / 21, abs=0.015)
    second = counts_by_split(make_split(by_hand, SplitOptions(train_dev_fraction=0), seed=0).table, by_hand)
    assert second == {"train": (5000, 200_000), "dev": (2500, 0), "test": (2500, 0)}


@pytest.mark.golden(
    "S0",
    lines=(1885, 1890),
    says=(r"$\approx 0\%$", "Training error 1%", "Dev error 10%"),
    shows="With people at 0, 1 % on train and 10 % on dev, the finding is variance, if both come from one "
    "distribution.",
)
def test_variance_of_nine_points():
    assert gaps_that_matter(human=0, train=1, dev=10) == ("variance",)
    assert gap_sizes(0, train=1, dev=10)["variance"] == pytest.approx(9)


@pytest.mark.golden(
    "S0",
    lines=(1905, 1908),
    says=("Training error\t1%\t1%", "Training-dev error\t9%\t1%", "Dev error\t10%\t1.5%", "Variance\tData mismatch"),
    shows="What a train-dev set tells: errors of 1, 9 and 10 % mean variance, and a second column data mismatch.",
    right="1 %, 1.5 % and 10 % for data mismatch",
    why="From 1 to 1.5 % is half a point, while the text speaks of a considerable error between train-dev and dev. A "
    "dev error of 10 %, as in the first column, after 1.5 % on train-dev would be one.",
)
def test_train_dev_tells_variance_from_mismatch():
    assert gaps_that_matter(train=1, train_dev=9, dev=10) == ("variance",)
    assert gaps_that_matter(train=1, train_dev=1.5, dev=10) == ("data_mismatch",)
    assert gaps_that_matter(train=1, train_dev=1, dev=1.5) == ()


@pytest.mark.golden(
    "S0",
    lines=(1914, 1919),
    says=("Human error\t0%", "Training error\t10%", "Training-dev error\t11.1", "Dev error\t12.4"),
    shows="Two columns of errors of people, on train, train-dev and dev: the first shows bias, the second bias and "
    "data mismatch.",
    right="0, 10, 11 and 12 % for bias; 0, 10, 11 and 20 % for bias and data mismatch",
    why="The percent signs of the first column were misread as decimals, which would make a variance of 1.1 and a "
    "mismatch of 1.3 points; of the second column only the names of the gaps are left.",
)
def test_bias_comes_first():
    assert gaps_that_matter(train=10, train_dev=11, dev=12) == ("avoidable_bias",)
    assert gaps_that_matter(train=10, train_dev=11, dev=20) == ("avoidable_bias", "data_mismatch")
    sizes = gap_sizes(0, train=10, train_dev=11.1, dev=12.4)
    assert sizes == pytest.approx({"avoidable_bias": 10, "variance": 1.1, "data_mismatch": 1.3})
