"""The data formats that are recognized by looking, one file each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rumbo.core.registry import Entry, Registry

if TYPE_CHECKING:
    from rumbo.data.files import Files
    from rumbo.data.manifest import Dataset


@dataclass(frozen=True, kw_only=True)
class Request:
    """How a data set is wanted.

    Attributes:
        target: the target column; several, separated by commas, are yes/no labels; None chooses.
        task: classify, regress or multilabel; None decides from the values.
        labelled: whether a target is needed; prediction does without.
        categories: columns of a table that are text, whatever their entries look like here: a model takes them so.
    """

    target: str | None = None
    task: str | None = None
    labelled: bool = True
    categories: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reader:
    """One format: does it know these files, and what is in them."""

    recognizes: "Callable[[Files], bool]"
    read: "Callable[[Files, Request], Dataset]"


formats: Registry[Reader] = Registry(
    "data format",
    {  # the order in which they are tried
        "idx": Entry("rumbo.data.readers.idx", "IDX files as MNIST has them, also .gz: pictures and labels in pairs."),
        "course-h5": Entry(
            "rumbo.data.readers.course_h5", "The course's .h5 files: train_set_x, train_set_y, list_classes."
        ),
        "npz": Entry(
            "rumbo.data.readers.npz", "NumPy .npz: x and y, images and labels, or x_train, y_train, x_test, y_test."
        ),
        "coco": Entry("rumbo.data.readers.coco", "COCO JSON: boxes and outlines, a file for each split."),
        "voc": Entry("rumbo.data.readers.voc", "Pascal VOC: an XML file with boxes for each picture."),
        "yolo": Entry("rumbo.data.readers.yolo", "YOLO: a text file with boxes for each picture, and data.yaml."),
        "table": Entry("rumbo.data.readers.table", "CSV, TSV or Parquet, with or without a column of pictures."),
        "image-folder": Entry("rumbo.data.readers.image_folder", "A folder of pictures per class, also zipped."),
    },
)
