# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportPrivateUsage=false
# pyright: reportPrivateImportUsage=false
"""Whole lists of tensors by one call each, as torch's own optimizers and gradient scaler do it.

torch has public functions for some of them; at steps of a millisecond their checks cost five times the work.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


def not_finite(tensors: Sequence[Tensor], one: Tensor) -> Tensor:
    """1. where an entry of any tensor is infinite or NaN, else 0.; the tensors stay as they are.

    Args:
        tensors: of one device.
        one: a float32 1. there.
    """
    found = torch.zeros_like(one)
    torch._amp_foreach_non_finite_check_and_unscale_(list(tensors), found, one)
    return found


def norm(tensors: Sequence[Tensor]) -> Tensor:
    """The Euclidean norm of all entries together."""
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(list(tensors))))


def clip_to_norm(tensors: Sequence[Tensor], largest: float, met: Tensor) -> None:
    """Scale the tensors down, in place, where the norm met, of all that they are part of, is larger than `largest`."""
    torch._foreach_mul_(list(tensors), (largest / (met + 1e-6)).clamp(max=1.0))


def clip_to_value(tensors: Sequence[Tensor], largest: float) -> None:
    """Bring each entry, in place, into [-largest, largest]."""
    torch._foreach_clamp_max_(list(tensors), largest)
    torch._foreach_clamp_min_(list(tensors), -largest)


def move_towards(tensors: Sequence[Tensor], others: Sequence[Tensor], share: float) -> None:
    """Each x becomes x + share (y - x), in place."""
    torch._foreach_lerp_(list(tensors), list(others), share)
