"""Clusters of wrong examples that look alike to the network, each told by what its examples have in common."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from rumbo.core import seeds
from rumbo.core.errors import UsageError
from rumbo.core.messages import t
from rumbo.strategy.chance import excess_p_values
from rumbo.strategy.intervals import Interval, wilson

FEWEST_WRONG = 20
"""Fewer wrong examples are not grouped: one can look at them all."""
PER_CLUSTER = 15
MOST_CLUSTERS = 8
NUM_STARTS, MAX_STEPS = 8, 100
NEAR = 0.8
"""Share of a cluster's examples that its neighbourhood reaches."""
NUM_EXAMPLES = 14
NUM_TRAITS = 3
TELLING = 0.05


@dataclass(frozen=True, kw_only=True)
class Trait:
    """What the examples of a cluster have in common.

    Attributes:
        name: a tag or a class.
        share: of the cluster's examples.
        share_elsewhere: of the other wrong examples.
    """

    name: str
    share: float
    share_elsewhere: float


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Wrong examples that lie together.

    Attributes:
        num_wrong: how many.
        share: of all wrong examples that were grouped.
        num_near: examples, right and wrong, as near to the center as 80 % of the cluster's.
        error_near: share of wrong ones among these.
        interval: 95 %, of these alone; the cluster was chosen by its wrong ones.
        traits: what tells it from the other wrong examples, the surest first.
        examples: ids of the wrong examples nearest to the center.
    """

    num_wrong: int
    share: float
    num_near: int
    error_near: float
    interval: Interval
    traits: tuple[Trait, ...]
    examples: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types."""
        return asdict(self) | {
            "interval": list(self.interval),
            "traits": [asdict(trait) for trait in self.traits],
            "examples": list(self.examples),
        }


