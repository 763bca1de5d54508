"""Our network for tables, periodic embeddings and all, against the textbook's functions: value and gradient."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from rumbo import losses
from rumbo.models.table_net import LARGEST_INPUT, TableNet
from rumbo.reference.activations import relu, relu_derivative, softmax
from rumbo.reference.characters import one_hot
from rumbo.reference.losses import cross_entropy

DENSE = ("layers.0", "layers.3", "head")
CODES = (4, 3)


def agree(fast, judge, name=""):
    np.testing.assert_allclose(fast, judge, rtol=1e-9, atol=1e-11, err_msg=name)


def textbook(X, columns, Y, state):
    """Logits k x m, cost, gradients, and dX: x, then relu(W (cos 2 pi c x, sin 2 pi c x) + a) of each x, then E^T o."""
    W, a = state["numbers.linear.weight"], state["numbers.linear.bias"][:, None]
    c, tables = state["numbers.frequencies"], [f"categories.{i}.weight" for i in range(len(columns))]
    angles = [2 * np.pi * np.outer(c_j, x) for c_j, x in zip(c, X, strict=True)]
    waves = [np.concatenate([np.cos(angle), np.sin(angle)]) for angle in angles]
    Z = [W @ wave + a for wave in waves]
    parts = [np.clip(X, -LARGEST_INPUT, LARGEST_INPUT), *map(relu, Z)]
    parts += [state[table].T @ o for table, o in zip(tables, columns, strict=True)]
    A, Z_dense = [np.concatenate(parts)], []
    for layer in DENSE:
        Z_dense.append(state[f"{layer}.weight"] @ A[-1] + state[f"{layer}.bias"][:, None])
        A.append(relu(Z_dense[-1]))
    gradients, dZ = {}, (softmax(Z_dense[-1]) - Y) / X.shape[1]
    dA = np.zeros_like(A[0])
    for i in reversed(range(len(DENSE))):
        gradients |= {f"{DENSE[i]}.weight": dZ @ A[i].T, f"{DENSE[i]}.bias": dZ.sum(axis=1)}
        dA = state[f"{DENSE[i]}.weight"].T @ dZ
        dZ = dA * relu_derivative(Z_dense[i - 1]) if i > 0 else dA
    d_clipped, *d_parts = np.split(dA, np.cumsum([len(part) for part in parts])[:-1])
    dX, dc = d_clipped * (np.abs(X) <= LARGEST_INPUT), np.zeros_like(c)
    dZ = [dV * relu_derivative(z) for dV, z in zip(d_parts, Z, strict=False)]
    for j, angle in enumerate(angles):
        d_cos, d_sin = np.split(W.T @ dZ[j], 2)
        d_angle = 2 * np.pi * (d_sin * np.cos(angle) - d_cos * np.sin(angle))
        dc[j], dX[j] = d_angle @ X[j], dX[j] + c[j] @ d_angle
    gradients["numbers.frequencies"] = dc
    gradients["numbers.linear.weight"] = sum(dz @ wave.T for dz, wave in zip(dZ, waves, strict=True))
    gradients["numbers.linear.bias"] = sum(dz.sum(axis=1) for dz in dZ)
    for table, o, dV in zip(tables, columns, d_parts[len(Z) :], strict=True):
        gradients[table] = o @ dV.T
    return Z_dense[-1], cross_entropy(Z_dense[-1], Y).mean(), gradients, dX


@given(d=st.integers(1, 4), m=st.integers(1, 8), seed=st.integers(0, 9999))
def test_table_net_agrees_with_the_textbook(d, m, seed):
    rng = np.random.default_rng(seed)
    sizes = {"num_numbers": d, "category_sizes": CODES, "num_classes": 3, "hidden": (6, 5)}
    model = TableNet(**sizes, dropout=0.0, num_frequencies=4, embedding_size=3).double()
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.tensor(rng.normal(size=p.shape)) / np.sqrt(p[0].numel()))
    state = {name: p.detach().numpy() for name, p in model.named_parameters()}
    X, targets = rng.normal(0, 5, (d, m)), rng.integers(0, 3, m)  # some beyond the largest that reaches the line
    codes = [rng.integers(0, size, m) for size in CODES]
    x = torch.tensor(X.T, requires_grad=True)
    logits = model(x, torch.tensor(np.stack(codes, axis=1)))
    cost = losses.cross_entropy(logits, torch.tensor(targets)).mean()
    cost.backward()

    columns = [one_hot(codes_i, size) for codes_i, size in zip(codes, CODES, strict=True)]
    Z, J, gradients, dX = textbook(X, columns, np.eye(3)[:, targets], state)
    agree(logits.detach().T, Z)
    agree(cost.item(), J)
    assert gradients.keys() == state.keys()
    for name, p in model.named_parameters():
        agree(p.grad, gradients[name], name)
    assert x.grad is not None
    agree(x.grad.T, dX)
