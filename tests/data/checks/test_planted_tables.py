"""Faults of tables, planted in California housing and adult income, are found under their codes."""

import dataclasses

import numpy as np
import pytest
from planting import change, edit, judge, splits

from rumbo.data import open_data

PLANTED = {}


def plants(code):
    """Enter a planting: from the opener of real sets to (clean, faulty), and perhaps an item."""
    return lambda function: PLANTED.setdefault(code, function)


def housing(real, num=3000):
    """A part without the capped districts, cut at random."""
    data = real("california_housing")
    rows = np.flatnonzero((data.table["median_house_value"] < 490_000).to_numpy())
    return data.take(np.random.default_rng(0).permutation(rows)[:num])


def adults(real, num=3000):
    """A part of adult income without its given split."""
    data = real("adult_income").take(np.arange(num))
    return dataclasses.replace(data, table=data.table.drop("split"))


@plants("target.missing")
def _(real):
    return "housing", lambda lines: edit([9], lambda line: blank(line, 8))(lines), "housing.csv#8"


def blank(line, place, value=""):
    """A line of a CSV file with another entry at a place."""
    fields = line.split(",")
    fields[place] = value
    return ",".join(fields)


@plants("target.constant")
def _(real):
    data = housing(real)
    return data, change(data, median_house_value=[1.0] * 3000)


@plants("target.capped")
def _(real):
    data = housing(real)
    return data, change(data, median_house_value=lambda old: [min(value, 350_000.0) for value in old])


@plants("target.outlier")
def _(real):
    data = housing(real)
    return data, change(data, median_house_value=edit([5], lambda value: value * 1000)), data.ids[5]


@plants("target.mostly_one")
def _(real):
    data = housing(real)
    return data, change(data, median_house_value=edit(range(2900), 0.0))


@plants("target.shift")
def _(real):
    data = change(housing(real), split=splits(3000, test=0.2))
    test = np.flatnonzero((data.table["split"] == "test").to_numpy())
    return data, change(data, median_house_value=edit(test, lambda value: value * 1.5))


@plants("feature.missing")
def _(real):
    data = housing(real)
    clean = data.take(np.flatnonzero(data.table["total_bedrooms"].is_not_null().to_numpy()))
    return clean, change(clean, total_rooms=edit([5], None)), clean.ids[5]


@plants("feature.infinite")
def _(real):
    data = housing(real)
    return data, change(data, total_rooms=edit([5], float("inf"))), data.ids[5]


@plants("feature.constant")
def _(real):
    data = housing(real)
    return data, change(data, households=[1.0] * 3000), "households"


@plants("feature.mostly_one")
def _(real):
    data = housing(real)
    return data, change(data, households=edit(range(2996), 0.0)), "households"


@plants("feature.leak")
def _(real):
    data = housing(real)
    euros = [value * 0.92 + 100 for value in data.table["median_house_value"].to_list()]
    return data, change(data, households=euros), "households"


@plants("feature.copy")
def _(real):
    data = housing(real)
    meters = [value * 0.3048 for value in data.table["total_rooms"].to_list()]
    return data, change(data, households=meters), "households"


@plants("feature.text_numbers")
def _(real):
    data = housing(real)
    written = [f"${value:,.0f}" for value in data.table["total_rooms"].to_list()]
    return data, change(data, ocean_proximity=written), "ocean_proximity"


@plants("feature.mixed")
def _(real):
    data = housing(real)
    rooms = [f"{value:.0f}" for value in data.table["total_rooms"].to_list()]
    return data, change(data, ocean_proximity=edit(range(0, 3000, 4), "many")(rooms)), "ocean_proximity"


@plants("feature.outlier")
def _(real):
    data = housing(real)
    rows = np.flatnonzero((data.table["median_income"] > 3).to_numpy())[:3]
    return data, change(data, median_income=edit(rows, lambda value: value * 1000)), data.ids[int(rows[0])]


@plants("feature.sentinel")
def _(real):
    data = housing(real)
    return data, change(data, housing_median_age=edit(range(0, 300, 10), -999.0)), data.ids[10]


