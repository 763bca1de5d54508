"""Candidates: which knobs there are in a situation, and in which order."""

from dataclasses import replace

import pytest

from rumbo.api.config import RunConfig
from rumbo.core.options import all_options
from rumbo.strategy.actions import STAGE_OF, Situation
from rumbo.strategy.gaps import GapName, SplitError, Stage, diagnose
from rumbo.strategy.knobs import candidates


def situation(**changes: object) -> Situation:
    usual = Situation(
        task="classify",
        has_images=True,
        has_numbers=False,
        model="convnet",
        model_options={"width": 16, "depth": 2, "dropout": 0.0},
        learning_rate=6e-3,
        usual_rate=6e-3,
        weight_decay=0.01,
        augments=0.0,
        mirrors=False,
        label_smoothing=0.0,
        numbers="quantile",
        is_balanced=False,
        class_ratio=1.0,
        goal="accuracy",
        noise_rate=None,
        diagnosis=diagnose({"train": 0.01, "dev": 0.10}),
    )
    return replace(usual, **changes)  # pyright: ignore[reportArgumentType]


def names(now: Situation) -> list[str]:
    return [action.name for action in candidates(now)]


def test_those_for_the_largest_gap_come_first():
    variance = candidates(situation())
    assert variance[0].gap is GapName.VARIANCE
    bias = candidates(situation(diagnosis=diagnose({"train": 0.10, "dev": 0.11})))
    assert bias[0].gap is GapName.AVOIDABLE_BIAS
    assert {action.name for action in bias} >= {"longer", "larger_network", "higher_rate", "lower_rate"}


def test_every_action_acts_on_the_stage_of_its_gap():
    """C1: one knob, one stage."""
    for action in candidates(situation(augments=1.0, mirrors=True, noise_rate=0.2, class_ratio=9.0)):
        if action.gap is not None and action.is_tried:
            assert action.stage is STAGE_OF[action.gap], action.name


def test_names_are_unique_and_settings_are_options():
    known = set(all_options(RunConfig))
    for now in (
        situation(model="mlp", model_options={"hidden": (8, 4), "dropout": 0.3}, usual_rate=2e-3, learning_rate=2e-5),
        situation(augments=1.0, mirrors=True, weight_decay=0.5),
        situation(has_images=False, has_numbers=True, model="mlp", numbers="standard", class_ratio=20.0),
    ):
        found = candidates(now)
        assert len({action.name for action in found}) == len(found)
        for action in found:
            for path in action.settings:
                assert path in known or path.startswith("model.options."), path


@pytest.mark.parametrize(
    ("changes", "wanted", "unwanted"),
    [
        ({"learning_rate": 6e-5}, {"usual_rate"}, set()),
        ({}, {"augmentation"}, {"usual_rate", "no_augmentation", "no_mirroring", "cleaned_labels", "balanced"}),
        ({"augments": 1.0, "mirrors": True}, {"no_augmentation", "no_mirroring"}, {"augmentation"}),
        ({"noise_rate": 0.01}, set(), {"cleaned_labels"}),
        ({"noise_rate": 0.2}, {"cleaned_labels"}, set()),
        ({"class_ratio": 9.0}, {"balanced", "another_metric"}, set()),
        ({"class_ratio": 9.0, "goal": "balanced_accuracy"}, {"balanced"}, {"another_metric"}),
        ({"class_ratio": 9.0, "is_balanced": True}, set(), {"balanced"}),
        ({"model": "mlp", "model_options": {"hidden": (2,)}}, {"stronger_network", "larger_network"}, set()),
        ({"has_images": False, "has_numbers": True, "numbers": "standard"}, {"scaled_inputs"}, {"augmentation"}),
        ({"weight_decay": 1.0}, {"less_weight_decay", "more_weight_decay"}, set()),
        ({"model_options": {"width": 8, "dropout": 0.5}}, {"no_dropout"}, {"more_dropout"}),
        ({"task": "regress"}, set(), {"label_smoothing"}),
        (
            {"common_tags": frozenset({"blur", "dark"})},
            {"augmentation_blur", "augmentation_light"},
            {"augmentation_size"},
        ),
        ({"pretrained": "resnet18"}, {"pretrained"}, set()),
    ],
)
def test_a_knob_is_there_where_it_can_be_turned(changes, wanted, unwanted):
    found = set(names(situation(**changes)))
    assert wanted <= found
    assert not unwanted & found


def test_a_small_dev_set_asks_for_more_of_it():
    few = SplitError(0.1, size=15)
    now = situation(diagnosis=diagnose({"train": SplitError(0.06, size=1000), "dev": few}))
    larger = next(action for action in candidates(now) if action.name == "larger_dev")
    assert larger.stage is Stage.TEST
    assert not larger.is_tried


def test_mismatch_asks_for_data_like_dev_and_overfit_for_a_fresh_dev():
    mismatch = situation(diagnosis=diagnose({"train": 0.01, "train_dev": 0.015, "dev": 0.10}))
    assert "target_like_data" in names(mismatch)
    overfit = situation(diagnosis=diagnose({"train": 0.01, "dev": 0.015, "test": 0.10}))
    assert "fresh_dev" in names(overfit)


def test_a_network_is_scaled_by_the_option_that_it_has():
    def larger(**changes: object) -> dict[str, str]:
        return dict(next(a for a in candidates(situation(**changes)) if a.name == "larger_network").settings)

    assert larger() == {"model.options.width": "32"}
    assert larger(model="mlp", model_options={"hidden": "64,32"}) == {"model.options.hidden": "128,64"}
    assert "larger_network" not in names(situation(model="lenet5", model_options={"activation": "relu"}))
