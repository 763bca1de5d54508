"""Files of a set: listed in order, never outside of it, never a pipe, never a bomb."""

import os
import zipfile

import pytest

from rumbo.core.errors import DataError, UsageError
from rumbo.data.files import FolderFiles, ZipFiles, count_by_extension, open_files, safe_name


def write(path, data=b"x"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def test_hidden_files_and_clutter_are_left_out(tmp_path):
    for name in ("a/1.jpg", ".ipynb_checkpoints/1.jpg", "a/.2.jpg", "__MACOSX/a/1.jpg", "a/Thumbs.db", "b/x.txt"):
        write(tmp_path / name)
    assert FolderFiles(tmp_path).names() == ["a/1.jpg", "b/x.txt"]


def test_links_do_not_lead_out_or_round_in_circles(tmp_path):
    write(tmp_path / "outside/secret.jpg")
    root = tmp_path / "set"
    write(root / "a/1.jpg")
    (root / "a/loop").symlink_to(root)
    (root / "a/self.jpg").symlink_to(root / "a/self.jpg")
    (root / "a/out.jpg").symlink_to(tmp_path / "outside/secret.jpg")
    (root / "a/inside.jpg").symlink_to(root / "a/1.jpg")
    files = FolderFiles(root)
    assert files.names() == ["a/1.jpg", "a/inside.jpg"]
    assert files.num_links == 3
    assert not files.has("a/out.jpg")
    assert not files.has("../outside/secret.jpg")
    assert not files.has(str(tmp_path / "outside/secret.jpg"))


def test_a_pipe_is_never_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    files = FolderFiles(tmp_path)
    assert files.names() == []
    with pytest.raises(DataError, match="regular file"):
        files.read("pipe.jpg")
    with pytest.raises(UsageError, match="neither"):
        open_files(tmp_path / "pipe.jpg")


def test_a_folder_with_a_picture_s_name_is_a_folder(tmp_path):
    write(tmp_path / "a.jpg/1.jpg")
    assert FolderFiles(tmp_path).names() == ["a.jpg/1.jpg"]


def test_what_is_not_there_is_a_matter_of_typing(tmp_path):
    with pytest.raises(UsageError, match="does not exist"):
        open_files(tmp_path / "nothing")
    with pytest.raises(UsageError, match="does not exist"):
        open_files("a\0b")


@pytest.mark.parametrize("name", ["../a.jpg", "/etc/a.jpg", "a/../../b.jpg", "a\\b.jpg", "C:/a.jpg"])
def test_names_that_lead_out_of_a_zip_are_refused(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(name, b"x")
    with pytest.raises(DataError, match="refused"):
        ZipFiles(tmp_path / "a.zip")


def test_zip_links_are_left_out(tmp_path):
    link = zipfile.ZipInfo("cat/link.jpg")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
        archive.writestr("cat/1.jpg", b"x")
    files = ZipFiles(tmp_path / "a.zip")
    assert (files.names(), files.num_links) == (["cat/1.jpg"], 1)


def test_a_zip_bomb_is_refused_before_it_is_read(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", b"0" * 50_000_000)
    with pytest.raises(DataError, match="Unpack it yourself"):
        open_files(tmp_path / "a.zip")


def test_a_damaged_zip_is_named(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04 and then nothing")
    with pytest.raises(DataError, match="not a whole zip"):
        open_files(tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("cat/1.jpg", b"0123456789")
    data = bytearray((tmp_path / "b.zip").read_bytes())
    data[data.index(b"0123456789") + 3] ^= 1
    (tmp_path / "b.zip").write_bytes(data)
    with pytest.raises(DataError, match="CRC"):
        ZipFiles(tmp_path / "b.zip").read("cat/1.jpg")


def test_one_zip_beside_texts_is_the_set(tmp_path):
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("cat/1.jpg", b"x")
    write(tmp_path / "README.md")
    assert isinstance(open_files(tmp_path), ZipFiles)
    write(tmp_path / "table.csv")
    assert isinstance(open_files(tmp_path), FolderFiles)


def test_names_that_are_no_utf8_can_be_stored():
    assert safe_name(os.fsdecode(b"caf\xe9.jpg")) == "caf\\xe9.jpg"
    assert safe_name("ñandú 图.jpg") == "ñandú 图.jpg"


def test_counts_by_extension():
    assert count_by_extension(["a.JPG", "b.jpg", "c.csv.gz"]) == "2 .jpg, 1 .csv"
