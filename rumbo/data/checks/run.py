"""Running the checks that a data set's kinds have, and the numbers that stand beside the findings."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np

from rumbo.core.errors import DataError
from rumbo.core.messages import t
from rumbo.data.checks import (
    annotations,
    boxes,
    classes,
    drift,
    entries,
    identities,
    images,
    masks,
    points,
    signals,
    sources,
    splits,
    tables,
    targets,
    texts,
)
from rumbo.data.checks.annotations import balance, reason_of
from rumbo.data.checks.facts import Facts
from rumbo.data.checks.findings import SEVERITIES, CheckReport, Finding
from rumbo.data.manifest import Dataset, SignalKind, TargetKind
from rumbo.data.pictures.decode import BadItem
from rumbo.data.splits.split import Split

Check: TypeAlias = Callable[[Facts], Iterable[Finding]]


def check_data(
    dataset: Dataset, split: Split, bad_items: Sequence[BadItem] = (), *, thorough: bool = False
) -> CheckReport:
    """Look for everything that makes results wrong or training pointless.

    Args:
        dataset: the examples.
        split: where they belong.
        bad_items: pictures that could not be decoded; those of `dataset.bad` are added.
        thorough: look into every picture (mask, text, sound), as `rumbo check` does; else, of sets with more than
            2,000, into every n-th, which `counts["looked_into"]` tells.
    """
    facts = Facts(dataset, split, (*dataset.bad, *bad_items), thorough)
    with np.errstate(all="ignore"):  # of entries near the end of the range a sum is infinite: no finding follows
        findings = [finding for check in checks_of(facts) for finding in check(facts)]
    findings.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    return CheckReport(tuple(findings), _counts(facts))


def checks_of(facts: Facts) -> list[Check]:
    """The checks that apply, in the order of what matters first."""
    dataset = facts.dataset
    kinds: tuple[tuple[bool, Sequence[Check]], ...] = (
        (True, annotations.CHECKS),
        (True, splits.CHECKS),
        (True, sources.CHECKS),
        (dataset.target is not None, classes.CHECKS),
        (facts.is_kind(TargetKind.NUMBER), targets.CHECKS),
        (True, tables.CHECKS),
        (True, entries.CHECKS),
        (True, drift.CHECKS),
        (dataset.images is not None, images.CHECKS),
        (facts.is_kind(TargetKind.BOXES), boxes.CHECKS),
        (dataset.masks is not None, masks.CHECKS),
        (facts.is_kind(TargetKind.POINTS), points.CHECKS),
        (facts.is_kind(TargetKind.IDENTITY), identities.CHECKS),
        (facts.has_signals(SignalKind.TEXT), texts.CHECKS),
        (facts.has_signals(SignalKind.AUDIO), signals.AUDIO_CHECKS),
        (facts.has_signals(SignalKind.SERIES), signals.SERIES_CHECKS),
        (facts.has_signals(SignalKind.VOLUME), signals.VOLUME_CHECKS),
    )
    return [check for applies, checks in kinds if applies for check in checks]


def refuse_too_many_bad(dataset: Dataset, bad_items: Sequence[BadItem], max_bad_fraction: float) -> None:
    """Stop when too large a share of the examples cannot be used.

    Args:
        dataset: the examples; `dataset.bad` counts too.
        bad_items: pictures of `dataset` that could not be decoded.
        max_bad_fraction: the share that is let pass.

    Raises:
        DataError: naming the first of them, and the option.
    """
    bad = (*dataset.bad, *bad_items)
    total = len(dataset) + len(dataset.bad)
    if not bad or len(bad) <= max_bad_fraction * total:
        return
    raise DataError(
        t(
            "{count} of {total} examples cannot be used ({share} %; at most {limit} % are let pass). {reasons} "
            "Correct or remove them, or train without them: --set data.max_bad_fraction={enough}.",
            count=len(bad),
            total=total,
            share=f"{100 * len(bad) / total:.3g}",
            limit=f"{100 * max_bad_fraction:.3g}",
            reasons=" ".join(reason_of(item).rstrip(".") + "." for item in bad[:3]),
            enough=f"{math.ceil(100 * len(bad) / total) / 100:g}",
        )
    )


def _counts(facts: Facts) -> dict[str, Any]:
    dataset = facts.dataset
    counts: dict[str, Any] = {
        "splits": {name: len(facts.rows[name]) for name in facts.used_splits},
        "bad": len(facts.bad),
    }
    if (of_classes := facts.class_counts) is not None:
        counts["classes"] = {name: of_classes[name] for name in facts.used_splits}
    if (sums := balance(dataset)) is not None:
        counts["annotations"] = sums
    sizes: dict[str, Any] = {}
    if facts.pictures.height:
        pictures = facts.pictures.select("height", "width").sort("height", "width").rows()
        sizes["pictures"] = _spread([list(size) for size in pictures])
    if dataset.signals is not None and len(dataset):
        shapes = sorted(dataset.signals.size(row) for row in range(len(dataset)))
        sizes[dataset.signals.kind.value] = _spread([list(shape) for shape in shapes])
    if dataset.numbers or dataset.categories:
        sizes["table"] = {"rows": len(dataset), "numbers": len(dataset.numbers), "categories": len(dataset.categories)}
    if sizes:
        counts["sizes"] = sizes
    if dataset.images is not None:
        counts["looked_into"] = facts.pictures.height
    return counts


def _spread(ordered: list[list[int]]) -> dict[str, Any]:
    """Smallest, middle and largest of ordered sizes, and how many different ones there are."""
    different = len(np.unique(np.array(ordered), axis=0))
    return {
        "smallest": ordered[0],
        "middle": ordered[len(ordered) // 2],
        "largest": ordered[-1],
        "different": different,
    }
