"""Tars as zips: read in place, links not followed, nothing leads out, no bomb, no device, each fault named."""

import bz2
import gzip
import io
import lzma
import tarfile
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rumbo.core.errors import DataError
from rumbo.data import archives as archives_module
from rumbo.data.files import FolderFiles, TarFiles, open_files

PACKERS = {
    "a.tar": bytes,
    "a.tar.gz": gzip.compress,
    "a.tgz": gzip.compress,
    "a.tar.bz2": bz2.compress,
    "a.tar.xz": lzma.compress,
}


def tar(files, form=tarfile.PAX_FORMAT):
    """The bytes of a tar; a value is content, or a TarInfo to change."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, content in files:
            if isinstance(content, dict):
                member = tarfile.TarInfo(name)
                for key, value in content.items():
                    setattr(member, key, value)
                archive.addfile(member)
            else:
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def opened(path, files, **more):
    path.write_bytes(PACKERS[path.name](tar(files, **more)))
    return TarFiles(path)


@pytest.mark.parametrize("name", PACKERS)
def test_members_are_listed_and_read(tmp_path, name):
    files = opened(
        tmp_path / name, [("b/2.txt", b"two"), ("./a/1.txt", b"one"), ("b", {"type": tarfile.DIRTYPE}), ("e.txt", b"")]
    )
    assert files.names() == ["a/1.txt", "b/2.txt", "e.txt"]
    assert [files.read(name) for name in files.names()] == [b"one", b"two", b""]
    assert (files.has("a/1.txt"), files.has("b"), files.has("c")) == (True, False, False)


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_and_odd_names(tmp_path, form):
    name = "señal/" + "x" * 90 + "/ñandú 图\n.txt"
    files = opened(tmp_path / "a.tar", [(name, b"one")], form=form)
    assert files.read(name) == b"one"


def test_hidden_ones_are_left_out_and_the_last_of_a_name_counts(tmp_path):
    files = opened(
        tmp_path / "a.tgz",
        [("a.txt", b"old"), (".git/x", b"x"), ("__MACOSX/a.txt", b"x"), ("._a.txt", b"x"), ("a.txt", b"new")],
    )
    assert (files.names(), files.read("a.txt")) == (["a.txt"], b"new")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_links_are_not_followed(tmp_path, kind):
    files = opened(tmp_path / "a.tar", [("a.txt", b"x"), ("b.txt", {"type": kind, "linkname": "/etc/passwd"})])
    assert (files.names(), files.num_links, files.has("b.txt")) == (["a.txt"], 1, False)


def hard(target):
    return {"type": tarfile.LNKTYPE, "linkname": target}


def test_hard_links_are_the_files_of_the_archive_that_they_name(tmp_path):
    files = opened(
        tmp_path / "a.tgz",
        [
            ("./cat/1.jpg", b"one"),
            ("./cat/2.jpg", hard("./cat/1.jpg")),
            ("dog/3.jpg", hard("cat/2.jpg")),
            ("cat/1.jpg", b"new"),  # tar breaks the link
            (".store/4", b"four"),
            ("dog/4.jpg", hard(".store/4")),
            (".store/5", hard("cat/1.jpg")),
        ],
    )
    assert files.num_links == 0
    assert {name: files.read(name) for name in files.names()} == {
        "cat/1.jpg": b"new",
        "cat/2.jpg": b"one",
        "dog/3.jpg": b"one",
        "dog/4.jpg": b"four",
    }


@pytest.mark.parametrize("target", ["/etc/passwd", "../a.txt", "later.txt", "b.txt", "sub", "soft.txt", ""])
def test_hard_links_to_anything_else_are_not_followed(tmp_path, target):
    files = opened(
        tmp_path / "a.tar",
        [
            ("a.txt", b"x"),
            ("sub", {"type": tarfile.DIRTYPE}),
            ("soft.txt", {"type": tarfile.SYMTYPE, "linkname": "a.txt"}),
            ("b.txt", hard(target)),
            ("later.txt", b"y"),
        ],
    )
    assert (files.names(), files.num_links) == (["a.txt", "later.txt"], 2)


def test_hard_links_lead_out_under_no_name(tmp_path):
    with pytest.raises(DataError, match="leads out of its folder: refused"):
        opened(tmp_path / "a.tar", [("a.txt", b"x"), ("../b.txt", hard("a.txt"))])


def test_hard_links_count_once_per_name_against_the_limit(tmp_path):
    content = bytes(range(256)) * 4000
    few = [(f"{number}.bin", hard("0.bin")) for number in range(1, 100)]
    assert len(opened(tmp_path / "a.tar", [("0.bin", content), *few, *few, *few]).names()) == 100
    many = [(f"{number}.bin", hard("0.bin")) for number in range(1, 400)]
    with pytest.raises(DataError, match="Unpack it yourself"):
        opened(tmp_path / "a.tar", [("0.bin", content), *many])


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_devices_and_pipes_are_refused(tmp_path, kind):
    with pytest.raises(DataError, match="'b', which is no plain file"):
        opened(tmp_path / "a.tar", [("a.txt", b"x"), ("b", {"type": kind})])


@pytest.mark.parametrize("name", ["../a.jpg", "/etc/a.jpg", "a/../../b.jpg", "a\\b.jpg", "C:/a.jpg"])
def test_names_that_lead_out_are_refused(tmp_path, name):
    with pytest.raises(DataError, match="leads out of its folder: refused"):
        opened(tmp_path / "a.tar", [("x.txt", b"x"), (name, b"x")])


@pytest.mark.parametrize("name", ["a.tgz", "a.tar.bz2", "a.tar.xz"])
def test_a_bomb_is_stopped_while_it_unpacks(tmp_path, name, monkeypatch):
    monkeypatch.setattr(archives_module, "MAX_MEMORY_BYTES", 2**20)
    (tmp_path / name).write_bytes(PACKERS[name](tar([("a.csv", b"0" * 50_000_000)])))
    with pytest.raises(DataError, match="Unpack it yourself"):
        open_files(tmp_path / name)


def test_a_member_that_claims_more_than_there_is_is_not_believed(tmp_path):
    whole = tar([("a.txt", b"x" * 1000)])
    (tmp_path / "a.tar").write_bytes(whole[:1100])
    with pytest.raises(DataError, match="not a whole tar"):
        TarFiles(tmp_path / "a.tar")


@pytest.mark.parametrize("name", ["a.tar", "a.tgz", "a.tar.bz2", "a.tar.xz"])
def test_damaged_ones_are_named(tmp_path, name):
    path = tmp_path / name
    whole = PACKERS[name](tar([("a.txt", b"x" * 20_000), ("b.txt", bytes(range(256)) * 100)]))
    for data in (b"", b"not a tar", whole[: len(whole) // 2], whole[:1] + b"\xff" * 40 + whole[41:]):
        path.write_bytes(data)
        with pytest.raises(DataError, match="not a whole tar file"):
            TarFiles(path)


@given(st.integers(0, 2000), st.binary(min_size=1, max_size=20), st.sampled_from(sorted(PACKERS)))
def test_hostile_bytes_never_crash(tmp_path_factory, place, junk, name):
    data = bytearray(PACKERS[name](tar([("a.txt", b"x" * 700), ("b/c.txt", b"y")])))
    place %= len(data)
    data[place : place + len(junk)] = junk
    path = tmp_path_factory.mktemp("tar") / name
    path.write_bytes(data)
    try:
        files = TarFiles(path)
    except DataError:
        return
    assert all(isinstance(files.read(member), bytes) for member in files.names())


def test_large_ones_lie_in_a_file_and_many_threads_read_them(tmp_path, monkeypatch):
    monkeypatch.setattr(archives_module, "MAX_MEMORY_BYTES", 1000)
    contents = {f"{number:03}.txt": bytes([number]) * (100 + number) for number in range(100)}
    files = opened(tmp_path / "a.tgz", list(contents.items()))
    wrong = []

    class Slow:
        """A file that lets other threads in between finding a place and reading there."""

        def __init__(self, file):
            self.file = file

        def seek(self, place):
            self.file.seek(place)
            time.sleep(0.0002)

        def read(self, size):
            return self.file.read(size)

    files._file = Slow(files._file)

    def read():
        wrong.extend(name for name, data in contents.items() if files.read(name) != data)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_reading_all_members_backwards_is_not_quadratic(tmp_path):
    contents = [(f"{number:04}.bin", bytes(20_000)) for number in range(500)]
    (tmp_path / "a.tgz").write_bytes(gzip.compress(tar(contents) + bytes(range(256)) * 1000, 1))
    files = TarFiles(tmp_path / "a.tgz")
    start = time.process_time()
    for name in reversed(files.names()):
        files.read(name)
    assert time.process_time() - start < 1.0


def test_one_tar_beside_texts_is_the_set(tmp_path):
    opened(tmp_path / "a.tgz", [("cat/1.txt", b"x"), ("README.md", b"inside")])
    (tmp_path / "README.md").write_text("beside")
    files = open_files(tmp_path)
    assert isinstance(files, TarFiles)
    assert files.notes() == "insidebeside"
    (tmp_path / "b.zip").write_bytes(b"")
    assert isinstance(open_files(tmp_path), FolderFiles)
