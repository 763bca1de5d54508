"""Run every experiment and write docs/lab.md with its picture, its table and what it found.

    python docs/draw_lab.py --data FOLDER [NAME …]

FOLDER holds the real data sets; the weighted averages run on its temperature series. Without names all experiments
run. A page made on another machine differs in its times.
"""

import argparse
import inspect
import json
import shutil
import tempfile
from pathlib import Path

from generate import table

import rumbo
from rumbo.core.messages import use_language
from rumbo.lab import experiments

DOCS = Path(__file__).parent
PICTURES = DOCS / "images" / "lab"
SOURCES = {"averages": "time_series/daily-min-temperatures.csv"}
MAX_ROWS = 14
HEAD = """<!-- Written by docs/draw_lab.py. Change the program, then run it again. -->

# Experiments of the course

`rumbo lab` lists the experiments, `rumbo lab NAME` runs one: a picture, a table and a sentence about what the numbers
say, in seconds. The folder `lab/NAME` gets `picture.png`, `table.csv` and `result.json`. `--set` changes an
experiment's options, which `rumbo lab NAME --list-options` lists, and `--seed` its randomness. From Python it is
`rumbo.experiment("NAME")`. Pictures and figures below are of one run on two processor cores."""


def main() -> None:
    """Run, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--data", type=Path, required=True)
    arguments = parser.parse_args()
    use_language("en")
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name in arguments.names or experiments.names():
        with tempfile.TemporaryDirectory() as place:
            source = arguments.data / SOURCES[name] if name in SOURCES else None
            done = rumbo.experiment(name, source, out=Path(place) / name)
            for made, kept in (("picture.png", f"{name}.png"), ("result.json", f"{name}.json")):
                shutil.copy(done.folder / made, PICTURES / kept)
        print(name, done.result.finding)
    (DOCS / "lab.md").write_text("\n\n".join([HEAD, *map(section, experiments.names())]) + "\n", encoding="utf-8")


def section(name: str) -> str:
    """Question, command, picture, table, finding of the last run."""
    found = json.loads((PICTURES / f"{name}.json").read_text(encoding="utf-8"))
    source = f" {Path(SOURCES[name]).name}" if name in SOURCES else ""
    text = inspect.cleandoc(experiments.get(name).__doc__ or "")
    rows = [[_cell(value) for value in row] for row in found["rows"][:MAX_ROWS]]
    parts = [
        f"## {name}",
        experiments.index[name].sentence,
        text,
        f"```shell\nrumbo lab {name}{source}\n```",
        f"![{found['title']}](images/lab/{name}.png)",
        table(found["columns"], rows),
        found["finding"],
    ]
    if (left := len(found["rows"]) - MAX_ROWS) > 0:
        parts.insert(-1, f"… and {left} rows more in `table.csv`.")
    return "\n\n".join(parts)


def _cell(value: object) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
