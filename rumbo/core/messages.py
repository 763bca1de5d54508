"""Sentences for people, in English and Spanish: a gettext catalogue with English sentences as keys."""

import gettext
import os
from contextvars import ContextVar
from functools import cache
from pathlib import Path

LANGUAGES = ("en", "es")
LOCALE_FOLDER = Path(__file__).parent.parent / "locale"

_chosen: ContextVar[str | None] = ContextVar("rumbo_language", default=None)


def use_language(language: str | None) -> None:
    """Choose the language of messages from here on; None goes back to what the environment says.

    Raises:
        ValueError: a language we have no catalogue for.
    """
    if language is not None and language not in LANGUAGES:
        raise ValueError(f"language={language!r} must be one of {', '.join(LANGUAGES)}.")
    _chosen.set(language)


def language() -> str:
    """The language in force: the chosen one, else the first of LC_ALL, LC_MESSAGES, LANG that is set, else English."""
    if (chosen := _chosen.get()) is not None:
        return chosen
    environment = next((os.environ[k] for k in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(k)), "en")
    code = environment.partition("_")[0].partition(".")[0].lower()
    return code if code in LANGUAGES else "en"


def t(sentence: str, /, **values: object) -> str:
    """Translate a literal sentence and fill in its {named} values.

    Text values are made safe for a terminal (`shown`): file and class names come from strangers. The first argument
    must be a literal: a test collects all of them and fails when a catalogue lacks one.

    >>> use_language("es"); t("model"); use_language(None)
    'modelo'
    """
    safe = {name: shown(value) if isinstance(value, str | Path) else value for name, value in values.items()}
    translated = translate(sentence)
    return translated.format(**safe) if safe else translated


def translate(sentence: str) -> str:
    """The sentence in the language in force; for sentences that stand elsewhere as literals (help of options)."""
    return _catalogue(language()).gettext(sentence) if sentence else ""


def shown(text: object) -> str:
    r"""Text that cannot drive a terminal or fool a reader: control and direction marks become escapes.

    >>> shown("a\x1b[31mb")
    'a\\x1b[31mb'
    """
    return "".join(_escape(letter) if _is_unsafe(letter) else letter for letter in str(text))


def _is_unsafe(letter: str) -> bool:
    code = ord(letter)
    return (
        code < 0x20
        or 0x7F <= code <= 0x9F
        or code in (0x061C, 0x200E, 0x200F, 0x2028, 0x2029)
        or 0x202A <= code <= 0x202E
        or 0x2066 <= code <= 0x2069
        or 0xD800 <= code <= 0xDFFF
    )


def _escape(letter: str) -> str:
    code = ord(letter)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8, as the file system hands it over
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"


@cache
def _catalogue(code: str) -> gettext.NullTranslations:
    return gettext.translation("rumbo", LOCALE_FOLDER, languages=[code], fallback=code == "en")
