"""WAV files of every plain coding, read as the standard says; faulty ones are named, never guessed at."""

import contextlib
import struct
import wave

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rumbo.core.errors import DataError
from rumbo.data import open_data
from rumbo.data.manifest import SignalKind, TargetKind
from rumbo.data.signals.wav import MAX_CHANNELS, decode_wav, wav_header

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE


def form_chunk(code, bits, channels=1, rate=8000, step=None):
    step = channels * bits // 8 if step is None else step
    return struct.pack("<HHIIHH", code, channels, rate, rate * step, step, bits)


def riff(*chunks):
    body = b"".join(kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for kind, data in chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def sound(samples, code=PCM, bits=16, channels=1, rate=8000):
    """A WAV of integers (or floats) as given, little-endian."""
    if code == FLOAT:
        data = np.asarray(samples, f"<f{bits // 8}").tobytes()
    else:
        data = b"".join(int(one).to_bytes(bits // 8, "little", signed=bits > 8) for one in samples)
    return riff((b"fmt ", form_chunk(code, bits, channels, rate)), (b"data", data))


@pytest.mark.parametrize(
    ("bits", "code", "samples", "expected"),
    [
        (8, PCM, [0, 128, 255], [-1, 0, 127 / 128]),
        (16, PCM, [-(2**15), 0, 2**15 - 1], [-1, 0, 1 - 2**-15]),
        (24, PCM, [-(2**23), -1, 0, 2**23 - 1], [-1, -(2**-23), 0, 1 - 2**-23]),
        (32, PCM, [-(2**31), 0, 2**30], [-1, 0, 0.5]),
        (32, FLOAT, [-1.5, 0, 0.25], [-1.5, 0, 0.25]),
        (64, FLOAT, [-1, 0, 0.25], [-1, 0, 0.25]),
    ],
)
def test_each_coding_has_its_own_scale(bits, code, samples, expected):
    met = decode_wav(sound(samples, code, bits), "a.wav")
    assert (met.dtype, met.shape) == (np.float32, (len(samples), 1))
    np.testing.assert_allclose(met[:, 0], expected, rtol=1e-7)


@given(st.lists(st.integers(-(2**15), 2**15 - 1), min_size=2, max_size=60), st.integers(1, 4), st.integers(1, 200_000))
def test_the_standard_library_agrees_on_pcm(tmp_path_factory, values, channels, rate):
    samples = np.resize(np.array(values, "<i2"), (len(values), channels))
    path = tmp_path_factory.mktemp("wav") / "a.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    data = path.read_bytes()
    head = wav_header(data, "a.wav")
    assert (head.rate_hz, head.num_channels, head.num_samples, head.num_missing) == (rate, channels, len(samples), 0)
    np.testing.assert_array_equal(decode_wav(data, "a.wav"), samples / np.float32(2**15))


def test_an_extensible_header_says_what_the_samples_are():
    tail = bytes.fromhex("000000001000800000aa00389b71")
    form = form_chunk(EXTENSIBLE, 32, 2) + struct.pack("<HHI", 22, 32, 3) + struct.pack("<H", FLOAT) + tail
    data = riff(
        (b"LIST", b"odd"), (b"fmt ", form), (b"fact", b"\0\0\0\0"), (b"data", struct.pack("<4f", 0, 1, -1, 0.5))
    )
    assert decode_wav(data, "a.wav").tolist() == [[0, 1], [-1, 0.5]]
    with pytest.raises(DataError, match="coding 65534"):
        decode_wav(data.replace(tail, bytes(14)), "a.wav")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no WAV file"),
        (b"RIFF\0\0\0\0AVI LIST", "no WAV file"),
        (riff(), "without the format"),
        (riff((b"data", b"\0\0")), "without the format"),
        (riff((b"fmt ", form_chunk(PCM, 16))), "without samples"),
        (riff((b"fmt ", form_chunk(PCM, 16)), (b"data", b"")), "without samples"),
        (riff((b"fmt ", form_chunk(PCM, 16)[:10]), (b"data", b"\0\0")), "format chunk of 10 bytes"),
        (riff((b"fmt ", form_chunk(2, 4)), (b"data", b"\0\0")), "coding 2 with 4 bits"),
        (riff((b"fmt ", form_chunk(PCM, 12)), (b"data", b"\0\0")), "coding 1 with 12 bits"),
        (riff((b"fmt ", form_chunk(PCM, 16, rate=0)), (b"data", b"\0\0")), "cannot be right"),
        (riff((b"fmt ", form_chunk(PCM, 16, channels=0)), (b"data", b"\0\0")), "cannot be right"),
        (riff((b"fmt ", form_chunk(PCM, 8, channels=MAX_CHANNELS + 1)), (b"data", b"\0" * 99)), "cannot be right"),
        (riff((b"fmt ", form_chunk(PCM, 16, step=1)), (b"data", b"\0\0")), "cannot be right"),
        (sound([0.0, np.nan], FLOAT, 32), "no finite numbers"),
        (sound([0.0, 1e300], FLOAT, 64), "no finite numbers"),
    ],
    ids=range(15),
)
def test_what_cannot_be_read_is_told(data, reason):
    with pytest.raises(DataError, match=f"'a.wav'.*{reason}"):
        decode_wav(data, "a.wav")


def test_a_sound_cut_off_keeps_what_is_there():
    whole = sound(range(100), channels=2)
    head = wav_header(whole[:-7], "a.wav")
    assert (head.num_samples, head.num_missing) == (48, 2)
    assert decode_wav(whole[:-7], "a.wav").shape == (48, 2)


def test_a_size_of_zero_or_all_ones_means_to_the_end():
    whole = sound([1, 2, 3])
    for size in (0, 0xFFFFFFFF):
        data = whole[:40] + struct.pack("<I", size) + whole[44:]
        assert (wav_header(data, "a.wav").num_samples, wav_header(data, "a.wav").num_missing) == (3, 0)


@given(st.binary(max_size=80), st.integers(0, 60))
def test_hostile_bytes_never_crash(junk, place):
    data = bytearray(sound(range(10)))
    data[place : place + len(junk)] = junk
    with contextlib.suppress(DataError):
        assert decode_wav(bytes(data), "a.wav").ndim == 2


def write(root, files):
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def test_a_folder_per_class(tmp_path):
    files = {
        "yes/a.wav": sound(range(8)),
        "yes/b.WAV": sound(range(16)),
        "no/c.wav": sound(range(4)),
        "README.txt": b"x",
    }
    data = open_data(write(tmp_path, files))
    assert (data.format, data.target.kind, data.target.classes) == ("audio", TargetKind.CLASS, ("no", "yes"))
    assert (data.ids, data.signals.kind, data.signals.rate_hz) == (
        ["no/c.wav", "yes/a.wav", "yes/b.WAV"],
        SignalKind.AUDIO,
        8000.0,
    )
    assert [data.signals.size(row) for row in range(3)] == [(4, 1), (8, 1), (16, 1)]
    assert data.table["seconds"].to_list() == [4 / 8000, 8 / 8000, 16 / 8000]
    np.testing.assert_array_equal(data.signals.read(1)[:, 0], np.arange(8) / 2**15)
    assert len(set(data.table["content"].to_list())) == 3


def test_sounds_without_classes_and_of_several_rates(tmp_path):
    data = open_data(write(tmp_path, {"a.wav": sound([1], rate=8000), "b.wav": sound([1, 2], rate=16000, channels=2)}))
    assert (data.target.kind, data.signals.rate_hz) == (TargetKind.NOTHING, None)
    assert data.table["rate_hz"].to_list() == [8000.0, 16000.0]
    assert any("8000 in 1, 16000 in 1" in sentence for sentence in data.decisions)


def test_faulty_sounds_are_named_and_cut_ones_told(tmp_path):
    files = {"a/1.wav": sound(range(9)), "a/2.wav": b"RIFF", "b/3.wav": sound(range(50))[:-10], "b/4.wav": sound([1])}
    data = open_data(write(tmp_path, files))
    assert data.ids == ["a/1.wav", "b/3.wav", "b/4.wav"]
    assert [(item.id, item.code) for item in data.bad] == [("a/2.wav", "audio.bad")]
    assert any("'b/3.wav' lacks 5 samples" in sentence for sentence in data.decisions)


def test_a_table_beside_the_sounds_has_their_labels(tmp_path):
    rows = ["file,speaker,label", "clips/a.wav,ann,yes", "b.wav,bob,no", "./clips/c.wav,bob,no", "gone.wav,bob,no"]
    rows += ["clips/d.wav,bob,", "clips/a.wav,ann,no"]
    sounds = {f"clips/{name}.wav": sound([1, number]) for number, name in enumerate("abcd")}
    data = open_data(write(tmp_path, sounds | {"labels.csv": "\n".join(rows).encode()}))
    assert (data.ids, data.table["class"].to_list()) == (
        ["clips/a.wav", "clips/b.wav", "clips/c.wav"],
        ["yes", "no", "no"],
    )
    assert data.target.classes == ("no", "yes")
    assert [(item.id, item.code) for item in data.bad] == [(f"labels.csv#{row}", "audio.bad") for row in (3, 4, 5)]
    assert [item.reason.partition(": ")[2] for item in data.bad] == [
        "there is no sound 'gone.wav'.",
        "column 'label' is empty.",
        "'clips/a.wav' was named before.",
    ]
    assert open_data(tmp_path, target="speaker").target.classes == ("ann", "bob")


def test_a_table_that_names_no_sounds_is_left_alone(tmp_path):
    files = {"a/1.wav": sound([1]), "b/2.wav": sound([2]), "notes.csv": b"x,y\n1,2\n3,4\n"}
    data = open_data(write(tmp_path, files))
    assert (data.format, data.target.classes) == ("audio", ("a", "b"))
