"""argparse in the user's language: everything is read as text and checked by us, so that messages are ours."""

import argparse
import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Any, NoReturn

from rumbo.core.errors import UsageError, unknown_name
from rumbo.core.messages import LANGUAGES, t
from rumbo.core.options import parse


class Formatter(argparse.HelpFormatter):
    """Help with translated headings and room for the field's sentences."""

    def __init__(self, prog: str):
        super().__init__(prog, max_help_position=32, width=100)

    def add_usage(self, usage: str | None, actions: Any, groups: Any, prefix: str | None = None) -> None:
        """The usage line behind a translated word."""
        super().add_usage(usage, actions, groups, prefix=t("usage: "))


class Parser(argparse.ArgumentParser):
    """A parser whose errors are `UsageError` and whose flags are never abbreviated."""

    def __init__(self, verb: str, sentence: str):
        super().__init__(
            prog=f"rumbo {verb}", description=sentence, formatter_class=Formatter, add_help=False, allow_abbrev=False
        )
        self._words: list[str] = []
        self._positionals.title, self._optionals.title = t("arguments"), t("options")
        self.add_argument("--json", action="store_true", help=t("print one JSON object as the last line"))
        self.add_argument("--lang", metavar="LANG", help=t("language of messages: {names}", names=", ".join(LANGUAGES)))
        self.add_argument("--debug", action="store_true", help=t("show the traceback of an error"))
        self.add_argument("-h", "--help", action="help", help=t("show this help"))

    def read(self, words: list[str]) -> argparse.Namespace:
        """Parse; an unknown flag is told its nearest."""
        # Left alone, argparse takes "usage: " off by its length in English.
        self.usage = self.format_usage().removeprefix(t("usage: ")).strip().replace("%", "%%")
        self._words = words
        arguments, unknown = self.parse_known_intermixed_args(words)
        flags = [flag for action in self._actions for flag in action.option_strings if flag.startswith("--")]
        for word in unknown:
            if word.startswith("-") and len(word) > 1:
                raise unknown_name("option", word.partition("=")[0], flags, where=f"{self.prog} --help")
            raise UsageError(t("'{word}' is one argument too many. See `{prog} --help`.", word=word, prog=self.prog))
        arguments.words = [self.prog.partition(" ")[2], *words]
        return arguments

    def error(self, message: str) -> NoReturn:
        """What argparse itself finds wrong, in the user's language where it has more than one word."""
        found = re.match(r"argument (\S+?)(?:/\S+)?: expected (one|at least one) argument", message)
        if found:
            raise UsageError(t("{flag} needs a value. See `{prog} --help`.", flag=found[1], prog=self.prog))
        several = re.match(r"argument (\S+?)(?:/\S+)?: expected (\d+) arguments", message)
        if several:
            raise UsageError(
                t(
                    "{flag} needs {count} values: {values}. See `{prog} --help`.",
                    flag=several[1],
                    count=several[2],
                    values=self._values_of(several[1]),
                    prog=self.prog,
                )
            )
        unwanted = re.match(r"argument (\S+?)(?:/\S+)?: ignored explicit argument", message)
        if unwanted:
            raise UsageError(t("{flag} takes no value. See `{prog} --help`.", flag=unwanted[1], prog=self.prog))
        required = re.match(r"the following arguments are required: (.+)", message)
        if required:
            sentence = t("missing: {names}. See `{prog} --help`.", names=required[1], prog=self.prog)
            raise UsageError(" ".join([sentence, *self._swallowed(required[1].split(", ")[0])]))
        raise UsageError(f"{message}. " + t("See `{prog} --help`.", prog=self.prog))

    def _values_of(self, flag: str) -> str:
        names = next((action.metavar for action in self._actions if flag in action.option_strings), None)
        return " ".join(names) if isinstance(names, tuple) else str(names or "")

    def _swallowed(self, missing: str) -> list[str]:
        """A word that went to a flag whose value may be left out, where a positional was meant."""
        optional = {flag: a for a in self._actions if a.nargs == argparse.OPTIONAL for flag in a.option_strings}
        for flag, word in pairwise(self._words):
            if flag in optional and not word.startswith("-"):
                return [
                    t(
                        "{flag} took '{word}' for its {value}: write {missing} before {flag}, or {flag}={value}.",
                        flag=flag,
                        word=word,
                        value=str(optional[flag].metavar or "VALUE"),
                        missing=missing,
                    )
                ]
        return []


def whole(text: str | None, flag: str, *, low: int | None = None) -> int | None:
    """A flag's whole number."""
    if text is None:
        return None
    value = parse(int, text, flag)
    if low is not None and value < low:
        raise UsageError(
            t("{path}={value} must be {bound}.", path=flag, value=value, bound=t("at least {low}", low=low))
        )
    return value


def one_of(text: str, flag: str, allowed: Iterable[str]) -> str:
    """A flag's choice."""
    allowed = tuple(allowed)
    if text not in allowed:
        raise UsageError(
            t("{path}='{text}' must be one of: {allowed}.", path=flag, text=text, allowed=", ".join(allowed))
        )
    return text


def seconds(text: str | None, flag: str) -> float | None:
    """A time such as 90, 90s, 10m, 1.5h, in seconds."""
    if text is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|h|)", text.strip())
    if not found or float(found[1]) == 0:
        raise UsageError(t("{flag}='{text}' must be a time such as 90s, 10m or 1.5h.", flag=flag, text=text))
    return float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]]


def settings(pairs: list[str], *, example: str | None = None) -> dict[str, str]:
    """`--set a.b=c` flags as a mapping.

    Args:
        pairs: what stood behind each flag.
        example: a pair that reads well, for commands whose options have names without dots.
    """
    found: dict[str, str] = {}
    for pair in pairs:
        path, equals, value = pair.partition("=")
        if example is not None and (not equals or not path):
            raise UsageError(t("--set '{pair}' must read NAME=VALUE, as in {example}.", pair=pair, example=example))
        if not equals or not path:
            raise UsageError(t("--set '{pair}' must read path=value, as in train.clip_norm=1.", pair=pair))
        found[path] = value
    return found
