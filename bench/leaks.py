"""How many planted copies of pictures are found, how many clean pictures are taken for copies, and how long it takes.

    python bench/leaks.py [--data FOLDER] [--sets hymenoptera raccoon] [--large 2700]

The table is the proof of T17: copies are planted in real sets and looked for among all pictures. The last lines time a
data set of JPEG pictures of 500 x 375 px, made from the real ones.
"""

import argparse
import io
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "data"))

from planted import ANOTHER, MEASURED, PROMISED, jpeg, picture_set, pictures_of, rate  # noqa: E402

from rumbo.data import open_data  # noqa: E402
from rumbo.data.manifest import Dataset  # noqa: E402
from rumbo.data.splits.groups import Reason, components, copies_of, look_for_groups  # noqa: E402

CLEAN = ("hymenoptera", "raccoon", "cats_vs_noncats", "orl_faces", "face_landmarks", "membrane", "style_images")


def together(data: Dataset) -> np.ndarray:
    """A number for each row; copies and near duplicates share it."""
    near = [groups for groups in look_for_groups(data) if groups.reason is Reason.NEAR]
    return components(len(data), [copies_of(data), *near])


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--sets", nargs="*", default=["hymenoptera", "raccoon"])
    parser.add_argument("--large", type=int, default=2_700)
    arguments = parser.parse_args()
    for name in arguments.sets:
        originals = pictures_of(arguments.data / name)
        for kind, changes in (("promised", PROMISED), ("measured", MEASURED), ("another picture", ANOTHER)):
            for change, apply in changes.items():
                found = rate(originals, apply, together)
                print(f"{name:12} {kind:16} {change:24} found {found.found:7.2%}  others together {found.wrong:6.2%}")
    for name in CLEAN:
        data = open_data(arguments.data / name, labelled=name != "style_images")
        start = time.perf_counter()
        near = [groups for groups in look_for_groups(data) if groups.reason is Reason.NEAR]
        count, seconds = sum(groups.num_rows for groups in near), time.perf_counter() - start
        print(f"{name:16} {len(data):5} pictures  near duplicates {count:4}  {seconds:5.1f} s")
    large = enlarged(pictures_of(arguments.data / "hymenoptera"), arguments.large)
    start = time.perf_counter()
    look_for_groups(large)
    print(f"{len(large)} pictures of 500 x 375 px: {time.perf_counter() - start:.1f} s with decoding")


def enlarged(originals: dict[str, bytes], count: int) -> Dataset:
    """That many different pictures: parts of real ones, brought to one size."""
    rng, pictures = (
        np.random.default_rng(0),
        [Image.open(io.BytesIO(data)).convert("RGB") for data in originals.values()],
    )
    data: dict[str, bytes] = {}
    for number in range(count):
        picture = pictures[number % len(pictures)]
        left, top = rng.uniform(0, 0.4, 2) * picture.size
        part = picture.crop((int(left), int(top), int(left + 0.6 * picture.width), int(top + 0.6 * picture.height)))
        data[f"{number}.jpg"] = jpeg(part.resize((500, 375), Image.Resampling.BICUBIC))
    return picture_set(data)


if __name__ == "__main__":
    main()
