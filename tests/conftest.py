"""What tests share: where the real data sets are."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine makes single examples slow; the suite's own time limit is enough.
settings.register_profile("rumbo", deadline=None)
settings.load_profile("rumbo")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets: RUMBO_TEST_DATA, or `shared/data` beside the project. Absent, tests fail."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("RUMBO_TEST_DATA", beside))
    if not folder.is_dir():
        pytest.fail(f"the real data sets are not at '{folder}'. Set RUMBO_TEST_DATA to their folder.")
    return folder
