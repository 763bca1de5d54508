"""Training speed beside other programs, in alternating rounds.

    python bench/engine.py lenet5 resnet18 resnet50 lstm [--peers DIR] [--rounds N] [--threads N] [--only NAMES]

Every competitor is a process that stays; they take rounds in turn (A B C A B C), so that what slows the machine for a
while hits all. Told are medians, least and most of our speed divided by theirs, round by round, and in brackets the
same of processor time, which other programs on the machine disturb less. What is measured: `rumbo bench --list`; the
loop by hand is the one of that command. Peers get their pictures as floats, made in advance.

--peers is a folder of virtual environments; whichever there has a library takes part with it. To make them:

    uv venv PEERS/torch && . PEERS/torch/bin/activate
    uv pip install torch torchvision lightning fastai timm keras "jax[cpu]"
    uv venv PEERS/tf && . PEERS/tf/bin/activate
    uv pip install tensorflow-cpu keras
"""

import argparse
import importlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

ROWS = ("lenet5", "resnet18", "resnet50", "lstm")
OURS = "rumbo"


class Peer(NamedTuple):
    """Who takes part: a function in `peers`, the library that it needs, and the rows that it has."""

    address: str
    library: str
    rows: tuple[str, ...]
    backend: str = ""


PEERS = {
    OURS: Peer("rumbo_loops:ours", "rumbo", ROWS),
    "by hand": Peer("rumbo_loops:by_hand", "rumbo", ROWS),
    "Dataset + DataLoader": Peer("pytorch_loops:usual", "rumbo", ("lenet5",)),
    "Lightning": Peer("lightning_loops:loop", "lightning", ("lenet5",)),
    "fastai": Peer("fastai_loops:loop", "fastai", ("lenet5",)),
    "timm": Peer("timm_loops:loop", "timm", ("resnet18", "resnet50")),
    "Keras on JAX": Peer("keras_loops:loop", "jax", ROWS, "jax"),
    "Keras on TensorFlow": Peer("keras_loops:loop", "tensorflow", ROWS, "tensorflow"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="+", choices=ROWS)
    parser.add_argument("--peers", type=Path, help="folder of virtual environments")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--only", nargs="*", help="beside ours; all by default")
    parser.add_argument("--out", type=Path, help="append the result to this file as JSON lines, too")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        return serve(arguments.serve, arguments.rows[0])
    found = pythons(arguments.peers, arguments.only)
    for row in arguments.rows:
        result = {"figure": "engine", "row": row, **measure(row, found, arguments.rounds, arguments.threads)}
        if arguments.out:
            with arguments.out.open("a") as file:
                file.write(json.dumps(result) + "\n")


def serve(name: str, row: str) -> None:
    from peers.work import serve

    module, _, function = PEERS[name].address.partition(":")
    serve(getattr(importlib.import_module(f"peers.{module}"), function)(row))


def pythons(folder: Path | None, only: list[str] | None) -> dict[str, str]:
    """The interpreter of each competitor that can run here."""
    found = {name: sys.executable for name, peer in PEERS.items() if peer.library == "rumbo"}
    for python in sorted(folder.expanduser().resolve().glob("*/bin/python")) if folder else []:
        for name, peer in PEERS.items():
            code = f"import importlib.util as u; raise SystemExit(u.find_spec('{peer.library}') is None)"
            if name not in found and subprocess.run([python, "-c", code], check=False).returncode == 0:
                found[name] = str(python)
    return {name: found[name] for name in PEERS if name in found and (not only or name in only or name == OURS)}


def measure(row: str, pythons: dict[str, str], rounds: int, threads: int) -> dict[str, Any]:
    """All competitors of a row in turn."""
    print(f"{row}: load {os.getloadavg()[0]:.1f}, {threads} threads", flush=True)
    workers: dict[str, subprocess.Popen[str]] = {}
    with tempfile.TemporaryDirectory(prefix="engine-") as place:
        for name, python in pythons.items():
            if row in PEERS[name].rows:
                errors = Path(place) / f"{len(workers)}.txt"
                worker = start(name, python, row, threads, errors)
                if worker.stdout is not None and worker.stdout.readline():
                    workers[name] = worker
                else:
                    print(f"{name} did not start: {errors.read_text()[-300:]}", flush=True)
        answers: dict[str, list[dict[str, float]]] = {name: [] for name in workers}
        for index in range(rounds):
            for name, worker in workers.items():
                answers[name].append(one_round(worker))
            print(
                f"  round {index + 1}: " + ", ".join(rates_of(name, answers[name][-1]) for name in answers), flush=True
            )
        for worker in workers.values():
            worker.communicate()
    return tell(answers, rounds, threads)


def start(name: str, python: str, row: str, threads: int, errors: Path) -> "subprocess.Popen[str]":
    """A competitor's process; its first line says that it has warmed up."""
    peer = PEERS[name]
    settings = os.environ | {"OMP_NUM_THREADS": str(threads), "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
    settings |= {"TF_NUM_INTRAOP_THREADS": str(threads), "PYTHONWARNINGS": "ignore"}
    if peer.backend:
        settings |= {"KERAS_BACKEND": peer.backend}
    if threads == 1:
        settings |= {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"}
    command = [python, __file__, row, "--serve", name]
    with errors.open("w") as file:
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=settings, stdin=pipe, stdout=pipe, stderr=file, text=True)


def one_round(worker: "subprocess.Popen[str]") -> dict[str, float]:
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write("go\n")
    worker.stdin.flush()
    return json.loads(worker.stdout.readline())


def tell(answers: dict[str, list[dict[str, float]]], rounds: int, threads: int) -> dict[str, Any]:
    """Medians of rates and of our ratios."""
    result: dict[str, Any] = {"rounds": rounds, "threads": threads, "load": os.getloadavg()[0], "peers": {}}
    for name, given in answers.items():
        rates, ratios = ([answer["items"] / answer["seconds"] for answer in given], ratios_of(answers, name, "seconds"))
        work = statistics.median(ratios_of(answers, name, "work"))
        told = {"per_second": statistics.median(rates), "most_per_second": max(rates), "loss": given[-1]["loss"]}
        ours = {"median": statistics.median(ratios), "least": min(ratios), "most": max(ratios), "processor_time": work}
        result["peers"][name] = told | {"ours": ours}
        print(
            f"  {name:22} {told['per_second']:9.1f}/s  loss {told['loss']:.3f}  rumbo is {ours['median']:.2f} x "
            f"({ours['least']:.2f} to {ours['most']:.2f}; processor time {work:.2f} x)",
            flush=True,
        )
    return result


def rates_of(name: str, answer: dict[str, float]) -> str:
    """Items in a second, and in a second of processor time."""
    return f"{name} {answer['items'] / answer['seconds']:.0f} ({answer['items'] / max(answer['work'], 1e-9):.0f})"


def ratios_of(answers: dict[str, list[dict[str, float]]], name: str, kind: str) -> list[float]:
    """Our items in a second divided by theirs, round by round."""
    return [
        ours["items"] / max(ours[kind], 1e-9) / (theirs["items"] / max(theirs[kind], 1e-9))
        for ours, theirs in zip(answers[OURS], answers[name], strict=True)
    ]


if __name__ == "__main__":
    main()
