"""The small convolutional network against the same one in torch: logits, cost, every gradient, steps of training."""

import numpy as np
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from rumbo.reference import convnet as ref


def agree(ours, torchs):
    np.testing.assert_allclose(ours, torchs.detach(), rtol=1e-9, atol=1e-12)


def logits_of_torch(X, W1, b1, W2, b2):
    """Columns, as the notes have them; the flattened picture has its channels last."""
    Z1 = F.conv2d(torch.tensor(X).permute(0, 3, 1, 2), W1.permute(3, 2, 0, 1).contiguous(), b1, padding=1)
    P1 = F.max_pool2d(F.relu(Z1), 2).permute(0, 2, 3, 1)
    return W2 @ P1.flatten(1).T + b2


@st.composite
def cases(draw):
    """Pictures, their classes, the number of classes, and parameters with biases that are not zero."""
    m, n_H, n_W, C, k = (draw(st.integers(low, high)) for low, high in ((1, 4), (2, 7), (2, 7), (1, 3), (2, 4)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    parameters = ref.initialize((n_H, n_W), C, draw(st.integers(1, 4)), k, rng)
    parameters = ref.Parameters(*(p + 0.1 * rng.normal(size=p.shape) for p in parameters))
    return rng.normal(size=(m, n_H, n_W, C)), rng.integers(0, k, m), np.eye(k), parameters


@given(cases())
def test_forward_and_backward_agree_with_torch(case):
    X, codes, one_hot, parameters = case
    leaves = [torch.tensor(p, requires_grad=True) for p in parameters]
    Z_torch = logits_of_torch(X, *leaves)
    J_torch = F.cross_entropy(Z_torch.T, torch.tensor(codes))
    J_torch.backward()
    Z2, cache = ref.forward(X, parameters)
    agree(Z2, Z_torch)
    agree(ref.cost(Z2, one_hot[:, codes]), J_torch)
    assert ref.predict(X, parameters).tolist() == Z_torch.argmax(0).tolist()
    for ours, leaf in zip(ref.backward(one_hot[:, codes], cache, parameters), leaves, strict=True):
        agree(ours, leaf.grad)


def test_training_agrees_with_torch_step_for_step():
    rng = np.random.default_rng(0)
    X, codes = rng.normal(size=(20, 6, 6, 2)), rng.integers(0, 3, 20)
    Y = np.eye(3)[:, codes]
    parameters, costs = ref.train(X, Y, 4, rate=0.3, epochs=2, batch_size=6, rng=np.random.default_rng(1))
    draws = np.random.default_rng(1)
    leaves = [torch.tensor(p, requires_grad=True) for p in ref.initialize((6, 6), 2, 4, 3, draws)]
    optimizer, costs_of_torch = torch.optim.SGD(leaves, lr=0.3), []
    for order in (draws.permutation(20), draws.permutation(20)):
        for batch in (order[:6], order[6:12], order[12:18], order[18:]):
            J = F.cross_entropy(logits_of_torch(X[batch], *leaves).T, torch.tensor(codes[batch]))
            costs_of_torch.append(J.item())
            optimizer.zero_grad()
            J.backward()
            optimizer.step()
    np.testing.assert_allclose(costs, costs_of_torch, rtol=1e-9)
    for ours, leaf in zip(parameters, leaves, strict=True):
        agree(ours, leaf)
