"""The real data sets are recognized without a word, and their known faults are found."""

import time
import zipfile

import numpy as np
import pytest

from rumbo.core.errors import DataError
from rumbo.data import SplitOptions, check_data, load_images, make_split, open_data
from rumbo.data.manifest import SignalKind, TargetKind
from rumbo.data.pictures.decode import DecodeRule


def examined(data):
    split = make_split(data, SplitOptions(), 0)
    findings = {finding.code: finding for finding in check_data(data, split).findings}
    return split, findings


@pytest.mark.parametrize("path", ["hymenoptera", "hymenoptera/hymenoptera_320.zip"])
def test_hymenoptera(shared_data, path):
    data = open_data(shared_data / path)
    split, findings = examined(data)
    assert data.target.classes == ("ants", "bees")
    assert [len(split.rows(data, name)) for name in ("train", "dev", "test")] == [244, 153, 0]
    assert set(findings) == {"image.size_mixed", "image.grey_among_color", "split.small_test"}
    few = data.take(np.arange(0, len(data), 40))
    pixels, bad = load_images(
        few.images, few.ids, DecodeRule(mode="rgb", height=64, width=64, fit="crop"), num_threads=2
    )
    assert (pixels.shape, bad) == ((10, 3, 64, 64), [])


def test_fashion_mnist(shared_data):
    start = time.monotonic()
    data = open_data(shared_data / "fashion_mnist")
    assert time.monotonic() - start < 10
    assert (data.format, len(data)) == ("idx", 70_000)
    assert data.target.classes == tuple("0123456789")
    split, findings = examined(data)
    assert [len(split.rows(data, name)) for name in ("train", "dev", "test")] == [54_000, 6_000, 10_000]
    assert findings == {}


def test_california_housing(shared_data):
    data = open_data(shared_data / "california_housing")
    assert (data.target.columns, data.target.kind) == (("median_house_value",), TargetKind.NUMBER)
    assert (len(data.numbers), data.categories) == (8, ("ocean_proximity",))
    _, findings = examined(data)
    assert set(findings) == {"target.capped", "feature.missing"}
    assert findings["target.capped"].num_items == 965
    assert "500001" in findings["target.capped"].message
    assert findings["feature.missing"].num_items == 207


def test_adult_income(shared_data):
    data = open_data(shared_data / "adult_income")
    assert data.target.classes == ("<=50K", ">50K")
    assert (len(data), len(data.numbers), len(data.categories)) == (48_842, 6, 8)
    assert any("full stop" in sentence and "16281" in sentence for sentence in data.decisions)
    split, findings = examined(data)
    assert len(split.rows(data, "test")) == 16_281
    assert "class.shares_differ" not in findings
    assert open_data(shared_data / "adult_income/adult-test.csv.gz").target.classes == ("<=50K", ">50K")


def test_cats_vs_noncats(shared_data):
    data = open_data(shared_data / "cats_vs_noncats")
    assert data.target.classes == ("non-cat", "cat")
    _, findings = examined(data)
    leak = findings["leak.exact_duplicate"]
    assert leak.items == ("train_catvnoncat.h5#146",)
    assert "test_catvnoncat.h5#17" in leak.message
    assert "34 % of train, but 66 % of test" in findings["class.shares_differ"].message


def test_orl_faces(shared_data):
    data = open_data(shared_data / "orl_faces")
    assert (data.format, len(data), len(data.target.classes)) == ("persons", 400, 40)
    assert data.table["group"].to_list() == data.table["identity"].to_list()
    assert data.images.size(0) == (112, 92, 1)
    assert set(examined(data)[1]) == {"split.small_test"}


def test_face_landmarks(shared_data):
    data = open_data(shared_data / "face_landmarks")
    assert (data.format, len(data), len(data.target.classes)) == ("landmarks", 3365, 68)
    assert data.table["group"].n_unique() == 278
    assert data.table["points"][0][0] == {"x": 30.36, "y": 40.70, "visible": None}
    assert (data.num_annotations, data.repairs, data.bad) == (3365 * 68, (), ())
    assert any("points of 6 pictures lie slightly outside" in sentence for sentence in data.decisions)


