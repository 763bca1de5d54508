# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Options of the learning-rate schedule. Needs no torch."""

import functools
import itertools
from dataclasses import dataclass
from typing import Literal

from rumbo.core.errors import OptionError
from rumbo.core.messages import t
from rumbo.core.options import Options, option

ScheduleName = Literal[
    "constant", "decay", "exponential", "root", "step", "manual",
    "cyclical", "cosine_restarts", "cosine", "linear", "one_cycle", "range_test",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ScheduleOptions(Options):
    """How the learning rate moves; `rumbo.training.schedule` has the formulas."""

    name: ScheduleName = option(
        "one_cycle",
        "constant, decay 1/(1 + rate*epoch), exponential base^epoch, root k/sqrt(t), step, manual, cyclical, "
        "cosine_restarts, cosine, linear, one_cycle, or range_test (of `rumbo lrfind`).",
    )
    warmup_epochs: float = option(
        0.0,
        "All but one_cycle and range_test: epochs in which the rate rises from almost 0 in a straight line; schedules "
        "that move by step begin after them.",
        low=0.0,
        high=10_000.0,
    )
    warmup_fraction: float = option(0.25, "one_cycle: share of the steps in which the rate rises.", low=0.0, high=0.9)
    decay_rate: float = option(1.0, "decay: the rate of 1/(1 + rate*epoch).", low=0.0)
    exponential_base: float = option(0.95, "exponential: the base of base^epoch.", low=0.0, high=1.0)
    root_k: float = option(1.0, "root: the k of k/sqrt(t); t counts from 1.", low=0.0, high=100.0)
    root_of: Literal["epoch", "step"] = option("epoch", "root: what t counts, epoch or step.")
    step_epochs: int = option(10, "step: epochs between two reductions.", low=1)
    step_factor: float = option(0.1, "step: what each reduction multiplies by.", low=0.0, high=1.0)
    table: str = option(
        "10:0.1,20:0.01",
        "manual: EPOCH:FACTOR, ...; after so many epochs the rate is the factor times the base rate, until the next.",
    )
    cycle_epochs: int = option(10, "cyclical and cosine_restarts: epochs of a cycle.", low=1)
    cycle_low: float = option(
        0.1, "cyclical: the lowest rate, as a fraction of the base rate, which is the highest.", low=0.0, high=1.0
    )
    cycle_halving: bool = option(False, "cyclical: halve the height of the triangle after each cycle.")
    range_low: float = option(1e-8, "range_test: where it begins, as a fraction of the base rate.", low=1e-16, high=1.0)
    range_steps: int = option(200, "range_test: steps from there to the base rate, at equal ratios.", low=2)

    def __post_init__(self) -> None:
        super().__post_init__()
        read_table(self.table)


@functools.lru_cache(maxsize=64)
def read_table(text: str) -> tuple[tuple[int, float], ...]:
    """(epoch, factor) pairs of a table in words, epochs rising.

    Raises:
        OptionError: anything else.

    >>> read_table("5:0.5, 20:0.1")
    ((5, 0.5), (20, 0.1))
    """
    pairs = tuple(_read_pair(part, text) for part in text.split(","))
    for (before, _), (epoch, _) in itertools.pairwise(pairs):
        if epoch <= before:
            raise OptionError(
                t(
                    "train.schedule.table='{text}': epochs must rise, but {epoch} follows {before}.",
                    text=text[:80],
                    epoch=epoch,
                    before=before,
                )
            )
    return pairs


def _read_pair(part: str, text: str) -> tuple[int, float]:
    epoch, _, factor = part.partition(":")
    try:
        pair = int(epoch), float(factor)
    except ValueError:
        pair = -1, 0.0
    if pair[0] < 0 or not 0 <= pair[1] <= 100:
        raise OptionError(
            t(
                "train.schedule.table='{text}': '{part}' must be EPOCH:FACTOR, a whole number and a factor in "
                "[0, 100], such as 5:0.5 for half of the base rate after 5 epochs.",
                text=text[:80],
                part=part.strip()[:40],
            )
        )
    return pair
