"""`rumbo label PATH`."""

import argparse
import getpass
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rumbo.cli.parser import whole
from rumbo.core.errors import DataError, UsageError
from rumbo.core.messages import shown, t

if TYPE_CHECKING:
    from rumbo.api.labelling import LabelBook


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to label, with what, and where it is kept."""
    add = parser.add_argument
    add("path", metavar="PATH", help=t("pictures, texts or sounds: a folder, a zip, or any data set"))
    add("--task", metavar="TOOL", help=t("classes, boxes, points or tags; what the data have, if not given"))
    add("--classes", metavar="NAMES", help=t("names of classes, or of points in order, separated by commas"))
    add("--unlabelled", action="store_true", help=t("take no labels from the data: folder names are no classes"))
    add("--out", metavar="FILE", help=t("the corrections file; NAME-corrections.csv here, if not given"))
    add("--who", metavar="NAME", help=t("who labels; the name of the user, if not given"))
    add("--port", metavar="N", help=t("where the page listens on this machine; a free port, if not given"))
    add("--no-browser", action="store_true", help=t("only print the address"))
    add(
        "--export",
        metavar=("FORMAT", "DIR"),
        nargs=2,
        help=t("write data and labels as folder, csv, coco, voc or yolo to a new folder, and end"),
    )


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Show the page until Ctrl-C, or export; tell what was done."""
    port = whole(arguments.port, "--port", low=0) or 0
    if port > 65535:
        raise UsageError(t("--port={port} must be at most 65535.", port=port))
    from rumbo.api.labelling import open_labels

    book = open_labels(
        arguments.path,
        out=arguments.out,
        task=arguments.task,
        classes=[name.strip() for name in (arguments.classes or "").split(",") if name.strip()],
        labelled=False if arguments.unlabelled else None,
        who=_user() if arguments.who is None else arguments.who,
    )
    _tell_about(book, as_json=arguments.json)
    exported = None
    if arguments.export is not None:
        exported = _export(book, *arguments.export, as_json=arguments.json)
        if not arguments.json:
            print(t("written: {path}", path=exported))
    else:
        _serve(book, port, has_browser=not arguments.no_browser, as_json=arguments.json)
    progress = book.progress()
    if not arguments.json:
        print(
            t(
                "{labelled} of {items} have a label; {saved} changes were saved.",
                labelled=progress.labelled,
                items=progress.items,
                saved=progress.saved,
            )
        )
        if book.out.exists():
            print(t("corrections: {path}", path=book.out))
    return {
        "path": str(arguments.path),
        "tool": book.tool.value,
        "field": book.field,
        **vars(progress),
        "classes": book.classes,
        "corrections": str(book.out) if book.out.exists() else None,
        "export": exported,
    }


def _serve(book: "LabelBook", port: int, *, has_browser: bool, as_json: bool) -> None:
    from rumbo.serve.access import Access, token_file
    from rumbo.serve.label_app import address, label_app
    from rumbo.serve.server import listen, run

    def tell(sentence: str) -> None:
        print(sentence, file=sys.stderr if as_json else sys.stdout, flush=True)

    with listen(port) as place:
        port = place.getsockname()[1]
        access = Access(port)
        with token_file(access.token) as file:
            app = label_app(book, access, port, tell=tell)
            link = address(port, access.new_code())
            tell(t("Open this address within a minute; it works once:"))
            tell(f"  {link}")
            tell(t("The token for programs is in {path}. Ctrl-C ends.", path=file))
            if has_browser and _is_desktop():
                _open_browser(file.parent, link)
            run(app, place)
    tell("")


def _open_browser(folder: Path, link: str) -> None:
    """Open the address by way of a page that only its owner can read: arguments of programs are seen by everybody."""
    import webbrowser

    page = folder / "open.html"
    with open(os.open(page, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(f'<!doctype html><meta http-equiv="refresh" content="0;url={link}"><title>Rumbo</title>')
    webbrowser.open(page.as_uri())


def _tell_about(book: "LabelBook", *, as_json: bool) -> None:
    stream = sys.stderr if as_json else sys.stdout
    for sentence in book.dataset.decisions:
        print(sentence, file=stream)
    if book.dataset.bad:
        count, reason = len(book.dataset.bad), book.dataset.bad[0].reason
        print(
            t("{count} examples are left out; the first: {reason}", count=count, reason=reason)
            + " "
            + t("--unlabelled shows all."),
            file=stream,
        )
    if book.strays:
        print(
            t("{count} corrections in '{path}' are of other examples; they stay.", count=book.strays, path=book.out),
            file=stream,
        )


def _export(book: "LabelBook", to: str, folder: str, *, as_json: bool) -> str:
    from rumbo.api.labelling import export_labels, labelled_data

    data = labelled_data(book)
    print_to = sys.stderr if as_json else sys.stdout
    for sentence in data.decisions[len(book.dataset.decisions) :]:
        print(sentence, file=print_to)
    try:
        export_labels(book, to, folder, data=data)
    except DataError as problem:
        again = shlex.join(
            ["rumbo", "convert", str(book.dataset.path), "--corrections", str(book.out), "--to", to, "--out", folder]
        )
        hint = t("`rumbo label` cannot choose that; `{command} --lossy` can.", command=again)
        raise DataError(f"{problem} {hint}") from None
    return folder


def _is_desktop() -> bool:
    """Whether a window can open here: not over ssh, and on Linux with a display."""
    if os.environ.get("SSH_CONNECTION"):
        return False
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _user() -> str:
    try:
        return shown(getpass.getuser())
    except (OSError, KeyError, ImportError):
        return ""
