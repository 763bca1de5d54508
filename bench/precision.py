"""One step of training in several precisions and layouts, beside each other, and what the rule of rumbo chooses.

    python bench/precision.py speed    [--only TEXT] [--isa NAME] [--rounds N] [--compile] [--out FILE]
    python bench/precision.py threads  [--only TEXT] [--rounds N] [--out FILE]
    python bench/precision.py table    --out FILE
    python bench/precision.py accuracy [--data FOLDER] [--seeds 0 1 2]

`speed` takes forward, cost, backward and a fused optimizer of each network of `CASES` in four forms: fp32 or bf16
(autocast, weights stay fp32), layout usual or channels_last. All forms of a case take turns, a few steps each, round by
round; printed are medians of the ratios within a round to "fp32 usual" (above 1 is faster), which strangers on the
machine disturb least. With one thread (the default) the time is that of the processor, which a busy machine falsifies
little; with more (--threads 2) it is the clock's, and needs a quiet machine. --isa makes oneDNN believe in a lesser
processor (AVX512_CORE_BF16 has no AMX, AVX512_CORE no bf16 at all), which measures such machines but for the matrix
products that are not oneDNN's (fp32 linear layers). `threads` does the same for one and for all threads, by the clock.
`table` prints a file of results as docs/speed.md shows it, with the rule's choice beside the fastest. `accuracy` trains
on real pictures in fp32 and in bf16 from the same seeds.
"""

import argparse
import copy
import gzip
import io
import json
import math
import os
import statistics
import sys
import time
import zipfile
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROUNDS, CHUNK_SECONDS = 7, 0.05
FORMS = (("fp32", "usual"), ("fp32", "channels_last"), ("bf16", "usual"), ("bf16", "channels_last"))


@dataclass(frozen=True)
class Case:
    name: str
    make: Callable[[], Any]
    inputs: Callable[[], Any]
    batch: int
    num_classes: int = 10


def picture(name: str, side: int, batch: int, channels: int = 3, **options: Any) -> Case:
    def make() -> Any:
        from rumbo import models
        from rumbo.core.inputs import InputSpec

        return models.build(name, InputSpec(image=(channels, side, side)), 10, **options)

    def inputs() -> Any:
        import torch

        return (torch.randn(batch, channels, side, side),)

    told = "".join(f" {key} {value}" for key, value in options.items())
    return Case(f"{name}{told}, {side} px, batch {batch}", make, inputs, batch)


def numbers(name: str, count: int, batch: int, **options: Any) -> Case:
    def make() -> Any:
        from rumbo import models
        from rumbo.core.inputs import InputSpec

        return models.build(name, InputSpec(num_numbers=count), 10, **options)

    def inputs() -> Any:
        import torch

        given = (torch.randn(batch, count), torch.zeros(batch, 0, dtype=torch.long))
        return given

    told = "".join(f" {'-'.join(map(str, value))}" for value in options.values())
    return Case(f"{name}{told}, {count} numbers, batch {batch}", make, inputs, batch)


