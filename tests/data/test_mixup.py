"""Mixup and cutmix: shares add up, costs are blends, draws are a function of the seed."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rumbo.core.inputs import InputSpec
from rumbo.data.augmentation.mixup import mix
from rumbo.data.loader import Batch
from rumbo.tasks.classify import Classify


def batch(count=6, side=8):
    generator = torch.Generator().manual_seed(1)
    return Batch(
        images=torch.rand(count, 2, side, side, generator=generator),
        targets=torch.arange(count) % 3,
        weights=torch.rand(count, generator=generator) + 0.5,
        rows=np.arange(count),
    )


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**40), alpha=st.sampled_from([0.1, 0.4, 1.0, 8.0]), cuts=st.booleans())
def test_pixels_and_weights_are_shared_out_alike(seed, alpha, cuts):
    plain = batch()
    mixed = mix(plain, mixup=0 if cuts else alpha, cutmix=alpha if cuts else 0, seed=seed)
    share = float(mixed.weights[0] / plain.weights[0])
    assert -1e-6 <= share <= 1 + 1e-6
    torch.testing.assert_close(mixed.weights, plain.weights * share)
    # The partner of each picture, by its weight; all weights differ.
    others = mixed.partners.weights / max(1 - share, 1e-9)
    if 1 - share < 1e-4:
        return
    order = (others[:, None] - plain.weights[None, :]).abs().argmin(dim=1)
    assert sorted(order.tolist()) == list(range(6))
    assert torch.equal(mixed.partners.targets, plain.targets[order])
    if cuts:
        from_partner = (mixed.images == plain.images[order]).all(dim=1).float()
        own = (mixed.images == plain.images).all(dim=1).float()
        assert ((from_partner + own) >= 1).all(), "every pixel is one of the two"
        for row in (row for row in range(6) if order[row] != row):
            assert from_partner[row].mean().item() == pytest.approx(1 - share, abs=1e-6)
    else:
        torch.testing.assert_close(mixed.images, share * plain.images + (1 - share) * plain.images[order])


def test_the_cost_of_a_mixture_is_the_mixture_of_the_costs():
    task = Classify(
        torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(128, 3)),
        InputSpec(image=(2, 8, 8)),
        {"column": "c", "classes": ["a", "b", "c"]},
    )
    mixed = mix(batch(), mixup=1.0, cutmix=0.0, seed=4)
    outputs = task.forward(mixed)
    log_p = torch.log_softmax(outputs, dim=1)
    soft = torch.zeros(6, 3)
    for labels, weights in ((mixed.targets, mixed.weights), (mixed.partners.targets, mixed.partners.weights)):
        soft += torch.nn.functional.one_hot(labels, 3) * weights[:, None]
    expected = -(soft * log_p).sum() / soft.sum()
    torch.testing.assert_close(task.cost(mixed).mean, expected)


def test_the_same_seed_mixes_the_same_way_and_another_does_not():
    one, again, other = (mix(batch(), mixup=1.0, cutmix=1.0, seed=seed).images for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_off_and_single_examples_stay_as_they_are():
    plain = batch()
    assert mix(plain, mixup=0, cutmix=0, seed=1) is plain
    single = batch(count=1)
    assert mix(single, mixup=1.0, cutmix=1.0, seed=1) is single
