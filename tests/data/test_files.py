"""Files of a set: listed in order, never outside of it, never a pipe, never a bomb."""

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rumbo.core.errors import DataError, UsageError
from rumbo.data import files as files_module
from rumbo.data import open_data
from rumbo.data.files import FolderFiles, ZipFiles, count_by_extension, existing, open_files, safe_name
from rumbo.data.pictures.decode import BadImage


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
    for path in ("a\0b", "\ud800", "~nobody-is-called-so/a"):
        with pytest.raises(UsageError, match="does not exist"):
            open_files(path)


def test_paths_that_no_system_takes_are_a_matter_of_typing(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path in (tmp_path / ("x" * 300), tmp_path / ("x" * 300) / "a.csv", tmp_path / "loop"):
        with pytest.raises(UsageError, match="cannot be opened: "):
            open_files(path)
    assert not FolderFiles(tmp_path).has("\ud800.png")


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


# --- names and files as people and disks have them

ODD_NAMES = [
    "señal/ñandú 图.png",
    "a b/'quoted' \"twice\".png",
    "line\nbreak/tab\t.png",
    "x" * 251 + ".png",
    "%s{}$HOME;rm -rf.png",
    "-rf.png",
    "Case/A.png",
    "Case/a.png",
    "n\u0303/1.png",
    "\u00f1/1.png",
    "\u202etxt.png",
]


def png():
    data = io.BytesIO()
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(data, "png")
    return data.getvalue()


def test_odd_names_are_listed_each_for_itself_and_read(tmp_path):
    for number, name in enumerate(ODD_NAMES):
        write(tmp_path / name, b"%d" % number)
    files = FolderFiles(tmp_path)
    assert files.names() == sorted(ODD_NAMES)
    assert [files.read(name) for name in ODD_NAMES] == [b"%d" % number for number in range(len(ODD_NAMES))]
    assert all(files.has(name) for name in ODD_NAMES)
    assert existing(files, ODD_NAMES) == set(ODD_NAMES)


def test_odd_names_in_a_data_set_have_ids_of_their_own(tmp_path):
    for name in ODD_NAMES:
        write(tmp_path / "cat" / name, png())
        write(tmp_path / "dög\n" / name, png())
    write(tmp_path / "cat" / os.fsdecode(b"caf\xe9.png"), png())
    data = open_data(tmp_path)
    assert len(set(data.ids)) == len(data) == 2 * len(ODD_NAMES) + 1
    assert data.target.classes == ("cat", "dög\n")
    assert data.images.read(data.ids.index("cat/caf\\xe9.png")).shape == (8, 8)
    assert len(data.sha256()) == 64


def test_a_table_names_pictures_with_odd_names(tmp_path):
    names = [name for name in ODD_NAMES if '"' not in name]
    for name in names:
        write(tmp_path / name, png())
    rows = "\n".join(f'"{name}",{number % 2}' for number, name in enumerate(names))
    write(tmp_path / "labels.csv", f"file,label\n{rows}\n".encode())
    data = open_data(tmp_path)
    assert (data.format, len(data), data.bad) == ("table", len(names), ())
    assert [data.images.size(row) for row in range(len(data))] == [(8, 8, 1)] * len(names)


def test_hidden_folders_pipes_and_loops_in_a_class_folder_do_no_harm(tmp_path):
    for name in ("a/1.png", "a/.ipynb_checkpoints/1.png", "b/c.png/2.png", ".cache/3.png"):
        write(tmp_path / name, png())
    os.mkfifo(tmp_path / "a/pipe.png")
    (tmp_path / "b/loop").symlink_to(tmp_path)
    (tmp_path / "b/1.png").symlink_to("2.png")
    (tmp_path / "b/2.png").symlink_to("1.png")
    (tmp_path / "b/gone.png").symlink_to("nowhere.png")
    data = open_data(tmp_path)
    assert data.ids == ["a/1.png", "b/c.png/2.png"]
    assert any("links that were not followed: 4" in sentence for sentence in data.decisions)


def test_a_file_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    for name in ("a/1.png", "a/2.png", "b/3.png"):
        write(tmp_path / name, png())
    real = os.open

    def refuse(path, *rest):
        if str(path).endswith("2.png"):
            raise PermissionError(13, "Permission denied")
        return real(path, *rest)

    monkeypatch.setattr(os, "open", refuse)  # the tests may run as root, who may read all
    data = open_data(tmp_path)
    with pytest.raises(BadImage, match=r"'a/2\.png' cannot be read: Permission denied"):
        data.images.read(1)
    assert data.images.read(2).shape == (8, 8)


def refuse_to_list(monkeypatch, *folders):
    """Folders that the system does not let list; the tests may run as root, who may list all."""
    real = os.scandir

    def scandir(folder):
        if Path(folder) in folders:
            raise PermissionError(13, "Permission denied")
        return real(folder)

    monkeypatch.setattr(os, "scandir", scandir)


def test_folders_that_may_not_be_listed_are_left_out_and_told(tmp_path, monkeypatch):
    for name in ("a/1.png", "b/2.png", "b/secret/3.png", "c/4.png"):
        write(tmp_path / name, png())
    refuse_to_list(monkeypatch, tmp_path / "c", tmp_path / "b/secret")
    files = FolderFiles(tmp_path)
    assert (files.names(), files.unreadable) == (["a/1.png", "b/2.png"], ["b/secret", "c"])
    data = open_data(tmp_path)
    assert data.ids == ["a/1.png", "b/2.png"]
    assert "folders that cannot be read were left out: 2, such as 'b/secret'." in data.decisions


def test_a_set_that_may_not_be_listed_is_named(tmp_path, monkeypatch):
    write(tmp_path / "a/1.png")
    refuse_to_list(monkeypatch, tmp_path)
    with pytest.raises(DataError, match="cannot be read: it is not allowed"):
        open_data(tmp_path)


def test_folders_may_be_nested_deeper_than_calls(tmp_path):
    folder, made = str(tmp_path), []
    try:
        for _ in range(1100):
            folder += "/d"
            os.mkdir(folder)
            made.append(folder)
        write(tmp_path / "a.png")
        write(tmp_path / "d.png")
        with open(f"{folder}/deep.png", "wb"):
            assert FolderFiles(tmp_path).names() == ["a.png", "d.png", "d/" * 1100 + "deep.png"]
    finally:  # what pytest clears up with calls itself for each folder
        if len(made) == 1100:
            os.unlink(f"{folder}/deep.png")
        for folder in reversed(made):
            os.rmdir(folder)


@pytest.mark.parametrize("header", ["height,weight,label", "file,class"])
def test_a_table_alone_does_not_list_its_neighbours(tmp_path, monkeypatch, header):
    rows = "\n".join(f"{number}.5,{number * 7 % 5},{'ab'[number % 2]}" for number in range(20))
    if header == "file,class":
        rows = "\n".join(f"{number}.png,{'ab'[number % 2]}" for number in range(20))
        for number in range(20):
            write(tmp_path / f"{number}.png", png())
    write(tmp_path / "labels.csv", f"{header}\n{rows}\n".encode())

    def listed(_files):
        raise AssertionError("the folder of the table is listed")

    monkeypatch.setattr(FolderFiles, "_walk", listed)
    data = open_data(tmp_path / "labels.csv")
    assert (data.format, len(data)) == ("table", 20)


def test_a_table_of_boxes_alone_finds_its_pictures(tmp_path):
    write(tmp_path / "p/1.png", png())
    write(tmp_path / "boxes.csv", b"image,class,x1,y1,x2,y2\np/1.png,cat,1,1,5,5\n")
    data = open_data(tmp_path / "boxes.csv")
    assert (data.format, data.ids) == ("box-table", ["p/1.png"])


def test_many_names_are_looked_up_by_listing_folders_once(tmp_path, monkeypatch):
    names = [f"p/{number}.png" for number in range(30)]
    for name in names[:20]:
        write(tmp_path / name)
    write(tmp_path.parent / "outside.png")
    (tmp_path / "p/25.png").symlink_to(tmp_path / "p/1.png")
    (tmp_path / "p/26.png").symlink_to(tmp_path.parent / "outside.png")
    asked = {*names, "../outside.png", "p/../p/1.png", "q/1.png", "", "p", str(tmp_path / "p/1.png"), "a\0b/c"}
    files = FolderFiles(tmp_path)
    expected = {name for name in asked if files.has(name)}
    assert len(expected) == 22
    monkeypatch.setattr(files_module, "FEW_NAMES", 0)
    assert existing(files, asked) == expected
