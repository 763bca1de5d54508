"""The door of the label page: nothing gets in that is not a page of ours or a program with the token.

Requests are what a server hands over (ASGI scopes). Whether one was let in is seen behind the door, not by the answer.
"""

import asyncio
import itertools
import json
import os
import re
import stat

import pytest
from PIL import Image

from rumbo.api.labelling import open_labels
from rumbo.serve import perimeter
from rumbo.serve.access import Access, token_file
from rumbo.serve.label_app import label_app
from rumbo.serve.perimeter import ANSWER_HEADERS, FREE, MAX_BODY_BYTES, Perimeter, Refusal

PORT = 4711
ORIGIN = f"http://127.0.0.1:{PORT}"
JSON = {"content-type": "application/json"}


class Door:
    """The page with its door, and whom it let in."""

    def __init__(self, folder, door=Perimeter):
        self.folder, self.told, self.entered, self.runner = folder, [], 0, asyncio.Runner()
        self.access = Access(PORT)
        page = label_app(open_labels(folder / "photos", out=folder / "c.csv"), self.access, PORT, tell=self.told.append)
        self.inner = page.app
        self.page = door(self.count, self.access, PORT)
        self.session = self.access.exchange(self.access.new_code())
        self.key = json.loads(self.ask("GET", "/api/start", self.bearer).body)["items"][0]["key"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.runner.close()

    async def count(self, scope, receive, send):
        self.entered += 1
        await self.inner(scope, receive, send)

    @property
    def bearer(self):
        return {"host": f"127.0.0.1:{PORT}", "authorization": f"Bearer {self.access.token}"}

    @property
    def page_headers(self):
        """What a browser sends from a page of ours."""
        return {
            "host": f"127.0.0.1:{PORT}",
            "origin": ORIGIN,
            "cookie": f"rumbo_session_{PORT}={self.session}",
            "sec-fetch-site": "same-origin",
            "sec-fetch-mode": "cors",
            "sec-fetch-dest": "empty",
            "x-rumbo": "1",
        }

    def routes(self):
        """Method and path of every route, with a key that exists."""
        for route in self.inner.routes:
            path = route.path.replace("{key}", self.key).replace("{name}", "label.js")
            for method in sorted(route.methods):
                yield method, path

    def body(self, path):
        bodies = {"/login": {"code": "x"}, "/api/export": {"to": "none of ours"}}
        return json.dumps(bodies.get(path, {"field": "tags", "value": ["t"]})).encode()

    def ask(self, method, path, headers, *, chunks=None, raw=None, kind="http"):
        pairs = headers.items() if isinstance(headers, dict) else headers
        scope = {
            "type": kind,
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "http" if kind == "http" else "ws",
            "path": path,
            "raw_path": path.encode() if raw is None else raw,
            "query_string": b"",
            "root_path": "",
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in pairs],
            "server": ("127.0.0.1", PORT),
            "client": ("127.0.0.1", 50000),
        }
        if kind == "http":
            scope["method"] = method
        answer = Answer()
        before = self.entered
        self.runner.run(self._ask(scope, chunks, answer))
        answer.has_entered = self.entered > before
        return answer

    async def _ask(self, scope, chunks, answer):
        chunks = [b""] if chunks is None else list(chunks)

        async def receive():
            if scope["type"] == "websocket":
                return {"type": "websocket.connect"}
            answer.num_read += 1
            if not chunks:
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": chunks.pop(0), "more_body": bool(chunks)}

        async def send(message):
            answer.add(message)

        await self.page(scope, receive, send)


class Answer:
    def __init__(self):
        self.status, self.headers, self.body, self.num_read, self.has_entered = 0, [], b"", 0, False

    def add(self, message):
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = [(name.decode().lower(), value.decode()) for name, value in message["headers"]]
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")
        elif message["type"] == "websocket.close":
            self.status = 403


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("door")
    for name in ("formica", "osmia"):
        (folder / "photos" / name).mkdir(parents=True)
        Image.new("RGB", (20, 10), "teal").save(folder / "photos" / name / "1.png")
    (folder / "secret.txt").write_text("canary", encoding="utf-8")
    (folder / "photos-2").mkdir()
    (folder / "photos-2" / "secret.txt").write_text("canary", encoding="utf-8")
    return folder


