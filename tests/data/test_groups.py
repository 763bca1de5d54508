"""Names of frames, bursts of a camera, and what joins them."""

import dataclasses
import io
import re

import numpy as np
import polars as pl
import pytest
from PIL import Image
from planted import jpeg, picture_set

from rumbo.core.errors import DataError
from rumbo.data import open_data
from rumbo.data.mixing import Addition, mix
from rumbo.data.options import SplitOptions
from rumbo.data.splits.groups import Reason, bursts, components, copies_of, frames, groups_in, look_for_groups
from rumbo.data.splits.near_duplicates import Sketch
from rumbo.data.splits.split import make_split


def groups_of(names, **rest) -> list[list[str]]:
    return [[names[row] for row in rows] for rows in frames(names, **rest)]


@pytest.mark.parametrize(
    "pattern",
    ["video{0}_frame{1:03d}.jpg", "patient{0:02d}_slice{1}.png", "a/clip{0}/frame_{1}.jpg", "scan{0}-SLC-{1:04d}.png"],
)
def test_a_word_makes_frames(pattern):
    names = [pattern.format(film, number) for film in range(5) for number in range(6)]
    found = groups_of(names)
    assert sorted(map(len, found)) == [6] * 5
    films = [{re.search(r"\d+", name)[0] for name in group} for group in found]
    assert sorted(map(len, films)) == [1] * 5


def test_a_film_is_one_group_in_whatever_folder_its_frames_lie():
    names = [
        f"{'train' if number % 2 else 'val'}/{'cat' if film % 2 else 'dog'}/video{film}_frame{number}.jpg"
        for film in range(6)
        for number in range(8)
    ]
    assert sorted(map(len, frames(names))) == [8] * 6


COUNTED = [
    [f"{number:04d}.jpg" for number in range(100)],
    [f"cat.{number}.jpg" for number in range(50)] + [f"dog.{number}.jpg" for number in range(50)],
    [f"images/raccoon-{number}.jpg" for number in range(200)],
    [f"{label}/IMG_{number:04d}.jpg" for label in ("ants", "bees", "wasps") for number in range(40)],
    [f"{number}_{number * 7919 % 99991:x}.jpg" for number in range(1000, 1200)],
    [f"frame{number:05d}.png" for number in range(300)],
    [f"{label}/frame_{number:05d}.png" for label in "abcd" for number in range(30)],
]


@pytest.mark.parametrize("names", COUNTED, ids=lambda names: names[0])
def test_counted_names_are_no_sequences(names):
    drawn = [Sketch(np.random.default_rng(row).normal(128, 40, (48, 48)), None) for row in range(len(names))]
    classes = [name.split("/")[0].split(".")[0] for name in names] if "/" in names[0] or "." in names[0][:4] else None
    assert frames(names, drawn, classes) == []


