"""Our ConvNet and its loss against a composition of the textbook's functions: logits, cost, gradients, statistics."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from rumbo import losses, models
from rumbo.core.inputs import InputSpec
from rumbo.reference import normalization
from rumbo.reference.activations import relu, relu_derivative, softmax
from rumbo.reference.convolution import cross_correlate, cross_correlate_backward
from rumbo.reference.losses import cross_entropy
from rumbo.reference.normalization import Statistics, channels_in_rows, channels_last
from rumbo.reference.pooling import (
    global_average_pool,
    global_average_pool_backward,
    max_pool,
    max_pool_backward,
)

# Height and width, convolutions a stage, and which convolutions the picture is halved after.
NETWORKS = {
    "never halved": ((7, 5), 3, [False]),
    "odd sides": ((9, 13), 1, [True, False]),
    "two a stage": ((18, 16), 2, [True, False, True, False, False]),
}


def agree(fast, judge, name=""):
    np.testing.assert_allclose(fast, judge, rtol=1e-9, atol=1e-12, err_msg=name)


class Block:
    """3x3 convolution, halving where there is one, batch norm, ReLU; forward keeps what backward needs."""

    def __init__(self, state, number, halved):
        name, norm = f"features.{number}", f"features.{number}.{2 if halved else 1}"
        self.names, self.halved = (f"{name}.0.weight", f"{norm}.weight", f"{norm}.bias"), halved
        self.W = state[self.names[0]].transpose(2, 3, 1, 0)
        self.gamma, self.beta = (state[name][:, None] for name in self.names[1:])
        self.norm, self.running = norm, Statistics(*(state[f"{norm}.running_{s}"][:, None] for s in ("mean", "var")))

    def forward(self, A_prev, training):
        self.A_prev, self.Z = A_prev, cross_correlate(A_prev, self.W, padding=1)
        self.P = max_pool(self.Z, 2, 2) if self.halved else self.Z
        rows = channels_in_rows(self.P)
        if training:
            Z_tilde, self.cache = normalization.batch_norm(rows, self.gamma, self.beta)
            batch = normalization.unbiased(normalization.batch_statistics(rows), rows.shape[1])
            self.running = normalization.running_step(self.running, batch)
        else:
            Z_tilde = normalization.batch_norm_at_test(rows, self.gamma, self.beta, self.running)
        self.Z_tilde = channels_last(Z_tilde, self.P.shape)
        return relu(self.Z_tilde)

    def backward(self, dA, training):
        dZ_tilde = channels_in_rows(dA * relu_derivative(self.Z_tilde))
        if training:
            through = normalization.batch_norm_backward(dZ_tilde, self.cache)
        else:
            rows = channels_in_rows(self.P)
            through = normalization.batch_norm_at_test_backward(dZ_tilde, rows, self.gamma, self.running)
        dP = channels_last(through.dZ, self.P.shape)
        dZ = max_pool_backward(dP, self.Z, 2, 2) if self.halved else dP
        dA_prev, dW, _ = cross_correlate_backward(dZ, self.A_prev, self.W, padding=1)
        found = (dW.transpose(3, 2, 0, 1), through.dgamma[:, 0], through.dbeta[:, 0])
        return dA_prev, dict(zip(self.names, found, strict=True))


def textbook(X, Y, state, halvings, D, training):
    """Logits k x m, cost, gradients in torch's names and layouts, and running averages afterwards."""
    blocks, A = [Block(state, number, halved) for number, halved in enumerate(halvings)], X
    for block in blocks:
        A = block.forward(A, training)
    a, W = global_average_pool(A).T * D, state["classifier.3.weight"]
    Z = W @ a + state["classifier.3.bias"][:, None]
    dZ = (softmax(Z) - Y) / len(X)
    gradients = {"classifier.3.weight": dZ @ a.T, "classifier.3.bias": dZ.sum(axis=1)}
    dA = global_average_pool_backward((W.T @ dZ * D).T, A)
    for block in reversed(blocks):
        dA, found = block.backward(dA, training)
        gradients |= found
    return Z, cross_entropy(Z, Y).mean(), gradients, {block.norm: block.running for block in blocks}


def random_network(side, depth, dropout, rng):
    options = {"width": 3, "depth": depth, "dropout": dropout}
    network = models.build("convnet", InputSpec(image=(2, *side)), 4, **options).double()
    with torch.no_grad():
        for p in network.parameters():
            p.copy_(torch.tensor(rng.normal(size=p.shape)) / np.sqrt(p[0].numel()))
        for name, p in network.named_buffers():
            if "running" in name:
                p.copy_(torch.tensor(rng.uniform(0.5, 2, p.shape)))
    return network


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("case", NETWORKS)
def test_convnet_agrees_with_the_textbook(case, training):
    side, depth, halvings = NETWORKS[case]
    rng, m, dropped = np.random.default_rng(len(halvings)), 5, 0.4
    network = random_network(side, depth, dropped, rng).train(training)
    state = {name: p.numpy().copy() for name, p in network.state_dict().items()}
    X, codes = rng.normal(size=(m, *side, 2)), rng.integers(0, 4, m)

    torch.manual_seed(0)
    D = F.dropout(torch.ones(m, len(state["classifier.3.weight"].T), dtype=torch.float64), dropped, training)
    torch.manual_seed(0)  # the network draws the same mask
    logits = network(torch.tensor(X.transpose(0, 3, 1, 2)))
    cost = losses.cross_entropy(logits, torch.tensor(codes)).mean()
    cost.backward()

    assert (D.numpy() == 0).any() == training
    Z, J, gradients, averages = textbook(X, np.eye(4)[:, codes], state, halvings, D.numpy().T, training)
    agree(logits.detach().T, Z)
    agree(cost.item(), J)
    assert gradients.keys() == {name for name, _ in network.named_parameters()}
    for name, p in network.named_parameters():
        agree(p.grad, gradients[name], name)
    for norm, (mu, sigma2) in averages.items():
        agree(network.get_submodule(norm).running_mean, mu[:, 0])
        agree(network.get_submodule(norm).running_var, sigma2[:, 0])
