"""Write the reference pages from the program itself, so that they say what it does.

    python docs/generate.py

`tests/docs` fails while a page is behind the code.
"""

import argparse
import html
import importlib
import importlib.util
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from rumbo import metrics, models
from rumbo.api.config import RunConfig
from rumbo.api.model_list import model_options
from rumbo.cli.parser import Parser
from rumbo.cli.verbs import VERBS
from rumbo.core.messages import use_language
from rumbo.core.options import all_options
from rumbo.core.registry import Entry
from rumbo.data.checks import CODES
from rumbo.data.readers import formats
from rumbo.metrics.index import OF_COSTS, ONE_CLASS
from rumbo.tasks.registry import INDEX as TASKS

DOCS = Path(__file__).parent
NOTE = "<!-- Written by docs/generate.py. Change the program, then run it again. -->"
EVERYWHERE = ("--json", "--lang", "--debug", "--help")


def main() -> None:
    """Write all pages."""
    for name, text in pages().items():
        (DOCS / name).write_text(text, encoding="utf-8")


def pages() -> dict[str, str]:
    """Path below docs -> text of each page, in English."""
    use_language("en")
    try:
        return {
            "reference/commands.md": commands_page(),
            "reference/options.md": options_page(),
            "reference/names.md": names_page(),
            "course/figures.md": course_figures_page(),
            "course/errata.md": errata_page(),
            "checks.md": checks_page(),
        }
    finally:
        use_language(None)


def parser_of(verb: str) -> Parser:
    """The parser that `rumbo VERB` itself uses."""
    parser = Parser(verb, VERBS[verb].sentence)
    importlib.import_module(VERBS[verb].module).add_arguments(parser)
    return parser


def commands_page() -> str:
    """One section a verb."""
    some = Parser("VERB", "")
    shared = [action for action in some._actions if set(action.option_strings) & set(EVERYWHERE)]
    parts = [
        NOTE,
        "# Commands",
        "`rumbo VERB …` runs a command, `rumbo --help` lists the verbs, and `rumbo --version` tells the version.",
        "What a command gives to you goes to stdout; progress, warnings and errors go to stderr.",
        "Every verb takes these flags:",
        table(("flag", "meaning"), [(spelled(action), str(action.help)) for action in shared]),
    ]
    for verb in VERBS:
        parts += verb_section(verb)
    return "\n\n".join(parts) + "\n"


def verb_section(verb: str) -> list[str]:
    """Heading, sentence, form of the command, and its arguments and flags."""
    actions = [action for action in parser_of(verb)._actions if not set(action.option_strings) & set(EVERYWHERE)]
    places = [action for action in actions if not action.option_strings]
    flags = [action for action in actions if action.option_strings]
    usage = " ".join(["rumbo", verb, *map(form, places), *(["[OPTIONS]"] if flags else [])])
    parts = [f"## {verb}", VERBS[verb].sentence, f"```text\n{usage}\n```"]
    if places:
        parts.append(table(("argument", "meaning"), [(f"`{action.metavar}`", str(action.help)) for action in places]))
    if flags:
        parts.append(table(("flag", "meaning"), [(spelled(action), str(action.help)) for action in flags]))
    return parts


def form(action: argparse.Action) -> str:
    """How an argument stands in the form of a command: optional in brackets, repeated with dots."""
    name = str(action.metavar)
    return {"?": f"[{name}]", "+": f"{name}…"}.get(str(action.nargs), name)


def spelled(action: argparse.Action) -> str:
    """A flag with the name of its value."""
    names = ", ".join(f"`{flag}`" for flag in sorted(action.option_strings, key=len, reverse=True))
    return f"{names} `{action.metavar}`" if action.nargs != 0 else names


