"""Faults and mutants, put in place inside a child of the fork server before it runs its command. Each by its name."""

import os


def cores(number: int) -> None:
    """Make the program see so many cores: as many threads decode pictures."""
    os.sched_getaffinity = lambda pid: set(range(number))
