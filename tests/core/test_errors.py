"""Errors carry their exit code and tell the nearest name."""

import pytest

from rumbo.core import errors

CODES = {
    "RumboError": 1,
    "UsageError": 2,
    "UnknownName": 2,
    "OptionError": 2,
    "ShapeError": 2,
    "DataError": 3,
    "FaultyData": 3,
    "TrainingError": 4,
    "StorageError": 4,
    "GateError": 5,
    "FolderInUse": 75,
}


def test_every_error_has_its_exit_code():
    found = {
        name: kind.exit_code
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.RumboError)
    }
    assert found == CODES


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("resnet5", "nearest: resnet50"),
        ("ResNet50", "nearest: resnet50"),
        ("lenet", "nearest: lenet5"),
        ("zzz", r"`rumbo models` shows all 3\."),
    ],
)
def test_unknown_name(name, words):
    told = errors.unknown_name("model", name, ["resnet50", "resnet152", "lenet5"], where="rumbo models")
    assert isinstance(told, errors.UnknownName)
    assert f"no model is called '{name}'" in str(told)
    with pytest.raises(errors.UsageError, match=words):
        raise told


def test_a_short_list_of_names_is_told_whole():
    assert str(errors.unknown_name("split", "tset", ["test", "train", "dev"])).endswith("Known: dev, test, train.")


def test_a_long_list_is_told_where_nothing_is_near():
    names = [f"name_{i}" for i in range(20)]
    assert "name_19" in str(errors.unknown_name("column", "###", names))
    assert "name_5" not in str(errors.unknown_name("column", "name_1", names))


def test_a_hostile_name_is_shown_harmless():
    assert "\x1b" not in str(errors.unknown_name("column", "\x1b[2J", ["a"]))
