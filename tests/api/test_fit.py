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


def test_accuracy_is_told_only_of_outputs_that_are_scores_of_classes():
    """One logit with a loss of one's own: the largest of one score is always class 0."""
    x, y = blobs()

    def loss(outputs, targets):
        return nn.functional.binary_cross_entropy_with_logits(outputs.flatten(), targets.float(), reduction="none")

    for network in (nn.Linear(2, 1), nn.Sequential(nn.Linear(2, 1), nn.Flatten(0))):
        history = rumbo.fit(network, x, (y > 0).long(), loss=loss, epochs=2, validation=0.25)
        assert "dev/accuracy" not in history.rows[0]


def test_a_batch_size_of_0_means_all_examples():
    x, y = blobs()
    steps = []
    rumbo.fit(nn.Linear(2, 3), x, y, epochs=1, batch_size=0, watch=lambda e: steps.append(type(e).__name__))
    assert steps.count("Stepped") == 1


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int16, np.int32, np.int64])
def test_whole_numbers_of_any_size_are_class_codes(kind):
    x, y = blobs()
    rumbo.fit(nn.Linear(2, 3), x, np.asarray(y).astype(kind), epochs=1)


def test_dev_of_unequal_lengths_is_refused():
    x, y = blobs()
    with pytest.raises(UsageError, match="one target each"):
        rumbo.fit(nn.Linear(2, 3), x, y, epochs=1, validation=(x, y[:-1]))


def test_batches_go_where_the_module_is(monkeypatch):
    seen = []
    monkeypatch.setattr("rumbo.api.fitting.fit_loop", lambda _task, data, *_: seen.append(data) or iter(()))
    x, y = blobs()
    rumbo.fit(nn.Linear(2, 3, device="meta"), x, y, validation=0.25)
    rumbo.fit(nn.Linear(2, 3), x, y, validation=(x, y))
    assert [(data.train.device, data.dev.device) for data in seen] == [("meta", "meta"), ("cpu", "cpu")]


class Keeps(nn.Module):
    """Makes a table in its first forward pass and keeps it."""

    def __init__(self):
        super().__init__()
        self.layer, self.table, self.sizes = nn.Linear(2, 3), None, []

    def forward(self, inputs):
        self.sizes.append(len(inputs))
        if self.table is None or len(self.table) < len(inputs):
            self.table = torch.ones(len(inputs), 1)
        return self.layer(inputs) * self.table[: len(inputs)]


@pytest.mark.parametrize("precision", ["auto", "fp32"])
def test_what_a_module_keeps_of_a_judgement_serves_training(precision, monkeypatch):
    monkeypatch.setattr("rumbo.api.fitting.cpu_flags", lambda: frozenset({"amx_bf16"}))
    x, y = blobs()
    module = Keeps()
    rumbo.fit(module, x, y, epochs=2, batch_size=8, validation=0.2, precision=precision)
    assert module.sizes[0] == (1 if precision == "auto" else 8)  # it is tried only where the answer depends on it