@pytest.fixture
def door(place):
    with Door(place) as found:
        yield found


def changed(headers, **changes):
    """Headers with some replaced, or taken away by None."""
    found = {**headers, **{name.replace("_", "-"): value for name, value in changes.items()}}
    return {name: value for name, value in found.items() if value is not None}


BAD_HOSTS = [
    None,
    "",
    "127.0.0.1",
    f"127.0.0.1:{PORT + 1}",
    "127.0.0.1:80",
    f"127.0.0.1.evil.example:{PORT}",
    f"127.0.0.1:{PORT}.evil.example",
    f"localhost.evil.example:{PORT}",
    f"evil.example:{PORT}",
    "evil.example",
    f"0.0.0.0:{PORT}",
    f"127.0.0.2:{PORT}",
    f"127.1:{PORT}",
    f"2130706433:{PORT}",
    f"[::]:{PORT}",
    f"[::ffff:127.0.0.1]:{PORT}",
    f"user@127.0.0.1:{PORT}",
    f"127.0.0.1:{PORT}, evil.example",
    f" 127.0.0.1:{PORT}",
    f"LOCALHOST:{PORT}.",
]
BAD_ORIGINS = [
    "null",
    "",
    "http://evil.example",
    f"http://evil.example:{PORT}",
    f"https://127.0.0.1:{PORT}",
    "http://127.0.0.1",
    f"http://127.0.0.1:{PORT + 1}",
    f"http://localhost:{PORT}",  # another name than the one asked for
    f"http://127.0.0.1:{PORT}.evil.example",
    f"http://127.0.0.1:{PORT}/",
    f"HTTP://127.0.0.1:{PORT}",
    "file://",
    "chrome-extension://abc",
]
BAD_SITES = [
    {"sec_fetch_site": "cross-site"},
    {"sec_fetch_site": "same-site"},
    {"sec_fetch_site": "none"},  # typed by nobody: the mode is cors
    {"sec_fetch_site": "other"},
    {"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors", "sec_fetch_dest": "image"},
    {"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors", "sec_fetch_dest": "script"},
    {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "iframe"},
    {"sec_fetch_site": "none", "sec_fetch_mode": "navigate", "sec_fetch_dest": "iframe"},
    {"sec_fetch_site": "cross-site", "sec_fetch_mode": "websocket", "sec_fetch_dest": "empty"},
]


def forbidden(door):
    """Requests that must not come in, whatever the route: with good credentials where those are not what is wrong."""
    for base in (door.page_headers, {**door.bearer, "origin": ORIGIN, "sec-fetch-site": "same-origin"}):
        yield from (changed(base, host=host) for host in BAD_HOSTS)
        # after rebinding, a strange name is its own origin
        yield from (changed(base, host=host, origin=f"http://{host}") for host in BAD_HOSTS if host)
        yield from (changed(base, origin=origin) for origin in BAD_ORIGINS)
        yield from (changed(base, **site) for site in BAD_SITES)
        yield from (changed(base, host=host, origin=origin) for host in BAD_HOSTS for origin in BAD_ORIGINS[::3])
        for name in ("host", "origin", "sec-fetch-site"):
            yield [*base.items(), (name, base[name])]
            yield [*base.items(), (name.upper(), "evil.example")]


def strangers(door):
    """Credentials that are none."""
    base = changed(door.page_headers, cookie=None)
    session = door.session
    yield base
    for cookie in (
        f"rumbo_session_{PORT}=",
        f"rumbo_session_{PORT}={session[:-1]}",
        f"rumbo_session_{PORT}={session}x",
        f"rumbo_session_{PORT + 1}={session}",
        f"rumbo_session={session}",
        f"session={session}",
        f"rumbo_session_{PORT}={door.access.token}",
        f"rumbo_session_{PORT}=x; rumbo_session_{PORT}={session}",
        f"rumbo_session_{PORT}={session}; rumbo_session_{PORT}=x",
    ):
        yield changed(base, cookie=cookie)
    token = door.access.token
    for word in (f"Bearer {token[:-1]}", f"Bearer {token} ", "Bearer ", f"Basic {token}", token, f"Bearer {session}"):
        yield changed(base, authorization=word)
        yield changed(door.page_headers, authorization=word)  # a wrong token is not made good by a session
    yield [*base.items(), ("authorization", f"Bearer {token}"), ("authorization", "Bearer x")]


