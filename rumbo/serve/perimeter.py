"""The door in front of every page: one ASGI layer outside of the router that refuses whatever it does not know.

A web page that somebody else wrote must not reach this server through the reader's browser: not by a form, a script, a
name that points to 127.0.0.1 (DNS rebinding), another program's port, or a websocket. Each request passes all checks
before a route is looked up, so a route added later is behind them too.
"""

import asyncio
import json
import re
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any

from rumbo.core.messages import t
from rumbo.serve.access import Access

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_BODY_BYTES = 1 << 20
BODY_SECONDS = 10.0
LOGIN = "/login"
FREE = frozenset(("/", "/health", "/static/login.js", "/static/style.css", "/static/icon.svg"))
"""What may be read before one is known: the page that exchanges the code, and that the server is alive."""
OUR_HEADER = "x-rumbo"
"""A script of another origin cannot send it without asking first, and asking is always refused."""
_PATH = re.compile(r"/(?:[A-Za-z0-9_-][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*)?")
"""All that a path of ours can be: no escapes, no empty parts, no part that begins with a dot."""
_METHODS = ("GET", "HEAD", "POST")
_READS = ("GET", "HEAD")
ANSWER_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}


@dataclass(eq=False)
class Refusal(Exception):
    """Why a request goes no further.

    Attributes:
        status: of HTTP.
        code: for programs.
        is_failed_try: somebody offered credentials that are none.
    """

    status: int
    code: str
    is_failed_try: bool = False


class Perimeter:
    """The layer itself.

    Args:
        app: what stands behind it.
        access: whom it knows.
        port: where the server listens.
    """

    def __init__(self, app: App, access: Access, port: int):
        self.app, self.access = app, access
        self.hosts = frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer why not."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        is_websocket = scope["type"] == "websocket"
        if not is_websocket and scope["type"] != "http":
            return
        send = _with_our_headers(send)
        try:
            self.judge(scope)
            if not is_websocket:
                receive = await _whole_body(receive)
        except Refusal as refusal:
            if refusal.is_failed_try and (wait := self.access.failed()):
                await asyncio.sleep(wait)
            if is_websocket:
                await send({"type": "websocket.close", "code": 1008})
            else:
                await _answer(send, refusal)
            return
        await self.app(scope, receive, send)

    def judge(self, scope: Scope) -> None:
        """Raise `Refusal` unless everything about a request is as a page of ours, or a program with the token, asks."""
        headers = _Headers(scope)
        host = headers.one("host")
        if host not in self.hosts:
            raise Refusal(421, "host")
        path = _checked_path(scope)
        is_websocket = scope["type"] == "websocket"
        method = "WEBSOCKET" if is_websocket else scope["method"]
        if not is_websocket and method not in _METHODS:
            raise Refusal(405, "method")
        origin = headers.one("origin")
        if origin is not None and origin != f"http://{host}":
            raise Refusal(403, "origin")
        _check_site(headers, method, path)
        if method == "POST" and (headers.one("content-type") or "").partition(";")[0].strip() != "application/json":
            raise Refusal(415, "content_type")
        if path in FREE and method in _READS:
            return
        is_ours = origin is not None and headers.one(OUR_HEADER) == "1"
        if path == LOGIN and method == "POST":
            if not is_ours:
                raise Refusal(403, "not_from_our_page")
            return
        if self._has_token(headers):
            return
        self._check_session(headers)
        if is_websocket and origin is None:
            raise Refusal(403, "origin")
        if method not in _READS and not is_websocket and not is_ours:
            raise Refusal(403, "not_from_our_page")

    def _has_token(self, headers: "_Headers") -> bool:
        given = headers.one("authorization")
        if given is None:
            return False
        kind, _, token = given.partition(" ")
        if kind.lower() != "bearer" or not self.access.is_token(token):
            raise Refusal(401, "token", is_failed_try=True)
        return True

    def _check_session(self, headers: "_Headers") -> None:
        given = headers.cookies(self.access.cookie)
        if not given:
            raise Refusal(401, "no_session")
        if len(given) > 1 or not self.access.is_session(given[0]):
            raise Refusal(401, "session", is_failed_try=True)


class _Headers:
    """Headers of a request; one that is there twice is refused, since two readers may take different ones."""

    def __init__(self, scope: Scope):
        self._pairs = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]]

    def one(self, name: str) -> str | None:
        found = [value for key, value in self._pairs if key == name]
        if len(found) > 1:
            raise Refusal(400, "header_twice")
        return found[0] if found else None

    def cookies(self, name: str) -> list[str]:
        found: list[str] = []
        for key, value in self._pairs:
            for part in value.split(";") if key == "cookie" else ():
                try:
                    cookie = SimpleCookie(part.strip())
                except CookieError:
                    continue
                found += [morsel.value for key_met, morsel in cookie.items() if key_met == name]
        return found


def _check_site(headers: _Headers, method: str, path: str) -> None:
    """What the browser says about who asks: our page, or somebody who typed the address.

    The empty login page may also be opened by a link, such as the one in the file that starts the browser.
    """
    site = headers.one("sec-fetch-site")
    if site in (None, "same-origin"):
        return
    mode, target = headers.one("sec-fetch-mode"), headers.one("sec-fetch-dest")
    is_opened = method == "GET" and mode == "navigate" and target == "document"
    if not is_opened or not (site == "none" or (site == "cross-site" and path == "/")):
        raise Refusal(403, "fetch_site")


def _checked_path(scope: Scope) -> str:
    """The path as it came, before anybody took it apart; the Host header has no part in it."""
    path = scope["path"]
    raw = scope.get("raw_path") or path.encode("utf-8", "surrogatepass")
    if not _PATH.fullmatch(path) or raw.partition(b"?")[0] != path.encode("ascii"):
        raise Refusal(400, "path")
    return path


async def _whole_body(receive: Receive) -> Receive:
    """Read the body, counting what really comes, and hand it on in one piece."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise Refusal(400, "body")
                body += message.get("body", b"")
                if len(body) > MAX_BODY_BYTES:
                    raise Refusal(413, "body_size")
                if not message.get("more_body", False):
                    break
    except TimeoutError:
        raise Refusal(408, "body_time") from None
    pending: list[Message] = [{"type": "http.request", "body": bytes(body), "more_body": False}]

    async def replay() -> Message:
        return pending.pop() if pending else await receive()

    return replay


def _with_our_headers(send: Send) -> Send:
    """Every answer carries our headers, and none that opens it to other origins."""

    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [
                (name, value)
                for name, value in message.get("headers", ())
                if name.decode("latin-1").lower() not in ANSWER_HEADERS
                and not name.lower().startswith(b"access-control-")
            ]
            ours = [(name.encode(), value.encode()) for name, value in ANSWER_HEADERS.items()]
            message = {**message, "headers": [*kept, *ours]}
        await send(message)

    return wrapped


async def _answer(send: Send, refusal: Refusal) -> None:
    body = error_body(refusal.code, _sentence(refusal))
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if refusal.status == 413 or refusal.status == 408:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def error_body(code: str, message: str) -> bytes:
    """What every error is answered with: a code for programs, a sentence, and a number to find it by in the log."""
    request = secrets.token_hex(4)
    return json.dumps({"error": {"code": code, "message": message, "request": request}}).encode()


def _sentence(refusal: Refusal) -> str:
    if refusal.status == 401:
        return t("This needs the address that is printed in the terminal.")
    if refusal.status == 413:
        return t("A request may have {limit} bytes.", limit=MAX_BODY_BYTES)
    return t("This request is refused.")
