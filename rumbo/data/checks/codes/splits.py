"""What the codes about splits: leaks, copies, sizes mean."""

from rumbo.core.messages import t
from rumbo.data.checks.findings import Code

SPLIT_CODES = {
    "leak.exact_duplicate": Code(
        "split",
        "warning",
        lambda: (
            t("The same example, byte for byte, stands in two splits."),
            t("taken out of train while they are at most 1 % of the examples; with more, training stops."),
            t("remove them from one of the splits."),
        ),
    ),
    "leak.near_duplicate": Code(
        "split",
        "warning",
        lambda: (
            t("Pictures in different splits show the same, encoded, sized or lit differently."),
            t("taken out of train while they are at most 1 % of the examples; with more, training stops."),
            t("remove them from one of the splits, or cut the splits anew."),
        ),
    ),
    "leak.group": Code(
        "split",
        "warning",
        lambda: (
            t("Examples of one group (a video, a patient) stand in two splits."),
            t("kept, since the data give these splits; results on such groups are too good."),
            t("give each group to one split, or leave the split column out and let it be cut."),
        ),
    ),
    "leak.identity": Code(
        "split",
        "warning",
        lambda: (
            t("A person stands in two splits, though strangers are what is to be told apart."),
            t("kept, since the data give these splits; results on known faces are too good."),
            t("give each person to one split, or leave the splits to be cut."),
        ),
    ),
    "leak.text": Code(
        "split",
        "warning",
        lambda: (
            t("Texts in different splits differ only in capitals, spaces or punctuation."),
            t("kept; results on them are too good."),
            t("remove them from one of the splits."),
        ),
    ),
    "dup.exact": Code(
        "split",
        "note",
        lambda: (
            t("An example has exact copies in its split."),
            t("kept, copies together in one split."),
            t("remove them if they are no real repetitions: they count double."),
        ),
    ),
    "label.conflict": Code(
        "split",
        "warning",
        lambda: (
            t("Equal inputs have different labels."),
            t("kept as they are."),
            t("decide for one label, or accept that no model can be right on all of them."),
        ),
    ),
    "split.small_test": Code(
        "split",
        "note",
        lambda: (
            t("The test set is so small that results on it are uncertain."),
            "",
            t("believe only larger differences, or add examples."),
        ),
    ),
    "split.small_dev": Code(
        "split",
        "warning",
        lambda: (
            t("Dev is tiny beside train: choosing by it is choosing by chance."),
            t("kept as given."),
            t("move some examples of train to dev."),
        ),
    ),
    "split.impossible": Code(
        "split",
        "error",
        lambda: (
            t("The examples cannot be dealt out: there are too few, or given splits share too many."),
            t("all examples were looked at as train."),
            t("add examples, remove what the splits share, or give the splits yourself."),
        ),
    ),
    "source.few_distinct": Code(
        "split",
        "warning",
        lambda: (
            t("A source gives many examples, but few that differ, as artificial ones made from few parts do."),
            t("kept; a network may learn these by heart."),
            t("make them from more different parts, take fewer of them, or give them less weight."),
        ),
    ),
    "split.source_new": Code(
        "split",
        "note",
        lambda: (
            t("Dev or test come from a source that train has nothing of."),
            t("kept as given; the gap to dev holds the change of source too."),
            t("if the model will meet that source, put some of it into train."),
        ),
    ),
    "split.time_mixed": Code(
        "split",
        "note",
        lambda: (
            t("The rows have dates, and train reaches beyond the first of test."),
            t("kept."),
            t("if the model is to predict the future, give a split column that cuts by time."),
        ),
    ),
}