def writes_from_elsewhere(door):
    """Writes with a session that lack what only a page of ours sends."""
    base = door.page_headers
    yield from (changed(base, **{name: None}) for name in ("origin", "x_rumbo"))
    yield from (changed(base, x_rumbo=value) for value in ("0", "", "true", "1, 1"))


def wrongly_accepted(door, *, at_most=1000):
    """What came in and should not have; and how many were tried."""
    wrong, tried = [], 0
    door.access.failed = lambda: 0.0
    for method, path in sorted(set(door.routes())):
        cases = [("forbidden", headers) for headers in forbidden(door)]
        if path not in FREE and path != "/login":
            cases += [("stranger", headers) for headers in strangers(door)]
        if method == "POST":
            cases += [("elsewhere", headers) for headers in writes_from_elsewhere(door)]
        for why, headers in cases:
            pairs = list(headers.items() if isinstance(headers, dict) else headers)
            if method == "POST":
                pairs += JSON.items()
            tried += 1
            if door.ask(method, path, pairs, chunks=[door.body(path)]).has_entered:
                wrong.append((method, path, why, pairs))
                if len(wrong) == at_most:
                    return wrong, tried
    return wrong, tried


def test_nobody_comes_in_who_should_not(door):
    wrong, tried = wrongly_accepted(door)
    assert wrong == []
    routes = len(set(door.routes()))
    assert routes >= 15
    assert tried >= 300 * routes


class OnlyPost(Perimeter):
    """Checks writes alone."""

    def judge(self, scope):
        if scope.get("method") == "POST":
            super().judge(scope)


class Beginning(Perimeter):
    """Looks at how the host begins."""

    def judge(self, scope):
        host = dict(scope["headers"]).get(b"host", b"").decode()
        if host.startswith("127.0.0.1"):
            self.hosts = frozenset((host,))
        super().judge(scope)


class AnyHost(Perimeter):
    """Origin must fit Host, and Host may be anything."""

    def judge(self, scope):
        self.hosts = frozenset((dict(scope["headers"]).get(b"host", b"").decode(),))
        super().judge(scope)


class RouteOutside(Perimeter):
    """A route added in front of the door."""

    async def __call__(self, scope, receive, send):
        if scope["path"] == "/api/start":
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


class NoSites(Perimeter):
    """Does not ask where a request comes from."""

    def judge(self, scope):
        kept = [(name, value) for name, value in scope["headers"] if not name.startswith(b"sec-fetch")]
        super().judge({**scope, "headers": kept})


class CookieIsEnough(Perimeter):
    """A session writes, wherever the request was made."""

    def judge(self, scope):
        try:
            super().judge(scope)
        except Refusal as refusal:
            if refusal.code != "not_from_our_page":
                raise


@pytest.mark.parametrize("broken", [OnlyPost, Beginning, AnyHost, RouteOutside, NoSites, CookieIsEnough])
def test_a_broken_door_is_found_out(place, broken):
    with Door(place, broken) as door:
        wrong, _ = wrongly_accepted(door, at_most=1)
    assert wrong


