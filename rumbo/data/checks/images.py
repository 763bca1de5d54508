"""Checks of pictures, from one short record of each: sizes, light, blur, formats, shortcuts to the class."""

from collections.abc import Callable, Iterable

import numpy as np
import polars as pl

from rumbo.core.messages import t
from rumbo.data.checks.codes import CODES
from rumbo.data.checks.columns import kolmogorov
from rumbo.data.checks.facts import Facts
from rumbo.data.checks.findings import Finding
from rumbo.data.checks.found import found

TINY_PX = 8
EXTREME_ASPECT = 6.0
"""Panoramas reach 4; measured largest on the real sets: 3.4."""
UNIFORM_STD = 2.0
"""Grey levels; the flattest real picture of 5,000 has 9.8 (cats), a scanned empty page about 1."""
DARK_LEVEL = 32
BRIGHT_LEVEL = 223
"""99 % of the pixels beyond. The darkest real picture reaches 50 (a black coat in Fashion-MNIST), the brightest
starts at 142."""
BLURRED = 0.004
BLURRED_RATIO = 20
"""Of sharpness, absolute and against the middle picture. The most blurred real one has 0.014 (a frame of a video)."""
FEWEST_PX = 64
"""In smaller pictures an edge is a large part of the whole, and black margins are how digits are drawn."""
BAR_FRACTION = 0.2
MINORITY = 0.25
GREY_COLOR = 1.0
"""Mean distance between channels; JPEG gives grey pictures none."""
FEWEST_OF_CLASS = 10
FEWEST_OF_VALUE = 8
TELLING = 0.95
"""Share that a property tells apart (1 = it is the class). Largest measured on clean sets: 0.04 for files,
0.65 for brightness (sandals of Fashion-MNIST)."""
EXTENSIONS = {
    "JPEG": ("jpg", "jpeg", "jpe", "jfif"),
    "PNG": ("png",),
    "WEBP": ("webp",),
    "BMP": ("bmp",),
    "GIF": ("gif",),
    "TIFF": ("tif", "tiff"),
    "PPM": ("ppm", "pgm", "pbm", "pnm"),
}


def sizes(facts: Facts) -> Iterable[Finding]:
    """Pictures too small to show anything, of different sizes, or strips among pictures of usual form."""
    pictures = facts.pictures
    if pictures.height == 0:
        return
    short = pl.min_horizontal("height", "width")
    tiny = pictures.filter(short < TINY_PX)
    if tiny.height:
        message = t(
            "pictures with a side below {limit} px: {count}. '{first}' has {width} x {height}.",
            count=tiny.height,
            limit=TINY_PX,
            first=facts.ids(tiny["row"])[0],
            width=tiny["width"][0],
            height=tiny["height"][0],
        )
        yield found("image.tiny", message, facts.ids(tiny["row"]), tiny.height)
    num_sizes = pictures.select(pl.struct("height", "width").n_unique()).item()
    if num_sizes > 1:
        sides = [*pictures["height"], *pictures["width"]]
        message = t(
            "the pictures have {count} sizes, from {low} to {high} px a side.",
            count=num_sizes,
            low=min(sides),
            high=max(sides),
        )
        yield found("image.size_mixed", message, num_items=pictures.height)
    strips = pictures.filter(pl.max_horizontal("height", "width") > EXTREME_ASPECT * short)
    if 0 < strips.height < MINORITY * pictures.height:
        message = t(
            "pictures more than {ratio} times as long as wide: {count}. '{first}' has {width} x {height}.",
            ratio=f"{EXTREME_ASPECT:g}",
            count=strips.height,
            first=facts.ids(strips["row"])[0],
            width=strips["width"][0],
            height=strips["height"][0],
        )
        yield found("image.aspect", message, facts.ids(strips["row"]), strips.height)


def looks(facts: Facts) -> Iterable[Finding]:
    """Pictures of one color, almost black or white, blurred, or with black bars."""
    pictures = facts.pictures
    if pictures.height == 0:
        return
    uniform = pl.col("std") < UNIFORM_STD
    large = pl.min_horizontal("height", "width") >= FEWEST_PX
    middle = np.median(pictures["sharpness"].to_numpy())
    blurred = large & ~uniform & (pl.col("sharpness") < min(BLURRED, float(middle) / BLURRED_RATIO))
    conditions = {
        "image.uniform": uniform,
        "image.dark": ~uniform & (pl.col("high") < DARK_LEVEL),
        "image.bright": ~uniform & (pl.col("low") > BRIGHT_LEVEL),
        "image.blurred": blurred,
        "image.bars": large & (pl.col("bars") >= BAR_FRACTION),
    }
    for code, condition in conditions.items():
        guilty = pictures.filter(condition)
        usual = code in ("image.blurred", "image.bars") and guilty.height > MINORITY * pictures.height
        if guilty.height and not usual:  # what most pictures have is how they are made
            yield _about(code, facts, guilty)


def _about(code: str, facts: Facts, guilty: pl.DataFrame) -> Finding:
    """A finding that says what the code means, of how many, and names the first."""
    ids = facts.ids(guilty["row"])
    message = t(
        "{meaning} Pictures: {count}, such as '{first}'.",
        meaning=CODES[code].meaning,
        count=guilty.height,
        first=ids[0],
    )
    return found(code, message, ids, guilty.height)


