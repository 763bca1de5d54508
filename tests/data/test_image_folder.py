"""Folders of pictures as people have them, also zipped, with odd names; and pictures without labels."""

import io
import os
import zipfile

import numpy as np
import pytest
from PIL import Image

from rumbo.core.errors import DataError, UnknownName, UsageError
from rumbo.data import open_data
from rumbo.data.manifest import TargetKind
from rumbo.data.pictures.decode import BadImage


def png(shade: int = 0) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (9, 8), (shade % 256, 0, 0)).save(buffer, "PNG")
    return buffer.getvalue()


def write(root, *names):
    for shade, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(shade))


def test_class_folders(tmp_path):
    write(tmp_path, "dog/1.png", "cat/2.png", "cat/deep/3.png", ".hidden/4.png")
    (tmp_path / "README.md").write_text("hello")
    (tmp_path / "cat/notes.txt").write_text("hello")
    data = open_data(tmp_path)
    assert data.format == "image-folder"
    assert data.ids == ["cat/2.png", "cat/deep/3.png", "dog/1.png"]
    assert data.table["class"].to_list() == ["cat", "cat", "dog"]
    assert data.target.kind is TargetKind.CLASS
    assert data.target.classes == ("cat", "dog")
    assert "split" not in data.table.columns
    assert data.images.read(2).shape == (8, 9, 3)
    assert data.images.size(2) == (8, 9, 3)
    assert any("1 .md" in sentence for sentence in data.decisions)


@pytest.mark.parametrize("dev", ["val", "valid", "validation", "dev", "Val"])
def test_split_folders(tmp_path, dev):
    write(tmp_path, "train/a/1.png", "train/b/2.png", f"{dev}/a/3.png", "test/b/4.png", "extra/5.png")
    data = open_data(tmp_path)
    split_of = dict(zip(data.ids, data.table["split"].to_list(), strict=True))
    assert split_of == {
        "train/a/1.png": "train",
        "train/b/2.png": "train",
        f"{dev}/a/3.png": "dev",
        "test/b/4.png": "test",
    }
    assert any("left out" in sentence for sentence in data.decisions)


def test_a_test_folder_without_classes_is_left_out(tmp_path):
    write(tmp_path, "train/a/1.png", "train/b/2.png", "test/3.png")
    assert open_data(tmp_path).ids == ["train/a/1.png", "train/b/2.png"]


def test_folders_around_are_looked_through(tmp_path):
    write(tmp_path, "archive/photos/a/1.png", "archive/photos/b/2.png")
    assert open_data(tmp_path).target.classes == ("a", "b")
    write(tmp_path / "other", "set/train/a/1.png", "set/train/b/2.png")
    assert open_data(tmp_path / "other").target.classes == ("a", "b")


def test_a_zip_reads_like_its_folder(tmp_path):
    write(tmp_path / "set", "train/a/1.png", "train/b/2.png", "val/a/3.png")
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for name in ("train/a/1.png", "train/b/2.png", "val/a/3.png"):
            archive.write(tmp_path / "set" / name, name)
        archive.writestr("README.txt", "hello")
    folder, zipped = open_data(tmp_path / "set"), open_data(tmp_path / "photos.zip")
    assert folder.table.equals(zipped.table)
    np.testing.assert_array_equal(folder.images.read(1), zipped.images.read(1))
    taken = zipped.take(np.array([2, 0]))
    assert taken.ids == ["val/a/3.png", "train/a/1.png"]
    np.testing.assert_array_equal(taken.images.read(0), folder.images.read(2))


def test_copies_have_the_same_content(tmp_path):
    write(tmp_path, "a/1.png", "b/2.png")
    (tmp_path / "b/3.png").write_bytes((tmp_path / "a/1.png").read_bytes())
    first, second, third = open_data(tmp_path).table["content"].to_list()
    assert first == third != second


ODD_NAMES = ["ñandú 图", "a b", "new\nline", "-rf", "😀", "\u202egnp", "'; DROP TABLE", "%s{0}", "a'b\"c", "x" * 200]


