"""Logistic regression of the reference against our model and torch's descent, value and gradient."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rumbo import losses
from rumbo.models.linear import LogisticRegression
from rumbo.reference import logistic_regression as reference

CASES = given(n=st.integers(1, 6), m=st.integers(1, 9), seed=st.integers(0, 9999))


def problem(n, m, seed):
    rng = np.random.default_rng(seed)
    X, Y = rng.normal(size=(n, m)), rng.integers(0, 2, (1, m)).astype(float)
    return rng.normal(size=(n, 1)), float(rng.normal()), X, Y


def model_with(w, b, num_classes):
    model = LogisticRegression(num_numbers=len(w), num_classes=num_classes).double()
    with torch.no_grad():
        model.linear.weight.copy_(torch.tensor(w.T))
        model.linear.bias.fill_(b)
    return model


def fast_losses(model, X, Y):
    logits, y = model(torch.tensor(X.T)), torch.tensor(Y[0])
    if model.num_classes == 2:
        return losses.cross_entropy(logits, y.long())
    return losses.binary_cross_entropy(logits[:, 0], y)


@pytest.mark.parametrize("num_classes", [1, 2])
@CASES
def test_model_has_the_cost_and_gradients_of_the_notes(num_classes, n, m, seed):
    w, b, X, Y = problem(n, m, seed)
    model = model_with(w, b, num_classes)
    J = fast_losses(model, X, Y).mean()
    J.backward()
    dw, db = reference.gradients(w, b, X, Y)
    np.testing.assert_allclose(J.item(), reference.cost(w, b, X, Y), rtol=1e-9)
    np.testing.assert_allclose(model.linear.weight.grad, dw.T, rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(model.linear.bias.grad, [db], rtol=1e-9, atol=1e-13)


@CASES
def test_two_logits_give_the_probability(n, m, seed):
    w, b, X, _ = problem(n, m, seed)
    probabilities = model_with(w, b, 2)(torch.tensor(X.T)).softmax(dim=1)
    np.testing.assert_allclose(probabilities[:, 1].detach(), reference.forward(w, b, X)[0], rtol=1e-9)
    np.testing.assert_array_equal(probabilities.argmax(dim=1), reference.predict(w, b, X)[0])


@pytest.mark.parametrize("rate", [0.01, 1.0])
@settings(max_examples=20)
@CASES
def test_ten_steps_of_descent(rate, n, m, seed):
    w, _, X, Y = problem(n, m, seed)
    lam = 0.7
    model = model_with(np.zeros_like(w), 0.0, 1)
    decayed = [
        {"params": [model.linear.weight], "weight_decay": lam / m},
        {"params": [model.linear.bias], "weight_decay": 0.0},
    ]
    descent = torch.optim.SGD(decayed, lr=rate)
    costs = []
    for _ in range(10):
        descent.zero_grad()
        J = fast_losses(model, X, Y).mean()
        J.backward()
        costs.append(J.item() + lam / (2 * m) * model.linear.weight.square().sum().item())
        descent.step()
    fit = reference.gradient_descent(X, Y, rate, 10, lam)
    np.testing.assert_allclose(fit.costs, costs, rtol=1e-9)
    np.testing.assert_allclose(model.linear.weight.detach(), fit.w.T, rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(model.linear.bias.detach(), [fit.b], rtol=1e-9, atol=1e-13)
