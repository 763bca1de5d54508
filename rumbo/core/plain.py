"""Any value of ours as strict JSON types."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np


def plain(value: Any) -> Any:
    """Mappings, sequences, arrays and numbers as JSON types; None for numbers that are not finite; text for the rest.

    >>> plain({"counts": np.array([1, 2]), "loss": float("nan")})
    {'counts': [1, 2], 'loss': None}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(item) for item in cast("Sequence[Any]", value)]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    return str(value)
