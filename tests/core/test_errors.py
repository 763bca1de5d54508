"""Errors carry their exit code and tell the nearest name."""

import errno
import os

import pytest

from rumbo.core import errors
from rumbo.core.errors import os_reason

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


@pytest.mark.parametrize(
    "code", [errno.ENOENT, errno.EACCES, errno.EADDRINUSE, errno.ENOSPC, errno.EISDIR, errno.ENOTDIR, errno.EEXIST]
)
def test_reasons_of_the_system_are_in_our_words(code):
    problem = OSError(code, os.strerror(code))
    assert os_reason(problem)
    assert os_reason(problem) != os.strerror(code)
    assert not os_reason(problem).endswith(".")


def test_an_odd_reason_of_the_system_is_passed_on():
    assert os_reason(OSError(errno.EPIPE, "Broken pipe")) == "Broken pipe"
    assert os_reason(OSError("no number")) == "no number"
