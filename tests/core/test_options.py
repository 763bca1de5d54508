"""Options: checked at birth, read from text and from files, unknown keys refused."""

from dataclasses import FrozenInstanceError, dataclass, fields, replace
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rumbo.core.errors import OptionError, UnknownName
from rumbo.core.options import Options, all_options, option, parse_scalar


@dataclass(frozen=True, kw_only=True)
class Inner(Options):
    momentum: float = option(0.9, "How much of the last step is kept.", low=0, high=1)
    rule: Literal["sgd", "adam"] = option("sgd", "Which rule.")


@dataclass(frozen=True, kw_only=True)
class Outer(Options):
    epochs: int = option(3, "Passes.", low=1)
    share: float | None = option(None, "A share.", low=0, high=1)
    sizes: tuple[int, ...] = option((4, 5), "Sizes.")
    shuffle: bool = option(True, "Whether.")
    name: str = option("net", "A name.")
    extra: dict[str, object] = option({}, "Whatever.")
    inner: Inner = option(Inner, "A group.")


@pytest.mark.parametrize(
    ("path", "text", "value"),
    [
        ("epochs", "7", 7),
        ("share", "0.25", 0.25),
        ("share", "none", None),
        ("sizes", "1, 2,3", (1, 2, 3)),
        ("shuffle", "no", False),
        ("name", "7", "7"),
        ("inner.momentum", "0.5", 0.5),
        ("inner.rule", "adam", "adam"),
        ("extra.width", "32", {"width": 32}),
        ("extra.deep", "true", {"deep": True}),
    ],
)
def test_override_reads_text_as_the_type_of_the_option(path, text, value):
    changed = Outer().override(path, text)
    first, _, rest = path.partition(".")
    read = getattr(changed, first)
    assert (getattr(read, rest) if first == "inner" else read) == value
    assert Outer() == Outer()


@pytest.mark.parametrize(
    ("path", "text", "words"),
    [
        ("epochs", "0", "epochs=0 must be at least 1"),
        ("epochs", "two", "whole number"),
        ("epochs", "1.5", "whole number"),
        ("share", "1.5", r"share=1\.5 must lie in \[0, 1\]"),
        ("share", "nan", "a number"),
        ("share", "inf", "a number"),
        ("shuffle", "perhaps", "true or false"),
        ("inner.rule", "adamw", "one of: sgd, adam"),
        ("inner", "3", r"is a group; set one of: inner\.momentum, inner\.rule"),
    ],
)
def test_a_value_that_is_not_allowed_says_what_is(path, text, words):
    with pytest.raises(OptionError, match=words):
        Outer().override(path, text)


@pytest.mark.parametrize(
    ("path", "nearest"), [("epoch", "epochs"), ("inner.momentun", r"inner\.momentum"), ("epochs.deep", "epochs")]
)
def test_an_unknown_option_is_told_the_nearest(path, nearest):
    with pytest.raises(UnknownName, match=f"'{path}'.*{nearest}"):
        Outer().override(path, "1")


@given(st.integers(1, 100), st.floats(0, 1), st.lists(st.integers(), max_size=4), st.booleans(), st.floats(0, 1))
def test_what_is_written_is_read_back(epochs, share, sizes, shuffle, momentum):
    options = Outer(
        epochs=epochs, share=share, sizes=tuple(sizes), shuffle=shuffle, inner=Inner(momentum=momentum), extra={"a": 1}
    )
    assert Outer.from_dict(options.to_dict()) == options


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"epoch": 3}, UnknownName),
        ({"inner": {"momentum": 0.1, "mass": 1}}, UnknownName),
        ({"inner": 3}, OptionError),
        ({"epochs": "3"}, OptionError),
        ({"epochs": True}, OptionError),
        ({"epochs": float("nan")}, OptionError),
        ({"shuffle": 1}, OptionError),
        ({"name": 3}, OptionError),
        ({"sizes": 3}, OptionError),
        ({"extra": [1]}, OptionError),
        ({"inner": {"rule": "magic"}}, OptionError),
    ],
)
def test_a_file_that_is_not_right_is_refused(values, error):
    with pytest.raises(error):
        Outer.from_dict(values)


def test_options_are_frozen_and_checked_when_replaced():
    with pytest.raises(FrozenInstanceError):
        Outer().epochs = 4  # type: ignore[misc]
    with pytest.raises(OptionError, match="epochs=0"):
        replace(Outer(), epochs=0)


def test_dictionaries_are_not_shared():
    Outer().extra["a"] = 1
    assert Outer().extra == {}


def test_every_option_is_listed_with_its_sentence():
    listed = all_options(Outer)
    assert set(listed) == {f.name for f in fields(Outer)} - {"inner"} | {"inner.momentum", "inner.rule"}
    assert listed["inner.momentum"] == (0.9, "How much of the last step is kept.")


@pytest.mark.parametrize(
    ("text", "value"), [("none", None), ("True", True), ("3", 3), ("3.5", 3.5), ("1e-3", 0.001), ("3px", "3px")]
)
def test_scalars(text, value):
    read = parse_scalar(text)
    assert read == value
    assert type(read) is type(value)
