"""Whether more training data would help, by the learning curve."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rumbo.core.messages import t
from rumbo.strategy.curve import CurvePoint, Forecast, fit_curve
from rumbo.strategy.gap_sentences import percent
from rumbo.strategy.intervals import Interval

FACTORS = (2, 4)
"""How many times the present number of examples is asked for."""
LEAST_PART = 0.1
"""Part of the present error that counts as a gain even where it is below the threshold: of 2 % half a point matters."""


@dataclass(frozen=True)
class MoreData:
    """What more training examples would bring.

    Attributes:
        helps: `yes` when twice as many surely win more than `least_gain`, `no` when four times as many surely do not,
            else `undecided`.
        size: training examples now.
        error: the law's error now.
        forecasts: with twice and four times as many.
        gains: how much lower the law lies there: the middle and the 95 % interval, of each.
        least_gain: what counts.
        reason: a sentence.
    """

    helps: Literal["yes", "no", "undecided"]
    size: int
    error: float
    forecasts: tuple[Forecast, ...]
    gains: tuple[tuple[float, Interval], ...]
    least_gain: float
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types."""
        return {
            "helps": self.helps,
            "size": self.size,
            "error": self.error,
            "forecasts": [
                {
                    "size": forecast.size,
                    "error": forecast.error,
                    "interval": list(forecast.interval),
                    "gain": gain,
                    "gain_interval": list(interval),
                }
                for forecast, (gain, interval) in zip(self.forecasts, self.gains, strict=True)
            ],
            "least_gain": self.least_gain,
            "reason": self.reason,
        }


def more_data(points: Sequence[CurvePoint], *, threshold: float = 0.01, seed: int = 0) -> MoreData:
    """Extrapolate the errors on dev to twice and four times the largest size.

    Args:
        points: errors on dev, at two sizes or more.
        threshold: the gain that matters, or a tenth of the present error where that is less, but no less than a tenth
            of the threshold.
        seed: of the draws.

    >>> steep = [CurvePoint(n, n**-0.5, 1e-6) for n in (50, 100, 200, 400)]
    >>> more_data(steep).helps
    'yes'
    """
    curve = fit_curve(points, seed=seed)
    now = curve.predict(curve.largest).error
    least = max(min(threshold, LEAST_PART * now), LEAST_PART * threshold)
    forecasts = tuple(curve.predict(factor * curve.largest) for factor in FACTORS)
    gains = tuple(curve.gain(curve.largest, forecast.size) for forecast in forecasts)
    (gain, (low, high)), (_, (_, most)) = gains[0], gains[-1]
    values = {"size": forecasts[0].size, "gain": percent(gain), "low": percent(low), "high": percent(high)}
    if low > least:
        helps = "yes"
        reason = t(
            "More training data would help: {size} examples should lower the error on dev by {gain} ({low} to {high}).",
            **values,
        )
    elif most < least:
        helps = "no"
        reason = t(
            "More training data would hardly help: even {size} examples should lower the error on dev by no more than "
            "{most}.",
            size=forecasts[-1].size,
            most=percent(max(most, 0.0)),
        )
    else:
        helps = "undecided"
        reason = t(
            "Whether more training data would help is not certain: {size} examples might lower the error on dev by "
            "{gain} ({low} to {high}). More trainings, as a larger --budget allows, or a larger dev narrow it down.",
            **values,
        )
    return MoreData(helps, curve.largest, now, forecasts, gains, least, reason)
