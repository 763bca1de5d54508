"""A computation graph on single numbers: values forward, derivatives backward by the chain rule.

Each node keeps the nodes it was computed from, and how fast it changes with each of them.

>>> a, b, c = Node(5.0), Node(3.0), Node(2.0)
>>> u = b * c
>>> v = a + u
>>> J = 3 * v
>>> J.value
33.0
>>> d = derivatives(J)
>>> d[v], d[a], d[u], d[b], d[c]
(3.0, 3.0, 3.0, 6.0, 9.0)

Source: Borghi, "Grafico computacional" and "Derivadas en un gráfico computacional".
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class Node:
    """A number in the graph; `slopes` holds (parent, d self / d parent) for what it was computed from.

    `eq=False`: two nodes of equal value are still two nodes.
    """

    value: float
    slopes: tuple[tuple["Node", float], ...] = ()

    def __add__(self, other: "Node | float") -> "Node":
        y = as_node(other)
        return Node(self.value + y.value, ((self, 1.0), (y, 1.0)))

    def __mul__(self, other: "Node | float") -> "Node":
        y = as_node(other)
        return Node(self.value * y.value, ((self, y.value), (y, self.value)))

    def __pow__(self, n: int) -> "Node":
        return Node(self.value**n, ((self, n * self.value ** (n - 1)),))

    def __neg__(self) -> "Node":
        return self * -1.0

    def __sub__(self, other: "Node | float") -> "Node":
        return self + -as_node(other)

    def __rsub__(self, other: float) -> "Node":
        return as_node(other) - self

    __radd__ = __add__
    __rmul__ = __mul__


def as_node(x: Node | float) -> Node:
    """A constant becomes a node without parents."""
    return x if isinstance(x, Node) else Node(x)


def exp(x: Node) -> Node:
    """e^x, with slope e^x."""
    y = math.exp(x.value)
    return Node(y, ((x, y),))


def log(x: Node) -> Node:
    """Natural logarithm, with slope 1 / x."""
    return Node(math.log(x.value), ((x, 1 / x.value),))


def sigmoid(x: Node) -> Node:
    """Logistic function a = 1 / (1 + e^-x), with slope a (1 - a)."""
    a = 1 / (1 + math.exp(-x.value))
    return Node(a, ((x, a * (1 - a)),))


def tanh(x: Node) -> Node:
    """Hyperbolic tangent a = tanh x, with slope 1 - a^2."""
    a = math.tanh(x.value)
    return Node(a, ((x, 1 - a**2),))


def relu(x: Node) -> Node:
    """max(0, x), with slope 1 where x > 0, else 0."""
    return Node(max(0.0, x.value), ((x, 1.0 if x.value > 0 else 0.0),))


def ordered(J: Node) -> list[Node]:
    """Every node that J depends on, and J itself last: each stands after what it was computed from."""
    seen: dict[Node, None] = {}

    def visit(node: Node) -> None:
        if node not in seen:
            for parent, _ in node.slopes:
                visit(parent)
            seen[node] = None

    visit(J)
    return list(seen)


def derivatives(J: Node) -> dict[Node, float]:
    """dJ/dx of every node x, from J back: dJ/dx = sum over the nodes y that use x of dJ/dy * dy/dx.

    One walk gives all derivatives, whatever the number of inputs. With one example of logistic regression:

    >>> w1, w2, b, x1, x2, y = Node(0.5), Node(-1.0), Node(0.1), 2.0, 3.0, 1.0
    >>> z = w1 * x1 + w2 * x2 + b
    >>> a = sigmoid(z)
    >>> d = derivatives(-(y * log(a) + (1 - y) * log(1 - a)))
    >>> abs(d[z] - (a.value - y)) < 1e-12, abs(d[w2] - x2 * d[z]) < 1e-12
    (True, True)
    """
    gradient = dict.fromkeys(ordered(J), 0.0)
    gradient[J] = 1.0
    for node in reversed(list(gradient)):
        for parent, slope in node.slopes:
            gradient[parent] += gradient[node] * slope
    return gradient
