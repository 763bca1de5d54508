"""How much of the machine other programs take while we measure."""

import os
import time
from pathlib import Path


class Strangers:
    """Counts from its birth on.

    Args:
        num_cores: cores that we may use; strangers on them are what hurts.
    """

    def __init__(self, num_cores: int):
        self.num_cores, self.began = num_cores, _now()

    def fraction(self) -> float | None:
        """Share of our cores that went to others, in [0, 1]; None where the system does not tell."""
        ended = _now()
        if self.began is None or ended is None:
            return None
        seconds, busy, own = (late - early for early, late in zip(self.began, ended, strict=True))
        return min(max((busy - own) / max(seconds, 1e-3) / self.num_cores, 0.0), 1.0)


def _now() -> tuple[float, float, float] | None:
    """Seconds by the clock, of all processors' work (what a host takes away counts), and of this process's."""
    try:
        first = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]
    except OSError:
        return None
    user, nice, system, _idle, _waiting, interrupts, soft_interrupts, stolen = map(int, first)
    ticks = user + nice + system + interrupts + soft_interrupts + stolen
    return time.monotonic(), ticks / os.sysconf("SC_CLK_TCK"), time.process_time()
