"""One fork server for all proofs of a process, and the data that they train on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sittings import ForkServer
from small_data import write_pictures, write_table


@pytest.fixture(scope="session")
def server() -> Iterator[ForkServer]:
    """Starts `rumbo` in processes that can be killed."""
    with ForkServer() as started:
        yield started


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `table.csv` and the folder of pictures `pictures`."""
    folder = tmp_path_factory.mktemp("data")
    write_table(folder / "table.csv")
    write_pictures(folder / "pictures")
    return folder
