"""The label page: its routes. Examples are known by opaque keys; no request can name a file."""

import asyncio
import hashlib
import html
import json
import secrets
import sys
import traceback
from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from rumbo.api.labelling import EXPORTS, LabelBook, Tool, export_labels
from rumbo.core.errors import DataError, RumboError
from rumbo.core.messages import language, shown, t
from rumbo.data.manifest import SignalKind
from rumbo.data.pictures.decode import BadImage
from rumbo.serve.access import SESSION_SECONDS, Access
from rumbo.serve.perimeter import Perimeter, error_body
from rumbo.serve.texts import login_texts, page_texts
from rumbo.serve.views import PICTURE_PX, THUMBNAIL_PX, picture_bytes, sound_bytes

MAX_PASSAGE = 50_000
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".html": "text/html",
    ".svg": "image/svg+xml",
}
Key = Annotated[str, Field(pattern=r"^[0-9a-f]{18}$")]


class Code(BaseModel):
    """What the login page sends."""

    model_config = ConfigDict(extra="forbid", strict=True)
    code: Annotated[str, Field(max_length=200)]


class Change(BaseModel):
    """One new value: None unsets."""

    model_config = ConfigDict(extra="forbid", strict=True)
    field: Literal["label", "tags"]
    value: str | list[Any] | None


class Export(BaseModel):
    """A format to write."""

    model_config = ConfigDict(extra="forbid", strict=True)
    to: Literal["coco", "csv", "folder", "voc", "yolo"]


def label_app(book: LabelBook, access: Access, port: int, *, tell: Callable[[str], None] = print) -> Perimeter:
    """The page for one book, behind the perimeter.

    Args:
        book: what is labelled.
        access: who may come in.
        port: where it listens.
        tell: says something in the terminal.
    """
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    _add_errors(app)
    _add_pages(app, access, port, tell)
    _add_items(app, book)
    return Perimeter(app, access, port)


def address(port: int, code: str) -> str:
    """Where a browser goes; what stands behind # is not sent and is in no log."""
    return f"http://127.0.0.1:{port}/#code={code}"


def _add_pages(app: FastAPI, access: Access, port: int, tell: Callable[[str], None]) -> None:
    static = static_files()
    words = {name: html.escape(text) for name, text in login_texts().items()}
    login_page = Template(static["login.html"].decode()).substitute(words, language=language()).encode()
    label_page = Template(static["label.html"].decode()).substitute(language=language()).encode()

    @app.api_route("/health", methods=["GET", "HEAD"])
    def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.api_route("/", methods=["GET", "HEAD"])
    def login_form() -> Response:
        return Response(login_page, media_type="text/html; charset=utf-8")

    @app.post("/login")
    async def login(given: Code) -> Response:
        session = access.exchange(given.code)
        if session is None:
            return await _refused(access, given.code, port, tell)
        answer = JSONResponse({"status": "ok"})
        seconds = int(SESSION_SECONDS)
        answer.set_cookie(access.cookie, session, max_age=seconds, path="/", httponly=True, samesite="strict")
        return answer

    @app.get("/label")
    def page() -> Response:
        return Response(label_page, media_type="text/html; charset=utf-8")

    @app.api_route("/static/{name}", methods=["GET", "HEAD"])
    def static_file(name: str) -> Response:
        if name not in static:
            raise HTTPException(404)
        return Response(static[name], media_type=MEDIA_TYPES[Path(name).suffix])


async def _refused(access: Access, code: str, port: int, tell: Callable[[str], None]) -> Response:
    """A wrong code, late by as much as its kind deserves; the owner of an old one gets a new one in the terminal."""
    if access.was_a_code(code):
        tell(t("That code has ended. A new address:") + " " + address(port, access.new_code()))
    if wait := access.failed():
        await asyncio.sleep(wait)
    body = error_body("code", login_texts()["late"])
    return Response(body, 401, media_type="application/json")


