"""Losses on logits: one class of several, and yes/no labels."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor


def cross_entropy(
    logits: Float[Tensor, "b k"],
    targets: Int[Tensor, " b"],
    *,
    label_smoothing: float = 0.0,
    class_weights: Float[Tensor, " k"] | None = None,
) -> Float[Tensor, " b"]:
    """How surprised the softmax of the logits is by the true class: -sum_c w_c q_c log p_c.

    Args:
        logits: raw scores, not probabilities.
        targets: code of the true class, in [0, k).
        label_smoothing: share of each target spread evenly over all classes, in [0, 1): q = (1 - s) onehot + s / k.
        class_weights: w, how much each class counts, >= 0; None = 1.

    Returns:
        One loss per item, in nats; nothing is averaged here.

    Raises:
        ValueError: label_smoothing out of range.

    Source: Bishop 2006, eq. 4.108; smoothing Szegedy et al. 2015, arXiv:1512.00567, sec. 7.
    Judge: rumbo.reference.losses.cross_entropy.

    >>> cross_entropy(torch.tensor([[0.0, 0.0]]), torch.tensor([1]))
    tensor([0.6931])
    """
    if not 0 <= label_smoothing < 1:
        raise ValueError(f"label_smoothing={label_smoothing} must lie in [0, 1).")
    return F.cross_entropy(
        logits, targets.long(), weight=class_weights, reduction="none", label_smoothing=label_smoothing
    )


def binary_cross_entropy(
    logits: Float[Tensor, "*s"], targets: Float[Tensor, "*s"], *, positive_weight: float = 1.0
) -> Float[Tensor, "*s"]:
    """Cross-entropy of a yes/no label: -(w y log p + (1 - y) log(1 - p)), p = sigmoid(logit).

    Args:
        logits: raw scores, not probabilities.
        targets: in [0, 1]; NaN = not known, its loss and gradient are 0.
        positive_weight: w, how much a yes counts, > 0.

    Returns:
        One loss per label, in nats; nothing is averaged here. The weight to divide by is the number of known labels.

    Raises:
        ValueError: positive_weight not above 0.

    Source: Bishop 2006, eq. 4.90. Judge: rumbo.reference.losses.binary_cross_entropy.

    >>> binary_cross_entropy(torch.tensor([0.0, 0.0]), torch.tensor([1.0, float("nan")]))
    tensor([0.6931, 0.0000])
    """
    if not positive_weight > 0:
        raise ValueError(f"positive_weight={positive_weight} must be above 0.")
    known = ~targets.isnan()
    # log-sigmoids, not logs of sigmoids: value and gradient stay finite at logits of 1e4.
    yes, no = F.logsigmoid(logits), F.logsigmoid(-logits)
    y = torch.where(known, targets, 0.0)
    return torch.where(known, -(positive_weight * y * yes + (1 - y) * no), 0.0)


def cost_sensitive_cross_entropy(
    logits: Float[Tensor, "b k"],
    targets: Int[Tensor, " b"],
    *,
    costs: Float[Tensor, "k k"],
    label_smoothing: float = 0.0,
) -> Float[Tensor, " b"]:
    """Cross-entropy toward every answer, each as important as what it saves: -sum_c (max_j C_yj - C_yc) log p_c.

    Its mean is least where p_c grows with max_j C_yj minus the expected cost of answer c, so that the most probable
    class is the cheapest answer, for any matrix of costs. It is convex in the logits. With the usual costs, 0 and 1, it
    is the cross-entropy; where the cost hangs on the true class alone, and always with two classes, it is the
    cross-entropy with weights of classes. The probabilities are then no chances of classes any more.

    Args:
        logits: raw scores, not probabilities.
        targets: code y of the true class, in [0, k).
        costs: C, of answer c where y is true, finite and >= 0, true classes in rows.
        label_smoothing: share of each item's target spread evenly over all classes, in [0, 1).

    Returns:
        One loss per item, in nats times costs; nothing is averaged here. The weight to divide by is the sum of
        `savings(costs)` over the row of the true class.

    Raises:
        ValueError: label_smoothing out of range.

    Source: Abe, Zadrozny, Langford 2004, "An iterative method for multi-class cost-sensitive learning", sec. 3.2, whose
    examples (x, c) of weight max_j C_yj - C_yc are here terms of one sum. Two classes: Elkan 2001, theorem 1.

    >>> cost_sensitive_cross_entropy(torch.zeros(2, 2), torch.tensor([0, 1]), costs=torch.tensor([[0.0, 10], [1, 0]]))
    tensor([6.9315, 0.6931])
    """
    if not 0 <= label_smoothing < 1:
        raise ValueError(f"label_smoothing={label_smoothing} must lie in [0, 1).")
    saved = savings(costs)
    totals = saved.sum(1, keepdim=True)
    shares = saved / totals.clamp(min=torch.finfo(saved.dtype).tiny)
    per_item = F.cross_entropy(logits, shares[targets.long()], reduction="none", label_smoothing=label_smoothing)
    return per_item * totals[targets.long(), 0]


def savings(costs: Float[Tensor, "k k"]) -> Float[Tensor, "k k"]:
    """What each answer saves against the dearest one about the same class: max_j C_yj - C_yc.

    >>> savings(torch.tensor([[0.0, 10], [1, 0]]))
    tensor([[10.,  0.],
            [ 0.,  1.]])
    """
    return costs.amax(1, keepdim=True) - costs
