"""The L-layer network of the reference against torch's autograd and against our models, value and gradient."""

from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from rumbo import losses
from rumbo.models.linear import SoftmaxRegression
from rumbo.models.mlp import MLP
from rumbo.reference import activations, network
from rumbo.reference.network import BINARY, SOFTMAX, SQUARED, Layer, Network, Training

ACTIVATIONS = {
    "sigmoid": (activations.SIGMOID, torch.sigmoid),
    "tanh": (activations.TANH, torch.tanh),
    "relu": (activations.RELU, F.relu),
    "leaky_relu": (activations.LEAKY_RELU, F.leaky_relu),
    "linear": (activations.LINEAR, torch.nn.Identity()),
}


def squared(z, y):
    return losses.squared_error(z, y).sum(dim=1)


def binary(z, y):
    return losses.binary_cross_entropy(z, y).sum(dim=1)


def softmax(z, y):
    return losses.cross_entropy(z, y.argmax(dim=1))


OUTPUTS = {"binary": (BINARY, binary), "softmax": (SOFTMAX, softmax), "squared": (SQUARED, squared)}


def agree(fast, judge):
    np.testing.assert_allclose(fast, judge, rtol=1e-9, atol=1e-12)


def random_layers(sizes, rng):
    return [Layer(rng.normal(size=(n, p)) / np.sqrt(p), rng.normal(size=(n, 1))) for p, n in pairwise(sizes)]


def random_targets(output, k, m, rng):
    if output == "squared":
        return rng.normal(size=(k, m))
    return np.eye(k)[:, rng.integers(0, k, m)] if output == "softmax" else rng.integers(0, 2, (k, m)).astype(float)


@pytest.mark.parametrize("output", OUTPUTS)
@given(
    hidden=st.lists(st.tuples(st.integers(1, 6), st.sampled_from(sorted(ACTIVATIONS)), st.floats(0.3, 1)), max_size=4),
    n=st.integers(1, 6),
    k=st.integers(1, 5),
    m=st.integers(1, 7),
    l2=st.sampled_from([0.0, 0.8]),
    l1=st.sampled_from([0.0, 0.5]),
    seed=st.integers(0, 9999),
)
def test_cost_and_gradients_are_autograds(output, hidden, n, k, m, l2, l1, seed):
    rng = np.random.default_rng(seed)
    ours, fast_loss = OUTPUTS[output]
    chosen = Network(tuple(ACTIVATIONS[name][0] for _, name, _ in hidden), ours, l2=l2, l1=l1)
    layers = random_layers([n, *(size for size, _, _ in hidden), k], rng)
    X, Y = rng.normal(size=(n, m)), random_targets(output, k, m, rng)
    masks = network.dropout_masks(layers, [keep for _, _, keep in hidden], m, rng)

    fast = [(torch.tensor(W, requires_grad=True), torch.tensor(b[:, 0], requires_grad=True)) for W, b in layers]
    a = torch.tensor(X.T)
    for (W, b), (_, name, _), D in zip(fast[:-1], hidden, masks, strict=True):
        a = ACTIVATIONS[name][1](F.linear(a, W, b)) * torch.tensor(D.T)
    J = fast_loss(F.linear(a, *fast[-1]), torch.tensor(Y.T)).mean()
    J = J + sum(l2 * W.square().sum() + l1 * W.abs().sum() for W, _ in fast) / (2 * m)
    J.backward()

    agree(J.item(), network.cost(chosen, layers, X, Y, masks))
    for (W, b), (dW, db) in zip(fast, network.gradients(chosen, layers, X, Y, masks), strict=True):
        assert W.grad is not None
        assert b.grad is not None
        agree(W.grad, dW)
        agree(b.grad, db[:, 0])


def linears(model):
    return [module for module in model.modules() if isinstance(module, torch.nn.Linear)]


def layers_of(model):
    return [Layer(W.weight.detach().numpy().copy(), W.bias.detach().numpy()[:, None].copy()) for W in linears(model)]


def same_gradients(model, gradients):
    for module, (dW, db) in zip(linears(model), gradients, strict=True):
        assert module.weight.grad is not None
        assert module.bias.grad is not None
        agree(module.weight.grad, dW)
        agree(module.bias.grad, db[:, 0])


