"""Checks of sounds, series and volumes: silent, clipped, constant, stuck, spiked, of mixed rates and sizes."""

from collections import Counter
from collections.abc import Callable, Iterable

import numpy as np

from rumbo.core.messages import t
from rumbo.data.checks.codes import CODES
from rumbo.data.checks.facts import Facts
from rumbo.data.checks.findings import Finding
from rumbo.data.checks.found import found

SILENT = 1e-4
"""Full scale is 1: -80 dB, below the noise of any microphone."""
CLIPPED_LEVEL = 0.999
CLIPPED_RUN = 3
CLIPPED_RUNS = 10
"""Peaks of loud music touch full scale for single samples; flat tops of three and more, ten times, are cut."""
OFFSET = 0.05
OFFSET_RATIO = 0.5
"""Of full scale, and of the deviation: a swing far from 0 compared with its own size."""
SHORT_RATIO = 20
STUCK_FRACTION = 0.2
"""Of the length. Measured largest on 300 ECG records: 0.4 %; melodies rest longer, and are passed over as a set."""
SPIKE_RATIO = 40
SPIKE_VALUES = 3
"""Times the deviation that 99 % of the values keep to, and at most three values: heart beats repeat, faults do not.
Measured largest on 300 ECG records: 11."""
SCALE_RATIO = 50
"""Against the middle span of values. Volumes of one scanner differ up to 10 times; of another one, by 300 to 600."""
FEWEST = 10
MINORITY = 0.25


def sounds(facts: Facts) -> Iterable[Finding]:
    """Silent, clipped, off center, short, one-sided sounds."""
    guilty: dict[str, list[int]] = {}
    lengths: dict[int, int] = {}
    for row, sound in facts.signals():
        lengths[row] = len(sound)
        for code in sound_faults(sound):
            guilty.setdefault(code, []).append(row)
    if len(lengths) >= FEWEST:
        usual = float(np.median(list(lengths.values())))
        guilty["audio.short"] = [row for row, length in lengths.items() if length * SHORT_RATIO < usual]
    for code, rows in guilty.items():
        yield from _about(code, facts, rows)


def sound_faults(sound: np.ndarray) -> Iterable[str]:
    """The codes of the faults of one sound, t x channels in -1..1."""
    if sound.size == 0:
        return
    levels = np.abs(sound)
    if levels.max() < SILENT:
        yield "audio.silent"
        return
    if sound.shape[1] > 1 and (levels.max(axis=0) < SILENT).any():
        yield "audio.one_sided"
    if max(_num_runs(levels[:, channel] >= CLIPPED_LEVEL) for channel in range(sound.shape[1])) >= CLIPPED_RUNS:
        yield "audio.clipped"
    mean, deviation = np.abs(sound.mean(axis=0)), sound.std(axis=0)
    if ((mean > OFFSET) & (mean > OFFSET_RATIO * deviation)).any():
        yield "audio.offset"


