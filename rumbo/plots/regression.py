"""How far predicted numbers are from true ones."""

import numpy as np
from matplotlib.figure import Figure

from rumbo.core.messages import t
from rumbo.plots.style import BLUE, INK, WIDTH_INCHES, plain, styled

MAX_DRAWN_POINTS = 1500  # above, the points become one picture inside the figure


@styled
def predicted_against_true(truth: np.ndarray, predicted: np.ndarray, *, name: str = "") -> Figure:
    """Predicted against true values, and the residuals (predicted - true) against the predicted ones.

    Args:
        truth: n finite numbers, in the target's unit.
        predicted: n finite numbers.
        name: of the target.
    """
    truth, predicted = np.asarray(truth, dtype=float), np.asarray(predicted, dtype=float)
    figure = Figure(figsize=(WIDTH_INCHES, 3.4))
    left, right = figure.subplots(1, 2)
    points = {
        "color": BLUE,
        "s": 8 if len(truth) > 200 else 16,
        "alpha": float(np.clip(200 / len(truth), 0.12, 0.7)),
        "linewidths": 0,
        "rasterized": len(truth) > MAX_DRAWN_POINTS,
    }
    left.scatter(truth, predicted, **points)
    left.axline((truth.mean(), truth.mean()), slope=1, color=INK, linewidth=1, linestyle="--")
    left.set(xlabel=t("true"), ylabel=t("predicted"))
    left.set_title(plain(name, 26))
    right.scatter(predicted, predicted - truth, **points)
    right.axhline(0, color=INK, linewidth=1, linestyle="--")
    right.set(xlabel=t("predicted"), ylabel=t("predicted - true"))
    right.set_title(t("residuals"))
    return figure
