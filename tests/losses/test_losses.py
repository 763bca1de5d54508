"""Losses against the textbook, their gradients against differences, and their values at the edge of float32."""

import numpy as np
import pytest
import torch

from rumbo import losses
from rumbo.reference import losses as reference

EXTREME = [-1e4, -100.0, 0.0, 100.0, 1e4]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def agree(fast, judge):
    np.testing.assert_allclose(fast.numpy(), judge, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("weighted", [False, True])
def test_cross_entropy_agrees_with_the_textbook(rng, smoothing, weighted):
    logits, codes = rng.normal(0, 3, (7, 4)), rng.integers(0, 4, 7)
    class_weights = rng.uniform(0.2, 3, 4) if weighted else None
    targets = (1 - smoothing) * np.eye(4)[codes] + smoothing / 4
    fast = losses.cross_entropy(
        torch.tensor(logits),
        torch.tensor(codes),
        label_smoothing=smoothing,
        class_weights=None if class_weights is None else torch.tensor(class_weights),
    )
    agree(fast, reference.cross_entropy(logits.T, targets.T, class_weights))


@pytest.mark.parametrize("weight", [1.0, 3.5])
def test_binary_cross_entropy_agrees_with_the_textbook(rng, weight):
    logits, targets = rng.normal(0, 3, (5, 3)), rng.uniform(0, 1, (5, 3))
    targets[1, 2] = np.nan
    fast = losses.binary_cross_entropy(torch.tensor(logits), torch.tensor(targets), positive_weight=weight)
    agree(fast, reference.binary_cross_entropy(logits, targets, weight))


@pytest.mark.parametrize("name", ["squared_error", "absolute_error"])
def test_errors_agree_with_the_textbook(rng, name):
    predictions, targets = rng.normal(size=(2, 9))
    fast = getattr(losses, name)(torch.tensor(predictions), torch.tensor(targets))
    agree(fast, getattr(reference, name)(predictions, targets))


@pytest.mark.parametrize("delta", [0.1, 1.0, 5.0])
def test_huber_agrees_with_the_textbook(rng, delta):
    predictions, targets = rng.normal(0, 3, (2, 20))
    fast = losses.huber(torch.tensor(predictions), torch.tensor(targets), delta=delta)
    agree(fast, reference.huber(predictions, targets, delta))


def test_gradients_agree_with_differences(rng):
    logits = torch.tensor(rng.normal(size=(4, 3)), requires_grad=True)
    codes, labels = torch.tensor([0, 2, 1, 1]), torch.tensor(rng.uniform(size=(4, 3)))
    labels[0, 0] = torch.nan
    weights = torch.tensor([1.0, 2.0, 0.5], dtype=torch.float64)
    check = torch.autograd.gradcheck
    assert check(lambda z: losses.cross_entropy(z, codes, label_smoothing=0.1, class_weights=weights), logits)
    assert check(lambda z: losses.binary_cross_entropy(z, labels, positive_weight=2.0), logits)
    assert check(lambda z: losses.squared_error(z, torch.zeros_like(z)), logits)
    assert check(lambda z: losses.absolute_error(z, torch.zeros_like(z)), logits)
    assert check(lambda z: losses.huber(z, torch.zeros_like(z), delta=0.7), logits)


@pytest.mark.parametrize("logit", EXTREME)
@pytest.mark.parametrize("target", [0, 1])
def test_extreme_logits_stay_finite(logit, target):
    pair = torch.tensor([[0.0, logit]], requires_grad=True)
    single = torch.tensor([logit], requires_grad=True)
    per_item = losses.cross_entropy(pair, torch.tensor([target]))
    per_label = losses.binary_cross_entropy(single, torch.tensor([float(target)]))
    (per_item.sum() + per_label.sum()).backward()
    expected = max(0.0, -logit if target else logit) if abs(logit) >= 100 else np.log(2)
    for value in (per_item, per_label):
        np.testing.assert_allclose(value.item(), expected, rtol=1e-6, atol=1e-30)
    assert pair.grad is not None
    assert single.grad is not None
    assert pair.grad.isfinite().all()
    assert single.grad.isfinite().all()


def test_a_label_that_is_not_known_costs_nothing_and_teaches_nothing():
    logits = torch.tensor([0.3, 1e4, -2.0], requires_grad=True)
    per_label = losses.binary_cross_entropy(logits, torch.tensor([1.0, torch.nan, torch.nan]))
    per_label.sum().backward()
    assert per_label[1:].tolist() == [0.0, 0.0]
    assert logits.grad is not None
    assert logits.grad[1:].tolist() == [0.0, 0.0]
    assert logits.grad[0] != 0


def test_nothing_is_averaged():
    logits, codes = torch.randn(5, 3), torch.tensor([0, 1, 2, 0, 1])
    alone = torch.cat([losses.cross_entropy(logits[i : i + 1], codes[i : i + 1]) for i in range(5)])
    torch.testing.assert_close(losses.cross_entropy(logits, codes), alone)


def test_ranges():
    one = torch.zeros(1)
    with pytest.raises(ValueError, match="label_smoothing=1"):
        losses.cross_entropy(torch.zeros(1, 2), torch.zeros(1, dtype=torch.long), label_smoothing=1.0)
    with pytest.raises(ValueError, match="positive_weight=0"):
        losses.binary_cross_entropy(one, one, positive_weight=0.0)
    with pytest.raises(ValueError, match="delta=-1"):
        losses.huber(one, one, delta=-1.0)
    with pytest.raises(AttributeError, match="no attribute"):
        _ = losses.square_error
