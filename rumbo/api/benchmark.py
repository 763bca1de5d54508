"""How fast the loop is on this machine, beside loops written by hand."""

import json
import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rumbo.api.sources import Progress
from rumbo.core.devices import cpu_flags, num_cores
from rumbo.core.errors import UsageError, unknown_name
from rumbo.core.messages import t
from rumbo.core.plain import plain
from rumbo.runs.files import write_file
from rumbo.speed.index import INDEX
from rumbo.speed.race import Race, Result, races, run

BF16_FLAGS = ("avx512_bf16", "amx_bf16")


@dataclass(frozen=True)
class Machine:
    """Where it was measured.

    Attributes:
        cores: that this process may use.
        threads: that torch computes with.
        flags: instruction sets that matter.
        torch: its version.
        load: programs that wanted a core in the minute before; None where the system does not tell.
    """

    cores: int
    threads: int
    flags: tuple[str, ...]
    torch: str
    load: float | None

    @property
    def bf16_flags(self) -> tuple[str, ...]:
        """Those of bf16."""
        return tuple(flag for flag in BF16_FLAGS if flag in self.flags)


@dataclass(frozen=True)
class Benchmark:
    """What was measured.

    Attributes:
        machine: where.
        results: one per race, in the order of the table.
    """

    machine: Machine
    results: tuple[Result, ...]

    def to_dict(self) -> dict[str, Any]:
        """Everything but the losses of single steps, as JSON types."""
        return plain({"machine": vars(self.machine), "rows": [_facts(result) for result in self.results]})


def bench(
    rows: Sequence[str] | None = None,
    *,
    rounds: int | None = None,
    data: str | Path | None = None,
    out: str | Path | None = None,
    progress: Progress | None = None,
) -> Benchmark:
    """Train in our loop and in one written by hand, in turns, and compare.

    Args:
        rows: of the table, as `rumbo bench --list` names them; none measures all.
        rounds: timed rounds of each row, >= 1; none takes each row's own number.
        data: pictures for lenet5, such as Fashion-MNIST's folder; none makes some up.
        out: a new file for the numbers, as JSON.
        progress: sees (what, rounds done, rounds in all).

    Raises:
        UnknownName: no such row.
        UsageError: no rows, rounds below 1, data that no row uses, or the file exists.
        DataError: the data have no pictures with classes.
        StorageError: the file cannot be written.
    """
    chosen = list(INDEX) if rows is None else list(dict.fromkeys(rows))
    _check(chosen, rounds, data, out)
    measured: list[Result] = []
    machine = _machine()
    for place, name in enumerate(chosen):
        for race in races.get(name)(None if data is None else Path(data)):
            measured.append(_run(race, rounds, progress, place, len(chosen)))
    found = Benchmark(machine, tuple(measured))
    if out is not None:
        write_file(Path(out), (json.dumps(found.to_dict(), indent=1) + "\n").encode())
    return found


def _check(rows: Sequence[str], rounds: int | None, data: str | Path | None, out: str | Path | None) -> None:
    for name in rows:
        if name not in INDEX:
            raise unknown_name("row", name, INDEX)
    if not rows:
        raise UsageError(t("no row is named. Known: {names}.", names=", ".join(INDEX)))
    if rounds is not None and rounds < 1:
        raise UsageError(t("rounds={count} must be at least 1.", count=rounds))
    if data is not None and "lenet5" not in rows:
        raise UsageError(t("'{path}' would not be used: of the rows only lenet5 takes data.", path=data))
    if out is not None and not Path(out).parent.is_dir():
        raise UsageError(t("there is no folder '{path}' for --out.", path=Path(out).parent))
    if out is not None and Path(out).exists():
        raise UsageError(t("{path} exists already. Choose another file with --out.", path=out))


def _run(race: Race, rounds: int | None, progress: Progress | None, place: int, num_rows: int) -> Result:
    """One race; progress counts in hundredths of a row."""
    total = race.rounds if rounds is None else rounds

    def show(done: int) -> None:
        if progress is not None:
            progress(race.name, 100 * place + 100 * done // total, 100 * num_rows)

    return run(race, rounds=rounds, show=show)


def _machine() -> Machine:
    import torch

    return Machine(
        cores=num_cores(),
        threads=torch.get_num_threads(),
        flags=tuple(sorted(cpu_flags())),
        torch=torch.__version__,
        load=round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    )


def _facts(result: Result) -> dict[str, Any]:
    race = result.race
    ours, by_hand = statistics.median(result.ours.clock), statistics.median(result.by_hand.clock)
    return {
        "name": race.name,
        "unit": race.unit,
        "items_per_step": race.items,
        "steps_per_round": race.steps,
        "rounds": len(result.ratios),
        "ours_per_second": race.items / ours,
        "by_hand_per_second": race.items / by_hand,
        "ours_ms": 1000 * ours,
        "by_hand_ms": 1000 * by_hand,
        "ratio": {"median": result.ratio, "least": min(result.ratios), "most": max(result.ratios)},
        "processor_time_ratio": result.work_ratio,
        "overhead_percent": result.overhead_percent,
        "precision": race.choice.precision,
        "layout": race.choice.layout,
        "loss_difference": result.loss_difference,
        "mean_loss_difference": result.mean_loss_difference,
        "strangers_fraction": result.strangers_fraction,
    }
