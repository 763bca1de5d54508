"""What the codes about masks mean."""

from rumbo.core.messages import t
from rumbo.data.checks.findings import Code

MASK_CODES = {
    "mask.bad": Code(
        "mask",
        "warning",
        lambda: (
            t("A mask cannot be read."),
            t("left out with its picture."),
            t("make it anew, or remove the pair."),
        ),
    ),
    "mask.unknown_value": Code(
        "mask",
        "warning",
        lambda: (
            t("A mask has values that stand for no class."),
            t("said with each of them."),
            t("save masks without loss (PNG), one value a class."),
        ),
    ),
    "mask.empty": Code(
        "mask",
        "note",
        lambda: (
            t("A mask is of one class all over, unlike the others."),
            t("kept."),
            t("look at them: a mask may have been saved before it was drawn."),
        ),
    ),
    "mask.specks": Code(
        "mask",
        "warning",
        lambda: (
            t("A mask is full of single pixels of other classes, as after lossy compression."),
            t("kept."),
            t("save masks as PNG, and resize them without smoothing."),
        ),
    ),
    "mask.inverted": Code(
        "mask",
        "warning",
        lambda: (
            t("A mask seems to have its two classes exchanged: shares and brightness are the reverse of the others'."),
            t("kept as it is."),
            t("look at them, and exchange the classes back."),
        ),
    ),
    "mask.shares_differ": Code(
        "mask",
        "warning",
        lambda: (
            t("A class covers a very different share of the pixels in train and in dev or test."),
            t("kept as given."),
            t("ask which mix the model will meet; make dev and test like it."),
        ),
    ),
    "mask.class_unused": Code(
        "mask",
        "note",
        lambda: (
            t("No pixel has one of the classes."),
            t("kept; the model has an output that is never right."),
            t("remove the name, or look whether the values of the masks are mapped rightly."),
        ),
    ),
    "mask.wrong_size": Code(
        "mask",
        "warning",
        lambda: (
            t("A mask has another size than its picture."),
            t("left out with its picture."),
            t("make the mask at the size of the picture."),
        ),
    ),
    "mask.missing": Code(
        "mask",
        "warning",
        lambda: (
            t("A picture has no mask, though others have one."),
            t("left out."),
            t("add the mask: of one value all over, if nothing is there to be found."),
        ),
    ),
    "mask.no_picture": Code(
        "mask",
        "warning",
        lambda: (
            t("A mask belongs to no picture of the set."),
            t("left out."),
            t("look whether the names agree."),
        ),
    ),
}
