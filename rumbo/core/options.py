# pyright: strict, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownLambdaType=false
"""Options: frozen keyword-only dataclasses, a sentence per field, checked at birth, set from text as `a.b=c`."""

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, Self, get_args, get_origin

from rumbo.core.errors import OptionError, unknown_name
from rumbo.core.messages import t

Scalar = str | int | float | bool | None
ON = "on"
"""What switches a group that may be none to its defaults."""


def option(default: Any, sentence: str, *, low: float | None = None, high: float | None = None) -> Any:
    """A field of an options class: its default, its sentence of help, and the range of its value (inclusive)."""
    metadata = {"sentence": sentence, "low": low, "high": high}
    if isinstance(default, type):
        return field(default_factory=default, metadata=metadata)
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Base of all options. Variants are made with `dataclasses.replace`, presets are functions."""

    def __post_init__(self) -> None:
        hints = typing.get_type_hints(type(self))
        for spec in fields(self):
            _check(spec, hints[spec.name], getattr(self, spec.name), spec.name)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build from a mapping as `to_dict` made it; unknown keys are refused with the nearest name."""
        return _build(cls, values, cls.__name__)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types, defaults included."""
        return {spec.name: _plain(getattr(self, spec.name)) for spec in fields(self)}

    def override(self, path: str, text: str, *, where: str = "rumbo train --list-options") -> Self:
        """A copy with the option at a dotted path read from text.

        Args:
            path: as in train.clip_norm.
            text: the value.
            where: the command that lists the options, for the message.

        Raises:
            UnknownName: no option at that path.
            OptionError: the text does not read as the option's type, or is out of range.
        """
        try:
            return _override(self, path.split("."), text, path)
        except _NoSuchOption:
            raise unknown_name("option", path, all_options(type(self)), where) from None


def all_options(cls: type[Options], prefix: str = "") -> dict[str, tuple[Any, str]]:
    """Every option below a class: dotted path -> (default, sentence). A group that may be none has a row of its own."""
    found: dict[str, tuple[Any, str]] = {}
    hints = typing.get_type_hints(cls)
    for spec in fields(cls):
        kind, path = hints[spec.name], prefix + spec.name
        if group := _group(kind):
            if group is not kind:
                found[path] = (ON, spec.metadata.get("sentence", ""))
            found |= all_options(group, path + ".")
        else:
            default = spec.default if spec.default is not dataclasses.MISSING else spec.default_factory()  # type: ignore[misc]
            found[path] = (default, spec.metadata.get("sentence", ""))
    return found


def parse_scalar(text: str) -> Scalar:
    """Read a value whose type is not known: none, true, false, whole number, number, else text."""
    words: dict[str, Scalar] = {"none": None, "null": None, "true": True, "false": False}
    if text.strip().lower() in words:
        return words[text.strip().lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def parse(kind: Any, text: str, path: str) -> Any:
    """Read text as a value of an annotated type; the message names the option."""
    if get_origin(kind) in (types.UnionType, typing.Union):
        inner = [arm for arm in get_args(kind) if arm is not type(None)]
        if type(None) in get_args(kind) and text.strip().lower() in ("none", "null", ""):
            return None
        return parse(inner[0], text, path)
    if get_origin(kind) is Literal:
        return text if text in get_args(kind) else parse_scalar(text)
    if get_origin(kind) is tuple:
        return tuple(parse(get_args(kind)[0], part.strip(), path) for part in text.split(",") if part.strip())
    if kind is bool:
        words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        if text.strip().lower() not in words:
            raise OptionError(t("{path}='{text}' must be true or false.", path=path, text=text))
        return words[text.strip().lower()]
    if kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            wanted = t("a whole number") if kind is int else t("a number")
            raise OptionError(t("{path}='{text}' must be {wanted}.", path=path, text=text, wanted=wanted)) from None
    return text


def _check(spec: "dataclasses.Field[Any]", kind: Any, value: Any, path: str) -> None:
    """Hold a value to its type and range; the message names it by its path."""
    if value is None or isinstance(value, Options):
        return
    arms = get_args(kind) if get_origin(kind) in (types.UnionType, typing.Union) else (kind,)
    for arm in arms:
        if get_origin(arm) is Literal and value not in get_args(arm):
            allowed = ", ".join(str(choice) for choice in get_args(arm))
            raise OptionError(
                t("{path}='{text}' must be one of: {allowed}.", path=path, text=str(value), allowed=allowed)
            )
    if float in arms or int in arms:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise OptionError(t("{path}='{text}' must be {wanted}.", path=path, text=str(value), wanted=t("a number")))
        if float not in arms and not isinstance(value, int):
            raise OptionError(
                t("{path}='{text}' must be {wanted}.", path=path, text=str(value), wanted=t("a whole number"))
            )
        low, high = spec.metadata.get("low"), spec.metadata.get("high")
        if (low is not None and value < low) or (high is not None and value > high):
            if low is not None and high is not None:
                raise OptionError(
                    t("{path}={value} must lie in [{low}, {high}].", path=path, value=value, low=low, high=high)
                )
            bound = t("at least {low}", low=low) if low is not None else t("at most {high}", high=high)
            raise OptionError(t("{path}={value} must be {bound}.", path=path, value=value, bound=bound))
    elif arms == (bool,) and not isinstance(value, bool):
        raise OptionError(t("{path}='{text}' must be true or false.", path=path, text=str(value)))
    elif str in arms and not isinstance(value, str):
        raise OptionError(t("{path}='{text}' must be text.", path=path, text=str(value)))


def _group(kind: Any) -> type[Options] | None:
    """The options class of a field that is a group, also of one that may be none."""
    arms = get_args(kind) if get_origin(kind) in (types.UnionType, typing.Union) else (kind,)
    return next((arm for arm in arms if isinstance(arm, type) and issubclass(arm, Options)), None)


def _plain(value: Any) -> Any:
    if isinstance(value, Options):
        return value.to_dict()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def _build(cls: type[Any], values: Any, where: str) -> Any:
    if not isinstance(values, Mapping):
        raise OptionError(t("{path}='{text}' must be a group of options.", path=where, text=str(values)[:80]))
    hints, known = typing.get_type_hints(cls), {spec.name for spec in fields(cls)}
    arguments: dict[str, Any] = {}
    for key, value in values.items():
        if key not in known:
            raise unknown_name("option", str(key)[:80], known)
        kind = hints[key]
        if group := _group(kind):
            value = None if value is None and group is not kind else _build(group, value, key)
        elif get_origin(kind) is tuple and isinstance(value, list):
            value = tuple(value)
        elif get_origin(kind) is tuple or get_origin(kind) is dict:
            wanted = dict if get_origin(kind) is dict else tuple
            if not isinstance(value, wanted):
                raise OptionError(t("{path}='{text}' must be a group of options.", path=key, text=str(value)[:80]))
        arguments[key] = value
    return cls(**arguments)


class _NoSuchOption(Exception):  # never leaves this file
    """A dotted path leads to no option."""


def _override(options: Any, path: list[str], text: str, whole: str) -> Any:
    name, rest = path[0], path[1:]
    spec = next((spec for spec in fields(options) if spec.name == name), None)
    if spec is None:
        raise _NoSuchOption
    kind, current = typing.get_type_hints(type(options))[name], getattr(options, name)
    if group := _group(kind):
        if rest:
            return dataclasses.replace(options, **{name: _override(current or group(), rest, text, whole)})
        if group is not kind and text.strip().lower() in ("none", ON):
            return dataclasses.replace(options, **{name: None if text.strip().lower() == "none" else group()})
        names = ", ".join(f"{whole}.{spec.name}" for spec in fields(group))
        raise OptionError(t("'{path}' is a group; set one of: {names}.", path=whole, names=names))
    if isinstance(current, dict) and len(rest) == 1:
        return dataclasses.replace(options, **{name: {**current, rest[0]: parse_scalar(text)}})
    if isinstance(current, dict) and not rest:
        if text.strip().lower() not in ("none", "{}"):
            raise OptionError(
                t("'{path}' is a group: none empties it, and {path}.NAME=VALUE sets one of it.", path=whole)
            )
        return dataclasses.replace(options, **{name: {}})
    if rest:
        raise unknown_name("option", whole, [whole[: -len(".".join(rest)) - 1]])
    value = parse(kind, text, whole)
    _check(spec, kind, value, whole)
    return dataclasses.replace(options, **{name: value})
