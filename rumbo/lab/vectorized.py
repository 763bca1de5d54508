"""A loop over examples against whole matrices."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rumbo.core.messages import t
from rumbo.core.options import option
from rumbo.core.seeds import rng
from rumbo.lab.experiment import Experiment, Result, Track, experiments, unseen
from rumbo.plots.panels import Line, Lines
from rumbo.reference import logistic_regression


@experiments.register("vectorized")
@dataclass(frozen=True, kw_only=True)
class Vectorized(Experiment):
    """Time one gradient of logistic regression by loops and by matrices, for growing numbers of examples.

    Both are `rumbo.reference`'s, in NumPy; the median of several runs is told. The gradients are compared as well.
    Source: Borghi, "Vectorización": a dot product of a million numbers, 474 ms by loop and 1.5 ms at once.
    """

    num_features: int = option(100, "features of an example", low=1, high=10_000)
    largest: int = option(2_000, "examples in the largest set", low=8, high=100_000)
    repeats: int = option(5, "times each is measured; the median counts", low=1, high=100)

    def run(self, source: Path | None = None, track: Track = unseen) -> Result:
        """Measure; takes no source."""
        generator = rng(self.seed, "vectorized")
        sizes = np.unique(np.geomspace(min(10, self.largest), self.largest, 6).astype(int))
        rows: list[tuple[int, float, float, float, float]] = []
        for m in track(sizes, t("measuring"), len(sizes)):
            X, Y = generator.normal(size=(self.num_features, m)), generator.integers(0, 2, (1, m)).astype(float)
            w = generator.normal(size=(self.num_features, 1)) / self.num_features
            by_loop = logistic_regression.gradients_loop(w, 0.0, X, Y)
            at_once = logistic_regression.gradients(w, 0.0, X, Y)
            loop_s = self._seconds(lambda: logistic_regression.gradients_loop(w, 0.0, X, Y))  # noqa: B023
            once_s = self._seconds(lambda: logistic_regression.gradients(w, 0.0, X, Y))  # noqa: B023
            difference = float(np.abs(by_loop.dw - at_once.dw).max())
            rows.append((int(m), 1e3 * loop_s, 1e3 * once_s, loop_s / once_s, difference))
        m, loop_ms, once_ms, ratio, _ = (np.array(column) for column in zip(*rows, strict=True))
        return Result(
            title=t("One gradient of logistic regression, {n} features", n=self.num_features),
            finding=t(
                "With {m} examples the loop takes {ratio:.0f} times as long: {loop:.1f} ms against {once:.2f} ms. "
                "The gradients differ by at most {difference:.1e}.",
                m=int(m[-1]), ratio=ratio[-1], loop=loop_ms[-1], once=once_ms[-1], difference=max(r[-1] for r in rows),
            ),
            columns=(t("examples"), t("loop, ms"), t("vectorized, ms"), t("ratio"), t("largest difference")),
            rows=tuple(rows),
            panels=(
                Lines(
                    title=t("time of one gradient"),
                    x_label=t("examples"),
                    y_label="ms",
                    lines=(Line(name=t("loop"), x=m, y=loop_ms), Line(name=t("vectorized"), x=m, y=once_ms)),
                    log_x=True,
                    log_y=True,
                ),
                Lines(
                    title=t("how many times faster"),
                    x_label=t("examples"),
                    y_label=t("loop / vectorized"),
                    lines=(Line(name="", x=m, y=ratio),),
                    log_x=True,
                ),
            ),
        )  # fmt: skip

    def _seconds(self, work: Callable[[], object]) -> float:
        """The median time of a piece of work."""
        times: list[float] = []
        for _ in range(self.repeats):
            start = time.perf_counter()
            work()
            times.append(time.perf_counter() - start)
        return statistics.median(times)
