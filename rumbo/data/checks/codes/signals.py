"""What the codes about texts, sounds, series, drawings and volumes mean."""

from rumbo.core.messages import t
from rumbo.data.checks.findings import Code

SIGNAL_CODES = {
    "text.bad": Code(
        "signal",
        "warning",
        lambda: (
            t("A text cannot be read, or is empty."),
            t("left out of all splits."),
            t("correct or remove the file."),
        ),
    ),
    "text.short": Code(
        "signal",
        "note",
        lambda: (
            t("A text has hardly any word, unlike the others."),
            t("kept."),
            t("look at them; remove those that say nothing."),
        ),
    ),
    "text.long": Code(
        "signal",
        "note",
        lambda: (
            t("A text is more than 20 times as long as is usual here."),
            t("kept."),
            t("look whether several texts were joined by mistake."),
        ),
    ),
    "text.duplicate": Code(
        "signal",
        "note",
        lambda: (
            t("Texts of one split differ only in capitals, spaces or punctuation."),
            t("kept."),
            t("remove them if they are no real repetitions: they count double."),
        ),
    ),
    "text.encoding": Code(
        "signal",
        "warning",
        lambda: (
            t("A text was read in a wrong encoding before it came here: 'Ã±' stands for 'ñ'."),
            t("kept as it is."),
            t("export the texts again as UTF-8."),
        ),
    ),
    "text.markup": Code(
        "signal",
        "note",
        lambda: (
            t("A text holds the marks of web pages, such as <br> or &nbsp;."),
            t("kept as they are: they are read as words."),
            t("take the marks out."),
        ),
    ),
    "text.control": Code(
        "signal",
        "warning",
        lambda: (
            t("A text holds control characters, as files have that are no text."),
            t("kept as it is."),
            t("look whether the file is text at all."),
        ),
    ),
    "text.cut": Code(
        "signal",
        "note",
        lambda: (
            t("Many texts end at exactly the same length: they were cut."),
            t("kept as they are."),
            t("export them whole, if the end matters."),
        ),
    ),
    "text.label_inside": Code(
        "signal",
        "warning",
        lambda: (
            t("A word stands in nearly all texts of one class and in nearly none of the others, as a label left in."),
            t("kept."),
            t("take the word out, if it will not be there when the model is used."),
        ),
    ),
    "audio.bad": Code(
        "signal",
        "warning",
        lambda: (
            t("A sound cannot be decoded."),
            t("left out of all splits."),
            t("correct or remove the file."),
        ),
    ),
    "audio.silent": Code(
        "signal",
        "warning",
        lambda: (
            t("A sound is silent all along."),
            t("kept."),
            t("remove them, unless silence is what is meant."),
        ),
    ),
    "audio.clipped": Code(
        "signal",
        "warning",
        lambda: (
            t("A sound is clipped: its peaks are cut off at full scale."),
            t("kept."),
            t("record it with less gain."),
        ),
    ),
    "audio.offset": Code(
        "signal",
        "note",
        lambda: (
            t("A sound swings around a level other than 0."),
            t("kept."),
            t("take the mean off."),
        ),
    ),
    "audio.short": Code(
        "signal",
        "note",
        lambda: (
            t("A sound is far shorter than the others."),
            t("kept."),
            t("look whether the recording was broken off."),
        ),
    ),
    "audio.one_sided": Code(
        "signal",
        "note",
        lambda: (
            t("One channel of a sound is silent."),
            t("kept."),
            t("save it with one channel."),
        ),
    ),
    "audio.rate_mixed": Code(
        "signal",
        "warning",
        lambda: (
            t("The sounds have different numbers of samples a second."),
            t("kept."),
            t("save all at one rate, above all where classes differ in it."),
        ),
    ),
    "audio.channels_mixed": Code(
        "signal",
        "note",
        lambda: (
            t("Some sounds have one channel, others several."),
            t("kept."),
            t("save all alike, above all where classes differ in it."),
        ),
    ),
    "series.bad": Code(
        "signal",
        "warning",
        lambda: (
            t("A series cannot be read."),
            t("left out of all splits."),
            t("correct or remove it."),
        ),
    ),
    "series.gaps": Code(
        "signal",
        "warning",
        lambda: (
            t("A series has values that are missing or not finite."),
            t("kept."),
            t("fill the gaps from the source."),
        ),
    ),
    "series.constant": Code(
        "signal",
        "warning",
        lambda: (
            t("A series has one value all along."),
            t("kept."),
            t("look whether the sensor was on."),
        ),
    ),
    "series.stuck": Code(
        "signal",
        "note",
        lambda: (
            t("A series stands still for a fifth of its length, unlike the others."),
            t("kept."),
            t("look whether the sensor hung."),
        ),
    ),
    "series.spike": Code(
        "signal",
        "note",
        lambda: (
            t("A single value of a series is far beyond all others."),
            t("kept."),
            t("look whether it was measured or is a fault of the transmission."),
        ),
    ),
    "series.length_mixed": Code(
        "signal",
        "note",
        lambda: (
            t("The series have different lengths."),
            t("kept."),
            "",
        ),
    ),
    "volume.bad": Code(
        "signal",
        "warning",
        lambda: (
            t("A volume cannot be read."),
            t("left out of all splits."),
            t("correct or remove the file."),
        ),
    ),
    "volume.constant": Code(
        "signal",
        "warning",
        lambda: (
            t("A volume has one value all over, or values that are not finite."),
            t("kept."),
            t("remove them: there is nothing to see."),
        ),
    ),
    "volume.size_mixed": Code(
        "signal",
        "note",
        lambda: (t("The volumes have different shapes."), t("kept."), ""),
    ),
    "volume.scale_mixed": Code(
        "signal",
        "warning",
        lambda: (
            t("The values of a volume are on another scale than those of the others."),
            t("kept."),
            t("look whether it comes from another device, or was saved with another type of number."),
        ),
    ),
    "strokes.bad": Code(
        "signal",
        "warning",
        lambda: (
            t("A drawing cannot be read, or has no points."),
            t("left out of all splits."),
            t("correct or remove it."),
        ),
    ),
}
