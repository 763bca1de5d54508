"""What the codes about people mean."""

from rumbo.core.messages import t
from rumbo.data.checks.findings import Code

IDENTITY_CODES = {
    "identity.single": Code(
        "identity",
        "note",
        lambda: (
            t("A person has one picture only."),
            t("kept; no pair of the same person comes from it."),
            t("add pictures of them."),
        ),
    ),
    "identity.two_people": Code(
        "identity",
        "warning",
        lambda: (
            t("The same picture stands under two people."),
            t("kept as it is; the model is taught both."),
            t("remove the one that is wrong."),
        ),
    ),
    "identity.unbalanced": Code(
        "identity",
        "note",
        lambda: (
            t("A person has more than 20 times as many pictures as is usual here."),
            t("kept."),
            t("keep some of them: that person rules what is learned."),
        ),
    ),
    "identity.case_variants": Code(
        "identity",
        "warning",
        lambda: (
            t("Names of people differ only in capitals, spaces, accents' encoding or punctuation."),
            t("kept as different people."),
            t("write them alike, if they are the same person."),
        ),
    ),
}
