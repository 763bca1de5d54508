"""The computation graph of the reference against torch's, on random expressions."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from rumbo.reference import graph

# The same operation on graph nodes and on torch's numbers; squares keep logarithms and powers in range.
BINARY = [lambda x, y: x + y, lambda x, y: x * y, lambda x, y: x - y]
UNARY = [
    (graph.sigmoid, torch.sigmoid),
    (graph.tanh, torch.tanh),
    (graph.relu, torch.relu),
    (lambda x: graph.exp(graph.tanh(x)), lambda x: x.tanh().exp()),
    (lambda x: graph.log(1 + x**2), lambda x: (1 + x**2).log()),
    (lambda x: 2 - graph.tanh(x) ** 3, lambda x: 2 - x.tanh() ** 3),
    (lambda x: -x, lambda x: -x),
]
STEPS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=12)
INPUTS = st.lists(st.floats(-2, 2, allow_subnormal=False), min_size=1, max_size=4)


def grow(steps, nodes, unary):
    """Each step combines nodes that are there; the last one is J."""
    for operation, i, j in steps:
        x, y = nodes[i % len(nodes)], nodes[j % len(nodes)]
        grown = BINARY[operation](x, y) if operation < 3 else UNARY[operation - 3][unary](x)
        # tanh keeps products of products small
        nodes.append(UNARY[1][unary](grown) if operation == 1 else grown)
    return nodes[-1]


@given(inputs=INPUTS, steps=STEPS)
def test_values_and_derivatives_are_torchs(inputs, steps):
    ours = [graph.Node(value) for value in inputs]
    fast = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in inputs]
    J, fast_J = grow(steps, list(ours), 0), grow(steps, list(fast), 1)
    np.testing.assert_allclose(J.value, fast_J.item(), rtol=1e-9, atol=1e-13)
    judge = torch.autograd.grad(fast_J, fast, allow_unused=True)
    d = graph.derivatives(J)
    for node, gradient in zip(ours, judge, strict=True):
        assert (node in d) == (gradient is not None)
        if gradient is not None:
            np.testing.assert_allclose(d[node], gradient.item(), rtol=1e-9, atol=1e-12)
