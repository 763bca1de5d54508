"""Sounds: a folder of WAV files per class, WAV files with a table of labels, or just WAV files."""

import dataclasses
from collections import Counter
from pathlib import PurePosixPath

import polars as pl

from rumbo.core.messages import t
from rumbo.data.delimited import parse_delimited
from rumbo.data.files import Files, extension, picture_names, safe_name
from rumbo.data.manifest import Dataset, SignalKind
from rumbo.data.pictures.decode import BadItem
from rumbo.data.readers import Reader, Request, formats
from rumbo.data.readers.signal_files import Found, classes_of, look_at_each, signal_dataset
from rumbo.data.signals.wav import decode_wav, wav_header
from rumbo.data.target import choose_target

EXTENSIONS = ("wav", "wave")


def recognizes(files: Files) -> bool:
    """Whether there are WAV files, and no pictures that they only accompany."""
    return bool(_names(files)) and not picture_names(files.names())


def read(files: Files, request: Request) -> Dataset:
    """The manifest: one example a file; columns `seconds` and `rate_hz`, that are no inputs."""
    notes: list[str] = []
    bad: list[BadItem] = []
    found = _labelled_by_table(files, request, notes, bad) or classes_of(_names(files), request, notes)
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
    data = signal_dataset(
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
    return dataclasses.replace(data, bad=(*bad, *data.bad)) if bad else data


def _labelled_by_table(files: Files, request: Request, notes: list[str], bad: list[BadItem]) -> Found | None:
    """The sounds that the one table beside them names, with its labels; None where there is no such table."""
    tables = [name for name in files.names() if extension(name) in ("csv", "tsv")]
    if len(tables) != 1 or not request.labelled:
        return None
    raw = parse_delimited(files.read(tables[0]), tables[0])
    files_of = next((column for column in raw.frame.iter_columns() if _names_sounds(column)), None)
    others = [name for name in raw.frame.columns if files_of is not None and name != files_of.name]
    if files_of is None or not others:
        return None
    choice = choose_target(others, request.target, files.notes())
    labels = raw.frame[choice.columns[0]].to_list()
    by_base = {PurePosixPath(name).name: name for name in _names(files)}
    kept: dict[str, str] = {}
    for row, (entry, label) in enumerate(zip(files_of.to_list(), labels, strict=True)):
        path = (entry or "").replace("\\", "/").removeprefix("./")
        beside = str(PurePosixPath(tables[0]).parent / path)
        name = next((one for one in (beside, path) if files.has(one)), None) or by_base.get(PurePosixPath(path).name)
        reason = None
        if name is None:
            reason = t("there is no sound '{entry}'", entry=entry or "")
        elif label is None:
            reason = t("column '{column}' is empty", column=choice.columns[0])
        elif name in kept:
            reason = t("'{entry}' was named before", entry=entry or "")
        else:
            kept[name] = label
        if reason is None:
            continue
        line = int(raw.lines[row])
        sentence = t("'{file}' line {line}: {reason}.", file=tables[0], line=line, reason=reason)
        bad.append(BadItem(-1, f"{safe_name(tables[0])}#{row}", sentence, "audio.bad"))
    notes += raw.decisions
    return Found(names=list(kept), splits=[], labels=list(kept.values()), reason=choice.reason)


def _names_sounds(column: pl.Series) -> bool:
    sample = column.drop_nulls().head(20).to_list()
    return bool(sample) and sum(extension(entry) in EXTENSIONS for entry in sample) >= 0.9 * len(sample)


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
