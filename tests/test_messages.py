"""Every sentence has its Spanish, with the same values in it; the language is chosen as documented."""

import ast
import string
from collections.abc import Callable, Iterator
from pathlib import Path

import jinja2
import numpy as np
import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from jinja2 import nodes

import rumbo
from rumbo.cli.main import main
from rumbo.cli.verbs import VERBS
from rumbo.core.errors import unknown_name
from rumbo.core.messages import language, t, use_language
from rumbo.data.pictures.decode import DecodeRule, decode
from rumbo.data.pictures.images import load_images

PACKAGE = Path(rumbo.__file__).parent
CATALOGUE = PACKAGE / "locale" / "es" / "LC_MESSAGES" / "rumbo"
PLACE = {"t": 0, "option": 1, "Entry": 1, "ModelEntry": 1, "MetricEntry": 1, "_torchvision": 0}
"""Which argument of a call is a sentence, as the Makefile tells babel."""
SAME_WORDS = {"error", "color", "original", "series", "zoom"}
"""Sentences that are the same in Spanish."""


@pytest.fixture(autouse=True)
def english_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No language from the environment of the tests, and none left behind."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    yield
    use_language(None)


def python_sentences(source: str) -> tuple[set[str], list[int]]:
    """The literal sentences of a module, and the lines of sentences that are no literals."""
    found: set[str] = set()
    lines: list[int] = []
    for call, within in _calls(ast.parse(source), ""):
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        if name not in PLACE or within == "_torchvision":  # the helper passes on its callers' literals
            continue
        keywords = {word.arg: word.value for word in call.keywords}
        given = call.args[PLACE[name]] if len(call.args) > PLACE[name] else keywords.get("sentence")
        if isinstance(given, ast.Constant) and isinstance(given.value, str):
            found.add(given.value)
        else:
            lines.append(call.lineno)
    return found, lines


def _calls(node: ast.AST, within: str) -> Iterator[tuple[ast.Call, str]]:
    """Every call, with the name of the function it stands in."""
    if isinstance(node, ast.FunctionDef):
        within = node.name
    if isinstance(node, ast.Call):
        yield node, within
    for child in ast.iter_child_nodes(node):
        yield from _calls(child, within)


def template_sentences(source: str) -> tuple[set[str], list[int]]:
    """As `python_sentences`, of a template."""
    found: set[str] = set()
    lines: list[int] = []
    for call in jinja2.Environment(autoescape=True).parse(source).find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name == "t":
            if call.args and isinstance(call.args[0], nodes.Const):
                found.add(call.args[0].value)
            else:
                lines.append(call.lineno)
    return found, lines


def placeholders(sentence: str) -> set[tuple[str, str, str | None]]:
    """Name, format and conversion of each value."""
    return {(name, form or "", kind) for _, name, form, kind in string.Formatter().parse(sentence) if name is not None}


READERS: dict[str, Callable[[str], tuple[set[str], list[int]]]] = {
    "*.py": python_sentences,
    "*.html": template_sentences,
}


@pytest.fixture(scope="module")
def collected() -> dict[Path, tuple[set[str], list[int]]]:
    return {
        path.relative_to(PACKAGE): read(path.read_text(encoding="utf-8"))
        for pattern, read in READERS.items()
        for path in sorted(PACKAGE.rglob(pattern))
    }


@pytest.fixture(scope="module")
def spanish() -> dict[str, str]:
    with CATALOGUE.with_suffix(".po").open("rb") as file:
        return _sentences(read_po(file))


def _sentences(catalogue: Catalog) -> dict[str, str]:
    return {
        str(message.id): str(message.string)
        for message in catalogue
        if message.id and message.string and not message.fuzzy
    }


def test_sentences_are_found_in_python() -> None:
    source = """
option(1, "a")
Entry("module", sentence="b")
def _torchvision(sentence): return ModelEntry("module", sentence)
_torchvision("c " "d")
t(f"{e}")
t(f)
"""
    assert python_sentences(source) == ({"a", "b", "c d"}, [6, 7])


def test_sentences_are_found_in_templates() -> None:
    assert template_sentences('{{ t("a", b=t("c")) }}\n{% if d %}{{ t(d) }}{% endif %}') == ({"a", "c"}, [2])


