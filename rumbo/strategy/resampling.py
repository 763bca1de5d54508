"""Resampled sums of several columns at once, for the spread of ratios."""

import numpy as np

from rumbo.strategy.intervals import MAX_GROUPS

DRAWS_AT_ONCE = 100


def resampled_sums(columns: np.ndarray, num_draws: int, generator: np.random.Generator) -> np.ndarray:
    """The columns' sums over resampled examples: the same examples for all columns of one draw.

    Above `MAX_GROUPS` examples random groups of them are resampled, which keeps the spread and bounds the time.

    Args:
        columns: one row per example, n x c.
        num_draws: resamples.
        generator: source of randomness.

    Returns:
        num_draws x c.

    Source: Efron 1979, "Bootstrap methods: another look at the jackknife".
    """
    rows = np.asarray(columns, dtype=np.float64)
    if len(rows) > MAX_GROUPS:
        order = generator.permutation(len(rows))
        starts = np.linspace(0, len(rows), MAX_GROUPS, endpoint=False).astype(np.int64)
        rows = np.add.reduceat(rows[order], starts, axis=0)
    size = len(rows)
    sums = np.empty((num_draws, rows.shape[1]))
    for start in range(0, num_draws, DRAWS_AT_ONCE):
        part = sums[start : start + DRAWS_AT_ONCE]
        chosen = generator.integers(0, size, (len(part), size))
        counts = np.stack([np.bincount(draw, minlength=size) for draw in chosen])
        part[:] = counts @ rows
    return sums
