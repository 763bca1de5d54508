"""Faults of texts, sounds, series, drawings and volumes, planted in real ones, are found under their codes."""

import dataclasses
import gzip
import io
import tarfile
import wave

import numpy as np
import pytest
from planting import QUICK, Changed, judge, unpack

from rumbo.data import open_data
from rumbo.data.splits.split import make_split

PLANTED = {}


def plants(code):
    """Enter a planting: from the opener of real sets to (clean, faulty), and perhaps an item."""
    return lambda function: PLANTED.setdefault(code, function)


def signals_changed(data, changes):
    """With other signals: row -> a function of the real one."""
    values = {row: made(data.signals.read(row)) for row, made in changes.items()}
    return dataclasses.replace(data, signals=Changed(data.signals, values))


def planted(opener, made, rows=(3,)):
    """A planting that changes some signals."""

    def plant(real):
        data = opener(real)
        return data, signals_changed(data, dict.fromkeys(rows, made)), data.ids[rows[0]]

    return plant


def reviews(real):
    """Every tenth review."""
    return real("movie_reviews").take(np.arange(0, 2000, 10))


def hearts(real):
    """A part of the ECG records."""
    return real("ecg/cinc2017_validation300.npz").take(np.arange(60))


def beats(real):
    """Heart beats of one length."""
    return real("ecg/ECG5000_TRAIN.txt").take(np.arange(100))


def brains(real):
    """A part of the volumes, those of one scale."""
    data = real("hippocampus_60").take(np.arange(24))
    spans = [np.subtract(*np.percentile(data.signals.read(row), [99, 1])) for row in range(24)]
    return data.take(np.flatnonzero(np.array(spans) < 10 * np.median(spans)))


plants("text.short")(planted(reviews, lambda text: "good ."))
plants("text.long")(planted(reviews, lambda text: text * 60))
plants("text.encoding")(planted(reviews, lambda text: text + "el niño señaló el año".encode().decode("cp1252")))
plants("text.markup")(planted(reviews, lambda text: text.replace(" . ", " . <br />")))
plants("text.control")(planted(reviews, lambda text: text + "\x00\x01\x02\x03" * 40))


@plants("text.duplicate")
def _(real):
    data = reviews(real)
    train = make_split(data, QUICK, 0).rows(data, "train")
    first, second = int(train[0]), int(train[1])
    text = data.signals.read(first)
    return data, signals_changed(data, {second: lambda _: text.replace(" , ", ", ").title()})


@plants("text.cut")
def _(real):
    data = reviews(real)
    return data, signals_changed(data, dict.fromkeys(range(len(data)), lambda text: text[:3000]))


@plants("text.label_inside")
def _(real):
    data = reviews(real)
    bad = np.flatnonzero((data.table["class"] == "neg").to_numpy()).tolist()
    return data, signals_changed(data, dict.fromkeys(bad, lambda text: text + " rating_1_of_5"))


def gap(values):
    """NaN at one step."""
    values = values.copy()
    values[40] = np.nan
    return values


