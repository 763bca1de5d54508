"""Decoded pictures on disk: the same bits or nothing, whatever happens to the disk, the files and other processes."""

import errno
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from rumbo.data.pictures import cache as cache_module
from rumbo.data.pictures.cache import Contents, PixelCache, default_folder, key_of, open_cache, stamp_of

GIB = 2**30


def picture(seed: int, height: int = 20, width: int = 30) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def key(number: int) -> str:
    return key_of(f"{number:064x}", "form")


def entries(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_what_was_put_is_read_whole_or_by_rows_also_by_another_process(tmp_path: Path):
    one = PixelCache(tmp_path, limit_bytes=GIB)
    assert one.find(key(1)) is None
    assert one.read(key(1)) is None
    one.put(key(1), picture(1))
    for cache in (one, PixelCache(tmp_path, limit_bytes=GIB)):
        assert cache.find(key(1)) == (20, 30, 3)
        np.testing.assert_array_equal(cache.read(key(1)), picture(1))
        np.testing.assert_array_equal(cache.read(key(1), 5, 9), picture(1)[5:9])
        assert cache.note is None
    assert one.find(key(2)) is None


def test_the_place_is_the_user_s_cache_folder(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "rumbo" / "pixels"
    for unset in ("", "relative/is/ignored"):
        monkeypatch.setenv("XDG_CACHE_HOME", unset)
        assert default_folder() == Path.home() / ".cache" / "rumbo" / "pixels"


def test_options_choose_size_and_place(tmp_path: Path):
    assert open_cache(0.0, str(tmp_path)) is None
    cache = open_cache(SIZE / GIB, str(tmp_path / "here"))
    assert cache is not None
    cache.put(key(1), picture(1))
    cache.put(key(2), picture(2))
    assert cache.note is not None
    assert len(entries(tmp_path / "here")) == 1


@pytest.mark.parametrize("damage", ["cut", "empty", "flipped pixel", "flipped shape", "other file", "longer"])
def test_a_damaged_entry_is_never_read_as_valid_and_is_replaced(tmp_path: Path, damage):
    PixelCache(tmp_path, limit_bytes=GIB).put(key(1), picture(1))
    (place,) = entries(tmp_path)
    data = bytearray(place.read_bytes())
    if damage == "flipped pixel":
        data[-7] ^= 1
    elif damage == "flipped shape":
        data[8], data[12] = data[12], data[8]
    place.write_bytes(
        {"cut": data[:-1], "empty": b"", "other file": b"hello" * 1000, "longer": data + b"x"}.get(damage, bytes(data))
    )
    after = PixelCache(tmp_path, limit_bytes=GIB)
    assert after.find(key(1)) is None
    after.put(key(1), picture(1))
    np.testing.assert_array_equal(after.read(key(1)), picture(1))


def test_a_file_that_shrinks_or_goes_while_in_use_is_missed_not_misread(tmp_path: Path):
    cache = PixelCache(tmp_path, limit_bytes=GIB)
    for number in (1, 2):
        cache.put(key(number), picture(number))
    first, second = (cache.folder / key(n)[:2] / f"{key(n)}.px" for n in (1, 2))
    os.truncate(first, 100)
    second.unlink()
    assert cache.read(key(1)) is None
    assert cache.read(key(2)) is None


WRITER = """
import sys, numpy as np
from pathlib import Path
from rumbo.data.pictures.cache import PixelCache, key_of
cache = PixelCache(Path(sys.argv[1]), limit_bytes=2**30)
print("ready", flush=True)
number = 0
while True:
    number += 1
    pixels = np.full((400, 500, 3), number % 256, np.uint8)
    cache.put(key_of(f"{number:064x}", "form"), pixels)
"""


def test_killed_writers_leave_nothing_that_is_read(tmp_path: Path):
    """Two at once, killed in the middle, several times; what is found afterwards is whole and right."""
    for _ in range(3):
        writers = [
            subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE) for _ in range(2)
        ]
        for writer in writers:
            assert writer.stdout is not None
            writer.stdout.readline()
        time.sleep(0.15)
        for writer in writers:
            writer.kill()
            writer.communicate()
    cache = PixelCache(tmp_path, limit_bytes=GIB)
    found = 0
    for number in range(1, 2000):
        pixels = cache.read(key(number))
        if pixels is not None:
            found += 1
            assert (pixels == number % 256).all()
    assert found > 3
    whole = [path for path in entries(tmp_path) if path.suffix == ".px"]
    assert len(whole) == found


def test_what_dead_writers_left_is_removed_when_it_is_old(tmp_path: Path):
    cache = PixelCache(tmp_path, limit_bytes=GIB)
    cache.put(key(1), picture(1))
    (place,) = entries(tmp_path)
    old, new = place.with_suffix(".1-a.part"), place.with_suffix(".2-b.part")
    for path in (old, new):
        path.write_bytes(b"x")
    os.utime(old, (time.time() - 7200,) * 2)
    PixelCache(tmp_path, limit_bytes=GIB)
    assert not old.exists()
    assert new.exists()
    assert place.exists()


def test_threads_that_put_and_read_the_same_pictures_agree(tmp_path: Path):
    caches = [PixelCache(tmp_path, limit_bytes=GIB) for _ in range(2)]
    wrong: list[int] = []

    def work(cache: PixelCache) -> None:
        for number in range(60):
            cache.put(key(number % 12), picture(number % 12))
            pixels = cache.read(key(number % 12))
            if pixels is None or not np.array_equal(pixels, picture(number % 12)):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(cache,)) for cache in caches for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


