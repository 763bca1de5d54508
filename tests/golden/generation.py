"""A picture made by gradient descent on content and style, as two of the notes have it."""

from rumbo.reference import style
from rumbo.reference.arrays import Array


def generation_costs(
    G: Array, C: Array, S: Array, num_steps: int, alpha: float = 1.0, beta: float = 1e4, rate: float = 0.05
) -> list[float]:
    """Cost of the generated picture before the first and after each step; the pictures are their own activations."""

    def cost() -> float:
        return style.total_cost(style.content_cost(C, G), style.style_cost(S, G), alpha, beta)

    costs = [cost()]
    for _ in range(num_steps):
        G = G - rate * (alpha * style.content_cost_gradient(C, G) + beta * style.style_cost_gradient(S, G))
        costs.append(cost())
    return costs
