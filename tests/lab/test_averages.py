"""Weighted averages of series: known lags, noise and first values; real temperatures; bad tables."""

import numpy as np
import pytest

from rumbo.core.errors import DataError, OptionError, RumboError, UnknownName
from rumbo.lab.averages import Averages, lag, made_up, noise
from rumbo.reference.averages import corrected_averages


def write(path, values, head="day,temperature"):
    path.write_text("\n".join([head, *(f"d{day},{value}" for day, value in enumerate(values))]) + "\n")
    return path


def test_real_temperatures(shared_data):
    result = Averages().run(shared_data / "time_series" / "daily-min-temperatures.csv")
    assert result.title == "Averages of 'Temp', 3650 values"
    rows = {row[0]: row[1:] for row in result.rows}
    assert list(rows) == [0.5, 0.9, 0.98]
    for beta, (window, late, _, first, corrected) in rows.items():
        assert window == pytest.approx(1 / (1 - beta))
        # A yearly wave passes with the angle of (1 - beta) / (1 - beta e^-iw) behind.
        angle = -np.angle((1 - beta) / (1 - beta * np.exp(-2j * np.pi / 365.25)))
        assert late == pytest.approx(angle * 365.25 / (2 * np.pi), abs=1)
        assert first == pytest.approx((1 - beta) * 20.7)
        assert corrected == pytest.approx(20.7)
    assert rows[0.5][2] > 4 * rows[0.9][2] > 4 * rows[0.98][2]
    assert "41 values late" in result.finding
    assert "left out" not in result.finding


@pytest.mark.parametrize("beta", [0.5, 0.8, 0.9, 0.95])
def test_on_a_steady_rise_the_lag_is_that_of_the_equation(beta):
    theta = np.arange(500.0)
    assert lag(theta, corrected_averages(theta, beta), round(1 / (1 - beta))) == round(beta / (1 - beta))


def test_without_averaging_there_is_no_lag():
    result = Averages(betas=(0.0,)).run(None)
    (row,) = result.rows
    assert row[2] == 0
    assert row[3] == pytest.approx(noise(made_up(0).values))
    assert row[4] == row[5]


@pytest.mark.parametrize("beta", [0.5, 0.9])
def test_noise_falls_as_the_equation_says(beta):
    """The steps of an average of white noise of variance 1 have the variance 2 (1 - beta)^2 / (1 + beta)."""
    white = np.random.default_rng(0).normal(size=200_000)
    wanted = np.sqrt(2 * (1 - beta) ** 2 / (1 + beta))
    assert noise(corrected_averages(white, beta)) == pytest.approx(wanted, rel=0.01)


def test_lag_is_not_told_where_it_cannot_be(tmp_path):
    short = Averages().run(write(tmp_path / "short.csv", range(20)))
    assert [row[2] for row in short.rows] == [1, None, None]
    assert "too short" in short.finding
    even = Averages().run(write(tmp_path / "even.csv", [5] * 400 + [5.0]))
    assert [row[2] for row in even.rows] == [None] * 3


def test_the_order_of_betas_does_not_matter():
    assert Averages(betas=(0.9, 0.5, 0.9)).run(None).rows == Averages(betas=(0.5, 0.9)).run(None).rows


def test_made_up_data_is_called_so_and_follows_the_seed():
    assert "made up" in Averages().run(None).title
    assert np.array_equal(made_up(1).values, made_up(1).values)
    assert not np.array_equal(made_up(1).values, made_up(2).values)


def test_what_is_no_number_is_counted(tmp_path):
    values = [*range(30), "?0.2", "", "?0.8", "nan", *range(30)]
    result = Averages().run(write(tmp_path / "odd.csv", values))
    assert "60 values" in result.title
    assert "4 entries that are no numbers were left out." in result.finding


def test_a_very_long_series_is_cut(tmp_path, monkeypatch):
    monkeypatch.setattr("rumbo.lab.averages.MAX_VALUES", 50)
    result = Averages().run(write(tmp_path / "long.csv", range(80)))
    assert "50 values" in result.title
    assert "30 values beyond the first 50 were left out." in result.finding


def test_the_column_may_be_chosen(tmp_path):
    path = tmp_path / "two.csv"
    path.write_text("low,high\n" + "\n".join(f"{day},{day + 10}" for day in range(40)))
    assert "'high'" in Averages().run(path).title
    low = Averages(column="low").run(path)
    assert "'low'" in low.title
    assert low.rows[0][4] == 0
    with pytest.raises(UnknownName, match="no column is called 'lov'; nearest: low"):
        Averages(column="lov").run(path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "empty"),
        ("day,name\na,b\nc,d\n", "no column of numbers"),
        ("day,temperature\n" + "\n".join(f"{d},{d}" for d in range(5)), "has 5 numbers; an average needs at least 10"),
        ("a,b\n1,2\n1,2,3\n", "line 3 has 3 fields"),
    ],
)
def test_bad_tables_are_refused(tmp_path, text, told):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=told):
        Averages().run(path)


def test_a_picture_is_no_series(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(RumboError):
        Averages().run(path)


def test_folders_and_other_files_are_no_table(tmp_path):
    (tmp_path / "a.csv").write_text("x\n" + "\n".join(map(str, range(20))))
    with pytest.raises(DataError, match=r"is a folder\. Give one table"):
        Averages().run(tmp_path)
    (tmp_path / "a.bin").write_bytes(bytes(range(256)))
    with pytest.raises(DataError, match=r"is no table\. Give one"):
        Averages().run(tmp_path / "a.bin")
    assert Averages().run(tmp_path / "a.csv").rows


@pytest.mark.parametrize("text", ["1", "-0.1", "0.5,1.5", "", ",".join(["0.5"] * 7)])
def test_betas_outside_are_refused(text):
    with pytest.raises(OptionError, match="1 to 6 numbers in"):
        Averages().override("betas", text)
