"""Several processes train and judge as one does."""


import numpy as np
import pytest
from teams import together, train

from rumbo.training.distributed import ALONE

KINDS = ("classify", "regress", "multilabel")


def alike(one: dict, other: dict, *, steps: int = 20) -> None:
    """The first losses are equal to 1e-6, and no weight is far off at the end."""
    assert len(one["losses"]) == len(other["losses"]) >= steps or steps > 20
    assert np.abs(np.subtract(one["losses"], other["losses"]))[:20].max() <= 1e-6
    for name, weight in one["weights"].items():
        np.testing.assert_allclose(other["weights"][name], weight, atol=2e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("world", [2, 3])
def test_losses_are_those_of_one_process(kind: str, world: int) -> None:
    # 100 examples in steps of 16: the last step has 4, for 3 processes.
    ranks = together(world, train, kind, {})
    alike(train(ALONE, kind, {}), ranks[0])
    for other in ranks[1:]:
        assert other["losses"] == ranks[0]["losses"]
        assert other["metrics"] == ranks[0]["metrics"]
        assert all(np.array_equal(other["weights"][name], weight) for name, weight in ranks[0]["weights"].items())
