"""How long `rumbo check` takes on 10,000 photographs: every one decoded apart, compared, split and looked at.

    python bench/checking.py [--count 10000] [--data FOLDER] [--out FILE]

The photographs are made as in loading.py: 500 x 375 px, about 55 KB, parts of real ones. Many parts of few photographs
resemble each other, which makes the search for near duplicates harder than on photographs that people took.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from loading import make_pictures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("RUMBO_TEST_DATA", "../shared/data")))
    parser.add_argument("--out", type=Path, help="append the JSON line to this file, too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="checking-") as place:
        folder = Path(place) / "pictures"
        make_pictures(arguments.data, folder, arguments.count)
        command = [sys.executable, "-m", "rumbo", "check", str(folder), "--fail-on", "never", "--json"]
        start = time.monotonic()
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
        seconds = time.monotonic() - start
    found = json.loads(answer.stdout.splitlines()[-1])
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    line = {
        "figure": "checking",
        "pictures": found["items"],
        "seconds": round(seconds, 1),
        "processor_seconds": round(used.ru_utime + used.ru_stime, 1),
        "peak_mib": used.ru_maxrss // 1024,
        "findings": [finding["code"] for finding in found["findings"]],
        "load": os.getloadavg()[0],
    }
    print(json.dumps(line))
    if arguments.out:
        with arguments.out.open("a") as file:
            file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
