"""Error rates as people type them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rumbo.core.errors import UsageError
from rumbo.strategy.error_text import read_amount, read_rate


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.5%", 0.005),
        ("0.005", 0.005),
        (" 8 % ", 0.08),
        ("0", 0),
        ("100%", 1),
        (".5", 0.5),
        ("5e-3", 0.005),
        ("0%", 0),
    ],
)
def test_shares_and_percentages_are_both_understood(text, value):
    assert read_rate(text, "--dev-error") == pytest.approx(value)


@pytest.mark.parametrize("text", ["5", "1", "1.0", "50", "100"])
def test_what_could_be_either_is_refused_with_both_readings(text):
    with pytest.raises(UsageError, match=rf"--dev-error {text} could be .*{text}% or 0\.|write 100% or 1"):
        read_rate(text, "--dev-error")


@pytest.mark.parametrize("text", ["", "%", "five", "-1%", "-0.1", "101%", "200", "nan", "inf", "5%%", "0,5%", "1e999"])
def test_what_is_no_error_is_refused(text):
    with pytest.raises(UsageError, match="--dev-error"):
        read_rate(text, "--dev-error")


def test_errors_of_numbers_are_in_their_unit_or_in_percent_of_its_deviation():
    assert read_amount("12000", "--human-error", unit=100_000) == pytest.approx(0.12)
    assert read_amount("12%", "--human-error", unit=100_000) == pytest.approx(0.12)
    with pytest.raises(UsageError):
        read_amount("-3", "--human-error", unit=2.0)


@given(st.floats(0, 0.999))
def test_a_share_and_its_percentage_are_the_same(share):
    assert read_rate(repr(share), "x") == share
    assert read_rate(f"{100 * share!r}%", "x") == pytest.approx(share)
