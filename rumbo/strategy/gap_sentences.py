"""Gaps and verdicts as sentences."""

from rumbo.core.messages import t
from rumbo.strategy.gap_records import Gap, GapName, Stage
from rumbo.strategy.levels import MIN_ITEMS


def percent(value: float) -> str:
    """A share for people: one decimal, two below 1 %.

    >>> percent(0.0824), percent(0.0042), percent(0)
    ('8.2 %', '0.42 %', '0 %')
    """
    if value == 0:
        return "0 %"
    digits = 1 if abs(value) >= 0.00995 else 2
    return f"{100 * value:.{digits}f} %".replace("-", "−")


def gap_words() -> dict[GapName, str]:
    """What a gap is called."""
    return {
        GapName.AVOIDABLE_BIAS: t("avoidable bias"),
        GapName.VARIANCE: t("variance"),
        GapName.DATA_MISMATCH: t("data mismatch"),
        GapName.DEV_OVERFIT: t("overfitting of dev"),
    }


def stage_words() -> dict[Stage, str]:
    """What a stage is called."""
    return {Stage.TRAIN: "train", Stage.DEV: "dev", Stage.TEST: "test", Stage.REAL_WORLD: t("real world")}


def explanation(name: GapName, worse: str, better: str, errors: tuple[float, float]) -> str:
    """The two errors of a gap, and what lies between them.

    Args:
        name: of the gap.
        worse: the split with the usually higher error.
        better: the split that it is compared with, or `human`.
        errors: of both.
    """
    values = {"error": percent(errors[0]), "base": percent(errors[1])}
    if worse == "real_world":
        return t(
            "Error {error} on real-world data, {base} on {split}: what is lost because {split} differs from them.",
            split=better,
            **values,
        )
    sentences = {
        GapName.AVOIDABLE_BIAS: t(
            "Training error {error}, where {base} is possible: what a better fit could win.", **values
        ),
        GapName.VARIANCE: t(
            "Error {error} on unseen examples, {base} in training: what does not carry over.", **values
        ),
        GapName.DATA_MISMATCH: t(
            "Error {error} on dev, {base} on train-dev: what is lost because dev differs.", **values
        ),
        GapName.DEV_OVERFIT: t("Error {error} on test, {base} on dev: how much choosing by dev flatters.", **values),
    }
    return sentences[name]


def verdict_sentence(gap: Gap) -> str:
    """The largest gap as the reason of the verdict."""
    value = percent(gap.value)
    if gap.stage is Stage.REAL_WORLD:
        return t(
            "{split} is not like the real world: data mismatch of {value}.", split=gap.better.capitalize(), value=value
        )
    sentences = {
        GapName.AVOIDABLE_BIAS: t(
            "The model does not fit its training data well enough: avoidable bias of {value}.", value=value
        ),
        GapName.VARIANCE: t(
            "What the model learned does not carry over to unseen examples: variance of {value}.", value=value
        ),
        GapName.DATA_MISMATCH: t("Dev differs from the training data: data mismatch of {value}.", value=value),
        GapName.DEV_OVERFIT: t("Dev flatters the model: the error on test is {value} higher.", value=value),
    }
    return sentences[gap.name]


def uncertain(gap: Gap) -> str:
    """A gap that cannot be told from none."""
    low, high = gap.interval or (gap.value, gap.value)
    return t(
        "It cannot be told yet how large {name} is: between {low} and {high}.",
        name=gap_words()[gap.name],
        low=percent(low),
        high=percent(high),
    )


def too_few(split: str, num_items: int | None) -> str:
    """A split that decides nothing."""
    return t(
        "{split} has {count} examples; at least {needed} are needed for a verdict.",
        split=split,
        count=num_items,
        needed=MIN_ITEMS,
    )


def below_human(split: str, error: float, human: float) -> str:
    """The network errs less than what was said to be possible."""
    values = {"split": split, "error": percent(error), "human": percent(human)}
    if split == "train":
        return t(
            "The error on train, {error}, is below the human error of {human}: either that is no lower bound here, or "
            "the network knows its training examples by heart. By this measure no bias is left to avoid.",
            **values,
        )
    return t(
        "The error on {split}, {error}, is below the human error of {human}, so that is no lower bound here, and how "
        "much bias is avoidable is not known. Take a lower estimate of what is possible: a team of experts, or the "
        "best published model.",
        **values,
    )
