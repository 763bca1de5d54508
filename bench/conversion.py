"""Real data sets through chains of formats: class counts, boxes, masks and pictures before and after.

python bench/conversion.py [FOLDER_OF_DATA]
"""

import argparse
import hashlib
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rumbo.api.conversion import convert
from rumbo.cli.tables import table
from rumbo.data import open_data
from rumbo.data.manifest import Dataset, TargetKind

FEW = 2_000
CHAINS: dict[str, tuple[str, tuple[str, ...], dict[str, Any]]] = {
    # the set, the formats in turn, what is asked for
    "raccoon": ("raccoon", ("coco", "yolo", "voc", "csv", "coco"), {}),
    "membrane": ("membrane", ("coco", "masks"), {}),
    "hymenoptera": ("hymenoptera", ("csv", "folder"), {}),
    "cats_vs_noncats": ("cats_vs_noncats", ("folder", "csv"), {}),
    f"fashion_mnist, {FEW} of it": ("fashion_mnist", ("folder", "csv"), {"rows": FEW}),
    "orl_faces, persons": ("orl_faces", ("folder",), {}),
    "orl_faces, classes": ("orl_faces", ("csv", "folder"), {"task": "classify"}),
    "face_landmarks": ("face_landmarks", ("csv", "csv"), {}),
}


def run(data: Path, work: Path) -> list[list[object]]:
    """One row for each set: what it went through, and what differs."""
    rows: list[list[object]] = []
    for name, (folder, formats, asked) in CHAINS.items():
        before = open_data(data / folder, task=asked.get("task"))
        if "rows" in asked:
            before = before.take(np.linspace(0, len(before) - 1, asked["rows"]).astype(int))
        start = time.perf_counter()
        source: Dataset | Path = before
        lost: list[str] = []
        for place, to in enumerate(formats):
            out = work / f"{folder} {len(rows)} {place}"
            # YOLO has no place for VOC's mark 'truncated': the one thing that is let go here, and told.
            done = convert(source, to=to, out=out, task=asked.get("task"), lossy=to == "yolo")
            lost += done.lost
            source = out
        seconds = time.perf_counter() - start
        after = open_data(work / f"{folder} {len(rows)} {len(formats) - 1}", task=asked.get("task"))
        was, now = _said(before), _said(after)
        counts = sum(done.classes[name].after for name in done.classes)
        differing = sum((was - now).values()) + sum((now - was).values())
        chain = " > ".join((before.format, *formats))
        rows.append([name, chain, len(before), len(done.classes), counts, differing, seconds, "; ".join(lost)])
    return rows


def _said(dataset: Dataset) -> Counter[tuple[Any, ...]]:
    """Pixels, split and target of each picture, judged apart from what `convert` compares."""
    assert dataset.images is not None
    assert dataset.target is not None
    splits = dataset.table["split"].to_list() if "split" in dataset.table.columns else [None] * len(dataset)
    found: Counter[tuple[Any, ...]] = Counter()
    for row in range(len(dataset)):
        pixels = dataset.images.read(row)
        found[(hashlib.sha256(pixels.tobytes()).hexdigest(), pixels.shape, splits[row], _target(dataset, row))] += 1
    return found


def _target(dataset: Dataset, row: int) -> object:
    assert dataset.target is not None
    value = dataset.table[dataset.target.columns[0]][row]
    match dataset.target.kind:
        case TargetKind.BOXES:
            return tuple((box["class"], box["x1"], box["y1"], box["x2"], box["y2"]) for box in value)
        case TargetKind.POINTS:
            return tuple((point["x"], point["y"]) for point in value)
        case TargetKind.MASK:
            assert dataset.masks is not None
            return hashlib.sha256(dataset.masks.read(row).tobytes()).hexdigest(), dataset.target.classes
        case _:
            return value


def main(words: Sequence[str] | None = None) -> int:
    """Print the table; 1 when anything differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    parser.add_argument("data", nargs="?", type=Path, default=beside, help="the folder of the real data sets")
    arguments = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as work:
        rows = run(arguments.data, Path(work))
    print(table(["set", "formats", "pictures", "classes", "labels", "differ", "seconds", "lost"], rows))
    return int(any(row[5] for row in rows))


if __name__ == "__main__":
    raise SystemExit(main())
