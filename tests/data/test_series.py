"""Series in their four forms; a table that only resembles one stays a table."""

import datetime

import numpy as np
import pytest

from rumbo.core.errors import DataError
from rumbo.data import open_data
from rumbo.data.files import open_files
from rumbo.data.manifest import SignalKind, TargetKind
from rumbo.data.readers import formats


def write(root, files):
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def dated(times, values=None, header="date,value"):
    values = [f"{number}.5" for number in range(len(times))] if values is None else values
    return "\n".join([header, *(f"{time},{value}" for time, value in zip(times, values, strict=True))]) + "\n"


def days(count, form="%Y-%m-%d", step=datetime.timedelta(days=1)):
    start = datetime.datetime(2020, 1, 1)
    return [(start + step * number).strftime(form) for number in range(count)]


# --- joined arrays


def save(path, **arrays):
    np.savez(path, **arrays)
    return path


def test_joined_arrays_with_offsets_and_labels(tmp_path):
    signal = np.arange(10, dtype=np.int16) * 1000
    offsets = np.array([0, 3, 3, 10])
    names = np.array(["A1", "A2", "A3"])
    path = save(tmp_path / "a.npz", signal=signal, offsets=offsets, labels=np.array(list("NAN")), names=names, fs=300)
    data = open_data(path)
    assert (data.format, data.target.kind, data.target.classes) == ("series", TargetKind.CLASS, ("A", "N"))
    assert (data.ids, data.table["label"].to_list()) == (["a.npz#0", "a.npz#2"], ["N", "N"])
    assert (data.table["name"].to_list(), data.signals.rate_hz) == (["A1", "A3"], 300.0)
    assert [(item.id, item.code) for item in data.bad] == [("a.npz#1", "series.bad")]
    assert data.signals.read(0).dtype == np.float32
    assert data.signals.read(1)[:, 0].tolist() == signal[3:].tolist()
    assert open_data(path, labelled=False).target is None


def test_joined_arrays_without_labels_are_to_forecast(tmp_path):
    path = save(tmp_path / "a.npz", values=np.zeros((6, 3)), offsets=np.array([0, 2, 6]))
    data = open_data(path)
    assert (data.target.kind, data.signals.kind) == (TargetKind.NOTHING, SignalKind.SERIES)
    assert [data.signals.size(row) for row in range(2)] == [(2, 3), (4, 3)]


@pytest.mark.parametrize(
    ("offsets", "reason"),
    [
        ([0, 2, 7], "from 0 to 6"),
        ([1, 2, 6], "from 0 to 6"),
        ([0, 4, 2, 6], "without going back"),
        ([[0, 6]], "no offsets"),
        ([0.0, 6.0], "no offsets"),
        ([6], "no offsets"),
        ([0, 0], "from 0 to 6"),
    ],
)
def test_offsets_that_cannot_be_are_refused(tmp_path, offsets, reason):
    with pytest.raises(DataError, match=reason):
        open_data(save(tmp_path / "a.npz", signal=np.zeros(6), offsets=np.array(offsets)))


def test_labels_must_be_as_many_and_objects_are_never_read(tmp_path):
    with pytest.raises(DataError, match="2 inputs and 3 labels"):
        open_data(save(tmp_path / "a.npz", signal=np.zeros(6), offsets=np.array([0, 2, 6]), labels=np.arange(3)))
    with pytest.raises(DataError, match="Python objects"):
        open_data(save(tmp_path / "b.npz", signal=np.array([[1], [2, 3]], object), offsets=np.array([0, 2])))
    with pytest.raises(DataError, match="not numbers"):
        open_data(save(tmp_path / "c.npz", signal=np.array(["a", "b"]), offsets=np.array([0, 2])))


def test_an_npz_of_pictures_or_rows_is_left_to_its_reader(tmp_path):
    labels = np.arange(40) % 2
    assert open_data(save(tmp_path / "a.npz", x=np.zeros((40, 3)), y=labels)).format == "npz"
    assert open_data(save(tmp_path / "b.npz", images=np.zeros((40, 8, 8), np.uint8), labels=labels)).format == "npz"


# --- UCR


def ucr(rows, length=12, separator="  "):
    return "\n".join(
        separator.join([f"{row % 3 + 1:.7e}", *(f"{row + step / 10:.7e}" for step in range(length))])
        for row in range(rows)
    )


