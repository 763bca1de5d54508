"""The complete description of a run, as config.yaml holds it. Needs no torch."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from rumbo.core.errors import UsageError
from rumbo.core.messages import shown, t
from rumbo.core.options import Options, option
from rumbo.data.options import DataOptions
from rumbo.models.option_names import Initial
from rumbo.runs import read_yaml
from rumbo.training.options import FitOptions

Preset = Literal["quick", "good", "best"]


@dataclass(frozen=True, kw_only=True)
class ModelOptions(Options):
    """Which network, and where its weights begin."""

    name: str | None = option(None, "The network, a name that `rumbo models` lists; none chooses from the data.")
    weights: str = option(
        "none", "Where the weights begin: none, imagenet, or a .safetensors file of the same network."
    )
    initial: Initial = option(
        "default",
        "Without weights, how the first ones are drawn: default, the network's own way; zeros; constant, 5; "
        "small_random, deviation 0.01; small_uniform, within ±0.001; he, variance 2/n_in; xavier, 1/n_in; glorot, "
        "2/(n_in+n_out); he_uniform, xavier_uniform, glorot_uniform.",
    )
    freeze: Literal["none", "features"] = option(
        "none", "With weights: train everything, or only the last layer and leave the features as they are."
    )
    options: dict[str, str | int | float | bool | None] = option(
        {}, "The network's own options; `rumbo models NAME` lists them."
    )

    def require_one_beginning(self) -> None:
        """Weights are loaded or drawn.

        Raises:
            UsageError: both are asked for.
        """
        if self.weights != "none" and self.initial != "default":
            raise UsageError(
                t(
                    "--weights {weights} and --set model.initial={initial} are two beginnings: the weights would "
                    "replace what was drawn. Leave one of them out.",
                    weights=self.weights,
                    initial=self.initial,
                )
            )


@dataclass(frozen=True, kw_only=True)
class RunConfig(Options):
    """Everything that a run depends on, defaults included."""

    path: str = option("", "The data, relative to the folder of this file.")
    task: str | None = option(None, "classify, regress or multilabel; none reads it off the target.")
    target: str | None = option(None, "The target column, or several yes/no columns with commas; none chooses.")
    goal: str | None = option(None, "The metric that chooses the best epoch; none takes the task's usual one.")
    require: tuple[str, ...] = option(
        (), "What the finished model must also meet, separated by commas: latency_ms<=100,recall[cat]>=0.9."
    )
    costs: str | None = option(
        None, "Classes: a CSV of what mistakes cost, true classes in rows, predicted ones in columns; 1 where not said."
    )
    seed: int = option(0, "All randomness is a function of this number.", low=0, high=2**31 - 1)
    device: str = option("auto", "auto, cpu, cuda or cuda:N.")
    data: DataOptions = option(DataOptions, "From files to numbers.")
    model: ModelOptions = option(ModelOptions, "Which network.")
    train: FitOptions = option(FitOptions, "How it is trained.")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a config.yaml.

        Raises:
            UsageError: it is no such file; the message names it.
        """
        values = read_yaml(path)
        try:
            return cls.from_dict(values)
        except UsageError as error:
            raise UsageError(f"{shown(path)}: {error}") from None
