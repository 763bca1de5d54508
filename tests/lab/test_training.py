"""The small training that experiments share: its step, its seed, and nothing left behind."""

import numpy as np
import pytest
import torch

from rumbo.data.preprocess import fit_preprocess
from rumbo.lab.boundary import made_up
from rumbo.lab.training import train_classifier
from rumbo.tasks.trained import ModelSpec
from rumbo.training.options import ScheduleOptions
from rumbo.training.schedule import rate_factor


def weights(model="mlp", *, examples=60, **changes):
    train = made_up(0).take(np.arange(examples))
    preprocess = fit_preprocess(train, None, None, quantiles=False)
    settings = {"steps": 4, "rate": 0.01, "seed": 0, **changes}
    trained = train_classifier(train, preprocess, ModelSpec(name=model, options={}), **settings)
    return torch.cat([parameter.detach().flatten() for parameter in trained.task.model.parameters()])


def test_the_first_step_of_adam_has_the_size_of_the_scheduled_rate():
    """Logistic regression begins at 0; with one mini-batch there is one step."""
    factor = rate_factor(ScheduleOptions(), 0, 1, 1)
    found = weights("logistic_regression", examples=30, steps=1, rate=0.5)
    np.testing.assert_allclose(found.abs(), 0.5 * factor, rtol=1e-4)


def test_steps_are_rounded_up_to_epochs():
    assert torch.equal(weights(steps=3), weights(steps=4))
    assert not torch.equal(weights(steps=4), weights(steps=5))


def test_all_follows_from_the_seed_and_nothing_is_left_behind():
    torch.manual_seed(5)
    first, state = weights(), torch.get_rng_state()
    torch.manual_seed(5)
    assert torch.equal(state, torch.get_rng_state())
    torch.manual_seed(6)
    assert torch.equal(weights(), first)


@pytest.mark.parametrize("model", ["mlp", "logistic_regression"])
def test_another_seed_has_other_weights_and_another_order(model):
    """Logistic regression begins at 0 whatever the seed: only the order differs there."""
    assert not torch.equal(weights(model, seed=1), weights(model))