def recurrent(hidden: int, layers: int, steps: int, batch: int, kind: str = "LSTM", features: int = 64) -> Case:
    def make() -> Any:
        import torch
        from torch import nn

        class Recurrent(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.rnn = getattr(nn, kind)(features, hidden, layers, batch_first=True)
                self.head = nn.Linear(hidden, 10)

            def forward(self, inputs: torch.Tensor) -> torch.Tensor:
                return self.head(self.rnn(inputs)[0]).transpose(1, 2)

        return Recurrent()

    def inputs() -> Any:
        import torch

        return (torch.randn(batch, steps, features),)

    return Case(f"{kind} {layers}x{hidden}, {steps} steps, batch {batch}", make, inputs, batch)


CASES = (
    numbers("mlp", 20, 32, hidden=(64, 64)),
    numbers("mlp", 784, 128, hidden=(256, 128)),
    numbers("mlp", 784, 16, hidden=(512, 512)),
    numbers("mlp", 784, 128, hidden=(512, 512)),
    numbers("mlp", 784, 256, hidden=(512, 512)),
    numbers("mlp", 784, 64, hidden=(1024, 1024)),
    numbers("mlp", 784, 256, hidden=(1024, 1024)),
    numbers("mlp", 784, 16, hidden=(2048, 2048)),
    numbers("mlp", 784, 256, hidden=(2048, 2048)),
    numbers("table_net", 14, 128),
    numbers("table_net", 14, 256),
    picture("lenet5", 28, 16, 1),
    picture("lenet5", 28, 128, 1),
    picture("lenet5", 28, 256, 1),
    picture("convnet", 28, 16, 1, width=16),
    picture("convnet", 28, 128, 1, width=16),
    picture("convnet", 28, 128, 1, width=32),
    picture("convnet", 64, 64, width=16),
    picture("convnet", 64, 64, width=32),
    picture("convnet", 96, 32, width=16),
    picture("convnet", 96, 32, width=32),
    picture("resnet18", 32, 16),
    picture("resnet18", 32, 64),
    picture("mobilenet_v2", 64, 32),
    picture("squeezenet1_1", 64, 32),
    recurrent(128, 1, 64, 32),
    recurrent(128, 2, 64, 128),
    recurrent(256, 1, 64, 32),
    recurrent(256, 2, 64, 64),
    recurrent(512, 2, 128, 16),
    recurrent(512, 2, 128, 64),
    recurrent(1024, 1, 64, 64),
    recurrent(256, 1, 64, 64, kind="GRU"),
    recurrent(512, 2, 64, 64, kind="GRU"),
    picture("convnet", 64, 64, width=64),
    picture("resnet18", 32, 256),
    picture("resnet18", 64, 64),
    picture("resnet18", 224, 16),
    picture("resnet50", 64, 32),
    picture("resnet50", 224, 16),
    picture("mobilenet_v2", 224, 16),
    picture("squeezenet1_1", 224, 16),
    picture("vgg16", 64, 16),
)


class Stepper:
    """A network in one form, with its optimizer and one batch."""

    def __init__(self, case: Case, network: Any, form: tuple[str, str], *, compiled: bool = False, threads: int = 0):
        import torch

        precision, layout = form
        self.network = copy.deepcopy(network).train()
        self.inputs = case.inputs()
        if layout == "channels_last":
            self.network = self.network.to(memory_format=torch.channels_last)
            self.inputs = tuple(x.contiguous(memory_format=torch.channels_last) for x in self.inputs)
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=1e-3, momentum=0.9, fused=True)
        self.forward = torch.compile(self.network) if compiled else self.network
        with torch.no_grad():
            shape = self.network(*self.inputs).shape
        self.labels = torch.randint(0, case.num_classes, (shape[0], *shape[2:]))
        self.context = torch.autocast("cpu", torch.bfloat16) if precision == "bf16" else nullcontext()
        self.threads = threads

    def step(self) -> None:
        import torch

        with self.context:
            logits = self.forward(*self.inputs)
        loss = torch.nn.functional.cross_entropy(logits.float(), self.labels)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()

    def seconds(self, count: int) -> float:
        import torch

        if self.threads and torch.get_num_threads() != self.threads:
            torch.set_num_threads(self.threads)
            self.step()
        clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
        start = clock()
        for _ in range(count):
            self.step()
        return (clock() - start) / count


def compare(steppers: dict[str, Stepper], rounds: int | None) -> dict[str, Any]:
    """Milliseconds of each, and its ratio to the first: median, lowest and highest of the rounds."""
    counts, slowest = {}, 0.0
    for name, stepper in steppers.items():
        stepper.step()
        slowest = max(slowest, seconds := stepper.seconds(1))
        counts[name] = max(1, round(CHUNK_SECONDS / seconds))
    rounds = rounds or (ROUNDS if slowest < 0.2 else 3 if slowest < 1 else 2)
    taken: dict[str, list[float]] = {name: [] for name in steppers}
    for _ in range(rounds):
        for name, stepper in steppers.items():
            taken[name].append(stepper.seconds(counts[name]))
    base = taken[next(iter(taken))]
    result = {}
    for name, own in taken.items():
        ratios = [a / b for a, b in zip(base, own, strict=True)]
        result[name] = {
            "ms": 1000 * statistics.median(own),
            "ratio": statistics.median(ratios),
            "low": min(ratios),
            "high": max(ratios),
            "best": min(base) / min(own),
        }
    return result


def speed(arguments: argparse.Namespace) -> None:
    import torch

    torch.set_num_threads(arguments.threads)
    for case in chosen(arguments):
        torch.manual_seed(0)
        network = case.make()
        has_convolutions = any(parameter.ndim == 4 for parameter in network.parameters())
        forms = [form for form in FORMS if has_convolutions or form[1] == "usual"]
        if arguments.compile:
            forms = forms[-1:]
        steppers = {" ".join(form): Stepper(case, network, form) for form in forms}
        if arguments.compile:
            steppers["compiled"] = Stepper(case, network, forms[0], compiled=True)
        tell(arguments, case, compare(steppers, arguments.rounds))


