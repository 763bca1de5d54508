"""The house: a part imports only what stands below it. Every rule is seen failing on a planted violation."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
FLOORS = {
    "core": 1,
    "ops": 2,
    "data": 3, "models": 3, "losses": 3, "metrics": 3, "runs": 3,
    "tasks": 4, "strategy": 4, "apps": 4,
    "training": 5, "gradients": 5, "explain": 5, "export": 5,
    "plots": 6, "tune": 6,
    "lab": 7, "speed": 7,
    "api": 8,
    "serve": 9,
    "cli": 10, "__init__": 10, "__main__": 11,
}  # fmt: skip
APART = ("reference", "locale")
PLAIN = ("numpy", *sys.stdlib_module_names)
HEAVY = ("torch", "torchvision", "polars")
ADDRESS = re.compile(r"rumbo(\.\w+)+(:\w+)?")


class Import(NamedTuple):
    """One import of a file: its path below the root, the line, and the whole dotted name."""

    file: str
    line: int
    name: str

    @property
    def part(self) -> str:
        """Which part of rumbo the file belongs to."""
        return Path(self.file).with_suffix("").parts[1]

    @property
    def target(self) -> str:
        """Which part is imported; empty for a stranger."""
        names = self.name.split(".")
        return names[1] if names[0] == "rumbo" and len(names) > 1 else ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {self.name}"


def imports_of(root: Path) -> list[Import]:
    """Everything that files of rumbo import: at the top, lazily, for types only, or by the text of an address."""
    files = sorted((root / "rumbo").rglob("*.py"))
    return [Import(str(f.relative_to(root)), line, name) for f in files for line, name in _names(root, f)]


def _names(root: Path, file: Path) -> Iterator[tuple[int, str]]:
    package = list(file.relative_to(root).parts[:-1])
    tree = ast.parse(file.read_text(encoding="utf-8"))
    sentences = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((node.lineno, _imported(root, source, alias.name)) for alias in node.names)
        elif isinstance(node, ast.Constant) and id(node) not in sentences and (address := _address(root, node.value)):
            yield node.lineno, address


def _address(root: Path, text: object) -> str:
    """The module that a text names, as lazy tables, indexes and import_module do; else nothing."""
    if not isinstance(text, str) or not ADDRESS.fullmatch(text):
        return ""
    module = text.partition(":")[0]
    return module if _is_module(root, module) else ""


def _imported(root: Path, source: str, name: str) -> str:
    """`from a import b` imports a.b when that is a module, else something of a."""
    return f"{source}.{name}" if source == "rumbo" or _is_module(root, f"{source}.{name}") else source


def _is_module(root: Path, name: str) -> bool:
    path = root.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or path.is_dir()


def unplaced_parts(root: Path) -> list[str]:
    """Parts that have no floor."""
    parts = {path.stem for path in (root / "rumbo").iterdir() if path.suffix == ".py" or any(path.glob("*.py"))}
    return sorted(parts - set(FLOORS) - set(APART))


def upward_imports(root: Path) -> list[str]:
    """Imports of a part on the same floor or above."""
    return [
        str(found)
        for found in imports_of(root)
        if found.target in FLOORS and found.part in FLOORS and found.target != found.part
        if FLOORS[found.target] >= FLOORS[found.part]
    ]


def imports_of_reference(root: Path) -> list[str]:
    """The judge stands apart: nobody but the lab leans on it, and it knows NumPy and the standard library alone."""
    wrong = [f for f in imports_of(root) if f.target == "reference" and f.part not in ("reference", "lab")]
    wrong += [
        f
        for f in imports_of(root)
        if f.part == "reference" and f.target != "reference" and f.name.split(".")[0] not in PLAIN
    ]
    return [str(found) for found in wrong]


def drawing_outside_plots(root: Path) -> list[str]:
    """Only `plots` imports matplotlib."""
    return [str(f) for f in imports_of(root) if f.name.split(".")[0] == "matplotlib" and f.part != "plots"]


def torch_in_strategy(root: Path) -> list[str]:
    """`strategy` takes tables of predictions."""
    return [
        str(f) for f in imports_of(root) if f.part == "strategy" and f.name.split(".")[0] in ("torch", "torchvision")
    ]


def heavy_before_needed(root: Path) -> list[str]:
    """Package files, options and indexes of names reach no heavy library, not even through others."""
    light = [f for f in (root / "rumbo").rglob("*.py") if f.name in ("__init__.py", "options.py", "index.py")]
    return [
        f"{file.relative_to(root)} reaches {' -> '.join(chain)}"
        for file in sorted(light)
        if (chain := _way_to(root, file, HEAVY))
    ]


def _way_to(root: Path, start: Path, wanted: tuple[str, ...]) -> list[str]:
    """The shortest chain of imports made at import time from a file to one of the wanted libraries; empty if none."""
    queue, seen = [(start, [])], {start}
    while queue:
        file, chain = queue.pop(0)
        for name in sorted(_names_at_import(root, file)):
            if name.split(".")[0] in wanted:
                return [*chain, name]
            for reached in _files_of(root, name) - seen:
                seen.add(reached)
                queue.append((reached, [*chain, name]))
    return []


def _names_at_import(root: Path, file: Path) -> set[str]:
    """What importing a file imports: not what stands in functions or under TYPE_CHECKING."""
    found: set[str] = set()
    pending: list[ast.AST] = [ast.parse(file.read_text(encoding="utf-8"))]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            pending += node.orelse
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found |= {_imported(root, node.module or "", alias.name) for alias in node.names}
        pending += ast.iter_child_nodes(node)
    return found


def _files_of(root: Path, name: str) -> set[Path]:
    """Files that importing a dotted name of rumbo runs: the module's and those of the packages around it."""
    names = name.split(".")
    if names[0] != "rumbo":
        return set()
    packages = {root.joinpath(*names[:depth], "__init__.py") for depth in range(1, len(names) + 1)}
    return {path for path in packages | {root.joinpath(*names).with_suffix(".py")} if path.is_file()}