def test_ucr_text_has_its_class_first(tmp_path):
    write(tmp_path, {"Beats_TRAIN.txt": ucr(6), "Beats_TEST.txt": ucr(3, separator="\t"), "README.md": "# beats"})
    data = open_data(tmp_path)
    assert (data.format, data.target.classes, len(data)) == ("series", ("1", "2", "3"), 9)
    assert data.table["split"].to_list() == ["train"] * 6 + ["test"] * 3
    assert data.ids[5:7] == ["Beats_TRAIN.txt#5", "Beats_TEST.txt#0"]
    np.testing.assert_allclose(data.signals.read(5)[:, 0], 5 + np.arange(12) / 10, rtol=1e-6)
    assert "split" not in open_data(tmp_path / "Beats_TRAIN.txt").table.columns


def test_ucr_series_that_are_filled_up_are_cut_to_their_length(tmp_path):
    lines = ucr(4).splitlines()
    lines[1] = "\t".join([*lines[1].split()[:8], *["NaN"] * 5])
    data = open_data(write(tmp_path, {"a_TRAIN.tsv": "\n".join(lines)}) / "a_TRAIN.tsv")
    assert [data.signals.size(row) for row in range(4)] == [(12, 1), (7, 1), (12, 1), (12, 1)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1 2 3", "line 8 has 3 numbers"),
        ("1 x" + " 0" * 11, "line 8: this is no line"),
        ("nan" + " 0" * 12, "no class"),
    ],
)
def test_a_broken_ucr_line_is_named(tmp_path, line, reason):
    path = write(tmp_path, {"a_TRAIN.txt": ucr(7) + "\n" + line + "\n"}) / "a_TRAIN.txt"
    with pytest.raises(DataError, match=reason):
        open_data(path)


def test_two_sets_in_one_folder_are_both_named(tmp_path):
    write(tmp_path, {"a_TRAIN.txt": ucr(4)})
    save(tmp_path / "b.npz", signal=np.zeros(6), offsets=np.array([0, 6]))
    with pytest.raises(DataError, match=r"2 data sets: 'b.npz', 'a_TRAIN.txt'. Give one of them, such as"):
        open_data(tmp_path)


# --- dates and one value


@pytest.mark.parametrize(
    ("times", "shown"),
    [
        (days(30), "1 day"),
        (days(30, "%d/%m/%Y"), "1 day"),
        (days(30, "%m/%d/%Y"), "1 day"),
        (days(30, "%Y-%m-%d %H:%M", step=datetime.timedelta(minutes=30)), "1800 second"),
        (days(30, "%Y-%m-%dT%H:%M:%SZ", step=datetime.timedelta(hours=6)), "6 hour"),
        ([f"{1950 + number // 12}-{number % 12 + 1:02}" for number in range(30)], "1 month"),
        ([f"01/{number % 12 + 1:02}/{1950 + number // 12}" for number in range(30)], "1 month"),
        ([str(1900 + 2 * number) for number in range(30)], "24 month"),
    ],
)
def test_dates_and_one_value_are_a_series(tmp_path, times, shown):
    data = open_data(write(tmp_path, {"a.csv": dated(times)}) / "a.csv")
    assert (data.format, data.target.kind, data.ids) == ("series", TargetKind.NOTHING, ["a.csv"])
    assert data.signals.read(0)[:, 0].tolist() == [number + 0.5 for number in range(30)]
    assert any(f"a value every {shown}(s), without a gap" in sentence for sentence in data.decisions)


def test_the_rate_is_known_when_all_steps_are_equal(tmp_path):
    times = days(30, "%Y-%m-%d %H:%M:%S", step=datetime.timedelta(seconds=10))
    assert open_data(write(tmp_path, {"a.csv": dated(times)})).signals.rate_hz == 0.1


def test_gaps_and_missing_values_are_told_and_nothing_is_filled_in(tmp_path):
    times = days(100)
    del times[50:53], times[10]
    values = [str(number) for number in range(96)]
    values[7], values[8] = "?0.2", ""
    data = open_data(write(tmp_path, {"a.csv": dated(times, values)}))
    assert any("4 are missing, after 2020-01-10, 2020-02-19." in sentence for sentence in data.decisions)
    assert any("2 values are missing or no numbers, the first in line 9: '?0.2'" in one for one in data.decisions)
    met = data.signals.read(0)[:, 0]
    assert (len(met), np.flatnonzero(np.isnan(met)).tolist(), data.signals.rate_hz) == (96, [7, 8], None)


