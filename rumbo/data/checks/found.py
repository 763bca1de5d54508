"""Making a finding from a code of the catalogue."""

from collections.abc import Iterable

from rumbo.data.checks.codes import CODES
from rumbo.data.checks.findings import MAX_ITEMS, Finding, Severity


def found(
    code: str,
    message: str,
    items: Iterable[str] = (),
    num_items: int | None = None,
    *,
    severity: Severity | None = None,
    done: str | None = None,
    remedy: str | None = None,
) -> Finding:
    """A finding; what is not said is as the catalogue has it.

    Args:
        code: a key of `CODES`.
        message: what was met, a finished sentence.
        items: ids or names.
        num_items: how many it concerns; none counts `items`.
        severity: another one than the code's.
        done: another sentence than the code's.
        remedy: another sentence than the code's.
    """
    listed = tuple(items)
    entry = CODES[code]
    return Finding(
        code=code,
        severity=severity or entry.severity,
        message=message,
        num_items=len(listed) if num_items is None else num_items,
        items=listed[:MAX_ITEMS],
        done=entry.done if done is None else done,
        remedy=entry.remedy if remedy is None else remedy,
    )
