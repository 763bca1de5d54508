"""Landmarks: a table with a column of pictures and the x and y of each point, in px."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from rumbo.core.errors import DataError, UsageError
from rumbo.core.messages import t
from rumbo.data.annotations.boxes import RawPicture, repair_decisions
from rumbo.data.annotations.files import PictureFinder, whole_folder
from rumbo.data.annotations.frames import FileFacts, are_turned, file_facts, frame_decisions, frame_of, side_of, upright
from rumbo.data.delimited import parse_delimited
from rumbo.data.files import Files, extension, safe_name
from rumbo.data.manifest import POINT, RESERVED, Dataset, Repair, Target, TargetKind, row_ids
from rumbo.data.pictures.decode import EXTENSIONS, BadItem
from rumbo.data.pictures.images import FileImages
from rumbo.data.readers import Reader, Request, formats, table
from rumbo.data.readers.folders import SPLIT_OF_FOLDER
from rumbo.data.target import COLUMN_KINDS, KIND_OF_TASK, to_numbers

MIN_POINTS = 2
FAR_FRACTION = 0.25
"""A point farther outside than this share of the longer side is no landmark of the picture."""
GROUP_COLUMNS = ("identity", "person", "subject", "speaker", "patient", "group", "video")
SPLIT_COLUMNS = ("split", "source_split", "subset", "partition")
_SAMPLE_ROWS = 50
_COLUMN = "points"


@dataclass(frozen=True)
class _Layout:
    """Columns of a landmark table: that of the pictures; of each point its name, x and y."""

    picture: str
    points: tuple[tuple[str, str, str], ...]


def recognizes(files: Files) -> bool:
    """Whether the one table has a column of pictures and columns of points."""
    names = table.table_names(files)
    if len(names) != 1 or extension(names[0]) == "parquet":
        return False
    try:
        return _layout(parse_delimited(files.read(names[0]), names[0], _SAMPLE_ROWS).frame) is not None
    except DataError:
        return False


def read(files: Files, request: Request) -> Dataset:
    """The manifest of pictures with landmarks; as a plain table where a column or its tasks are asked for."""
    kind = None if request.task is None else KIND_OF_TASK[request.task]
    asks_for_column = request.target not in (None, _COLUMN, "identity") or kind in COLUMN_KINDS
    if not request.labelled or asks_for_column:
        return table.read(files, request)
    if kind not in (None, TargetKind.POINTS, TargetKind.IDENTITY):
        raise UsageError(
            t("the task {task} cannot be learnt from a table of landmarks; it serves: landmarks.", task=request.task)
        )
    name = table.table_names(files)[0]
    raw = parse_delimited(files.read(name), name)
    layout = _layout(raw.frame)
    assert layout is not None
    files = whole_folder(files)
    finder = PictureFinder(files)
    decisions = [
        *raw.decisions,
        t(
            "column '{column}' names pictures, {count} pairs of columns are points: {names}.",
            column=layout.picture,
            count=len(layout.points),
            names=", ".join(point for point, _, _ in layout.points[:8]),
        ),
    ]
    bad: list[BadItem] = []
    pictures = _pictures(raw.frame[layout.picture], raw.lines, name, finder, bad)
    decisions += finder.decisions()
    rows = [row for row, picture in enumerate(pictures) if picture is not None]
    if not rows:
        first = bad[0].reason if bad else t("There is a header, but no row.")
        raise DataError(t("no row of '{path}' can be used. {reason}", path=files.path, reason=first))
    frame, lines = raw.frame[rows], raw.lines[rows]
    kept = [picture for picture in pictures if picture is not None]
    ids = [safe_name(picture) for picture in kept]
    if len(set(ids)) < len(ids):
        ids = [row_ids(safe_name(name), len(pictures))[row] for row in rows]
        decisions.append(t("some pictures are in several rows: rows are named by the table."))
    images = FileImages(files, kept)
    facts = file_facts(images)
    where = [f"{safe_name(name)}:{line}" for line in lines.tolist()]
    points, repairs, num_points = _points(frame, layout, ids, kept, where, facts, decisions)
    columns = _columns(frame, layout, ids, decisions)
    columns["content"] = pl.Series([fact.content for fact in facts])
    columns[_COLUMN] = points
    first = [column for column in ("id", "content", "split", "group") if column in columns]
    manifest = pl.DataFrame(columns).select(*first, pl.exclude(first))
    target = Target(
        columns=(_COLUMN,),
        kind=TargetKind.POINTS,
        classes=tuple(point for point, _, _ in layout.points),
        reason=t("the table has an x and a y for each point."),
    )
    if request.target == "identity" or kind is TargetKind.IDENTITY:
        target = _identities(manifest)
    return Dataset(
        path=files.path,
        format="landmarks",
        table=manifest,
        target=target,
        images=images,
        decisions=(t("pictures with landmarks: {count}.", count=len(rows)), *decisions, *repair_decisions(repairs)),
        bad=tuple(bad),
        repairs=tuple(repairs),
        num_annotations=num_points,
    )


def _layout(frame: pl.DataFrame) -> _Layout | None:
    """The columns of a landmark table; None when it is none."""
    for column in frame.iter_columns():
        sample = column.drop_nulls().head(20).to_list()
        if sample and sum(extension(entry) in EXTENSIONS for entry in sample) >= 0.9 * len(sample):
            points = _point_columns([name for name in frame.columns if name != column.name])
            if len(points) < MIN_POINTS:
                return None
            values = to_numbers(frame[points[0][1]])
            return _Layout(column.name, points) if values.null_count() < len(values) else None
    return None


def _point_columns(names: Sequence[str]) -> tuple[tuple[str, str, str], ...]:
    """Name, x and y column of each point: `x0, y0` or `nose_x, nose_y`.

    >>> _point_columns(["width", "nose_x", "nose_y", "x1", "y1"])
    (('nose', 'nose_x', 'nose_y'), ('1', 'x1', 'y1'))
    """
    given = {name.strip().lower(): name for name in names}
    points: list[tuple[str, str, str]] = []
    for low, name in given.items():
        if match := re.fullmatch(r"x(_?)(\d+)", low):
            partner, point = f"y{match[1]}{match[2]}", match[2]
        elif match := re.fullmatch(r"(.+?)([_ .-])x", low):
            partner, point = f"{match[1]}{match[2]}y", name.strip()[:-2]
        else:
            continue
        if partner in given:
            points.append((point, name, given[partner]))
    return tuple(points)


def _pictures(
    column: pl.Series, lines: np.ndarray, name: str, finder: PictureFinder, bad: list[BadItem]
) -> list[str | None]:
    found: list[str | None] = []
    for row, entry in enumerate(column.to_list()):
        picture = finder.by_path(entry, name) if entry else None
        found.append(picture)
        if picture is None:
            reason = t(
                "'{file}' line {line}: there is no picture '{entry}'.",
                file=safe_name(name),
                line=int(lines[row]),
                entry=entry or "",
            )
            bad.append(BadItem(-1, row_ids(safe_name(name), row + 1)[row], reason, "annotation.no_picture"))
    return found


def _points(
    frame: pl.DataFrame,
    layout: _Layout,
    ids: Sequence[str],
    names: Sequence[str],
    where: Sequence[str],
    facts: Sequence[FileFacts],
    decisions: list[str],
) -> tuple[pl.Series, list[Repair], int]:
    """The column of points, the records of faulty ones, and how many points were met."""
    xs = _values(frame, [x for _, x, _ in layout.points])
    ys = _values(frame, [y for _, _, y in layout.points])
    texts = {place: (frame[x], frame[y]) for place, (_, x, y) in enumerate(layout.points)}
    given = np.stack([(x.is_not_null() | y.is_not_null()).to_numpy() for x, y in texts.values()], axis=1)
    unmarked = given & (xs == -1) & (ys == -1)
    if unmarked.any():
        decisions.append(t("{count} points at -1, -1 were taken as not marked.", count=int(unmarked.sum())))
        given &= ~unmarked
    xs[~given] = ys[~given] = np.nan
    repairs: list[Repair] = []

    def record(row: int, place: int, code: str, action: Literal["rejected", "corrected"]) -> None:
        x, y = (text[row] for text in texts[place])
        met = f"{layout.points[place][0]}: {x} {y}"
        repairs.append(Repair(id=ids[row], where=where[row], code=code, met=met, action=action))

    malformed = np.zeros_like(given)
    for place, pair in texts.items():
        for text, values in zip(pair, (xs[:, place], ys[:, place]), strict=True):
            malformed[:, place] |= given[:, place] & np.isnan(values) & text.is_not_null().to_numpy()
    half = given & ~malformed & (np.isnan(xs) | np.isnan(ys))
    infinite = given & ~malformed & ~half & ~(np.isfinite(xs) & np.isfinite(ys))
    for fault, code in ((malformed, "points.malformed"), (half, "points.half"), (infinite, "points.not_finite")):
        for row, place in np.argwhere(fault).tolist():
            record(row, place, code, "rejected")
    faulty = malformed | half | infinite
    xs[faulty] = ys[faulty] = np.nan
    _into_frames(frame, xs, ys, names, facts, record, decisions)
    num_outside = num_pictures = 0
    for row, fact in enumerate(facts):
        if fact.size is None:
            continue
        height, width = fact.size
        with np.errstate(invalid="ignore"):
            over = np.maximum(np.maximum(-xs[row], xs[row] - width), np.maximum(-ys[row], ys[row] - height))
            far = over > FAR_FRACTION * max(height, width)
            near = (over > 0) & ~far
        for place in np.flatnonzero(far).tolist():
            record(row, place, "points.outside", "rejected")
        xs[row, far] = ys[row, far] = np.nan
        num_outside += int(near.sum())
        num_pictures += bool(near.any())
    if num_outside:
        decisions.append(
            t(
                "{count} points of {pictures} pictures lie slightly outside of their picture: kept as they are.",
                count=num_outside,
                pictures=num_pictures,
            )
        )
    return _as_column(xs, ys), repairs, int(given.sum())


def _into_frames(
    frame: pl.DataFrame,
    xs: np.ndarray,
    ys: np.ndarray,
    names: Sequence[str],
    facts: Sequence[FileFacts],
    record: Callable[[int, int, str, Literal["rejected", "corrected"]], None],
    decisions: list[str],
) -> None:
    """Bring points into the upright picture, in place, where the table says a size."""
    low = {name.strip().lower(): name for name in frame.columns}
    sides = [
        to_numbers(frame[low[side]]).to_list() if side in low else [None] * frame.height for side in ("height", "width")
    ]
    claims = [
        RawPicture(name=name, height=_side(height), width=_side(width))
        for name, height, width in zip(names, *sides, strict=True)
    ]
    turned = are_turned(claims, facts)
    counts: Counter[str] = Counter()
    for row, (claim, fact) in enumerate(zip(claims, facts, strict=True)):
        placed = frame_of(claim, fact, turned, counts)
        marked = np.flatnonzero(~np.isnan(xs[row])).tolist()
        if placed is None or placed.code is not None:
            for place in marked:
                record(row, place, "points.wrong_size", "rejected" if placed is None else "corrected")
        if placed is None:
            xs[row] = ys[row] = np.nan
            continue
        if placed.orientation == 1 and placed.scale_x == placed.scale_y == 1:
            continue
        height, width = fact.stored_size or (0, 0)
        x, y = xs[row] * placed.scale_x, ys[row] * placed.scale_y
        xs[row], ys[row] = upright(x, y, placed.orientation, width, height)
    decisions += frame_decisions(counts)


def _as_column(xs: np.ndarray, ys: np.ndarray) -> pl.Series:
    count = xs.shape[1]
    flat = pl.DataFrame({"x": xs.ravel(), "y": ys.ravel()}).with_columns(
        pl.col("x", "y").fill_nan(None), pl.lit(None, pl.Boolean).alias("visible")
    )
    column = flat.to_struct("points").cast(POINT).reshape((-1, count))
    return column.arr.to_list().alias(_COLUMN)


def _values(frame: pl.DataFrame, names: Sequence[str]) -> np.ndarray:
    return np.stack([to_numbers(frame[name]).fill_null(float("nan")).to_numpy() for name in names], axis=1).copy()


def _side(value: float | None) -> int | None:
    return None if value is None else side_of(value)


def _columns(frame: pl.DataFrame, layout: _Layout, ids: Sequence[str], decisions: list[str]) -> dict[str, pl.Series]:
    """The other columns: identity and group, split, sizes as annotated, and the rest as text."""
    taken = {layout.picture, *(column for _, x, y in layout.points for column in (x, y))}
    columns: dict[str, pl.Series] = {"id": pl.Series(list(ids), dtype=pl.String)}
    rest = {name.strip().lower(): name for name in frame.columns if name not in taken}
    group = next((rest[name] for name in GROUP_COLUMNS if name in rest), None)
    if group is not None:
        own = pl.Series(list(ids))
        values = pl.select(pl.when(frame[group].is_null()).then(own).otherwise(frame[group])).to_series()
        columns["group"] = values
        if group.strip().lower() != "group":
            columns["identity"] = values
        decisions.append(t("column '{column}' keeps its rows together in one split.", column=group))
    for name in SPLIT_COLUMNS:
        if name in rest and (split := _split(frame[rest[name]])) is not None:
            shared = _num_shared(columns.get("group"), split)
            if shared == 0:
                columns["split"] = split
                decisions.append(t("column '{column}' says which rows are train, dev and test.", column=rest[name]))
                rest.pop(name)
            else:
                decisions.append(
                    t(
                        "column '{column}' is not taken as the split: {count} of '{group}' are on both sides of it.",
                        column=rest[name],
                        count=shared,
                        group=group or "",
                    )
                )
            break
    for low, name in rest.items():
        if low in ("height", "width"):
            columns[f"annotated_{low}"] = to_numbers(frame[name]).cast(pl.Int64, strict=False)
        elif name != group:
            columns[f"{name}_" if name in (*RESERVED, _COLUMN, "identity") else name] = frame[name]
    return columns


def _split(values: pl.Series) -> pl.Series | None:
    low = values.str.to_lowercase()
    if values.null_count() or not set(low.unique().to_list()) <= set(SPLIT_OF_FOLDER):
        return None
    split = low.replace_strict(SPLIT_OF_FOLDER)
    return split if "train" in split.unique().to_list() else None


def _num_shared(group: pl.Series | None, split: pl.Series) -> int:
    """How many groups are in more than one split."""
    if group is None:
        return 0
    pairs = pl.DataFrame({"group": group, "split": split}).unique()
    return pairs.height - pairs["group"].n_unique()


def _identities(manifest: pl.DataFrame) -> Target:
    if "identity" not in manifest.columns:
        raise UsageError(
            t(
                "the task embed needs a column that says who is shown: {names}.",
                names=", ".join(GROUP_COLUMNS[:-2]),
            )
        )
    return Target(
        columns=("identity",),
        kind=TargetKind.IDENTITY,
        classes=tuple(sorted(manifest["identity"].unique().to_list())),
        reason=t("'identity' says who is shown, as asked."),
    )


formats.register("landmarks")(Reader(recognizes, read))