def circles(root: Path) -> list[str]:
    """Files that reach each other in a circle through imports at import time."""
    files = [f for f in (root / "rumbo").rglob("*.py") if f.name != "__init__.py"]
    reaches = {
        file: {r for name in _names_at_import(root, file) for r in _files_of(root, name) if r.name != "__init__.py"}
        for file in files
    }
    left = set(files)
    while ends := {file for file in left if not reaches[file] & left or not any(file in reaches[o] for o in left)}:
        left -= ends
    return sorted(str(file.relative_to(root)) for file in left)


RULES = (
    unplaced_parts,
    upward_imports,
    imports_of_reference,
    drawing_outside_plots,
    torch_in_strategy,
    heavy_before_needed,
    circles,
)

# rule, file, text that breaks it
VIOLATIONS = [
    (unplaced_parts, "rumbo/attic/things.py", ""),
    (unplaced_parts, "rumbo/helpers.py", ""),
    (upward_imports, "rumbo/core/a.py", "import rumbo.api"),
    (upward_imports, "rumbo/core/a.py", "from rumbo import api"),
    (upward_imports, "rumbo/data/a.py", "from rumbo.models.index import INDEX"),
    (upward_imports, "rumbo/tasks/a.py", "def f():\n    from rumbo.training import loop"),
    (
        upward_imports,
        "rumbo/ops/a.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from rumbo.data import b",
    ),
    (upward_imports, "rumbo/ops/a.py", "from ..data import b"),
    (upward_imports, "rumbo/core/a.py", "import importlib\nimportlib.import_module('rumbo.models.index')"),
    (upward_imports, "rumbo/core/__init__.py", "PARTS = {'train': 'rumbo.api:train'}"),
    (imports_of_reference, "rumbo/losses/a.py", "from rumbo.reference import losses"),
    (imports_of_reference, "rumbo/reference/a.py", "import torch"),
    (imports_of_reference, "rumbo/reference/a.py", "from rumbo.core import b"),
    (drawing_outside_plots, "rumbo/api/a.py", "def f():\n    import matplotlib.pyplot as plt"),
    (torch_in_strategy, "rumbo/strategy/a.py", "def f():\n    import torch"),
    (heavy_before_needed, "rumbo/data/options.py", "import polars as pl"),
    (heavy_before_needed, "rumbo/models/index.py", "from torch import nn"),
    (heavy_before_needed, "rumbo/data/__init__.py", "from rumbo.data.b import b"),
    (circles, "rumbo/data/b.py", "import torch\nfrom rumbo.data import c"),
]


@pytest.fixture
def small_house(tmp_path):
    """A tree that keeps every rule."""
    files = {
        "rumbo/__init__.py": "",
        "rumbo/core/b.py": "",
        "rumbo/ops/b.py": "from rumbo.core import b",
        "rumbo/data/__init__.py": "def __getattr__(name):\n    from rumbo.data import b",
        "rumbo/data/b.py": "import torch",
        "rumbo/data/c.py": "from rumbo.data.b import b",
        "rumbo/models/index.py": "from rumbo.core.b import b",
        "rumbo/training/loop.py": "'''Text that names rumbo.api is no import.'''",
        "rumbo/api/__init__.py": "PARTS = {'f': 'rumbo.training.loop:f'}",
        "rumbo/plots/b.py": "import matplotlib",
        "rumbo/reference/b.py": "import numpy as np",
    }
    for path, text in files.items():
        plant(tmp_path, path, text)
    return tmp_path


def plant(root, path, text):
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps(rule):
    assert rule(ROOT) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_small_house_keeps(rule, small_house):
    assert rule(small_house) == []


@pytest.mark.parametrize(("rule", "path", "text"), VIOLATIONS)
def test_a_violation_is_found(rule, path, text, small_house):
    plant(small_house, path, text)
    found = rule(small_house)
    assert found
    assert Path(path).stem in found[0] or Path(path).parts[1] in found[0]


def test_every_rule_was_seen_failing():
    assert {rule for rule, _, _ in VIOLATIONS} == set(RULES)
