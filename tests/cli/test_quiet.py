"""Quiet, offline, discreet: nothing talks, nothing is written where it was not asked for, nobody is named."""

import getpass
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import polars as pl
import pytest
from workbench import TINY, inside, pictures

from rumbo.cli.main import main

REPOSITORY = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "torchvision", "polars", "sklearn", "matplotlib", "PIL", "h5py", "numpy")

WATCH = """
import json, sys
seen = {"connects": [], "writes": [], "children": []}
def hook(event, arguments):
    if event in ("socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo"):
        seen["connects"].append(event)
    elif event == "open":
        path, mode, flags = arguments
        writes = isinstance(mode, str) and set(mode) & set("wax+") or isinstance(flags, int) and flags & 0o3
        if writes and "__pycache__" not in str(path):
            seen["writes"].append(str(path))
    elif event in ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink", "os.link", "shutil.rmtree"):
        if "__pycache__" not in str(arguments[0]):
            seen["writes"].append(event + " " + str(arguments[0]))
    elif event in ("subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn"):
        seen["children"].append(event)
sys.addaudithook(hook)
try:
    WORK
except SystemExit as end:
    seen["exit"] = end.code
seen["modules"] = sorted(name for name in sys.modules if "." not in name)
print(json.dumps(seen), file=sys.__stderr__)
"""

LIGHT = {
    "import": "import rumbo",
    "version": "from rumbo.cli.main import main; sys.exit(main(['--version']))",
    "help": "from rumbo.cli.main import main; sys.exit(main(['--help']))",
    "train --help": "from rumbo.cli.main import main; sys.exit(main(['train', '--help']))",
    "models": "from rumbo.cli.main import main; sys.exit(main(['models']))",
    "models --json": "from rumbo.cli.main import main; sys.exit(main(['models', '--json', '--lang', 'es']))",
    "doctor --quick": "from rumbo.cli.main import main; sys.exit(main(['doctor', '--quick']))",
    "train --list-options": "from rumbo.cli.main import main; sys.exit(main(['train', '--list-options']))",
    "a wrong word": "from rumbo.cli.main import main; sys.exit(main(['trian']) - 2)",
}


