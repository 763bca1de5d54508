"""What the codes about classes and yes/no labels mean."""

from rumbo.core.messages import t
from rumbo.data.checks.findings import Code

CLASS_CODES = {
    "target.none": Code(
        "class",
        "error",
        lambda: (
            t("The examples have no labels that can be read."),
            t("looked at without labels."),
            t("label them (`rumbo label`), or give the target with --target."),
        ),
    ),
    "class.single": Code(
        "class",
        "error",
        lambda: (
            t("All training examples are of one class."),
            "",
            t("add examples of at least one other class, or choose another column with --target."),
        ),
    ),
    "class.missing_in_train": Code(
        "class",
        "error",
        lambda: (
            t("Dev or test have classes that train lacks."),
            "",
            t("add training examples of them, or remove them from dev and test."),
        ),
    ),
    "class.missing_in_dev": Code(
        "class",
        "note",
        lambda: (
            t("Dev or test lack a class of train that they should have by its share."),
            t("kept as given; nothing is measured for that class."),
            t("move some examples of it there."),
        ),
    ),
    "class.rare": Code(
        "class",
        "warning",
        lambda: (
            t("A class has fewer than 10 examples."),
            t("kept; at least one example of each is in train."),
            t("add examples, or join such classes: results for them mean little."),
        ),
    ),
    "class.empty": Code(
        "class",
        "note",
        lambda: (
            t("A class is named, but no example has it."),
            t("kept; the model has an output that is never right."),
            t("remove the name, or add examples."),
        ),
    ),
    "class.imbalanced": Code(
        "class",
        "warning",
        lambda: (
            t("One class holds nearly all examples: always guessing it looks good."),
            t("kept; the share of right answers tells little here."),
            t("choose a goal that sees the other classes, such as macro-f1 or average-precision."),
        ),
    ),
    "class.shares_differ": Code(
        "class",
        "warning",
        lambda: (
            t("The classes are mixed differently in train and in dev or test, by more than chance."),
            t("kept as given."),
            t("ask which mix the model will meet; make dev and test like it."),
        ),
    ),
    "class.case_variants": Code(
        "class",
        "warning",
        lambda: (
            t("Class names differ only in capitals, spaces, accents' encoding or punctuation."),
            t("kept as different classes."),
            t("write them alike, if they mean the same."),
        ),
    ),
    "class.hidden": Code(
        "class",
        "warning",
        lambda: (
            t("A class has the name of a folder that programs make, such as __MACOSX or 'New folder'."),
            t("kept as a class."),
            t("remove that folder, or rename it."),
        ),
    ),
    "class.mostly_copies": Code(
        "class",
        "warning",
        lambda: (
            t("More than half of the examples of a class are copies of others."),
            t("kept; copies stand together in one split."),
            t("remove the copies: the class has fewer examples than it seems."),
        ),
    ),
    "class.code_gap": Code(
        "class",
        "note",
        lambda: (
            t("The classes are numbers with a gap, as when one was lost or ids were shifted."),
            t("kept; classes are told apart by name, never by number."),
            t("look whether the missing number should be there."),
        ),
    ),
    "label.constant": Code(
        "class",
        "warning",
        lambda: (
            t("A yes/no label is the same in all training examples."),
            t("kept; there is nothing to learn about it."),
            t("leave it out of --target, or add examples of the other answer."),
        ),
    ),
}
