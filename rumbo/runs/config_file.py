"""YAML configuration files: plain data only. No tags, no anchors, no key twice, and limits on everything.

Numbers and words are read as YAML 1.2 does: `1e-3` is a number, `010` is ten, and `no` and `1:30` are texts.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import yaml

from rumbo.core.errors import DataError, UsageError
from rumbo.core.messages import t
from rumbo.runs.files import (
    MAX_CONFIG_BYTES,
    MAX_CONFIG_NODES,
    MAX_CONFIG_TEXT,
    MAX_DEPTH,
    check_tree,
    read_file,
    write_file,
)

_SCALARS: tuple[tuple[str, str, str], ...] = (  # kind, pattern, the letters it can start with
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"null|Null|NULL|~|", "nN~"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
)


class _Loader(yaml.CSafeLoader):
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own shape


class _Dumper(yaml.CSafeDumper):
    """Keeps the resolvers of YAML 1.1 too, so that a text such as `no` is quoted for readers of either version."""


for _kind, _pattern, _first in _SCALARS:
    for _class in (_Loader, _Dumper):
        letters = [*_first, ""] if _kind == "null" else list(_first)
        _class.add_implicit_resolver(f"tag:yaml.org,2002:{_kind}", re.compile(f"^(?:{_pattern})$"), letters)


def write_yaml(path: Path, values: Mapping[str, Any]) -> None:
    """Write plain values (text, numbers, true, false, None, lists, mappings) in the order given; tuples become lists.

    Raises:
        StorageError: it cannot be written.
    """
    plain = _plain(values)
    check_tree(plain, _our_mistake)
    text = yaml.dump(plain, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    write_file(path, text.encode())


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a configuration file.

    Raises:
        UsageError: not there, not such a file, or beyond the limits; the message names the line and what to do.
    """
    try:
        text = read_file(path, max_bytes=MAX_CONFIG_BYTES).decode("utf-8-sig")
    except DataError as error:
        raise UsageError(str(error)) from None
    except UnicodeDecodeError as error:
        _refuse(path, 1, t("byte {place} is not UTF-8; save the file as UTF-8", place=error.start))
    try:
        _check_events(path, text)
        node = yaml.compose(text, Loader=_Loader)
        values = _value(path, node) if node is not None else {}
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        _refuse(path, mark.line + 1 if mark else 1, t("it is not YAML ({problem})", problem=str(error.problem)))
    except yaml.YAMLError as error:
        _refuse(path, 1, t("it is not YAML ({problem})", problem=str(getattr(error, "reason", type(error).__name__))))
    if not isinstance(values, dict):
        _refuse(path, 1, t("a configuration is a list of `key: value` lines"))
    check_tree(values, lambda reason: _refuse(path, 1, reason), max_text=MAX_CONFIG_TEXT)
    return values


def _check_events(path: Path, text: str) -> None:
    """Refuse what YAML can do beyond plain data, while it streams: nothing has been built yet."""
    depth = num_nodes = num_documents = 0
    for event in yaml.parse(text, Loader=_Loader):
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            _refuse(path, line, t("anchors (&) and aliases (*) are not allowed; write the value out"))
        if getattr(event, "tag", None):
            _refuse(path, line, t("the tag '{tag}' is not allowed; write plain values", tag=str(event.tag)[:80]))
        if isinstance(event, yaml.DocumentStartEvent):
            num_documents += 1
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        if isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        num_nodes += isinstance(event, yaml.NodeEvent)
        if depth > MAX_DEPTH:
            _refuse(path, line, t("nested deeper than {limit} levels", limit=MAX_DEPTH))
        if num_nodes > MAX_CONFIG_NODES:
            _refuse(path, line, t("more than {limit} values", limit=MAX_CONFIG_NODES))
        if num_documents > 1:
            _refuse(path, line, t("a second document begins (---); keep one"))


def _value(path: Path, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                _refuse(path, line, t("a key must be a word"))
            if key_node.value in values:
                _refuse(path, line, t("the key '{key}' stands twice; delete one", key=key_node.value[:80]))
            values[key_node.value] = _value(path, value_node)
        return values
    if isinstance(node, yaml.SequenceNode):
        return [_value(path, item) for item in node.value]
    return _scalar(path, node)


def _scalar(path: Path, node: yaml.Node) -> Any:
    text, line = node.value, node.start_mark.line + 1
    kind = node.tag.rpartition(":")[2]
    if kind == "bool":
        return text.lower() == "true"
    if kind == "null":
        return None
    if kind == "int":
        return int(text) if len(text) <= 20 else _refuse(path, line, t("a whole number lies beyond 2^53"))
    if kind == "float":
        return _number(path, line, text)
    return text


def _number(path: Path, line: int, text: str) -> float:
    if "n" in text.lower() or float(text) in (float("inf"), float("-inf")):
        _refuse(path, line, t("'{text}' is not a finite number", text=text[:80]))
    return float(text)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _our_mistake(reason: str) -> NoReturn:
    raise ValueError(f"this could not be read back: {reason}")


def _refuse(path: Path, line: int, reason: str) -> NoReturn:
    raise UsageError(t("{path}, line {line}: {reason}.", path=path, line=line, reason=reason))
