"""Options of data: sizes, splits, augmentation. Needs neither torch nor polars."""

from dataclasses import dataclass
from typing import Literal

from rumbo.core.options import Options, option


@dataclass(frozen=True, kw_only=True)
class SplitOptions(Options):
    """How examples are dealt out to train, dev and test, where the data do not say so themselves."""

    by: Literal["auto", "random", "group", "source", "time"] = option(
        "auto", "How to deal out; auto takes what the data say, else keeps groups together and draws at random."
    )
    dev_fraction: float | None = option(
        None, "Share of the examples for dev; none chooses from their number.", low=0.0, high=0.9
    )
    test_fraction: float | None = option(
        None, "Share of the examples for test; none chooses from their number.", low=0.0, high=0.9
    )
    train_dev_fraction: float | None = option(
        None,
        "Share of train kept apart as train_dev; none does it where dev comes from another source.",
        low=0,
        high=0.9,
    )
    group: str | None = option(None, "Column of groups that must not be torn apart: patients, videos, sites.")
    source: str | None = option(None, "Column that says where each example comes from.")
    dev_sources: tuple[str, ...] = option((), "Sources that dev is taken from, separated by commas.")
    test_sources: tuple[str, ...] = option((), "Sources that test is taken from, separated by commas.")
    time: str | None = option(None, "Column of dates or numbers by which the newest examples become test.")
    file: str | None = option(None, "A split made before, as `rumbo split` writes it.")
    folds: int | None = option(None, "Number of parts of a cross-validation; each is dev once.", low=2, high=100)
    fold: int = option(1, "The part that is dev now, counted from 1.", low=1, high=100)
    near_duplicates: bool = option(
        True, "Look for pictures that are nearly the same, names of frames and bursts, and keep them together."
    )
    allow_leak: bool = option(False, "Train although train and dev or test share examples; results are too good then.")


@dataclass(frozen=True, kw_only=True)
class SoundAugmentOptions(Options):
    """Random changes of training sounds and series of measurements; with all at 0 they are left as they are."""

    gain_db: float = option(0.0, "Largest change of loudness either way, in decibels.", low=0.0, high=60.0)
    noise_db: float | None = option(
        None,
        "Least ratio of sound to added noise, in decibels; noise is from there to 20 dB fainter. None adds no noise.",
        low=-20.0,
        high=100.0,
    )
    shift_fraction: float = option(
        0.0, "Largest shift in time either way, as a fraction of the length; silence comes in.", low=0.0, high=0.9
    )
    drop_time_fraction: float = option(
        0.0, "Largest part of the time that is silenced, in one span.", low=0.0, high=0.9
    )
    drop_band_fraction: float = option(
        0.0, "Largest part of the frequencies that is silenced, in one band.", low=0.0, high=0.9
    )


@dataclass(frozen=True, kw_only=True)
class AugmentOptions(Options):
    """Random changes of training examples, drawn anew for each one and epoch; dev and test never get them."""

    flip: Literal["auto", "yes", "no"] = option(
        "auto", "Mirror half of the pictures; auto does it for color, since mirrored digits and letters are wrong."
    )
    shift_fraction: float = option(0.08, "Largest shift, as a fraction of the side.", low=0.0, high=0.5)
    zoom: float = option(0.08, "Largest enlargement or reduction, as a fraction.", low=0.0, high=0.5)
    rotate_degrees: float = option(6.0, "Largest rotation either way, in degrees.", low=0.0, high=180.0)
    fewest_epochs: int = option(
        12, "Pictures are changed only in trainings of at least this many epochs; in fewer, each is still news.", low=0
    )
    light: float = option(0.15, "Largest change of brightness and contrast, as a fraction.", low=0.0, high=0.9)
    crop_area: float = option(
        1.0,
        "Smallest part of the area that a random crop keeps, at aspects from 3:4 to 4:3; 1 crops nothing.",
        low=0.05,
        high=1.0,
    )
    smooth_crops: bool = option(
        True, "Random crops are shrunk with smoothing, as pictures are in prediction; without it they are read faster."
    )
    shear_degrees: float = option(0.0, "Largest slant of the upright edges either way, in degrees.", low=0.0, high=60.0)
    shrink: float = option(
        0.0,
        "Largest reduction inside the frame, as a fraction of the side; the border is continued.",
        low=0.0,
        high=0.5,
    )
    warp_fraction: float = option(
        0.0, "Largest local displacement, as a fraction of the side; pictures never fold.", low=0.0, high=0.12
    )
    blur_px: float = option(0.0, "Largest standard deviation of a Gaussian blur, in px.", low=0.0, high=10.0)
    fade: float = option(0.0, "Largest loss of saturation, as a fraction; 1 goes down to grey.", low=0.0, high=1.0)
    color_shift: float = option(
        0.0, "Largest shift of each color channel either way, as a fraction of white.", low=0.0, high=0.5
    )
    pca_color: float = option(
        0.0,
        "Shifts along the principal axes of the colors, as a fraction of the spread along each; AlexNet took 0.1.",
        low=0.0,
        high=2.0,
    )
    keep_box_fraction: float = option(
        0.25, "A box is dropped where less than this part of it is left in the picture.", low=0.0, high=1.0
    )
    swap_names: tuple[str, ...] = option(
        (),
        "Names that trade places in a mirror, as eye_l:eye_r, or places of points, as 0:16; names with left and right, "
        "and the 68 points of a face, are known.",
    )
    numbers_noise: float = option(
        0.0,
        "Standard deviation of noise on numeric columns, as a fraction of each column's own.",
        low=0.0,
        high=2.0,
    )
    sound: SoundAugmentOptions = option(SoundAugmentOptions, "Changes of sounds and series.")


@dataclass(frozen=True, kw_only=True)
class DataOptions(Options):
    """From files to numbers that a network takes."""

    image_size: int | None = option(
        None,
        "Side in px that pictures are brought to; none chooses from the pictures and the network.",
        low=4,
        high=2048,
    )
    color: Literal["auto", "grey", "rgb"] = option(
        "auto", "Color channels; auto takes grey when all pictures are grey."
    )
    fit: Literal["auto", "stretch", "crop"] = option(
        "auto", "How pictures reach the size: stretched, or the middle cropped; auto crops when their sizes differ."
    )
    numbers: Literal["quantile", "standard"] = option(
        "quantile", "Scaling of numeric columns: to a normal distribution by quantiles, or (x - mean) / std."
    )
    max_bad_fraction: float = option(
        0.01, "Share of unusable examples above which training does not start.", low=0.0, high=1.0
    )
    weights: str | None = option(
        None, "Column of a table that says how much each example counts in cost and metrics; it is no input."
    )
    corrections: str | None = option(
        None, "A corrections file (CSV: id, field, value, who, when, why) laid over the data."
    )
    mix: tuple[str, ...] = option(
        (), "Further sets that only add to train, with their weight: WEB_PHOTOS:0.05,MADE_PHOTOS:0.5."
    )
    memory_gib: float = option(4.0, "Decoded pictures stay in memory up to this size, in GiB.", low=0.0)
    cache_gib: float = option(
        8.0,
        "Pictures that do not stay in memory are kept decoded on disk up to this size, in GiB, and at most half of "
        "what is free there; 0 keeps none.",
        low=0.0,
    )
    cache_path: str | None = option(
        None, "Folder of the decoded pictures; none takes rumbo/pixels in the user's cache folder."
    )
    split: SplitOptions = option(SplitOptions, "How examples are dealt out.")
    augment: AugmentOptions | None = option(AugmentOptions, "Random changes of training pictures; none for none.")
