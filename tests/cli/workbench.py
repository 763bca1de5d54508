"""What the tests of the command line share: an answer, a folder to work in, small data."""

import json
import os
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

TINY = ("--epochs", "1", "--model", "softmax_regression", "--device", "cpu")
"""The shortest training."""


@dataclass(frozen=True)
class Outcome:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The last line of stdout, as strict JSON: NaN and infinity are none."""
        return json.loads(self.out.splitlines()[-1], parse_constant=_refuse)


Command = Callable[..., Outcome]


def _refuse(word: str) -> float:
    raise ValueError(f"{word} is no JSON")


@contextmanager
def inside(folder: Path) -> Iterator[None]:
    """Work in a folder for a while."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def tree(folder: Path) -> list[str]:
    """All that lies below a folder, to see that nothing was added."""
    return sorted(os.path.join(where, name) for where, dirs, files in os.walk(folder) for name in (*dirs, *files))


def pictures(folder: Path, counts: Mapping[str, int], *, size: tuple[int, int] = (8, 8)) -> Path:
    """PNG files `folder/class/00.png`; each class has a brightness of its own, so that it can be learnt.

    Folders of other names (train, test) hold other pictures.
    """
    generator = np.random.default_rng(zlib.crc32(os.fsencode(folder.name)))
    for code, (name, count) in enumerate(counts.items()):
        (folder / name).mkdir(parents=True, exist_ok=True)
        level = 40 + 170 * code / max(1, len(counts) - 1)
        for number in range(count):
            noise = generator.normal(level, 12, (size[1], size[0], 3)).clip(0, 255)
            Image.fromarray(noise.astype(np.uint8)).save(folder / name / f"{number:02d}.png")
    return folder


def csv(path: Path, num_rows: int, *, changes: Mapping[int, str] | None = None) -> Path:
    """A table with the columns x, y and label (yes or no); `changes` replaces some rows, counted from 0."""
    generator = np.random.default_rng(0)
    lines = ["x,y,label"]
    for x, y in generator.normal(size=(num_rows, 2)):
        lines.append(f"{x:.3f},{y:.3f},{'yes' if x + 0.3 * y > 0 else 'no'}")
    for row, text in (changes or {}).items():
        lines[row + 1] = text
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
