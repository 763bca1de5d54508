"""`convert`: a data set in another format, without loss, read back and compared before it appears."""

import json
import os
import secrets
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rumbo.api.sources import open_corrected
from rumbo.core.errors import DataError, GateError, StorageError, UsageError, os_reason
from rumbo.core.messages import t
from rumbo.data.corrections import Correction, corrected, labelled_rows, read_corrections
from rumbo.data.files import FolderFiles
from rumbo.data.manifest import Dataset
from rumbo.data.pictures.decode import BadImage
from rumbo.data.pictures.images import FileImages
from rumbo.data.writers import Writer, writers
from rumbo.data.writers.compare import compare
from rumbo.data.writers.names import split_names
from rumbo.data.writers.plan import Plan, class_counts
from rumbo.data.writers.writing import read_back, write

RECORD = ".rumbo-conversion.json"
"""Which file each example became; hidden, so that no reader takes it for a part of the set."""


@dataclass(frozen=True, kw_only=True)
class Count:
    """How often something was met before and after."""

    before: int
    after: int


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """What was converted, and the proof.

    Attributes:
        source: where the data came from.
        out: where they are now.
        source_format: the reader that knew them.
        format: the format that was written.
        items: examples.
        classes: examples, boxes, points or pixels of each class.
        splits: examples of each split; empty where the set does not say.
        lost: what the format cannot hold, finished sentences; empty unless it was allowed.
        changed: what was clipped or corrected in reading, and so is written otherwise than the source has it, and
            pictures that do not decode and were copied as they are; finished sentences.
        largest_shift_px: the largest distance that a box's side or a point moved, from rounding; at most 1e-9.
        decisions: how the source was read.
    """

    source: str
    out: str
    source_format: str
    format: str
    items: int
    classes: dict[str, Count]
    splits: dict[str, Count]
    lost: tuple[str, ...]
    changed: tuple[str, ...]
    largest_shift_px: float
    decisions: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON types."""
        return asdict(self)


def convert(
    source: str | Path | Dataset,
    *,
    to: str,
    out: str | Path,
    corrections: str | Path | Sequence[Correction] | None = None,
    target: str | None = None,
    task: str | None = None,
    lossy: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Conversion:
    """Write a data set in another format; read it back with the ordinary reader; compare; only then let it appear.

    The source is never changed. Pictures are copied byte for byte; rows of arrays become PNG. Splits, pictures without
    boxes and relative paths are kept. Boxes are written for the upright picture, with its size.

    Args:
        source: a path, or an opened data set.
        to: `folder`, `csv`, `voc`, `coco`, `yolo` or `masks`.
        out: a folder that does not exist yet, or is empty.
        corrections: a corrections file, or corrections, laid over the data first.
        target: the target column, as in `open_data`.
        task: the task that decides how the target is read, as in `open_data`.
        lossy: go on when the format cannot hold everything; what is lost is listed.
        progress: called with (done, total) pictures.

    Raises:
        UsageError: no such format or source; `out` is not empty.
        DataError: the format cannot hold these data, or would lose something and `lossy` is not set.
        GateError: what was read back differs; it stays beside `out` under another name.
        StorageError: it cannot be written.
    """
    writer = writers.get(to)
    out = Path(out)
    _check_out(out, None if isinstance(source, Dataset) else Path(source))
    given = None
    if corrections is not None:
        given = read_corrections(corrections) if isinstance(corrections, str | Path) else tuple(corrections)
    if not isinstance(source, Dataset):
        dataset = open_corrected(str(source), base=Path(), corrections=given, target=target, task=task)
    else:
        dataset = source if given is None else labelled_rows(corrected(source, given))
    plan = writer.plan(dataset)
    if plan.lost and not lossy:
        raise DataError(
            t(
                "the format {to} would lose {lost} Use --lossy to go on without, or choose another format.",
                to=to,
                lost=" ".join(plan.lost),
            )
        )
    work = out.parent / f".{out.name}.{secrets.token_hex(4)}"
    try:
        found = _written(writer, plan, work, to, dataset, out, progress)
        if out.is_dir():
            out.rmdir()
        os.replace(work, out)
    except GateError:
        raise
    except OSError as problem:
        shutil.rmtree(work, ignore_errors=True)
        raise StorageError(t("cannot write '{path}': {reason}.", path=out, reason=os_reason(problem))) from None
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    return found


def _check_out(out: Path, source: Path | None) -> None:
    if source is not None and source.is_dir() and out.resolve().is_relative_to(source.resolve()):
        raise UsageError(
            t("--out '{path}' lies inside of the data, which are never changed. Choose another place.", path=out)
        )
    if not out.parent.is_dir():
        raise UsageError(t("the folder of --out '{path}' does not exist.", path=out))
    if out.is_symlink() or out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise UsageError(t("--out '{path}' exists and is not an empty folder. Choose another name.", path=out))


def _written(
    writer: Writer,
    plan: Plan,
    work: Path,
    to: str,
    dataset: Dataset,
    out: Path,
    progress: Callable[[int, int], None] | None,
) -> Conversion:
    work.mkdir()
    made: set[Path] = {work}

    def put(name: str, data: bytes) -> None:
        path = work / name
        if path.parent not in made:
            path.parent.mkdir(parents=True, exist_ok=True)
            made.add(path.parent)
        with open(path, "xb") as file:
            file.write(data)

    contents = write(writer, plan, put, progress)
    try:
        after = read_back(writer, plan, FolderFiles(work))
    except (DataError, UsageError) as problem:
        raise _not_equal(to, work, [str(problem)], {}) from None
    comparison = compare(plan, contents, after, in_order=writer.keeps_order)
    counts = _paired(class_counts(dataset), class_counts(after))
    splits = _paired(_split_counts(dataset), _split_counts(after))
    result = Conversion(
        source=str(dataset.path),
        out=str(out),
        source_format=dataset.format,
        format=to,
        items=len(after),
        classes=counts,
        splits=splits,
        lost=plan.lost,
        changed=(*_repaired(dataset), *_undecoded(plan)),
        largest_shift_px=comparison.largest_shift_px,
        decisions=dataset.decisions,
    )
    differences = [
        *comparison.differences,
        *(
            t("'{name}': {before} became {after}.", name=name, before=count.before, after=count.after)
            for name, count in (*counts.items(), *splits.items())
            # What was let go with a sentence may be missing; nothing else, and nothing without one.
            if count.before != count.after and not plan.lost
        ),
    ]
    if differences:
        raise _not_equal(to, work, differences, result.as_dict())
    record = {
        "from": dataset.format,
        "to": to,
        "lost": plan.lost,
        "files": dict(zip(dataset.ids, plan.names, strict=False)),
    }
    put(RECORD, json.dumps(record, ensure_ascii=True, indent=0).encode("ascii"))
    return result


def _repaired(dataset: Dataset) -> list[str]:
    """What reading has clipped or corrected, so that it is not what the source says."""
    repairs = [repair for repair in dataset.repairs if repair.action != "rejected"]
    if not repairs:
        return []
    first = repairs[0]
    return [
        t(
            "annotations that were clipped or corrected: {count}; the first is at {where}: {met}.",
            count=len(repairs),
            where=first.where,
            met=first.met.rstrip("."),
        )
    ]


def _undecoded(plan: Plan) -> list[str]:
    """Pictures that were copied as they are, though they are cut off or damaged."""
    images = plan.dataset.images
    if not isinstance(images, FileImages):
        return []
    bad: list[str] = []
    for row in range(len(plan.dataset)):
        try:
            images.read(row)
        except BadImage:
            bad.append(plan.dataset.ids[row])
    if not bad:
        return []
    return [
        t("pictures that do not decode, copied as they are: {count}; the first is '{id}'.", count=len(bad), id=bad[0])
    ]


def _not_equal(to: str, work: Path, differences: Sequence[str], result: dict[str, Any]) -> GateError:
    return GateError(
        t(
            "what was written as {to} does not read back as it was: {differences} It stays in '{path}', to be looked "
            "at; the source is untouched.",
            to=to,
            differences=" ".join(differences[:5]),
            path=work,
        ),
        result,
    )


def _paired(before: dict[str, int], after: dict[str, int]) -> dict[str, Count]:
    names = dict.fromkeys((*before, *after))
    return {name: Count(before=before.get(name, 0), after=after.get(name, 0)) for name in names}


def _split_counts(dataset: Dataset) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name in split_names(dataset) or ():
        counts[name] = counts.get(name, 0) + 1
    return counts
