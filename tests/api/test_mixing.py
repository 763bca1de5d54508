"""Mixing that could change nothing is refused, and nothing else is."""

import pytest

import rumbo
from rumbo.api.mixing import refuse_mixing_in_vain
from rumbo.core.errors import UsageError
from rumbo.core.inputs import InputSpec
from rumbo.training.options import FitOptions

PICTURES, NUMBERS, CATEGORIES = InputSpec(image=(1, 8, 8)), InputSpec(num_numbers=2), InputSpec(category_sizes=(3,))


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [(NUMBERS, {"cutmix": 1.0}), (CATEGORIES, {"cutmix": 0.5, "mixup": 0.2}), (CATEGORIES, {"mixup": 0.2})],
)
def test_mixing_in_vain_is_refused(spec, wanted):
    with pytest.raises(UsageError, match="Leave it out"):
        refuse_mixing_in_vain(FitOptions(**wanted), spec)


@pytest.mark.parametrize(
    ("spec", "wanted"), [(PICTURES, {"cutmix": 1.0, "mixup": 0.2}), (NUMBERS, {"mixup": 0.2}), (CATEGORIES, {})]
)
def test_other_mixing_is_not(spec, wanted):
    refuse_mixing_in_vain(FitOptions(**wanted), spec)


def test_it_is_told_before_there_is_a_run_folder(tmp_path):
    rows = "\n".join(f"{row}.5,{'ab'[row % 2]}" for row in range(40))
    (tmp_path / "table.csv").write_text(f"x,y\n{rows}\n")
    with pytest.raises(UsageError, match=r"train.cutmix=1.0 is for pictures"):
        rumbo.train(tmp_path / "table.csv", settings={"train.cutmix": "1"}, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
