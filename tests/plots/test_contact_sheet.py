"""The sheet of augmentation: right numbers, real examples of every kind, any names; it is drawn whatever it holds."""

import dataclasses
import io
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from rumbo.api.contact_sheet import MAX_SIDE_PX, contact_sheet, write_contact_sheet
from rumbo.core.errors import DataError, UsageError
from rumbo.core.messages import use_language
from rumbo.core.seeds import stream
from rumbo.data import open_data
from rumbo.data.augmentation.partners import partners
from rumbo.data.augmentation.pictures import augment
from rumbo.data.augmentation.sheet import NUM_MIXES, STILL, spectrum
from rumbo.data.manifest import POINT, Dataset, SignalKind, Target, TargetKind
from rumbo.data.options import AugmentOptions, SoundAugmentOptions
from rumbo.data.pictures.images import ArrayImages
from rumbo.plots.augmentation_sheet import CELL_INCHES, MAX_COLUMNS, draw_contact_sheet
from rumbo.plots.style import to_png

HOSTILE = ["$x^2$", "<b>bold</b>", "\x1b[31mred\x1b[0m", "名" * 60, "a" * 400, "two\nlines", ""]


class Waves:
    """Signals that are in memory."""

    def __init__(self, kind: SignalKind, waves: list[np.ndarray], rate_hz: float | None = None):
        self.kind, self.waves, self.rate_hz = kind, waves, rate_hz

    def __len__(self) -> int:
        return len(self.waves)

    def take(self, rows: np.ndarray) -> "Waves":
        return Waves(self.kind, [self.waves[int(row)] for row in rows], self.rate_hz)

    def read(self, row: int) -> np.ndarray:
        return self.waves[row]

    def size(self, row: int) -> tuple[int, ...]:
        return self.waves[row].shape


class Masks(Waves):
    def __init__(self, masks: list[np.ndarray]):
        super().__init__(SignalKind.VOLUME, masks)


def dataset(names: list[str], **values) -> Dataset:
    table = pl.DataFrame({"id": names, "content": names}, schema={"id": pl.String, "content": pl.String})
    columns = values.pop("columns", {})
    return Dataset(
        path=Path("made"), format="made", table=table.with_columns(**columns), **({"target": None} | values)
    )  # fmt: skip


def zipped(path: Path, names: list[str]) -> list[np.ndarray]:
    with zipfile.ZipFile(path) as archive:
        return [np.asarray(Image.open(io.BytesIO(archive.read(name)))) for name in names]


def face_set(data: Path) -> Dataset:
    """Six real faces with their 68 points."""
    path = data / "face_landmarks" / "face_landmarks.zip"
    with zipfile.ZipFile(path) as archive:
        name = next(name for name in archive.namelist() if name.endswith("landmarks.csv"))
        table = pl.read_csv(archive.read(name))[::600]
        names = [next(n for n in archive.namelist() if n.endswith("/" + Path(i).name)) for i in table["image"]]
    pictures = zipped(path, names)
    side = min(min(p.shape[:2]) for p in pictures)
    points = [[{"x": row[f"x{i}"], "y": row[f"y{i}"], "visible": True} for i in range(68)] for row in table.to_dicts()]
    target = Target(columns=("points",), kind=TargetKind.POINTS, classes=tuple(f"{i}" for i in range(68)))
    return dataset(
        names,
        columns={"points": pl.Series(points, dtype=pl.List(POINT))},
        target=target,
        images=ArrayImages(np.stack([p[:side, :side] for p in pictures])),
    )


def membrane_set(data: Path) -> Dataset:
    """Four real slices with their masks."""
    names = [f"{place}.png" for place in range(4)]
    path = data / "membrane" / "membrane.zip"
    pictures = np.stack(zipped(path, [f"image/{name}" for name in names]))
    masks = zipped(path, [f"label/{name}" for name in names])
    target = Target(columns=("mask",), kind=TargetKind.MASK, classes=("membrane", "inside"))
    return dataset(
        names, target=target, images=ArrayImages(pictures), masks=Masks([(m > 127).astype(np.uint8) for m in masks])
    )  # fmt: skip


def sound_set(data: Path) -> Dataset:
    """Five parts of real recordings of the heart, as sounds."""
    with np.load(data / "ecg" / "cinc2017_validation300.npz") as archive:
        samples = next(archive[n] for n in archive.files if archive[n].ndim == 1 and archive[n].size > 100_000)
    parts = samples[:15_000].astype(np.float32).reshape(5, 3000, 1)
    return dataset([f"{i}.wav" for i in range(5)], signals=Waves(SignalKind.AUDIO, list(parts / np.abs(parts).max())))


