"""T03: model files from strangers. None runs code, reads or writes elsewhere, takes long or takes memory.

Mutants seen caught: foreign files handed to torch.load(weights_only=False); no look at the magic bytes; shapes, size,
finiteness or hash not checked; no limit on the header; bytes hashed in a second reading; links followed.
"""

import bz2
import gzip
import io
import json
import lzma
import os
import pickle
import shutil
import struct
import threading
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from rumbo.core.errors import DataError, TrainingError, UsageError, unknown_name
from rumbo.runs.formats import foreign_format
from rumbo.runs.model_files import read_model, read_tensors, write_model

CONFIG = {"model": "mlp", "hidden": 8, "classes": ["cat", "dog ñ"]}
SECONDS, MEMORY = 2.0, 256 * 2**20
Case = Callable[[Path], None]


def expected(config: dict) -> dict[str, tuple[torch.dtype, tuple[int, ...]]]:
    """A registry of one network, as a caller has it: names from a closed set, sizes in a range, no other key."""
    if unknown := set(config) - {"model", "hidden", "classes"}:
        raise UsageError(f"unknown keys {sorted(unknown)}")
    if config.get("model") != "mlp":
        raise unknown_name("model", str(config.get("model")), ["mlp"])
    hidden = config.get("hidden")
    if type(hidden) is not int or not 1 <= hidden <= 1024:
        raise UsageError("hidden must lie in [1, 1024]")
    return {"w": (torch.float32, (4, hidden)), "b": (torch.float32, (hidden,)), "n": (torch.int64, ())}


def tensors(seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        "w": torch.randn(4, 8, generator=generator),
        "b": torch.randn(8, generator=generator),
        "n": torch.tensor(3),
    }


@pytest.fixture
def model(tmp_path) -> Path:
    (tmp_path / "run").mkdir()
    folder = tmp_path / "run" / "model"
    write_model(folder, CONFIG, tensors(), "# card\n")
    return folder


class Payload:
    """Unpickled, it creates a file named `executed` where the process stands."""

    def __reduce__(self):
        return (os.mkdir, ("executed",))


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "/").replace("_DOT_", "."), data)
    return buffer.getvalue()


def numpy_bytes(save: Callable, **keywords) -> bytes:
    buffer = io.BytesIO()
    save(buffer, np.array([Payload()], dtype=object), **keywords)
    return buffer.getvalue()


def torch_bytes(**keywords) -> bytes:
    buffer = io.BytesIO()
    torch.save({"w": torch.zeros(2), "x": Payload()}, buffer, **keywords)
    return buffer.getvalue()


def tar_bytes() -> bytes:
    return (b"pickle" + b"\0" * 251 + b"ustar\x0000").ljust(1024, b"\0")


