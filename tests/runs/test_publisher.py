"""T01, T05, T10: checkpoints survive a death at any call, every changed byte is found, a full disk costs none.

Mutants seen caught. T01: no fsync of file or folder before the rename; old ones deleted first; files and manifest
written into the final folder; not read back before deleting; one of the same step deleted before the new one is named.
T05: hash of the manifest skipped; hash of the first MiB only; fallback without a message; step not compared.
T10: error swallowed; not tried again. T19: latest by mtime.
"""

import errno
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from rumbo.core.errors import StorageError
from rumbo.runs import publisher
from rumbo.runs.publisher import clean, latest, publish

ERRNOS = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS, errno.EACCES)


def state(letter: bytes, size: int = 3000) -> dict[str, bytes]:
    return {"state.safetensors": letter * size, "state.json": b'{"step": "%s"}' % letter}


def names(checkpoints: Path) -> list[str]:
    return sorted(path.name for path in checkpoints.iterdir())


# What is there before, what is published, and what may be found afterwards if the process dies on the way.
def first(checkpoints: Path) -> dict[int, dict[str, bytes]]:
    return {}


def one_before(checkpoints: Path) -> dict[int, dict[str, bytes]]:
    publish(checkpoints, 2, state(b"b"))
    return {2: state(b"b")}


def two_before(checkpoints: Path) -> dict[int, dict[str, bytes]]:
    publish(checkpoints, 1, state(b"a"))
    return one_before(checkpoints)


def same_step_before(checkpoints: Path) -> dict[int, dict[str, bytes]]:
    publish(checkpoints, 3, state(b"x"))
    return {3: state(b"x")}


def left_overs_before(checkpoints: Path) -> dict[int, dict[str, bytes]]:
    publish(checkpoints, 2, state(b"b"))
    (checkpoints / f".tmp-3-{os.getpid()}").mkdir()
    (checkpoints / f".tmp-3-{os.getpid()}" / "state.json").write_bytes(b"half")
    return {2: state(b"b")}


BEFORE = [first, one_before, two_before, same_step_before, left_overs_before]


def prepare(checkpoints: Path, before) -> dict[int, dict[str, bytes]]:
    shutil.rmtree(checkpoints, ignore_errors=True)
    checkpoints.mkdir()
    return before(checkpoints)


@pytest.mark.parametrize("keep", [1, 2])
@pytest.mark.parametrize("before", BEFORE)
def test_death_at_every_call_leaves_a_whole_checkpoint(tmp_path, faults, killed, before, keep):
    checkpoints, new, place, is_dead = tmp_path / "checkpoints", state(b"c"), 0, True
    while is_dead:
        place += 1
        old = prepare(checkpoints, before)
        with faults(lambda count, place=place: killed() if count >= place else None):
            try:
                publish(checkpoints, 3, new, keep=keep)
                is_dead = False
            except killed:
                is_dead = True
        found = latest(checkpoints)
        if found is None:
            assert old == {}, place
        else:
            assert found.skipped == (), place
            assert found.files in (old.get(found.step), new), place
        clean(checkpoints)
        assert [name for name in names(checkpoints) if name.startswith(".tmp")] == []
        publish(checkpoints, 3, new, keep=keep)  # and the next process goes on as if nothing had been
        assert latest(checkpoints) == publisher.Checkpoint(3, new)
        assert len(names(checkpoints)) == min(keep, len(set(old) | {3}))
    assert place > 15


def test_real_kills_at_every_call(tmp_path):
    program = Path(__file__).with_name("kill_at_every_call.py")
    ended = subprocess.run([sys.executable, program, tmp_path], capture_output=True, text=True, check=True, timeout=60)
    told = json.loads(ended.stdout)
    assert told["wrong"] == []
    assert told["points"] > 20


def test_bytes_are_durable_before_they_get_their_name(tmp_path, faults):
    publish(tmp_path, 1, state(b"a"))
    with faults() as record:
        publish(tmp_path, 2, state(b"b"), keep=1)
    trace = record.trace
    renamed = next(i for i, call in enumerate(trace) if call[0] == "rename" and call[2].name == "ckpt-000000000002")
    draft = trace[renamed][1]
    written = {call[1] for call in trace if call[0] == "write"}
    assert {path.name for path in written} == {"state.safetensors", "state.json", "manifest.json"}
    for path in written:
        last_write = max(i for i, call in enumerate(trace) if call == ("write", path))
        synced = trace.index(("fsync", path))
        assert last_write < synced < trace.index(("fsync", draft)) < renamed
    parent_synced = trace.index(("fsync", tmp_path))
    read_back = max(i for i, call in enumerate(trace) if call[0] == "open" and call[1].parent.name.endswith("002"))
    first_deleted = next(i for i, call in enumerate(trace) if call[0] == "rename" and call[1].name.endswith("001"))
    assert renamed < parent_synced < read_back < first_deleted
    assert not any(call[0] in ("unlink", "rmdir") for call in trace[:first_deleted])


def failure(checkpoints: Path, files: dict[str, bytes]) -> str | None:
    try:
        publish(checkpoints, 3, files, keep=1)
    except StorageError as error:
        return str(error)
    return None


