"""Mixing of examples that could change nothing is refused."""

from rumbo.core.errors import UsageError
from rumbo.core.inputs import InputSpec
from rumbo.core.messages import t
from rumbo.training.options import FitOptions


def refuse_mixing_in_vain(options: FitOptions, spec: InputSpec) -> None:
    """Refuse to mix what these examples do not have.

    Raises:
        UsageError: cutmix without pictures, or mixup of categories alone.
    """
    if options.cutmix and spec.image is None:
        raise UsageError(
            t("train.cutmix={value} is for pictures, and these examples have none. Leave it out.", value=options.cutmix)
        )
    if options.mixup and spec.image is None and spec.num_numbers == 0:
        raise UsageError(
            t(
                "train.mixup={value} blends pictures and numbers, and these examples have only categories. Leave it "
                "out.",
                value=options.mixup,
            )
        )
