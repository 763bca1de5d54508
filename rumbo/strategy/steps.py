"""What to try for each gap: the recipe of the course, in the order of cost. Measured advice is another matter."""

from rumbo.core.messages import t
from rumbo.strategy.gap_records import Diagnosis, Gap, GapName, Stage


def next_steps(diagnosis: Diagnosis) -> tuple[str, ...]:
    """Sentences that say what to try, for the verdict first and then for the other gaps that matter.

    Source: Ng 2018, "Machine Learning Yearning", ch. 25, 27, 38, 42.
    """
    if diagnosis.verdict == "undecided":
        return (_gather(diagnosis),)
    if diagnosis.verdict == "none":
        return (
            t("Look at the wrong examples in the report: are their labels right, and what do they have in common?"),
            t("Compare with people or with the best published model: what they do better can still be won."),
        )
    return tuple(dict.fromkeys(step for gap in diagnosis.large_gaps for step in _recipe(gap)))


def _gather(diagnosis: Diagnosis) -> str:
    size, dev = diagnosis.smallest_dev_size, diagnosis.errors.get("dev")
    if size is None or (dev is not None and dev.num_items is not None and dev.num_items >= size):
        return t("Put more examples into dev and test, then train again.")
    return t("Put at least {size} examples into dev, then train again.", size=size)


def _recipe(gap: Gap) -> tuple[str, ...]:
    if gap.stage is Stage.REAL_WORLD:
        return (
            t("Make dev and test anew from what the model meets in the real world, and compare runs on them."),
            t("Look at the wrong real-world examples: what do they have that dev and test lack?"),
            t("Ask whether the goal still says what is wanted: another metric, or weights for what must not happen."),
        )
    recipes = {
        GapName.AVOIDABLE_BIAS: (
            t("Train longer, or with a better learning rate: is the training loss still falling in the last epochs?"),
            t("Use a larger network, or one that starts from pretrained weights."),
            t("Regularize less: lower weight decay, dropout and augmentation."),
        ),
        GapName.VARIANCE: (
            t("Get more training data, or more from the same with augmentation."),
            t("Regularize more: weight decay, dropout, early stopping."),
            t("Start from pretrained weights, or use a smaller network."),
        ),
        GapName.DATA_MISMATCH: (
            t("Look at the wrong examples of dev: what do they have that the training data lack?"),
            t("Collect or make training data that look like dev."),
        ),
        GapName.DEV_OVERFIT: (
            t("Make dev larger, or make a new one from fresh data."),
            t("Compare fewer variants by dev, and choose between close ones by their cost."),
        ),
    }
    return recipes[gap.name]
