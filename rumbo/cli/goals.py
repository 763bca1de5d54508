"""Goals and requirements as lines for a terminal."""

from collections.abc import Mapping
from typing import Any

from rumbo.core.messages import t


def goal_text(goal: Mapping[str, Any], split: str) -> list[str]:
    """The goal and each requirement, a sentence each.

    Args:
        goal: as `rumbo.api.evaluation.goal_as_json` makes it.
        split: what it was measured on.
    """
    from rumbo.strategy.judging import requirement_sentence

    values = {"metric": str(goal["metric"]), "split": split}
    if goal["value"] is None:
        first = t("goal: {metric} is not defined on {split}.", **values)
    elif goal["interval"] is None:
        first = t("goal: {metric} {value:.4g} on {split}.", value=goal["value"], **values)
    else:
        low, high = goal["interval"]
        first = t(
            "goal: {metric} {value:.4g} on {split} (95 % interval {low:.4g} to {high:.4g}).",
            value=goal["value"],
            low=low,
            high=high,
            **values,
        )
    return [first, *(requirement_sentence(check) for check in goal.get("requirements", ()))]
