"""Random changes of sounds and of series of measurements: louder or softer, noise, silenced spans and bands, shifts."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rumbo.core.seeds import rng, uniform_per_item
from rumbo.data.options import SoundAugmentOptions

NOISE_RANGE_DB = 20.0
NUM_DRAWS = 7


@dataclass(frozen=True, kw_only=True)
class SoundChange:
    """What happens to one sound of t samples.

    Attributes:
        gain_db: 20 log10 of the factor.
        noise_db: ratio of sound to noise; None for no noise.
        shift: samples that the sound comes later; negative for earlier.
        silent: first sample of the silenced span, and the one after its last.
        silent_band: the silenced frequencies, as places of the discrete Fourier transform of real samples (`rfft`):
            the first, and the one after the last.
        seed: of the noise.
    """

    gain_db: float = 0.0
    noise_db: float | None = None
    shift: int = 0
    silent: tuple[int, int] = (0, 0)
    silent_band: tuple[int, int] = (0, 0)
    seed: int = 0


def draw_sound_changes(
    rows: np.ndarray, seed: int, options: SoundAugmentOptions, lengths: np.ndarray
) -> list[SoundChange]:
    """Draw a change for each sound, from the seed of the epoch and its row alone.

    Args:
        rows: the sounds' rows in the data set.
        seed: a `stream` of the epoch.
        options: how much may change.
        lengths: samples of each sound.
    """
    draws = uniform_per_item(seed, rows, NUM_DRAWS)
    changes = []
    for row, length, u in zip(rows.tolist(), lengths.tolist(), draws, strict=True):
        changes.append(
            SoundChange(
                gain_db=float(2 * u[0] - 1) * options.gain_db,
                noise_db=None if options.noise_db is None else options.noise_db + NOISE_RANGE_DB * float(u[1]),
                shift=round((2 * u[2] - 1) * options.shift_fraction * length),
                silent=_span(options.drop_time_fraction, length, u[3], u[4]),
                silent_band=_span(options.drop_band_fraction, length // 2 + 1, u[5], u[6]),
                seed=row,
            )
        )
    return changes


def change_sound(samples: Float[np.ndarray, "t c"], change: SoundChange, seed: int) -> Float[np.ndarray, "t c"]:
    """A changed sound, float32; the same array where nothing changes. Values may leave -1..1: nothing is clipped.

    The shift comes first, then band and span, then gain, then noise: noise lies over silenced spans, too.

    Args:
        samples: over channels.
        change: what is done.
        seed: a `stream` of the epoch.

    Source: spans and bands as SpecAugment has them (Park et al. 2019, arXiv:1904.08779, sec. 2), here on the waveform.
    """
    changed = samples
    if change.shift:
        changed = _shifted(changed, change.shift)
    if change.silent_band[1] > change.silent_band[0]:
        spectrum = np.fft.rfft(changed.astype(np.float64), axis=0)
        spectrum[slice(*change.silent_band)] = 0
        changed = np.fft.irfft(spectrum, n=len(changed), axis=0)
    if change.silent[1] > change.silent[0]:
        changed = changed.copy()
        changed[slice(*change.silent)] = 0
    if change.gain_db:
        changed = changed * 10 ** (change.gain_db / 20)
    if change.noise_db is not None:
        changed = changed + noise(changed, change.noise_db, rng(seed, "noise", change.seed))
    return changed if changed is samples else changed.astype(np.float32)


def noise(
    samples: Float[np.ndarray, "t c"], ratio_db: float, generator: np.random.Generator
) -> Float[np.ndarray, "t c"]:
    """White noise whose power is exactly `ratio_db` below that of the samples; none for silence.

    Samples that are missing (NaN, in series of measurements) have no say in the power.
    """
    measured = np.isfinite(samples)
    if not measured.any():
        return np.zeros(samples.shape)
    white = generator.standard_normal(samples.shape)
    power = np.mean(np.square(samples[measured], dtype=np.float64))
    return white * np.sqrt(power / 10 ** (ratio_db / 10) / np.mean(np.square(white[measured])))


def _shifted(samples: Float[np.ndarray, "t c"], shift: int) -> Float[np.ndarray, "t c"]:
    moved = np.zeros_like(samples)
    if shift > 0:
        moved[shift:] = samples[:-shift]
    else:
        moved[:shift] = samples[-shift:]
    return moved


def _span(fraction: float, length: int, size: float, place: float) -> tuple[int, int]:
    wide = int(fraction * size * length)
    start = int(place * (length - wide + 1))
    return (start, start + wide) if wide else (0, 0)
