"""`rumbo gradcheck SOURCE`."""

import argparse
from typing import TYPE_CHECKING, Any

from rumbo.cli.parser import settings, whole
from rumbo.cli.progress import Display
from rumbo.cli.tables import table
from rumbo.core.errors import GateError
from rumbo.core.messages import shown, t

if TYPE_CHECKING:
    from rumbo.api.gradient_checking import GradientCheck
    from rumbo.gradients.records import ParameterCheck, Verdict


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to check, and how closely."""
    add = parser.add_argument
    add(
        "source",
        metavar="SOURCE",
        help=t("data as `rumbo train` takes them, a run folder, or FILE.py:NAME with (module, loss, batch) to return"),
    )
    add("--model", metavar="NAME", help=t("the network for data; `rumbo models` lists them"))
    add("--steps", metavar="N", help=t("check again after N training steps (10); 0 checks at the start only"))
    add("--components", metavar="N", help=t("components of each parameter; up to 24, as time allows, if not given"))
    add("--examples", metavar="N", help=t("examples in the batch (8)"))
    add("--seed", metavar="N", help=t("of initial weights, batch and components (0)"))
    add("--set", metavar="PATH=VALUE", action="append", default=[], help=t("any option of training, for data"))


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Check and tell; a gradient that is wrong is a gate that was not passed."""
    steps = whole(arguments.steps, "--steps", low=0)
    components = whole(arguments.components, "--components", low=1)
    examples = whole(arguments.examples, "--examples", low=2)
    seed = whole(arguments.seed, "--seed", low=0)
    given = settings(arguments.set)
    from rumbo.api.gradient_checking import EXAMPLES, check_source

    with Display() as display:
        found = check_source(
            arguments.source,
            model=arguments.model,
            steps=10 if steps is None else steps,
            components=components,
            examples=EXAMPLES if examples is None else examples,
            seed=0 if seed is None else seed,
            settings=given,
            progress=display.reading,
        )
    if not arguments.json:
        print(result_text(found))
    answer = {"source": arguments.source, **found.to_dict()}
    if not found.is_right:
        raise GateError(_what_is_wrong(found), answer)
    return answer


def result_text(found: "GradientCheck") -> str:
    """One row per parameter and stage, remarks, and the verdict of the whole."""
    header = [t("parameter"), t("shape"), t("step"), t("distance"), t("verdict"), t("worst component")]
    rows = [
        [
            shown(row.name),
            "x".join(map(str, row.shape)),
            row.step,
            "" if row.distance is None else f"{row.distance:.1e}",
            _word(row.verdict),
            _component(row),
        ]
        for row in found.rows
    ]
    lines = [table(header, rows), "", *_remarks(found)]
    lines.append(
        t(
            "{verdict}: the largest distance is {distance:.1e}, of {name}.",
            verdict=_word(found.verdict),
            distance=found.worst.distance,
            name=found.worst.name,
        )
        if found.worst.distance is not None
        else t("{verdict}: no distance could be measured.", verdict=_word(found.verdict))
    )
    return "\n".join(lines)


def _word(verdict: "Verdict") -> str:
    words = {
        "great": t("great"),
        "good": t("good"),
        "look": t("look"),
        "worry": t("worry"),
        "zero": t("zero"),
        "unmeasured": t("unmeasured"),
    }
    return words[verdict]


def _component(row: "ParameterCheck") -> str:
    """Where a row differs most, only where one should look."""
    if row.worst is None or row.verdict not in ("good", "look", "worry"):
        return ""
    return f"[{', '.join(map(str, row.worst.index))}]: {row.worst.analytic:.6g}, {row.worst.numeric:.6g}"


def _remarks(found: "GradientCheck") -> list[str]:
    """What a reader must know to trust the table."""
    lines: list[str] = []
    unused = sorted({row.name for row in found.rows if not row.has_gradient and row.verdict == "zero"})
    if unused:
        lines.append(t("No gradient reaches {names}, and the cost does not depend on them.", names=", ".join(unused)))
    if found.num_frozen:
        lines.append(t("{count} frozen parameters were left out.", count=found.num_frozen))
    moved = sorted({row.name for row in found.rows if row.is_moved})
    if moved:
        lines.append(t("Checked a little beside their values, which lie on kinks: {names}.", names=", ".join(moved)))
    if kinks := sum(row.num_kinks for row in found.rows):
        lines.append(t("{count} probes met a kink, as of ReLU at 0, and were replaced.", count=kinks))
    if any(row.verdict == "unmeasured" for row in found.rows):
        lines.append(t("Kinks or rounding hide the gradient of what is unmeasured; try another --seed."))
    return lines


def _what_is_wrong(found: "GradientCheck") -> str:
    row = found.worst
    if not any(row.has_gradient for row in found.rows):
        return t(
            "backward reaches no parameter, yet the cost depends on {name}: something on the way to it is detached "
            "(.detach(), .item(), numpy, torch.no_grad).",
            name=row.name,
        )
    if row.worst is None or row.distance is None:
        return t("the gradient of {name} is wrong.", name=row.name)
    where = f"{row.name}[{', '.join(map(str, row.worst.index))}]"
    return t(
        "the gradient of {name} is wrong: distance {distance:.1e} after {step} steps. At {where} backward gives "
        "{analytic:.6g}, differences give {numeric:.6g}. Look at the backward pass of what {name} enters.",
        name=row.name,
        distance=row.distance,
        step=row.step,
        where=where,
        analytic=row.worst.analytic,
        numeric=row.worst.numeric,
    )