def threads(arguments: argparse.Namespace) -> None:
    import torch

    most = len(os.sched_getaffinity(0))
    for case in chosen(arguments):
        torch.manual_seed(0)
        network = case.make()
        counts = (most, 1)
        steppers = {f"threads {count}": Stepper(case, network, FORMS[0], threads=count) for count in counts}
        tell(arguments, case, compare(steppers, arguments.rounds))


FLAGS = {None: ("amx_bf16",), "AVX512_CORE_BF16": ("avx512_bf16", "avx512_fp16"), "AVX512_CORE": ()}
"""What the processor with these limits tells of itself; measured was an Intel Xeon with AMX."""


def table(arguments: argparse.Namespace) -> None:
    """Results as a page shows them; where a case was measured twice, the later counts."""
    import torch

    from rumbo.training.options import FitOptions
    from rumbo.training.precision import choose

    rows = [json.loads(line) for line in arguments.out.read_text().splitlines()]
    latest = {row["case"]: row for row in rows if row["figure"] == "speed" and "compiled" not in row["forms"]}
    print("| network | fp32, ms | fp32 channels_last | bf16 | bf16 channels_last | the rule takes | of the fastest |")
    print("|---|---|---|---|---|---|---|")
    for case in CASES:
        if (row := latest.get(case.name)) is None:
            continue
        example, forms = [x[:1] for x in case.inputs()], row["forms"]
        flags = frozenset(FLAGS[row["isa"]])
        choice = choose(case.make(), example, case.batch, FitOptions(), torch.device("cpu"), flags)
        own = f"{choice.precision} {choice.layout}"
        share = forms[own]["ratio"] / max(form["ratio"] for form in forms.values())
        told = [f"{forms[' '.join(form)]['ratio']:.2f}" if " ".join(form) in forms else "" for form in FORMS[1:]]
        cells = [case.name, f"{forms['fp32 usual']['ms']:.1f}", *told, own, f"{share:.2f}"]
        print(f"| {' | '.join(cells)} |")


def accuracy(arguments: argparse.Namespace) -> None:
    """The same seeds, order and number of epochs in fp32 as usual and in bf16 + channels_last; both judged in fp32."""
    import torch

    torch.set_num_threads(arguments.threads)
    for name, options, pictures, epochs, batch in (
        ("convnet", {"width": 16}, fashion(arguments.data, 28, 10_000), 3, 64),
        ("resnet18", {}, fashion(arguments.data, arguments.side, 6_000), 2, 64),
        ("convnet", {"width": 16}, hymenoptera(arguments.data, 64), 20, 32),
    ):
        side, count = pictures[0].shape[-1], len(pictures[0])
        told = f"{name}, {count} pictures of {side} px, {epochs} epochs"
        if arguments.only and not any(text in told for text in arguments.only):
            continue
        scores = {form: [] for form in (FORMS[0], FORMS[-1])}
        for seed in arguments.seeds:
            for form, own in scores.items():
                start = time.process_time()
                own.append(100 * trained_accuracy(name, options, pictures, epochs, batch, seed, form))
                seconds = time.process_time() - start
                print(f"{told}, seed {seed}, {' '.join(form)}: {own[-1]:.2f} % ({seconds:.0f} s)", flush=True)
        usual, lower = scores.values()
        if len(usual) < 2:
            continue
        differences = [b - a for a, b in zip(usual, lower, strict=True)]
        mean, margin = statistics.mean(differences), interval(differences)
        print(
            f"{told}: fp32 {statistics.mean(usual):.2f} % (spread over seeds {statistics.stdev(usual):.2f}), "
            f"bf16 {statistics.mean(lower):.2f} %, difference {mean:+.2f} +- {margin:.2f} points",
            flush=True,
        )


