# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""What happens in training, as it happens."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from torch import Tensor


@dataclass(frozen=True)
class Stepped:
    """One update was made. The loss is still a tensor: reading it is the reader's choice, and cost."""

    step: int
    epoch: int
    batch: int
    num_batches: int
    loss: Tensor


@dataclass(frozen=True)
class Evaluating:
    """Some examples of dev were evaluated; leaving here loses no more than this evaluation."""

    epoch: int
    done: int
    total: int


@dataclass(frozen=True)
class Evaluated:
    """An epoch is over and dev (where there is one) was evaluated. `metrics` has names such as `dev/accuracy`."""

    epoch: int
    seconds: float
    learning_rate: float
    metrics: Mapping[str, float]
    is_best: bool


@dataclass(frozen=True)
class Warned:
    """Something that the user should know while it happens: a skipped step, less memory than needed, a plateau."""

    sentence: str


@dataclass(frozen=True)
class Finished:
    """Training is over; the state holds the best weights again. `reason`: epochs, patience or budget."""

    reason: str
    epoch: int
    best_epoch: int


Event: TypeAlias = Stepped | Evaluating | Evaluated | Warned | Finished
