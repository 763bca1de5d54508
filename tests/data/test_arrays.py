"""Pictures and rows in arrays: IDX, the course's HDF5 and NumPy archives; nothing pickled, linked or overstated."""

import gzip
import io
import struct
import zipfile

import h5py
import numpy as np
import pytest

from rumbo.core.errors import DataError, UnknownName
from rumbo.data import open_data
from rumbo.data.manifest import TargetKind

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 5, 4), dtype=np.uint8)
LABELS = np.array([3, 10, 3, 9, 9, 10], dtype=np.uint8)


def idx(array: np.ndarray) -> bytes:
    return struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write_idx(folder, prefix, zipped=True, pixels=PIXELS, labels=LABELS):
    pack, end = (gzip.compress, ".gz") if zipped else (bytes, "")
    (folder / f"{prefix}-images-idx3-ubyte{end}").write_bytes(pack(idx(pixels)))
    if labels is not None:
        (folder / f"{prefix}-labels-idx1-ubyte{end}").write_bytes(pack(idx(labels)))


@pytest.mark.parametrize("zipped", [True, False])
def test_idx_pairs_become_train_and_test(tmp_path, zipped):
    write_idx(tmp_path, "t10k", zipped)
    write_idx(tmp_path, "train", zipped)
    data = open_data(tmp_path)
    assert (data.format, len(data)) == ("idx", 12)
    assert data.table["split"].to_list() == ["train"] * 6 + ["test"] * 6
    assert data.target.classes == ("3", "9", "10")
    assert data.ids[7].startswith("t10k-images")
    assert data.ids[7].endswith("#1")
    np.testing.assert_array_equal(data.images.read(8), PIXELS[2])
    assert data.images.size(0) == (5, 4, 1)


def test_one_idx_pair_has_no_split(tmp_path):
    write_idx(tmp_path, "train")
    data = open_data(tmp_path)
    assert "split" not in data.table.columns
    assert open_data(tmp_path / "train-images-idx3-ubyte.gz").table.equals(data.table)


def test_idx_faults_are_named(tmp_path):
    write_idx(tmp_path, "train", labels=None)
    with pytest.raises(DataError, match="no labels"):
        open_data(tmp_path)
    assert len(open_data(tmp_path, labelled=False)) == 6
    write_idx(tmp_path, "train", labels=LABELS[:4])
    with pytest.raises(DataError, match="6 pictures, its label file 4"):
        open_data(tmp_path)
    name = tmp_path / "train-images-idx3-ubyte.gz"
    for body, message in (
        (idx(PIXELS)[:-7], "truncated: 113 of 120"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "truncated: 0 of"),
        (b"\0\0\x0d\x03" + b"\0" * 12, "no IDX file"),
        (b"\0\0\x08\x03\0", "no IDX file"),
    ):
        name.write_bytes(gzip.compress(body))
        with pytest.raises(DataError, match=message):
            open_data(tmp_path)
    name.write_bytes(gzip.compress(idx(PIXELS))[:-9])
    with pytest.raises(DataError, match="damaged"):
        open_data(tmp_path)


def write_h5(path, prefix, pixels, labels, classes=(b"non-cat", b"cat")):
    with h5py.File(path, "w") as file:
        file[f"{prefix}_set_x"] = pixels
        file[f"{prefix}_set_y"] = labels
        if classes is not None:
            file["list_classes"] = np.array(classes)


COLOR = np.random.default_rng(1).integers(0, 256, (6, 5, 4, 3), dtype=np.uint8)


def test_course_files(tmp_path):
    write_h5(tmp_path / "train_x.h5", "train", COLOR, np.array([[0, 1, 0, 1, 1, 0]]))
    write_h5(tmp_path / "test_x.h5", "test", COLOR[:2], np.array([1, 0]))
    data = open_data(tmp_path)
    assert data.format == "course-h5"
    assert data.table["split"].to_list() == ["train"] * 6 + ["test"] * 2
    assert data.target.classes == ("non-cat", "cat")  # code 1 is the cat, as in the file
    assert data.table["label"].to_list()[:3] == ["non-cat", "cat", "non-cat"]
    np.testing.assert_array_equal(data.images.read(7), COLOR[1])
    alone = open_data(tmp_path / "train_x.h5")
    assert len(alone) == 6
    assert "split" not in alone.table.columns