MODELS = {
    "softmax_regression": (lambda n, k: SoftmaxRegression(num_numbers=n, num_classes=k), ()),
    **{
        name: (lambda n, k, name=name: MLP(num_numbers=n, num_classes=k, hidden=(5, 4), activation=name), (name, name))
        for name in ("sigmoid", "tanh", "relu", "leaky_relu")
    },
}


@pytest.mark.parametrize("name", MODELS)
@given(n=st.integers(1, 7), k=st.integers(2, 5), m=st.integers(1, 8), seed=st.integers(0, 9999))
def test_our_models_have_the_logits_and_gradients_of_the_notes(name, n, k, m, seed):
    rng = np.random.default_rng(seed)
    build, hidden = MODELS[name]
    model = build(n, k).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.tensor(rng.normal(size=parameter.shape)))
    X, codes = rng.normal(size=(n, m)), rng.integers(0, k, m)
    Y = np.eye(k)[:, codes]
    logits = model(torch.tensor(X.T))
    losses.cross_entropy(logits, torch.tensor(codes)).mean().backward()

    chosen, layers = Network(tuple(ACTIVATIONS[g][0] for g in hidden), SOFTMAX), layers_of(model)
    masks = network.no_dropout(layers, m)
    agree(logits.detach().T, network.forward(chosen, layers, X, masks)[-1].Z)
    agree(logits.detach().softmax(dim=1).T, network.predictions(chosen, layers, X))
    same_gradients(model, network.gradients(chosen, layers, X, Y, masks))


def test_our_models_take_pictures_as_the_columns_of_their_pixels():
    rng = np.random.default_rng(0)
    pictures = rng.normal(size=(4, 3, 5, 6))
    model = MLP(in_channels=3, image_size=(5, 6), hidden=(7,), num_classes=2).double()
    layers = layers_of(model)
    caches = network.forward(
        Network((activations.RELU,), SOFTMAX), layers, pictures.reshape(4, -1).T, network.no_dropout(layers, 4)
    )
    agree(model(torch.tensor(pictures)).detach().T, caches[-1].Z)


@pytest.mark.parametrize("dropped", [0.2, 0.5])
def test_dropout_of_our_models_is_inverted(dropped):
    """The masks that torch draws, given to the reference, lead to the same gradients."""
    rng, m, masks = np.random.default_rng(0), 6, []
    torch.manual_seed(0)
    model = MLP(num_numbers=4, num_classes=3, hidden=(5, 8), activation="sigmoid", dropout=dropped).double()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.register_forward_hook(lambda _, before, after: masks.append((after / before[0]).detach().numpy().T))
    X, codes = rng.normal(size=(4, m)), rng.integers(0, 3, m)
    losses.cross_entropy(model.train()(torch.tensor(X.T)), torch.tensor(codes)).mean().backward()

    assert {round(float(d), 9) for D in masks for d in D.ravel()} == {0.0, round(1 / (1 - dropped), 9)}
    chosen = Network((activations.SIGMOID, activations.SIGMOID), SOFTMAX)
    same_gradients(model, network.gradients(chosen, layers_of(model), X, np.eye(3)[:, codes], masks))


@pytest.mark.parametrize("rate", [0.01, 1.0])
def test_ten_epochs_of_whole_batches_are_ten_steps_of_torchs_descent(rate):
    rng, m, l2 = np.random.default_rng(1), 12, 0.3
    model = MLP(num_numbers=4, num_classes=3, hidden=(6, 5), activation="tanh").double()
    X, codes = rng.normal(size=(4, m)), rng.integers(0, 3, m)
    chosen = Network((activations.TANH, activations.TANH), SOFTMAX, l2=l2)
    training = Training(rate=rate, epochs=10, batch_size=m, keep_probs=(1.0, 1.0))
    trained = network.train(chosen, layers_of(model), X, np.eye(3)[:, codes], training, rng)

    weights, biases = [W.weight for W in linears(model)], [W.bias for W in linears(model)]
    descent = torch.optim.SGD([{"params": weights, "weight_decay": l2 / m}, {"params": biases}], lr=rate)
    for _ in range(10):
        descent.zero_grad()
        losses.cross_entropy(model(torch.tensor(X.T)), torch.tensor(codes)).mean().backward()
        descent.step()
    for (W, b), (fast_W, fast_b) in zip(trained, layers_of(model), strict=True):
        agree(fast_W, W)
        agree(fast_b, b)
