"""Drawings as strokes: parts become splits, offsets are checked, other arrays are not taken for drawings."""

import numpy as np
import pytest

from rumbo.core.errors import DataError
from rumbo.data import open_data
from rumbo.data.manifest import SignalKind, TargetKind


def drawing(points, lifted=1, dtype=np.int16):
    """Points with the pen lifted at the end."""
    array = np.zeros((points, 3), dtype)
    array[:, 0], array[-1:, 2] = np.arange(points), lifted
    return array


def arrays(**lengths):
    found = {}
    for part, counts in lengths.items():
        found[part] = np.concatenate([drawing(count) for count in counts])
        found["offsets" if part == "strokes" else f"{part}_offsets"] = np.cumsum([0, *counts])
    return found


def test_parts_become_splits_in_their_order(tmp_path):
    np.savez(tmp_path / "a.npz", **arrays(valid=[3], test=[2, 5], train=[4, 6, 1]))
    data = open_data(tmp_path)
    assert (data.format, data.target.kind, data.signals.kind) == ("strokes", TargetKind.NOTHING, SignalKind.STROKES)
    assert data.table["split"].to_list() == ["train"] * 3 + ["dev"] + ["test"] * 2
    assert [data.signals.size(row) for row in range(6)] == [(4, 3), (6, 3), (1, 3), (3, 3), (2, 3), (5, 3)]
    assert data.ids[0] == "a.npz/train#0"
    assert data.signals.read(5).tolist() == drawing(5).tolist()
    assert data.signals.read(5).dtype == np.float32
    assert data.table["content"][0] != data.table["content"][1]
    assert open_data(tmp_path, labelled=False).target is None


def test_one_part_has_no_splits_and_no_points_are_no_drawing(tmp_path):
    np.savez(tmp_path / "a.npz", **arrays(strokes=[3, 0, 2]))
    data = open_data(tmp_path / "a.npz")
    assert (data.ids, "split" in data.table.columns) == (["a.npz#0", "a.npz#2"], False)
    assert [(item.id, item.code) for item in data.bad] == [("a.npz#1", "strokes.bad")]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"train_offsets": np.array([0, 3, 9])}, "from 0 to 10"),
        ({"train": drawing(10, lifted=2)}, "must be 0 or 1"),
        ({"train": drawing(10, dtype=np.float64) * np.nan}, "must be 0 or 1"),
        ({"train": np.array([[np.inf, 0, 0]] * 10)}, "no finite numbers"),
        ({"train": np.array([["a", "b", "c"]] * 10)}, "not numbers"),
        ({"train": np.array([[None, 0, 0]] * 10, object)}, "Python objects"),
    ],
    ids=range(6),
)
def test_what_cannot_be_a_drawing_is_refused(tmp_path, change, reason):
    np.savez(tmp_path / "a.npz", **(arrays(train=[4, 6]) | change))
    with pytest.raises(DataError, match=reason):
        open_data(tmp_path)


def test_other_arrays_are_no_drawings(tmp_path):
    np.savez(tmp_path / "a.npz", x_train=np.zeros((40, 3)), y_train=np.arange(40) % 2)
    assert open_data(tmp_path).format == "npz"
    np.savez(tmp_path / "a.npz", train=np.zeros((40, 4)), train_offsets=np.array([0, 40]))
    with pytest.raises(DataError, match="known names are"):
        open_data(tmp_path)


def test_a_damaged_file_is_named(tmp_path):
    np.savez(tmp_path / "a.npz", **arrays(train=[4, 6]))
    whole = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"'a\.npz' is no whole \.npz file"):
        open_data(tmp_path)
