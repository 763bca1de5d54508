"""Groups of options that may be none, such as data.augment."""

from rumbo.api.config import RunConfig
from rumbo.core.options import all_options


def test_a_config_comes_back_as_it_was_written() -> None:
    config = RunConfig()
    assert RunConfig.from_dict(config.to_dict()) == config


def test_a_group_can_be_switched_off_and_on() -> None:
    off = RunConfig().override("data.augment", "none")
    assert off.data.augment is None
    assert RunConfig.from_dict(off.to_dict()) == off
    assert off.override("data.augment", "on") == RunConfig()


def test_setting_an_option_of_a_group_that_is_off_switches_it_on() -> None:
    changed = RunConfig().override("data.augment", "none").override("data.augment.zoom", "0.2")
    assert changed.data.augment is not None
    assert changed.data.augment.zoom == 0.2


def test_options_of_such_a_group_are_listed() -> None:
    assert {"data.augment", "data.augment.zoom"} <= all_options(RunConfig).keys()
