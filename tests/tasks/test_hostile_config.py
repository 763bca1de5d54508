"""T03 with the real builder: a config.json of strangers is refused quickly, and before anything large is allocated."""

import json
import resource
import signal
from contextlib import contextmanager

import pytest
import torch
from safetensors.torch import save

from rumbo.core.errors import DataError
from rumbo.data.preprocess import Preprocess
from rumbo.tasks.trained import TrainedModel

SECONDS, MEMORY = 3.0, 512 * 2**20
IMAGE = {"rule": {"mode": "rgb", "height": 32, "width": 32, "fit": "crop"}, "mean": [0.5] * 3, "std": [0.2] * 3}
NUMBER = {"name": "x", "median": 0.0, "mean": 0.0, "std": 1.0, "knots": [], "has_missing": False}
PICTURES = {"image": IMAGE, "numbers": [], "categories": []}
TABLE = {"image": None, "numbers": [NUMBER], "categories": []}
CASES = {
    "40 GB": {"model": {"name": "mlp", "options": {"hidden": [100_000, 100_000]}}},
    "beyond 2^63": {"model": {"name": "mlp", "options": {"hidden": [2**52, 2**52]}}},
    "large number as text": {"model": {"name": "mlp", "options": {"hidden": "9" * 4000}}},
    "negative": {"model": {"name": "table_net", "options": {"num_frequencies": -3}}},
    "no end of layers": {"model": {"name": "convnet", "options": {"depth": 10**9}}, "preprocess": PICTURES},
    "wide": {"model": {"name": "convnet", "options": {"width": 10**12}}, "preprocess": PICTURES},
    "terabytes of pixels": {
        "model": {"name": "mlp", "options": {}},
        "preprocess": PICTURES | {"image": IMAGE | {"rule": IMAGE["rule"] | {"height": 20_000, "width": 20_000}}},
    },
    "costs of another size": {"task": "classify", "target": {"column": "y", "classes": ["a", "b"], "costs": [[0]]}},
    "costs below 0": {"task": "classify", "target": {"column": "y", "classes": ["a", "b"], "costs": [[0, -1], [1, 0]]}},
    "words for numbers": {"target": {"column": "y", "mean": "abc", "std": 1.0}},
    "options that are none": {"model": {"name": "mlp", "options": ["abc"]}},
}


def folder(path, changes):
    config = {
        "format": 1,
        "task": "regress",
        "target": {"column": "y", "mean": 0.0, "std": 1.0},
        "model": {"name": "mlp", "options": {}},
        "preprocess": TABLE,
        "weights_sha256": "0" * 64,
    }
    (path / "model.safetensors").write_bytes(save({"w": torch.zeros(1)}))
    (path / "config.json").write_text(json.dumps(config | changes))
    return path


@contextmanager
def limits():
    """No more memory than the process has plus 512 MiB, and three seconds."""
    with open("/proc/self/statm") as status:
        used = int(status.read().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)

    def too_long(*_):
        raise AssertionError("this would go on")

    handler = signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_config_is_refused_in_time_and_memory(name, tmp_path):
    path = folder(tmp_path, CASES[name])
    with limits(), pytest.raises(DataError, match=r"config\.json|model\.safetensors"):
        TrainedModel.load(path)


@pytest.mark.parametrize(
    "changed",
    [
        TABLE | {"numbers": [NUMBER | {"std": 0.0}]},
        TABLE | {"numbers": [NUMBER | {"knots": [1.0, 0.0]}]},
        PICTURES | {"image": IMAGE | {"std": [0.0, 0.2, 0.2]}},
        PICTURES | {"image": IMAGE | {"mean": [0.5, 0.5]}},
    ],
)
def test_preprocessing_that_no_training_gives_is_refused(changed):
    assert Preprocess.from_dict(TABLE).numbers
    assert Preprocess.from_dict(PICTURES).image
    with pytest.raises(DataError, match="preprocessing cannot be read"):
        Preprocess.from_dict(changed)
