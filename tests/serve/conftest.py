"""What the tests of the label page share: a book of pictures, its page in process, and the page in a real browser."""

from contextlib import ExitStack

import numpy as np
import pytest
from browser import Browser, Program, chromium
from PIL import Image


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """One headless browser for all tests; without one on this machine they are skipped."""
    command = chromium()
    if command is None:
        pytest.skip("no chromium on this machine")
    with Browser(command, tmp_path_factory.mktemp("browser")) as found:
        yield found


@pytest.fixture
def label(browser, tmp_path):
    """`label("photos", "--task", "boxes")` is `rumbo label` as a process, and its page in the browser."""
    with ExitStack() as opened:

        def start(*words, language="en"):
            program = Program(tmp_path, *words, "--who", "test", language=language)
            opened.callback(program.end)
            return program, opened.enter_context(browser.window(program.link))

        yield start


@pytest.fixture
def photos(tmp_path):
    """Six pictures of noise in two folders, 60 x 40 px."""
    generator = np.random.default_rng(0)
    for number in range(6):
        folder = tmp_path / "photos" / ("ant", "bee")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = generator.integers(0, 256, (40, 60, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return tmp_path / "photos"