ATTACK = pickle.dumps(Payload())
HDF5 = b"\x89HDF\r\n\x1a\n" + bytes(200)
FOREIGN: dict[str, tuple[bytes, str]] = {  # what the file is -> its bytes, the name that the message must tell
    **{f"pickle {protocol}": (pickle.dumps(Payload(), protocol), "pickle") for protocol in range(6)},
    "pickle of a dict 0": (pickle.dumps({"w": Payload()}, 0), "pickle"),
    "pickle of a list 1": (pickle.dumps([Payload()], 1), "pickle"),
    "torch.save": (torch_bytes(), "PyTorch checkpoint"),
    "old torch.save": (torch_bytes(_use_new_zipfile_serialization=False), "pickle"),
    "hand-made .pt": (zipped(archive__data_DOT_pkl=ATTACK), "PyTorch checkpoint"),
    ".pt with a long list of members": (
        zipped(**{f"archive__data__{i}": b"x" * 64 for i in range(2000)}, archive__data_DOT_pkl=ATTACK),
        "PyTorch checkpoint",
    ),
    "TorchScript": (zipped(m__code__a_DOT_py=b"", m__constants_DOT_pkl=ATTACK, m__data_DOT_pkl=ATTACK), "TorchScript"),
    ".pt2": (zipped(m__archive_format=b"pt2", m__data__weights=b""), ".pt2"),
    ".keras": (zipped(config_DOT_json=b"{}", model_DOT_weights_DOT_h5=HDF5), "Keras"),
    ".npz of objects": (numpy_bytes(np.savez), "NumPy archive"),
    "zip": (zipped(a=b"a"), "zip"),
    "empty zip": (zipped(), "zip"),
    ".npy of objects": (numpy_bytes(np.save), "NumPy array of objects"),
    ".npy": (b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (0,), }", "NumPy array (.npy)"),
    "HDF5": (HDF5, "HDF5"),
    "HDF5 behind a user block": (bytes(512) + HDF5, "HDF5"),
    "joblib": (b"\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00\x8c\x13joblib.numpy_pickle" + ATTACK, "joblib"),
    "joblib, zlib": (zlib.compress(ATTACK), "joblib"),
    "gzip": (gzip.compress(ATTACK), "gzip"),
    "xz": (lzma.compress(ATTACK), "xz"),
    "bzip2": (bz2.compress(ATTACK), "bzip2"),
    "zstd": (b"\x28\xb5\x2f\xfd\x00" + ATTACK, "zstd"),
    "lz4": (b"\x04\x22\x4d\x18" + ATTACK, "lz4"),
    "tar": (tar_bytes(), "tar"),
    "7-zip": (b"7z\xbc\xaf\x27\x1c" + bytes(40), "7-zip"),
    "GGUF": (b"GGUF\x03\x00\x00\x00" + bytes(40), "GGUF"),
    "ONNX": (b"\x08\x0a\x12\x07pytorch\x1a\x032.15:\x10" + bytes(40), "ONNX"),
    "TensorFlow Lite": (b"\x1c\x00\x00\x00TFL3" + bytes(40), "TensorFlow Lite"),
    "Parquet": (b"PAR1" + bytes(40) + b"PAR1", "Parquet"),
    "program": (b"\x7fELF" + bytes(40), "ELF"),
    "script": (b"#!/bin/sh\nmkdir executed\n", "script"),
    "page": (b"<!DOCTYPE html><title>404</title>", "HTML"),
    "LFS pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS"),
    "nothing": (b"", "empty"),
    "one byte": (b"\x00", "not a safetensors file"),
    "noise": (np.random.default_rng(0).bytes(4096), "not a safetensors file"),
    "zeros": (bytes(4096), "not a safetensors file"),
}


