"""Texts: a folder of .txt files per class; a folder of texts, or one text, to continue."""

from collections import Counter
from pathlib import PurePosixPath

from rumbo.core.errors import DataError
from rumbo.core.messages import t
from rumbo.data.files import Files, extension, picture_names
from rumbo.data.manifest import Dataset, SignalKind
from rumbo.data.readers import Reader, Request, formats
from rumbo.data.readers.signal_files import classes_of, look_at_each, signal_dataset
from rumbo.data.signals.sources import decode_text, sniffed_text

_NOT_DATA = ("readme", "license", "licence", "copying", "notice", "changelog", "requirements")


def recognizes(files: Files) -> bool:
    """Whether there are .txt files that are no README or licence, and no pictures that they only accompany."""
    return bool(_names(files)) and not picture_names(files.names())


def read(files: Files, request: Request) -> Dataset:
    """The manifest: one example a file."""
    decisions: list[str] = []
    found = classes_of(_names(files), request, decisions)
    looks = look_at_each(files, found.names, _measure)
    usable = [look for look in looks if look.problem is None]
    encodings = Counter(look.facts["encoding"] for look in usable)
    distinct = set[str]().union(*(look.facts["distinct"] for look in usable))
    decisions = [
        t(
            "{count} texts, {characters} characters, {distinct} of them distinct, read as {encodings}.",
            count=len(usable),
            characters=sum(look.size[0] for look in usable),
            distinct=len(distinct),
            encodings=", ".join(
                name if len(encodings) == 1 else f"{name} {count}" for name, count in encodings.most_common()
            ),
        ),
        *decisions,
    ]
    return signal_dataset(
        files, "text", SignalKind.TEXT, found, looks, decode_text, request, decisions, code="text.bad"
    )


def _names(files: Files) -> list[str]:
    """Texts that are examples; a README counts when there is nothing else."""
    names = [name for name in files.names() if extension(name) == "txt" and not name.lower().endswith(".gz")]
    return [name for name in names if not _is_about(name)] or (names if len(files.names()) == 1 else [])


def _is_about(name: str) -> bool:
    return PurePosixPath(name).name.lower().startswith(_NOT_DATA)


def _measure(data: bytes, name: str) -> tuple[tuple[int, ...], dict[str, object]]:
    text, encoding = sniffed_text(data, name)
    if not text.strip():
        raise DataError(t("'{name}' is an empty text.", name=name))
    return (len(text),), {"encoding": encoding, "distinct": frozenset(text)}


formats.register("text")(Reader(recognizes, read))
