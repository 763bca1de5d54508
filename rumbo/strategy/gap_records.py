"""What a diagnosis says: gaps, the stages that they belong to, errors, and the verdict."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from rumbo.strategy.intervals import Interval
from rumbo.strategy.levels import Kind

SPLITS = ("train", "train_dev", "dev", "test", "real_world")
"""From what is learned from to what counts in the end."""


class GapName(StrEnum):
    """The four things that can be improved apart."""

    AVOIDABLE_BIAS = "avoidable_bias"
    VARIANCE = "variance"
    DATA_MISMATCH = "data_mismatch"
    DEV_OVERFIT = "dev_overfit"


class Stage(StrEnum):
    """What must go well one after the other; each stage has knobs of its own."""

    TRAIN = "train"
    DEV = "dev"
    TEST = "test"
    REAL_WORLD = "real_world"


@dataclass(frozen=True)
class Gap:
    """One gap: how much of the error it makes.

    Attributes:
        name: what kind of gap it is.
        value: error on `worse` minus error on `better`.
        interval: 95 %; None when only bare numbers were given, or examples are too few.
        explanation: the two errors, as a sentence.
        worse: the split with the usually higher error.
        better: the split that it is compared with, or `human`.
        stage: where it is felt: a gap between train-dev and dev on dev, one between test and real-world data there.
        judgement: `large` when it matters, `small` when it does not, `open` when it cannot be told.
    """

    name: GapName
    value: float
    interval: Interval | None
    explanation: str
    worse: str
    better: str
    stage: Stage
    judgement: Literal["large", "small", "open"]


@dataclass(frozen=True)
class ErrorLevel:
    """The error of one split on the common scale."""

    value: float
    interval: Interval | None
    num_items: int | None


@dataclass(frozen=True)
class Diagnosis:
    """The verdict and what it stands on.

    Attributes:
        verdict: the largest gap that matters; `none`; or `undecided`.
        also: the other gaps that matter, largest first.
        gaps: all gaps that the given splits allow.
        errors: error by name: `human`, then the splits.
        threshold: how large a gap must be to matter.
        kind: how the errors of the examples were joined.
        smallest_dev_size: examples in dev that would tell a gap of `threshold` from none; None when unknown.
        reason: the verdict as a sentence.
        remarks: what could not be told, and what it would take.
    """

    verdict: GapName | Literal["none", "undecided"]
    also: tuple[GapName, ...]
    gaps: tuple[Gap, ...]
    errors: dict[str, ErrorLevel]
    threshold: float
    kind: Kind
    smallest_dev_size: int | None
    reason: str
    remarks: tuple[str, ...]

    @property
    def large_gaps(self) -> tuple[Gap, ...]:
        """The gaps that matter, largest first."""
        return tuple(sorted((gap for gap in self.gaps if gap.judgement == "large"), key=lambda gap: -gap.value))

    @property
    def stage(self) -> Stage | None:
        """The stage of the largest gap that matters."""
        return self.large_gaps[0].stage if self.large_gaps else None

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types."""
        return {
            "verdict": str(self.verdict),
            "also": [str(name) for name in self.also],
            "stage": None if self.stage is None else str(self.stage),
            "gaps": [
                {
                    "name": str(gap.name),
                    "value": gap.value,
                    "interval": None if gap.interval is None else list(gap.interval),
                    "explanation": gap.explanation,
                    "worse": gap.worse,
                    "better": gap.better,
                    "stage": str(gap.stage),
                    "judgement": gap.judgement,
                }
                for gap in self.gaps
            ],
            "errors": {
                name: {
                    "value": level.value,
                    "interval": None if level.interval is None else list(level.interval),
                    "items": level.num_items,
                }
                for name, level in self.errors.items()
            },
            "threshold": self.threshold,
            "kind": self.kind,
            "smallest_dev_size": self.smallest_dev_size,
            "reason": self.reason,
            "remarks": list(self.remarks),
        }