@plants("feature.dates")
def _(real):
    data = housing(real)
    days = [str(np.datetime64("1990-01-01") + day % 700) for day in range(3000)]
    return data, change(data, ocean_proximity=days), "ocean_proximity"


@plants("feature.row_number")
def _(real):
    data = housing(real)
    return data, change(data, households=[float(row) for row in range(3000)]), "households"


@plants("feature.case_variants")
def _(real):
    data = housing(real)
    return data, change(data, ocean_proximity=edit([5, 6], lambda name: name.lower() + " ")), data.ids[5]


@plants("feature.encoding")
def _(real):
    data = housing(real)
    return data, change(data, ocean_proximity=edit([5], "bahía".encode().decode("latin-1"))), data.ids[5]


@plants("feature.placeholder")
def _(real):
    data = housing(real)
    return data, change(data, ocean_proximity=edit([5, 9], "#REF!")), data.ids[5]


@plants("feature.unseen")
def _(real):
    data = change(housing(real), split=splits(3000, test=0.2))
    test = np.flatnonzero((data.table["split"] == "test").to_numpy())
    return data, change(data, ocean_proximity=edit(test[:60], "LAKE")), data.ids[int(test[0])]


@plants("feature.shift")
def _(real):
    data = change(housing(real), split=splits(3000, test=0.2))
    test = np.flatnonzero((data.table["split"] == "test").to_numpy())
    return data, change(data, median_income=edit(test, lambda value: value * 1.6)), "median_income"


@plants("row.mostly_missing")
def _(real):
    data = housing(real)
    names = ("total_rooms", "population", "households", "median_income", "housing_median_age")
    return data, change(data, **{name: edit([5], None) for name in names}), data.ids[5]


@plants("weight.bad")
def _(real):
    data = change(housing(real), weight=[1.0] * 3000)
    return data, change(data, weight=edit([5], -1.0)), data.ids[5]


@plants("feature.time_order")
def _(real):
    data = housing(real, 2000)
    values = real("time_series/daily-min-temperatures.csv").signals.read(0)[:2000, 0]
    days = [str(np.datetime64("1981-01-01") + day) for day in range(2000)]
    data = change(data, households=values.tolist(), when=days)
    swapped = days[:700] + days[710:720] + days[700:710] + days[720:]
    return data, change(data, when=swapped), data.ids[710]


@pytest.mark.parametrize("code", sorted(PLANTED))
def test_the_fault_is_found(code, real, shared_data, tmp_path):
    first, second, *item = PLANTED[code](real)
    if first == "housing":  # planted in the file
        lines = (shared_data / "california_housing/housing.csv").read_text().splitlines()[:3000]
        opened = []
        for name, text in (("clean", lines), ("faulty", second(lines))):
            (tmp_path / name).mkdir()
            (tmp_path / name / "housing.csv").write_text("\n".join(text) + "\n")
            opened.append(open_data(tmp_path / name / "housing.csv", target="median_house_value"))
        first, second = opened
    judge(code, first, second, *item)


@pytest.mark.parametrize("text", ["12a", "9b", "3rd", "B12", "2nd", "7up", "1-2", "A1"])
def test_names_with_digits_are_no_numbers_with_units(text):
    from rumbo.data.checks.entries import has_units

    number = text.strip("abrdBnupA-")
    assert not has_units([text.replace(number, f"{row}") + "xyz"[row % 3] for row in range(60)])


@pytest.mark.parametrize("text", ["{} kg", "{}%", "€{}", "{},500", "-{} °C", "{} km/h"])
def test_numbers_with_units(text):
    from rumbo.data.checks.entries import has_units

    assert has_units([text.format(row) for row in range(60)])


def test_levels_that_only_look_alike_stay():
    from rumbo.data.checks.columns import variants

    assert variants(["C", "C++", "C#", "A-", "A+", "A", "1", "1.0", "ants", "bees", "<=50K", ">50K"]) == []
    assert variants(["New York", "new_york", " NEW YORK."]) == [["New York", "new_york", " NEW YORK."]]
