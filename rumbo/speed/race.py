# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Two loops on the same work, in turns: what a row of the table is, and how it is measured."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rumbo.core.devices import num_cores
from rumbo.core.registry import Registry
from rumbo.speed.disturbance import Strangers
from rumbo.speed.index import INDEX
from rumbo.training.precision import Choice

Round = Callable[[], list[float]]
"""Trains for a fixed number of steps, going on from where it was, and returns the loss of each."""
FEWEST_ROUNDS, LONGEST_SECONDS = 3, 40.0
"""Where nobody says how many rounds: a slow or busy machine has fewer."""
EARLY_STEPS = 20
"""In which losses are compared one by one."""
Show = Callable[[int], None]
"""Sees how many rounds of a race are done."""


@dataclass(frozen=True, kw_only=True)
class Race:
    """Our loop and one written by hand, from the same weights over the same batches.

    Attributes:
        name: of the row.
        ours: a round through `rumbo.training.loop.fit`.
        by_hand: the same round in plain PyTorch.
        steps: updates in a round.
        items: what is counted, in one step.
        unit: the word for items.
        rounds: how many there are where nobody says.
        choice: how ours computes; the loop by hand is fp32 in the usual layout.
    """

    name: str
    ours: Round
    by_hand: Round
    steps: int
    items: int
    unit: str
    rounds: int
    choice: Choice


@dataclass(frozen=True, kw_only=True)
class Times:
    """Seconds per step, one value per round: by the clock, and of processor time, which strangers disturb less."""

    clock: list[float] = field(default_factory=list[float])
    work: list[float] = field(default_factory=list[float])

    def note(self, round_of: Round, steps: int) -> list[float]:
        """Time a round; returns its losses."""
        began, worked = time.perf_counter(), time.process_time()
        losses = round_of()
        self.clock.append((time.perf_counter() - began) / steps)
        self.work.append((time.process_time() - worked) / steps)
        return losses


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a race gave.

    Attributes:
        race: the race.
        ours: our times.
        by_hand: those of the loop by hand.
        losses: (ours, by hand) of each step, the warm-up's first.
        strangers_fraction: share of the machine that other programs took; None where the system does not tell.
    """

    race: Race
    ours: Times
    by_hand: Times
    losses: Sequence[tuple[float, float]] = field(repr=False)
    strangers_fraction: float | None

    @property
    def ratios(self) -> list[float]:
        """How many times as fast we are, round by round."""
        return [hand / ours for ours, hand in zip(self.ours.clock, self.by_hand.clock, strict=True)]

    @property
    def ratio(self) -> float:
        """The median of the ratios of rounds: what slows the machine for a while hits both."""
        return statistics.median(self.ratios)

    @property
    def work_ratio(self) -> float:
        """As `ratio`, of processor time."""
        return statistics.median(hand / ours for ours, hand in zip(self.ours.work, self.by_hand.work, strict=True))

    @property
    def overhead_percent(self) -> float:
        """Time that the loop adds to the one by hand; below 0 where it is faster."""
        return 100 * (1 / self.ratio - 1)

    @property
    def loss_difference(self) -> float:
        """The largest difference between the losses of one step, among the first.

        Later ones say less: a training enlarges what rounding began, and a loop by hand whose weights are moved by
        1e-8 ends as far from itself.
        """
        return max(abs(ours - hand) for ours, hand in self.losses[:EARLY_STEPS])

    @property
    def mean_loss_difference(self) -> float:
        """Between the mean losses of all steps."""
        return abs(sum(ours - hand for ours, hand in self.losses)) / len(self.losses)


races: Registry[Callable[[Path | None], tuple[Race, ...]]] = Registry("row", INDEX, "rumbo bench --list")
"""Row -> what builds its races; the argument is a folder of real data, for the row that can use it."""


def run(race: Race, *, rounds: int | None = None, show: Show | None = None) -> Result:
    """A round of each in turn, A B A B; the first of both warms up and is not timed.

    Args:
        race: the race.
        rounds: timed rounds, >= 1; none takes the race's own number, or fewer where the machine is slow.
        show: sees progress between the rounds.
    """
    losses = list(zip(race.ours(), race.by_hand(), strict=True))
    times = {"ours": Times(), "by_hand": Times()}
    strangers, began = Strangers(num_cores()), time.monotonic()
    for done in range(race.rounds if rounds is None else rounds):
        if rounds is None and done >= FEWEST_ROUNDS and time.monotonic() - began > LONGEST_SECONDS:
            break
        if show is not None:
            show(done)
        ours = times["ours"].note(race.ours, race.steps)
        losses += zip(ours, times["by_hand"].note(race.by_hand, race.steps), strict=True)
    return Result(race=race, losses=losses, strangers_fraction=strangers.fraction(), **times)
