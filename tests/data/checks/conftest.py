"""The plantings share a helper that lies beside them."""

import sys
from functools import cache
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def real(shared_data):
    """Real data sets by name, opened once."""
    from rumbo.data import open_data

    return cache(lambda name, **options: open_data(shared_data / name, **options))