def weights(header: object, body: bytes = b"", *, length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + body


W, B, N = bytes(128), bytes(32), bytes(8)


def entries(**changes: object) -> dict:
    """The header of the right file, changed."""
    table = {
        "n": {"dtype": "I64", "shape": [], "data_offsets": [0, 8]},
        "b": {"dtype": "F32", "shape": [8], "data_offsets": [8, 40]},
        "w": {"dtype": "F32", "shape": [4, 8], "data_offsets": [40, 168]},
    }
    for name, change in changes.items():
        table[name] = change if not isinstance(change, dict) else {**table.get(name, {}), **change}
    return {name: entry for name, entry in table.items() if entry is not None}


BODY = N + B + W
FORGED: dict[str, tuple[bytes, str]] = {  # safetensors that lie -> its bytes, words of the message
    "header of 2^63": (weights(b"{}", length=2**63), "header"),
    "header of 100 MB": (weights(b"{}", length=10**8), "header"),
    "header one beyond the limit": (weights(b"{" + b" " * 2**20 + b"}"), "header is larger than 1048576"),
    "header longer than the file": (weights(b"{}", length=3), "header"),
    "header cut": (weights(entries(), length=50), "header is not valid"),
    "no object": (weights([1, 2], BODY), "not an object"),
    "null": (weights(b"null", BODY), "not an object"),
    "a bomb of brackets": (weights(b"[" * 500_000), "nested deeper"),
    "a bomb of objects": (weights(b'{"a":' * 100_000), "nested deeper"),
    "no UTF-8": (weights(b'{"\xff": 1}'), "not UTF-8"),
    "a key twice": (weights(b'{"a": {}, "a": {}}', BODY), "stands twice"),
    "NaN in the header": (weights(b'{"a": NaN}', BODY), "NaN is not allowed"),
    "10,001 tensors": (
        weights({f"{i}": {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]} for i in range(10_001)}),
        "10001 tensors, but at most 10000",
    ),
    "a number for an entry": (weights({**entries(), "w": 3}, BODY), "tensor w has the type"),
    "unknown type": (weights(entries(w={"dtype": "OBJECT"}), BODY), "type OBJECT; allowed: F64"),
    "a list for a type": (weights(entries(w={"dtype": ["F32"]}), BODY), "has the type"),
    "no shape": (weights(entries(w={"shape": None}), BODY), "no valid shape"),
    "a negative side": (weights(entries(w={"shape": [-4, -8]}), BODY), "no valid shape"),
    "a fraction for a side": (weights(entries(w={"shape": [4.0, 8]}), BODY), "no valid shape"),
    "true for a side": (weights(entries(w={"shape": [True, 32]}), BODY), "no valid shape"),
    "sides that overflow": (weights(entries(w={"shape": [2**62, 4]}), BODY), "no valid shape"),
    "sides whose product overflows": (weights(entries(w={"shape": [2**31, 2**31, 4]}), BODY), "this network needs"),
    "a hundred thousand sides": (weights(entries(w={"shape": [1] * 100_000}), BODY), "no valid shape"),
    "another shape of the same size": (weights(entries(w={"shape": [8, 4]}), BODY), r"needs float32 \[4, 8\]"),
    "another type of the same size": (weights(entries(w={"dtype": "I32"}), BODY), "w is I32"),
    "a tensor more": (
        weights(entries(x={"dtype": "U8", "shape": [1], "data_offsets": [168, 169]}), BODY + b"x"),
        "1 of its tensors are not of this network: x",
    ),
    "a tensor less": (weights(entries(w=None), N + B), "lacks 1 tensors of this network: w"),
    "nothing in it": (weights({}), "lacks 3 tensors"),
    "overlapping": (weights(entries(w={"data_offsets": [8, 136]}), BODY), "not valid safetensors"),
    "a gap": (weights(entries(w={"data_offsets": [41, 169]}), BODY), "not valid safetensors"),
    "backwards": (weights(entries(w={"data_offsets": [168, 40]}), BODY), "not valid safetensors"),
    "beyond the end": (weights(entries(w={"data_offsets": [2**60, 2**60 + 128]}), BODY), "not valid safetensors"),
    "negative offsets": (weights(entries(w={"data_offsets": [-128, 0]}), BODY), "not valid safetensors"),
    "no offsets": (weights(entries(w={"data_offsets": None}), BODY), "not valid safetensors"),
    "three offsets": (weights(entries(w={"data_offsets": [40, 168, 168]}), BODY), "not valid safetensors"),
    "metadata of numbers": (weights({"__metadata__": {"a": 1}, **entries()}, BODY), "not valid safetensors"),
    "bytes behind the end": (weights(entries(), BODY + b"x"), "its size is not"),
    "a pickle behind the end": (weights(entries(), BODY + ATTACK), "its size is not"),
    "cut": (weights(entries(), BODY[:-1]), "its size is not"),
    "NaN": (weights(entries(), N + struct.pack("<f", float("nan")) + B[4:] + W), "tensor b holds values that are not"),
    "infinity": (weights(entries(), N + B + W[4:] + struct.pack("<f", float("inf"))), "tensor w holds values"),
    "other weights": (weights(entries(), BODY), "not those that config.json names"),
}


def config_text(**changes: object) -> bytes:
    return json.dumps({"format": 1, **CONFIG, "weights_sha256": "0" * 64, **changes}).encode()