def test_face_landmarks_are_a_table_when_a_column_is_asked_for(shared_data):
    data = open_data(shared_data / "face_landmarks", target="x0", task="regress")
    assert (data.format, len(data)) == ("table", 3365)
    assert data.images.read(0).ndim == 3


def test_raccoon(shared_data):
    data = open_data(shared_data / "raccoon")
    assert (data.format, len(data), data.num_annotations) == ("voc", 200, 217)
    assert data.target.classes == ("raccoon",)
    assert (data.repairs, data.bad) == ((), ())
    assert data.table["split"].value_counts().sort("split").rows() == [("test", 40), ("train", 160)]
    first = data.table["boxes"][0][0]
    assert [first[side] for side in ("x1", "y1", "x2", "y2")] == [80, 87, 522, 408]


def test_membrane(shared_data):
    data = open_data(shared_data / "membrane")
    assert (data.format, len(data), data.bad) == ("mask-pairs", 30, ())
    assert data.target.classes == ("0", "255")
    codes = data.masks.read(0)
    assert (codes.shape, codes.dtype, sorted(set(codes.ravel().tolist()))) == ((512, 512), np.uint8, [0, 1])
    assert 0.21 < (codes == 0).mean() < 0.23


def lengths(data):
    return np.array([data.signals.size(row)[0] for row in range(len(data))])


def num_of(data, column):
    return dict(data.table[column].value_counts().sort(column).rows())


def test_ecg_holds_two_sets_and_both_are_named(shared_data):
    with pytest.raises(DataError, match=r"2 data sets: 'cinc2017_validation300\.npz', 'ECG5000_TRAIN\.txt'\. Give one"):
        open_data(shared_data / "ecg")


def test_ecg5000(shared_data):
    data = open_data(shared_data / "ecg/ECG5000_TRAIN.txt")
    assert (data.format, data.target.kind, data.signals.kind) == ("series", TargetKind.CLASS, SignalKind.SERIES)
    assert num_of(data, "label") == {"1": 292, "2": 177, "3": 10, "4": 19, "5": 2}
    assert {data.signals.size(row) for row in range(500)} == {(140, 1)}
    plain = np.loadtxt(shared_data / "ecg/ECG5000_TRAIN.txt")
    np.testing.assert_allclose(data.signals.read(499)[:, 0], plain[499, 1:], rtol=1e-6)
    assert data.table["label"].cast(float).to_list() == plain[:, 0].tolist()


def test_cinc_2017(shared_data):
    path = shared_data / "ecg/cinc2017_validation300.npz"
    data = open_data(path)
    assert num_of(data, "label") == {"A": 50, "N": 150, "O": 70, "~": 30}
    assert (lengths(data).min(), lengths(data).max(), data.signals.rate_hz) == (3002, 18170, 300.0)
    with np.load(path) as arrays:
        start, stop = arrays["offsets"][7:9]
        np.testing.assert_array_equal(data.signals.read(7)[:, 0], arrays["signal"][start:stop])
        assert data.table["name"].to_list() == arrays["names"].tolist()


def test_time_series(shared_data):
    data = open_data(shared_data / "time_series")
    assert (data.ids, data.target.kind) == (
        ["airline-passengers.csv", "daily-min-temperatures.csv"],
        TargetKind.NOTHING,
    )
    assert lengths(data).tolist() == [144, 3650]
    assert data.signals.read(0)[[0, -1], 0].tolist() == [112, 432]
    text = " ".join(data.decisions)
    assert "from 1949-01 to 1960-12" in text
    assert "2 are missing, after 1984-12-30, 1988-12-30" in text


