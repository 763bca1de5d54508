"""The reference pages are those that docs/generate.py writes now."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from rumbo.api.config import RunConfig
from rumbo.cli.verbs import VERBS
from rumbo.core.options import all_options

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATED = (
    "reference/commands.md",
    "reference/options.md",
    "reference/names.md",
    "course/figures.md",
    "course/errata.md",
    "checks.md",
)


@pytest.mark.parametrize("name", GENERATED)
def test_page_is_current(generate: ModuleType, name: str) -> None:
    written = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert set(generate.pages()) == set(GENERATED)
    assert written == generate.pages()[name], "run `python docs/generate.py` and commit the pages"


def test_every_verb_has_a_section() -> None:
    lines = (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8").splitlines()
    assert [line[3:] for line in lines if line.startswith("## ")] == list(VERBS)


def test_every_option_has_a_row() -> None:
    text = (ROOT / "docs" / "reference" / "options.md").read_text(encoding="utf-8")
    assert [path for path in all_options(RunConfig) if f"| `{path}` |" not in text] == []