def test_odd_names_round_trip(tmp_path):
    write(tmp_path, *[f"{folder}/{name}.png" for folder in ODD_NAMES for name in ODD_NAMES[:3]])
    write(tmp_path / os.fsdecode(b"caf\xe9"), "1.png")
    data = open_data(tmp_path)
    assert len(set(data.ids)) == len(data) == 3 * len(ODD_NAMES) + 1
    assert set(ODD_NAMES) | {"caf\\xe9"} == set(data.target.classes)
    assert all(data.images.read(row).shape == (8, 9, 3) for row in range(len(data)))
    assert not any("\n" in sentence or "\u202e" in sentence for sentence in data.decisions)


def test_a_folder_called_like_a_picture_is_a_class(tmp_path):
    write(tmp_path, "a.jpg/1.png", "b.jpg/2.png")
    assert open_data(tmp_path).target.classes == ("a.jpg", "b.jpg")


def test_without_labels_anything_with_pictures_goes(tmp_path):
    write(tmp_path / "flat", "1.png", "2.png")
    flat = open_data(tmp_path / "flat", labelled=False)
    assert (flat.ids, flat.target) == (["1.png", "2.png"], None)
    one = open_data(tmp_path / "flat/2.png", labelled=False)
    assert one.ids == ["2.png"]
    (tmp_path / "upload").write_bytes(png())
    assert open_data(tmp_path / "upload", labelled=False).images.read(0).shape == (8, 9, 3)
    with zipfile.ZipFile(tmp_path / "some.zip", "w") as archive:
        archive.writestr("deep/1.png", png())
    assert open_data(tmp_path / "some.zip", labelled=False).ids == ["deep/1.png"]


def test_faults_say_what_to_do(tmp_path):
    write(tmp_path / "flat", "1.png", "2.png")
    with pytest.raises(DataError, match="one folder a class"):
        open_data(tmp_path / "flat")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no files"):
        open_data(tmp_path / "empty")
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd/a.heic").write_bytes(b"x")
    with pytest.raises(DataError, match=r"1 \.heic"):
        open_data(tmp_path / "odd")
    write(tmp_path / "set", "a/1.png", "b/2.png")
    with pytest.raises(UnknownName, match="'label'"):
        open_data(tmp_path / "set", target="label")
    with pytest.raises(UnknownName, match="classify"):
        open_data(tmp_path / "set", task="clasify")
    with pytest.raises(UsageError):
        open_data(tmp_path / "nowhere")


def test_exit_codes(tmp_path):
    (tmp_path / "empty").mkdir()
    for path, code in ((tmp_path / "empty", 3), (tmp_path / "nowhere", 2)):
        with pytest.raises((DataError, UsageError)) as caught:
            open_data(path)
        assert caught.value.exit_code == code


def test_a_file_that_is_no_picture_is_listed_and_bad_when_read(tmp_path):
    write(tmp_path, "a/1.png", "b/2.png")
    (tmp_path / "a/text.jpg").write_text("hello")
    (tmp_path / "b/zero.jpg").write_bytes(b"")
    data = open_data(tmp_path)
    assert len(data) == 4
    for name in ("a/text.jpg", "b/zero.jpg"):
        with pytest.raises(BadImage):
            data.images.read(data.ids.index(name))


def test_folder_names_can_be_numbers(tmp_path):
    write(tmp_path, "10/1.png", "9/2.png", "35/3.png")
    assert open_data(tmp_path).target.classes == ("9", "10", "35")
    ages = open_data(tmp_path, task="regress")
    assert ages.target.kind is TargetKind.NUMBER
    assert ages.table["class"].to_list() == [10.0, 35.0, 9.0]


def test_arrays_beside_class_folders_are_left_alone(tmp_path):
    write(tmp_path, "a/1.png", "b/2.png")
    (tmp_path / "weights.h5").write_bytes(b"x")
    (tmp_path / "features.npz").write_bytes(b"x")
    assert open_data(tmp_path).format == "image-folder"


def test_a_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    def refuse(folder):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DataError, match="cannot be read: it is not allowed"):
        open_data(tmp_path)