def test_kanji_strokes(shared_data):
    data = open_data(shared_data / "kanji_strokes")
    assert (data.format, data.target.kind, data.signals.kind) == ("strokes", TargetKind.NOTHING, SignalKind.STROKES)
    assert num_of(data, "split") == {"dev": 600, "test": 500, "train": 10_000}
    assert lengths(data).max() == 88
    with np.load(shared_data / "kanji_strokes/kanji_strokes.npz") as arrays:
        start, stop = arrays["valid_offsets"][3:5]
        np.testing.assert_array_equal(data.signals.read(10_003), arrays["valid"][start:stop])


def test_jsb_chorales(shared_data):
    data = open_data(shared_data / "jsb_chorales")
    assert (data.format, data.target.kind) == ("series", TargetKind.NOTHING)
    assert num_of(data, "split") == {"dev": 76, "test": 77, "train": 229}
    assert (lengths(data).min(), lengths(data).max(), data.signals.size(0)[1]) == (100, 640, 4)
    notes = data.signals.read(0)
    assert (notes == np.rint(notes)).all()
    assert 0 <= notes.min() <= notes.max() < 128


@pytest.mark.parametrize("path", ["movie_reviews", "movie_reviews/review_polarity.tar.gz"])
def test_movie_reviews(shared_data, path):
    data = open_data(shared_data / path)
    assert (data.format, data.signals.kind, data.bad) == ("text", SignalKind.TEXT, ())
    assert num_of(data, "class") == {"neg": 1000, "pos": 1000}
    assert data.signals.read(0).startswith("plot : two teen couples")
    assert len(data.signals.read(1999)) == data.signals.size(1999)[0]


@pytest.mark.parametrize("path", ["tinyshakespeare", "tinyshakespeare/input.txt"])
def test_tinyshakespeare(shared_data, path):
    data = open_data(shared_data / path)
    assert (len(data), data.target.kind, data.signals.size(0)) == (1, TargetKind.NOTHING, (1_115_394,))
    assert any("1115394 characters, 65 of them distinct" in sentence for sentence in data.decisions)
    assert data.table["content"][0] == "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"


def test_hippocampus(shared_data):
    data = open_data(shared_data / "hippocampus_60")
    assert (data.format, data.target.kind, data.target.classes) == ("volume", TargetKind.MASK, ("0", "1", "2"))
    shapes = np.array([data.signals.size(row) for row in range(len(data))])
    assert (len(data), data.bad) == (60, ())
    assert [(side.min(), side.max()) for side in shapes.T] == [(32, 43), (40, 58), (26, 42)]
    for row in (0, 59):
        volume, codes = data.signals.read(row), data.masks.read(row)
        assert volume.shape == codes.shape == tuple(shapes[row])
        assert (volume.dtype, codes.dtype, set(np.unique(codes).tolist())) == (np.float32, np.uint8, {0, 1, 2})
    assert data.table["voxel_d"].to_list() == [1.0] * 60


def test_planted_faults_in_hippocampus_are_found(shared_data, tmp_path):
    with zipfile.ZipFile(shared_data / "hippocampus_60/hippocampus_60.zip") as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".nii.gz"))[:6]
        pairs = [name for image in names for name in (image, image.replace("images/", "labels/"))]
        for name in pairs:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(archive.read(name))
    images, labels = ([tmp_path / name for name in pairs[start::2]] for start in (0, 1))
    labels[1].write_bytes(labels[2].read_bytes())
    images[3].write_bytes(images[3].read_bytes()[:-1000])
    labels[4].unlink()
    met = {item.id.rpartition("/")[2]: item.code for item in open_data(tmp_path).bad}
    assert met == {
        images[1].name: "mask.wrong_size",
        images[3].name: "volume.bad",
        images[4].name: "mask.missing",
    }


def test_sets_without_labels_get_a_sensible_word(shared_data):
    with pytest.raises(DataError, match="7 pictures, but no folder per class"):
        open_data(shared_data / "style_images")
    assert len(open_data(shared_data / "style_images", labelled=False)) == 7
    pretrained = open_data(shared_data / "pretrained")
    assert len(pretrained) == 6
    assert any("2 .safetensors" in sentence for sentence in pretrained.decisions)
