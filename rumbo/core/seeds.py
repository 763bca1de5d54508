"""Randomness as a function of (seed, purpose, position): nothing to store, nothing to restore."""

import hashlib

import numpy as np


def stream(seed: int, purpose: str, *position: int) -> int:
    """A 63-bit seed of its own for each purpose and position (epoch, step, rank).

    >>> stream(0, "shuffle", 1) == stream(0, "shuffle", 1) != stream(0, "shuffle", 2)
    True
    """
    text = "/".join([str(seed), purpose, *map(str, position)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def rng(seed: int, purpose: str, *position: int) -> np.random.Generator:
    """A NumPy generator on the stream of a purpose and position."""
    return np.random.default_rng(stream(seed, purpose, *position))


def uniform_per_item(seed: int, items: np.ndarray, num_draws: int) -> np.ndarray:
    """Numbers in [0, 1) that depend on the seed and the item alone, not on its batch or on workers.

    Args:
        seed: a `stream` of purpose and epoch.
        items: whole numbers that name the items.
        num_draws: draws per item.

    Returns:
        float64, items x draws.

    Source: the finaliser of SplitMix64 (Steele, Lea, Flood 2014, fig. 15) over (item, draw).
    """
    with np.errstate(over="ignore"):
        golden = np.uint64(0x9E3779B97F4A7C15)
        draws = np.arange(num_draws, dtype=np.uint64)
        z = np.uint64(seed) + (items.astype(np.uint64)[:, None] * np.uint64(num_draws) + draws + np.uint64(1)) * golden
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53
