"""What happened in a run, one strict JSON object per line: for programs, and for whoever looks while it runs."""

import json
import math
import numbers
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rumbo.core.errors import DataError
from rumbo.core.messages import t
from rumbo.runs.append import AppendFile
from rumbo.runs.files import parse_json


class EventLog(AppendFile):
    """events.jsonl, opened for writing; with an offset it is cut back to there, so that a resume repeats no line."""

    def write(self, event: Mapping[str, Any]) -> int:
        """Append an event of plain values, and give the offset behind it, which a checkpoint remembers.

        A number that is not finite becomes null, and its name with `_state` says which it was.
        """
        return self.append(event_line(event))


def event_line(event: Mapping[str, Any]) -> bytes:
    r"""One line of strict JSON.

    >>> event_line({"step": 3, "loss": float("nan")})
    b'{"step": 3, "loss": null, "loss_state": "nan"}\n'
    """
    return json.dumps(_plain(event), allow_nan=False, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def read_events(path: Path) -> list[dict[str, Any]]:
    """All events of a log; half a line at the end, left by a crash, is not an event yet.

    Raises:
        DataError: not readable, or a line that is not an event.
    """
    try:
        lines = path.read_bytes().split(b"\n")
        return [_event(line) for line in lines[:-1]]
    except (OSError, ValueError) as error:
        raise DataError(t("{path} is not a readable event log: {reason}.", path=path, reason=str(error))) from None


def _event(line: bytes) -> dict[str, Any]:
    event = parse_json(line)
    if not isinstance(event, dict):
        raise ValueError(t("a line is not an object"))
    return event


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        plain: dict[str, Any] = {}
        for name, item in value.items():
            plain[name] = _plain(item)
            if (state := _state(item)) is not None:
                plain[f"{name}_state"] = state
        return plain
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value) if math.isfinite(value) else None
    raise TypeError(f"an event holds plain values, not {type(value).__name__}.")


def _state(value: Any) -> str | list[Any] | None:
    """Which of nan, inf and -inf a value is; for a list, one entry per item; None when all are finite."""
    if isinstance(value, list | tuple):
        states = [_state(item) for item in value]
        return states if any(state is not None for state in states) else None
    if isinstance(value, numbers.Real) and not isinstance(value, numbers.Integral) and not math.isfinite(value):
        return str(float(value))
    return None
