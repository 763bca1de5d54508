"""Options of data: sizes, splits, augmentation. Needs neither torch nor polars."""

from dataclasses import dataclass
from typing import Literal

from rumbo.core.options import Options, option


@dataclass(frozen=True, kw_only=True)
class SplitOptions(Options):
    """How examples are dealt out to train, dev and test, where the data do not say so themselves."""

    dev_fraction: float | None = option(
        None, "Share of the examples for dev; none chooses from their number.", low=0.0, high=0.9
    )
    test_fraction: float | None = option(
        None, "Share of the examples for test; none chooses from their number.", low=0.0, high=0.9
    )


@dataclass(frozen=True, kw_only=True)
class AugmentOptions(Options):
    """Random changes of training pictures, drawn anew for each picture and epoch; dev and test never get them."""

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
    memory_gib: float = option(4.0, "Decoded pictures stay in memory up to this size, in GiB.", low=0.0)
    split: SplitOptions = option(SplitOptions, "How examples are dealt out.")
    augment: AugmentOptions | None = option(AugmentOptions, "Random changes of training pictures; none for none.")