@pytest.mark.parametrize("code", ERRNOS, ids=lambda code: errno.errorcode[code])
@pytest.mark.parametrize("before", [one_before, two_before, same_step_before])
def test_lasting_failure_at_every_call_is_told_and_costs_nothing(tmp_path, faults, before, code):
    checkpoints, new, place, has_failed = tmp_path / "checkpoints", state(b"c"), 0, True
    while has_failed:
        place += 1
        old = prepare(checkpoints, before)
        with faults(lambda count, place=place: OSError(code, os.strerror(code)) if count >= place else None):
            sentence = failure(checkpoints, new)
            has_failed = sentence is not None
        assert sentence is None or (os.strerror(code) in sentence and str(checkpoints) in sentence)
        found = latest(checkpoints)
        assert found is not None
        assert found.skipped == ()
        assert found.files in (old.get(found.step), new)
    assert found.step == 3
    assert place > 15


@pytest.mark.parametrize("before", [first, two_before, same_step_before])
def test_one_failure_at_any_call_is_tried_again(tmp_path, faults, before):
    checkpoints, new, place, num_calls = tmp_path / "checkpoints", state(b"c"), 0, 10**9
    while place < num_calls:
        place += 1
        prepare(checkpoints, before)
        with faults(lambda count, place=place: OSError(errno.EIO, "") if count == place else None) as record:
            publish(checkpoints, 3, new, keep=1)
        num_calls = len(record.trace)
        assert names(checkpoints) == ["ckpt-000000000003"], place
        assert latest(checkpoints) == publisher.Checkpoint(3, new)


def test_the_message_tells_path_reason_needed_and_free(tmp_path, faults):
    with (
        faults(lambda count: OSError(errno.ENOSPC, "") if count > 5 else None),
        pytest.raises(StorageError, match=r"ckpt-000000000007.*No space left on device; \d{4} bytes.* \d+ are free"),
    ):
        publish(tmp_path, 7, state(b"a"))


@pytest.fixture(scope="module")
def two(tmp_path_factory) -> Path:
    checkpoints = tmp_path_factory.mktemp("checkpoints")
    publish(checkpoints, 1, state(b"a"))
    noise = np.random.default_rng(0).bytes(5 * 2**18)
    publish(checkpoints, 2, {"state.safetensors": noise, "state.json": b'{"epoch": 3, "offset": 812}' * 10})
    return checkpoints


def is_found(checkpoints: Path, times: list[float]) -> bool:
    started = time.process_time()
    found = latest(checkpoints)
    times.append(time.process_time() - started)
    return found is not None and found.step == 1 and len(found.skipped) == 1 and "ckpt-000000000002" in found.skipped[0]


def test_a_thousand_flipped_bits_are_found(two):
    rng, times, num_found = np.random.default_rng(1), [], 0
    for name, count in (("manifest.json", 500), ("state.json", 400), ("state.safetensors", 100)):
        path = two / "ckpt-000000000002" / name
        size = path.stat().st_size
        places = rng.permutation(size)[:count] if size >= count else rng.integers(0, size, count)
        with path.open("r+b", buffering=0) as file:
            for place in places.tolist():
                byte = os.pread(file.fileno(), 1, place)
                os.pwrite(file.fileno(), bytes([byte[0] ^ 1 << int(rng.integers(8))]), place)
                num_found += is_found(two, times)
                os.pwrite(file.fileno(), byte, place)
    assert num_found == 1000
    assert latest(two).step == 2
    assert statistics.median(times) <= 0.020


def test_two_hundred_truncations_are_found(two):
    rng, num_found = np.random.default_rng(2), 0
    for name, count in (("manifest.json", 80), ("state.json", 80), ("state.safetensors", 40)):
        path = two / "ckpt-000000000002" / name
        whole = path.read_bytes()
        for size in [0, len(whole) - 1, *rng.integers(0, len(whole), count - 2).tolist()]:
            path.write_bytes(whole[:size])
            num_found += is_found(two, [])
        path.write_bytes(whole)
    assert num_found == 200
    assert latest(two).step == 2


def remove_a_file(folder: Path) -> None:
    (folder / "state.json").unlink()


def remove_the_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def add_a_byte(folder: Path) -> None:
    (folder / "state.json").write_bytes((folder / "state.json").read_bytes() + b" ")


def mix_two_checkpoints(folder: Path) -> None:
    shutil.copy(folder.with_name("ckpt-000000000001") / "state.json", folder / "state.json")


def copy_another_over_it(folder: Path) -> None:
    shutil.copytree(folder.with_name("ckpt-000000000001"), folder, dirs_exist_ok=True)


def link_a_file_elsewhere(folder: Path) -> None:
    (folder / "state.json").rename(folder.parent.parent / "elsewhere.json")
    (folder / "state.json").symlink_to(folder.parent.parent / "elsewhere.json")


def put_a_folder_there(folder: Path) -> None:
    (folder / "state.json").unlink()
    (folder / "state.json").mkdir()