def test_course_file_without_class_names(tmp_path):
    write_h5(tmp_path / "train_signs.h5", "train", COLOR, np.array([0, 1, 2, 0, 1, 2]), classes=None)
    assert open_data(tmp_path).target.classes == ("0", "1", "2")


def test_course_file_faults_are_named(tmp_path):
    path = tmp_path / "train_x.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n and nothing")
    with pytest.raises(DataError, match="no whole HDF5"):
        open_data(path)
    with h5py.File(path, "w") as file:
        file["weights"] = [1]
    with pytest.raises(DataError, match="it has: weights"):
        open_data(path)
    write_h5(path, "train", COLOR, np.array([0, 1, 2, 0, 1, 2]))
    with pytest.raises(DataError, match="label 2, but names only 2"):
        open_data(path)
    write_h5(path, "train", COLOR, np.array([0, 1]))
    with pytest.raises(DataError, match="6 pictures and 2 labels"):
        open_data(path)


def test_h5_never_reads_other_files(tmp_path):
    (tmp_path / "secret.bin").write_bytes(b"s" * 120)
    write_h5(tmp_path / "other.hdf", "train", COLOR, np.zeros(6, int))
    path = tmp_path / "train_x.h5"
    for plant in (
        lambda file: file.__setitem__("train_set_x", h5py.ExternalLink(str(tmp_path / "other.hdf"), "train_set_x")),
        lambda file: file.__setitem__("train_set_x", h5py.SoftLink("/else")),
        lambda file: file.create_dataset(
            "train_set_x", (6, 5, 4), "u1", external=[(str(tmp_path / "secret.bin"), 0, 120)]
        ),
    ):
        with h5py.File(path, "w") as file:
            plant(file)
        with pytest.raises(DataError, match="refused"):
            open_data(path)


def test_npz_of_pictures(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", x_train=COLOR, y_train=LABELS, x_test=COLOR[:2], y_test=LABELS[:2])
    data = open_data(tmp_path)
    assert data.format == "npz"
    assert data.table["split"].to_list() == ["train"] * 6 + ["test"] * 2
    assert data.target.classes == ("3", "9", "10")
    np.testing.assert_array_equal(data.images.read(6), COLOR[0])


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        (PIXELS / 255.0, "0..1 to"),
        (PIXELS.astype(np.float32), None),
        (PIXELS.astype(np.int64), None),
        (PIXELS.astype(np.uint16) * 257, "0..65535 to"),
        (PIXELS[:, None], "channels first"),
        (PIXELS[..., None], None),
    ],
)
def test_pixels_of_any_usual_type_are_the_same(tmp_path, stored, said):
    np.savez(tmp_path / "a.npz", images=stored, labels=LABELS)
    data = open_data(tmp_path / "a.npz")
    np.testing.assert_array_equal(data.images.read(1), PIXELS[1])
    assert said is None or any(said in sentence for sentence in data.decisions)


def test_npz_of_rows(tmp_path):
    x = np.array([[1.0, np.nan], [3.0, 4.0], [5.0, 6.0]])
    np.savez(tmp_path / "a.npz", x=x, y=np.array([0.5, 1.25, 2.0]))
    data = open_data(tmp_path / "a.npz")
    assert (data.numbers, data.target.kind) == (("x0", "x1"), TargetKind.NUMBER)
    assert data.table["x1"].to_list() == [None, 4.0, 6.0]
    with pytest.raises(UnknownName, match="nearest: y"):
        open_data(tmp_path / "a.npz", target="yy")
    assert open_data(tmp_path / "a.npz", labelled=False).target is None


