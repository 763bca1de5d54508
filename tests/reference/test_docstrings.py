"""Every public function of the reference says what it computes, and from where it comes."""

import importlib
import inspect
import pkgutil
import re

import pytest

from rumbo import reference

MODULES = sorted(module.name for module in pkgutil.iter_modules(reference.__path__))
WAY_BACK = re.compile(r"(.+)_(derivative|backward|gradient)")
# `relu_derivative` belongs to `relu`, `rnn_backward` to `rnn_forward`, `l2_gradient` to `l2_penalty`.
FORWARD_ENDINGS = ("", "_forward", "_penalty", "_loss")


def public_functions(module):
    own = inspect.getmembers(module, inspect.isfunction)
    return {name: f for name, f in own if f.__module__ == module.__name__ and not name.startswith("_")}


def has_source(documented):
    return re.search(r"\bSource: \S", inspect.getdoc(documented) or "") is not None


def has_or_inherits_source(name, functions):
    if has_source(functions[name]):
        return True
    way_back = WAY_BACK.fullmatch(name)
    belongs_to = [way_back[1] + ending for ending in FORWARD_ENDINGS] if way_back else []
    return any(forward in functions and has_source(functions[forward]) for forward in belongs_to)


@pytest.mark.parametrize("name", MODULES)
def test_every_public_function_has_a_docstring_and_a_source(name):
    module = importlib.import_module(f"{reference.__name__}.{name}")
    functions = public_functions(module)
    assert [f for f in functions if not inspect.getdoc(functions[f])] == []
    if not has_source(module):
        assert [f for f in functions if not has_or_inherits_source(f, functions)] == []


@pytest.mark.parametrize("name", MODULES)
def test_a_derivative_of_a_function_names_one_that_is_there(name):
    functions = public_functions(importlib.import_module(f"{reference.__name__}.{name}"))
    named = {
        f: re.findall(r"Source: the (?:derivative|inverse) of `(\w+)`", inspect.getdoc(functions[f])) for f in functions
    }
    assert [(f, names) for f, names in named.items() for other in names if other not in functions or other == f] == []


def test_the_functions_are_found():
    found = public_functions(importlib.import_module(f"{reference.__name__}.boxes"))
    assert {"corners", "iou", "localization_loss_gradient"} <= set(found)
    assert "_cared_for" not in found
    assert len(MODULES) > 20
