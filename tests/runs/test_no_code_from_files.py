"""T03, C12: nothing in this package can run code that a file brings, and no file can switch that on."""

import ast
from pathlib import Path

import pytest

import rumbo

FILES = sorted(Path(rumbo.__file__).parent.rglob("*.py"))
FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
FORBIDDEN_CALLS = {
    "eval",
    "exec",
    "torch.load",
    "torch.jit.load",
    "torch.hub.load",
    "torch.hub.load_state_dict_from_url",
    "yaml.load",
    "yaml.load_all",
    "yaml.unsafe_load",
    "yaml.full_load",
    "os.system",
    "pickle.loads",
}


def faults_of(source: str) -> list[str]:
    """What a source text does that could run code from a file."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.split(".")[0] in FORBIDDEN_MODULES]
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in FORBIDDEN_MODULES:
            found.append(node.module)
        if isinstance(node, ast.ImportFrom):
            found += [name for alias in node.names if (name := f"{node.module}.{alias.name}") in FORBIDDEN_CALLS]
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            found += [name] if name in FORBIDDEN_CALLS else []
            for keyword in node.keywords:
                value = ast.unparse(keyword.value)
                if keyword.arg == "weights_only" or (keyword.arg, value) == ("allow_pickle", "True"):
                    found.append(f"{keyword.arg}={value}")
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(FILES[0].parent).as_posix())
def test_no_file_can_bring_code(path):
    assert faults_of(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "import torch\ntorch.load(path, weights_only=False)",
        "import torch\ntorch.load(path)",
        "from torch import load\nload(path)",
        "import numpy as np\nnp.load(path, allow_pickle=True)",
        "import yaml\nyaml.load(text, Loader=yaml.UnsafeLoader)",
        "def read():\n    import pickle",
        "from joblib import load",
        "eval(text)",
    ],
)
def test_the_mutants_are_seen(source):
    assert faults_of(source) != []
