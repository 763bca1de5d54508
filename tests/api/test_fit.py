"""`rumbo.fit` trains any module with the same loop."""

import numpy as np
import pytest
import torch
from torch import nn

import rumbo
from rumbo.core.errors import TrainingError, UsageError


def blobs(count=200):
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(count) % 3
    x = torch.randn(count, 2, generator=generator) + 4 * nn.functional.one_hot(y, 3)[:, :2]
    return x, y


def test_classes_are_learnt_and_the_history_tells():
    x, y = blobs()
    module = nn.Linear(2, 3)
    history = rumbo.fit(module, x, y, epochs=20, learning_rate=0.05, validation=0.2)
    assert history["dev/accuracy"][-1] > 0.9
    assert len(history.rows) == 20
    assert history.rows[0]["epoch"] == 1
    assert history.reason == "epochs"


def test_the_weights_of_the_best_epoch_come_back():
    x, y = blobs()
    module = nn.Linear(2, 3)
    history = rumbo.fit(module, x, y, epochs=15, optimizer="sgd", learning_rate=3.0, validation=(x[:50], y[:50]))
    with torch.no_grad():
        loss = nn.functional.cross_entropy(module(x[:50]), y[:50]).item()
    assert loss == pytest.approx(min(history["dev/loss"]), rel=1e-5)


def test_numpy_arrays_and_a_loss_of_ones_own():
    x = np.linspace(-1, 1, 80)[:, None]
    module = nn.Linear(1, 1)
    rumbo.fit(module, x, 3 * x, loss=lambda out, y: (out - y).abs(), epochs=80, optimizer="adam", learning_rate=0.05)
    assert module.weight.item() == pytest.approx(3, abs=0.1)


def test_the_same_seed_gives_the_same_weights():
    x, y = blobs()
    found = []
    for seed in (1, 1, 2):
        torch.manual_seed(0)
        module = nn.Sequential(nn.Linear(2, 8), nn.Dropout(0.5), nn.Linear(8, 3))
        rumbo.fit(module, x, y, epochs=2, seed=seed)
        found.append(module[0].weight.detach().clone())
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_unequal_lengths_are_refused():
    with pytest.raises(UsageError, match="x has 3 examples and y has 2"):
        rumbo.fit(nn.Linear(1, 1), torch.zeros(3, 1), torch.zeros(2, 1))


def test_patience_needs_validation():
    with pytest.raises(UsageError, match="validation"):
        rumbo.fit(nn.Linear(1, 1), torch.zeros(3, 1), torch.zeros(3, 1), patience=2)


def test_a_loss_that_explodes_is_stopped():
    x = torch.full((64, 1), 1e30)
    with pytest.raises(TrainingError, match="not finite"):
        rumbo.fit(nn.Linear(1, 1), x, x, epochs=3)
