"""Error rates as people type them: 0.5%, 0.005; a lone 5 could be either, and is refused."""

import re

from rumbo.core.errors import UsageError
from rumbo.core.messages import t

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)


def read_rate(text: str, name: str) -> float:
    """An error rate in [0, 1], from a share such as 0.005 or a percentage such as 0.5%.

    Args:
        text: what was typed.
        name: of the flag or argument, for the message.

    Raises:
        UsageError: no number, below 0, above 100 %, or 1 and more without a percent sign.

    >>> read_rate("0.5%", "--human-error"), read_rate("0.005", "--human-error")
    (0.005, 0.005)
    """
    value, is_percent = _read(text, name)
    if is_percent and value <= 100:
        return value / 100
    if not is_percent and value < 1:
        return value
    if not is_percent and value <= 100:
        raise UsageError(
            t(
                "{name} {text} could be {text} % or a share of 1: write {text}% or {share:g}.",
                name=name,
                text=text.strip(),
                share=value / 100,
            )
        )
    raise UsageError(_wanted(text, name))


def read_amount(text: str, name: str, *, unit: float) -> float:
    """An error in units of `unit`, from a number in the target's own unit or a percentage of `unit`.

    Args:
        text: what was typed, such as 12000 or 10%.
        name: of the flag or argument, for the message.
        unit: what 100 % is, in the target's own unit; > 0.

    Raises:
        UsageError: no number, or below 0.

    >>> read_amount("10%", "--human-error", unit=400), read_amount("40", "--human-error", unit=400)
    (0.1, 0.1)
    """
    value, is_percent = _read(text, name)
    return value / 100 if is_percent else value / unit


def _read(text: str, name: str) -> tuple[float, bool]:
    """The number, and whether a percent sign stands behind it."""
    number, sign, rest = text.strip().partition("%")
    if rest or not _NUMBER.fullmatch(number.strip()) or not 0 <= float(number) < 1e300:
        raise UsageError(_wanted(text, name))
    return float(number), bool(sign)


def _wanted(text: str, name: str) -> str:
    return t("{name} '{text}' must be a share such as 0.05, or a percentage such as 5%.", name=name, text=text)
