"""What is committed names no host of a package registry and no place of anybody's machine."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOSTS = [".".join(words) for words in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("anaconda", "org"))]
HOSTS += [".".join(("download", "pytorch", "org"))]
PLACE = re.compile(r"(?<![\w.:/-])/(?:home|Users|root|work)/(?!me/)[\w.-]+/")
"""`/home/me/` may stand in examples."""


def texts() -> list[tuple[str, str]]:
    """Name and text of each tracked file that is text."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    found = []
    for name in filter(None, listed.decode().split("\0")):
        try:
            found.append((name, (ROOT / name).read_text(encoding="utf-8")))
        except (UnicodeDecodeError, FileNotFoundError):  # a picture; or deleted, but not committed yet
            continue
    return found


@pytest.fixture(scope="module")
def tracked() -> list[tuple[str, str]]:
    return texts()


def test_no_host_of_a_registry(tracked: list[tuple[str, str]]) -> None:
    assert len(tracked) > 50
    assert [(name, host) for name, text in tracked for host in HOSTS if host in text] == []


def test_no_place_of_a_machine(tracked: list[tuple[str, str]]) -> None:
    found = [(name, match[0]) for name, text in tracked for match in PLACE.finditer(text)]
    found += [(name, str(ROOT)) for name, text in tracked if f"{ROOT}/" in text]
    assert found == []
