"""The package costs nothing to import, hands out what it says, and its formats are where the index says."""

import subprocess
import sys

import rumbo.data
from rumbo.data.readers import Reader, formats


def test_importing_the_package_loads_nothing_heavy():
    heavy = "torch", "polars", "PIL", "h5py"
    code = f"import rumbo.data, rumbo.data.readers, sys; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_every_public_name_is_there():
    for name in rumbo.data.__all__:
        assert getattr(rumbo.data, name).__name__ == name


def test_every_format_has_its_reader():
    for name in formats.names():
        assert isinstance(formats.get(name), Reader)
