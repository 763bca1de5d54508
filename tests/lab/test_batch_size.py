"""Batch size: noise has its law, training is that of the equations, and times are only told, never relied upon."""

import numpy as np
import pytest

from rumbo.lab import batch_size
from rumbo.lab.batch_size import NUM_BATCHES, SIZES, BatchSize
from rumbo.lab.digits import NUM_TRAIN
from rumbo.reference import descent, network

QUICK = {"width": 4, "epochs": 2}


@pytest.fixture(scope="module")
def quick():
    return BatchSize(**QUICK).run(None)


def test_steps_an_epoch_are_the_examples_by_the_size(quick):
    assert [row[:2] for row in quick.rows] == [(1, 1200), (8, 150), (64, 19), (512, 3), (1200, 1)]


def test_noise_falls_as_drawing_without_putting_back_says():
    """E |g_B - g|^2 = S^2 / B (N - B) / (N - 1): S^2 is the mean over examples of |g_1 - g|^2, here of all of them."""
    chosen = BatchSize()
    kind, layers, X, Y = chosen._start()
    everything = chosen._gradient(kind, layers, X, Y)
    each = np.array([chosen._gradient(kind, layers, X[:, [i]], Y[:, [i]]) for i in range(NUM_TRAIN)])
    np.testing.assert_allclose(each.mean(axis=0), everything, atol=1e-12)
    spread = np.mean(((each - everything) ** 2).sum(axis=1)) / (everything @ everything)
    for size in SIZES[:-1]:
        wanted = spread / size * (NUM_TRAIN - size) / (NUM_TRAIN - 1)
        # 30 single examples tell the mean of their squares to about a quarter; larger mini-batches, which are more
        # alike, to a tenth.
        assert chosen._noise(size) ** 2 == pytest.approx(wanted, rel=3 / NUM_BATCHES**0.5 if size == 1 else 0.2)
    assert chosen._noise(NUM_TRAIN) < 1e-12


def test_all_begin_with_the_same_weights(quick):
    costs = {line.y[0] for line in quick.panels[0].lines}
    assert len(costs) == 1
    other = BatchSize(**QUICK, seed=1).run(None)
    assert other.panels[0].lines[0].y[0] not in costs


def test_training_with_all_is_gradient_descent():
    chosen = BatchSize(width=4, epochs=3, rate=0.2)
    kind, layers, X, Y = chosen._start()
    masks = network.no_dropout(layers, NUM_TRAIN)
    wanted = [network.cost(kind, layers, X, Y, masks)]
    for _ in range(3):
        layers = network.descend(layers, network.gradients(kind, layers, X, Y, masks), 0.2)
        wanted.append(network.cost(kind, layers, X, Y, masks))
    np.testing.assert_allclose(chosen._train(NUM_TRAIN).costs, wanted, rtol=1e-12)
    assert wanted[-1] < wanted[0]


def test_an_epoch_sees_every_example_once(monkeypatch):
    seen = []

    def watched(X, Y, size, generator):
        for X_t, Y_t in descent_of(X, Y, size, generator):
            seen.append(X_t.shape[1])
            yield X_t, Y_t

    descent_of = descent.mini_batches
    monkeypatch.setattr(batch_size.descent, "mini_batches", watched)
    BatchSize(**QUICK)._train(512)
    assert seen == [512, 512, 176] * 2


def test_orders_are_those_of_the_seed():
    first, again = (BatchSize(**QUICK)._train(64).costs.tolist() for _ in range(2))
    assert first == again
    assert BatchSize(**QUICK, seed=1)._train(64).costs.tolist() != first


def test_times_add_up_and_are_in_the_table(quick):
    by_epoch, by_time, _ = quick.panels
    for row, line, same in zip(quick.rows, by_time.lines, by_epoch.lines, strict=True):
        assert line.x[0] > 0
        assert (np.diff(line.x) > 0).all()
        assert row[2] == pytest.approx(1e3 * line.x[-1] / 2)
        assert line.y.tolist() == same.y[1:].tolist()
        assert row[4] == line.y[-1]


def test_single_examples_take_longer_than_all_at_once(quick):
    """1,200 steps against one of the same arithmetic: some 60 times as long, and never as short."""
    assert quick.rows[0][2] > 3 * quick.rows[-1][2]


def test_the_finding_is_that_of_the_table(quick):
    costs = {row[0]: row[4] for row in quick.rows}
    best = min(costs, key=lambda size: costs[size])
    assert f"the cost is least with {best} examples in a step: {costs[best]:.3g}; with all it is" in quick.finding
    assert f"with all it is {costs[1200]:.3g}." in quick.finding
    ratio = quick.rows[0][2] / quick.rows[-1][2]
    assert f"takes {ratio:.0f} times as long" in quick.finding


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        ([5, 4, 3, 2, 1], "the cost is least with all of them in a step: 1."),
        ([np.nan, 4, 3, 2, 5], "least with 512 examples in a step: 2; with all it is 5."),
        ([5, 4, 3, 2, np.inf], "least with 512 examples in a step: 2; with all it is not finite."),
        ([np.nan] * 5, "The rate 0.1 is too large: no cost is finite at the end."),
    ],
)
def test_every_branch_of_the_finding(ends, words):
    found = BatchSize()._finding(np.array([6.0, 5, 4, 3, 2]), np.array(ends, dtype=float))
    assert found.startswith("An epoch of single examples takes 3 times as long as one of 1200 at once. ")
    assert found.endswith(words)


def test_a_rate_that_is_too_large_gives_empty_cells_and_no_warning():
    result = BatchSize(epochs=1, rate=100.0).run(None)
    assert None in [row[4] for row in result.rows]
    assert "nan" not in result.finding


def test_the_dashed_line_is_one_over_the_root_of_the_size(quick):
    measured, dashed = quick.panels[2].lines
    np.testing.assert_allclose(dashed.y, measured.y[0] / np.sqrt([1, 8, 64, 512]))
    assert measured.y.tolist() == [row[3] for row in quick.rows[:-1]]
