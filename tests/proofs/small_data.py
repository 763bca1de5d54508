"""Data that train in a second and cannot be learnt whole, so that every step changes the network."""

from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("ring", "disc", "noise")
PER_CLASS = 50


def write_table(path: Path, num_rows: int = 240) -> None:
    """Two numbers (some missing), one category, a label with noise."""
    generator = np.random.default_rng(0)
    lines = ["width,height,site,label"]
    for x, y in generator.normal(size=(num_rows, 2)):
        site = generator.choice(["north", "south", "east"])
        says_yes = x + 0.5 * y + (site == "north") + generator.normal(0, 0.7) > 0.3
        height = "" if generator.random() < 0.05 else f"{y:.3f}"
        lines.append(f"{x:.3f},{height},{site},{'yes' if says_yes else 'no'}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_pictures(folder: Path, size: int = 12) -> None:
    """PNG files `class/00.png` in color; rings, discs and noise at random places."""
    generator = np.random.default_rng(0)
    rows, columns = np.mgrid[:size, :size]
    for name in CLASSES:
        (folder / name).mkdir(parents=True)
        for number in range(PER_CLASS):
            y, x = generator.uniform(3, size - 3, 2)
            distance = np.hypot(rows - y, columns - x)
            shape = {
                "ring": abs(distance - 3) < 1,
                "disc": distance < 2.5,
                "noise": generator.random((size, size)) < 0.3,
            }
            picture = generator.normal(90, 40, (size, size, 3)) + 80 * shape[name][:, :, None]
            Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(folder / name / f"{number:02d}.png")
