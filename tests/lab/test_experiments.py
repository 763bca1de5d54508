"""What every experiment of the lab keeps, registered is tested."""

import contextlib
import json
import os
import random
import re
import warnings
from pathlib import Path
from types import SimpleNamespace

import matplotlib
import numpy as np
import polars  # noqa: F401, what imports change of the process is none of the experiments' doing
import pytest
import sklearn.datasets  # noqa: F401, as before
import torch
import torch._dynamo  # which an optimizer imports when it is made

import rumbo.lab
from rumbo.api.laboratory import experiment, facts
from rumbo.cli.tables import table
from rumbo.core.errors import DataError, OptionError, UnknownName, UsageError
from rumbo.core.messages import use_language
from rumbo.core.options import all_options
from rumbo.lab import experiments
from rumbo.lab.index import INDEX
from rumbo.plots.drawing import MAX_LETTERS, draw_panels
from rumbo.plots.panels import Lines, Surface
from rumbo.plots.style import to_png

SMALL: dict[str, dict[str, str]] = {
    "vectorized": {"num_features": "5", "largest": "20", "repeats": "1"},
    "averages": {},
    "schedules": {"epochs": "8"},
    "optimizer_paths": {"steps": "20"},
    "initialization": {"depth": "4", "width": "10", "examples": "20"},
    "edges": {"longest_side": "64"},
    "convolution": {},
    "bias_variance": {"draws": "5", "largest": "5"},
    "learning_rates": {"num_rates": "3", "width": "4", "epochs": "2"},
    "batch_size": {"width": "4", "epochs": "1"},
    "boundary": {"steps": "75"},
    "adaptive_end": {"trainings": "2", "rates": "1", "epochs": "1", "width": "8", "optimizers": "adam"},
    "landscape": {"steps": "2", "examples": "20"},
}
"""Settings with which each is quick."""

MEASURED_TIMES: dict[str, set[int]] = {"vectorized": {1, 2, 3}, "batch_size": {2}}
"""Columns with times of this machine, which no seed repeats."""

