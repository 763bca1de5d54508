"""What holds a model back: the gaps between unavoidable, train, train-dev, dev, test and real-world error.

Words and method: Ng 2018, "Machine Learning Yearning", ch. 20-43; the thresholds and intervals are ours.
"""

from collections.abc import Mapping
from typing import Literal

import numpy as np

from rumbo.core.errors import UsageError, unknown_name
from rumbo.core.messages import t
from rumbo.strategy.gap_records import SPLITS, Diagnosis, ErrorLevel, Gap, GapName, Stage
from rumbo.strategy.gap_sentences import below_human, explanation, percent, too_few, uncertain, verdict_sentence
from rumbo.strategy.intervals import percentile_interval, smallest_size
from rumbo.strategy.levels import Kind, Level, SplitError, measure

__all__ = ["SPLITS", "Diagnosis", "ErrorLevel", "Gap", "GapName", "SplitError", "Stage", "diagnose", "percent"]

ROUNDING = 1e-9  # 0.10 - 0.09 must not count as more than 0.01


def diagnose(
    errors: Mapping[str, SplitError | float],
    *,
    human_error: SplitError | float = 0.0,
    threshold: float = 0.01,
    kind: Kind = "mean",
    scale: float = 1.0,
    seed: int = 0,
) -> Diagnosis:
    """Find the gap that costs most.

    avoidable_bias = train - human; variance = train_dev - train (dev - train where there is no train_dev);
    data_mismatch = dev - train_dev, and real_world - test (real_world - dev where there is no test); dev_overfit =
    test - dev. A gap matters when it is above the threshold and its 95 % interval leaves out 0. It does not matter when
    it is at or below the threshold and its interval ends there or is at most two thresholds wide; dev_overfit needs no
    such proof. Everything else is too uncertain to tell. Splits hold different examples, so their intervals are joined
    as independent ones.

    Args:
        errors: by split: train, train_dev, dev, test, real_world; as many as there are.
        human_error: the best that is possible, such as the error of a team of experts. Above the error of the model it
            is no lower bound: a remark says so, and the other gaps are judged as ever.
        threshold: how large a gap must be to matter, on the scale of the errors; > 0.
        kind: `mean` of the examples' errors, or `root_mean_square` of their residuals.
        scale: errors are divided by it; for residuals the standard deviation of the target.
        seed: of the resampling.

    Raises:
        UsageError: an unknown split, no gap that could be computed, or values out of range.

    >>> diagnose({"train": 0.08, "dev": 0.10}, human_error=0.01).verdict.value
    'avoidable_bias'
    """
    for name in errors:
        if name not in SPLITS:
            raise unknown_name("split", name, SPLITS)
    above_0, nothing = t("above 0"), t("nothing")
    for name, value in {"threshold": threshold, "scale": scale}.items():
        if not (value > 0 and np.isfinite(value)):
            raise UsageError(t("{path}={value} must be {bound}.", path=name, value=value, bound=above_0))
    given = {"human": human_error, **{name: errors[name] for name in SPLITS if name in errors}}
    levels = {name: measure(name, error, kind, scale, seed) for name, error in given.items()}
    gaps = tuple(_gap(name, worse, better, stage, levels, threshold) for name, worse, better, stage in _pairs(levels))
    if not gaps:
        raise UsageError(
            t(
                "no gap can be computed from {names}: give the error on train, or on dev and test.",
                names=", ".join(errors) or nothing,
            )
        )
    large = sorted((gap for gap in gaps if gap.judgement == "large"), key=lambda gap: -gap.value)
    size = _smallest_dev_size(levels, threshold, is_rate=kind == "mean" and scale == 1)
    verdict, reason = _verdict(gaps, large, threshold)
    others = dict.fromkeys(gap.name for gap in large[1:] if gap.name != verdict)
    return Diagnosis(
        verdict=verdict,
        also=tuple(others),
        gaps=gaps,
        errors={name: ErrorLevel(level.value, level.interval, level.num_items) for name, level in levels.items()},
        threshold=threshold,
        kind=kind,
        smallest_dev_size=size,
        reason=reason,
        remarks=(*_remarks(gaps, levels, threshold, size), *_on_human(levels)),
    )