def test_one_hot_labels_are_classes(tmp_path):
    np.savez(tmp_path / "a.npz", images=PIXELS, labels=np.eye(3)[[0, 1, 2, 0, 1, 2]])
    assert open_data(tmp_path / "a.npz").table["label"].to_list() == ["0", "1", "2", "0", "1", "2"]


def test_npz_never_unpickles(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    np.savez(tmp_path / "a.npz", x=np.array([[Trap(), 1]], dtype=object), y=[1])
    with pytest.raises(DataError, match="holds Python objects"):
        open_data(tmp_path / "a.npz")
    assert not (tmp_path / "sprung").exists()


def test_npz_faults_are_named(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, signal=np.zeros(3), fs=np.array(300))
    with pytest.raises(DataError, match="the arrays signal, fs"):
        open_data(path)
    np.savez(path, x=PIXELS, y=LABELS[:2])
    with pytest.raises(DataError, match="6 inputs and 2 labels"):
        open_data(path)
    np.savez(path, x=PIXELS * -1.0, y=LABELS)
    with pytest.raises(DataError, match="values from -248 to"):
        open_data(path)
    np.savez(path, x=np.zeros((2, 3, 4, 5, 6)), y=[0, 1])
    with pytest.raises(DataError, match="2 x 3 x 4 x 5 x 6"):
        open_data(path)
    np.savez(path, x=np.zeros((0, 4, 4)), y=np.zeros(0))
    with pytest.raises(DataError, match="no examples"):
        open_data(path)
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(DataError, match="is no whole"):
        open_data(path)


def test_a_shape_that_the_bytes_do_not_fill_is_refused(tmp_path):
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "|u1", "fortran_order": False, "shape": (10**6, 10**6)})
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", buffer.getvalue() + b"few")
        archive.writestr("y.npy", buffer.getvalue())
    with pytest.raises(DataError, match="do not fill"):
        open_data(tmp_path / "a.npz")


def test_unpacked_files_beside_their_archives_count_once(tmp_path):
    for zipped in (True, False):
        write_idx(tmp_path, "train", zipped)
        write_idx(tmp_path, "t10k", zipped)
    assert len(open_data(tmp_path)) == 12


def test_test_files_are_told_by_any_word_of_their_name(tmp_path):
    write_idx(tmp_path, "emnist-letters-train")
    write_idx(tmp_path, "emnist-letters-test")
    assert open_data(tmp_path).table["split"].to_list() == ["train"] * 6 + ["test"] * 6
    write_idx(tmp_path, "emnist-digits-train")
    with pytest.raises(DataError, match="several sets"):
        open_data(tmp_path)


def test_two_course_sets_in_a_folder_are_refused(tmp_path):
    for name in ("train_cats.h5", "train_signs.h5"):
        write_h5(tmp_path / name, "train", COLOR, np.array([0, 1, 0, 1, 1, 0]))
    with pytest.raises(DataError, match="several sets"):
        open_data(tmp_path)


@pytest.mark.parametrize(
    "arrays",
    [
        {"x_train": np.zeros((4, 5)), "y_train": [0, 1, 0, 1], "x_test": np.zeros((2, 4)), "y_test": [0, 1]},
        {"x_train": np.zeros((4, 5)), "y_train": [0, 1, 0, 1], "x_test": np.zeros((2, 4, 4)), "y_test": [0, 1]},
        {"x": np.array([["a", "b"]] * 4), "y": [0, 1, 0, 1]},
        {"x": np.zeros((4, 3), dtype=complex), "y": [0, 1, 0, 1]},
        {"x": np.full((4, 3, 3), "a"), "y": [0, 1, 0, 1]},
    ],
    ids=["other widths", "rows and pictures", "texts", "complex numbers", "pictures of text"],
)
def test_arrays_that_are_no_numbers_of_one_shape_are_refused(tmp_path, arrays):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataError, match=r"a\.npz"):
        open_data(tmp_path / "a.npz")
