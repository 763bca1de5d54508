"""Goals: what can be written, what is refused, and whom the tables of the notes put first."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rumbo import metrics
from rumbo.core.errors import UnknownName, UsageError
from rumbo.strategy.goal import Known, parse_goal, parse_measure, require
from rumbo.strategy.judging import Measured, RunTable, judge, requirement_sentence, value_of
from rumbo.strategy.ranking import rank

CATS = Known(task="classify", classes=("cat", "dog"), columns=("region", "size"))
ADULT = Known(task="classify", classes=("<=50K", ">50K"), columns=("sex",))
LABELS = Known(task="multilabel", classes=("wet", "cold"))
HOUSES = Known(task="regress", columns=("region",))


def run_of(name, truth, told, **more):
    """A run that is sure of what it told."""
    truth, told = np.asarray(truth), np.asarray(told)
    outputs = np.eye(max(truth.max(), told.max()) + 1)[told]
    more = {"weights": np.ones(len(truth)), "classes": ("cat", "dog")} | more
    return RunTable(name=name, ids=[f"{row}.png" for row in range(len(truth))], truth=truth, outputs=outputs, **more)


def with_share(name, share, *, num_items=1000, **more):
    """A run that is right on a share of the examples."""
    return run_of(
        name, np.zeros(num_items, int), (np.arange(num_items) >= round(share * num_items)).astype(int), **more
    )


def test_what_is_written_is_read_back():
    for text in ("f1_macro", "recall[cat]", "worst(precision[dog]@region)", "mean(accuracy@size)", "latency_ms"):
        assert parse_measure(f" {text} ", CATS).text == text
    for text in ("recall[cat]>=0.9", "error<0.05", "latency_ms<=100", "parameters<=61706", "mean(accuracy@size)>0.5"):
        assert require(text, CATS).text == text
    assert require(" recall[cat] >= 90% ", CATS).text == "recall[cat]>=0.9"
    assert parse_goal(None, [], CATS).to_dict() == {"goal": "accuracy", "require": []}
    assert parse_goal(None, ["mae<=1", "mae<=1.0"], HOUSES).to_dict() == {"goal": "rmse", "require": ["mae<=1"]}


def test_names_of_classes_may_look_like_operators():
    found = require("recall[>50K]>=0.5", ADULT)
    assert (found.measure.class_name, found.operator, found.bound) == (">50K", ">=", 0.5)
    assert require("precision[<=50K]<1", ADULT).measure.class_name == "<=50K"


REFUSED = {
    "accuracy": ("no requirement", "<=  >=  <  >"),
    "accuracy=0.9": ("no requirement",),
    "accuracy=>0.9": ("no requirement",),
    "accuracy==0.9": ("no requirement",),
    "accuracy>=": ("no requirement",),
    ">=0.9": ("no requirement",),
    "accuracy>=high": ("'high'", "a number"),
    "accuracy>=nan": ("'nan'", "a number"),
    "accuracy>=90": ("between 0 and 1", "90%"),
    "log_loss<=5%": ("no share",),
    "latency_ms<=0": ("above 0",),
    "acuracy>=0.9": ("'acuracy'", "accuracy"),
    "rmse<=3": ("'rmse'", "regress", "classify"),
    "recall>=0.9": ("recall[dog]", "cat, dog"),
    "recall[cats]>=0.9": ("'cats'", "cat"),
    "recal[cat]>=0.9": ("'recal'", "recall"),
    "mean(accuracy@regin)>=0.9": ("'regin'", "region"),
    "mean(latency_ms@region)>=0.9": ("latency_ms",),
    "worst(mean(accuracy@size)@region)>=0.9": ("mean(accuracy@size)",),
    "mean_cost<=1": ("--set costs=",),
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_requirement_is_refused(text):
    with pytest.raises(UsageError) as caught:
        require(text, CATS)
    for word in REFUSED[text]:
        assert word in str(caught.value)


def test_a_class_of_a_task_without_classes_is_refused():
    with pytest.raises(UsageError, match="has none"):
        require("recall[cat]>=0.9", HOUSES)
    with pytest.raises(UnknownName, match="nearest: wet"):
        require("recall[weet]>=0.9", LABELS)


@given(bound=st.floats(0, 1), value=st.floats(0, 1))
def test_a_requirement_is_met_or_missed_by_something(bound, value):
    for operator in ("<=", ">=", "<", ">"):
        found = require(f"accuracy{operator}{bound!r}", CATS)
        assert found.is_met(value) == (found.missed_by(value) is None)
        assert not found.is_met(np.nan)
        if abs(value - bound) > 1e-9:
            assert found.is_met(value) == {"<": value < bound, ">": value > bound}[operator[0]]
    assert require(f"accuracy>={bound!r}", CATS).is_met(bound)
    assert require(f"accuracy<={bound!r}", CATS).is_met(bound)
    assert not require(f"accuracy>{bound!r}", CATS).is_met(bound)
    assert not require(f"accuracy<{bound!r}", CATS).is_met(bound)


# The tables of the notes.


def cats_found(name, precision, recall):
    """Cats among others by their precision and recall: class 1 of two."""
    found, total = round(1900 * recall), 1900
    wrong = round(found * (1 - precision) / precision)
    truth = np.repeat([1, 1, 0, 0], [found, total - found, wrong, 2000])
    return run_of(name, truth, np.repeat([1, 0, 1, 0], [found, total - found, wrong, 2000]), classes=("other", "cat"))


def test_one_number_decides_between_precision_and_recall():
    known = Known(task="classify", classes=("other", "cat"))
    runs = [cats_found("B", 0.98, 0.85), cats_found("A", 0.95, 0.90)]
    found = rank(parse_goal("f1", [], known), runs)
    assert [place.name for place in found.comparison.ranking] == ["A", "B"]
    assert [round(100 * place.score, 1) for place in found.comparison.ranking] == [92.4, 91.0]
    assert not found.comparison.differences[0].is_noise
    best = {
        metric: rank(parse_goal(f"{metric}[cat]", [], known), runs).comparison.ranking[0].name
        for metric in ("precision", "recall", "f1")
    }
    assert best == {"precision": "B", "recall": "A", "f1": "A"}


REGIONS = {
    "A": (3, 7, 5, 9), "B": (5, 6, 5, 10), "C": (2, 3, 4, 5),
    "D": (5, 8, 7, 2), "E": (4, 5, 2, 4), "F": (7, 11, 8, 12),
}  # fmt: skip
SIZES = {"US": 100, "China": 300, "India": 200, "other": 400}


def in_regions(name):
    wrong = [
        np.arange(size) < size * percent // 100 for size, percent in zip(SIZES.values(), REGIONS[name], strict=True)
    ]
    region = np.repeat(list(SIZES), list(SIZES.values())).tolist()
    told = np.concatenate(wrong).astype(int)
    return run_of(name, np.zeros(len(told), int), told, columns={"region": region})


def test_errors_by_region_become_one_number_by_their_mean():
    runs = [in_regions(name) for name in REGIONS]
    ranking = rank(parse_goal("mean(error@region)", [], CATS), runs).comparison.ranking
    assert {place.name: 100 * place.score for place in ranking} == pytest.approx(
        {"A": 6, "B": 6.5, "C": 3.5, "D": 5.5, "E": 3.75, "F": 9.5}
    )
    assert [place.name for place in ranking] == ["C", "E", "D", "A", "B", "F"]
    assert all(place.interval[0] < place.score < place.interval[1] for place in ranking)
    worst = rank(parse_goal("worst(error@region)", [], CATS), runs).comparison.ranking
    assert [(place.name, round(100 * place.score)) for place in worst[:2]] == [("C", 5), ("E", 5)]
    assert value_of(parse_measure("worst(accuracy@region)", CATS), runs[0]) == pytest.approx(0.91)


def test_the_best_that_answers_in_time_comes_first():
    runs = [
        with_share(name, accuracy, measured={"latency_ms": Measured(value=latency)})
        for name, accuracy, latency in (("A", 0.90, 80), ("B", 0.92, 95), ("C", 0.95, 1500))
    ]
    found = rank(parse_goal("accuracy", ["latency_ms<=100"], CATS), runs)
    assert [(place.name, place.meets) for place in found.comparison.ranking] == [("B", True), ("A", True), ("C", False)]
    (check,) = found.checks["C"]
    assert (check.is_met, check.requirement.missed_by(check.value)) == (False, 1400)
    assert found.comparison.differences[1].value == pytest.approx(-0.03)
    plain = rank(parse_goal("accuracy", [], CATS), runs)
    assert [place.name for place in plain.comparison.ranking] == ["C", "B", "A"]
    fastest = rank(parse_goal("latency_ms", ["accuracy>=91%"], CATS), runs)
    assert [place.name for place in fastest.comparison.ranking] == ["B", "C", "A"]


def test_a_mistake_that_must_not_be_made_weighs_tenfold():
    truth = np.repeat([0, 1], [900, 100])  # class 1 must never be shown
    three, five = truth.copy(), truth.copy()
    three[[*range(20), *range(900, 910)]] = [1] * 20 + [0] * 10
    five[:50] = 1
    runs = [run_of("A", truth, three), run_of("B", truth, five)]
    assert [value_of(parse_measure("error", CATS), run) for run in runs] == [0.03, 0.05]
    weights = np.where(truth == 1, 10.0, 1.0)
    weighed = [run_of(run.name, truth, told, weights=weights) for run, told in zip(runs, (three, five), strict=True)]
    ranking = rank(parse_goal("error", [], CATS), weighed).comparison.ranking
    assert [(place.name, place.score) for place in ranking] == [
        ("B", pytest.approx(50 / 1900)),
        ("A", pytest.approx(120 / 1900)),
    ]
    costs = np.array([[0.0, 1.0], [10.0, 0.0]])
    priced = [run_of(run.name, truth, told, costs=costs) for run, told in zip(runs, (three, five), strict=True)]
    known = Known(task="classify", classes=("cat", "dog"), has_costs=True)
    ranking = rank(parse_goal("mean_cost", [], known), priced).comparison.ranking
    assert [(place.name, place.score) for place in ranking] == [
        ("B", pytest.approx(50 / 1000)),
        ("A", pytest.approx(120 / 1000)),
    ]


# Intervals and noise.


def test_any_metric_has_an_interval_and_paired_differences():
    generator = np.random.default_rng(0)
    truth = generator.integers(0, 2, 600)
    hard = generator.random(600) < 0.3
    good = np.where(hard & (generator.random(600) < 0.5), 1 - truth, truth)
    poor = np.where(hard & ((good != truth) | (generator.random(600) < 0.4)), 1 - truth, truth)
    for metric in ("f1_macro", "balanced_accuracy", "roc_auc", "f1[dog]", "precision[cat]", "recall[cat]", "accuracy"):
        runs = [run_of("poor", truth, poor), run_of("good", truth, good)]
        found = rank(parse_goal(metric, [], CATS), runs).comparison
        assert found.ranking[0].name == "good", metric
        low, high = found.ranking[0].interval
        assert low < found.ranking[0].score < high
        assert found.differences[0].interval[0] > 0, metric
        assert found.differences[0].is_paired == (metric != "precision[cat]" or True)
        assert rank(parse_goal(metric, [], CATS), [runs[1], run_of("same", truth, good)]).comparison.tied


def test_intervals_hold_the_truth_as_often_as_promised():
    held = 0
    for seed in range(60):
        generator = np.random.default_rng(seed)
        truth = generator.integers(0, 2, 150)
        told = np.where(generator.random(150) < 0.8, truth, 1 - truth)
        found = judge(parse_goal("f1_macro", [], CATS), run_of("a", truth, told))
        held += found.interval[0] <= 0.8 <= found.interval[1]
    assert held >= 52


@pytest.mark.parametrize(
    ("right", "sizes"), [((0.87,) * 4, (75, 45, 25, 15)), ((0.9, 0.87, 0.85, 0.7), (75, 45, 25, 15))]
)
def test_the_worst_of_slices_is_not_as_bad_as_it_looks(right, sizes):
    held, region = 0, np.repeat(list("abcd"), sizes).tolist()
    generator = np.random.default_rng(0)
    for _ in range(60):
        told = (generator.random(sum(sizes)) >= np.repeat(right, sizes)).astype(int)
        run = run_of("a", np.zeros(sum(sizes), int), told, columns={"region": region})
        low, high = judge(parse_goal("worst(accuracy@region)", [], CATS), run).interval
        held += low <= min(right) <= high
    assert held >= 53


def test_all_right_on_few_examples_is_not_certain():
    truth = np.arange(32) % 2
    assert judge(parse_goal("error", [], CATS), run_of("a", truth[:16], truth[:16])).interval == pytest.approx(
        (0, 0.194), abs=1e-3
    )
    for metric in ("recall[cat]", "precision[cat]"):  # 16 of the 32 are cats
        found = judge(parse_goal(metric, [f"{metric}>=0.9"], CATS), run_of("a", truth, truth))
        assert found.interval == pytest.approx((0.806, 1), abs=1e-3)
        assert found.meets
        assert not found.checks[0].is_certain
        assert "may be chance" in requirement_sentence(found.checks[0].to_dict())


def test_what_is_not_defined_is_missed_and_comes_last():
    nowhere = run_of("no dogs", np.zeros(20, int), np.zeros(20, int))
    found = judge(parse_goal("accuracy", ["recall[dog]>=0.5"], CATS), nowhere)
    assert not found.meets
    assert found.interval is not None
    told = found.checks[0].to_dict()
    assert (told["value"], told["interval"], told["met"]) == (None, None, False)
    assert "not defined" in requirement_sentence(told)
    other = run_of("dogs", np.arange(20) % 2, np.zeros(20, int))
    ranking = rank(parse_goal("recall[dog]", [], CATS), [nowhere, other])
    assert [place.name for place in ranking.comparison.ranking] == ["dogs", "no dogs"]
    assert ranking.comparison.differences[0].is_noise
    json.dumps(ranking.to_dict(), allow_nan=False)


def test_where_nobody_meets_all_there_is_a_ranking_all_the_same():
    runs = [with_share("poor", 0.6), with_share("good", 0.9)]
    found = rank(parse_goal("accuracy", ["accuracy>=0.95", "error<=0.2"], CATS), runs)
    assert [place.name for place in found.comparison.ranking] == ["good", "poor"]
    assert not found.any_meets
    told = found.to_dict()
    assert [[each["met"] for each in run["requirements"]] for run in told["ranking"]] == [[False, True], [False, False]]
    assert told["ranking"][1]["requirements"][1]["missed_by"] == pytest.approx(0.2)


def test_measured_rounds_have_the_interval_of_their_median():
    rounds = np.random.default_rng(0).gamma(40, 0.5, 12)
    quick = with_share("quick", 0.9, measured={"latency_ms": Measured(value=float(np.median(rounds)), rounds=rounds)})
    slow = with_share(
        "slow", 0.9, measured={"latency_ms": Measured(value=float(np.median(rounds)) + 9, rounds=rounds + 9)}
    )
    found = rank(parse_goal("latency_ms", ["latency_ms<=25"], CATS), [slow, quick]).comparison
    assert [place.name for place in found.ranking] == ["quick", "slow"]
    low, high = found.ranking[0].interval
    assert low < np.median(rounds) < high < low + 9
    assert not found.differences[0].is_noise
    same = rank(parse_goal("latency_ms", [], CATS), [quick, with_share("again", 0.9, measured=quick.measured)])
    assert same.comparison.tied == ("quick",)


def test_slices_without_examples_or_value_are_left_out():
    run = run_of("a", [0, 0, 0, 0], [0, 1, 0, 0], columns={"region": ["US", "US", None, "China"]})
    assert value_of(parse_measure("mean(accuracy@region)", CATS), run) == pytest.approx(0.75)
    weighed = run_of(
        "a",
        [0, 0, 0, 0],
        [0, 1, 0, 0],
        columns={"region": ["US", "US", None, "China"]},
        weights=np.array([1, 0, 1, 0.0]),
    )
    assert value_of(parse_measure("mean(accuracy@region)", CATS), weighed) == 1.0
    assert value_of(parse_measure("worst(recall[dog]@region)", CATS), run) != 0  # NaN: no dog anywhere


@given(seed=st.integers(0, 1000), count=st.integers(1, 4))
def test_weight_two_is_twice_the_example(seed, count):
    generator = np.random.default_rng(seed)
    truth, told = generator.integers(0, 2, 12), generator.integers(0, 2, 12)
    region = generator.choice(["US", "China"], 12).tolist()
    weights = np.ones(12)
    weights[:count] = 2
    rows = [*range(12), *range(count)]
    once = run_of("a", truth, told, weights=weights, columns={"region": region})
    twice = run_of("a", truth[rows], told[rows], columns={"region": [region[row] for row in rows]})
    for metric in ("accuracy", "f1_macro", "recall[cat]", "precision[dog]", "f1[dog]", "worst(accuracy@region)"):
        measure = parse_measure(metric, CATS)
        assert value_of(measure, once) == pytest.approx(value_of(measure, twice), nan_ok=True), metric


@pytest.mark.parametrize("name", metrics.for_task("multilabel"))
def test_labels_and_numbers_have_goals_too(name):
    truth = np.array([[1, 0], [0, np.nan], [1, 1], [0, 0]] * 10, dtype=float)
    outputs = np.random.default_rng(0).random((40, 2))
    run = RunTable(
        name="a",
        ids=list(map(str, range(40))),
        truth=truth,
        outputs=outputs,
        weights=np.ones(40),
        classes=("wet", "cold"),
    )
    assert value_of(parse_measure(name, LABELS), run) == metrics.score(name, truth, outputs)
    known = ~np.isnan(truth[:, 1])
    recall = ((outputs[:, 1] >= 0.5) & (truth[:, 1] == 1))[known].sum() / (truth[known, 1] == 1).sum()
    assert value_of(parse_measure("recall[cold]", LABELS), run) == pytest.approx(recall)
    houses = RunTable(
        name="b",
        ids=run.ids,
        truth=outputs[:, 0],
        outputs=outputs[:, 1],
        weights=np.ones(40),
        columns={"region": ["x"] * 40},
    )
    for metric in metrics.for_task("regress"):
        expected = metrics.score(metric, houses.truth, houses.outputs)
        assert value_of(parse_measure(metric, HOUSES), houses) == pytest.approx(expected)
        assert value_of(parse_measure(f"mean({metric}@region)", HOUSES), houses) == pytest.approx(expected)