SIZE = 20 * 30 * 3 + 32


def test_it_is_bounded_keeps_what_this_process_uses_and_says_when_it_is_full(tmp_path: Path):
    before = PixelCache(tmp_path, limit_bytes=5 * SIZE)
    for number in range(5):
        before.put(key(number), picture(number))
        os.utime(before._place(key(number)), (1000 + number,) * 2)
    now = PixelCache(tmp_path, limit_bytes=5 * SIZE)
    assert now.find(key(0)) is not None  # the oldest, but in use
    for number in range(10, 14):
        now.put(key(number), picture(number))
    assert now.note is None
    assert sum(path.stat().st_size for path in entries(tmp_path)) <= 5 * SIZE
    assert now.read(key(0)) is not None
    now.put(key(20), picture(20))
    assert now.note is not None
    assert "is full" in now.note
    assert now.read(key(20)) is None
    assert all(now.read(key(number)) is not None for number in (0, 10, 11, 12, 13))
    assert PixelCache(tmp_path, limit_bytes=5 * SIZE).find(key(3)) is None


def test_never_more_than_half_of_what_is_free(tmp_path: Path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(cache_module.shutil, "disk_usage", lambda _: usage._replace(free=2 * 3 * SIZE + 10))
    cache = PixelCache(tmp_path, limit_bytes=GIB)
    for number in range(6):
        cache.put(key(number), picture(number))
    assert len(entries(tmp_path)) == 3


@pytest.mark.parametrize("failing", ["write", "replace"])
def test_a_full_disk_ends_the_writing_not_the_reading(tmp_path: Path, monkeypatch, failing):
    cache = PixelCache(tmp_path, limit_bytes=GIB)
    cache.put(key(1), picture(1))

    def full(file, data, *_):
        if failing == "write":
            file.write(bytes(10))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if failing == "write":
        monkeypatch.setattr(cache_module, "_write", full)
    else:
        monkeypatch.setattr(cache_module.os, "replace", full)
    cache.put(key(2), picture(2))
    assert cache.note is not None
    assert "No space left on device" in cache.note
    assert "training goes on without the cache" in cache.note
    assert [path.suffix for path in entries(tmp_path)] == [".px"]  # nothing unfinished stays
    assert cache.read(key(1)) is not None
    cache.put(key(3), picture(3))  # not tried again
    assert cache.find(key(3)) is None


LIMITED = """
import resource, signal, sys, numpy as np
from pathlib import Path
from rumbo.data.pictures.cache import PixelCache
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
cache = PixelCache(Path(sys.argv[1]), limit_bytes=2**30)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
cache.put("aa", np.zeros((400, 500, 3), np.uint8))
print(cache.find("aa"), cache.note)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process are POSIX")
def test_a_write_that_the_system_stops_half_way_leaves_nothing(tmp_path: Path):
    told = subprocess.run([sys.executable, "-c", LIMITED, str(tmp_path)], capture_output=True, text=True, check=True)
    assert told.stdout.startswith("None ")
    assert "training goes on without the cache" in told.stdout
    assert entries(tmp_path) == []


def test_a_place_that_cannot_be_made_is_told_and_nothing_else_happens(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    cache = PixelCache(tmp_path / "file" / "cache", limit_bytes=GIB)
    assert cache.note is not None
    cache.put(key(1), picture(1))
    assert cache.read(key(1)) is None


def test_contents_are_recalled_by_stamp_and_only_when_files_are_settled(tmp_path: Path):
    file = tmp_path / "a.jpg"
    file.write_bytes(b"one")
    contents = Contents(3)
    fresh = stamp_of(file)
    content = contents.learn(2, fresh, b"one")
    assert contents.recall(2, fresh) is None  # it could change again within one tick of the clock
    settled = (3, 10**9, 10**9, 7, 7)
    assert contents.learn(2, settled, b"one") == content
    assert contents.recall(2, settled) == content
    assert contents.recall(2, None) is None
    for place in range(4):  # size, times and number of the file each tell
        changed = tuple(value + (place == index) for index, value in enumerate(settled))
        assert contents.recall(2, changed) is None
    assert stamp_of(tmp_path / "gone") is None
    file.unlink()
    (tmp_path / "new").write_bytes(b"two")
    os.replace(tmp_path / "new", file)
    assert stamp_of(file) != fresh
