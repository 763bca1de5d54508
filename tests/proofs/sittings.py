"""Commands of `rumbo` in processes that can be killed, and what must be equal in runs that were and were not."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

from rumbo.runs.publisher import latest

LIMIT_SECONDS = 120
"""A process that has not ended by then hangs."""


@dataclass(frozen=True)
class End:
    """How a process ended.

    Attributes:
        code: the exit code, or minus the signal that killed it.
        seconds: from its start to its end.
        seconds_after_signal: from the first signal to its end.
        is_hung: it had to be killed after the limit.
        place: where it was: preparing, stepping, saving, evaluating or finishing.
        saved: the step of the newest checkpoint that it had been told is saved; -1 before the first.
        orphans: it left processes behind.
        told: what it printed.
    """

    code: int
    seconds: float
    seconds_after_signal: float | None
    is_hung: bool
    place: str
    saved: int
    orphans: bool
    told: str


class ForkServer:
    """Starts a process in milliseconds in which everything heavy has been imported."""

    def __init__(self) -> None:
        program = Path(__file__).with_name("fork_server.py")
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "LC_ALL": "C.UTF-8"}
        self._process = subprocess.Popen(
            [sys.executable, program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(LIMIT_SECONDS)
        self._process.stdout.close()

    def run(
        self,
        *words: object,
        folder: Path,
        signals: Sequence[tuple[float, int]] = (),
        from_first_step: bool = False,
        faults: dict[str, dict[str, Any]] | None = None,
        cores: int | None = None,
        copies: int = 1,
        limit: float = LIMIT_SECONDS,
    ) -> list[End]:
        """Run `rumbo words...` in a folder, as many copies at once as asked for; ends in the order of ending.

        Args:
            words: the command.
            folder: where it runs.
            signals: moments in seconds after its start, and what is sent then.
            from_first_step: moments are counted from the first step instead.
            faults: functions of `faults.py` and `poison.py` by name, with their keywords.
            cores: how many there seem to be, which is how many threads decode.
            copies: of the process.
            limit: seconds after which it counts as hung.
        """
        output = folder / "told.txt"
        output.write_text("")
        order = {
            "words": [str(word) for word in words],
            "folder": str(folder),
            "output": str(output),
            "signals": sorted(signals),
            "from_first_step": from_first_step,
            "faults": faults or {},
            "cores": cores,
            "copies": copies,
            "limit": limit,
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        ends = json.loads(self._process.stdout.readline())
        told = output.read_text(encoding="utf-8", errors="replace")
        return [End(told=told, **end) for end in ends]


def strict(text: str | bytes) -> Any:
    """JSON as the standard has it: NaN and infinity are none."""

    def refuse(word: str) -> None:
        raise ValueError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


def outcome(run: Path) -> dict[str, Any]:
    """All of a finished run that must not depend on how often it was interrupted; no time is in it."""
    with (run / "results.csv").open(newline="", encoding="utf-8") as file:
        results = [{name: cell for name, cell in row.items() if name != "time_s"} for row in csv.DictReader(file)]
    report = strict((run / "report.json").read_bytes())
    checkpoint = latest(run / "checkpoints")
    assert checkpoint is not None
    assert checkpoint.skipped == ()
    numbers = strict(checkpoint.files["state.json"])
    return {
        "weights": sha256((run / "model" / "model.safetensors").read_bytes()).hexdigest(),
        "metrics": report["metrics"],
        "ended by": (report["ended_by"], report["epochs"], report["best_epoch"]),
        "results": results,
        "events": (run / "events.jsonl").read_text(encoding="utf-8"),
        # Weights, optimizer, average and the best weights so far, as the last checkpoint has them.
        "state": sha256(checkpoint.files["state.safetensors"]).hexdigest(),
        "position": {name: value for name, value in numbers.items() if name not in ("seconds", "extra")},
        "predictions": {path.name: sha256(path.read_bytes()).hexdigest() for path in run.glob("predictions/*")},
    }
