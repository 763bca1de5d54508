"""A program: publish a checkpoint again and again, killed with SIGKILL at its 1st, 2nd, ... call that touches the disk.

Prints the number of points and what was wrong after each, as JSON. Forks, so nothing heavy is imported here.
"""

import json
import os
import shutil
import signal
import sys
from pathlib import Path

from rumbo.runs.publisher import clean, latest, publish

CALLS = ("open", "write", "fsync", "rename", "mkdir", "unlink", "rmdir", "close")
OLD, NEW = ({"state.json": letter * 3000, "state.safetensors": letter * 70_000} for letter in (b"o", b"n"))


def publish_and_die(checkpoints: Path, place: int) -> None:
    count = 0

    def wrap(real):
        def call(*arguments, **keywords):
            nonlocal count
            count += 1
            if count == place:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **keywords)

        return call

    for name in CALLS:
        setattr(os, name, wrap(getattr(os, name)))
    publish(checkpoints, 2, NEW, keep=1)
    os._exit(0)


def main(folder: Path) -> None:
    wrong, place, status = [], 0, 1
    while status != 0:
        place += 1
        checkpoints = folder / str(place)
        publish(checkpoints, 1, OLD)
        child = os.fork()
        if child == 0:
            publish_and_die(checkpoints, place)
        status = os.waitpid(child, 0)[1]
        found = latest(checkpoints)
        if found is None or found.skipped or found.files != {1: OLD, 2: NEW}.get(found.step):
            wrong.append(place)
        clean(checkpoints)
        if any(path.name.startswith(".tmp") for path in checkpoints.iterdir()):
            wrong.append(place)
        shutil.rmtree(checkpoints)
    print(json.dumps({"points": place - 1, "wrong": wrong}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
