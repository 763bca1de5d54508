"""Our LeNet-5 and its loss against a composition of the textbook's functions: logits, cost, every gradient."""

import numpy as np
import pytest
import torch

from rumbo import losses, models
from rumbo.core.inputs import InputSpec
from rumbo.reference.activations import relu, relu_derivative, softmax
from rumbo.reference.convolution import cross_correlate, cross_correlate_backward
from rumbo.reference.losses import cross_entropy
from rumbo.reference.pooling import max_pool, max_pool_backward


def textbook(X, Y, weights, padding):
    """Logits k x m, cost, and the gradients in torch's names and layouts."""
    Z1 = cross_correlate(X, filters(weights, "features.0"), weights["features.0.bias"], padding=padding)
    P1 = max_pool(relu(Z1), 2, 2)
    Z2 = cross_correlate(P1, filters(weights, "features.3"), weights["features.3.bias"])
    P2 = max_pool(relu(Z2), 2, 2)
    A = [np.moveaxis(P2, -1, 1).reshape(len(X), -1).T]  # channels first, as torch flattens
    Z = []
    for layer in (1, 3, 5):
        Z.append(weights[f"classifier.{layer}.weight"] @ A[-1] + weights[f"classifier.{layer}.bias"][:, None])
        A.append(relu(Z[-1]))
    gradients = {}
    dZ = (softmax(Z[-1]) - Y) / len(X)
    for i, layer in ((2, 5), (1, 3), (0, 1)):
        gradients[f"classifier.{layer}.weight"], gradients[f"classifier.{layer}.bias"] = dZ @ A[i].T, dZ.sum(axis=1)
        dA = weights[f"classifier.{layer}.weight"].T @ dZ
        dZ = dA * relu_derivative(Z[i - 1]) if i > 0 else dA
    dP2 = np.moveaxis(dZ.T.reshape(len(X), -1, *P2.shape[1:-1]), 1, -1)
    dZ2 = max_pool_backward(dP2, relu(Z2), 2, 2) * relu_derivative(Z2)
    dP1, dW2, gradients["features.3.bias"] = cross_correlate_backward(dZ2, P1, filters(weights, "features.3"))
    dZ1 = max_pool_backward(dP1, relu(Z1), 2, 2) * relu_derivative(Z1)
    _, dW1, db1 = cross_correlate_backward(dZ1, X, filters(weights, "features.0"), padding=padding)
    gradients |= {"features.0.bias": db1, "features.0.weight": dW1.transpose(3, 2, 0, 1)}
    gradients["features.3.weight"] = dW2.transpose(3, 2, 0, 1)
    return Z[-1], cross_entropy(Z[-1], Y).mean(), gradients


def filters(weights, name):
    return weights[f"{name}.weight"].transpose(2, 3, 1, 0)


@pytest.mark.parametrize("side", [28, 32])
def test_lenet5_agrees_with_the_textbook(side):
    rng = np.random.default_rng(side)
    torch.manual_seed(side)
    network = models.build("lenet5", InputSpec(image=(2, side, side)), 7).double()
    X, codes = rng.normal(size=(6, side, side, 2)), rng.integers(0, 7, 6)
    logits = network(torch.tensor(X.transpose(0, 3, 1, 2)))
    cost = losses.cross_entropy(logits, torch.tensor(codes)).mean()
    cost.backward()
    weights = {name: p.detach().numpy() for name, p in network.named_parameters()}
    Z, J, gradients = textbook(X, np.eye(7)[:, codes], weights, padding=(32 - side) // 2)
    np.testing.assert_allclose(logits.detach().T, Z, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(cost.item(), J, rtol=1e-12)
    assert gradients.keys() == weights.keys()
    for name, p in network.named_parameters():
        np.testing.assert_allclose(p.grad, gradients[name], rtol=1e-9, atol=1e-13, err_msg=name)
