"""Sounds: a folder of WAV files per class, or just WAV files."""

from collections import Counter

import polars as pl

from rumbo.core.messages import t
from rumbo.data.files import Files, extension, picture_names
from rumbo.data.manifest import Dataset, SignalKind
from rumbo.data.readers import Reader, Request, formats
from rumbo.data.readers.signal_files import classes_of, look_at_each, signal_dataset
from rumbo.data.wav import decode_wav, wav_header

EXTENSIONS = ("wav", "wave")


def recognizes(files: Files) -> bool:
    """Whether there are WAV files, and no pictures that they only accompany."""
    return bool(_names(files)) and not picture_names(files.names())


def read(files: Files, request: Request) -> Dataset:
    """The manifest: one example a file; columns `seconds` and `rate_hz`, that are no inputs."""
    notes: list[str] = []
    found = classes_of(_names(files), request, notes)
    looks = look_at_each(files, found.names, _measure)
    usable = [look for look in looks if look.problem is None]
    rates = Counter(look.facts["rate_hz"] for look in usable)
    channels = Counter(look.size[1] for look in usable)
    decisions = [
        t(
            "{count} sounds, {seconds} seconds in all; samples a second: {rates}; channels: {channels}.",
            count=len(usable),
            seconds=f"{sum(look.facts['seconds'] for look in usable):.1f}",
            rates=_counts(rates),
            channels=_counts(channels),
        ),
        *notes,
    ]
    if cut := [look for look in usable if look.facts["num_missing"]]:
        decisions.append(
            t(
                "{count} sounds are shorter than their header says; '{name}' lacks {missing} samples.",
                count=len(cut),
                name=cut[0].name,
                missing=cut[0].facts["num_missing"],
            )
        )
    columns = [
        pl.Series("seconds", [look.facts.get("seconds") for look in looks], dtype=pl.Float64),
        pl.Series("rate_hz", [look.facts.get("rate_hz") for look in looks], dtype=pl.Float64),
    ]
    return signal_dataset(
        files,
        "audio",
        SignalKind.AUDIO,
        found,
        looks,
        decode_wav,
        request,
        decisions,
        columns=columns,
        rate_hz=float(next(iter(rates))) if len(rates) == 1 else None,
        code="audio.bad",
    )


def _names(files: Files) -> list[str]:
    return [name for name in files.names() if extension(name) in EXTENSIONS and not name.lower().endswith(".gz")]


def _measure(data: bytes, name: str) -> tuple[tuple[int, ...], dict[str, float]]:
    head = wav_header(data, name)
    decode_wav(data, name)  # floats must be finite
    facts = {
        "rate_hz": float(head.rate_hz),
        "seconds": head.num_samples / head.rate_hz,
        "num_missing": head.num_missing,
    }
    return (head.num_samples, head.num_channels), facts


def _counts(counts: "Counter[float] | Counter[int]") -> str:
    if len(counts) == 1:
        return f"{next(iter(counts)):g}"
    return ", ".join(t("{value} in {count}", value=f"{value:g}", count=count) for value, count in counts.most_common(8))


formats.register("audio")(Reader(recognizes, read))
