"""`rumbo lab`: what it says of its experiments and of their options."""

import pytest
from workbench import Command

from rumbo.core.options import all_options
from rumbo.lab import experiments
from rumbo.lab.index import INDEX


def lines(text: str) -> dict[str, str]:
    """The rows of a table by their first cell."""
    return {line.partition(" ")[0]: line for line in text.splitlines()}


@pytest.mark.parametrize("name", INDEX)
def test_all_options_are_listed_and_counted_alike(name: str, rumbo: Command) -> None:
    listed = lines(rumbo("lab", name, "--list-options").out)
    options = all_options(experiments.get(name))
    assert set(options) <= set(listed)
    answer = rumbo("lab", name, "--set", "nonsense=1")
    assert answer.code == 2
    assert f"shows all {len(options)}" in answer.err


@pytest.mark.parametrize("name", INDEX)
def test_defaults_stand_as_they_are_typed(name: str, rumbo: Command) -> None:
    kind = experiments.get(name)
    listed = lines(rumbo("lab", name, "--list-options").out)
    for path, (default, _) in all_options(kind).items():
        typed = listed[path].split()[1]
        assert kind().override(path, "" if typed == "(none)" else typed) == kind(), path
        assert (typed == "(none)") == (default in ("", ())), path


def test_ranges_and_choices_are_told(rumbo: Command) -> None:
    listed = lines(rumbo("lab", "optimizer_paths", "--list-options").out)
    assert "valley, turned_valley, rosenbrock, saddle" in listed["surface"]
    assert " 2 to 5000 " in listed["steps"]
    assert " 1 to 10000 " in listed["steepness"]
    assert " at least 0 " in listed["seed"]


def test_programs_get_options_in_the_language(rumbo: Command) -> None:
    english, spanish = (rumbo("lab", "averages", "--list-options", "--json", "--lang", lang).json["options"]
                        for lang in ("en", "es"))  # fmt: skip
    assert english["shown"]["sentence"] == "values that are drawn, from the first"
    assert spanish["shown"]["sentence"] != english["shown"]["sentence"]
    assert (spanish["shown"]["default"], spanish["shown"]["low"], spanish["shown"]["high"]) == (500, 10, 100_000)
    assert rumbo("lab", "schedules", "--list-options", "--json").json["options"]["epochs"]["choices"] is None


def test_a_setting_without_a_value_is_told_one_of_the_experiment(rumbo: Command) -> None:
    answer = rumbo("lab", "averages", "--set", "betas")
    assert answer.code == 2
    assert "--set 'betas' must read NAME=VALUE, as in betas=0.5,0.9,0.98." in answer.err


def test_the_way_to_the_options_is_shown(rumbo: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--list-options" in rumbo("lab").out
    with pytest.raises(SystemExit):
        rumbo("lab", "averages", "--help")
    assert "--list-options shows them" in " ".join(capsys.readouterr().out.split())


def test_sources_that_are_wanted_and_refused(rumbo: Command) -> None:
    answer = rumbo("lab", "averages", "--set", "column=zz")
    assert (answer.code, "about SOURCE" in answer.err) == (2, True)
