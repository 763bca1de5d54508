"""Rates: the costs are those of the equations, words follow from costs, and the finding from words."""

import numpy as np
import pytest

from rumbo.core.errors import OptionError
from rumbo.core.seeds import rng
from rumbo.lab.digits import digits
from rumbo.lab.learning_rates import LearningRates

QUICK = {"num_rates": 3, "width": 8, "epochs": 2}


def by_hand(chosen, rate):
    """The same training written out: ReLU, softmax, cross-entropy, mini-batches in the order of `descent`."""
    (X, Y), (X_dev, Y_dev) = digits(chosen.seed)
    generator = rng(chosen.seed, "learning_rates")
    W1, W2 = (generator.normal(size=size) * (2 / size[1]) ** 0.5 for size in ((chosen.width, 64), (10, chosen.width)))
    b1, b2 = np.zeros((chosen.width, 1)), np.zeros((10, 1))

    def probabilities(X):
        Z = W2 @ np.maximum(W1 @ X + b1, 0) + b2
        raised = np.exp(Z - Z.max(axis=0))
        return raised / raised.sum(axis=0)

    def cost():
        return -np.log(probabilities(X)[Y == 1]).mean()

    costs = [cost()]
    for _ in range(chosen.epochs):
        order = generator.permutation(X.shape[1])
        for start in range(0, len(order), chosen.batch_size):
            rows = order[start : start + chosen.batch_size]
            A1 = np.maximum(W1 @ X[:, rows] + b1, 0)
            dZ2 = (probabilities(X[:, rows]) - Y[:, rows]) / len(rows)
            dZ1 = (W2.T @ dZ2) * (A1 > 0)
            W2, b2 = W2 - rate * dZ2 @ A1.T, b2 - rate * dZ2.sum(axis=1, keepdims=True)
            W1, b1 = W1 - rate * dZ1 @ X[:, rows].T, b1 - rate * dZ1.sum(axis=1, keepdims=True)
        costs.append(cost())
    return costs, (probabilities(X_dev).argmax(axis=0) == Y_dev.argmax(axis=0)).mean()


def test_costs_are_those_of_gradient_descent_written_out():
    chosen = LearningRates(width=6, epochs=2, batch_size=100)
    costs, score = chosen._train(0.2)
    wanted, score_by_hand = by_hand(chosen, 0.2)
    np.testing.assert_allclose(costs, wanted, rtol=1e-9)
    assert score == pytest.approx(score_by_hand)


def test_rates_stand_at_equal_ratios_and_begin_alike():
    result = LearningRates(**{**QUICK, "num_rates": 5}, smallest=0.01, largest=1.0).run(None)
    rates, first = np.array([row[:2] for row in result.rows]).T
    np.testing.assert_allclose(rates, [0.01, 10**-1.5, 0.1, 10**-0.5, 1.0])
    assert len(set(first)) == 1
    assert result.rows[3] == LearningRates(**QUICK, smallest=0.1, largest=1.0).run(None).rows[1]


def test_too_small_stable_and_too_large_are_found():
    result = LearningRates(smallest=1e-4, largest=1e3, num_rates=8, epochs=4).run(None)
    words = [row[4] for row in result.rows]
    assert words == sorted(words, key=["too small", "stable", "too large"].index)
    assert set(words) == {"too small", "stable", "too large"}
    for _, first, last, _, word in result.rows:
        if word == "stable":
            assert last < first
    last = [row[2] for row in result.rows if row[4] == "stable"]
    assert max(last) <= 3 * min(last)


@pytest.mark.parametrize(
    ("end", "word"), [(0.1, "stable"), (0.3, "stable"), (0.31, "too small"), (2.0, "too large"), (np.inf, "too large")]
)
def test_words_below_the_best_rate(end, word):
    rates, ends = np.array([0.01, 0.1]), np.array([end, 0.1])
    assert LearningRates()._word(0.01, end, 2.0, rates, ends) == word


def test_words_above_the_best_rate():
    rates, ends = np.array([0.1, 1.0]), np.array([0.1, 0.5])
    assert LearningRates()._word(1.0, 0.5, 2.0, rates, ends) == "too large"


@pytest.mark.parametrize(("end", "word"), [(1.79, "stable"), (1.81, "too small"), (2.0, "too large")])
def test_a_cost_that_hardly_falls_is_none_of_a_stable_rate(end, word):
    rates, ends = np.array([0.01, 0.1]), np.array([1.95, end])
    assert LearningRates()._word(0.1, end, 2.0, rates, ends) == word


def test_when_the_cost_hardly_moves_all_rates_are_too_small():
    result = LearningRates(smallest=1e-6, largest=1e-5, num_rates=3, epochs=1, width=4).run(None)
    assert [row[4] for row in result.rows] == ["too small"] * 3
    assert result.finding == "None of the 3 rates lowers the cost by a tenth: all are too small."


def test_when_some_are_too_small_and_others_too_large_none_is_stable(monkeypatch):
    costs = {0.001: [2.0, 1.95, 1.9], 0.1: [2.0, 2.1, 2.2], 10.0: [2.0, 3.0, 9.0]}
    monkeypatch.setattr(LearningRates, "_train", lambda self, rate: (np.array(costs[round(rate, 6)]), 0.1))
    result = LearningRates(**QUICK).run(None)
    assert [row[4] for row in result.rows] == ["too small", "too large", "too large"]
    assert result.finding == "None of the 3 rates lowers the cost by a tenth."


def test_the_finding_is_that_of_the_table():
    result = LearningRates(**{**QUICK, "num_rates": 6}, largest=1e4).run(None)
    best = max(result.rows, key=lambda row: row[3])
    stable = [row[0] for row in result.rows if row[4] == "stable"]
    assert f"Best on dev is the rate {best[0]:.3g} with an accuracy of {best[3]:.3f};" in result.finding
    assert f"{len(stable)} of 6 rates are stable, from {min(stable):.3g} to {max(stable):.3g}." in result.finding


def test_when_none_lowers_the_cost_that_is_said(monkeypatch):
    rising = np.array([2.0, 3.0, 4.0])
    monkeypatch.setattr(LearningRates, "_train", lambda self, rate: (rising if rate < 0.1 else rising / 0, 0.1))
    with np.errstate(all="ignore"):
        result = LearningRates(**QUICK).run(None)
    assert result.finding == "None of the 3 rates lowers the cost: all are too large."
    assert [row[4] for row in result.rows] == ["too large"] * 3
    assert [row[2] for row in result.rows] == [4.0, None, None]
    assert np.isfinite(result.panels[0].y_range).all()


def test_a_cost_that_overflows_is_an_empty_cell_and_no_warning():
    result = LearningRates(**QUICK, largest=1e6).run(None)
    assert result.rows[-1][2] is None
    assert result.rows[-1][4] == "too large"
    assert result.rows[0][2] is not None


def test_rates_the_wrong_way_around_are_refused():
    with pytest.raises(OptionError, match=r"smallest=1 must be below largest=0\.5"):
        LearningRates(smallest=1.0, largest=0.5).run(None)


def test_lines_are_the_costs_of_the_table():
    result = LearningRates(**QUICK).run(None)
    curves, ends = result.panels
    for line, row in zip(curves.lines, result.rows, strict=True):
        assert (line.y[0], line.y[-1]) == (row[1], row[2])
        assert line.x.tolist() == [0, 1, 2]
        assert float(line.name) == pytest.approx(row[0], rel=0.05)
    assert ends.lines[0].y.tolist() == [row[3] for row in result.rows]
