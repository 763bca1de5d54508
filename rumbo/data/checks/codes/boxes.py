"""What the codes about boxes mean."""

from rumbo.core.messages import t
from rumbo.data.checks.findings import Code

BOX_CODES = {
    "box.invalid": Code(
        "boxes",
        "error",
        lambda: (
            t("A box of the set, as by a correction, is not finite, has no area, or lies outside of its picture."),
            "",
            t("correct it: the reader rejects such boxes, so a later change made them."),
        ),
    ),
    "box.outside": Code(
        "boxes",
        "warning",
        lambda: (
            t("A box reaches beyond its picture."),
            t("cut at the edge; one that lies all outside is left out."),
            t("look whether boxes and pictures belong together, and whether their sizes do."),
        ),
    ),
    "box.zero_area": Code(
        "boxes",
        "warning",
        lambda: (
            t("A box has no width or no height."),
            t("left out; its picture stays."),
            t("draw it anew, or remove it."),
        ),
    ),
    "box.inverted": Code(
        "boxes",
        "warning",
        lambda: (
            t("A box has its corners exchanged."),
            t("said with each of them."),
            t("look whether the columns are in the right order."),
        ),
    ),
    "box.not_finite": Code(
        "boxes",
        "warning",
        lambda: (
            t("A coordinate of a box is not a finite number."),
            t("left out; its picture stays."),
            t("correct or remove it in the file."),
        ),
    ),
    "box.malformed": Code(
        "boxes",
        "warning",
        lambda: (
            t("An annotation cannot be understood."),
            t("left out; its picture stays."),
            t("correct or remove it in the file."),
        ),
    ),
    "box.unknown_class": Code(
        "boxes",
        "warning",
        lambda: (
            t("A box has a class that the list of names lacks."),
            t("left out; its picture stays."),
            t("add the name, or correct the class."),
        ),
    ),
    "box.duplicate": Code(
        "boxes",
        "warning",
        lambda: (
            t("A box stands twice in a picture, with the same class and corners."),
            t("used once."),
            t("remove the copy."),
        ),
    ),
    "box.overlap": Code(
        "boxes",
        "note",
        lambda: (
            t("Two boxes of one class in a picture overlap by more than 95 %."),
            t("both are kept."),
            t("remove one, if they mean the same thing: the model is taught to answer twice."),
        ),
    ),
    "box.tiny": Code(
        "boxes",
        "note",
        lambda: (
            t("A box has a side below 8 px."),
            t("kept; such boxes are rarely found again."),
            t("look at them; use larger pictures if they matter."),
        ),
    ),
    "box.whole_picture": Code(
        "boxes",
        "warning",
        lambda: (
            t("Most boxes are as large as their pictures."),
            t("kept."),
            t("look whether boxes were drawn at all, or classes were turned into boxes."),
        ),
    ),
    "box.aspect": Code(
        "boxes",
        "note",
        lambda: (
            t("A box is more than 30 times as long as wide."),
            t("kept."),
            t("look at them: such boxes are often slips of the mouse."),
        ),
    ),
    "box.mostly_empty": Code(
        "boxes",
        "warning",
        lambda: (
            t("Almost no picture has a box."),
            t("pictures without boxes are used as such: nothing is there to be found."),
            t("look whether the names of annotations and pictures belong together."),
        ),
    ),
    "box.rotated_frame": Code(
        "boxes",
        "note",
        lambda: (
            t("An annotation says the size of its picture with width and height exchanged."),
            t("turned along where the EXIF tag says so; left out where nothing does."),
            t("annotate the upright picture, or turn the files and remove the tag."),
        ),
    ),
    "box.class_shift": Code(
        "boxes",
        "warning",
        lambda: (
            t("The first of several class names has no box, though all others have: ids may count from 1."),
            t("kept as the files say."),
            t("look whether the ids count from 0, as the list of names does."),
        ),
    ),
    "box.wrong_size": Code(
        "boxes",
        "warning",
        lambda: (
            t("An annotation says another size of its picture than the picture has."),
            t("scaled where both have the same shape, else left out; the picture stays."),
            t("look whether the pictures were resized after they were annotated."),
        ),
    ),
    "box.negative": Code(
        "boxes",
        "warning",
        lambda: (
            t("A box has a negative width or height."),
            t("left out; its picture stays."),
            t("look whether corners were written where a width and a height belong."),
        ),
    ),
    "box.not_normalized": Code(
        "boxes",
        "warning",
        lambda: (
            t("A box of a YOLO file reaches far beyond 0 to 1, as when it was written in px."),
            t("left out; its picture stays."),
            t("divide by the width and height of the picture."),
        ),
    ),
    "box.polygon_short": Code(
        "boxes",
        "warning",
        lambda: (
            t("An outline has fewer than three points, or an odd number of coordinates."),
            t("the outline is left out; the box is kept where it is said."),
            t("draw it anew, or remove it."),
        ),
    ),
    "box.rle_bad": Code(
        "boxes",
        "warning",
        lambda: (
            t("A run-length mask of COCO cannot be read."),
            t("the mask is left out; the box is kept where it is said."),
            t("export the annotations again."),
        ),
    ),
    "box.duplicate_id": Code(
        "boxes",
        "warning",
        lambda: (
            t("Two annotations have the same id."),
            t("said with each of them."),
            t("give each annotation an id of its own."),
        ),
    ),
    "box.no_picture": Code(
        "boxes",
        "warning",
        lambda: (
            t("A box belongs to no picture of the set."),
            t("left out."),
            t("add the picture, or remove the box."),
        ),
    ),
    "annotation.bad": Code(
        "boxes",
        "warning",
        lambda: (
            t("A file of annotations cannot be read, or says nothing of its picture."),
            t("left out with its picture."),
            t("correct it, or export it again."),
        ),
    ),
    "annotation.no_picture": Code(
        "boxes",
        "warning",
        lambda: (
            t("A picture that annotations name is not there."),
            t("left out."),
            t("look whether the names agree, with their extensions and folders."),
        ),
    ),
    "annotation.duplicate_id": Code(
        "boxes",
        "warning",
        lambda: (
            t("Two pictures of a list have the same id, or one is named twice."),
            t("the first one is used."),
            t("give each picture an id of its own."),
        ),
    ),
}
