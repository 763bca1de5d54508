"""What tests share: where the real data sets are."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from rumbo.core.messages import use_language

# A busy machine makes single examples slow; the suite's own time limit is enough.
# Continuous integration tries the same examples each time; at home every run tries new ones.
settings.register_profile("rumbo", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("rumbo")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets: RUMBO_TEST_DATA, or `shared/data` beside the project. Absent, tests fail."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("RUMBO_TEST_DATA", beside))
    if not folder.is_dir():
        pytest.fail(f"the real data sets are not at '{folder}'. Set RUMBO_TEST_DATA to their folder.")
    return folder


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Messages are English unless a test chooses otherwise, and what it chose ends with it."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    use_language(None)
    yield
    use_language(None)
