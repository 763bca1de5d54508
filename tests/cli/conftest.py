"""The command line, called in process: starting Python and torch anew takes three seconds."""

import pytest
from workbench import Command, Outcome

from rumbo.cli.main import main


@pytest.fixture
def rumbo(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """`rumbo("train", "photos")` is `rumbo train photos`, in English."""
    monkeypatch.setenv("LC_ALL", "C.UTF-8")

    def run(*words: object) -> Outcome:
        capsys.readouterr()
        code = main([str(word) for word in words])
        return Outcome(code, *capsys.readouterr())

    return run
