"""Texts: folders per class, folders without classes, one text; what only looks like a text stays what it is."""

import io
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image

from rumbo.core.errors import DataError, UnknownName
from rumbo.data import open_data
from rumbo.data.manifest import SignalKind, TargetKind

REVIEWS = {"pos/a.txt": "good film", "pos/b.txt": "very good", "neg/c.txt": "bad film"}


def write(root, files):
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def pack(path, files):
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return path
    mode = {"tgz": "w:gz", "gz": "w:gz", "tar": "w", "bz2": "w:bz2", "xz": "w:xz"}[path.name.rpartition(".")[2]]
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            data = content if isinstance(content, bytes) else content.encode()
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def texts(data):
    return [data.signals.read(row) for row in range(len(data))]


@pytest.mark.parametrize("name", ["", "a.zip", "a.tar", "a.tar.gz", "a.tgz", "a.tar.bz2", "a.tar.xz"])
def test_a_folder_per_class_however_it_is_packed(tmp_path, name):
    path = pack(tmp_path / name, REVIEWS) if name else write(tmp_path / "set", REVIEWS)
    data = open_data(path)
    assert (data.format, data.target.kind, data.target.classes) == ("text", TargetKind.CLASS, ("neg", "pos"))
    assert data.ids == ["neg/c.txt", "pos/a.txt", "pos/b.txt"]
    assert data.table["class"].to_list() == ["neg", "pos", "pos"]
    assert texts(data) == ["bad film", "good film", "very good"]
    assert (data.signals.kind, data.signals.size(1)) == (SignalKind.TEXT, (9,))
    assert any("3 texts, 26 characters" in sentence and "utf-8" in sentence for sentence in data.decisions)
    assert any("neg 1, pos 2" in sentence for sentence in data.decisions)


def test_split_folders_around_classes(tmp_path):
    files = {
        f"{split}/{label}/{row}.txt": f"{split} {label} {row}"
        for split in ("train", "test")
        for label in "ab"
        for row in (1, 2)
    }
    data = open_data(write(tmp_path, files | {"train/urls_a.txt": "http", "imdb.vocab": "a b"}))
    assert data.table["split"].to_list() == ["test"] * 4 + ["train"] * 4
    assert (len(data), data.target.classes) == (8, ("a", "b"))
    assert any("outside" in sentence and "1" in sentence for sentence in data.decisions)
    assert any("1 .vocab" in sentence for sentence in data.decisions)


def test_split_folders_without_classes(tmp_path):
    data = open_data(
        write(tmp_path, {"books/train/a.txt": "one", "books/train/b.txt": "two", "books/test/c.txt": "three"})
    )
    assert data.table["split"].to_list() == ["test", "train", "train"]
    assert (data.target.kind, data.target.columns) == (TargetKind.NOTHING, ())


@pytest.mark.parametrize("folder", ["", "books/"])
def test_texts_without_classes_need_no_labels(tmp_path, folder):
    data = open_data(write(tmp_path, {f"{folder}a.txt": "one", f"{folder}b.txt": "two", "README.md": "# books"}))
    assert (data.format, data.target.kind, texts(data)) == ("text", TargetKind.NOTHING, ["one", "two"])
    assert "split" not in data.table.columns


def test_one_text_is_read_in_its_encoding_and_counted(tmp_path):
    path = tmp_path / "quijote.txt"
    path.write_bytes("En un lugar de la Mancha, señor,\nno ha mucho".encode("cp1252"))
    data = open_data(path)
    assert (data.ids, data.target.kind) == (["quijote.txt"], TargetKind.NOTHING)
    assert texts(data) == ["En un lugar de la Mancha, señor,\nno ha mucho"]
    assert any("cp1252" in sentence and "44 characters, 19 of them distinct" in sentence for sentence in data.decisions)


def test_without_labels_folders_are_no_classes(tmp_path):
    data = open_data(write(tmp_path, REVIEWS), labelled=False)
    assert (len(data), data.target) == (3, None)
    with pytest.raises(UnknownName, match="column"):
        open_data(tmp_path, target="price")


def test_a_broken_or_empty_text_is_named_and_the_others_stay(tmp_path):
    data = open_data(write(tmp_path, REVIEWS | {"neg/d.txt": b"\0\1\2", "pos/e.txt": " \n"}))
    assert len(data) == 3
    assert [(item.id, item.code, item.row) for item in data.bad] == [
        ("neg/d.txt", "text.bad", -1),
        ("pos/e.txt", "text.bad", -1),
    ]
    assert "is no text" in data.bad[0].reason
    with pytest.raises(DataError, match="none of the 1 files"):
        open_data(write(tmp_path / "none", {"a.txt": b"\0\1\2"}) / "a.txt")


def test_a_table_called_txt_stays_a_table(tmp_path):
    rows = "\n".join(f"{row},{row % 2},{'yes' if row % 3 else 'no'}" for row in range(30))
    (tmp_path / "a.txt").write_text("x,y,label\n" + rows)
    assert open_data(tmp_path / "a.txt").format == "table"
    (tmp_path / "a.txt").write_text("x,y,label\n" + rows + "\n1,2,3,4\n")
    with pytest.raises(DataError, match="line 32 has 4 fields"):
        open_data(tmp_path / "a.txt")


def test_texts_beside_pictures_or_tables_are_not_the_data(tmp_path):
    picture = io.BytesIO()
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(picture, "png")
    pictures = {f"{label}/{row}.png": picture.getvalue() for label in "ab" for row in (1, 2)}
    assert open_data(write(tmp_path / "p", pictures | {"notes.txt": "x", "a/1.txt": "y"})).format == "image-folder"
    table = "x,label\n" + "\n".join(f"{row / 7},{row % 2}" for row in range(30))
    assert open_data(write(tmp_path / "t", {"a.csv": table, "README.txt": "about"})).format == "table"


def test_a_readme_is_no_example_unless_it_is_all_there_is(tmp_path):
    data = open_data(write(tmp_path, {"README.txt": "about", "LICENSE.txt": "MIT", "a.txt": "text"}))
    assert data.ids == ["a.txt"]
    assert open_data(tmp_path / "README.txt").ids == ["README.txt"]
