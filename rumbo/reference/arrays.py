"""What the equations are written in: float64 arrays, and whole numbers for labels and places."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
