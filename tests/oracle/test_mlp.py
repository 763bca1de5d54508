"""Our perceptron with batch norm before or after g, and with categories, against the textbook: value and gradient."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rumbo import losses
from rumbo.models.mlp import MLP
from rumbo.reference import activations, normalization
from rumbo.reference.activations import softmax
from rumbo.reference.characters import one_hot
from rumbo.reference.losses import cross_entropy
from rumbo.reference.normalization import Statistics

ACTIVATIONS = {
    "sigmoid": activations.SIGMOID,
    "tanh": activations.TANH,
    "relu": activations.RELU,
    "leaky_relu": activations.LEAKY_RELU,
    "linear": activations.LINEAR,
}
HIDDEN = 2
MOMENTUM = 0.3


def agree(fast, judge, name=""):
    np.testing.assert_allclose(fast, judge, rtol=1e-9, atol=1e-11, err_msg=name)


def randomized(model, rng):
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.tensor(rng.normal(size=p.shape)))
        for name, p in model.named_buffers():
            if "running" in name:
                p.copy_(torch.tensor(rng.uniform(0.5, 2, p.shape)))
    return model


class Norm:
    """Batch norm of the textbook, by the mini-batch or by its running averages; forward keeps what backward needs."""

    def __init__(self, state, name, training):
        self.name, self.training = name, training
        self.gamma, self.beta = (state[f"{name}.{s}"][:, None] for s in ("weight", "bias"))
        self.running = Statistics(*(state[f"{name}.running_{s}"][:, None] for s in ("mean", "var")))

    def forward(self, Z):
        self.Z = Z
        if not self.training:
            return normalization.batch_norm_at_test(Z, self.gamma, self.beta, self.running)
        batch = normalization.unbiased(normalization.batch_statistics(Z), Z.shape[1])
        self.running = normalization.running_step(self.running, batch, beta=1 - MOMENTUM)
        Z_tilde, self.cache = normalization.batch_norm(Z, self.gamma, self.beta)
        return Z_tilde

    def backward(self, dZ_tilde, gradients):
        if self.training:
            dZ, dgamma, dbeta = normalization.batch_norm_backward(dZ_tilde, self.cache)
        else:
            dZ, dgamma, dbeta = normalization.batch_norm_at_test_backward(dZ_tilde, self.Z, self.gamma, self.running)
        gradients |= {f"{self.name}.weight": dgamma[:, 0], f"{self.name}.bias": dbeta[:, 0]}
        return dZ


def textbook(X, Y, state, g, place, training):
    """Linear, batch norm before or after g, HIDDEN times, then linear: logits, cost, gradients, dX, and the norms."""
    A, layers, gradients = X, [], {}
    for number in range(0, 3 * HIDDEN, 3):
        linear = f"layers.{number}"
        norm = Norm(state, f"layers.{number + (1 if place == 'before' else 2)}", training)
        Z = state[f"{linear}.weight"] @ A
        if place == "after":  # before the activation there is no bias: beta stands for it
            Z = Z + state[f"{linear}.bias"][:, None]
        into_g = norm.forward(Z) if place == "before" else Z
        layers.append((linear, norm, A, into_g))
        A = g.g(into_g) if place == "before" else norm.forward(g.g(into_g))
    last = f"layers.{3 * HIDDEN}"
    Z_last = state[f"{last}.weight"] @ A + state[f"{last}.bias"][:, None]
    dZ = (softmax(Z_last) - Y) / X.shape[1]
    gradients |= {f"{last}.weight": dZ @ A.T, f"{last}.bias": dZ.sum(axis=1)}
    dA = state[f"{last}.weight"].T @ dZ
    for linear, norm, A_prev, into_g in reversed(layers):
        if place == "before":
            dZ = norm.backward(dA * g.derivative(into_g), gradients)
        else:
            dZ = norm.backward(dA, gradients) * g.derivative(into_g)
            gradients[f"{linear}.bias"] = dZ.sum(axis=1)
        gradients[f"{linear}.weight"] = dZ @ A_prev.T
        dA = state[f"{linear}.weight"].T @ dZ
    return Z_last, cross_entropy(Z_last, Y).mean(), gradients, dA, [norm for _, norm, _, _ in layers]


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("name", ACTIVATIONS)
@given(n=st.integers(1, 5), k=st.integers(2, 4), m=st.integers(4, 9), seed=st.integers(0, 9999))
@settings(max_examples=25)
def test_batch_norm_between_the_layers(name, place, training, n, k, m, seed):
    rng = np.random.default_rng(seed)
    options = {"activation": name, "norm": place, "norm_momentum": MOMENTUM}
    model = MLP(num_numbers=n, num_classes=k, hidden=(5, 4), **options).double()
    randomized(model, rng).train(training)
    state = {key: p.numpy().copy() for key, p in model.state_dict().items()}
    X, codes = rng.normal(size=(n, m)), rng.integers(0, k, m)
    x = torch.tensor(X.T, requires_grad=True)
    logits = model(x)
    cost = losses.cross_entropy(logits, torch.tensor(codes)).mean()
    cost.backward()

    Z, J, gradients, dX, norms = textbook(X, np.eye(k)[:, codes], state, ACTIVATIONS[name], place, training)
    agree(logits.detach().T, Z)
    agree(cost.item(), J)
    assert gradients.keys() == {key for key, _ in model.named_parameters()}
    for key, p in model.named_parameters():
        agree(p.grad, gradients[key], key)
    assert x.grad is not None
    agree(x.grad.T, dX)
    for norm in norms:
        agree(model.get_submodule(norm.name).running_mean, norm.running.mu[:, 0])
        agree(model.get_submodule(norm.name).running_var, norm.running.sigma2[:, 0])


@pytest.mark.parametrize("embedding_size", [0, 3], ids=["one-hot", "embedded"])
@given(m=st.integers(4, 9), seed=st.integers(0, 9999))
def test_categories_are_columns_below_the_numbers(embedding_size, m, seed):
    """A category is its one-hot column o, or E^T o, E being its table of vectors: dE = o dX^T."""
    rng, sizes = np.random.default_rng(seed), (4, 2)
    model = MLP(
        num_numbers=2,
        category_sizes=sizes,
        num_classes=3,
        hidden=(5, 4),
        norm="before",
        norm_momentum=MOMENTUM,
        embedding_size=embedding_size,
    ).double()
    randomized(model, rng)
    state = {key: p.numpy().copy() for key, p in model.state_dict().items()}
    numbers, targets = rng.normal(size=(2, m)), rng.integers(0, 3, m)
    categories = [rng.integers(0, size, m) for size in sizes]
    logits = model(torch.tensor(numbers.T), torch.tensor(np.stack(categories, axis=1)))
    losses.cross_entropy(logits, torch.tensor(targets)).mean().backward()

    columns = [one_hot(codes, size) for codes, size in zip(categories, sizes, strict=True)]
    tables = [f"inputs.embeddings.{i}.weight" for i in range(len(sizes))] if embedding_size else []
    parts = [state[table].T @ o for table, o in zip(tables, columns, strict=True)] if tables else columns
    X = np.concatenate([numbers, *parts])
    Z, _, gradients, dX, _ = textbook(X, np.eye(3)[:, targets], state, activations.RELU, "before", training=True)
    for i, table in enumerate(tables):
        rows = slice(2 + embedding_size * i, 2 + embedding_size * (i + 1))
        gradients[table] = columns[i] @ dX[rows].T
    agree(logits.detach().T, Z)
    assert gradients.keys() == {key for key, _ in model.named_parameters()}
    for key, p in model.named_parameters():
        agree(p.grad, gradients[key], key)
