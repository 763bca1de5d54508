"""Suspect labels: laws, planted noise, and cleanlab's figures on the same predictions."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given as examples
from hypothesis import strategies as st
from planted_labels import Planted, planted_sets
from sklearn.metrics import average_precision_score

from rumbo.core.errors import UsageError
from rumbo.strategy import confident, suspects
from rumbo.strategy.label_errors import reviewed_rate, split_error
from rumbo.strategy.label_flows import calibrated, read_flows, transition, true_counts
from rumbo.strategy.label_noise import label_noise

GOLDEN = json.loads((Path(__file__).parent / "cleanlab.json").read_text(encoding="utf-8"))["cases"]
NAMES = tuple("abcdefghij")
WITHIN = 0.01


@pytest.fixture(scope="module")
def cases(shared_data: Path) -> list[Planted]:
    return list(planted_sets(shared_data))


def judged(case: Planted):
    judgements, rare = suspects.judge_classes(
        case.given, case.probabilities, NAMES[: case.probabilities.shape[1]], fewest=5
    )
    assert rare == ()
    flows = suspects.flows_of(judgements)
    return judgements, flows, suspects.noise_of(judgements, flows)


def precision_of(case: Planted, scores: np.ndarray) -> float:
    return float(average_precision_score(case.wrong, 1 - scores))


# Beside cleanlab, on predictions of digits, Fashion-MNIST and Adult with 5, 10 and 20 % of noise.


def test_the_stored_figures_are_of_these_predictions(cases):
    assert [(c["set"], c["kind"], c["rate"]) for c in GOLDEN] == [(c.name, c.kind, c.rate) for c in cases]
    for golden, case in zip(GOLDEN, cases, strict=True):
        own = case.probabilities[np.arange(len(case.given)), case.given].mean()
        assert own == pytest.approx(golden["self_confidence_mean"], abs=1e-6)


@pytest.mark.parametrize("score", ["self_confidence", "normalized_margin"])
def test_scores_of_confident_learning_rank_as_cleanlab_does(cases, score):
    for golden, case in zip(GOLDEN, cases, strict=True):
        found = precision_of(case, confident.label_scores(case.probabilities, case.given, score))
        assert found == pytest.approx(golden["average_precision"][score], abs=1e-4)


def test_the_usual_ranking_is_never_worse_than_cleanlab_and_better_where_noise_is_systematic(cases):
    gains = {"random": [], "systematic": []}
    for golden, case in zip(GOLDEN, cases, strict=True):
        judgements, flows, noise = judged(case)
        found = suspects.find_suspects(judgements, noise, flows)
        scores = np.empty(len(case.given))
        scores[found.rows] = found.scores
        gain = precision_of(case, scores) - golden["average_precision"]["self_confidence"]
        assert gain >= -WITHIN, (case.name, case.kind, case.rate)
        gains["random" if case.kind == "random" else "systematic"].append(gain)
    assert np.mean(gains["systematic"]) > 0.15


@pytest.mark.parametrize("selection", ["noise_rate", "class"])
def test_selections_of_confident_learning_agree_with_cleanlab(cases, selection):
    """They round and break ties differently; what is selected is as large and as right."""
    for golden, case in zip(GOLDEN, cases, strict=True):
        chosen = confident.select_suspects(case.probabilities, case.given, selection)
        wanted = golden["selected"][selection]
        if selection == "class" and case.name == "adult":
            continue  # cleanlab takes back those whose label is the most probable class
        assert chosen.sum() == pytest.approx(wanted["count"], rel=0.1), (case.name, case.kind, case.rate)
        right, theirs = (chosen & case.wrong).sum() / chosen.sum(), wanted["wrong"] / wanted["count"]
        assert right == pytest.approx(theirs, abs=0.05), (case.name, case.kind, case.rate)


# What is said of the noise.


def test_planted_noise_is_counted(cases):
    """Within 2 points for a model of 95 %, 3.7 for two classes at 85 %, 7 for one that is right on 77 %."""
    for case in cases:
        noise = judged(case)[2]
        off = {"digits": 0.02, "adult": 0.037, "fashion": 0.07}[case.name]
        assert noise.rate == pytest.approx(case.wrong.mean(), abs=off), (case.name, case.kind, case.rate)


def test_the_kind_of_noise_is_told(cases):
    for case in cases:
        kind = judged(case)[2].kind
        if case.kind == "random":
            assert kind in ("random", "undecided"), (case.name, case.rate)
        elif case.name != "adult" or case.rate > 0.05:
            assert kind == "systematic", (case.name, case.kind, case.rate)
    assert [judged(case)[2].kind for case in cases if (case.name, case.kind) == ("digits", "random")] == ["random"] * 3


def test_the_pairs_that_were_planted_are_named(cases):
    for case in cases:
        if case.name == "digits" and case.kind == "three pairs":
            pairs = {(pair.true, pair.given) for pair in judged(case)[2].pairs if pair.is_systematic}
            assert pairs == {("g", "a"), ("e", "c"), ("j", "h")}


def test_the_error_is_cut_in_two(cases):
    """What wrong labels make of the error, and what it would be without them, beside what was planted."""
    for case in cases:
        if case.name != "digits":
            continue
        judgements, flows, _ = judged(case)
        found = suspects.error_of(judgements, flows)
        answers = case.probabilities.argmax(axis=1)
        assert found.error == pytest.approx((answers != case.given).mean())
        assert found.label_error + found.model_error == pytest.approx(found.error)
        assert found.label_error == pytest.approx((case.wrong & (answers != case.given)).mean(), abs=0.018)
        assert found.true_error == pytest.approx((answers != case.true).mean(), abs=0.021)
        low, high = found.label_interval
        assert low <= found.label_error <= high
        assert 0 < found.share < 1


def test_a_model_that_is_perfect_beside_clean_labels_has_no_suspects():
    truth = np.arange(300) % 3
    perfect = np.eye(3)[truth]
    judgements, _ = suspects.judge_classes(truth, perfect, NAMES[:3])
    flows = suspects.flows_of(judgements)
    noise = suspects.noise_of(judgements, flows)
    assert (noise.rate, noise.kind, noise.pairs) == (0.0, "undecided", ())  # 300 labels: up to 1.3 % may be wrong
    assert noise.interval[0] == 0 < noise.interval[1] < 0.05
    for selection in ("posterior", "noise_rate", "class", "confident_joint"):
        found = suspects.find_suspects(judgements, noise, flows, selection=selection)
        assert not found.is_suspect.any()
    error = suspects.error_of(judgements, flows)
    assert (error.error, error.label_error, error.true_error, error.share) == (0.0, 0.0, 0.0, 0.0)


def test_enough_clean_labels_are_said_to_be_clean():
    truth = np.arange(3000) % 3
    judgements, _ = suspects.judge_classes(truth, np.eye(3)[truth], NAMES[:3])
    assert suspects.noise_of(judgements, suspects.flows_of(judgements)).kind == "none"


def test_a_matrix_that_was_planted_is_read_off():
    """A model that knows the noise: half of the a are labelled b, a tenth of the c are labelled a."""
    generator = np.random.default_rng(0)
    matrix = np.array([[0.5, 0.5, 0.0], [0.0, 1.0, 0.0], [0.1, 0.0, 0.9]])
    truth = generator.integers(0, 3, 6000)
    given = np.array([generator.choice(3, p=matrix[code]) for code in truth])
    belief = 0.94 * np.eye(3)[truth] + 0.02
    flows = read_flows(belief @ matrix + 1e-3 * generator.random((6000, 3)), given)
    taken = flows.trials > 0
    np.testing.assert_allclose(transition(flows.counts)[taken], matrix[taken], atol=0.03)


def test_counts_of_true_classes_explain_those_of_given_labels():
    matrix = np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.05, 0.05, 0.9]])
    hidden = np.array([[500.0], [300.0], [200.0]])
    np.testing.assert_allclose(true_counts(matrix, matrix.T @ hidden), hidden, rtol=0.02)


def test_error_of_known_parts():
    """1,000 examples, 100 wrong labels at random over two classes, 5 % wrong answers: all of it is found."""
    generator = np.random.default_rng(1)
    truth = generator.integers(0, 2, 20_000)
    given = np.where(generator.random(20_000) < 0.1, 1 - truth, truth)
    answers = np.where(generator.random(20_000) < 0.05, 1 - truth, truth)
    sure = np.eye(2)[truth] * 0.98 + 0.01
    flows = [read_flows(sure, given)]
    found = split_error([answers], [given], flows)
    assert found.label_error == pytest.approx(((given != truth) & (answers != given)).mean(), abs=0.005)
    assert found.true_error == pytest.approx((answers != truth).mean(), abs=0.005)
    assert found.true_interval[0] < 0.05 < found.true_interval[1]


def test_probabilities_that_are_too_sure_become_as_sure_as_they_may_be():
    generator = np.random.default_rng(0)
    right = generator.random(4000) < 0.7
    given = np.where(right, 0, 1)
    sure = np.tile([0.999, 0.001], (4000, 1))
    np.testing.assert_allclose(calibrated(sure, given)[:, 0], right.mean(), atol=1e-3)


def test_a_review_counts_strata_by_their_size():
    rate, (low, high) = reviewed_rate([(100, 50, 25), (900, 90, 9)])
    assert rate == pytest.approx((50 + 90) / 1000)
    assert low < rate < high
    assert reviewed_rate([(10, 10, 3)]) == (0.3, (0.3, 0.3))  # all was looked at


# Yes/no labels, with gaps.


def many_labels(flip: float, seed: int = 0):
    generator = np.random.default_rng(seed)
    truth = (generator.random((4000, 3)) < [0.5, 0.3, 0.6]).astype(float)
    yes = np.clip(0.9 * truth + 0.05 + 0.03 * generator.standard_normal(truth.shape), 0.01, 0.99)
    given = truth.copy()
    hits = (generator.random(4000) < flip) & (truth[:, 1] == 1)
    given[hits, 1] = 0
    given[generator.random(given.shape) < 0.2] = np.nan
    return truth, given, yes


def test_yes_no_labels_with_gaps():
    truth, given, yes = many_labels(0.2)
    judgements, rare = suspects.judge_labels(given, yes, ["cat", "dog", "owl"], fewest=5)
    assert rare == ()
    flows = suspects.flows_of(judgements)
    noise = suspects.noise_of(judgements, flows)
    wrong = (given != truth) & ~np.isnan(given)
    assert noise.num_items == (~np.isnan(given)).sum()
    assert noise.rate == pytest.approx(wrong.sum() / noise.num_items, abs=0.005)
    assert noise.kind == "systematic"
    assert noise.matrix is None
    (pair,) = [pair for pair in noise.pairs if pair.is_systematic]
    assert (pair.true, pair.given) == ("dog=1", "dog=0")
    found = suspects.find_suspects(judgements, noise, flows)
    met = wrong[found.rows, found.labels]
    assert met[found.is_suspect].all()
    assert met.sum() == found.is_suspect.sum()
    assert not np.isnan(given[found.rows, found.labels]).any()


def test_a_label_that_nobody_says_yes_to_is_left_out():
    _, given, yes = many_labels(0.0)
    given[:, 0] = 0
    judgements, rare = suspects.judge_labels(given, yes, ["cat", "dog", "owl"], fewest=5)
    assert rare == ("cat",)
    assert [each.name for each in judgements] == ["dog", "owl"]


# Laws.


def noisy(seed: int, size: int = 120, k: int = 4):
    generator = np.random.default_rng(seed)
    truth = np.concatenate([np.arange(k).repeat(2), generator.integers(0, k, size - 2 * k)])
    scores = generator.standard_normal((size, k)) + 2.5 * np.eye(k)[truth]
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    given = np.where(generator.random(size) < 0.15, generator.integers(0, k, size), truth)
    given[: 2 * k] = truth[: 2 * k]
    return given, probabilities


def found_for(given, probabilities, names):
    judgements, _ = suspects.judge_classes(given, probabilities, names)
    flows = suspects.flows_of(judgements)
    noise = suspects.noise_of(judgements, flows)
    return noise, suspects.find_suspects(judgements, noise, flows)


@examples(st.integers(0, 10_000))
def test_the_order_of_examples_does_not_matter(seed):
    given, probabilities = noisy(seed)
    order = np.random.default_rng(seed + 1).permutation(len(given))
    noise, found = found_for(given, probabilities, NAMES[:4])
    other_noise, other = found_for(given[order], probabilities[order], NAMES[:4])
    assert other_noise.rate == pytest.approx(noise.rate)
    np.testing.assert_allclose(np.sort(other.scores), np.sort(found.scores), rtol=1e-6)
    assert set(order[other.rows[other.is_suspect]]) == set(found.rows[found.is_suspect])


@examples(st.integers(0, 10_000))
def test_the_order_of_classes_does_not_matter(seed):
    given, probabilities = noisy(seed)
    order = np.random.default_rng(seed + 1).permutation(4)
    place = np.argsort(order)
    noise, found = found_for(given, probabilities, NAMES[:4])
    other_noise, other = found_for(place[given], probabilities[:, order], [NAMES[code] for code in order])
    assert other_noise.rate == pytest.approx(noise.rate)
    straight, shuffled = np.argsort(found.rows), np.argsort(other.rows)
    np.testing.assert_allclose(other.scores[shuffled], found.scores[straight], rtol=1e-6)
    np.testing.assert_array_equal(order[other.suggested[shuffled]], found.suggested[straight])


@examples(st.integers(0, 10_000))
def test_numbers_are_shares_and_agree_with_each_other(seed):
    given, probabilities = noisy(seed)
    noise, found = found_for(given, probabilities, NAMES[:4])
    assert 0 <= noise.interval[0] <= noise.rate <= noise.interval[1] <= 1
    assert len(found) == len(given)
    assert ((found.scores >= 0) & (found.scores <= 1)).all()
    assert (found.suggested != found.given).all()
    assert sorted(found.rows.tolist()) == list(range(len(given)))
    assert (np.diff(found.scores[~found.is_suspect]) >= 0).all()
    np.testing.assert_allclose(np.sum(noise.matrix, axis=1), 1)
    assert sum(pair.num_items for pair in noise.pairs) == pytest.approx(noise.rate * len(given), abs=1e-6)
    joint = confident.joint_of(probabilities, given)
    np.testing.assert_allclose(joint.sum(axis=1) * len(given), np.bincount(given, minlength=4))


@examples(st.integers(0, 10_000))
def test_a_label_that_is_less_believed_is_more_suspicious(seed):
    """Of two examples with one label, under uniform noise, the one with the lower probability comes first."""
    given, probabilities = noisy(seed)
    chances, _ = suspects.chance_right(probabilities, given, np.full((4, 4), 0.02) + 0.92 * np.eye(4))
    own = probabilities[np.arange(len(given)), given]
    for label in range(4):
        rows = np.flatnonzero(given == label)
        assert np.corrcoef(np.argsort(np.argsort(own[rows])), np.argsort(np.argsort(chances[rows])))[0, 1] > 0.9


def test_records_are_plain():
    given, probabilities = noisy(3, size=400)
    noise, _ = found_for(given, probabilities, NAMES[:4])
    judgements, _ = suspects.judge_classes(given, probabilities, NAMES[:4])
    error = suspects.error_of(judgements, suspects.flows_of(judgements))
    assert json.loads(json.dumps([noise.to_dict(), error.to_dict()], allow_nan=False))


# Bad input.


def test_a_class_with_two_examples_is_left_out():
    given, probabilities = noisy(0)
    given[given == 3] = 0
    given[[50, 60]] = 3
    judgements, rare = suspects.judge_classes(given, probabilities, NAMES[:4], fewest=5)
    assert rare == ("d",)
    assert judgements[0].classes == ("a", "b", "c")
    assert not set(judgements[0].rows) & {50, 60}
    np.testing.assert_allclose(judgements[0].probabilities.sum(axis=1), 1)


@pytest.mark.parametrize(
    ("given", "probabilities", "says"),
    [
        (np.zeros(9, int), np.full((9, 2), 0.5), "two classes or more"),
        (np.arange(8) % 2, np.full((9, 2), 0.5), "shape"),
        (np.arange(8) % 2, np.full((8, 2), np.nan), "finite"),
        (np.arange(8) % 2, np.full((8, 2), 0.9), "sum to 1"),
    ],
)
def test_what_cannot_be_judged_is_refused(given, probabilities, says):
    with pytest.raises(UsageError, match=says):
        suspects.judge_classes(given, probabilities, ["a", "b"])


def test_no_yes_no_label_that_is_known_enough_is_refused():
    with pytest.raises(UsageError, match="no label is known"):
        suspects.judge_labels(np.full((5, 2), np.nan), np.full((5, 2), 0.5), ["a", "b"])


def test_too_few_wrong_labels_decide_nothing():
    given, probabilities = noisy(0, size=60)
    judgements, _ = suspects.judge_classes(given[:30], probabilities[:30], NAMES[:4])
    assert label_noise(suspects.flows_of(judgements), NAMES[:4]).kind == "undecided"
