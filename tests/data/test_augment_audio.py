"""Sounds: gain and noise exact in decibels, silenced spans and bands are silent, shifts are shifts."""

import dataclasses
import io
import wave

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rumbo.data.augmentation.audio import NOISE_RANGE_DB, SoundChange, change_sound, draw_sound_changes, noise
from rumbo.data.options import SoundAugmentOptions

RATE = 8000
EVERYTHING = SoundAugmentOptions(
    gain_db=12, noise_db=5, shift_fraction=0.3, drop_time_fraction=0.4, drop_band_fraction=0.4
)


def tone(length: int = RATE, channels: int = 1) -> np.ndarray:
    t = np.arange(length)[:, None] / RATE
    tones = 0.3 * np.sin(2 * np.pi * (440 + 100 * np.arange(channels)) * t) + 0.2 * np.sin(2 * np.pi * 2500 * t)
    return tones.astype(np.float32)


def wav_round_trip(samples: np.ndarray) -> np.ndarray:
    """As a 16-bit WAV file would give it."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    with wave.open(io.BytesIO(buffer.getvalue())) as file:
        frames = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return (frames.reshape(-1, file.getnchannels()) / 32768).astype(np.float32)


def decibels(ratio: float) -> float:
    return 10 * np.log10(ratio)


@pytest.fixture(scope="module")
def heart(request) -> list[np.ndarray]:
    """Real recordings of the heart, 300 samples a second."""
    data = request.getfixturevalue("shared_data")
    with np.load(data / "ecg" / "cinc2017_validation300.npz") as archive:
        name = next(name for name in archive.files if archive[name].ndim == 1 and archive[name].size > 100_000)
        return [archive[name][start : start + 3000, None].astype(np.float32) for start in range(0, 15_000, 3000)]


def test_nothing_asked_for_gives_the_same_array():
    samples = tone()
    change = draw_sound_changes(np.array([3]), 5, SoundAugmentOptions(), np.array([len(samples)]))[0]
    assert change == SoundChange(seed=3)
    assert change_sound(samples, change, 5) is samples


@given(st.floats(-60, 60))
def test_gain_is_exact_in_decibels(gain_db):
    samples = wav_round_trip(tone(channels=2))
    louder = change_sound(samples, SoundChange(gain_db=gain_db), 0)
    assert louder.dtype == np.float32
    assert decibels((louder.astype(float) ** 2).sum() / (samples.astype(float) ** 2).sum()) == pytest.approx(
        gain_db, abs=1e-4
    )


@given(st.floats(-20, 60), st.integers(0, 10**9))
def test_noise_has_the_ratio_asked_for(ratio_db, seed):
    samples = tone()
    noisy = change_sound(samples, SoundChange(noise_db=ratio_db, seed=1), seed).astype(float)
    power = np.mean((noisy - samples) ** 2)
    assert decibels(np.mean(samples.astype(float) ** 2) / power) == pytest.approx(ratio_db, abs=0.01)


def test_noise_is_white_and_silence_gets_none():
    added = noise(tone(), 10.0, np.random.default_rng(0))
    spectrum = np.abs(np.fft.rfft(added[:, 0])) ** 2
    bands = spectrum[1:].reshape(8, -1).mean(axis=1)
    assert bands.max() / bands.min() < 1.4
    assert not noise(np.zeros((50, 2)), 10.0, np.random.default_rng(0)).any()
    missing = np.array([[1.0], [np.nan], [-1.0]])
    assert np.isfinite(noise(missing, 10.0, np.random.default_rng(0))).all()
    assert noise(np.zeros((0, 1)), 10.0, np.random.default_rng(0)).shape == (0, 1)


def test_a_silenced_span_is_zero_and_the_rest_is_untouched():
    samples = tone() + 0.01
    changed = change_sound(samples, SoundChange(silent=(1000, 3000)), 0)
    assert not changed[1000:3000].any()
    np.testing.assert_array_equal(np.delete(changed, slice(1000, 3000), 0), np.delete(samples, slice(1000, 3000), 0))
    assert samples[1500] != 0  # the original is not touched


def test_a_silenced_band_is_gone_and_the_rest_stays():
    changed = change_sound(tone(), SoundChange(silent_band=(2000, 3000)), 0)  # bins of 1 Hz
    before, after = (np.abs(np.fft.rfft(x[:, 0])) for x in (tone(), changed))
    assert after[2000:3000].max() < 1e-3 * before.max()
    np.testing.assert_allclose(after[:2000], before[:2000], atol=1e-3 * before.max())
    assert before[2500] > 100


@given(st.integers(-400, 400))
def test_a_shift_moves_and_brings_in_silence(shift):
    samples = tone(400) + 1
    changed = change_sound(samples, SoundChange(shift=shift), 0)
    for place in range(400):
        came_from = place - shift
        assert changed[place] == (samples[came_from] if 0 <= came_from < 400 else 0)


def test_draws_keep_to_their_ranges_and_use_them():
    rows = np.arange(2000)
    changes = draw_sound_changes(rows, 7, EVERYTHING, np.full(2000, 1000))
    gains = [c.gain_db for c in changes]
    assert -12 <= min(gains) < -11.8 < 11.8 < max(gains) <= 12
    ratios = [c.noise_db for c in changes if c.noise_db is not None]
    assert 5 <= min(ratios) < 5.1
    assert 4.9 + NOISE_RANGE_DB < max(ratios) <= 5 + NOISE_RANGE_DB
    assert {abs(c.shift) <= 300 for c in changes} == {True}
    for spans, length in (([c.silent for c in changes], 1000), ([c.silent_band for c in changes], 501)):
        wide = [high - low for low, high in spans]
        assert 0.39 * length < max(wide) <= 0.4 * length
        assert min(low for low, _ in spans) == 0
        assert 0.97 * length < max(high for _, high in spans) <= length


@given(st.permutations(range(6)), st.integers(1, 6), st.integers(0, 2**40))
def test_a_sound_is_changed_alike_in_any_company_and_order(order, count, seed):
    samples = [tone(300 + 10 * i) for i in range(6)]
    lengths = np.array([len(s) for s in samples])
    whole = draw_sound_changes(np.arange(6), seed, EVERYTHING, lengths)
    rows = np.array(order[:count])
    part = draw_sound_changes(rows, seed, EVERYTHING, lengths[rows])
    for row, change in zip(rows, part, strict=True):
        assert change == whole[row]
        np.testing.assert_array_equal(
            change_sound(samples[row], change, seed), change_sound(samples[row], whole[row], seed)
        )
    assert draw_sound_changes(rows, seed + 1, EVERYTHING, lengths[rows]) != part


def test_real_recordings_keep_their_length_and_stay_finite(heart):
    rows, lengths = np.arange(len(heart)), np.array([len(x) for x in heart])
    for samples, change in zip(heart, draw_sound_changes(rows, 1, EVERYTHING, lengths), strict=True):
        changed = change_sound(samples, change, 1)
        assert changed.shape == samples.shape
        assert np.isfinite(changed).all()
        quiet = change_sound(samples, dataclasses.replace(change, noise_db=None), 1)
        assert not quiet[slice(*change.silent)].any()
        ratio = np.mean(quiet.astype(float) ** 2) / np.mean((changed.astype(float) - quiet) ** 2)
        assert decibels(ratio) == pytest.approx(change.noise_db, abs=0.01)
