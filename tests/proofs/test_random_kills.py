"""T02: `kill -9` at random moments of whole trainings; resumed again and again, they end with the same bits.

Seven kinds of run, with a checkpoint after every step so that deaths land everywhere: while data are read, in steps,
in the writing of checkpoints, on dev, and while the report is made. What must be equal is said by `sittings.outcome`.
"""

import shutil
import signal
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from kinds import KINDS, OFTEN, different, whole
from sittings import End, ForkServer, outcome

from rumbo.runs.publisher import latest

pytestmark = pytest.mark.train

IN_HASTE = ("an average of the weights", "parts of a step, clipping and balanced draws")


@dataclass
class Deaths:
    """What was killed, and what came of it."""

    places: Counter[str] = field(default_factory=Counter[str])
    wrong: list[str] = field(default_factory=list[str])

    def __str__(self) -> str:
        return f"{self.places.total()} kills: {dict(self.places)}"


class Chain:
    """One run, trained in sittings that are killed until one comes to its end."""

    def __init__(self, server: ForkServer, data: Path, kind: str, seed: int):
        self.server, self.data, self.kind, self.seed = server, data, kind, seed
        self.rng = np.random.default_rng(seed)
        self.run, self.saved = data / f"chain-{seed}", -1

    def sit(self, after_seconds: float | None = None, *, from_first_step: bool = False) -> End:
        """One sitting; threads that decode are another number each time."""
        has_begun = (self.run / "config.yaml").exists()
        if not has_begun:
            shutil.rmtree(self.run, ignore_errors=True)  # killed before it was a run
        words = ("--resume",) if has_begun else (*KINDS[self.kind], *OFTEN)
        signals = [] if after_seconds is None else [(after_seconds, signal.SIGKILL)]
        cores = int(self.rng.choice([1, 2, 4])) if "threads" in self.kind else None
        command = ("train", *words, "--out", self.run)
        when = {"signals": signals, "from_first_step": from_first_step}
        return self.server.run(*command, folder=self.data, cores=cores, **when)[0]

    def die(self, up_to_seconds: float, deaths: Deaths) -> bool:
        """Kill a sitting at a random moment, and look at what it left; False when the next one should live."""
        # One in five from the very start; most are young, so that a chain has several.
        from_first_step = bool(self.rng.random() < 0.8)
        up_to_seconds *= float(self.rng.choice([0.1, 0.2, 1.0])) if from_first_step else 0.5
        end = self.sit(float(self.rng.uniform(0.0, up_to_seconds)), from_first_step=from_first_step)
        if end.code == 0:
            return False
        self.saved = max(self.saved, end.saved)
        deaths.places[end.place] += 1
        if end.code != -signal.SIGKILL:
            deaths.wrong.append(f"{self}: ended with {end.code}: {end.told}")
        found = latest(self.run / "checkpoints")
        if (found is None and self.saved >= 0) or (found is not None and (found.step < self.saved or found.skipped)):
            deaths.wrong.append(f"{self}: step {self.saved} was said to be saved, but {found and found.step} is there")
        return end.place != "finishing"  # once is enough, or most would die there

    def __str__(self) -> str:
        return f"{self.kind}, seed {self.seed}"


def kill_chains(server: ForkServer, data: Path, kind: str, num_kills: int, seed: int) -> Deaths:
    """Kill so often, in as many chains as it takes, and compare the end of each chain with the uninterrupted run."""
    (wanted, seconds), deaths = whole(server, data, kind), Deaths()
    while deaths.places.total() < num_kills:
        chain = Chain(server, data, kind, seed)
        while deaths.places.total() < num_kills and chain.die(seconds, deaths):
            pass
        end = chain.sit()
        if end.code != 0:
            deaths.wrong.append(f"{chain}: the last sitting ended with {end.code}: {end.told}")
        elif names := different(outcome(chain.run), wanted):
            deaths.wrong.append(f"{chain}: {', '.join(names)} differ")
        shutil.rmtree(chain.run)
        seed += 1
    return deaths


@pytest.mark.parametrize("kind", IN_HASTE)
def test_killed_runs_end_with_the_bits_of_whole_ones(server, data, kind):
    deaths = kill_chains(server, data, kind, num_kills=3, seed=100 * list(KINDS).index(kind))
    assert deaths.wrong == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_two_hundred_kills(server, data, kind):
    """29 kills of each of seven kinds."""
    deaths = kill_chains(server, data, kind, num_kills=29, seed=10_000 + 100 * list(KINDS).index(kind))
    print(f"{kind}: {deaths}")
    assert deaths.wrong == []
    assert deaths.places["stepping"] + deaths.places["saving"] > 0
