"""Clusters: planted ones are found, told by what they share, and the same ones come each time."""

import json

import numpy as np
import pytest

from rumbo.core.errors import UsageError
from rumbo.strategy.clusters import cluster_errors, k_means, num_clusters


def planted(seed=0):
    """300 examples around three centers; those at the first are wrong half the time, the others seldom."""
    generator = np.random.default_rng(seed)
    home = np.repeat([0, 1, 2], 100)
    features = np.eye(3)[home] * 8 + generator.normal(size=(300, 3))
    wrong = generator.random(300) < np.array([0.5, 0.15, 0.1])[home]
    return features, wrong, home, [f"e{number}" for number in range(300)]


def test_planted_groups_are_found_and_told():
    features, wrong, home, ids = planted()
    clusters = cluster_errors(features, wrong, ids, {"foggy": home == 0, "any": np.arange(300) % 2 == 0})
    assert len(clusters) == num_clusters(int(wrong.sum()))
    assert sum(cluster.num_wrong for cluster in clusters) == wrong.sum()
    assert sum(cluster.share for cluster in clusters) == pytest.approx(1)
    foggy = [cluster for cluster in clusters if "foggy" in [trait.name for trait in cluster.traits]]
    assert foggy
    assert foggy[0].traits[0].share == 1
    assert all(home[int(name[1:])] == 0 for name in foggy[0].examples)
    assert all(wrong[int(name[1:])] for cluster in clusters for name in cluster.examples)
    assert not any(trait.name == "any" for cluster in clusters for trait in cluster.traits)
    others = [cluster for cluster in clusters if cluster not in foggy]
    assert min(cluster.error_near for cluster in foggy) > max(cluster.error_near for cluster in others)
    for cluster in clusters:
        assert cluster.interval[0] <= cluster.error_near <= cluster.interval[1]


def test_the_same_come_each_time_and_scales_do_not_matter():
    features, wrong, _, ids = planted()
    first = cluster_errors(features, wrong, ids, {})
    assert cluster_errors(features, wrong, ids, {}) == first
    scaled = features * [1, 1000, 0.001] + 5
    assert [cluster.num_wrong for cluster in cluster_errors(scaled, wrong, ids, {})] == [
        cluster.num_wrong for cluster in first
    ]
    with_constant = np.concatenate([features, np.full((300, 1), 7.0)], axis=1)
    assert cluster_errors(with_constant, wrong, ids, {}) == first
    json.dumps([cluster.to_dict() for cluster in first], allow_nan=False)


def test_few_or_featureless_examples_have_none():
    features, _, _, ids = planted()
    few = np.arange(300) < 19
    assert cluster_errors(features, few, ids, {}) == ()
    assert cluster_errors(np.ones((300, 2)), np.ones(300, dtype=bool), ids, {}) == ()
    with pytest.raises(UsageError):
        cluster_errors(features, few[:5], ids, {})


def test_means_are_means_and_points_belong_to_the_nearest():
    generator = np.random.default_rng(0)
    points = generator.normal(size=(200, 4)) + 6 * np.eye(4)[generator.integers(0, 4, 200)]
    centers, own = k_means(points, 4)
    for code, center in enumerate(centers):
        assert center == pytest.approx(points[own == code].mean(axis=0))
    distances = ((points[:, None] - centers) ** 2).sum(axis=2)
    assert (distances.argmin(axis=1) == own).all()
    assert ((points - centers[own]) ** 2).sum() < 4.6 * 200  # four numbers of variance 1


def test_equal_points_are_one_center():
    centers, own = k_means(np.ones((30, 2)), 3)
    assert centers.tolist() == [[1, 1]]
    assert own.tolist() == [0] * 30