def files(facts: Facts) -> Iterable[Finding]:
    """Grey among color, turned by a tag, several in one file, another format than the name says."""
    pictures = facts.pictures
    if pictures.height == 0:
        return
    grey = pictures.filter(pl.col("color") < GREY_COLOR)
    if 0 < grey.height < MINORITY * pictures.height:
        yield _about("image.grey_among_color", facts, grey)
    turned = pictures.filter(pl.col("orientation").is_between(2, 8))
    if turned.height:
        yield _about("image.rotated_tag", facts, turned)
    several = pictures.filter(pl.col("frames") > 1)
    if several.height:
        yield _about("image.animated", facts, several)
    pairs = pictures.select("row", "format", "extension").iter_rows()
    lying = [(row, kind) for row, kind, name in pairs if kind in EXTENSIONS and name and name not in EXTENSIONS[kind]]
    if lying:
        row, kind = lying[0]
        message = t(
            "pictures whose name says another format than their content: {count}. '{first}' is {kind}.",
            count=len(lying),
            first=facts.ids([row])[0],
            kind=kind,
        )
        yield found("image.extension", message, facts.ids(row for row, _ in lying), len(lying))


def shortcuts(facts: Facts) -> Iterable[Finding]:
    """Properties of files, or the light, that tell the class without a look at what is shown."""
    classes, pictures = facts.classes, facts.pictures
    if classes is None or pictures.height == 0:
        return
    labels = classes[pictures["row"].to_numpy()]
    sizes_of = pictures.select(pl.format("{}x{}", "width", "height")).to_series()
    quality = (pictures["quality"] // 5 * 5).cast(pl.String)
    properties = {
        t("size"): sizes_of,
        t("format"): pictures["format"],
        t("color mode"): pictures["mode"],
        t("JPEG quality"): quality,
    }
    telling = {name: told for name, values in properties.items() if (told := telling_class(values, labels))}
    if telling:
        label, share = next(iter(telling.values()))
        message = t(
            "the {properties} of the files tells the class: '{label}' and the others share {share} % of it.",
            properties=", ".join(telling),
            label=label,
            share=f"{100 * (1 - share):.0f}",
        )
        yield found("image.shortcut", message, telling, pictures.height)
    elif told := _telling_brightness(pictures["mean"].to_numpy(), labels.to_numpy()):
        message = t(
            "the mean brightness tells the class: '{label}' and the others share {share} % of it.",
            label=told[0],
            share=f"{100 * (1 - told[1]):.0f}",
        )
        yield found("image.brightness_shortcut", message, [told[0]], pictures.height)


def _telling_brightness(means: np.ndarray, labels: np.ndarray) -> tuple[str, float] | None:
    """The class that one threshold of brightness tells from all others, and the share it tells apart."""
    for label in sorted(set(labels.tolist())):
        inside, outside = means[labels == label], means[labels != label]
        if min(len(inside), len(outside)) < FEWEST_OF_CLASS:
            continue
        share, _ = kolmogorov(inside, outside)
        if share >= TELLING:
            return label, share
    return None


def telling_class(values: pl.Series, labels: pl.Series) -> tuple[str, float] | None:
    """The class that a property tells from all others, and the share it tells apart; None below 95 %.

    Values that occur in fewer than 8 pictures count as one: single ones tell anything by chance. The share is the
    total variation between the property's distributions in the class and in the others.
    """
    table = pl.DataFrame({"value": values.fill_null(""), "class": labels})
    common = pl.col("value").is_in(
        table.group_by("value").len().filter(pl.col("len") >= FEWEST_OF_VALUE)["value"].to_list()
    )
    table = table.with_columns(pl.when(common).then("value").otherwise(pl.lit("…")))
    if table["value"].n_unique() < 2:
        return None
    counts = table.group_by("class").len().sort("class")
    for label, count in counts.iter_rows():
        if count < FEWEST_OF_CLASS or table.height - count < FEWEST_OF_CLASS:
            continue
        parts = [
            dict(part["value"].value_counts(normalize=True).iter_rows())
            for part in (table.filter(pl.col("class") == label), table.filter(pl.col("class") != label))
        ]
        share = sum(abs(parts[0].get(value, 0.0) - parts[1].get(value, 0.0)) for value in set(parts[0]) | set(parts[1]))
        if share / 2 >= TELLING:
            return label, share / 2
    return None


def complaints(facts: Facts) -> Iterable[Finding]:
    """JPEG files that decode, but against which the decoder has something to say."""
    met = facts.pictures.filter(pl.col("complaint").is_not_null())
    if met.height:
        message = t(
            "the decoder complains of pictures that it can read: {count}. '{first}': {complaint}.",
            count=met.height,
            first=facts.ids(met["row"])[0],
            complaint=met["complaint"][0],
        )
        yield found("image.suspicious", message, facts.ids(met["row"]), num_items=met.height)


CHECKS: tuple[Callable[[Facts], Iterable[Finding]], ...] = (sizes, looks, files, complaints, shortcuts)
