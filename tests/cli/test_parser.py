"""What argparse says, in the user's language and whole."""

from pathlib import Path

import pytest
from workbench import Command, inside

from rumbo.cli.main import main
from rumbo.cli.verbs import VERBS


@pytest.mark.parametrize(("language", "word"), [("en", "usage: "), ("es", "uso: ")])
@pytest.mark.parametrize("verb", VERBS)
def test_the_usage_line_is_whole(verb: str, language: str, word: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([verb, "--help", "--lang", language])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"{word}rumbo {verb} ")


def test_a_path_that_went_to_a_flag_is_told(tmp_path: Path, rumbo: Command) -> None:
    with inside(tmp_path):
        answer = rumbo("check", "--augment", "shapes")
    assert answer.code == 2
    assert "missing: PATH" in answer.err
    assert "--augment took 'shapes' for its FILE: write PATH before --augment, or --augment=FILE." in answer.err
    assert "took" not in rumbo("check", "--augment").err
    assert "took" not in rumbo("check", "--task", "detect").err


def test_a_flag_of_two_values_says_which(rumbo: Command) -> None:
    answer = rumbo("label", "photos", "--export", "coco")
    assert answer.code == 2
    assert "--export needs 2 values: FORMAT DIR." in answer.err
    assert "expected" not in rumbo("label", "photos", "--export", "coco", "--lang", "es").err
