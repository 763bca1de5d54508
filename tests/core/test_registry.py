"""A closed set of names: a second entry is an error, an unknown name is told the nearest."""

import sys

import pytest

from rumbo.core.errors import UnknownName
from rumbo.core.registry import Entry, Registry

INDEX = {
    "small": Entry("rumbo_test_parts", "A small part."),
    "large": Entry("rumbo_test_parts", "A large part."),
    "forgotten": Entry("rumbo_test_parts", "A part that its file does not register."),
}


@pytest.fixture
def registry(tmp_path, monkeypatch):
    (tmp_path / "rumbo_test_parts.py").write_text(
        "import builtins\nbuiltins.rumbo_test_registry.register('large')(int)\n"
    )
    registry = Registry("model", INDEX, where="rumbo models")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("builtins.rumbo_test_registry", registry, raising=False)
    monkeypatch.delitem(sys.modules, "rumbo_test_parts", raising=False)
    return registry


def test_a_part_is_imported_when_asked_for(registry):
    assert "rumbo_test_parts" not in sys.modules
    assert registry.get("large") is int
    assert "rumbo_test_parts" in sys.modules


def test_names_come_in_the_order_of_the_index(registry):
    assert registry.names() == ("small", "large", "forgotten")


def test_a_decorator_hands_its_part_back(registry):
    assert registry.register("small")(str) is str
    assert registry.get("small") is str


def test_a_second_entry_is_an_error(registry):
    registry.register("small")(str)
    with pytest.raises(KeyError, match="second model 'small'"):
        registry.register("small")


def test_a_name_outside_the_index_is_an_error(registry):
    with pytest.raises(KeyError, match="not in the index"):
        registry.register("other")


def test_an_unknown_name_is_told_the_nearest_and_where_all_stand(registry):
    with pytest.raises(UnknownName, match=r"no model is called 'smal'; nearest: small.*`rumbo models` shows all 3"):
        registry.get("smal")
