"""Checks of masks: sizes, classes that are missing, lossy compression, exchanged classes, shares of the splits."""

from collections.abc import Callable, Iterable

import numpy as np

from rumbo.core.messages import t
from rumbo.data.checks.codes import CODES
from rumbo.data.checks.facts import Facts, MaskFacts
from rumbo.data.checks.findings import Finding
from rumbo.data.checks.found import found
from rumbo.data.manifest import TargetKind
from rumbo.data.pictures.decode import BadImage

LONELY = 0.01
"""Pixels unlike all their neighbours. Measured on membrane, drawn by hand: at most 0.00001; with the grey levels that
JPEG leaves taken as codes: 0.2."""
MINORITY = 0.25
INVERTED_MARGIN = 0.2
"""The usual share must be so far from a half that its reverse is another thing."""
SHARES_DIFFERENCE = 0.25
FEWEST_MASKS = 8


def sizes(facts: Facts) -> Iterable[Finding]:
    """Masks of another size than their pictures (volumes)."""
    images, signals = facts.dataset.images, facts.dataset.signals
    wrong: list[tuple[MaskFacts, tuple[int, ...]]] = []
    for mask in facts.masks:
        if signals is not None:
            shape = signals.size(mask.row)
        elif images is not None:
            try:
                shape = images.size(mask.row)[:2]
            except BadImage:
                continue
        else:
            return
        if shape != mask.shape:
            wrong.append((mask, shape))
    if wrong:
        mask, shape = wrong[0]
        message = t(
            "masks of another size than their pictures: {count}. That of '{first}' has {met}, not {wanted}.",
            count=len(wrong),
            first=facts.ids([mask.row])[0],
            met=" x ".join(map(str, mask.shape)),
            wanted=" x ".join(map(str, shape)),
        )
        yield found("mask.wrong_size", message, facts.ids(mask.row for mask, _ in wrong), len(wrong))


def contents(facts: Facts) -> Iterable[Finding]:
    """Masks with values beyond the classes, of one class all over, or full of specks."""
    masks = facts.masks
    if not masks:
        return
    yield from _about("mask.unknown_value", facts, [mask for mask in masks if mask.counts[-1]])
    one = [mask for mask in masks if (mask.counts > 0).sum() == 1]
    if len(one) <= MINORITY * len(masks):
        yield from _about("mask.empty", facts, one)
    yield from _about("mask.specks", facts, [mask for mask in masks if mask.lonely > LONELY])
    total = np.sum([mask.counts for mask in masks], axis=0)
    assert facts.target is not None
    unused = [name for name, count in zip(facts.target.classes, total, strict=False) if count == 0]
    if unused:
        message = t("classes that no pixel has: {names}.", names=", ".join(unused[:10]))
        yield found("mask.class_unused", message, unused)


def inverted(facts: Facts) -> Iterable[Finding]:
    """Of two classes: shares and brightness the reverse of the others'. Both must say so: either varies by itself."""
    masks, images, target = facts.masks, facts.dataset.images, facts.dataset.masks
    if images is None or target is None or len(masks) < FEWEST_MASKS or len(masks[0].counts) != 3:
        return
    shares = np.array([mask.counts[1] / max(1, mask.counts.sum()) for mask in masks])
    usual = float(np.median(shares))
    suspects = [
        mask
        for mask, share in zip(masks, shares, strict=True)
        if abs(usual - 0.5) > INVERTED_MARGIN and abs(share - (1 - usual)) < abs(share - usual) / 2
    ]
    if not suspects or len(suspects) > MINORITY * len(masks):
        return
    others = [mask for mask in masks if mask not in suspects][: 2 * FEWEST_MASKS]
    contrast = np.array([_contrast(facts, mask) for mask in others])
    contrast = contrast[np.isfinite(contrast)]
    sign = float(np.sign(np.median(contrast))) if len(contrast) else 0.0
    if sign == 0 or (np.sign(contrast) == sign).mean() < 0.9:
        return
    yield from _about("mask.inverted", facts, [mask for mask in suspects if _contrast(facts, mask) * sign < 0])


def _contrast(facts: Facts, mask: MaskFacts) -> float:
    """Mean grey level under class 1 minus that under class 0; NaN where it cannot be told."""
    images, masks = facts.dataset.images, facts.dataset.masks
    assert images is not None
    assert masks is not None
    try:
        pixels, codes = images.read(mask.row), masks.read(mask.row)
    except BadImage:
        return float("nan")
    grey = pixels if pixels.ndim == 2 else pixels.mean(axis=2)
    if grey.shape != codes.shape or not (codes == 1).any() or not (codes == 0).any():
        return float("nan")
    return float(grey[codes == 1].mean() - grey[codes == 0].mean())


def shares(facts: Facts) -> Iterable[Finding]:
    """Shares of the pixels by class in train against dev and test."""
    target = facts.target
    if target is None or not facts.is_kind(TargetKind.MASK):
        return
    parts: dict[str, list[np.ndarray]] = {}
    for mask in facts.masks:
        parts.setdefault(facts.splits[mask.row], []).append(mask.counts[:-1] / max(1, mask.counts.sum()))
    for split in ("dev", "test"):
        if min(len(parts.get("train", [])), len(parts.get(split, []))) < FEWEST_MASKS / 2:
            continue
        first, second = np.array(parts["train"]), np.array(parts[split])
        difference = np.abs(first.mean(axis=0) - second.mean(axis=0))
        # Three standard errors of the means, so that few masks that vary much are no finding.
        error = np.sqrt(first.var(axis=0) / len(first) + second.var(axis=0) / len(second))
        worst = int(difference.argmax())
        if difference[worst] > max(SHARES_DIFFERENCE, 3 * error[worst]):
            message = t(
                "'{name}' covers {train} % of the pixels of train, but {other} % of {split}.",
                name=target.classes[worst],
                train=f"{100 * first.mean(axis=0)[worst]:.0f}",
                other=f"{100 * second.mean(axis=0)[worst]:.0f}",
                split=split,
            )
            yield found("mask.shares_differ", message, [target.classes[worst]], len(second))


def _about(code: str, facts: Facts, guilty: list[MaskFacts]) -> Iterable[Finding]:
    if guilty:
        ids = facts.ids(mask.row for mask in guilty)
        message = t(
            "{meaning} Masks: {count}, such as that of '{first}'.",
            meaning=CODES[code].meaning,
            count=len(guilty),
            first=ids[0],
        )
        yield found(code, message, ids, len(guilty))


CHECKS: tuple[Callable[[Facts], Iterable[Finding]], ...] = (sizes, contents, inverted, shares)
