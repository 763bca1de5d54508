"""What goes into a network, as sizes: the one thing that data and models must agree on."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class InputSpec:
    """Sizes of one example's inputs.

    Attributes:
        image: (channels, height, width) in px, or None.
        num_numbers: numeric features.
        category_sizes: for each categorical feature, how many codes it has (code 0 = missing or unseen).
    """

    image: tuple[int, int, int] | None = None
    num_numbers: int = 0
    category_sizes: tuple[int, ...] = ()

    @property
    def has_table(self) -> bool:
        """Whether feature columns go in."""
        return self.num_numbers > 0 or len(self.category_sizes) > 0