def forge(folder: Path, *manifest: object) -> None:
    lines = b"[\n" + json.dumps(manifest[0]).encode() + b",\n"
    (folder / "manifest.json").write_bytes(lines + f'"{hashlib.sha256(lines).hexdigest()}"]'.encode())


def forge_a_newer_format(folder: Path) -> None:
    forge(folder, {"format": 2, "step": 2, "files": {}})


def forge_a_name_elsewhere(folder: Path) -> None:
    (folder.parent.parent / "secret").write_bytes(b"secret")
    entry = {"sha256": hashlib.sha256(b"secret").hexdigest(), "size": 6}
    forge(folder, {"format": 1, "step": 2, "files": {"../../secret": entry}})


def forge_nonsense(folder: Path) -> None:
    forge(folder, ["no", "manifest"])


def forge_sizes(folder: Path) -> None:
    forge(folder, {"format": 1, "step": 2, "files": {"state.json": {"sha256": "0", "size": "many"}}})


DAMAGES = [
    remove_a_file,
    remove_the_manifest,
    add_a_byte,
    mix_two_checkpoints,
    copy_another_over_it,
    link_a_file_elsewhere,
    put_a_folder_there,
    forge_a_newer_format,
    forge_a_name_elsewhere,
    forge_nonsense,
    forge_sizes,
]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_damage_is_named_and_the_one_before_is_taken(tmp_path, damage):
    checkpoints = tmp_path / "checkpoints"
    two_before(checkpoints)
    damage(checkpoints / "ckpt-000000000002")
    assert is_found(checkpoints, [])
    publish(checkpoints, 2, state(b"n"))  # training comes by again
    assert latest(checkpoints) == publisher.Checkpoint(2, state(b"n"))
    assert names(checkpoints) == ["ckpt-000000000001", "ckpt-000000000002"]


def test_nothing_whole_is_an_error_that_names_each(tmp_path):
    two_before(tmp_path)
    for folder in tmp_path.iterdir():
        (folder / "state.json").unlink()
    with pytest.raises(StorageError, match=r"ckpt-000000000002.*ckpt-000000000001"):
        latest(tmp_path)


def test_nothing_saved_is_none(tmp_path):
    assert latest(tmp_path) is None
    assert latest(tmp_path / "never made") is None


def test_damaged_ones_do_not_count_among_those_kept(tmp_path):
    two_before(tmp_path)
    (tmp_path / "ckpt-000000000002" / "state.json").unlink()
    publish(tmp_path, 3, state(b"c"), keep=2)
    assert names(tmp_path) == ["ckpt-000000000001", "ckpt-000000000002", "ckpt-000000000003"]
    publish(tmp_path, 4, state(b"d"), keep=2)
    assert names(tmp_path) == ["ckpt-000000000003", "ckpt-000000000004"]


def test_what_a_given_up_past_left_gives_way(tmp_path):
    two_before(tmp_path)
    (tmp_path / "ckpt-000000000002" / "state.json").unlink()
    publish(tmp_path, 1, state(b"n"))
    assert names(tmp_path) == ["ckpt-000000000001"]


def test_clocks_and_other_names_do_not_matter(tmp_path):
    rng, decade = np.random.default_rng(3), 10 * 365 * 86400
    for step in (1, 2, 10):
        publish(tmp_path, step, state(b"%d" % step), keep=3)
    (tmp_path / "ckpt-999").mkdir()
    (tmp_path / "ckpt-000000000099.part").mkdir()
    (tmp_path / "best").symlink_to("ckpt-000000000001")
    for _ in range(50):
        for path in tmp_path.iterdir():
            moment = time.time() + int(rng.integers(-decade, decade))
            os.utime(path, (moment, moment))
        assert latest(tmp_path) == publisher.Checkpoint(10, state(b"10"))


def test_a_moved_folder_reads_the_same(tmp_path):
    publish(tmp_path / "a", 1, state(b"a"))
    shutil.move(tmp_path / "a", tmp_path / "b")
    assert latest(tmp_path / "b") == publisher.Checkpoint(1, state(b"a"))
    assert str(tmp_path).encode() not in (tmp_path / "b" / "ckpt-000000000001" / "manifest.json").read_bytes()


def test_strangers_cannot_look_in_and_the_manifest_is_strict_json(tmp_path):
    folder = publish(tmp_path, 1, state(b"a"))
    assert folder.stat().st_mode & 0o777 == 0o700
    manifest, _ = json.loads((folder / "manifest.json").read_text())
    assert manifest["files"]["state.json"]["size"] == len(state(b"a")["state.json"])


@pytest.mark.parametrize(
    ("step", "files", "keep"),
    [
        (-1, {"a": b""}, 2),
        (10**12, {"a": b""}, 2),
        (1, {}, 2),
        (1, {"../a": b""}, 2),
        (1, {"manifest.json": b""}, 2),
        (1, {"a": b""}, 0),
    ],
)
def test_wrong_calls_are_refused(tmp_path, step, files, keep):
    with pytest.raises(ValueError, match="keep"):
        publish(tmp_path, step, files, keep=keep)