def test_without_a_word_the_pictures_decide():
    names = [f"clip-{film}-{number:04d}.jpg" for film in range(6) for number in range(10)]
    rng = np.random.default_rng(0)
    scenes = rng.normal(128, 40, (6, 48, 48))
    alike = [Sketch(scenes[row // 10] + rng.normal(0, 10, (48, 48)), None) for row in range(60)]
    assert sorted(map(len, frames(names, alike))) == [10] * 6
    assert frames(names, [alike[row] for row in rng.permutation(60)]) == []
    same_scene = [Sketch(scenes[0] + rng.normal(0, 10, (48, 48)), None) for _ in range(60)]
    assert frames(names, same_scene) == []  # strangers are as alike as neighbours
    assert frames(names, None) == []
    assert frames(names, [Sketch(None, None)] * 60) == []


FILMS = {"two": [40, 40], "three": [30, 30, 30], "a large one": [80, 10, 10], "single frames": [12, *[1] * 30]}


@pytest.mark.parametrize("sizes", FILMS.values(), ids=FILMS)
def test_a_word_makes_films_of_any_number_and_size(sizes):
    names = [f"video{film}_frame{number:03d}.jpg" for film, size in enumerate(sizes) for number in range(size)]
    assert [len(rows) for rows in frames(names)] == [size for size in sizes if size > 1]


def test_one_film_beside_photos_is_a_group():
    names = [f"video1_frame{number:03d}.jpg" for number in range(60)] + [f"photo{x}.jpg" for x in "abcdefghij"]
    assert [rows.tolist() for rows in frames(names)] == [list(range(60))]
    assert len(frames(names, None, ["ab"[row % 2] for row in range(70)])) == 1
    assert frames(names, None, ["a"] * 60 + ["b"] * 10) == []  # all of a class in one split


def test_without_a_word_a_large_sequence_is_no_group():
    names = [f"clip-{film}-{number:04d}.jpg" for film, size in enumerate((40, 10, 10)) for number in range(size)]
    rng = np.random.default_rng(0)
    scenes = rng.normal(128, 40, (3, 48, 48))
    alike = [Sketch(scenes[int(name[5])] + rng.normal(0, 10, (48, 48)), None) for name in names]
    assert frames(names, alike) == []


def test_one_film_that_is_all_there_is_is_told():
    split = make_split(noise([f"frame{number:03d}.jpg" for number in range(50)]), SplitOptions(), 0)
    assert {"train", "dev", "test"} == set(split.table["split"])
    assert any("all examples are frames of one film" in sentence for sentence in split.decisions)
    films = noise([f"video{film}_frame{number}.jpg" for film in range(5) for number in range(10)])
    assert not any("one film" in sentence for sentence in make_split(films, SplitOptions(), 0).decisions)


def test_a_film_per_class_is_told():
    names = [f"{'ab'[row % 2]}/frame{row:03d}.jpg" for row in range(50)]
    split = make_split(noise(names), SplitOptions(), 0)
    assert any("most classes are frames of one film each" in sentence for sentence in split.decisions)


def test_too_few_films_say_what_to_do():
    films = noise([f"video{film}_frame{number}.jpg" for film in range(2) for number in range(20)])
    with pytest.raises(DataError, match=r"groups of examples that stay together: 2 .*by=random.*allow_leak=yes"):
        make_split(films, SplitOptions(), 0)
    torn = make_split(films, SplitOptions(by="random", allow_leak=True), 0)
    assert {"train", "dev", "test"} == set(torn.table["split"])


def test_without_a_test_the_sources_are_not_called_halves():
    data = noise([f"{number}.jpg" for number in range(20)])
    data = dataclasses.replace(data, table=data.table.with_columns(source=pl.Series(["web", "phone"] * 10)))
    options = SplitOptions(by="source", dev_sources=("phone",), test_fraction=0, near_duplicates=False)
    split = make_split(data, options, 0)
    assert "test" not in set(split.table["split"])
    assert split.decisions[0] == "by source: dev is phone; there is no test, as asked."
    halves = make_split(data, dataclasses.replace(options, test_fraction=None), 0)
    assert halves.decisions[0] == "by source: dev and test are halves of phone."


def test_a_sequence_per_class_is_not_grouped():
    names = [f"clip{film}_frame{number}.jpg" for film in range(6) for number in range(10)]
    assert frames(names, None, [f"c{row // 10}" for row in range(60)]) == []
    assert len(frames(names, None, [f"c{row // 30}" for row in range(60)])) == 6


@pytest.mark.parametrize("name", ["hymenoptera", "raccoon", "cats_vs_noncats", "membrane"])
def test_real_names_are_left_alone(shared_data, name):
    found = look_for_groups(open_data(shared_data / name))
    assert [groups.reason for groups in found if groups.reason is not Reason.NEAR] == []


def shot(when: str | None, camera: str = "One") -> bytes:
    exif = Image.Exif()
    exif[0x0110] = camera
    if when is not None:
        exif.get_ifd(0x8769)[0x9003] = when
    out = io.BytesIO()
    Image.effect_noise((70, 70), 90).save(out, "jpeg", exif=exif)
    return out.getvalue()


def test_bursts_of_one_camera_are_found():
    times = [
        "2024:05:01 12:00:00",
        "2024:05:01 12:00:02",
        "2024:05:01 12:00:04",
        "2024:05:01 12:00:07",
        None,
        "0000:00",
    ]
    data = {f"{row}.jpg": shot(when) for row, when in enumerate(times)}
    data["other.jpg"] = shot(times[1], "Two")
    data |= {f"later{row}.jpg": shot(f"2024:06:{row + 1:02d} 08:00:00") for row in range(5)}
    found = look_for_groups(picture_set(data))
    assert [(groups.reason, [rows.tolist() for rows in groups.members]) for groups in found] == [
        (Reason.BURST, [[0, 1, 2]])
    ]


def test_a_large_burst_is_one():
    second = [Sketch(None, None, (f"2024:05:01 12:00:{row:02d}", "One")) for row in range(40)]
    alone = [Sketch(None, None, (f"2024:06:{1 + row // 2:02d} {row % 2:02d}:00:00", "One")) for row in range(60)]
    assert [rows.tolist() for rows in bursts(second + alone)] == [list(range(40))]
    long = [Sketch(None, None, (f"2024:05:01 12:{row // 60:02d}:{row % 60:02d}", "One")) for row in range(201)]
    assert bursts(long + alone) == []
    assert bursts(second) == []  # nothing could be split
    still = [Sketch(None, None, ("2000:01:01 00:00:00", "One"))] * 31
    assert bursts(still + alone) == []


def test_a_clock_that_stands_still_makes_no_burst():
    still = [Sketch(None, None, ("2000:01:01 00:00:00", "One"))] * 40
    assert bursts(still) == []


def test_broken_exif_is_no_burst():
    data = jpeg(Image.effect_noise((70, 70), 50))
    broken = data[:2] + b"\xff\xe1\x00\x20Exif\0\0MM\0*\xff\xff\xff\xff" + b"\xff" * 14 + data[2:]
    assert look_for_groups(picture_set({"a.jpg": broken, "b.jpg": shot(None)})) == []


def test_components_join_all_reasons_and_nothing_more():
    data = picture_set(
        {name: name.encode() for name in "abcdef"},
        contents=["1", "1", "2", "3", "4", "5"],
        who=["x", "y", "y", None, None, "x"],
    )
    numbers = components(6, [copies_of(data), groups_in(data, "who")])
    assert numbers.tolist() == [0, 0, 0, 1, 2, 0]


def noise(names: list[str]):
    """Pictures of noise: no two are alike."""
    rng = np.random.default_rng(len(names))
    pixels = rng.integers(0, 255, (len(names), 40, 40, 3), dtype=np.uint8)
    classes = ["ab"[row % 2] for row in range(len(names))]
    return picture_set(
        {name: jpeg(Image.fromarray(one)) for name, one in zip(names, pixels, strict=True)}, classes=classes
    )


def test_train_dev_of_mixed_sets_tears_no_film_apart():
    main = noise([f"photo{number}.jpg" for number in range(40)])
    films = noise([f"video{film:02d}_frame{number}.jpg" for film in range(8) for number in range(6)])
    mixed = mix(main, ["train", "train", "dev", "test"] * 10, [Addition("films", films, 1.0)])
    split = make_split(mixed, SplitOptions(), 0)
    cut = split.table["split"].to_numpy()
    assert {"train", "train_dev"} <= set(cut[40:])
    assert [len(set(film)) for film in cut[40:].reshape(8, 6)] == [1] * 8


def test_train_dev_by_time_tears_no_group_apart():
    data = noise([f"{number}.jpg" for number in range(90)])
    patients = [f"p{row // 6}" for row in range(90)]
    data = dataclasses.replace(data, table=data.table.with_columns(who=pl.Series(patients), day=pl.Series(range(90))))
    options = SplitOptions(by="time", time="day", group="who", train_dev_fraction=0.3, near_duplicates=False)
    cut = make_split(data, options, 0).table["split"].to_numpy()
    assert {"train", "train_dev", "dev", "test"} == set(cut)
    assert not set(np.array(patients)[cut == "train"]) & set(np.array(patients)[cut == "train_dev"])
