"""Leaks, copies and classes: each fault planted in a real set is found under its code."""

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image
from planting import Changed, change, edit, judge, repaint, splits

from rumbo.data.manifest import Target, TargetKind
from rumbo.data.options import SplitOptions

PLANTED = {}


def plants(code):
    """Enter a planting: from the opener of real sets to (clean, faulty), and perhaps an item and split options."""
    return lambda function: PLANTED.setdefault(code, function)


def digits(real, num=1200):
    """A part of Fashion-MNIST as a random split makes it."""
    data = real("fashion_mnist").take(np.arange(num))
    return dataclasses.replace(data, table=data.table.drop("split"))


@plants("leak.exact_duplicate")
def _(real):
    data = change(digits(real), split=splits(1200, dev=0.1, test=0.2))
    names = data.table["split"].to_list()
    train, test = names.index("train"), names.index("test")
    copied = change(
        data,
        content=edit([test], data.table["content"][train]),
        **{data.target.columns[0]: edit([test], data.table[data.target.columns[0]][train])},
    )
    return data, copied, data.ids[train]


@plants("leak.near_duplicate")
def _(real):
    data = real("hymenoptera").take(np.arange(0, 390, 6))
    test = int(np.flatnonzero((data.table["split"] == "dev").to_numpy())[0])
    train = int(np.flatnonzero((data.table["split"] == "train").to_numpy())[0])
    twin = Image.open(io.BytesIO(data.images.bytes_of(train)))
    smaller = repaint(data, lambda _: twin.resize((twin.width * 3 // 4, twin.height * 3 // 4)), [test], quality=70)
    return data, smaller, None, SplitOptions(allow_leak=True)


@plants("source.few_distinct")
def _(real):
    """Two hundred districts of another source, in which ten stand for all."""
    data = real("california_housing").take(np.arange(1000))
    clean = change(data, source=["made" if row >= 800 else "real" for row in range(1000)])
    content = clean.table["content"].to_list()
    return clean, change(clean, content=content[:800] + [content[800 + row % 10] for row in range(200)])


@plants("leak.group")
def _(real):
    data = real("california_housing").take(np.arange(2000))
    groups = [f"block {row // 10}" for row in range(2000)]
    clean = change(data, group=groups, split=["test" if row >= 1500 else "train" for row in range(2000)])
    return clean, change(clean, group=edit([3], "block 199"))


@plants("leak.identity")
def _(real):
    data = change(real("orl_faces"), split=lambda old: ["train"] * 300 + ["test"] * 100)
    data = change(data, identity=data.table["group"].to_list())
    ordered = data.take(np.argsort(data.table["identity"].to_numpy(), kind="stable"))
    clean = change(ordered, split=["train"] * 300 + ["test"] * 100)
    return clean, change(clean, split=edit([0], "test")), clean.ids[0]


@plants("leak.text")
def _(real):
    data = change(real("movie_reviews").take(np.arange(0, 2000, 8)), split=splits(250, test=0.2))
    names = data.table["split"].to_list()
    train, test = names.index("train"), names.index("test")
    return (
        data,
        dataclasses.replace(data, signals=Changed(data.signals, {test: data.signals.read(train).upper() + "!"})),
        data.ids[test],
    )


@plants("dup.exact")
def _(real):
    data = digits(real)
    return data, change(data, content=edit([7], data.table["content"][3]))


@plants("label.conflict")
def _(real):
    data, column = digits(real), real("fashion_mnist").target.columns[0]
    other = "1" if data.table[column][3] != "1" else "2"
    return (
        data,
        change(data, content=edit([7], data.table["content"][3]), **{column: edit([7], other)}),
        data.ids[7],
    )


@plants("split.small_test")
def _(real):
    data = real("adult_income")
    return data.take(np.arange(4000)), data.take(np.arange(900))


@plants("split.small_dev")
def _(real):
    data = real("adult_income").take(np.arange(9000))
    names = splits(9000, test=0.2, dev=0.1)
    clean = change(data, split=names)
    few = np.flatnonzero(np.array(names) == "dev")[:12]
    return clean, change(
        data, split=["dev" if row in few else "test" if n == "test" else "train" for row, n in enumerate(names)]
    )


@plants("split.source_new")
def _(real):
    data = real("california_housing").take(np.arange(2000))
    clean = change(data, split=splits(2000, dev=0.2, test=0.2), source=["census"] * 2000)
    dev = np.flatnonzero((clean.table["split"] == "dev").to_numpy())
    return clean, change(clean, source=edit(dev, "phone calls"))


def temperatures(real, **columns):
    """The daily minima as a table of three columns."""
    data = real("california_housing").take(np.arange(2000))
    series = real("time_series/daily-min-temperatures.csv").signals.read(0)[:2000, 0]
    first = np.datetime64("1981-01-01")
    days = [str(first + day) for day in range(2000)]
    return change(data, housing_median_age=series.tolist(), when=days, **columns)


@plants("split.time_mixed")
def _(real):
    by_time = ["train"] * 1200 + ["dev"] * 400 + ["test"] * 400
    return temperatures(real, split=by_time), temperatures(real, split=splits(2000, dev=0.2, test=0.2))


@plants("class.single")
def _(real):
    data = digits(real)
    column = data.target.columns[0]
    only = dataclasses.replace(data.target, classes=("3",))
    return data, dataclasses.replace(change(data, **{column: ["3"] * 1200}), target=only)


@plants("class.missing_in_train")
def _(real):
    data = change(digits(real), split=splits(1200, dev=0.2, test=0.2))
    column = data.target.columns[0]
    is_train = data.table["split"] == "train"
    rows = np.flatnonzero((is_train & (data.table[column] == "9")).to_numpy())
    return data, change(data, **{column: edit(rows, "8")}), "9"


@plants("class.missing_in_dev")
def _(real):
    data = change(digits(real), split=splits(1200, dev=0.2, test=0.2))
    column = data.target.columns[0]
    rows = np.flatnonzero(((data.table["split"] == "test") & (data.table[column] == "9")).to_numpy())
    return data, change(data, **{column: edit(rows, "8")}), "9"


@plants("class.rare")
def _(real):
    data = digits(real)
    column = data.target.columns[0]
    rows = np.flatnonzero((data.table[column] == "9").to_numpy())[4:]
    return data, change(data, **{column: edit(rows, "8")}), "9"


@plants("class.empty")
def _(real):
    data = digits(real)
    target = dataclasses.replace(data.target, classes=(*data.target.classes, "boot"))
    return data, dataclasses.replace(data, target=target), "boot"


@plants("class.imbalanced")
def _(real):
    data = real("adult_income").take(np.arange(6000))
    rich = np.flatnonzero((data.table[data.target.columns[0]] == ">50K").to_numpy())
    return data, data.take(np.setdiff1d(np.arange(6000), rich[60:]))


@plants("class.shares_differ")
def _(real):
    data = change(real("adult_income").take(np.arange(6000)), split=splits(6000, test=0.2))
    column = data.target.columns[0]
    rows = np.flatnonzero(((data.table["split"] == "test") & (data.table[column] == "<=50K")).to_numpy())[:400]
    return data, change(data, **{column: edit(rows, ">50K")})


def renamed(data, names):
    """Classes under other names."""
    column = data.target.columns[0]
    target = dataclasses.replace(
        data.target, classes=tuple(dict.fromkeys(names.get(c, c) for c in data.target.classes))
    )
    values = [names.get(name, name) for name in data.table[column].to_list()]
    return dataclasses.replace(change(data, **{column: values}), target=target)


@plants("class.case_variants")
def _(real):
    data = real("hymenoptera").take(np.arange(0, 397, 6))
    column = data.target.columns[0]
    target = dataclasses.replace(data.target, classes=("Ants ", "ants", "bees"))
    return data, dataclasses.replace(change(data, **{column: edit(range(4), "Ants ")}), target=target), "Ants "


@plants("class.hidden")
def _(real):
    data = real("hymenoptera").take(np.arange(0, 397, 6))
    return data, renamed(data, {"ants": ".ipynb_checkpoints"})


@plants("class.mostly_copies")
def _(real):
    data = real("hymenoptera").take(np.arange(0, 397, 6))
    ants = np.flatnonzero((data.table["class"] == "ants").to_numpy())
    return (
        data,
        change(data, content=edit(ants[5:], data.table["content"][int(ants[0])])),
        "ants",
        SplitOptions(near_duplicates=False, allow_leak=True),
    )


@plants("class.code_gap")
def _(real):
    data = digits(real)
    return data, renamed(data, {"4": "5"}), "4"


@plants("label.constant")
def _(real):
    data = real("california_housing").take(np.arange(2000))
    yes = [float(value > 200_000) for value in data.table["median_house_value"].to_list()]
    old = [float(value > 30) for value in data.table["housing_median_age"].to_list()]
    data = dataclasses.replace(
        change(data, dear=yes, old=old),
        target=Target(columns=("dear", "old"), kind=TargetKind.LABELS, classes=("dear", "old")),
    )
    return data, change(data, old=[0.0] * 2000), "old"


@plants("identity.single")
def _(real):
    data = real("orl_faces")
    return data, people(data, {3: "a stranger"}), "a stranger"


def people(data, names):
    """Other names for some pictures."""
    identity = [names.get(row, name) for row, name in enumerate(data.table["identity"].to_list())]
    return change(data, identity=identity, group=identity)


@plants("identity.two_people")
def _(real):
    data = real("orl_faces")
    other = int(np.flatnonzero((data.table["identity"] != data.table["identity"][0]).to_numpy())[0])
    return data, change(data, content=edit([other], data.table["content"][0])), data.ids[0]


@plants("identity.unbalanced")
def _(real):
    data = real("orl_faces")
    return data, crowd(data), "crowd"


def crowd(data):
    """One person with 300 of the pictures, the others with five each."""
    return people(data, {row: "crowd" if row < 300 else f"guest {row // 5}" for row in range(400)})


@plants("identity.case_variants")
def _(real):
    data = renamed_people(real("orl_faces"))
    return data, people(data, {3: data.table["identity"][3].upper()})


def renamed_people(data):
    """People called by words instead of numbers."""
    words = {
        name: f"person {chr(97 + place % 26)}{chr(97 + place // 26)}"
        for place, name in enumerate(sorted(set(data.table["identity"])))
    }
    return people(data, {row: words[name] for row, name in enumerate(data.table["identity"].to_list())})


@pytest.mark.parametrize("code", sorted(PLANTED))
def test_the_fault_is_found(code, real):
    judge(code, *PLANTED[code](real))
