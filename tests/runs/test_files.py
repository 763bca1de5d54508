"""Single files: old bytes or new ones, strict JSON, and an import that costs nothing."""

import errno
import hashlib
import subprocess
import sys

import numpy as np
import pytest

from rumbo.core.errors import DataError, StorageError
from rumbo.runs import files
from rumbo.runs.files import read_json, require_space, sha256_of, write_file, write_json
from rumbo.runs.predictions import read_predictions, write_predictions


def test_a_death_at_any_call_leaves_old_or_new_bytes(tmp_path, faults, killed):
    path, place, is_dead = tmp_path / "report.json", 0, True
    while is_dead:
        place += 1
        path.write_bytes(b"old" * 100)
        is_dead = False
        with faults(lambda count, place=place: killed() if count >= place else None):
            try:
                write_file(path, b"new" * 100)
            except killed:
                is_dead = True
        assert path.read_bytes() in (b"old" * 100, b"new" * 100)
        files.clean(tmp_path)
        assert [found.name for found in tmp_path.iterdir()] == ["report.json"]
    assert path.read_bytes() == b"new" * 100
    assert place > 5


def test_bytes_are_durable_before_they_get_their_name(tmp_path, faults):
    with faults() as record:
        write_file(tmp_path / "report.json", b"new")
    calls = [(call[0], call[1].name) for call in record.trace if call[0] in ("write", "fsync", "rename")]
    draft = next(name for _, name in calls)
    assert calls == [("write", draft), ("fsync", draft), ("rename", draft), ("fsync", tmp_path.name)]


def test_a_full_disk_is_told_and_leaves_the_old_bytes(tmp_path, faults):
    path = tmp_path / "report.json"
    for place in range(1, 8):
        path.write_bytes(b"old")
        with (
            faults(lambda count, place=place: OSError(errno.ENOSPC, "") if count == place else None) as record,
            pytest.raises(StorageError, match=r"report\.json could not be written: No space left on device; 3 bytes"),
        ):
            write_file(path, b"new")
        renamed = [call for call in record.trace[: place - 1] if call[0] == "rename"]
        assert path.read_bytes() == (b"new" if renamed else b"old")
        assert [found.name for found in tmp_path.iterdir()] == ["report.json"]


def test_a_link_is_replaced_and_its_target_spared(tmp_path):
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "link").symlink_to(tmp_path / "victim")
    write_file(tmp_path / "link", b"new")
    assert (tmp_path / "victim").read_text() == "precious"
    assert (tmp_path / "link").read_bytes() == b"new"


def test_json_reads_back_in_order_and_is_strict(tmp_path):
    value = {"z": 1, "a": [0.1 + 0.2, None, True], "ñ": {"name": "caf\udce9.jpg"}}
    write_json(tmp_path / "a.json", value)
    assert read_json(tmp_path / "a.json") == value
    assert list(read_json(tmp_path / "a.json")) == ["z", "a", "ñ"]
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"loss": float("nan")})


FOREIGN: dict[str, tuple[bytes, str]] = {  # the file -> words of the message
    "nothing": (b"", "not valid JSON"),
    "NaN": (b'{"a": NaN}', "NaN is not allowed"),
    "a key twice": (b'{"a": 1, "a": 2}', "stands twice"),
    "a bomb": (b"[" * 100_000, "nested deeper than 32"),
    "33 levels": (b"[" * 33 + b"]" * 33, "nested deeper than 32"),
    "1e999": (b"[1e999]", "not finite"),
    "2^53 + 1": (b"[9007199254740993]", "beyond 2"),
    "Latin-1": (b"\xff", "byte 0 is not UTF-8"),
    "large": (b" " * 200_000, "has 200000 bytes, but at most 100000"),
    "zip": (b"PK\x03\x04", "format zip"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_json_is_refused(tmp_path, name):
    data, words = FOREIGN[name]
    (tmp_path / "a.json").write_bytes(data)
    with pytest.raises(DataError, match=words):
        read_json(tmp_path / "a.json", max_bytes=100_000)


def test_32_levels_are_read(tmp_path):
    (tmp_path / "a.json").write_bytes(b"[" * 32 + b"1" + b"]" * 32)
    assert str(read_json(tmp_path / "a.json")) == "[" * 32 + "1" + "]" * 32


def test_the_hash_is_that_of_all_bytes(tmp_path):
    data = np.random.default_rng(0).bytes(3 * 2**20)
    (tmp_path / "a").write_bytes(data)
    assert sha256_of(tmp_path / "a") == hashlib.sha256(data).hexdigest()


def test_too_little_space_is_told_before_step_1(tmp_path):
    require_space(tmp_path / "not" / "made" / "yet", 1)
    with pytest.raises(StorageError, match=r"3000000000000000000 bytes must be free.*--out"):
        require_space(tmp_path, 10**18)


def test_predictions_read_back(tmp_path):
    columns = {"id": ["a#0", "b#0"], "truth": [0, None], "probability": np.array([[0.25, 0.75], [0.5, 0.5]])}
    path = write_predictions(tmp_path / "predictions", "dev", columns)
    assert path == tmp_path / "predictions" / "dev.parquet"
    table = read_predictions(tmp_path / "predictions", "dev")
    assert table.columns == ["id", "truth", "probability"]
    assert table["truth"].to_list() == [0, None]
    np.testing.assert_array_equal(table["probability"].to_numpy(), columns["probability"])


def test_missing_and_damaged_predictions_are_named(tmp_path):
    write_predictions(tmp_path, "dev", {"id": ["a"]})
    with pytest.raises(DataError, match=r"test\.parquet is not there; predictions exist for: dev"):
        read_predictions(tmp_path, "test")
    (tmp_path / "dev.parquet").write_bytes((tmp_path / "dev.parquet").read_bytes()[:-8])
    with pytest.raises(DataError, match=r"dev\.parquet. is no whole Parquet file"):
        read_predictions(tmp_path, "dev")


def test_importing_costs_nothing_heavy_and_every_name_is_there():
    program = (
        "import sys, rumbo.runs, rumbo.runs.folder, rumbo.runs.publisher, rumbo.runs.events, rumbo.runs.results\n"
        "import rumbo.runs.model_files, rumbo.runs.predictions, rumbo.runs.config_file\n"
        "assert all(callable(getattr(rumbo.runs, name)) for name in rumbo.runs.__all__)\n"
        "heavy = {'torch', 'polars', 'numpy', 'safetensors'} & set(sys.modules)\n"
        "sys.exit(f'{heavy} was imported' if heavy else 0)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert ended.stderr == ""
    assert ended.returncode == 0