def num_clusters(num_wrong: int) -> int:
    """One for every 15 wrong examples, between 2 and 8; none for fewer than 20.

    >>> [num_clusters(count) for count in (19, 20, 60, 1000)]
    [0, 2, 4, 8]
    """
    return 0 if num_wrong < FEWEST_WRONG else min(MOST_CLUSTERS, max(2, num_wrong // PER_CLUSTER))


def cluster_errors(
    features: np.ndarray,
    wrong: np.ndarray,
    ids: Sequence[str],
    traits: Mapping[str, np.ndarray],
    *,
    seed: int = 0,
) -> tuple[Cluster, ...]:
    """Group the wrong examples by their features, the largest group first.

    Features are measured from their mean in their standard deviations over all examples, constant ones left out; then
    only their direction counts, so that a single extreme example does not make a group of its own.

    Args:
        features: what the network makes of each example before its last layer, n x d.
        wrong: which are wrong, n.
        ids: names, n.
        traits: by name, which examples have it, n booleans each.
        seed: of the first centers.

    Raises:
        UsageError: sizes that differ.
    """
    wrong = np.asarray(wrong, dtype=bool)
    if not len(features) == len(wrong) == len(ids):
        raise UsageError(t("features, wrong examples and ids must be equally many."))
    count = num_clusters(int(wrong.sum()))
    points = _scaled(np.asarray(features, dtype=np.float64))
    if count == 0 or points.shape[1] == 0:
        return ()
    inside = points[wrong]
    centers, own = k_means(inside, count, seed=seed)
    places = np.flatnonzero(wrong)
    found = [
        _cluster(points, centers[code], places[own == code], places[own != code], wrong, ids, traits)
        for code in range(len(centers))
        if (own == code).any()
    ]
    return tuple(sorted(found, key=lambda cluster: (-cluster.num_wrong, cluster.examples)))


def k_means(points: np.ndarray, count: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Centers and, for each point, the nearest of them: the best of eight starts.

    Args:
        points: n x d.
        count: centers, at most n; fewer come back where points coincide.
        seed: of the first centers.

    Returns:
        Centers k x d, and the code of each point's center, n.

    Source: Lloyd 1982, "Least squares quantization in PCM"; first centers: Arthur, Vassilvitskii 2007, "k-means++".

    >>> centers, own = k_means(np.array([[0.0], [1.0], [9.0], [10.0]]), 2)
    >>> sorted(centers[:, 0].tolist()), bool(own[0] == own[1] != own[2] == own[3])
    ([0.5, 9.5], True)
    """
    best: tuple[float, np.ndarray, np.ndarray] | None = None
    for start in range(NUM_STARTS):
        centers = _first_centers(points, count, seeds.rng(seed, "k_means", start))
        own = _nearest(points, centers)[1]
        for _ in range(MAX_STEPS):
            centers = np.stack(
                [points[own == code].mean(axis=0) for code in range(len(centers)) if (own == code).any()]
            )
            moved = _nearest(points, centers)[1]
            if np.array_equal(moved, own):
                break
            own = moved
        distances, own = _nearest(points, centers)
        if best is None or distances.sum() < best[0] * (1 - 1e-9):
            best = float(distances.sum()), centers, own
    assert best is not None
    return best[1], best[2]


def _first_centers(points: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """Points far from one another: each next one is drawn by its squared distance from those before."""
    chosen = [int(generator.integers(len(points)))]
    while len(chosen) < count:
        distances = _nearest(points, points[chosen])[0]
        if distances.sum() <= 0:
            break
        chosen.append(int(generator.choice(len(points), p=distances / distances.sum())))
    return points[chosen]


def _nearest(points: np.ndarray, centers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Squared distance to the nearest center, and its code."""
    squares = (points**2).sum(axis=1)[:, None] - 2 * points @ centers.T + (centers**2).sum(axis=1)
    own = squares.argmin(axis=1)
    return np.maximum(squares[np.arange(len(points)), own], 0.0), own


def _scaled(features: np.ndarray) -> np.ndarray:
    spread = features.std(axis=0)
    varies = spread > 1e-9 * np.maximum(np.abs(features).max(axis=0, initial=0.0), 1e-300)
    scaled = (features[:, varies] - features[:, varies].mean(axis=0)) / spread[varies]
    lengths = np.linalg.norm(scaled, axis=1, keepdims=True)
    return scaled / np.where(lengths > 0, lengths, 1.0)


def _cluster(
    points: np.ndarray,
    center: np.ndarray,
    own: np.ndarray,
    others: np.ndarray,
    wrong: np.ndarray,
    ids: Sequence[str],
    traits: Mapping[str, np.ndarray],
) -> Cluster:
    distances = _nearest(points, center[None])[0]
    near = distances <= np.quantile(distances[own], NEAR, method="higher")
    num_near, num_bad = int(near.sum()), int((near & wrong).sum())
    order = own[np.argsort(distances[own], kind="stable")]
    return Cluster(
        num_wrong=len(own),
        share=len(own) / int(wrong.sum()),
        num_near=num_near,
        error_near=num_bad / num_near,
        interval=wilson(num_bad, num_near),
        traits=_telling(own, others, traits),
        examples=tuple(ids[int(place)] for place in order[:NUM_EXAMPLES]),
    )


def _telling(own: np.ndarray, others: np.ndarray, traits: Mapping[str, np.ndarray]) -> tuple[Trait, ...]:
    """What is surely more frequent here than among the other wrong examples, at most three.

    Of traits that the same wrong examples have, one is told.
    """
    told: list[tuple[float, Trait]] = []
    for name, has in traits.items():
        inside, outside = int(has[own].sum()), int(has[others].sum())
        p_value = excess_p_values(inside, len(own), inside + outside, len(own) + len(others)).item()
        if p_value * len(traits) <= TELLING:
            trait = Trait(name=name, share=inside / len(own), share_elsewhere=outside / max(1, len(others)))
            told.append((p_value, trait))
    told.sort(key=lambda one: (one[0], one[1].name))
    wrong = np.concatenate([own, others])
    kept: list[Trait] = []
    for _, trait in told:
        is_new = not any(np.array_equal(traits[trait.name][wrong], traits[other.name][wrong]) for other in kept)
        if is_new and len(kept) < NUM_TRAITS:
            kept.append(trait)
    return tuple(kept)
