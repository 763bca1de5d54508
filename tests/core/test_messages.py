"""Sentences in two languages, safe for a terminal."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rumbo.core.messages import language, shown, t, use_language

VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")


@pytest.fixture
def plain(monkeypatch):
    """No language chosen, none in the environment."""
    use_language(None)
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    yield monkeypatch
    use_language(None)


@given(st.text(st.characters(exclude_categories=())))
def test_what_is_shown_cannot_drive_a_terminal(text):
    safe = shown(text)
    safe.encode("utf-8")  # no lone surrogate is left
    assert all(letter.isprintable() or letter == " " or ord(letter) > 0x9F for letter in safe)
    assert not set(safe) & {"\u202e", "\u2066", "\u2028", "\x1b", "\x9b", "\n", "\r", "\u200f"}


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("perro ñandú 图", "perro ñandú 图"),
        ("a\x1b[31mb", r"a\x1b[31mb"),
        ("a\nb", r"a\x0ab"),
        ("evil\u202egpj.exe", r"evil\u202egpj.exe"),
        ("caf\udce9", r"caf\xe9"),
    ],
)
def test_shown(text, safe):
    assert shown(text) == safe


def test_values_are_filled_in_and_made_safe(plain):
    assert t("no {kind} is called '{name}'", kind="model", name="\x1b]0;x\x07") == r"no model is called '\x1b]0;x\x07'"
    assert t("at least {low}", low=3) == "at least 3"
    assert t("at least {low}", low=Path("a\nb")) == r"at least a\x0ab"


def test_a_value_with_braces_is_not_read_again(plain):
    assert t("at least {low}", low="{low.__class__}") == "at least {low.__class__}"


def test_the_chosen_language_wins(plain):
    plain.setenv("LANG", "en_US.UTF-8")
    use_language("es")
    assert language() == "es"
    assert t("model") == "modelo"
    use_language(None)
    assert t("model") == "model"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, "en"),
        ({"LANG": "es_AR.UTF-8"}, "es"),
        ({"LANG": "es"}, "es"),
        ({"LANG": "es_ES.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "en_GB", "LC_MESSAGES": "es_MX"}, "es"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LC_ALL": "", "LANG": "es_UY"}, "es"),
    ],
)
def test_the_environment_is_read_as_posix_says(plain, values, expected):
    for name, value in values.items():
        plain.setenv(name, value)
    assert language() == expected


def test_a_language_we_do_not_speak_is_refused():
    with pytest.raises(ValueError, match="'fr' must be one of en, es"):
        use_language("fr")