def test_irregular_steps_are_told(tmp_path):
    times = [time for number, time in enumerate(days(200)) if number in {(k * k) % 199 for k in range(60)}]
    data = open_data(write(tmp_path, {"a.csv": dated(times)}))
    assert any("the steps differ" in sentence for sentence in data.decisions)


def test_several_such_files_are_several_series(tmp_path):
    data = open_data(write(tmp_path, {"a.csv": dated(days(30)), "b.csv": dated(days(40)), "README.md": "about"}))
    assert (data.ids, [data.signals.size(row) for row in range(2)]) == (["a.csv", "b.csv"], [(30, 1), (40, 1)])


@pytest.mark.parametrize(
    "text",
    [
        dated(days(19)),  # too few to tell
        dated([*days(29), days(30)[0]]),  # a date comes back
        dated(days(30)[::-1]),
        dated([str(number) for number in range(30)]),  # numbers, not dates
        dated([str(1900 + number) for number in range(30)], header="mass,value"),
        "date,a,b\n" + "\n".join(f"{day},{row / 7},{row % 2}" for row, day in enumerate(days(30))),
    ],
)
def test_what_only_resembles_a_series_stays_a_table(tmp_path, text):
    path = write(tmp_path, {"a.csv": text}) / "a.csv"
    assert formats.get("series").recognizes(open_files(path)) is False


def test_words_beside_dates_stay_a_table(tmp_path):
    path = write(tmp_path, {"a.csv": dated(days(30), ["yes", "no"] * 15)}) / "a.csv"
    assert open_data(path).format == "table"


def test_asked_for_with_a_target_it_is_a_table(tmp_path):
    years = [str(1900 + number) for number in range(40)]
    path = write(tmp_path, {"a.csv": dated(years, header="year,value")}) / "a.csv"
    assert open_data(path).format == "series"
    assert open_data(path, target="value").numbers == ("year",)
    assert open_data(path, task="regress").format == "table"
    assert open_data(path, labelled=False).format == "table"


# --- a table a series, in splits


def score(rows, columns=4, start=60):
    header = ",".join(f"note{number}" for number in range(columns))
    return "\n".join(
        [header, *(",".join(str(start + row + number) for number in range(columns)) for row in range(rows))]
    )


SCORES = {"train/a.csv": score(5), "train/b.csv": score(7, start=40), "valid/c.csv": score(3), "test/d.csv": score(4)}


def test_a_table_for_each_series_in_split_folders(tmp_path):
    data = open_data(write(tmp_path, SCORES))
    assert (data.format, data.target.kind) == ("series", TargetKind.NOTHING)
    assert dict(zip(data.ids, data.table["split"].to_list(), strict=True)) == {
        "test/d.csv": "test",
        "train/a.csv": "train",
        "train/b.csv": "train",
        "valid/c.csv": "dev",
    }
    assert data.signals.size(2) == (7, 4)
    assert data.signals.read(2)[0].tolist() == [40, 41, 42, 43]


def test_a_faulty_one_is_named_with_its_line(tmp_path):
    files = {**SCORES, "train/e.csv": score(60) + "\n1,2,x,4\n", "train/f.csv": "note0,note1,note2,note3\n"}
    files["train/g.csv"] = score(3, columns=5)
    data = open_data(write(tmp_path, files))
    assert len(data) == 4
    assert {item.id: item.code for item in data.bad} == dict.fromkeys(
        ("train/e.csv", "train/f.csv", "train/g.csv"), "series.bad"
    )
    assert "line 62: 'x' in column 'note2' is no number" in data.bad[0].reason


@pytest.mark.parametrize(
    "files",
    [
        {name.replace("/", "/part-"): text for name, text in SCORES.items()},
        {name: text.replace("note3", "label") for name, text in SCORES.items()},
        {"train.csv": score(5), "valid.csv": score(6), "test.csv": score(7)},
    ],
)
def test_pieces_of_one_table_stay_a_table(tmp_path, files):
    assert open_data(write(tmp_path, files)).format == "table"