MAX_WIDTH = 140
THERE = list(INDEX)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Each experiment with its small settings, run once, and what it changed of the process."""
    kept = {}

    def run(name):
        if name not in kept:
            out = tmp_path_factory.mktemp(name) / "out"
            before = process_state()
            found = experiment(name, options=SMALL[name], out=out)
            kept[name] = SimpleNamespace(before=before, after=process_state(), **vars(found))
        return kept[name]

    return run


def process_state() -> dict[str, object]:
    return {
        "random": random.getstate(),
        "numpy": [part.tolist() if isinstance(part, np.ndarray) else part for part in np.random.get_state()],  # noqa: NPY002
        "torch": torch.get_rng_state().tolist(),
        "torch's type": torch.get_default_dtype(),
        "torch's threads": torch.get_num_threads(),
        "gradients": torch.is_grad_enabled(),
        "numpy's errors": np.geterr(),
        "printing": {key: value for key, value in np.get_printoptions().items() if key != "formatter"},
        "matplotlib": dict(matplotlib.rcParams),
        "warnings": list(warnings.filters),
        "environment": dict(os.environ),
        "folder": Path.cwd(),
    }


def small(name: str):
    chosen = experiments.get(name)()
    for path, text in SMALL[name].items():
        chosen = chosen.override(path, text)
    return chosen


def test_the_index_names_what_the_files_register():
    files = Path(rumbo.lab.__file__).parent.glob("*.py")
    registered = {
        (name, f"rumbo.lab.{path.stem}")
        for path in files
        for name in re.findall(r'^@experiments.register\("(.*)"\)$', path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert registered == {(name, INDEX[name].module) for name in THERE}
    assert tuple(experiments.names()) == tuple(INDEX)


def test_every_experiment_has_small_settings():
    assert set(SMALL) == set(THERE)


@pytest.mark.parametrize("name", THERE)
def test_options_and_purpose_are_told(name):
    kind = experiments.get(name)
    assert kind.__doc__
    assert "Source:" in kind.__doc__
    assert "." in INDEX[name].sentence or "?" in INDEX[name].sentence
    for path, (default, sentence) in all_options(kind).items():
        assert sentence, path
        assert default is not None, path
    takes = kind.takes()
    assert takes is None or takes


@pytest.mark.parametrize("name", THERE)
def test_the_table_is_one(name, done):
    result = done(name).result
    assert result.title
    assert result.finding.endswith(".")
    assert "nan" not in result.finding.split()
    assert len(result.rows) >= 1
    assert {len(row) for row in result.rows} == {len(result.columns)}
    assert {type(cell) for row in result.rows for cell in row} <= {str, int, float, type(None)}
    assert len(set(result.columns)) == len(result.columns)
    lines = table(result.columns, result.rows).splitlines()
    assert max(map(len, lines)) <= MAX_WIDTH


@pytest.mark.parametrize("name", THERE)
def test_everything_is_strict_json(name, done):
    found = done(name)
    told = facts(found.name, found.settings, found.result)
    stored = json.loads((found.folder / "result.json").read_text())
    assert json.loads(json.dumps(told, allow_nan=False)) == stored
    assert stored["experiment"] == name
    # The stored settings are those of the same experiment again.
    assert experiments.get(name).from_dict(stored["settings"]) == small(name)


@pytest.mark.parametrize("name", THERE)
def test_files_are_there(name, done):
    found = done(name)
    assert sorted(path.name for path in found.folder.iterdir()) == ["picture.png", "result.json", "table.csv"]
    assert (found.folder / "picture.png").read_bytes().startswith(b"\x89PNG")
    assert len((found.folder / "table.csv").read_text().splitlines()) == 1 + len(found.result.rows)


@pytest.mark.parametrize("name", THERE)
def test_panels_fit_together(name, done):
    for panel in done(name).result.panels:
        assert len(panel.title) <= MAX_LETTERS
        for line in panel.lines if isinstance(panel, Lines) else panel.paths if isinstance(panel, Surface) else ():
            assert len(line.x) == len(line.y) > 0
            assert np.isfinite(line.y).any() or line.name, "a line of which nothing is seen and nothing is said"


@pytest.mark.parametrize("name", THERE)
def test_the_same_seed_gives_the_same_numbers_in_every_language(name, done):
    use_language("es")
    again = small(name).run(None)
    assert to_png(draw_panels(again.panels, num_columns=again.num_columns), dots_per_inch=30).startswith(b"\x89PNG")
    use_language(None)
    assert numbers(name, again.rows) == numbers(name, done(name).result.rows)


def numbers(name: str, rows) -> list[list[object]]:
    """The cells but those of measured times, and words, which are translated."""
    left_out = MEASURED_TIMES.get(name, set())
    return [
        [cell for place, cell in enumerate(row) if place not in left_out and not isinstance(cell, str)] for row in rows
    ]


@pytest.mark.parametrize("name", THERE)
def test_the_process_is_left_as_it_was(name, done):
    found = done(name)
    assert [key for key in found.before if found.before[key] != found.after[key]] == []


@pytest.mark.parametrize("name", THERE)
def test_a_source_is_taken_or_refused(name, tmp_path):
    if experiments.get(name).takes() is None:
        with pytest.raises(UsageError, match="takes no data"):
            experiment(name, tmp_path)
    else:
        with pytest.raises(UsageError, match="there is no file or folder"):
            experiment(name, tmp_path / "nothing")
        with pytest.raises((DataError, UsageError)) as caught:
            experiment(name, tmp_path, out=tmp_path / "out", options=SMALL[name])
        assert len(str(caught.value)) > 20
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", THERE)
def test_bad_options_are_refused(name):
    with pytest.raises(OptionError, match="at least 0"):
        experiment(name, seed=-1)
    with pytest.raises(UnknownName, match="nonsense"):
        experiment(name, options={"nonsense": "1"})


@pytest.mark.parametrize(
    ("name", "option"), [("averages", "column=zz"), ("boundary", "features=a,b"), ("boundary", "target=c")]
)
def test_options_about_a_source_are_refused_without_one(name, option, tmp_path):
    path, _, text = option.partition("=")
    with pytest.raises(UsageError, match=f"option '{path}' is about SOURCE, but no SOURCE is given"):
        experiment(name, options={path: text}, out=tmp_path / "out")


def test_options_about_the_experiment_s_own_data_are_refused_with_a_source(tmp_path):
    with pytest.raises(UsageError, match="option 'model' is for runs of the experiment without SOURCE"):
        experiment("landscape", tmp_path, options={"model": "mlp"})


@pytest.mark.parametrize("name", THERE)
def test_options_that_go_with_data_are_options(name):
    kind = experiments.get(name)
    assert {*kind.about_source, *kind.about_own_data} <= set(all_options(kind))
    assert kind.takes() is not None or not (kind.about_source or kind.about_own_data)


@pytest.mark.parametrize(
    ("name", "path", "value", "wanted"),
    [
        ("averages", "betas", [0.9], [0.9]),
        ("averages", "betas", (0.9, np.float64(0.5)), [0.9, 0.5]),
        ("averages", "betas", np.array([0.9, 0.5]), [0.9, 0.5]),
        ("averages", "betas", "0.9,0.5", [0.9, 0.5]),
        ("averages", "shown", 20, 20),
        ("convolution", "n", np.int64(5), 5),
    ],
)
def test_options_are_python_values_or_text(name, path, value, wanted, tmp_path):
    assert experiment(name, options={path: value}, out=tmp_path / "out").settings[path] == wanted


def test_values_that_are_no_options_and_sources_that_are_no_paths_are_refused():
    with pytest.raises(UsageError, match=r"option 'betas' must be text, a number, .* not \{0\.9\}"):
        experiment("averages", options={"betas": {0.9}})
    with pytest.raises(OptionError, match=r"shown='true' must be a whole number"):
        experiment("averages", options={"shown": True})
    with pytest.raises(UsageError, match="SOURCE must be a path, not 3"):
        experiment("averages", 3)


def test_folders_are_numbered(tmp_path):
    with contextlib.chdir(tmp_path):
        folders = [str(experiment("vectorized", options=SMALL["vectorized"]).folder) for _ in range(3)]
    assert folders == ["lab/vectorized", "lab/vectorized-2", "lab/vectorized-3"]


def test_a_folder_that_is_there_is_left_alone(tmp_path):
    with pytest.raises(UsageError, match="exists already"):
        experiment("schedules", out=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_experiment_is_told_its_nearest():
    with pytest.raises(UnknownName, match="nearest: averages"):
        experiment("average")
