"""Clusters of a run's wrong examples, by what its network makes of them before the last layer."""

from collections.abc import Mapping, Sequence

import numpy as np

from rumbo.api.features import penultimate_features
from rumbo.api.judged import Judged
from rumbo.api.slicing import parts_of
from rumbo.core.errors import RumboError
from rumbo.core.messages import t
from rumbo.core.seeds import rng
from rumbo.strategy.clusters import FEWEST_WRONG, Cluster, cluster_errors
from rumbo.strategy.error_table import Tag
from rumbo.strategy.slice_columns import SliceColumn

MAX_FEATURES = 5_000
"""Examples that go through the network; of more, some drawn at random."""


def clusters_of(
    found: Judged, tags: Sequence[Tag], columns: Sequence[SliceColumn]
) -> tuple[tuple[Cluster, ...], list[str]]:
    """The wrong examples in groups that look alike to the network, and sentences that say why there are none.

    Args:
        found: the split.
        tags: of its examples.
        columns: of the data; groups are told by their parts, by tags and by classes.
    """
    num_wrong = int(found.wrong.sum())
    if found.dataset is None or num_wrong == 0:
        return (), []
    if num_wrong < FEWEST_WRONG:
        few = t("Clusters are made of {count} wrong examples or more; look at each of these.", count=FEWEST_WRONG)
        return (), [few]
    size = len(found.rows)
    places = np.arange(size)
    if size > MAX_FEATURES:
        places = np.sort(rng(found.run.config.seed, "clusters").permutation(size)[:MAX_FEATURES])
    try:
        features = penultimate_features(found.run.model, found.dataset.take(found.rows[places]))
    except RumboError as problem:
        return (), [t("The examples cannot be clustered: {problem}", problem=str(problem))]
    traits = {name: has[places] for name, has in _traits(found, tags, columns).items()}
    ids = [found.predictions.ids[place] for place in places.tolist()]
    return cluster_errors(features, found.wrong[places], ids, traits, seed=found.run.config.seed), []


def _traits(found: Judged, tags: Sequence[Tag], columns: Sequence[SliceColumn]) -> Mapping[str, np.ndarray]:
    """What clusters can be told by: parts of columns, tags, true and predicted classes."""
    traits = parts_of(columns) | {tag.name: tag.looked.has for tag in tags}
    predictions, task = found.predictions, found.task
    if task.name == "classify" and predictions.truth is not None:
        classes: tuple[str, ...] = getattr(task, "classes")  # noqa: B009
        best = predictions.outputs.argmax(axis=1)
        traits |= {t("true: {name}", name=name): predictions.truth == code for code, name in enumerate(classes)}
        traits |= {t("taken for: {name}", name=name): best == code for code, name in enumerate(classes)}
    return traits
