"""The pages say what the program does: their Python runs, their commands parse, their links lead somewhere."""

import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from rumbo import metrics, models
from rumbo.api.config import RunConfig
from rumbo.cli.main import _GLOBAL_FLAGS as GLOBAL_FLAGS
from rumbo.cli.parser import Parser, settings
from rumbo.cli.verbs import VERBS
from rumbo.core.options import all_options
from rumbo.metrics.index import OF_COSTS, ONE_CLASS
from rumbo.strategy.goal import MEASURED

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def commands() -> Iterator[tuple[str, list[str]]]:
    """Page and words of each command of all shell blocks; variables before a command are left out."""
    for page, name in zip(PAGES, NAMES, strict=True):
        for line in "".join(blocks(page, "shell")).replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                words.pop(0)
            if words:
                yield name, words


COMMANDS = list(commands())
RUMBO = [pytest.param(words[1:], id=f"{name}: {' '.join(words)}") for name, words in COMMANDS if words[0] == "rumbo"]


def test_blocks_are_found() -> None:
    assert len(RUMBO) > 30
    assert sum(len(blocks(page, "python")) for page in PAGES) > 8


def test_every_other_command_is_known() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for name, words in COMMANDS:
        if words[0] == "make":
            assert words[1] in targets, f"{name}: {words}"
        elif words[0] == "python":
            assert (ROOT / words[1]).is_file(), f"{name}: {words}"
        else:
            assert words[0] in ("rumbo", "source"), f"{name}: {words}"


@pytest.mark.parametrize("words", RUMBO)
def test_a_command_is_one_that_the_program_takes(words: list[str]) -> None:
    if words[0].startswith("-"):
        assert words[0] in GLOBAL_FLAGS
        return
    verb, rest = words[0], [word for word in words[1:] if word != "--help"]
    module = importlib.import_module(VERBS[verb].module)
    parser = Parser(verb, "")
    module.add_arguments(parser)
    if rest != words[1:]:
        return
    arguments = vars(parser.read(rest))
    if verb == "train":
        config = RunConfig()
        for path, text in settings(arguments["set"]).items():
            config = config.override(path, text)
        if arguments["model"]:
            models.entry(arguments["model"])
        if arguments["goal"]:
            goal_on_a_page(arguments["goal"])
    for text in arguments.get("require", ()):
        goal_on_a_page(re.split(r"[<>]=?", text)[0])
    if verb == "summary" and "/" not in arguments["model"]:
        models.entry(arguments["model"])
    if verb == "models" and arguments["name"]:
        models.entry(arguments["name"])


def goal_on_a_page(text: str) -> None:
    """The metric is one that there is; pages name classes and columns as they like."""
    inner = re.sub(r"^(?:mean|worst)\((.+)@.+\)$", r"\1", text)
    name, bracket, _ = inner.partition("[")
    assert name in (ONE_CLASS if bracket else (*metrics.names(), *OF_COSTS, *MEASURED)), text


@pytest.mark.parametrize("page", [page for page in PAGES if page.stem != "architecture"], ids=lambda page: page.stem)
def test_options_that_a_page_names_exist(page: Path) -> None:
    """Outside of the architecture page, which names modules, `train.x.y` is an option or a file."""
    named = re.findall(r"`((?:data|train)\.[a-z_.0-9]+)(?:=[^`]*)?`", page.read_text(encoding="utf-8"))
    files = {"train.parquet"}
    assert set(named) - set(all_options(RunConfig)) - files == set()


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    prose = re.sub(r"`[^`\n]*`", "", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        path = target.partition("#")[0]
        if path and "://" not in path:
            assert (page.parent / path).exists(), f"{target} is not there"


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_files_that_a_page_names_exist(page: Path) -> None:
    named = re.findall(r"`((?:tests|docs|bench|rumbo)/[\w./-]+)`", page.read_text(encoding="utf-8"))
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent.name == "course"], ids=lambda page: page.stem)
def test_functions_that_a_chapter_names_exist(page: Path) -> None:
    """`reference.optimizers.adam`, `rumbo.losses.cross_entropy`, `torch.nn.Linear`: each can be reached."""
    text = page.read_text(encoding="utf-8")
    for name in set(re.findall(r"`((?:reference|rumbo|torch|torchvision)(?:\.\w+)+)`", text)):
        assert reached(name.replace("reference.", "rumbo.reference.", 1) if name.startswith("reference.") else name)


def reached(name: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False


@pytest.fixture(scope="session")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the pages speak of: `photos` with three classes, and a finished run of them."""
    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_digits

    import rumbo

    folder = tmp_path_factory.mktemp("workplace")
    digits = load_digits()
    for number, (pixels, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        if label in (0, 1, 7):
            place = folder / "photos" / {0: "zero", 1: "one", 7: "seven"}[int(label)]
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.round(pixels * (255 / 16)).astype(np.uint8)).save(place / f"{number:04d}.png")
    rumbo.train(folder / "photos", epochs=2, out=folder / "runs" / "photos")
    return folder


@pytest.mark.train
@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.stem)
def test_python_of_a_page_runs(page: Path, workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workplace)
    names: dict[str, object] = {}
    for number, block in enumerate(blocks(page, "python")):
        exec(compile(block, f"{page.name}, block {number}", "exec"), names)