def test_every_sentence_is_a_literal(collected: dict[Path, tuple[set[str], list[int]]]) -> None:
    assert [f"{path}:{line}" for path, (_, lines) in collected.items() for line in lines] == []


def test_every_sentence_has_its_spanish(
    collected: dict[Path, tuple[set[str], list[int]]], spanish: dict[str, str]
) -> None:
    missing = [f"{path}: {text}" for path, (found, _) in collected.items() for text in sorted(found - spanish.keys())]
    assert not missing, "\n".join(["Run `make messages` and translate in rumbo/locale:", *missing])


def test_the_catalogue_has_no_sentence_that_has_gone(
    collected: dict[Path, tuple[set[str], list[int]]], spanish: dict[str, str]
) -> None:
    used = {text for found, _ in collected.values() for text in found}
    gone = sorted(spanish.keys() - used)
    assert not gone, "\n".join(["Run `make messages`; no code has these any more:", *gone])


def test_both_languages_have_the_same_values(spanish: dict[str, str]) -> None:
    different = [text for text, own in spanish.items() if placeholders(text) != placeholders(own)]
    assert not different, "\n".join(different)


def test_both_languages_have_the_same_code_and_final_mark(spanish: dict[str, str]) -> None:
    """What stands in backticks may be typed; fragments are joined, so a full stop must not come or go."""
    different = [
        text
        for text, own in spanish.items()
        if sorted(text.split("`")[1::2]) != sorted(own.split("`")[1::2]) or (text[-1] in ".?: ") != (own[-1] in ".?: ")
    ]
    assert not different, "\n".join(different)


def test_the_compiled_catalogue_is_that_of_the_text(spanish: dict[str, str]) -> None:
    with CATALOGUE.with_suffix(".mo").open("rb") as file:
        assert _sentences(read_mo(file)) == spanish


def test_no_sentence_was_left_in_english(spanish: dict[str, str]) -> None:
    assert {text for text, own in spanish.items() if text == own} == SAME_WORDS


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({}, "en"),
        ({"LANG": "es_MX.UTF-8"}, "es"),
        ({"LANG": "es"}, "es"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "es_ES"}, "es"),
        ({"LC_ALL": "C.UTF-8", "LC_MESSAGES": "es_ES", "LANG": "es_ES"}, "en"),
        ({"LC_ALL": "", "LANG": "es_AR.UTF-8"}, "es"),
        ({"LANG": "fr_FR.UTF-8"}, "en"),
    ],
)
def test_the_language_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], wanted: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert language() == wanted


def test_a_chosen_language_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "es_ES.UTF-8")
    use_language("en")
    assert t("model") == "model"
    use_language(None)
    assert t("model") == "modelo"


def test_an_unknown_language_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="must be one of en, es"):
        use_language("xx")
    assert main(["--lang", "xx", "--help"]) == 2
    assert capsys.readouterr().err == "error: --lang='xx' must be one of: en, es.\n"


def test_the_overview_is_in_spanish(capsys: pytest.CaptureFixture[str], spanish: dict[str, str]) -> None:
    assert main(["--lang", "es", "--help"]) == 0
    overview = capsys.readouterr().out
    assert "uso: rumbo VERB" in overview
    for entry in VERBS.values():
        assert spanish[entry.sentence] in overview
        assert entry.sentence not in overview


def test_an_error_is_in_spanish(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trian", "--lang", "es"]) == 2
    assert capsys.readouterr().err.startswith("error: no hay comando con el nombre 'trian'; lo más parecido: train")


def test_the_environment_alone_makes_errors_spanish(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "es_ES.UTF-8")
    assert str(unknown_name("model", "resnet", ["mlp"])) == ("no hay modelo con el nombre 'resnet'. Se conocen: mlp.")


class Texts:
    """Files that are no pictures."""

    def __len__(self) -> int:
        return 3

    def take(self, rows: np.ndarray) -> "Texts":
        return self

    def read(self, row: int) -> np.ndarray:
        return decode(b"hola")

    def size(self, row: int) -> tuple[int, int, int]:
        return 1, 1, 1


def test_threads_speak_the_language_of_their_caller() -> None:
    use_language("es")
    rule = DecodeRule(mode="grey", height=2, width=2, fit="stretch")
    _, bad = load_images(Texts(), ["a", "b", "c"], rule, num_threads=2)
    assert [item.reason.partition(":")[0] for item in bad] == ["no es una imagen"] * 3