def legitimate(door):
    """Requests of our page, of its owner and of programs with the token."""
    page, program, key = door.page_headers, door.bearer, door.key
    typed = {"host": f"127.0.0.1:{PORT}", "sec-fetch-site": "none", "sec-fetch-mode": "navigate"}
    typed["sec-fetch-dest"] = "document"
    read = changed(page, origin=None, x_rumbo=None)
    for host in ("127.0.0.1", "localhost", "[::1]"):
        own = {"host": f"{host}:{PORT}", "origin": f"http://{host}:{PORT}"}
        yield "GET", "/api/start", {**page, **own}, 200
        yield "POST", f"/api/items/{key}", {**page, **own, **JSON}, 200
    yield "GET", "/", typed, 200
    yield "HEAD", "/", {"host": typed["host"]}, 200
    yield "GET", "/", changed(typed, sec_fetch_site="cross-site"), 200  # from the file that opens the browser
    yield "GET", "/health", {"host": typed["host"]}, 200
    yield "GET", "/static/login.js", changed(read, cookie=None), 200
    yield "GET", "/static/style.css", changed(read, cookie=None), 200
    yield "GET", "/label", {**typed, "cookie": page["cookie"]}, 200
    yield "GET", "/label", {**read, "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}, 200
    yield "GET", "/static/label.js", {**read, "sec-fetch-dest": "script"}, 200
    yield "GET", f"/api/items/{key}", read, 200
    yield "GET", f"/api/items/{key}/picture", {**read, "sec-fetch-dest": "image", "sec-fetch-mode": "no-cors"}, 200
    yield "GET", f"/api/items/{key}/thumbnail", changed(read, cookie=f"a=b; {page['cookie']}; c=d"), 200
    yield "GET", "/api/start", {"host": page["host"], "cookie": page["cookie"]}, 200  # a browser without Sec-Fetch
    yield "GET", "/api/start", program, 200
    yield "POST", f"/api/items/{key}", {**program, **JSON}, 200
    yield "POST", f"/api/items/{key}", {**page, "content-type": "application/json; charset=utf-8"}, 200
    yield "POST", "/login", {**changed(page, cookie=None), **JSON}, 401  # let in, and told that the code is none
    yield "GET", "/static/no.js", read, 404


def test_everybody_comes_in_who_should(door):
    cases = list(legitimate(door))
    assert len(cases) >= 20
    for method, path, headers, status in cases:
        answer = door.ask(method, path, headers, chunks=[door.body(path)] if method == "POST" else None)
        assert (answer.has_entered, answer.status) == (True, status), (method, path, headers, answer.body)


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "CONNECT", "PUT", "DELETE", "PATCH", "PROPFIND", "get", ""])
def test_other_methods_are_refused(door, method):
    for path in ("/", "/health", "/api/start"):
        answer = door.ask(method, path, door.page_headers)
        assert (answer.has_entered, answer.status) == (False, 405)


def test_websockets_meet_the_same_door(door):
    door.access.failed = lambda: 0.0
    headers = changed(door.page_headers, sec_fetch_mode="websocket", x_rumbo=None)
    for other in [*forbidden(door), *strangers(door), changed(headers, origin=None)]:
        assert not door.ask("", "/api/start", other, kind="websocket").has_entered
    assert not door.ask("", "/", changed(headers, cookie=None), kind="websocket").has_entered
    assert door.ask("", "/api/start", headers, kind="websocket").has_entered  # to a router that has none


def test_only_these_are_free(door):
    door.access.failed = lambda: 0.0
    bare = {"host": f"127.0.0.1:{PORT}"}
    free = {path for method, path in door.routes() if method == "GET" and door.ask("GET", path, bare).has_entered}
    assert free == {"/", "/health"}
    assert {"/", "/health", "/static/login.js", "/static/style.css", "/static/icon.svg"} == FREE
    for path in FREE:
        body = door.ask("GET", path, bare).body.decode()
        assert not re.search(r"photos|formica|osmia|\.png|" + re.escape(door.access.token), body), path


def test_every_answer_has_our_headers(door):
    cases = [
        ("GET", "/"),
        ("GET", "/nothing"),
        ("GET", "/api/start"),
        ("POST", "/login"),
        ("OPTIONS", "/"),
        ("GET", "/%"),
    ]
    for (method, path), headers in itertools.product(cases, (door.page_headers, {"host": "evil.example"})):
        answer = door.ask(method, path, headers)
        for name, value in ANSWER_HEADERS.items():
            assert [met for key, met in answer.headers if key == name] == [value], (method, path, name)
        assert not [name for name, _ in answer.headers if name.startswith("access-control") or name == "server"]


# ---- bodies


