"""The plantings share a helper that lies beside them."""

from functools import cache

import pytest


@pytest.fixture(scope="session")
def real(shared_data):
    """Real data sets by name, opened once."""
    from rumbo.data import open_data

    return cache(lambda name, **options: open_data(shared_data / name, **options))
