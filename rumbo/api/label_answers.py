"""What becomes of a review: corrections, and a share of wrong labels that trusts no model."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rumbo.api.label_check import LabelCheck
from rumbo.api.label_review import ReviewRow, read_review, write_corrections
from rumbo.api.run import Run
from rumbo.core.errors import UsageError
from rumbo.core.messages import t
from rumbo.data.demo import DIGITS
from rumbo.plots.page import percent
from rumbo.strategy.intervals import Interval
from rumbo.strategy.label_errors import reviewed_rate

NOT_REVIEWED = "rumbo labels --accept: nobody looked"


@dataclass(frozen=True, kw_only=True)
class LabelAnswers:
    """What was done with answers.

    Attributes:
        out: the corrections file; None where nothing was to be corrected.
        num_looked_at: answered labels; 0 where nobody was asked.
        num_corrections: labels that were corrected.
        rate: share of all judged labels that is wrong, by the review; None where no label was looked at that was not
            a listed suspect, since these alone say nothing about the others.
        interval: of the rate, 95 %.
        sentences: the same in words.
    """

    out: Path | None
    num_looked_at: int
    num_corrections: int
    rate: float | None
    interval: Interval | None
    sentences: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON types."""
        return {
            "corrections": None if self.out is None else str(self.out),
            "num_looked_at": self.num_looked_at,
            "num_corrections": self.num_corrections,
            "rate": self.rate,
            "interval": None if self.interval is None else list(self.interval),
        }


def take_review(run: Run, check: LabelCheck, review: Path, *, out: Path | None, who: str) -> LabelAnswers:
    """Turn an answered review into corrections.

    Args:
        run: that was checked.
        check: of it.
        review: the file.
        out: the corrections file; what it holds stays, and None takes `corrections_name`.
        who: decided.

    Raises:
        UsageError: no such file, no answer in it, or the run's own corrections as `out`.
        DataError: a line that is no answer to this run's labels.
        UnknownName: a right label that is none of the classes.
    """
    rows, num_listed = read_review(review, check.known, check.names)
    found = _written(run, rows, out=out, who=who)
    rate, interval = _rate(rows, num_listed, check.num_judged)
    wrong = {kind: [row for row in rows if row.listed == kind and row.is_wrong] for kind in ("suspect", "sample")}
    told = [
        t(
            "{looked} labels were looked at: of {suspects} suspects {wrong} are wrong, of {others} others {missed}.",
            looked=len(rows),
            suspects=sum(row.listed == "suspect" for row in rows),
            wrong=len(wrong["suspect"]),
            others=sum(row.listed == "sample" for row in rows),
            missed=len(wrong["sample"]),
        )
    ]
    if rate is not None and interval is not None:
        told.append(
            t(
                "By this review {rate} of all labels are wrong (95 % interval {low} to {high}); the networks said "
                "{guess}.",
                rate=percent(rate),
                low=percent(interval[0]),
                high=percent(interval[1]),
                guess=percent(check.noise.rate),
            )
        )
    if not any(wrong.values()):
        told.append(t("Nothing is to be corrected."))
    return LabelAnswers(
        out=found if any(wrong.values()) else None,
        num_looked_at=len(rows),
        num_corrections=sum(map(len, wrong.values())),
        rate=rate,
        interval=interval,
        sentences=tuple(told),
    )


def accept_suspects(run: Run, check: LabelCheck, *, out: Path | None, who: str) -> LabelAnswers:
    """Correct the listed suspects of train without a review; dev and test are never corrected like that.

    There, labels that a model wishes for would make the model look right.

    Raises:
        UsageError: no listed suspect is of train, or `out` is the run's own corrections.
    """
    listed = [row for row in check.suspects if row.score < 0.5]
    rows = [replace(row, is_wrong=True, correct=row.suggested) for row in listed if row.split == "train"]
    if not rows:
        raise UsageError(t("no suspect of train is listed: there is nothing to accept."))
    found = _written(run, rows, out=out, who=who, why=NOT_REVIEWED)
    told = [
        t(
            "{count} labels of train were corrected unseen; about {wrong} of these corrections are wrong themselves.",
            count=len(rows),
            wrong=round(sum(row.score for row in rows)),
        )
    ]
    if others := len(listed) - len(rows):
        told.append(
            t(
                "{count} suspects of other splits stay as they are: a label of dev or test that a model wishes for "
                "would make it look right. Look at them, and use --from.",
                count=others,
            )
        )
    return LabelAnswers(
        out=found, num_looked_at=0, num_corrections=len(rows), rate=None, interval=None, sentences=tuple(told)
    )


def corrections_name(run: Run) -> Path:
    """NAME-corrections.csv in the working folder, after the data, as `rumbo label` calls it."""
    path = run.config.path
    name = "digits" if path == DIGITS else Path(os.path.abspath(run.path / path)).name
    return Path(f"{name.partition('.')[0] or 'run'}-corrections.csv")


def _written(run: Run, rows: Sequence[ReviewRow], *, out: Path | None, who: str, **why: str) -> Path:
    path = corrections_name(run) if out is None else out
    if not path.parent.is_dir():
        raise UsageError(t("the folder of '{path}' does not exist.", path=path))
    own = run.config.data.corrections
    write_corrections(path, rows, before=None if own is None else run.path / own, who=who, **why)
    return path


def _rate(rows: Sequence[ReviewRow], num_listed: int, num_judged: int) -> tuple[float | None, Interval | None]:
    """Listed suspects and all others as two strata; None where one of them was not looked at."""
    listed = [row for row in rows if row.listed == "suspect"]
    others = [row for row in rows if row.listed == "sample"]
    if not listed or not others:
        return None, None
    strata = [
        (num_listed, len(listed), sum(bool(row.is_wrong) for row in listed)),
        (num_judged - num_listed, len(others), sum(bool(row.is_wrong) for row in others)),
    ]
    return reviewed_rate(strata)
