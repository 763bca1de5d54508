"""What the codes about tables mean."""

from rumbo.core.messages import t
from rumbo.data.checks.findings import Code

TABLE_CODES = {
    "row.too_many_bad": Code(
        "table",
        "error",
        lambda: (
            t("More examples cannot be used than a training lets pass."),
            "",
            t("correct or remove them, or let them pass with --set data.max_bad_fraction."),
        ),
    ),
    "target.missing": Code(
        "table",
        "warning",
        lambda: (
            t("Rows have no usable target."),
            t("left out of all splits."),
            t("correct them in the source, or remove them."),
        ),
    ),
    "target.constant": Code(
        "table",
        "error",
        lambda: (
            t("The target is one number in all training examples."),
            "",
            t("there is nothing to learn: choose another column with --target."),
        ),
    ),
    "target.capped": Code(
        "table",
        "warning",
        lambda: (
            t("The target piles up at its largest or smallest value."),
            t("kept as they are."),
            t("find the true values, or leave these rows out and say that the model does not cover them."),
        ),
    ),
    "target.outlier": Code(
        "table",
        "warning",
        lambda: (
            t("A few values of the target are many times larger than all others, as with a mistaken unit."),
            t("kept as they are; single ones can rule the error."),
            t("compare them with the source; correct or remove them."),
        ),
    ),
    "target.mostly_one": Code(
        "table",
        "warning",
        lambda: (
            t("The target is one and the same number in nearly all rows."),
            t("kept as they are."),
            t("predict first whether it differs from that number: give a yes/no column as the target."),
        ),
    ),
    "target.shift": Code(
        "table",
        "warning",
        lambda: (
            t("The target is distributed differently in train and in dev or test, by more than chance."),
            t("kept as given."),
            t("ask which values the model will meet; make dev and test like them."),
        ),
    ),
    "feature.missing": Code(
        "table",
        "note",
        lambda: (
            t("Entries of input columns are missing."),
            t("numbers take the median of train and a column says where; categories take a code of their own."),
            t("fill them from the source, where it knows them."),
        ),
    ),
    "feature.infinite": Code(
        "table",
        "warning",
        lambda: (
            t("Entries of input columns are infinite."),
            t("counted as missing."),
            t("find the division by zero, or the number that is too large, that made them."),
        ),
    ),
    "feature.constant": Code(
        "table",
        "note",
        lambda: (
            t("An input column has the same entry in all rows."),
            t("kept; they tell the model nothing."),
            t("remove them."),
        ),
    ),
    "feature.mostly_one": Code(
        "table",
        "note",
        lambda: (
            t("An input column has the same entry in nearly all rows."),
            t("kept; such columns can hardly help."),
            t("look whether the column was filled in rightly."),
        ),
    ),
    "feature.leak": Code(
        "table",
        "warning",
        lambda: (
            t("A single input column predicts the target without an error."),
            t("kept as an input."),
            t("remove it if it is not known at the time of prediction: then it is the answer itself."),
        ),
    ),
    "feature.copy": Code(
        "table",
        "note",
        lambda: (
            t("An input column says the same as another one."),
            t("both are kept."),
            t("remove one of them: the weights of the two cannot be told apart."),
        ),
    ),
    "feature.text_numbers": Code(
        "table",
        "warning",
        lambda: (
            t("A text column holds numbers with units, currency signs or thousands separators."),
            t("used as a category or left out: its order and size are lost."),
            t("write plain numbers into the column, and the unit into its name."),
        ),
    ),
    "feature.mixed": Code(
        "table",
        "warning",
        lambda: (
            t("A column mixes numbers and words."),
            t("used as a category, every number a level of its own."),
            t("make two columns of it, or empty the entries that are no numbers."),
        ),
    ),
    "feature.outlier": Code(
        "table",
        "warning",
        lambda: (
            t("A few entries of an input column are many times larger than all others, as with a mistaken unit."),
            t("kept; quantile scaling bounds what they do."),
            t("compare them with the source; correct or empty them."),
        ),
    ),
    "feature.sentinel": Code(
        "table",
        "warning",
        lambda: (
            t("A number such as -999 or 99999, far from all others, seems to mean 'not known'."),
            t("kept as a number."),
            t("empty these entries, so that they count as missing."),
        ),
    ),
    "feature.dates": Code(
        "table",
        "note",
        lambda: (
            t("A column holds dates."),
            t("no input, or one category a date: neither knows what comes first."),
            t("make columns of it that repeat (month, weekday, hour) or grow (days since a start)."),
        ),
    ),
    "feature.row_number": Code(
        "table",
        "warning",
        lambda: (
            t("An input column counts the rows."),
            t("kept as an input; a file sorted by its target gives the answer away."),
            t("remove it."),
        ),
    ),
    "feature.case_variants": Code(
        "table",
        "warning",
        lambda: (
            t("Entries of a category differ only in capitals, spaces, accents' encoding or punctuation."),
            t("kept as different levels."),
            t("write them alike, if they mean the same."),
        ),
    ),
    "feature.encoding": Code(
        "table",
        "warning",
        lambda: (
            t("Texts were read in a wrong encoding before they came here: 'Ã±' stands for 'ñ'."),
            t("kept as they are."),
            t("export the data again as UTF-8."),
        ),
    ),
    "feature.placeholder": Code(
        "table",
        "note",
        lambda: (
            t("Entries such as 'unknown', '-' or '#REF!' are a level of a category."),
            t("kept as a level of its own."),
            t("empty them, if they mean that nothing is known."),
        ),
    ),
    "feature.unseen": Code(
        "table",
        "warning",
        lambda: (
            t("Rows of dev or test have entries of a category that train lacks."),
            t("they share one code with all entries that are not known."),
            t("cut the splits so that train has such entries too."),
        ),
    ),
    "feature.shift": Code(
        "table",
        "warning",
        lambda: (
            t("An input column is distributed differently in train and in dev or test, by more than chance."),
            t("kept as given."),
            t("find out what differs between the splits; make dev and test like what the model will meet."),
        ),
    ),
    "row.mostly_missing": Code(
        "table",
        "note",
        lambda: (
            t("Rows lack more than half of their inputs."),
            t("kept; what is missing is filled in."),
            t("remove them, or fill them from the source."),
        ),
    ),
    "weight.bad": Code(
        "table",
        "error",
        lambda: (
            t("Weights of examples are negative, missing, not finite, or all zero."),
            "",
            t("give each example a weight of 0 or more, and some more than 0."),
        ),
    ),
    "feature.time_order": Code(
        "table",
        "warning",
        lambda: (
            t("The rows are in the order of their dates, but for a few."),
            t("kept in the order of the file."),
            t("sort the rows by date, if the order matters."),
        ),
    ),
}
