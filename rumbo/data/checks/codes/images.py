"""What the codes about pictures mean."""

from rumbo.core.messages import t
from rumbo.data.checks.findings import Code

IMAGE_CODES = {
    "image.bad": Code(
        "image",
        "warning",
        lambda: (
            t("A picture cannot be decoded, or is cut short."),
            t("left out of all splits."),
            t("correct them in the source, or remove them."),
        ),
    ),
    "image.suspicious": Code(
        "image",
        "warning",
        lambda: (
            t("The decoder complains of a JPEG that it can read all the same: bytes were changed, lost or added."),
            t("kept."),
            t("look at them, and take them from the source again; half of a picture may be wrong."),
        ),
    ),
    "image.tiny": Code(
        "image",
        "warning",
        lambda: (
            t("A picture has a side below 8 px."),
            t("kept, enlarged."),
            t("look at them: they may be place holders."),
        ),
    ),
    "image.size_mixed": Code(
        "image",
        "note",
        lambda: (t("The pictures have different sizes."), t("brought to one size."), ""),
    ),
    "image.aspect": Code(
        "image",
        "note",
        lambda: (
            t("A picture is more than six times as long as wide, unlike the others."),
            t("kept; stretching or cropping loses most of it."),
            t("look at them: they may be banners or strips."),
        ),
    ),
    "image.uniform": Code(
        "image",
        "warning",
        lambda: (
            t("A picture is of one color all over."),
            t("kept."),
            t("remove them: there is nothing to see."),
        ),
    ),
    "image.dark": Code(
        "image",
        "warning",
        lambda: (
            t("A picture is almost black all over."),
            t("kept."),
            t("look at them; expose or remove them."),
        ),
    ),
    "image.bright": Code(
        "image",
        "warning",
        lambda: (
            t("A picture is almost white all over."),
            t("kept."),
            t("look at them; expose or remove them."),
        ),
    ),
    "image.blurred": Code(
        "image",
        "note",
        lambda: (
            t("A picture is far more blurred than the others."),
            t("kept."),
            t("look at them; remove those that you cannot recognize yourself."),
        ),
    ),
    "image.bars": Code(
        "image",
        "note",
        lambda: (
            t("Black bars, as of a film, take a fifth of a picture or more."),
            t("kept."),
            t("cut the bars off: they make what is shown smaller."),
        ),
    ),
    "image.grey_among_color": Code(
        "image",
        "note",
        lambda: (
            t("A few pictures are grey among pictures in color."),
            t("kept, brought to color with the others."),
            t("look whether one class has more of them than others."),
        ),
    ),
    "image.rotated_tag": Code(
        "image",
        "note",
        lambda: (
            t("The EXIF tag of a picture turns it."),
            t("turned upright before anything else; boxes and points count in the upright picture."),
            t("if annotations were made on the pictures as stored, turn the files and remove the tag."),
        ),
    ),
    "image.animated": Code(
        "image",
        "note",
        lambda: (
            t("A file holds several pictures."),
            t("the first one is used."),
            t("save the frames as files of their own, if they matter."),
        ),
    ),
    "image.extension": Code(
        "image",
        "note",
        lambda: (
            t("The name of a picture says another format than its content."),
            t("read by content."),
            t("rename them: other programs go by the name."),
        ),
    ),
    "image.shortcut": Code(
        "image",
        "warning",
        lambda: (
            t("The size, format, color mode or JPEG quality of the files gives the class away."),
            t("kept; a model may learn that instead of what is shown."),
            t("save all pictures the same way, or collect the classes from the same sources."),
        ),
    ),
    "image.brightness_shortcut": Code(
        "image",
        "warning",
        lambda: (
            t("The mean brightness alone gives the class away."),
            t("kept; a model may learn the light instead of what is shown."),
            t("collect all classes in the same light, if they will be met so."),
        ),
    ),
}