def test_a_large_body_is_cut_off_by_what_comes(door):
    """Whatever the length is said to be; the rest is not even read."""
    path, piece = f"/api/items/{door.key}", b" " * 65536
    for said in (None, "2", str(10 * MAX_BODY_BYTES)):
        headers = changed({**door.page_headers, **JSON}, content_length=said)
        answer = door.ask("POST", path, headers, chunks=itertools.repeat(piece, 1000))
        assert (answer.has_entered, answer.status) == (False, 413)
        assert answer.num_read <= MAX_BODY_BYTES / len(piece) + 1
    fits = json.dumps({"field": "tags", "value": ["x"]}).encode().ljust(MAX_BODY_BYTES)
    assert door.ask("POST", path, {**door.page_headers, **JSON}, chunks=[fits]).status == 200


def test_a_body_that_does_not_come_is_given_up(door, monkeypatch):
    monkeypatch.setattr(perimeter, "BODY_SECONDS", 0.05)

    async def slow():
        await asyncio.sleep(60)

    with pytest.raises(Refusal) as refusal:
        asyncio.run(perimeter._whole_body(slow))
    assert refusal.value.status == 408


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_forms_are_no_requests_of_ours(door, kind):
    headers = changed(door.page_headers, content_type=kind)
    answer = door.ask("POST", f"/api/items/{door.key}", headers, chunks=[door.body("")])
    assert (answer.has_entered, answer.status) == (False, 415)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"field": "label"}',
        b'{"field": "split", "value": "test"}',
        b'{"field": "id", "value": "x"}',
        b'{"field": "label", "value": 3}',
        b'{"field": "label", "value": {"a": 1}}',
        b'{"field": "label", "value": ""}',
        b'{"field": "label", "value": ["x"]}',
        b'{"field": "label", "value": "a\\u0000b"}',
        b'{"field": "label", "value": "a\\u202eb"}',
        b'{"field": "tags", "value": "x"}',
        b'{"field": "tags", "value": [1]}',
        b'{"field": "tags", "value": [""]}',
        b'{"field": "tags", "value": ["' + b"x" * 256 + b'"]}',
        b'{"field": "tags", "value": [], "more": 1}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_change_is_refused(door, body):
    before = (door.folder / "c.csv").read_bytes() if (door.folder / "c.csv").exists() else None
    answer = door.ask("POST", f"/api/items/{door.key}", {**door.page_headers, **JSON}, chunks=[body])
    assert answer.status in (400, 422), answer.body
    error = json.loads(answer.body)["error"]
    assert set(error) == {"code", "message", "request"}
    assert not re.search(r"0x[0-9a-f]{6}|Traceback|\.py|/tmp|site-packages", error["message"])
    assert ((door.folder / "c.csv").read_bytes() if (door.folder / "c.csv").exists() else None) == before


# ---- paths (T08)


def ways_out():
    """Attempts to name a file of the machine: as they come over the wire, and as a server hands them on."""
    targets = ["secret.txt", "photos-2/secret.txt", "etc/passwd", "photos/formica/1.png", "c.csv"]
    steps = ["../", "..%2f", "%2e%2e/", "%2e%2e%2f", "..%5c", "..\\", "....//", "..;/", "%252e%252e%252f", "..%00/"]
    places = ["/", "/static/", "/api/items/", "/api/items/KEY/"]
    for target, step, where, depth in itertools.product(targets, steps, places, (1, 6)):
        yield where + step * depth + target
    for target in targets:
        yield from (f"//{target}", f"/static//{target}", f"/static/{target}%00.js", f"file:///{target}", f"/./{target}")
    yield from ("/static/", "/static/label_app.py", "/static/.", "/static/..", "/api/items/0", "/api/items/KEY/../1")
    yield from ("http://127.0.0.1:4711/api/start", "*", "", "/\u0130", "/api/start\0", "/api/start;x", "/api/start%3fx")


def test_no_path_leads_out(door):
    from urllib.parse import unquote

    tried = 0
    for attempt in ways_out():
        raw = attempt.replace("KEY", door.key)
        for path in {unquote(raw), raw}:
            answer = door.ask("GET", path, door.bearer, raw=raw.encode())
            tried += 1
            assert answer.status in (400, 404, 422), (raw, answer.status)
            assert b"canary" not in answer.body
            assert b"root:" not in answer.body
    assert tried >= 200


