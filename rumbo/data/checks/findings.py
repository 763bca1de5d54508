"""What a check hands over: findings, each under a stable code, and the report of all of them."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from rumbo.core.errors import DataError

MAX_ITEMS = 20
"""Ids (names) that a finding lists; it counts all of them."""

Severity = Literal["error", "warning", "note"]
Kind = Literal["split", "class", "table", "image", "boxes", "mask", "points", "identity", "signal"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True)
class Code:
    """One entry of the catalogue: what a code means, whatever data set raises it.

    Attributes:
        kind: the kind of data it is about.
        severity: with an `error`, training does not start; a finding may be milder or graver than its code.
        words: (meaning, done, remedy) in the language in force: finished sentences; `done` may be empty.
    """

    kind: Kind
    severity: Severity
    words: Callable[[], tuple[str, str, str]]

    @property
    def meaning(self) -> str:
        """What was met."""
        return self.words()[0]

    @property
    def done(self) -> str:
        """What is done about it."""
        return self.words()[1]

    @property
    def remedy(self) -> str:
        """What the user can do."""
        return self.words()[2]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was found.

    Attributes:
        code: stable name, such as `leak.exact_duplicate`.
        severity: with an `error`, training does not start.
        message: what was met, a finished sentence.
        num_items: how many examples (columns, classes, annotations) it concerns.
        items: the first ids (names).
        done: what was done about it.
        remedy: what can be done.
    """

    code: str
    severity: Severity
    message: str
    num_items: int
    items: tuple[str, ...] = ()
    done: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class CheckReport:
    """All findings, errors first, and the numbers of examples.

    Attributes:
        findings: what was found.
        counts: `splits`: split -> examples; `classes`: split -> class -> examples (boxes, for BOXES); `bad`: unusable
            examples; `sizes`: kind of data -> smallest, middle and largest size; `annotations`, where there are any:
            met = used + clipped + corrected + rejected + left_out (those of pictures that are no longer in the set).
    """

    findings: tuple[Finding, ...]
    counts: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON types."""
        return {"findings": [dataclasses.asdict(finding) for finding in self.findings], "counts": self.counts}

    def raise_errors(self) -> None:
        """Stop at findings with which training makes no sense.

        Raises:
            DataError: with the messages of all errors.
        """
        errors = [finding for finding in self.findings if finding.severity == "error"]
        if errors:
            raise DataError("\n".join(f"{error.message} {_capital(error.remedy)}" for error in errors))


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
