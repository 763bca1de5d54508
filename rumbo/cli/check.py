"""`rumbo check PATH`."""

import argparse
from pathlib import Path
from typing import Any

from rumbo.cli.parser import one_of, settings
from rumbo.cli.progress import Display
from rumbo.cli.tables import table
from rumbo.core.errors import FaultyData
from rumbo.core.messages import shown, t

MAX_DECISIONS = 12


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to look at, and where to write what was found."""
    add = parser.add_argument
    add("data", metavar="PATH", help=t("a folder, a file or a zip; its format is recognized"))
    add("--task", metavar="TASK", help=t("what would be learned; read off the data when not given"))
    add("--target", metavar="COLUMN", help=t("the target column; several yes/no columns with commas"))
    add("--corrections", metavar="FILE", help=t("a corrections file laid over the data"))
    add("--out", metavar="FILE", help=t("write the findings, examples and counts as an HTML page"))
    sheet = t("draw what augmentation does to examples (augmentation.png)")
    add("--augment", metavar="FILE", nargs="?", const="augmentation.png", help=sheet)
    levels = t("error, warning, note or never: from where on the exit code is 3")
    add("--fail-on", metavar="LEVEL", default="error", help=levels)
    any_option = t("any option of train, as in data.split.by=group")
    add("--set", metavar="PATH=VALUE", action="append", default=[], help=any_option)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Check and tell."""
    fail_on = one_of(arguments.fail_on, "--fail-on", ("error", "warning", "note", "never"))
    from rumbo.api.checking import check, require_place, write_page

    if arguments.out is not None:
        require_place(arguments.out, ".html", ".htm")
    if arguments.augment is not None:
        require_place(arguments.augment, ".png")
    with Display() as display:
        checked = check(
            arguments.data,
            task=arguments.task,
            target=arguments.target,
            corrections=arguments.corrections,
            settings=settings(arguments.set),
            progress=display.reading,
        )
    answer = checked.to_dict()
    if arguments.out is not None:
        answer["out"] = str(write_page(checked, arguments.out))
    if arguments.augment is not None:
        answer["augment"] = str(_draw(checked.dataset, arguments))
    if not arguments.json:
        print(_text(checked, answer))
    if checked.is_faulty(fail_on):
        codes = list(dict.fromkeys(finding.code for finding in checked.report.findings if finding.severity == "error"))
        raise FaultyData(
            t("training would not start or make no sense with these data: {codes}.", codes=", ".join(codes))
            if codes
            else t("there are findings at the level of --fail-on {level}.", level=fail_on),
            answer,
        )
    return answer


def _draw(dataset: Any, arguments: argparse.Namespace) -> Path:
    from rumbo.api.config import RunConfig
    from rumbo.api.contact_sheet import write_contact_sheet

    config = RunConfig()
    for path, text in settings(arguments.set).items():
        config = config.override(path, text)
    return write_contact_sheet(dataset, config.data.augment, Path(arguments.augment), config.seed)


def _text(checked: Any, answer: dict[str, Any]) -> str:
    from rumbo.api.checking import facts_of

    facts = facts_of(checked)
    width = max(len(name) for name, _ in facts)
    lines = [f"{name:<{width}}  {shown(value)}" for name, value in facts]
    if checked.decisions:
        lines += ["", t("What was recognized and decided:")]
        lines += [f"  - {shown(sentence)}" for sentence in checked.decisions[:MAX_DECISIONS]]
        if (more := len(checked.decisions) - MAX_DECISIONS) > 0:
            lines.append("  " + t("… and {count} more in --json", count=more))
    lines += ["", _counts(checked)]
    findings = checked.report.findings
    lines += ["", t("What the check found:") if findings else t("The check found nothing that needs a second look.")]
    names = {"error": t("error"), "warning": t("warning"), "note": t("note")}
    for finding in findings:
        lines.append(f"  {names[finding.severity]} [{finding.code}] {shown(finding.message)}")
        lines += [f"      {shown(sentence)}" for sentence in (finding.done, finding.remedy) if sentence]
    lines += ["", *(t("written: {path}", path=answer[key]) for key in ("out", "augment") if key in answer)]
    return "\n".join(lines).rstrip()


def _counts(checked: Any) -> str:
    counts = checked.report.counts
    splits = [name for name, count in counts["splits"].items() if count]
    rows: list[list[object]] = [[t("examples"), *(counts["splits"][name] for name in splits)]]
    by_class = counts.get("classes", {})
    names = list(dict.fromkeys(label for split in splits for label in by_class.get(split, {})))[:30]
    rows += [[shown(label), *(by_class[split].get(label, 0) for split in splits)] for label in names]
    return table(["", *splits], rows)