def trained_accuracy(
    name: str, options: dict[str, Any], pictures: Any, epochs: int, batch: int, seed: int, form: tuple[str, str]
) -> float:
    import torch

    from rumbo import models
    from rumbo.core.inputs import InputSpec

    images, labels, test_images, test_labels = pictures
    torch.manual_seed(seed)
    spec = InputSpec(image=tuple(images.shape[1:]))
    network = models.build(name, spec, int(labels.max()) + 1, **options).train()
    context = torch.autocast("cpu", torch.bfloat16) if form[0] == "bf16" else nullcontext()
    memory = torch.channels_last if form[1] == "channels_last" else torch.contiguous_format
    network = network.to(memory_format=memory)
    num_steps = epochs * (len(images) // batch)
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=num_steps)
    for epoch in range(epochs):
        order = torch.randperm(len(images), generator=torch.Generator().manual_seed(1000 * seed + epoch))
        for rows in order[: len(order) // batch * batch].split(batch):
            with context:
                logits = network(images[rows].contiguous(memory_format=memory))
            loss = torch.nn.functional.cross_entropy(logits.float(), labels[rows])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
    network.eval()
    with torch.inference_mode():
        right = sum(
            int((network(part).argmax(1) == truth).sum())
            for part, truth in zip(test_images.split(500), test_labels.split(500), strict=True)
        )
    return right / len(test_labels)


def fashion(data: Path, side: int, count: int) -> Any:
    """The first pictures of Fashion-MNIST, enlarged where asked for, and 4,000 of its test set."""
    import numpy as np
    import torch

    def read(name: str, header: int, shape: tuple[int, ...], limit: int) -> Any:
        content = gzip.decompress((data / "fashion_mnist" / name).read_bytes())
        return torch.from_numpy(np.frombuffer(content, np.uint8, offset=header).reshape(-1, *shape)[:limit].copy())

    parts = []
    for prefix, limit in (("train", count), ("t10k", 4_000)):
        pixels = read(f"{prefix}-images-idx3-ubyte.gz", 16, (1, 28, 28), limit).float() / 255
        pixels = (pixels - 0.286) / 0.353
        if side != 28:
            pixels = torch.nn.functional.interpolate(pixels, (side, side), mode="bilinear", antialias=True)
        parts += [pixels, read(f"{prefix}-labels-idx1-ubyte.gz", 8, (), limit).long()]
    return parts


def hymenoptera(data: Path, side: int) -> Any:
    """Ants and bees: the photographs of its training part, and those of its other part to test."""
    import numpy as np
    import torch
    from PIL import Image

    parts: dict[str, tuple[list[Any], list[int]]] = {}
    with zipfile.ZipFile(data / "hymenoptera" / "hymenoptera_320.zip") as files:
        for name in sorted(files.namelist()):
            if name.lower().endswith(".jpg"):
                picture = Image.open(io.BytesIO(files.read(name))).convert("RGB").resize((side, side))
                pixels, labels = parts.setdefault("train" if "train" in name else "test", ([], []))
                pixels.append(np.asarray(picture).transpose(2, 0, 1))
                labels.append(int("bees" in name))
    both = []
    for part in ("train", "test"):
        pixels, labels = parts[part]
        both += [torch.from_numpy(np.stack(pixels)).float() / 127.5 - 1, torch.tensor(labels)]
    return both


def interval(differences: list[float]) -> float:
    """Half the width of Student's 95 % interval of the mean."""
    from scipy.stats import t

    count = len(differences)
    return float(t.ppf(0.975, count - 1)) * statistics.stdev(differences) / math.sqrt(count)


def chosen(arguments: argparse.Namespace) -> list[Case]:
    return [case for case in CASES if not arguments.only or any(text in case.name for text in arguments.only)]


def tell(arguments: argparse.Namespace, case: Case, result: dict[str, Any]) -> None:
    told = "; ".join(
        f"{name} {r['ms']:.2f} ms x{r['ratio']:.2f} ({r['low']:.2f}-{r['high']:.2f}; best {r['best']:.2f})"
        for name, r in result.items()
    )
    print(f"{case.name}: {told}", flush=True)
    if arguments.out:
        row = {
            "figure": arguments.figure,
            "isa": arguments.isa,
            "threads": arguments.threads,
            "case": case.name,
            "load": os.getloadavg()[0],
        }
        with arguments.out.open("a") as file:
            file.write(json.dumps(row | {"forms": result}) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figure", choices=("speed", "threads", "table", "accuracy"))
    parser.add_argument("--only", nargs="*", help="cases whose name holds one of these texts")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--isa", help="the most that oneDNN may use, e.g. AVX512_CORE_BF16")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--compile", action="store_true", help="compare the last form with torch.compile of it")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("RUMBO_TEST_DATA", "../shared/data")))
    parser.add_argument("--seeds", type=int, nargs="*", default=(0, 1, 2))
    parser.add_argument("--side", type=int, default=32, help="px of the pictures of resnet18 in `accuracy`")
    parser.add_argument("--out", type=Path, help="append results to this file as JSON lines; `table` reads it")
    arguments = parser.parse_args()
    if arguments.isa and os.environ.get("ONEDNN_MAX_CPU_ISA") != arguments.isa:  # read when the library is loaded
        os.environ["ONEDNN_MAX_CPU_ISA"] = arguments.isa
        os.execv(sys.executable, [sys.executable, *sys.argv])
    {"speed": speed, "threads": threads, "table": table, "accuracy": accuracy}[arguments.figure](arguments)


if __name__ == "__main__":
    main()