def _num_runs(is_there: np.ndarray) -> int:
    """How often something stands at least `CLIPPED_RUN` times in a row."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_there, [False]]).astype(np.int8)))
    return int((edges[1::2] - edges[::2] >= CLIPPED_RUN).sum())


def rates(facts: Facts) -> Iterable[Finding]:
    """Sounds of different rates and numbers of channels."""
    table, signals = facts.dataset.table, facts.dataset.signals
    if signals is None:
        return
    if "rate_hz" in table.columns and table["rate_hz"].n_unique() > 1:
        counts = Counter(f"{rate:g}" for rate in table["rate_hz"].to_list())
        listed = ", ".join(t("{value} in {count}", value=value, count=count) for value, count in counts.most_common(8))
        message = t("samples a second: {rates}.", rates=listed)
        yield found("audio.rate_mixed", message, num_items=table.height)
    channels = Counter(str(signals.size(row)[1]) for row in range(len(signals)))
    if len(channels) > 1:
        listed = ", ".join(
            t("{value} in {count}", value=value, count=count) for value, count in channels.most_common(8)
        )
        yield found("audio.channels_mixed", t("channels: {channels}.", channels=listed), num_items=table.height)


def series(facts: Facts) -> Iterable[Finding]:
    """Series with gaps, constant, stuck, spiked, of mixed lengths."""
    guilty: dict[str, list[int]] = {code: [] for code in ("series.gaps", "series.constant", "series.spike")}
    stuck: list[int] = []
    lengths: list[int] = []
    for row, values in facts.signals():
        lengths.append(len(values))
        if not np.isfinite(values).all():
            guilty["series.gaps"].append(row)
            continue
        if len(values) < FEWEST:
            continue
        if (values.min(axis=0) == values.max(axis=0)).all():
            guilty["series.constant"].append(row)
            continue
        if longest_standstill(values) > STUCK_FRACTION * len(values):
            stuck.append(row)
        if has_spike(values):
            guilty["series.spike"].append(row)
    if len(stuck) < MINORITY * len(lengths):  # melodies rest, whole sets of steps stand
        guilty["series.stuck"] = stuck
    for code, rows in guilty.items():
        if code != "series.spike" or len(rows) < MINORITY * len(lengths) or len(lengths) < FEWEST:
            yield from _about(code, facts, rows)
    if len(set(lengths)) > 1:
        message = t(
            "the series have from {low} to {high} steps, {usual} in the middle.",
            low=min(lengths),
            high=max(lengths),
            usual=f"{np.median(lengths):g}",
        )
        yield found("series.length_mixed", message, num_items=len(lengths))


def longest_standstill(values: np.ndarray) -> int:
    """The most steps in a row with no change in any feature."""
    moves = np.flatnonzero((np.diff(values, axis=0) != 0).any(axis=1))
    edges = np.concatenate([[-1], moves, [len(values) - 1]])
    return int(np.diff(edges).max())


def has_spike(values: np.ndarray) -> bool:
    """Whether one to three values of a feature are far beyond where 99 % of them keep."""
    if len(values) < 100:
        return False
    distance = np.abs(values - np.median(values, axis=0))
    usual = np.quantile(distance, 0.99, axis=0)
    far = (distance > SPIKE_RATIO * usual) & (usual > 0)
    return bool(((far.sum(axis=0) > 0) & (far.sum(axis=0) <= SPIKE_VALUES)).any())


def volumes(facts: Facts) -> Iterable[Finding]:
    """Volumes of one value, of mixed shapes, on another scale."""
    signals = facts.dataset.signals
    if signals is None:
        return
    constant: list[int] = []
    scales: dict[int, float] = {}
    shapes: set[tuple[int, ...]] = set()
    for row, values in facts.signals():
        shapes.add(values.shape)
        if not np.isfinite(values).all() or values.min() == values.max():
            constant.append(row)
            continue
        scales[row] = float(np.subtract(*np.percentile(values, [99, 1])))
    yield from _about("volume.constant", facts, constant)
    if len(scales) >= FEWEST:
        usual = float(np.median(list(scales.values())))
        other = [row for row, scale in scales.items() if scale > SCALE_RATIO * usual or scale * SCALE_RATIO < usual]
        yield from _about("volume.scale_mixed", facts, other)
    if len(shapes) > 1:
        low, high = np.min(list(shapes), axis=0), np.max(list(shapes), axis=0)
        message = t(
            "the volumes have {count} shapes, from {low} to {high}.",
            count=len(shapes),
            low=" x ".join(map(str, low.tolist())),
            high=" x ".join(map(str, high.tolist())),
        )
        yield found("volume.size_mixed", message, num_items=len(signals))


def _about(code: str, facts: Facts, rows: list[int]) -> Iterable[Finding]:
    if rows:
        ids = facts.ids(rows)
        message = t(
            "{meaning} Examples: {count}, such as '{first}'.",
            meaning=CODES[code].meaning,
            count=len(rows),
            first=ids[0],
        )
        yield found(code, message, ids, len(rows))


AUDIO_CHECKS: tuple[Callable[[Facts], Iterable[Finding]], ...] = (sounds, rates)
SERIES_CHECKS: tuple[Callable[[Facts], Iterable[Finding]], ...] = (series,)
VOLUME_CHECKS: tuple[Callable[[Facts], Iterable[Finding]], ...] = (volumes,)
