"""The loss that sees what mistakes cost: a float64 judge, its special cases, and what its least value prefers."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rumbo import losses
from rumbo.core.errors import UsageError
from rumbo.metrics.costs import checked_costs, mean_cost, usual_costs


def judged(logits, targets, costs, smoothing=0.0):
    """The formula, an example at a time, in float64."""
    found = []
    for row, y in zip(logits, targets, strict=True):
        log_p = row - row.max() - np.log(np.exp(row - row.max()).sum())
        saved = costs[y].max() - costs[y]
        total = saved.sum()
        toward = (1 - smoothing) * saved + smoothing * total / len(row)
        found.append(-(toward * log_p).sum())
    return np.array(found)


def random_costs(generator, k):
    return checked_costs(generator.integers(1, 9, (k, k)) * (1 - np.eye(k)))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_it_is_the_formula(smoothing):
    generator = np.random.default_rng(0)
    logits, targets, costs = (
        generator.normal(size=(50, 4)) * 5,
        generator.integers(0, 4, 50),
        random_costs(generator, 4),
    )
    found = losses.cost_sensitive_cross_entropy(
        torch.tensor(logits), torch.tensor(targets), costs=torch.tensor(costs), label_smoothing=smoothing
    )
    np.testing.assert_allclose(found, judged(logits, targets, costs, smoothing), rtol=1e-12)


def test_its_gradient_is_right():
    generator = np.random.default_rng(1)
    logits = torch.tensor(generator.normal(size=(6, 3)), requires_grad=True)
    targets, costs = torch.tensor([0, 1, 2, 0, 1, 2]), torch.tensor(random_costs(generator, 3))
    assert torch.autograd.gradcheck(
        lambda given: losses.cost_sensitive_cross_entropy(given, targets, costs=costs).sum(), (logits,)
    )


def test_the_usual_costs_make_the_cross_entropy():
    logits, targets = torch.randn(40, 5, generator=torch.Generator().manual_seed(0)), torch.arange(40) % 5
    ours = losses.cost_sensitive_cross_entropy(logits, targets, costs=torch.tensor(usual_costs(5)).float())
    torch.testing.assert_close(ours, losses.cross_entropy(logits, targets))


def test_costs_of_the_true_class_alone_are_weights_of_classes():
    logits, targets = torch.randn(40, 2, generator=torch.Generator().manual_seed(0)).double(), torch.arange(40) % 2
    ours = losses.cost_sensitive_cross_entropy(logits, targets, costs=torch.tensor([[0.0, 1], [10, 0]]).double())
    weighted = losses.cross_entropy(logits, targets, class_weights=torch.tensor([1.0, 10]).double())
    torch.testing.assert_close(ours, weighted)


@given(seed=st.integers(0, 10_000))
def test_its_least_value_prefers_the_cheapest_answer(seed):
    generator = np.random.default_rng(seed)
    k = int(generator.integers(2, 6))
    chances, costs = generator.dirichlet(np.ones(k)), random_costs(generator, k)
    toward = chances @ (costs.max(axis=1, keepdims=True) - costs)
    best = toward / toward.sum()  # where sum_c toward_c log p_c is largest
    expected = chances @ costs
    assert expected[best.argmax()] == pytest.approx(expected.min())
    every = torch.arange(k)

    def mean_loss(logits):
        found = losses.cost_sensitive_cross_entropy(torch.tensor(logits).expand(k, k), every, costs=torch.tensor(costs))
        return float(found @ torch.tensor(chances))

    least = mean_loss(np.log(best + 1e-300))
    for _ in range(5):
        assert mean_loss(np.log(best + 1e-300) + generator.normal(size=k)) >= least - 1e-9


def test_it_is_finite_far_out():
    logits = torch.tensor([[1e4, -1e4, 0.0]], requires_grad=True)
    loss = losses.cost_sensitive_cross_entropy(
        logits, torch.tensor([1]), costs=torch.tensor([[0.0, 1, 1], [5, 0, 1], [1, 1, 0]])
    )
    loss.sum().backward()
    assert loss.isfinite().all()
    assert logits.grad.isfinite().all()


def test_the_mean_cost_of_the_usual_costs_is_the_error():
    truth, told = np.array([0, 1, 2, 1]), np.eye(3)[[0, 2, 2, 0]]
    assert mean_cost(truth, told, usual_costs(3)) == 0.5
    assert mean_cost(truth, told, usual_costs(3), np.array([1.0, 3, 1, 0])) == 0.6
    costs = np.array([[0, 1, 1], [7, 0, 2], [1, 1, 0]])
    assert mean_cost(truth, told, costs) == (0 + 2 + 0 + 7) / 4


@pytest.mark.parametrize(
    ("costs", "word"),
    [
        ([[0, 1]], "1x2"),
        ([[0, -1], [1, 0]], "at least 0"),
        ([[0, np.inf], [1, 0]], "finite"),
        ([[0, np.nan], [1, 0]], "finite"),
        ([[2, 1], [1, 0]], "right answer costs more"),
        ([[0, 0], [3, 3]], "costs the same"),
    ],
)
def test_costs_that_mean_nothing_are_refused(costs, word):
    with pytest.raises(UsageError, match=word):
        checked_costs(np.array(costs, dtype=float))
