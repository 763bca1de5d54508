"""How long a manifest of many rows takes to open, and how much memory: `python bench/manifest.py --rows 1000000`.

Numeric tables of ten columns, and tables of picture paths with labels (1,000 real files, named again and again), as CSV
and as Parquet; each is opened in a process of its own. The target: a million rows in under 2 seconds and 1 GiB.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
from PIL import Image

NUM_PICTURES = 1000
OPEN = """
import json, pathlib, re, sys, time
from rumbo.data import open_data
start, start_cpu = time.perf_counter(), time.process_time()
data = open_data(sys.argv[1])
seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - start_cpu
status = pathlib.Path("/proc/self/status").read_text()
peak = int(re.search(r"VmHWM:\\s+(\\d+)", status)[1]) / 1024
print(json.dumps({"rows": len(data), "seconds": seconds, "cpu_seconds": cpu_seconds, "peak_mib": peak,
                  "images": data.images is not None, "numbers": len(data.numbers)}))
"""


def write_tables(folder: Path, num_rows: int) -> list[Path]:
    """The four tables."""
    rng = np.random.default_rng(0)
    numbers = {f"x{column}": rng.standard_normal(num_rows).round(6) for column in range(9)}
    numeric = pl.DataFrame({**numbers, "label": rng.integers(0, 3, num_rows)})
    (folder / "pictures").mkdir()
    for number in range(NUM_PICTURES):
        pixels = rng.integers(0, 256, (8, 8), np.uint8)
        Image.fromarray(pixels).save(folder / f"pictures/{number:04}.png")
    rows = np.arange(num_rows)
    paths = pl.DataFrame({"number": rows % NUM_PICTURES, "label": rows % 7}).select(
        pl.format("pictures/{}.png", pl.col("number").cast(pl.String).str.zfill(4)).alias("file"),
        pl.format("class{}", "label").alias("label"),
    )
    for name, table in (("numbers", numeric), ("paths", paths)):
        table.write_csv(folder / f"{name}.csv")
        table.write_parquet(folder / f"{name}.parquet")
    return [folder / f"{name}.{kind}" for name in ("numbers", "paths") for kind in ("csv", "parquet")]


def measure(path: Path) -> dict[str, float]:
    """Open one table in a new process."""
    done = subprocess.run([sys.executable, "-c", OPEN, str(path)], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = {path.name: measure(path) for path in write_tables(Path(folder), options.rows)}
    if options.json:
        print(json.dumps(found))
        return
    for name, met in found.items():
        times = f"{met['seconds']:5.2f} s, {met['cpu_seconds']:5.2f} s of processors"
        print(f"{name:16} {met['rows']:9} rows: {times}, at most {met['peak_mib']:4.0f} MiB")


if __name__ == "__main__":
    main()