def _add_items(app: FastAPI, book: LabelBook) -> None:
    secret = secrets.token_bytes(32)
    keys = [hashlib.blake2b(f"{row}".encode(), key=secret, digest_size=9).hexdigest() for row in range(len(book))]
    row_of = {key: row for row, key in enumerate(keys)}
    data = book.dataset

    def row_for(key: str) -> int:
        if key not in row_of:
            raise HTTPException(404)
        return row_of[key]

    def read_picture(row: int) -> Any:
        if data.images is None:
            raise HTTPException(404)
        return data.images.read(row)

    @lru_cache(maxsize=512)
    def thumbnail_of(row: int) -> tuple[bytes, str]:
        return picture_bytes(read_picture(row), THUMBNAIL_PX)

    @app.get("/api/start")
    def start() -> Response:
        told = {
            "texts": page_texts(),
            "name": shown(data.path.name),
            "tool": book.tool.value,
            "kind": _kind(book),
            "classes": book.classes,
            "items": [_summary(book, row, keys[row]) for row in range(len(book))],
            "out": shown(book.out.name),
            "exports": EXPORTS[book.tool] if data.images is not None else (),
        }
        return JSONResponse(told)  # as it is: checking a million names again would take seconds

    @app.get("/api/items/{key}")
    def item(key: Key) -> dict[str, Any]:
        return _whole(book, row_for(key), key)

    @app.post("/api/items/{key}")
    def change(key: Key, changed: Change) -> dict[str, Any]:
        row = row_for(key)
        book.change(row, book.field if changed.field == "label" else "tags", changed.value)
        return {"item": _whole(book, row, key), "classes": book.classes, "progress": vars(book.progress())}

    @app.get("/api/items/{key}/picture")
    def picture(key: Key) -> Response:
        body, media_type = picture_bytes(read_picture(row_for(key)), PICTURE_PX)
        return Response(body, media_type=media_type)

    @app.get("/api/items/{key}/thumbnail")
    def thumbnail(key: Key) -> Response:
        body, media_type = thumbnail_of(row_for(key))
        return Response(body, media_type=media_type)

    @app.get("/api/items/{key}/sound")
    def sound(key: Key) -> Response:
        row = row_for(key)
        if data.signals is None or data.signals.kind is not SignalKind.AUDIO:
            raise HTTPException(404)
        return Response(sound_bytes(data.signals.read(row), data.signals.rate_hz), media_type="audio/wav")

    @app.post("/api/export")
    def export(wanted: Export) -> dict[str, Any]:
        folder = _next_free(book.out.parent / f"{book.out.stem.removesuffix('-corrections')}-{wanted.to}")
        export_labels(book, wanted.to, folder)
        return {"path": shown(folder.name)}


def _kind(book: LabelBook) -> str:
    signals = book.dataset.signals
    return "picture" if book.dataset.images is not None or signals is None else signals.kind.value


def _summary(book: LabelBook, row: int, key: str) -> dict[str, Any]:
    """What the overview and the filter need of an example."""
    label = book.value(row)
    if isinstance(label, list):
        classes = list(dict.fromkeys(entry.get("class") or "" for entry in label)) if book.tool is Tool.BOXES else []
    else:
        classes = [] if label is None else [label]
    return {
        "key": key,
        "name": shown(book.ids[row]),
        "classes": classes,
        "tags": book.value(row, "tags") or [],
        "labelled": label is not None,
    }


def _whole(book: LabelBook, row: int, key: str) -> dict[str, Any]:
    """All that one example's view needs."""
    found = {**_summary(book, row, key), "label": book.value(row), "tags": book.value(row, "tags")}
    found |= {"size": None, "problem": None, "text": None}
    images, signals = book.dataset.images, book.dataset.signals
    try:
        if images is not None:
            height, width, _ = images.size(row)
            found["size"] = [width, height]
        elif signals is not None and signals.kind is SignalKind.TEXT:
            found["text"] = str(signals.read(row))[:MAX_PASSAGE]
    except (BadImage, DataError) as problem:
        found["problem"] = str(problem)
    return found


def _next_free(folder: Path) -> Path:
    """A folder that is not there yet."""
    place, number = folder, 2
    while place.exists():
        place, number = folder.with_name(f"{folder.name}-{number}"), number + 1
    return place


def static_files() -> dict[str, bytes]:
    """Name -> content of the page's own files, read once."""
    folder = files("rumbo.serve") / "static"
    return {file.name: file.read_bytes() for file in folder.iterdir() if Path(file.name).suffix in MEDIA_TYPES}


def _add_errors(app: FastAPI) -> None:
    """Each error is a code, a sentence and a number; what went wrong inside is told in the terminal alone."""

    @app.exception_handler(HTTPException)
    def http(_: Request, problem: HTTPException) -> Response:
        return _error(problem.status_code, "http", t("There is nothing here."))

    @app.exception_handler(RequestValidationError)
    def invalid(_: Request, problem: RequestValidationError) -> Response:
        return _error(422, "request", t("This request is not one that the page makes."))

    @app.exception_handler(RumboError)
    def explained(_: Request, problem: RumboError) -> Response:
        return _error(422 if problem.exit_code in (2, 3) else 507, type(problem).__name__, str(problem))

    @app.exception_handler(Exception)
    def unexpected(_: Request, problem: Exception) -> Response:
        body = error_body("fault", t("A fault of ours; the terminal shows more."))
        print(
            f"[{json.loads(body)['error']['request']}]", "".join(traceback.format_exception(problem)), file=sys.stderr
        )
        return Response(body, 500, media_type="application/json")


def _error(status: int, code: str, message: str) -> Response:
    return Response(error_body(code, message), status, media_type="application/json")