def test_the_columns_are_the_run_then_its_mixes_and_what_it_leaves_out(shared_data):
    options = AugmentOptions(rotate_degrees=0, crop_area=0.3)
    sheet = contact_sheet(open_data(shared_data / "hymenoptera"), options)
    of_run = [column.setting for column in sheet.columns if column.is_on]
    assert of_run == ["", "flip=yes", "crop_area=0.3", "shift_fraction=0.08", "zoom=0.08", "light=0.15", "", "", ""]
    left_out = {column.setting.partition("=")[0] for column in sheet.columns if not column.is_on}
    assert left_out == {
        "rotate_degrees", "shear_degrees", "shrink", "warp_fraction", "blur_px", "fade", "color_shift", "pca_color"
    }  # fmt: skip
    assert len({id_.split("/")[1] for id_ in sheet.ids[:2]}) == 2  # both classes
    for column in sheet.columns:  # each can be typed as it stands
        if column.setting:
            name, _, value = column.setting.partition("=")
            assert options.override(name, value)


def test_mixes_are_what_training_sees(shared_data):
    data = open_data(shared_data / "cats_vs_noncats")
    sheet = contact_sheet(data, AugmentOptions(), seed=5)
    row = data.ids.index(sheet.ids[1])
    picture = torch.from_numpy(data.images.read(row).transpose(2, 0, 1).copy()).float()[None]
    for epoch in range(1, NUM_MIXES + 1):
        seen = augment(picture, np.array([row]), stream(5, "augment", epoch), AugmentOptions(), flip=True)
        shown = sheet.looks[1][_mix(sheet, epoch)].picture
        np.testing.assert_allclose(shown, seen[0].permute(1, 2, 0).numpy(), atol=0.51)


def _mix(sheet, epoch: int) -> int:
    mixes = [place for place, column in enumerate(sheet.columns) if column.is_on and not column.setting][1:]
    return mixes[epoch - 1]


def test_every_operation_changes_every_example(shared_data):
    sheet = contact_sheet(open_data(shared_data / "hymenoptera"), None)
    assert [column.is_on for column in sheet.columns] == [True] + [False] * (len(sheet.columns) - 1)
    for looks in sheet.looks:
        for column, look in zip(sheet.columns[1:], looks[1:], strict=True):
            assert max(look.picture.shape) <= MAX_SIDE_PX
            assert np.abs(look.picture.astype(int) - looks[0].picture).mean() > 2, column


def test_landmarks_follow_and_trade_places(shared_data):
    sheet = contact_sheet(face_set(shared_data), AugmentOptions())
    assert list(sheet.order) == partners([str(i) for i in range(68)]).tolist()
    mirror = next(place for place, column in enumerate(sheet.columns) if column.setting == "flip=yes")
    for looks in sheet.looks:
        width = looks[0].picture.shape[1]
        expected = looks[0].points[list(sheet.order)] * [-1, 1] + [width, 0]
        np.testing.assert_allclose(looks[mirror].points, expected)
    assert len(to_png(draw_contact_sheet(sheet))) > 50_000


def test_masks_follow_and_what_was_outside_is_ignored(shared_data):
    sheet = contact_sheet(membrane_set(shared_data), AugmentOptions(), seed=1)
    assert sheet.ignored == 255
    assert "fade=1" not in {column.setting for column in sheet.columns}  # grey has no colors to lose
    names = [column.setting for column in sheet.columns]
    shrunk = sheet.looks[0][names.index("shrink=0.3")].mask
    assert (shrunk == 255).mean() == pytest.approx(1 - 0.7**2, abs=0.02)
    assert len(to_png(draw_contact_sheet(sheet))) > 50_000


def test_boxes_follow(shared_data):
    sheet = contact_sheet(open_data(shared_data / "raccoon"), AugmentOptions())
    mirror = [column.setting for column in sheet.columns].index("flip=yes")
    for looks in sheet.looks:
        width = looks[0].picture.shape[1]
        for before, after in zip(looks[0].boxes, looks[mirror].boxes, strict=True):
            assert after["x1"] == pytest.approx(width - before["x2"])
            assert after["y2"] == pytest.approx(before["y2"])
    assert len(to_png(draw_contact_sheet(sheet))) > 50_000


def test_sounds_are_shown_with_their_spectrum(shared_data):
    options = AugmentOptions(sound=SoundAugmentOptions(gain_db=6, noise_db=20))
    sheet = contact_sheet(sound_set(shared_data), options, seed=2)
    assert [column.setting for column in sheet.columns if column.is_on] == [
        "", "sound.gain_db=6", "sound.gain_db=6", "sound.noise_db=20", "", "", ""
    ]  # fmt: skip
    original, louder = sheet.looks[0][0], sheet.looks[0][1]
    np.testing.assert_allclose(louder.wave, original.wave * 10 ** (6 / 20), rtol=1e-5)
    assert original.spectrum.shape[0] == 65
    assert original.spectrum.max() == 0
    assert len(to_png(draw_contact_sheet(sheet))) > 20_000


