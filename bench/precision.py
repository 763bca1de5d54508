"""One step of training in several precisions and layouts, beside each other, and what the rule of rumbo chooses.

    python bench/precision.py speed    [--only TEXT] [--isa NAME] [--rounds N] [--compile] [--out FILE]
    python bench/precision.py threads  [--only TEXT] [--rounds N] [--out FILE]
    python bench/precision.py table    --out FILE
    python bench/precision.py accuracy [--data FOLDER] [--seeds N]

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
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROUNDS, CHUNK_SECONDS = 9, 0.08
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
    picture("convnet", 64, 64, width=64),
    picture("resnet18", 32, 16),
    picture("resnet18", 32, 64),
    picture("resnet18", 32, 256),
    picture("resnet18", 64, 64),
    picture("resnet18", 224, 16),
    picture("resnet50", 64, 32),
    picture("resnet50", 224, 16),
    picture("mobilenet_v2", 64, 32),
    picture("mobilenet_v2", 224, 16),
    picture("squeezenet1_1", 64, 32),
    picture("squeezenet1_1", 224, 16),
    picture("vgg16", 64, 16),
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
    recurrent(128, 1, 64, 32),
    recurrent(128, 2, 64, 128),
    recurrent(256, 1, 64, 32),
    recurrent(256, 2, 64, 64),
    recurrent(512, 2, 128, 16),
    recurrent(512, 2, 128, 64),
    recurrent(1024, 1, 64, 64),
    recurrent(256, 1, 64, 64, kind="GRU"),
    recurrent(512, 2, 64, 64, kind="GRU"),
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
    rounds = rounds or (ROUNDS if slowest < 0.2 else ROUNDS // 2 + 1 if slowest < 1 else 3)
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
    parser.add_argument("--out", type=Path, help="append results to this file as JSON lines; `table` reads it")
    arguments = parser.parse_args()
    if arguments.isa and os.environ.get("ONEDNN_MAX_CPU_ISA") != arguments.isa:  # read when the library is loaded
        os.environ["ONEDNN_MAX_CPU_ISA"] = arguments.isa
        os.execv(sys.executable, [sys.executable, *sys.argv])
    {"speed": speed, "threads": threads}[arguments.figure](arguments)


if __name__ == "__main__":
    main()