def test_a_path_and_its_raw_form_must_be_one(door):
    for path, raw in (("/api/start", b"/health"), ("/health", b"/api/start"), ("/health", b"/api/start?/health")):
        assert not door.ask("GET", path, {"host": f"127.0.0.1:{PORT}"}, raw=raw).has_entered


# ---- secrets


def test_a_code_works_once_and_for_a_minute():
    now = [0.0]
    access = Access(PORT, clock=lambda: now[0])
    code = access.new_code()
    session = access.exchange(code)
    assert session is not None
    assert access.exchange(code) is None
    assert access.was_a_code(code)
    late = access.new_code()
    now[0] = 60.0
    assert access.exchange(late) is None
    assert access.was_a_code(late)
    assert not access.was_a_code("guess")
    assert access.is_session(session)
    now[0] = 12 * 3600.0
    assert not access.is_session(session)


def test_secrets_have_256_bits_and_never_repeat():
    found = [secret for _ in range(20) for secret in (lambda a: (a.token, a.new_code()))(Access(PORT))]
    assert len(set(found)) == len(found)
    assert all(len(secret) == 43 for secret in found)


def test_guessing_is_slow_after_ten():
    now = [0.0]
    access = Access(PORT, clock=lambda: now[0])
    assert [access.failed() for _ in range(12)] == [0.0] * 10 + [1.0] * 2
    now[0] = 61.0
    assert access.failed() == 0.0


def test_sessions_do_not_pile_up():
    access = Access(PORT)
    sessions = [access.exchange(access.token) for _ in range(40)]
    assert [access.is_session(session) for session in sessions[-3:]] == [True] * 3
    assert sum(map(access.is_session, sessions)) == 16


def test_the_session_cookie(door):
    code = door.access.new_code()
    headers = {**changed(door.page_headers, cookie=None), **JSON}
    answer = door.ask("POST", "/login", headers, chunks=[json.dumps({"code": code}).encode()])
    (cookie,) = [value for name, value in answer.headers if name == "set-cookie"]
    assert cookie.startswith(f"rumbo_session_{PORT}=")
    parts = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert parts == {"httponly", "max-age=43200", "path=/", "samesite=strict"}
    assert "domain" not in cookie.lower()
    again = door.ask("POST", "/login", headers, chunks=[json.dumps({"code": code}).encode()])
    assert again.status == 401
    assert len(door.told) == 1
    assert code not in door.told[0]  # a new one
    assert door.ask("POST", "/login", headers, chunks=[b'{"code": "guess"}']).status == 401
    assert len(door.told) == 1


def test_the_token_is_for_its_owner_alone():
    with token_file("secret") as path:
        assert path.read_text() == "secret\n"
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        assert stat.S_IMODE(os.stat(path.parent).st_mode) == 0o700
    assert not path.parent.exists()


def test_the_program_knows_no_way_to_ask_others():
    """What serves the page imports no HTTP client."""
    import subprocess
    import sys

    code = "import sys, rumbo.serve.label_app, rumbo.serve.server; print(*sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    met = set(answer.stdout.split())
    assert "fastapi" in met
    assert met & {"httpx", "requests", "urllib3", "aiohttp", "websockets", "urllib.request", "matplotlib"} == set()


def test_a_route_cannot_open_itself_to_other_origins():
    """Whatever headers an answer brings: ours count."""

    async def route(scope, receive, send):
        headers = [(b"Access-Control-Allow-Origin", b"*"), (b"Content-Security-Policy", b"default-src *"), (b"x", b"y")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    answer = Answer()

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        answer.add(message)

    host = [(b"host", f"127.0.0.1:{PORT}".encode())]
    scope = {"type": "http", "method": "GET", "path": "/health", "raw_path": b"/health", "headers": host}
    asyncio.run(Perimeter(route, Access(PORT), PORT)(scope, receive, send))
    assert dict(answer.headers) == {**ANSWER_HEADERS, "x": "y"}
    assert len(answer.headers) == len(ANSWER_HEADERS) + 1
