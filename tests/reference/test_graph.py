"""The computation graph: order, shared nodes, and the derivatives of logistic regression."""

import numpy as np
import pytest

from rumbo.reference import graph, logistic_regression
from rumbo.reference.graph import Node, derivatives, ordered


def test_a_node_that_is_used_twice_collects_both_ways():
    x = Node(3.0)
    assert derivatives(x * x + x)[x] == 7.0
    assert derivatives(x + x)[x] == 2.0


def test_every_node_stands_after_what_it_was_computed_from():
    x, y = Node(1.0), Node(2.0)
    u = x * y
    order = ordered((u + x) * u)
    for place, node in enumerate(order):
        assert all(order.index(parent) < place for parent, _ in node.slopes)
    assert len(order) == len(set(order)) == 5


def test_nodes_of_equal_value_stay_apart():
    x, y = Node(2.0), Node(2.0)
    d = derivatives(x * 3 + y * 5)
    assert (d[x], d[y]) == (3.0, 5.0)


def test_one_step_of_logistic_regression():
    w, b, x, y = np.array([[0.4], [-0.7]]), 0.2, np.array([[1.5], [2.0]]), np.array([[1.0]])
    w1, w2, bias = Node(0.4), Node(-0.7), Node(0.2)
    a = graph.sigmoid(w1 * 1.5 + w2 * 2.0 + bias)
    d = derivatives(-graph.log(a))
    judge = logistic_regression.gradients(w, b, x, y)
    assert [d[w1], d[w2], d[bias]] == pytest.approx([*judge.dw[:, 0], judge.db])


def test_the_slope_of_a_parabola():
    w = Node(0.0)
    assert derivatives(w**2 - 10 * w + 25)[w] == -10.0