CONFIGS: dict[str, tuple[bytes, str]] = {  # config.json -> words of the message
    "nothing": (b"", "not valid JSON"),
    "a pickle": (ATTACK, "format pickle"),
    "gzip": (gzip.compress(config_text()), "format gzip"),
    "YAML with a tag": (b"!!python/object/apply:os.mkdir [executed]\n", "not valid JSON"),
    "a list": (b"[1]", "an object of keys and values"),
    "text": (b'"model"', "an object of keys and values"),
    "half": (config_text()[:-5], "not valid JSON"),
    "two": (config_text() + config_text(), "not valid JSON"),
    "UTF-16": (config_text().decode().encode("utf-16"), "not UTF-8"),
    "NaN": (config_text(hidden=float("nan")), "NaN is not allowed"),
    "infinity": (b'{"format": 1, "hidden": -Infinity}', "Infinity is not allowed"),
    "1e999": (b'{"format": 1, "hidden": 1e999}', "not finite"),
    "a key twice": (b'{"format": 1, "model": "mlp", "model": "evil"}', "'model' stands twice"),
    "a million brackets": (b"[" * 1_000_000, "nested deeper"),
    "33 levels": (b'{"format": 1, "a": ' + b"[" * 33 + b"]" * 33 + b"}", "nested deeper than 32"),
    "more than 1 MiB": (config_text(classes=["x" * 2**20]), "at most 1048576"),
    "20,001 values": (config_text(classes=[0] * 20_001), "more than 20000 values"),
    "a long text": (config_text(classes=["x" * 70_000]), "longer than 65536"),
    "2^53 + 1": (config_text(hidden=2**53 + 1), "beyond 2"),
    "5,000 digits": (b'{"format": 1, "hidden": ' + b"9" * 5000 + b"}", "not valid JSON"),
    "format 2": (config_text(format=2), "format 2, but this version of Rumbo reads up to 1; update"),
    "format 1.0": (config_text(format=1.0), '"format": 1'),
    "format true": (config_text(format=True), '"format": 1'),
    "no format": (json.dumps(CONFIG).encode(), '"format": 1'),
    "a class to build": (config_text(_target_="os.mkdir"), "unknown keys"),
    "code": (config_text(model="__import__('os').mkdir('executed')"), "no model is called"),
    "a path for a name": (config_text(model="../../../etc/passwd"), "no model is called"),
    "a module for a name": (config_text(model="os.system"), "no model is called"),
    "a terminal attack": (config_text(model="\x1b]0;owned\x07"), r"\\x1b\]0"),
    "a path for the weights": (config_text(weights="/etc/passwd"), "unknown keys"),
    "a huge size": (config_text(hidden=2**40), "must lie in"),
    "a negative size": (config_text(hidden=-1), "must lie in"),
    "text for a size": (config_text(hidden="8; mkdir executed"), "must lie in"),
    "no hash": (json.dumps({"format": 1, **CONFIG}).encode(), "not those that config.json names"),
    "a list for the hash": (config_text(weights_sha256=[1]), "not those that config.json names"),
    **{  # C12: no key of a file reaches an unsafe switch
        f"switch {key}": (config_text(**{key: value}), "unknown keys")
        for key, value in {
            "trusted": True,
            "unsafe": True,
            "safe_mode": False,
            "weights_only": False,
            "allow_pickle": True,
            "trust_remote_code": True,
            "custom_objects": {"mlp": "os.system"},
            "auto_map": {"AutoModel": "evil.Model"},
            "module": "os",
            "import": "os",
            "plugins": ["evil"],
            "env": {"LD_PRELOAD": "evil.so"},
        }.items()
    },
}


def links_weights_elsewhere(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder.parent.parent / "secret")
    (folder / "model.safetensors").symlink_to(folder.parent.parent / "secret")


def links_config_elsewhere(folder: Path) -> None:
    (folder / "config.json").rename(folder.parent.parent / "secret")
    (folder / "config.json").symlink_to("../../secret")