def _pairs(levels: Mapping[str, Level]) -> list[tuple[GapName, str, str, Stage]]:
    """The gaps that the given splits allow: name, the usually worse split, the one it is compared with, stage."""
    unseen = "train_dev" if "train_dev" in levels else "dev"
    known = "test" if "test" in levels else "dev"
    pairs = [
        (GapName.AVOIDABLE_BIAS, "train", "human", Stage.TRAIN),
        (GapName.VARIANCE, unseen, "train", Stage.DEV),
        (GapName.DATA_MISMATCH, "dev", "train_dev", Stage.DEV),
        (GapName.DEV_OVERFIT, "test", "dev", Stage.TEST),
        (GapName.DATA_MISMATCH, "real_world", known, Stage.REAL_WORLD),
    ]
    return [pair for pair in pairs if pair[1] in levels and pair[2] in levels]


def _gap(name: GapName, worse: str, better: str, stage: Stage, levels: Mapping[str, Level], threshold: float) -> Gap:
    high, low = levels[worse], levels[better]
    interval = None
    unmeasured = any(level.draws is None and level.num_items is not None for level in (high, low))
    if not unmeasured and (high.draws is not None or low.draws is not None):
        upper = high.value if high.draws is None else high.draws
        lower = low.value if low.draws is None else low.draws
        interval = percentile_interval(np.asarray(upper - lower))
    value = high.value - low.value
    told = explanation(name, worse, better, (high.value, low.value))
    judgement = "open" if high.too_few or low.too_few else _judge(name, value, interval, threshold)
    return Gap(name, value, interval, told, worse, better, stage, judgement)


def _judge(
    name: GapName, value: float, interval: tuple[float, float] | None, threshold: float
) -> Literal["large", "small", "open"]:
    """Whether a gap matters."""
    if value > threshold + ROUNDING and (interval is None or interval[0] > 0):
        return "large"
    if name is GapName.DEV_OVERFIT:  # it must show itself: no test set of a usual size rules it out
        return "small"
    if value > threshold + ROUNDING:
        return "open"
    if interval is None or interval[1] <= threshold or interval[1] - interval[0] <= 2 * threshold:
        return "small"
    return "open"


def _verdict(
    gaps: tuple[Gap, ...], large: list[Gap], threshold: float
) -> tuple[GapName | Literal["none", "undecided"], str]:
    if large:
        return large[0].name, verdict_sentence(large[0])
    if any(gap.judgement == "open" for gap in gaps):
        return "undecided", t("There are too few examples for a verdict.")
    return "none", t("No gap is above {threshold}.", threshold=percent(threshold))


def _remarks(gaps: tuple[Gap, ...], levels: Mapping[str, Level], threshold: float, size: int | None) -> tuple[str, ...]:
    """What could not be told, and what it would take."""
    few = {name: level.num_items for name, level in levels.items() if level.too_few}
    open_gaps = [gap for gap in gaps if gap.judgement == "open"]
    remarks = [too_few(name, count) for name, count in few.items()]
    remarks += [uncertain(gap) for gap in open_gaps if gap.worse not in few and gap.better not in few]
    num_dev = levels["dev"].num_items if "dev" in levels else None
    if open_gaps and size is None and num_dev is not None:
        remarks.append(
            t(
                "No size of dev would tell a gap of {threshold} from none: the examples that it is compared with are "
                "too few, too.",
                threshold=percent(threshold),
            )
        )
    if open_gaps and size is not None and num_dev is not None and num_dev < size:
        remarks.append(
            t(
                "Dev has {count} examples; about {size} would tell a gap of {threshold} from none.",
                count=num_dev,
                size=size,
                threshold=percent(threshold),
            )
        )
    return tuple(remarks)


def _on_human(levels: Mapping[str, Level]) -> list[str]:
    """Where the model errs less than what was said to be possible: on unseen examples, else on train."""
    human = levels["human"].value
    for split in ("test", "dev", "train_dev", "train"):
        level = levels.get(split)
        if level is not None and (level.value if level.interval is None else level.interval[1]) < human - ROUNDING:
            return [below_human(split, level.value, human)]
    return []


def _smallest_dev_size(levels: Mapping[str, Level], threshold: float, *, is_rate: bool) -> int | None:
    dev = levels.get("dev")
    if dev is None:
        return None
    spread = dev.spread
    if spread is None and dev.num_items is None and is_rate and 0 <= dev.value <= 1:
        least = min(threshold, 0.5)
        share = float(np.clip(dev.value, least, 1 - least))
        spread = float(np.sqrt(share * (1 - share)))
    if spread is None:
        return None
    other = levels.get("train_dev") or levels.get("train")
    return smallest_size(spread, threshold, other.variance if other else 0.0)