def _python(code: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={"PYTHONPATH": str(REPOSITORY), **os.environ, "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def _watched(work: str, folder: Path) -> dict:
    done = _python(WATCH.replace("WORK", work), folder)
    assert done.stderr.strip(), done
    seen = json.loads(done.stderr.splitlines()[-1])
    assert seen.get("exit", 0) in (0, None), done
    return seen


@pytest.mark.parametrize("name", LIGHT)
def test_light_commands_are_quiet(name: str, tmp_path: Path) -> None:
    seen = _watched(LIGHT[name], tmp_path)
    assert (seen["connects"], seen["writes"], seen["children"]) == ([], [], [])
    assert [module for module in HEAVY if module in seen["modules"]] == []
    assert list(tmp_path.iterdir()) == []


def test_the_watch_sees_what_it_should(tmp_path: Path) -> None:
    work = "import socket, subprocess; open('x', 'w').close(); subprocess.run(['true']); "
    work += "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(('127.0.0.1', 9)); import numpy"
    seen = _watched(work, tmp_path)
    assert seen["writes"] == ["x"]
    assert seen["children"]
    assert seen["connects"] == ["socket.connect"]
    assert "numpy" in seen["modules"]


CPU = """
import resource, subprocess, sys
def cost(code):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
nothing = min(cost("pass") for _ in range(5))
for code in sys.argv[1:]:
    print(min(cost(code) for _ in range(5)) - nothing)
"""


def test_light_commands_start_at_once(tmp_path: Path) -> None:
    """Processor seconds above those of an empty Python; the least of five, since a busy machine only adds."""
    names = ("import", "help", "models", "doctor --quick")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-c", CPU, *("import sys; " + LIGHT[name] for name in names)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(REPOSITORY), **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    seconds = dict(zip(names, map(float, done.stdout.split()), strict=True))
    limits = {"import": 0.1, "help": 0.18, "models": 0.18, "doctor --quick": 0.18}
    assert {name: value for name, value in seconds.items() if value >= limits[name]} == {}


@pytest.mark.train
def test_training_opens_no_socket_and_writes_only_its_folder(tmp_path: Path) -> None:
    words = ["train", "demo:digits", *TINY, "--json"]
    seen = _watched(f"from rumbo.cli.main import main; sys.exit(main({words!r}))", tmp_path)
    assert seen["connects"] == []
    assert [path for path in seen["writes"] if not _is_allowed(path.split(" ")[-1], tmp_path)] == []
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


def _is_allowed(path: str, folder: Path) -> bool:
    """Inside the working folder, or a cache that torch and matplotlib make for themselves."""
    whole = (folder / path).resolve()
    is_cache = any(word in path for word in ("torchinductor", "matplotlib", "fontlist"))
    is_probe = whole.parent == Path(tempfile.gettempdir()) and re.fullmatch(r"[a-z0-9_]{8}", whole.name)
    return path.isdigit() or whole.is_relative_to(folder) or whole.is_relative_to("/dev") or is_cache or bool(is_probe)


@pytest.mark.train
@pytest.mark.parametrize("kind", ["photos", "table"])
def test_artefacts_name_no_place_and_nobody(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Data and run are given by absolute paths; no file of the run holds a folder of the machine, a user, a host."""
    work = tmp_path / "private" / "work"
    work.mkdir(parents=True)
    data = pictures(tmp_path / "private" / "set" / "photos", {"cat": 12, "dog": 12})
    if kind == "table":
        data = tmp_path / "private" / "set" / "table.csv"
        data.write_text("x,y\n" + "".join(f"{row},{'ab'[row % 3 == 0]}\n" for row in range(40)), encoding="utf-8")
    run = work / "run"
    with inside(work):
        assert main(["train", str(data), *TINY, "--out", str(run)]) == 0
        assert main(["report", str(run)]) == 0
    capsys.readouterr()
    secrets = [str(tmp_path), "/private", str(Path.home()), socket.gethostname(), str(REPOSITORY), sys.prefix]
    user = getpass.getuser()
    words = re.compile("|".join(map(re.escape, {secret for secret in secrets if len(secret) > 3})))
    files = [path for path in run.rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"config.yaml", "report.html", "report.json", "events.jsonl"}
    assert {path.name for path in files} >= {"model.safetensors", "config.json", "README.md", "train.parquet"}
    for path in files:
        text = path.read_bytes().decode("latin-1")
        if path.suffix == ".parquet":  # packed inside
            text += json.dumps(pl.read_parquet(path).to_dict(as_series=False))
        assert not words.search(text), (path.name, words.search(text))
        if path.suffix in (".yaml", ".json", ".jsonl", ".md", ".csv", ".txt"):
            assert not re.search(rf"\b{re.escape(user)}\b", text), path.name
    config = (run / "config.yaml").read_text(encoding="utf-8")
    assert f"path: ../../set/{data.name}" in config


@pytest.mark.slow
@pytest.mark.train
def test_the_whole_journey_works_without_a_network(tmp_path: Path) -> None:
    alone = [shutil.which("unshare") or "unshare", "--net", "--map-root-user"]
    if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode:
        pytest.fail("this proof needs `unshare -n` of util-linux and the right to use it")
    pictures(tmp_path / "photos", {"cat": 20, "dog": 20})
    journey = [
        ["doctor"],
        ["train", "photos", "--epochs", "2", "--out", "first"],
        ["train", "photos", *TINY, "--out", "second"],
        ["evaluate", "first"],
        ["predict", "first", "photos", "--out", "answers.csv"],
        ["compare", "first", "second"],
        ["report", "first", "--lang", "es"],
        ["summary", "first"],
        ["summary", "resnet18"],
        ["train", "demo:digits", *TINY, "--out", "digits"],
    ]
    code = f"from rumbo.cli.main import main; sys.exit(sum(main(words) for words in {journey!r}))"
    done = subprocess.run(
        [*alone, sys.executable, "-c", "import sys; " + code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(REPOSITORY), **os.environ},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "digits" / "report.html").is_file()