def is_a_pipe(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    os.mkfifo(folder / "model.safetensors")


def config_is_a_pipe(folder: Path) -> None:
    (folder / "config.json").unlink()
    os.mkfifo(folder / "config.json")


def is_a_folder(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").mkdir()


def is_missing(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def config_is_missing(folder: Path) -> None:
    (folder / "config.json").unlink()


def is_3_gib_of_holes(folder: Path) -> None:
    os.truncate(folder / "model.safetensors", 3 * 2**30)


def is_2_gib_of_holes(folder: Path) -> None:
    os.truncate(folder / "model.safetensors", 2 * 2**30)


def config_is_1_tib_of_holes(folder: Path) -> None:
    os.truncate(folder / "config.json", 2**40)


PLACES: dict[Case, str] = {
    links_weights_elsewhere: "is a link",
    links_config_elsewhere: "is a link",
    is_a_pipe: "not a regular file",
    config_is_a_pipe: "not a regular file",
    is_a_folder: "Is a directory",
    is_missing: "No such file",
    config_is_missing: "No such file",
    is_3_gib_of_holes: "at most 2147483648",
    is_2_gib_of_holes: "its size is not",
    config_is_1_tib_of_holes: "at most 1048576",
}


@pytest.fixture
def refused(model, monkeypatch, watch, peak_bytes) -> Callable:
    """Reads the model, which must be refused in words, quickly, in little memory, touching nothing else."""

    def read(words: str, reader: Callable = lambda folder: read_model(folder, expected)) -> None:
        monkeypatch.chdir(model.parent)
        files = sorted(model.parent.rglob("*"))
        peak_bytes()
        before, started = peak_bytes(), time.process_time()
        with watch() as seen, pytest.raises(DataError, match=words) as caught:
            reader(model)
        assert time.process_time() - started < SECONDS
        assert peak_bytes() - before < MEMORY
        assert caught.value.exit_code == 3
        assert str(model) in str(caught.value)
        assert "\x1b" not in str(caught.value)
        assert [entry for entry in seen if entry[0] != "open" or not Path(entry[1]).is_relative_to(model)] == []
        assert sorted(model.parent.rglob("*")) == files

    return read


def test_the_payload_is_live(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pickle.loads(ATTACK)
    assert (tmp_path / "executed").is_dir()


def test_the_right_model_is_read(model):
    found = read_model(model, expected)
    assert found.config == CONFIG
    assert found.tensors.keys() == tensors().keys()
    assert all(torch.equal(found.tensors[name], tensor) for name, tensor in tensors().items())
    assert (model / "README.md").read_text() == "# card\n"
    assert json.loads((model / "config.json").read_text())["weights_sha256"] == found.sha256


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_formats_are_refused_by_content(model, refused, name):
    data, words = FOREIGN[name]
    (model / "model.safetensors").write_bytes(data)
    refused(re_escape(words))
    refused(re_escape(words), lambda folder: read_tensors(folder / "model.safetensors"))


@pytest.mark.parametrize("name", FORGED)
def test_forged_weights_are_refused(model, refused, name):
    data, words = FORGED[name]
    (model / "model.safetensors").write_bytes(data)
    refused(words)


@pytest.mark.parametrize("name", CONFIGS)
def test_forged_configs_are_refused(model, refused, name):
    data, words = CONFIGS[name]
    (model / "config.json").write_bytes(data)
    refused(words)


@pytest.mark.parametrize("change", PLACES, ids=lambda change: change.__name__)
def test_odd_places_are_refused(model, refused, change):
    change(model)
    refused(PLACES[change])


def re_escape(words: str) -> str:
    return words.replace("(", r"\(").replace(")", r"\)").replace(".", r"\.")


def test_safetensors_is_no_foreign_format(model):
    data = (model / "model.safetensors").read_bytes()
    assert foreign_format(data, data) is None


def test_every_flipped_bit_of_the_weights_is_found(model):
    path = model / "model.safetensors"
    data = path.read_bytes()
    for place in range(len(data)):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :])
        with pytest.raises(DataError):
            read_model(model, expected)


@pytest.mark.parametrize("is_in_place", [True, False])
def test_a_swap_while_reading_never_mixes(model, is_in_place):
    path, right, done = model / "model.safetensors", tensors(), threading.Event()
    ours = path.read_bytes()
    write_model(model.parent / "other", CONFIG, tensors(1), "")
    theirs = (model.parent / "other" / "model.safetensors").read_bytes()

    def swap() -> None:
        number = 0
        while not done.is_set():
            number += 1
            if is_in_place:
                with path.open("r+b", buffering=0) as file:
                    file.write(theirs if number % 2 else ours)
            else:
                (model / "new").write_bytes(theirs if number % 2 else ours)
                os.replace(model / "new", path)

    thread = threading.Thread(target=swap)
    thread.start()
    # On a busy machine the swapping thread may not come to its turn during a hundred reads: go on until one met it.
    num_reads = num_refused = 0
    deadline = time.monotonic() + 60
    try:
        while num_reads < 100 or (num_refused == 0 and time.monotonic() < deadline):
            num_reads += 1
            try:
                found = read_model(model, expected).tensors
            except DataError:
                num_refused += 1
                continue
            assert all(torch.equal(found[name], tensor) for name, tensor in right.items())
    finally:
        done.set()
        thread.join()
    assert num_refused > 0


def test_a_weight_file_is_read_through_a_link_but_not_a_device(model, tmp_path):
    (tmp_path / "link").symlink_to(model / "model.safetensors")
    assert read_tensors(tmp_path / "link").keys() == tensors().keys()
    with pytest.raises(DataError, match="at most 100"):
        read_tensors(model / "model.safetensors", max_bytes=100)
    with pytest.raises(DataError, match="not a regular file"):
        read_tensors(Path("/dev/zero"))


def test_arrays_views_and_shared_weights_are_written_as_they_are(tmp_path):
    shared = torch.arange(6.0).reshape(2, 3)
    values = {"a": shared, "b": shared.T, "c": np.ones((2, 2), np.float32), "d": torch.ones(2, requires_grad=True)}
    write_model(tmp_path / "model", {}, values, "")
    found = read_tensors(tmp_path / "model" / "model.safetensors")
    assert all(np.array_equal(found[name], torch.as_tensor(value).detach()) for name, value in values.items())


def test_weights_that_are_not_finite_are_not_written(tmp_path):
    with pytest.raises(TrainingError, match="tensor bad is not finite"):
        write_model(tmp_path / "model", {}, {"good": torch.ones(2), "bad": torch.tensor([1.0, torch.nan])}, "")
    assert not (tmp_path / "model").exists()


def read_or_refusal(model: Path) -> tuple[dict[str, torch.Tensor], str]:
    try:
        return read_model(model, expected).tensors, ""
    except DataError as error:
        return {}, str(error)


def test_a_death_while_a_model_is_replaced_never_leaves_a_mixture(model, faults, killed):
    place, is_dead = 0, True
    while is_dead:
        place += 1
        shutil.rmtree(model)
        write_model(model, CONFIG, tensors(0), "")
        is_dead = False
        with faults(lambda count, place=place: killed() if count >= place else None):
            try:
                write_model(model, CONFIG, tensors(1), "")
            except killed:
                is_dead = True
        found, refusal = read_or_refusal(model)
        assert "not those that config.json names" in refusal or any(
            all(torch.equal(found[name], tensor) for name, tensor in tensors(seed).items()) for seed in (0, 1)
        )
    assert place > 10


def mutate(data: bytes, rng: np.random.Generator) -> bytes:
    start, length = int(rng.integers(len(data) + 1)), int(rng.integers(1, 9))
    kind = rng.integers(5)
    if kind == 0:
        return data[:start] + rng.bytes(length) + data[start + length :]
    if kind == 1:
        return data[:start]
    if kind == 2:
        return data[:start] + rng.bytes(length) + data[start:]
    if kind == 3:
        return data[:start] + data[start + length :]
    other = int(rng.integers(len(data)))
    return data[:start] + data[other : other + 4 * length] + data[start + length :]


def check_mutations(model: Path, count: int) -> None:
    rng, right = np.random.default_rng(4), tensors()
    originals = {name: (model / name).read_bytes() for name in ("config.json", "model.safetensors")}
    for number in range(count):
        name = ("config.json", "model.safetensors")[number % 2]
        (model / name).write_bytes(mutate(originals[name], rng))
        started = time.process_time()
        try:
            found = read_model(model, expected)
        except DataError:
            found = None
        assert time.process_time() - started < SECONDS, number
        assert found is None or all(torch.equal(found.tensors[key], tensor) for key, tensor in right.items()), number
        (model / name).write_bytes(originals[name])
    assert read_model(model, expected).config == CONFIG


def test_mutated_models_are_refused_or_whole(model):
    check_mutations(model, 300)


@pytest.mark.slow
def test_thousands_of_mutated_models_are_refused_or_whole(model):
    check_mutations(model, 10_000)
