"""Updates with clipped gradients, as training makes them, step for step against the textbook's."""

import numpy as np
import pytest
import torch
from torch import nn

from rumbo import losses
from rumbo.data.loader import Batch, Examples
from rumbo.reference import characters, optimizers
from rumbo.tasks.plain import PlainTask
from rumbo.tasks.task import Cost, Term
from rumbo.training.optimizer import make_optimizer
from rumbo.training.options import FitOptions, OptimizerOptions
from rumbo.training.state import TrainState
from rumbo.training.step import Step

STEPS, M, T, K, N_A = 10, 3, 4, 5, 6


class Reader(nn.Module):
    """The character network of the reference, with its parameters in its order."""

    def __init__(self, model):
        super().__init__()
        self.W = nn.ParameterList([nn.Parameter(torch.tensor(W)) for W in model])

    def forward(self, codes):
        W_ax, W_aa, b_a, W_ya, b_y = self.W
        a, scores = torch.zeros(N_A, len(codes), dtype=torch.float64), []
        for column in codes.T:
            a = torch.tanh(W_aa @ a + W_ax[:, column] + b_a)
            scores.append((W_ya @ a + b_y).T)
        return torch.stack(scores, dim=1)


class Next(PlainTask):
    """Which character comes next."""

    def cost_of(self, outputs, batch):
        cost = losses.cross_entropy(outputs.flatten(0, 1), batch.targets.flatten())
        return Cost({"next": Term(cost.sum(), torch.tensor(float(cost.numel())))})


def with_torchs_epsilon(gradients, bound):
    """torch divides by the norm + 1e-6, and so clips from bound - 1e-6 on: what it clips is shorter by that much."""
    norm = float(np.sqrt(sum((dW**2).sum() for dW in gradients)))
    shorter = norm / (norm + 1e-6) if norm + 1e-6 > bound else 1.0
    return norm, characters.Model(*(dW * shorter for dW in characters.clip_norm(gradients, bound)))


@pytest.mark.parametrize("bound", [0.05, 0.5, 1000.0])
@pytest.mark.parametrize("rate", [0.01, 1.0])
def test_clipped_steps_are_those_of_the_textbook(bound, rate):
    rng = np.random.default_rng(0)
    model = characters.initialize(K, N_A, rng)
    task = Next(Reader(model), None, is_classifier=True)
    options = FitOptions(clip_norm=bound, optimizer=OptimizerOptions(name="sgd", weight_decay=0.0))
    optimizer = make_optimizer(task.model, options.optimizer)
    nothing = Examples(ids=[], targets=torch.empty(0), weights=torch.empty(0))
    step = Step(task, TrainState(model=task.model, optimizer=optimizer), options, examples=nothing, seed=0)
    norms = []
    for _ in range(STEPS):
        x, y = rng.integers(0, K, (2, M, T))
        batch = Batch(numbers=torch.tensor(x), targets=torch.tensor(y), weights=torch.ones(M), rows=np.arange(M))
        cost = step(batch, rate)
        read = characters.read(x, y, np.zeros((N_A, M)), model)
        norm, gradients = with_torchs_epsilon(read.gradients, bound)
        steps = zip(model, gradients, strict=True)
        model = characters.Model(*(optimizers.gradient_descent(W, dW, rate) for W, dW in steps))
        norms.append(norm)
        np.testing.assert_allclose(cost, read.cost, rtol=1e-9)
        for fast, judge in zip(task.model.parameters(), model, strict=True):
            np.testing.assert_allclose(fast.detach(), judge, rtol=1e-9, atol=1e-12)
    assert (min(norms) > bound) == (bound < 0.1), "the low bound clips every step"
    assert (max(norms) > bound) == (bound < 1000), "the high one none"