def options_page() -> str:
    """Every option of a run, by group."""
    groups: dict[str, list[tuple[str, str, str]]] = {}
    for path, (default, sentence) in all_options(RunConfig).items():
        groups.setdefault(path.rpartition(".")[0], []).append((f"`{path}`", f"`{word(default)}`", sentence))
    parts = [
        NOTE,
        "# Options",
        "Everything that a run depends on. `rumbo train DATA --set PATH=VALUE` changes one, as often as you like; "
        "the run folder's `config.yaml` holds them all, with every choice filled in. "
        "`rumbo train --list-options` prints this list. An unknown path is an error that names the nearest one. "
        "`none` is the value of an option that is not set; values in a list are separated by commas.",
    ]
    titles = {"": "The run", "data": "Data", "data.split": "Split", "data.augment": "Augmentation", "model": "Network"}
    titles |= {"train": "Training", "train.optimizer": "Optimizer", "train.schedule": "Schedule"}
    for group, rows in groups.items():
        parts += [f"## {titles.get(group, group)}", table(("option", "default", "meaning"), rows)]
    return "\n\n".join(parts) + "\n"


def names_page() -> str:
    """The closed sets of names: tasks, formats, networks, metrics."""
    takes = {"image": "pictures", "table": "tables", "both": "pictures or tables"}
    networks = [(f"`{name}`", takes[models.entry(name).takes], models.entry(name).sentence) for name in models.names()]
    parts = [
        NOTE,
        "# Names",
        "What an option can be set to by name. The lists are closed: an unknown name is an error that tells the "
        "nearest ones.",
        "## Tasks",
        table(("task", "meaning"), sentences(TASKS.items())),
        "## Data formats",
        "Recognized by looking, in this order; there is no flag.",
        table(("format", "what it is"), sentences(formats.index.items())),
        "## Networks",
        "`rumbo models NAME` lists a network's own options, which are set with `--set model.options.OPTION=VALUE`.",
        table(("network", "takes", "what it is"), networks),
        "### Options of networks",
        "A network that is not in this table has none. How first weights are drawn is chosen for any network with "
        "[`model.initial`](options.md#network).",
        table(("network", "option", "default", "meaning"), network_options()),
        "## Metrics",
        "The first of each task is its default goal.",
    ]
    for task, entries in metrics.INDEX.items():
        rows = [
            (f"`{name}`", "higher" if entry.higher_is_better else "lower", entry.sentence + _only(entry.num_classes))
            for name, entry in entries.items()
        ]
        parts += [f"### {task}", table(("metric", "better", "meaning"), rows)]
    rows = [(f"`{name}[CLASS]`", "higher", entry.sentence) for name, entry in ONE_CLASS.items()]
    rows += [(f"`{name}`", "lower", entry.sentence) for name, entry in OF_COSTS.items()]
    parts += [
        "### Of one class, of costs",
        "[Goal](../goal.md) has what else a goal can be: means over slices, and what is measured on a model.",
        table(("metric", "better", "meaning"), rows),
    ]
    return "\n\n".join(parts) + "\n"


def network_options() -> list[tuple[str, str, str, str]]:
    """A row for each option of each network."""
    return [
        (f"`{name}`", f"`{option}`", f"`{_listed(default)}`", listed.meanings[option])
        for name in models.names()
        for listed in [model_options(name)]
        for option, default in listed.options.items()
    ]


def checks_page() -> str:
    """Every code of the checks, by the kind of data it is about."""
    titles = {
        "split": "Splits, copies, contradictions",
        "class": "Classes and labels",
        "table": "Tables",
        "image": "Pictures",
        "boxes": "Boxes",
        "mask": "Masks",
        "points": "Landmarks",
        "identity": "People",
        "signal": "Texts, sounds, series, drawings, volumes",
    }
    parts = [
        NOTE,
        "# Checks",
        f"`rumbo train` and `rumbo check` look for {len(CODES)} faults before the first step. Each has a stable code, "
        "which `--json` gives; with an **error** training does not start (exit code 3), a **warning** names what makes "
        "results worse than they look or could be, a **note** what is good to know. Findings name the first examples, "
        "count all, and say what was done. A test plants each fault in a real data set; others hold that real sets "
        "raise nothing but what is wrong with them.",
        "Before a training, statistics of pictures come from at most 2,000 of them; `rumbo check` looks into all.",
    ]
    for kind, title in titles.items():
        rows = [
            (f"`{code}`", entry.severity, *map(_plain, (entry.meaning, entry.done, entry.remedy)))
            for code, entry in CODES.items()
            if entry.kind == kind
        ]
        parts += [f"## {title}", table(("code", "severity", "what was met", "done", "remedy"), rows)]
    return "\n\n".join(parts) + "\n"


