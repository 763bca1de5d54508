"""The real data sets are recognized without a word, and their known faults are found."""

import time

import numpy as np
import pytest

from rumbo.data import SplitOptions, check_data, load_images, make_split, open_data
from rumbo.data.decode import DecodeRule
from rumbo.data.manifest import TargetKind


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
    assert set(findings) == {"image.size_mixed", "split.small_test"}
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
    assert leak.items == ("test_catvnoncat.h5#17",)
    assert "train_catvnoncat.h5#146" in leak.message
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