def still(values):
    """The second half stands still."""
    values = values.copy()
    values[len(values) // 2 :] = values[len(values) // 2]
    return values


def spike(values):
    """One value far away."""
    values = values.copy()
    values[40] = 200 * np.abs(values).max()
    return values


plants("series.gaps")(planted(beats, gap))
plants("series.constant")(planted(beats, np.ones_like))
plants("series.stuck")(planted(hearts, still))
plants("series.spike")(planted(hearts, spike))
plants("series.length_mixed")(lambda real: planted(beats, lambda values: values[:100])(real)[:2])
plants("volume.constant")(planted(brains, np.zeros_like))
plants("volume.scale_mixed")(planted(brains, lambda values: values * 1e4))


@plants("volume.size_mixed")
def _(real):
    data = brains(real)
    same = {row: (lambda values: values[:30, :40, :26]) for row in range(len(data))}
    return signals_changed(data, same), signals_changed(data, same | {3: lambda values: values[:28]})


@plants("audio.rate_mixed")
def _(real):
    return "audio", {3: {"rate": 8000}}


@plants("audio.channels_mixed")
def _(real):
    return "audio", {3: {"channels": 2}}


@plants("audio.silent")
def _(real):
    return "audio", {3: {"make": np.zeros_like}}


@plants("audio.clipped")
def _(real):
    return "audio", {3: {"make": lambda sound: np.clip(sound * 30, -1, 1)}}


@plants("audio.offset")
def _(real):
    return "audio", {3: {"make": lambda sound: sound / 2 + 0.4}}


@plants("audio.short")
def _(real):
    return "audio", {3: {"make": lambda sound: sound[:60]}}


@plants("audio.one_sided")
def _(real):
    return "audio", {3: {"channels": 2, "make": lambda sound: sound}}


@plants("audio.bad")
def _(real):
    return "audio", {3: {"cut": 20}}


def write_hearts(real, folder, faults):
    """Heart records as WAV files of 16 bits; a fault is another rate, more channels, another sound, a cut."""
    folder.mkdir()
    data = hearts(real)
    for row in range(16):
        fault = faults.get(row, {})
        sound = data.signals.read(row)[:, 0] / 8000
        sound = fault.get("make", lambda sound: sound)(np.clip(sound, -0.9, 0.9))
        channels = fault.get("channels", 1)
        samples = np.round(sound * 32767).astype("<i2")[:, None]
        both = np.concatenate([samples] + [samples * ("make" not in fault)] * (channels - 1), axis=1)
        buffer = io.BytesIO()
        with wave.open(buffer, "wb") as file:
            file.setnchannels(channels)
            file.setsampwidth(2)
            file.setframerate(fault.get("rate", 300))
            file.writeframes(both.tobytes())
        (folder / f"{row:02}.wav").write_bytes(buffer.getvalue()[: fault.get("cut")])
    return open_data(folder)


@pytest.mark.parametrize("code", sorted(PLANTED))
def test_the_fault_is_found(code, real, tmp_path):
    first, second, *item = PLANTED[code](real)
    if isinstance(first, str):
        first = write_hearts(real, tmp_path / "clean", {})
        second, item = write_hearts(real, tmp_path / "faulty", second), []
    judge(code, first, second, *item)


def test_texts_that_cannot_be_read_are_found(shared_data, tmp_path):
    with tarfile.open(shared_data / "movie_reviews/review_polarity.tar.gz") as archive:
        members = [member for member in archive.getmembers() if "cv00" in member.name]
        archive.extractall(tmp_path / "clean", members, filter="data")
        archive.extractall(tmp_path / "faulty", members, filter="data")
    first = sorted((tmp_path / "faulty").rglob("*.txt"))[3]
    first.write_bytes(b"\0\1\2" * 50)
    judge("text.bad", open_data(tmp_path / "clean"), open_data(tmp_path / "faulty"))


def test_volumes_that_cannot_be_read_are_found(shared_data, tmp_path):
    opened = []
    for name in ("clean", "faulty"):
        folder = unpack(
            shared_data / "hippocampus_60/hippocampus_60.zip",
            tmp_path / name,
            lambda member: "_00" in member or "_01" in member or "_02" in member or "_03" in member,
        )
        if name == "faulty":
            first = sorted(path for path in folder.rglob("*.nii.gz") if "image" in str(path))[0]
            first.write_bytes(gzip.compress(gzip.decompress(first.read_bytes())[:3000]))
        opened.append(open_data(folder))
    judge("volume.bad", *opened)


def test_scores_that_cannot_be_read_are_found(shared_data, tmp_path):
    for name in ("clean", "faulty"):
        with tarfile.open(shared_data / "jsb_chorales/jsb_chorales.tgz") as archive:
            archive.extractall(tmp_path / name, archive.getmembers()[:120], filter="data")
    first = sorted((tmp_path / "faulty").rglob("*.csv"))[3]
    first.write_text("note0,note1\n60,sixty\n")
    judge("series.bad", open_data(tmp_path / "clean"), open_data(tmp_path / "faulty"))


def test_drawings_without_points_are_found(shared_data, tmp_path):
    with np.load(shared_data / "kanji_strokes/kanji_strokes.npz") as arrays:
        values = {name: arrays[name] for name in arrays.files}
    opened = []
    for name in ("clean", "faulty"):
        if name == "faulty":
            offsets = values["test_offsets"].copy()
            offsets[4] = offsets[3]
            values["test_offsets"] = offsets
        np.savez(tmp_path / f"{name}.npz", **values)
        opened.append(open_data(tmp_path / f"{name}.npz"))
    judge("strokes.bad", *opened)


ELSEWHERE = ("text.bad", "volume.bad", "series.bad", "strokes.bad")
"""Planted above in files of their own."""
