"""The entry: language, verb, errors to exit codes. Imports nothing heavy."""

import importlib
import json
import sys
from collections.abc import Mapping
from typing import Any

from rumbo.cli.verbs import VERBS
from rumbo.core.errors import RumboError, UsageError, unknown_name
from rumbo.core.memory import memory_short
from rumbo.core.messages import LANGUAGES, shown, t, translate, use_language


def entry() -> None:
    """The console script."""
    sys.exit(main(sys.argv[1:]))


def main(words: list[str]) -> int:
    """Run one command.

    Returns:
        The exit code: 0 fine, 1 our fault, 2 typed, 3 data, 4 training or storage, 5 gate, 75 in use, 130/143 stopped.
    """
    debug, as_json = "--debug" in words, "--json" in words
    try:
        use_language(_language(words))
        return _run(words)
    except RumboError as error:
        if debug:
            raise
        return _fail(str(error), error.exit_code, type(error).__name__, as_json, error.result)
    except KeyboardInterrupt:
        return _fail(t("interrupted; nothing was written."), 130, "Interrupted", as_json)
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except Exception as error:
        if debug:
            raise
        if memory_short(error) is not None:
            message = t("out of memory. Try smaller pictures (--set data.image_size=…) or batches.")
            return _fail(message, 4, "MemoryError", as_json)
        message = t(
            "a fault of ours: {kind}: {text}. Please report it; --debug shows where.",
            kind=type(error).__name__,
            text=str(error)[:500],
        )
        return _fail(message, 1, type(error).__name__, as_json)


def _run(words: list[str]) -> int:
    verb, rest = _split_verb(words)
    if verb is None:
        if "--version" in words:
            from rumbo import __version__

            print(f"rumbo {__version__}")
        else:
            print(_overview())
        return 0
    if verb not in VERBS:
        raise unknown_name("verb", verb, VERBS, where="rumbo --help")
    module = importlib.import_module(VERBS[verb].module)
    from rumbo.cli.parser import Parser

    parser = Parser(verb, translate(VERBS[verb].sentence))
    module.add_arguments(parser)
    result: dict[str, Any] | None = module.run(parser.read(rest))
    if "--json" in rest and result is not None:
        print(json.dumps(result, allow_nan=False), flush=True)
    return 0


def _split_verb(words: list[str]) -> tuple[str | None, list[str]]:
    """The first word that is neither a flag nor the language's value, and everything else."""
    for index, word in enumerate(words):
        if not word.startswith("-") and words[index - 1 : index] != ["--lang"]:
            return word, words[:index] + words[index + 1 :]
    unknown = [word for word in words if word.startswith("-") and word.partition("=")[0] not in _GLOBAL_FLAGS]
    if unknown:
        raise unknown_name("option", unknown[0], _GLOBAL_FLAGS, where="rumbo --help")
    return None, words


_GLOBAL_FLAGS = ("--help", "-h", "--version", "--lang", "--debug", "--json")


def _language(words: list[str]) -> str | None:
    for index, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name == "--lang":
            chosen = value if equals else next(iter(words[index + 1 :]), "")
            if chosen not in LANGUAGES:
                raise UsageError(
                    t(
                        "{path}='{text}' must be one of: {allowed}.",
                        path="--lang",
                        text=chosen,
                        allowed=", ".join(LANGUAGES),
                    )
                )
            return chosen
    return None


def _overview() -> str:
    width = max(map(len, VERBS))
    lines = [
        t("Rumbo trains networks on your data, finds what holds them back, and says what to try next."),
        "",
        t("usage: ") + "rumbo VERB …",
        "",
        *(f"  {name:<{width}}  {translate(entry.sentence)}" for name, entry in VERBS.items()),
        "",
        t("`rumbo VERB --help` tells a verb's options. Everywhere: --json, --lang en|es, --debug."),
        t("Begin with `rumbo demo`, or with `rumbo train FOLDER` on your own pictures."),
    ]
    return "\n".join(lines)


def _fail(message: str, code: int, kind: str, as_json: bool, found: Mapping[str, Any] | None = None) -> int:
    print(t("error") + ": " + message, file=sys.stderr, flush=True)
    if as_json:
        told = {"kind": kind, "message": shown(message), "exit_code": code}
        print(json.dumps({**(found or {}), "error": told}, allow_nan=False))
    return code
