"""What the codes about landmarks mean."""

from rumbo.core.messages import t
from rumbo.data.checks.findings import Code

POINT_CODES = {
    "points.outside": Code(
        "points",
        "warning",
        lambda: (
            t("A landmark lies far outside of its picture."),
            t("the point counts as not marked; the picture stays."),
            t("look whether points and pictures belong together."),
        ),
    ),
    "points.missing": Code(
        "points",
        "note",
        lambda: (
            t("Landmarks are not marked."),
            t("kept as not marked."),
            t("mark them, if they can be seen."),
        ),
    ),
    "points.equal": Code(
        "points",
        "warning",
        lambda: (
            t("All landmarks of a picture lie in one place."),
            t("kept."),
            t("mark them anew: nobody looks like that."),
        ),
    ),
    "points.constant": Code(
        "points",
        "warning",
        lambda: (
            t("A landmark has the same place in all pictures."),
            t("kept."),
            t("look whether the column was filled in; leave it out if not."),
        ),
    ),
    "points.copied": Code(
        "points",
        "warning",
        lambda: (
            t("Different pictures have exactly the same landmarks."),
            t("kept."),
            t("mark them anew: a row was copied."),
        ),
    ),
    "points.swapped": Code(
        "points",
        "warning",
        lambda: (
            t("The landmarks of a picture are the mirror image of the usual: left and right are exchanged."),
            t("kept."),
            t("exchange the names of left and right, or mirror the picture back."),
        ),
    ),
    "points.outlier": Code(
        "points",
        "note",
        lambda: (
            t("The landmarks of a picture have a shape far from that of all others."),
            t("kept."),
            t("look at them: single points may be misplaced."),
        ),
    ),
    "points.edge": Code(
        "points",
        "note",
        lambda: (
            t("A landmark lies slightly outside of its picture."),
            t("kept where it is."),
            t("at the edge of a cut face that is right; else correct it."),
        ),
    ),
    "points.malformed": Code(
        "points",
        "warning",
        lambda: (
            t("A coordinate of a landmark is no number."),
            t("the point counts as not marked; the picture stays."),
            t("correct it in the file."),
        ),
    ),
    "points.half": Code(
        "points",
        "warning",
        lambda: (
            t("Of a landmark only x or only y is given."),
            t("the point counts as not marked; the picture stays."),
            t("correct it in the file."),
        ),
    ),
    "points.not_finite": Code(
        "points",
        "warning",
        lambda: (
            t("A coordinate of a landmark is not a finite number."),
            t("the point counts as not marked; the picture stays."),
            t("correct it in the file."),
        ),
    ),
    "points.wrong_size": Code(
        "points",
        "warning",
        lambda: (
            t("Landmarks were marked on a picture of another size."),
            t("scaled where both have the same shape, else they count as not marked."),
            t("look whether the pictures were resized after they were annotated."),
        ),
    ),
}