def test_the_spectrum_of_a_tone_has_its_peak_at_the_tone():
    tone = np.sin(2 * np.pi * 16 / 128 * np.arange(1024))
    assert (spectrum(tone).argmax(axis=0) == 16).all()
    assert (spectrum(np.zeros(512)) == spectrum(np.zeros(512)).min()).all()


@pytest.mark.parametrize("kind", [SignalKind.AUDIO, SignalKind.SERIES])
def test_short_and_silent_series_are_drawn(kind):
    waves = [np.zeros((5, 2), np.float32), np.zeros((0, 1), np.float32), np.full((700, 1), np.nan, np.float32)]
    sheet = contact_sheet(dataset(["a", "b", "c"], signals=Waves(kind, waves)), AugmentOptions())
    assert len(to_png(draw_contact_sheet(sheet))) > 5_000


def test_any_names_are_drawn():
    pictures = np.random.default_rng(0).integers(0, 255, (7, 8, 40, 3), dtype=np.uint8)
    for start in range(0, 7, 3):
        names = HOSTILE[start : start + 3]
        part = ArrayImages(pictures[: len(names)])
        classes = tuple(HOSTILE)
        target = Target(columns=("mask",), kind=TargetKind.MASK, classes=classes)
        masks = Masks([np.full((8, 40), place, np.uint8) for place in range(len(names))])
        sheet = contact_sheet(dataset(names, images=part, target=target, masks=masks), AugmentOptions())
        assert len(to_png(draw_contact_sheet(sheet))) > 5_000


def test_long_bands_are_wrapped():
    pictures = ArrayImages(np.zeros((2, 300, 20, 3), np.uint8))
    everything = AugmentOptions(
        crop_area=0.5, shear_degrees=5, shrink=0.1, warp_fraction=0.1, blur_px=1, fade=1, color_shift=0.1, pca_color=0.1
    )
    sheet = contact_sheet(dataset(["a", "b"], images=pictures), everything)
    assert all(column.is_on for column in sheet.columns)
    figure = draw_contact_sheet(sheet)
    lefts = {round(axes.get_position().x0, 4) for axes in figure.axes}
    assert len(lefts) <= MAX_COLUMNS
    assert len(figure.axes) == 2 * len(sheet.columns)
    frames = [axes.get_position() for axes in figure.axes]
    assert min(frame.y0 for frame in frames) >= 0
    assert max(frame.x1 for frame in frames) <= 1


def test_writing_and_refusing(tmp_path):
    pictures = ArrayImages(np.zeros((2, 9, 9), np.uint8))
    images = dataset(["a", "b"], images=pictures)
    path = write_contact_sheet(images, AugmentOptions(), tmp_path / "señal 图.png", 3)
    with Image.open(path) as picture:
        assert picture.size[0] > 500
    again = write_contact_sheet(images, AugmentOptions(), tmp_path / "again.png", 3)
    assert path.read_bytes() == again.read_bytes()
    with pytest.raises(DataError, match="cannot be written"):
        write_contact_sheet(images, STILL, tmp_path / "no" / "folder.png")
    with pytest.raises(UsageError, match="numbers_noise"):
        write_contact_sheet(dataset(["a"]), AugmentOptions(), tmp_path / "table.png")
    with pytest.raises(DataError, match="could be read"):
        contact_sheet(dataclasses.replace(images, images=Unreadable()), AugmentOptions())


class Unreadable(ArrayImages):
    def __init__(self):
        super().__init__(np.zeros((2, 9, 9), np.uint8))

    def read(self, row: int) -> np.ndarray:
        raise DataError("damaged")


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("kind", ["pictures", "sounds"])
def test_no_heading_leaves_the_sheet_and_no_title_its_column(language: str, kind: str):
    if kind == "pictures":
        data = dataset(["a"], images=ArrayImages(np.zeros((1, 32, 32, 3), np.uint8)))
    else:
        data = dataset(["a"], signals=Waves(SignalKind.AUDIO, [np.ones((2000, 1), np.float32)], 8000.0))
    use_language(language)
    try:
        figure = draw_contact_sheet(contact_sheet(data, AugmentOptions()))
    finally:
        use_language(None)
    renderer = FigureCanvasAgg(figure).get_renderer()
    for text in figure.texts:
        assert text.get_window_extent(renderer).x1 <= figure.bbox.x1
    titles = [text for axes in figure.axes for text in axes.texts if text.get_text()]
    assert titles
    for text in titles:
        assert text.get_window_extent(renderer).width <= (CELL_INCHES + 0.05) * figure.dpi, text.get_text()


def test_a_sheet_of_sounds_without_a_change_says_so():
    data = dataset(["a"], signals=Waves(SignalKind.AUDIO, [np.ones((2000, 1), np.float32)], 8000.0))
    figure = draw_contact_sheet(contact_sheet(data, AugmentOptions()))
    heading = figure.texts[0].get_text()
    assert heading == "No change is switched on in this run: its epochs show the originals as they are"