def golden() -> ModuleType:
    """The reader of the golden tests' markers, which stands with the tests."""
    spec = importlib.util.spec_from_file_location("passages", DOCS.parent / "tests" / "golden" / "passages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def course_figures_page() -> str:
    """Every figure of the notes that a test computes: where it is printed, what it is, which test."""
    read = golden()
    found = read.passages()
    parts = [
        NOTE,
        "# Figures of the notes",
        f"{len(found)} passages of the course notes print figures that Rumbo computes, each in a test of its own; "
        f"{sum(bool(p.right) for p in found)} of them are printed wrong, and there the right value is tested "
        "([errata](errata.md)). Lines are those of the plain texts; what no computation can give (dates, results "
        "that others measured) is listed with its reason in `tests/golden`, and a test sees to it that no line with "
        "a digit is in neither list.",
    ]
    for source, title in read.SOURCES.items():
        rows = [
            (
                _lines(p),
                ", ".join(f"`{figure}`" for figure in p.says),
                p.shows,
                "wrong" if p.right else "",
                f"`{p.test}`",
            )
            for p in found
            if p.source == source
        ]
        header = ("line", "printed", "what it is", "", "test in `tests/golden`")
        parts += [f"## {source}", f"{title}.", table(header, rows)]
    return "\n\n".join(parts) + "\n"


def errata_page() -> str:
    """Where the notes are wrong: printed, right, why."""
    read = golden()
    wrong = [passage for passage in read.passages() if passage.right]
    parts = [
        NOTE,
        "# Errata",
        "Where the course notes are wrong, Rumbo computes what is right. Each row is held by a test, which is named in "
        "[the table of figures](figures.md). Printed is what stands in the plain texts: some of it was misread when "
        "they were made from the pages (a brace as a fraction bar, a 0 as a 6), and is no slip of the authors.",
    ]
    for source, title in read.SOURCES.items():
        rows = [
            (_lines(p), ", ".join(f"`{figure}`" for figure in p.says), _prose(p.right), _prose(f"{p.shows} {p.why}"))
            for p in wrong
            if p.source == source
        ]
        if rows:
            parts += [f"## {source}", f"{title}.", table(("line", "printed", "right", "why"), rows)]
    return "\n\n".join(parts) + "\n"


def _plain(text: str) -> str:
    """A sentence in which <br> and __MACOSX are letters."""
    return _prose(html.escape(text, quote=False))


def _prose(text: str) -> str:
    """W[l](n) is no link, and 2 * 3 * 4 no emphasis."""
    return text.replace("](", "]\\(").replace("*", "\\*").replace("_", "\\_")


def _lines(passage: Any) -> str:
    return str(passage.first) if passage.first == passage.last else f"{passage.first}–{passage.last}"


def sentences(entries: Iterable[tuple[str, Entry]]) -> list[tuple[str, str]]:
    """Rows of name and sentence."""
    return [(f"`{name}`", entry.sentence) for name, entry in entries]


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def word(value: object) -> str:
    """A default as `--set` reads it."""
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else "none" if value == {} else str(value)


def _listed(default: object) -> str:
    return ",".join(map(str, default)) if isinstance(default, tuple) else word(default)


def _only(num_classes: int | None) -> str:
    return "" if num_classes is None else f" Only for {num_classes} classes."


if __name__ == "__main__":
    main()
