"""Errors that people meet. Each says what was met, what is allowed and what to do, and has its exit code."""

import difflib
import errno
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from rumbo.core.messages import t


class RumboError(Exception):
    """Anything we stop for and can explain; exit code 1 is a fault of ours.

    Attributes:
        exit_code: of the process.
        result: what a command found before it stopped, as JSON types, for programs.
    """

    exit_code = 1
    result: Mapping[str, Any] = MappingProxyType({})


class UsageError(RumboError, ValueError):
    """What was typed or passed cannot be done."""

    exit_code = 2


class UnknownName(UsageError):
    """No such name; the nearest ones are told."""


class OptionError(UsageError):
    """A value is outside what the option allows."""


class ShapeError(UsageError):
    """Sizes that do not fit together."""


class DataError(RumboError, ValueError):
    """What is in the data (or in a model file) cannot be used."""

    exit_code = 3


class TrainingError(RumboError):
    """Training failed: not finite, out of memory."""

    exit_code = 4


class StorageError(RumboError):
    """Storage failed: disk full, not writable, damaged beyond the last good copy."""

    exit_code = 4


class GateError(RumboError):
    """A quality gate was not reached; what was measured goes along, for programs.

    Args:
        message: which gate, and by how much.
        result: the command's answer, as JSON types.
    """

    exit_code = 5

    def __init__(self, message: str, result: dict[str, Any] | None = None):
        super().__init__(message)
        self.result = result or {}


class FaultyData(DataError):
    """A data check found what training should not start with; all that it found goes along, for programs.

    Args:
        message: how many faults, and the first.
        result: the command's answer, as JSON types.
    """

    def __init__(self, message: str, result: dict[str, Any]):
        super().__init__(message)
        self.result = result


class FolderInUse(RumboError):
    """Another process works in this run folder."""

    exit_code = 75


def unknown_name(kind: str, name: str, known: Iterable[str], where: str = "") -> UnknownName:
    """An `UnknownName` that repeats the name and tells the nearest known ones.

    Args:
        kind: what was looked for, as a word for people ("model"); translated here.
        name: what was met.
        known: all names that exist.
        where: a command that lists them, such as "rumbo models"; may be empty.
    """
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5) or difflib.get_close_matches(
        name.lower(), known, n=3, cutoff=0.4
    )
    message = t("no {kind} is called '{name}'", kind=t_kind(kind), name=name)
    if near:
        message += "; " + t("nearest: {names}", names=", ".join(near))
    message += "."
    if where:
        message += " " + t("`{command}` shows all {count}.", command=where, count=len(known))
    elif not near or len(known) <= 12:
        message += " " + t("Known: {names}.", names=", ".join(known))
    return UnknownName(message)


def os_reason(error: OSError) -> str:
    """Why the system refused, in the user's language where the reason is a common one; without a full stop."""
    reasons = {
        errno.ENOENT: t("there is no such file or folder"),
        errno.EACCES: t("it is not allowed"),
        errno.EPERM: t("it is not allowed"),
        errno.EROFS: t("nothing can be written there"),
        errno.EADDRINUSE: t("another program uses it"),
        errno.ENOSPC: t("the disk is full"),
        errno.EISDIR: t("it is a folder"),
        errno.ENOTDIR: t("a part of the path is a file, no folder"),
        errno.EEXIST: t("it exists already"),
    }
    return reasons.get(error.errno or 0) or error.strerror or str(error)


def t_kind(kind: str) -> str:
    """The word for a kind of thing, in the language in force."""
    kinds = {
        "model": t("model"),
        "metric": t("metric"),
        "loss": t("loss"),
        "task": t("task"),
        "option": t("option"),
        "optimizer": t("optimizer"),
        "schedule": t("schedule"),
        "data format": t("data format"),
        "verb": t("verb"),
        "column": t("column"),
        "split": t("split"),
        "key": t("key"),
        "preset": t("preset"),
        "device": t("device"),
        "experiment": t("experiment"),
        "field": t("field"),
        "source": t("source"),
        "class": t("class"),
        "row": t("row"),
    }
    return kinds.get(kind, kind)
