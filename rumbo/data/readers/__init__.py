"""The data formats that are recognized by looking, one file each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rumbo.core.registry import Entry, Registry

if TYPE_CHECKING:
    from rumbo.data.files import Files
    from rumbo.data.manifest import Dataset, TargetKind


@dataclass(frozen=True, kw_only=True)
class Request:
    """How a data set is wanted.

    Attributes:
        target: the target column; several, separated by commas, are yes/no labels; None chooses.
        task: classify, regress or multilabel; None decides from the values.
        labelled: whether a target is needed; prediction does without.
        categories: columns of a table that are text, whatever their entries look like here: a model takes them so.
        weights: the column of a table that says how much each example counts.
    """

    target: str | None = None
    task: str | None = None
    labelled: bool = True
    categories: tuple[str, ...] = ()
    weights: str | None = None


@dataclass(frozen=True)
class Reader:
    """One format: does it know these files, what is in them, and what can be learnt from it.

    Attributes:
        recognizes: whether it knows these files.
        read: their manifest.
        kinds: the kinds of target it has; for tasks that need another one it is passed over. Empty: `read` decides.
    """

    recognizes: "Callable[[Files], bool]"
    read: "Callable[[Files, Request], Dataset]"
    kinds: "tuple[TargetKind, ...]" = ()


formats: Registry[Reader] = Registry(
    "data format",
    {  # the order in which they are tried
        "idx": Entry("rumbo.data.readers.idx", "IDX files as MNIST has them, also .gz: pictures and labels in pairs."),
        "course-h5": Entry(
            "rumbo.data.readers.course_h5", "The course's .h5 files: train_set_x, train_set_y, list_classes."
        ),
        "volume": Entry(
            "rumbo.data.readers.volume", "NIfTI volumes, with masks of the same names where there are some."
        ),
        "strokes": Entry("rumbo.data.readers.strokes", "Drawings as pen strokes: an .npz of points with offsets."),
        "series": Entry(
            "rumbo.data.readers.series",
            "Series: joined arrays with offsets, UCR text files, dated values in a CSV, a CSV of numbers per series.",
        ),
        "npz": Entry(
            "rumbo.data.readers.npz", "NumPy .npz: x and y, images and labels, or x_train, y_train, x_test, y_test."
        ),
        "coco-masks": Entry(
            "rumbo.data.readers.coco_masks", "Masks as run lengths in COCO JSON, as convert writes them."
        ),
        "coco": Entry("rumbo.data.readers.coco", "COCO JSON: boxes and outlines, a file for each split."),
        "voc": Entry("rumbo.data.readers.voc", "Pascal VOC: an XML file with boxes for each picture."),
        "yolo": Entry("rumbo.data.readers.yolo", "YOLO: a text file with boxes for each picture, and data.yaml."),
        "box-table": Entry("rumbo.data.readers.box_table", "A table with a row for each box: class, x1, y1, x2, y2."),
        "audio": Entry("rumbo.data.readers.audio", "WAV sounds, in a folder per class or without classes."),
        "mask-pairs": Entry("rumbo.data.readers.mask_pairs", "Pictures and masks in two folders, or side by side."),
        "landmarks": Entry("rumbo.data.readers.landmarks", "A table of pictures with the x and y of points."),
        "table": Entry("rumbo.data.readers.table", "CSV, TSV or Parquet, with or without a column of pictures."),
        "persons": Entry("rumbo.data.readers.persons", "A folder of pictures per person."),
        "image-folder": Entry("rumbo.data.readers.image_folder", "A folder of pictures per class, also zipped."),
        "text": Entry("rumbo.data.readers.text", "Texts: a folder of .txt files per class, or one text to continue."),
    },
)
