"""Batches a second from JPEG files, beside other loaders, in alternating rounds.

    python bench/loading.py speed  [--peers DIR] [--rounds N] [--data FOLDER] [--out FILE]
    python bench/loading.py memory [--data FOLDER]

2,000 photographs of 500 x 375 px in 20 folders -> random resized crop to 224 px, mirror, normalize, batches of 64. They
are made from real photographs: parts of them, scaled, with the noise of a sensor, so that they compress as photographs
of that size do (about 55 KB). `speed` takes an epoch of each loader in turn and prints medians of the rates and of the
ratios round by round; every loader may use all cores (two threads here, two workers there, on two cores). Beside them
stand ratios of the time that processors worked per picture, which other programs on the machine disturb less: on a
machine of its own a loader that keeps all cores busy is as fast as it is thrifty. `memory` prints the peak memory of
our loader by the number of threads.

--peers is a folder of virtual environments; whichever there has tensorflow or fastai (with torchvision) takes part.
"""

import argparse
import io
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

NUM_PICTURES, NUM_CLASSES, SIDE, BATCH = 2_000, 20, 224, 64
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
AREA, ASPECT = (0.08, 1.0), (3 / 4, 4 / 3)
BASE = "torchvision"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figure", choices=("speed", "memory", "serve"), help="serve is what the others start")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("RUMBO_TEST_DATA", "../shared/data")))
    parser.add_argument("--peers", type=Path, help="folder of virtual environments with tensorflow or fastai")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, help="append the result to this file as a JSON line, too")
    parser.add_argument("--only", nargs="*", help="loaders to compare with torchvision; all by default")
    parser.add_argument("--pictures", type=int, default=NUM_PICTURES, help="fewer are faster, and less exact")
    parser.add_argument("--loader", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.figure == "serve":
        return serve(LOADERS[arguments.loader](arguments.folder))
    with tempfile.TemporaryDirectory(prefix="loading-") as place:
        folder = Path(place)
        mean_bytes = make_pictures(arguments.data, folder / "pictures", arguments.pictures)
        print(f"{arguments.pictures} pictures of {mean_bytes / 1000:.1f} KB on average", flush=True)
        if arguments.figure == "memory":
            return memory(folder)
        result = speed(folder, pythons(arguments.peers, arguments.only), arguments.rounds)
        if arguments.out:
            with arguments.out.open("a") as file:
                file.write(json.dumps({"figure": "loading", **result}) + "\n")


def make_pictures(data: Path, folder: Path, count: int) -> float:
    """Parts of real photographs at 500 x 375 px, quality 90; their mean size in bytes."""
    import numpy as np
    from PIL import Image

    photos = []
    for archive in (data / "hymenoptera" / "hymenoptera_320.zip", data / "raccoon" / "raccoon.zip"):
        with zipfile.ZipFile(archive) as files:
            names = sorted(name for name in files.namelist() if name.lower().endswith((".jpg", ".jpeg", ".png")))
            photos += [Image.open(io.BytesIO(files.read(name))).convert("RGB") for name in names]
    photos += [Image.open(path).convert("RGB") for path in sorted((data / "style_images").glob("*.jpg"))]
    random = np.random.default_rng(0)
    total = 0
    for index in range(count):
        photo = photos[index % len(photos)]
        width = random.uniform(0.7, 1) * min(photo.width, photo.height * 4 / 3)
        height = width * 3 / 4
        x, y = random.uniform(0, photo.width - width), random.uniform(0, photo.height - height)
        part = photo.resize((500, 375), Image.Resampling.BICUBIC, box=(x, y, x + width, y + height))
        noisy = np.asarray(part, np.float32) + random.normal(0, 3.3, (375, 500, 1))
        path = folder / f"class{index % NUM_CLASSES:02d}" / f"{index:04d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(path, quality=90)
        total += path.stat().st_size
    return total / count


def pythons(peers: Path | None, only: list[str] | None) -> dict[str, str]:
    """The interpreter of each loader that can run here."""
    found = {name: sys.executable for name in LOADERS if name.startswith(("rumbo", "torchvision"))}
    for python in sorted(peers.expanduser().resolve().glob("*/bin/python")) if peers else []:
        for name, module in (("tf.data", "tensorflow"), ("fastai", "fastai")):
            code = f"import importlib.util as u; raise SystemExit(u.find_spec('{module}') is None)"
            if name not in found and subprocess.run([python, "-c", code]).returncode == 0:
                found[name] = str(python)
    return {name: python for name, python in found.items() if not only or name in only or name == BASE}


def speed(folder: Path, pythons: dict[str, str], rounds: int) -> dict[str, Any]:
    """Epochs of all loaders in turn; medians of rates and of ratios."""
    cores = str(len(os.sched_getaffinity(0)))
    settings = os.environ | {"OMP_NUM_THREADS": cores, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    workers = {}
    for name, python in pythons.items():
        command = [python, __file__, "serve", "--loader", name, "--folder", str(folder)]
        with (folder / "errors.txt").open("w") as errors:
            workers[name] = subprocess.Popen(
                command, env=settings, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
            )
        if not epoch_of(workers[name]):  # the first one builds, starts workers, fills caches
            print(f"{name} did not start: {(folder / 'errors.txt').read_text()[-300:]}", flush=True)
            del workers[name]
    rates: dict[str, list[float]] = {name: [] for name in workers}
    thrift: dict[str, list[float]] = {name: [] for name in workers}
    for index in range(rounds):
        for name, worker in workers.items():
            seconds, busy = epoch_of(worker) or (math.nan, math.nan)
            rates[name].append(1 / seconds)
            thrift[name].append(1 / busy)
        print(f"round {index + 1}: " + ", ".join(f"{name} {rates[name][-1]:.0f}/s" for name in rates), flush=True)
    for worker in workers.values():
        worker.communicate()
    result: dict[str, Any] = {"load": os.getloadavg()[0], "rounds": rounds}
    for name in rates:
        ratios = {
            peer: (median_ratio(rates[name], rates[peer]), median_ratio(thrift[name], thrift[peer]))
            for peer in rates
            if not peer.startswith("rumbo")
        }
        per_second, busy_ms = statistics.median(rates[name]), 1000 / statistics.median(thrift[name])
        result[name] = {"per_second": per_second, "busy_ms": busy_ms, "ratio_to (rate, processor)": ratios}
        told = ", ".join(f"{rate:.2f} ({busy:.2f}) x {peer}" for peer, (rate, busy) in ratios.items())
        print(f"{name:20} {per_second:5.0f}/s (most {max(rates[name]):.0f}), busy {busy_ms:.2f} ms a picture: {told}")
    return result


def median_ratio(own: list[float], other: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(own, other, strict=True))


def epoch_of(worker: "subprocess.Popen[str]") -> tuple[float, float] | None:
    """Seconds, and seconds of all processors, per picture in one epoch; None when the worker is gone."""
    assert worker.stdin is not None
    assert worker.stdout is not None
    try:
        worker.stdin.write("epoch\n")
        worker.stdin.flush()
    except BrokenPipeError:
        return None
    seconds, _, busy = worker.stdout.readline().partition(" ")
    return (float(seconds), float(busy)) if busy else None


def serve(epoch: Callable[[], Iterator[tuple[int, ...]]]) -> None:
    """Time an epoch for each line that comes in."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not get between the answers
    for _ in sys.stdin:
        start, worked = time.perf_counter(), processor_seconds()
        shapes = list(epoch())
        seconds, busy = time.perf_counter() - start, processor_seconds() - worked
        num_pictures = sum(shape[0] for shape in shapes)
        assert num_pictures > BATCH, shapes  # fastai leaves some for validation, and the last batch
        assert all(sorted(shape[1:]) == [3, SIDE, SIDE] for shape in shapes), shapes
        print(seconds / num_pictures, busy / num_pictures, file=answers, flush=True)


def processor_seconds() -> float:
    """What this process and its workers, ended ones too, have worked; 0 where the system does not tell."""
    about: dict[int, tuple[int, int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        about[int(folder.name)] = int(fields[1]), sum(map(int, fields[11:15]))
    own = {os.getpid()}
    while grown := {process for process, (parent, _) in about.items() if parent in own} - own:
        own |= grown
    return sum(about[process][1] for process in own if process in about) / os.sysconf("SC_CLK_TCK")


def rumbo_loader(
    folder: Path, *, smooth: bool, cached: bool, num_threads: int | None = None
) -> Callable[[], Iterator[tuple[int, ...]]]:
    """The training path: `Loader.epoch` over pictures on demand."""
    import itertools

    import numpy as np
    import torch

    from rumbo.data import open_data
    from rumbo.data.loader import Examples, Loader, PixelsOnDemand
    from rumbo.data.options import AugmentOptions
    from rumbo.data.pictures.cache import PixelCache
    from rumbo.data.pictures.decode import DecodeRule
    from rumbo.data.preprocess import ImageInput

    dataset = open_data(folder / "pictures")
    assert dataset.images is not None
    assert dataset.target is not None
    rule = DecodeRule(mode="rgb", height=SIDE, width=SIDE, fit="crop")
    cache = PixelCache(folder / "cache", limit_bytes=4 * 2**30) if cached else None
    ids = dataset.table["id"].to_list()
    pixels = PixelsOnDemand(dataset.images, ids, rule, cache=cache, num_threads=num_threads)
    codes = torch.tensor([dataset.target.classes.index(name) for name in dataset.table[dataset.target.columns[0]]])
    examples = Examples(
        ids=ids,
        targets=codes,
        weights=torch.ones(len(ids)),
        pixels=pixels,
        image=ImageInput(rule=rule, mean=MEAN, std=STD),
    )
    only_crops = AugmentOptions(
        crop_area=AREA[0], smooth_crops=smooth, shift_fraction=0, zoom=0, rotate_degrees=0, light=0
    )
    loader = Loader(examples=examples, rows=np.arange(len(ids)), batch_size=BATCH, augment=only_crops, flip=True)
    epochs = itertools.count()

    def epoch() -> Iterator[tuple[int, ...]]:
        for batch in loader.epoch(next(epochs)):
            assert batch.images is not None
            assert batch.images.dtype == torch.float32
            yield tuple(batch.images.shape)

    return epoch


def torchvision_loader(folder: Path) -> Callable[[], Iterator[tuple[int, ...]]]:
    """ImageFolder and DataLoader with two workers that stay, as its references have them."""
    from torch.utils.data import DataLoader
    from torchvision import transforms
    from torchvision.datasets import ImageFolder

    changes = transforms.Compose(
        [
            transforms.RandomResizedCrop(SIDE, scale=AREA, ratio=ASPECT),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )
    pictures = ImageFolder(str(folder / "pictures"), changes)
    loader = DataLoader(pictures, BATCH, shuffle=True, num_workers=2, persistent_workers=True)
    return lambda: (tuple(images.shape) for images, _ in loader)


def tensorflow_loader(folder: Path) -> Callable[[], Iterator[tuple[int, ...]]]:
    """tf.data that decodes only the crop."""
    import tensorflow as tf

    mean, std = (255 * tf.constant(values) for values in (MEAN, STD))

    def example(path: Any) -> Any:
        encoded = tf.io.read_file(path)
        begin, size, _ = tf.image.sample_distorted_bounding_box(
            tf.io.extract_jpeg_shape(encoded),
            bounding_boxes=tf.zeros([1, 0, 4]),
            area_range=AREA,
            aspect_ratio_range=ASPECT,
            max_attempts=10,
            use_image_if_no_bounding_boxes=True,
        )
        window = tf.concat([begin[:2], size[:2]], axis=0)
        part = tf.image.decode_and_crop_jpeg(encoded, window, channels=3)
        part = tf.image.random_flip_left_right(tf.image.resize(part, [SIDE, SIDE]))
        return (part - mean) / std, tf.strings.length(path)

    paths = sorted(str(path) for path in (folder / "pictures").glob("*/*.jpg"))
    batches = (
        tf.data.Dataset.from_tensor_slices(paths)
        .shuffle(NUM_PICTURES)
        .map(example, num_parallel_calls=tf.data.AUTOTUNE)
        .batch(BATCH)
        .prefetch(tf.data.AUTOTUNE)
    )
    return lambda: (tuple(images.shape) for images, _ in batches)


def fastai_loader(folder: Path) -> Callable[[], Iterator[tuple[int, ...]]]:
    """fastai's loaders for folders of pictures, two workers."""
    from fastai.vision.all import Flip, ImageDataLoaders, Normalize, RandomResizedCrop

    loaders = ImageDataLoaders.from_folder(
        folder / "pictures",
        valid_pct=0.01,
        item_tfms=RandomResizedCrop(SIDE, min_scale=AREA[0]),
        batch_tfms=[Flip(), Normalize.from_stats(MEAN, STD)],
        bs=BATCH,
        num_workers=2,
    )
    return lambda: (tuple(images.shape) for images, _ in loaders.train)


def memory(folder: Path) -> None:
    """Peak resident memory of an epoch by number of threads, each in a process of its own."""
    base = None
    for num_threads in (1, 2, 4, 8):
        code = (
            f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import loading, pathlib, resource; "
            f"epoch = loading.rumbo_loader(pathlib.Path({str(folder)!r}), smooth=True, cached=False, "
            f"num_threads={num_threads}); list(epoch()); "
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
        )
        peak = float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)
        base = base or peak
        print(f"{num_threads} threads: {peak:.0f} MiB at most, {peak - base:+.0f} MiB", flush=True)


LOADERS: dict[str, Callable[[Path], Callable[[], Iterator[tuple[int, ...]]]]] = {
    BASE: torchvision_loader,
    "rumbo": lambda folder: rumbo_loader(folder, smooth=False, cached=False),
    "rumbo, cache": lambda folder: rumbo_loader(folder, smooth=False, cached=True),
    "rumbo, smooth": lambda folder: rumbo_loader(folder, smooth=True, cached=False),
    "rumbo, smooth, cache": lambda folder: rumbo_loader(folder, smooth=True, cached=True),
    "tf.data": tensorflow_loader,
    "fastai": fastai_loader,
}

if __name__ == "__main__":
    main()
