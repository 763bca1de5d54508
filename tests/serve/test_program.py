"""`rumbo label` as a process: killed while saving, its secrets, its end, texts and sounds."""

import asyncio
import io
import json
import os
import re
import signal
import socket
import sys
import threading
import time
import wave
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest
import uvicorn
from browser import Program, wait_for

from rumbo.data import open_data
from rumbo.data.corrections import read_corrections
from rumbo.serve import server as server_module


@pytest.fixture
def program(tmp_path):
    started = []

    def start(*words):
        started.append(Program(tmp_path, *words, "--who", "test"))
        return started[-1]

    yield start
    for one in started:
        one.end()


def test_what_was_answered_is_kept_when_the_program_is_killed(photos, program, tmp_path):
    running = program(photos, "--unlabelled", "--out", "c.csv")
    web = running.web
    items = web.get("/api/start").json()["items"]
    answered = []
    for number in range(25):
        item = items[number % 6]
        answer = web.post(f"/api/items/{item['key']}", json={"field": "label", "value": f"class {number}"})
        assert answer.json()["item"]["label"] == f"class {number}"
        answered.append((item["name"], f"class {number}"))
    running.process.send_signal(signal.SIGKILL)
    running.process.wait()
    assert [(c.id, c.value) for c in read_corrections(tmp_path / "c.csv")] == answered
    again = program(photos, "--unlabelled", "--out", "c.csv")
    web = again.web
    found = web.get("/api/start").json()
    assert sum(item["labelled"] for item in found["items"]) == 6
    assert {c for item in found["items"] for c in item["classes"]} == {f"class {n}" for n in range(19, 25)}


def test_secrets_are_nowhere_but_in_their_file(photos, program):
    running = program(photos)
    web, token = running.web, running.token
    assert web.get("/api/start").status_code == 200
    code = running.link.split("#code=")[1]
    own = f"http://127.0.0.1:{running.port}"
    headers = {"x-rumbo": "1", "origin": own}
    answer = httpx.post(f"{own}/login", trust_env=False, json={"code": code}, headers=headers)
    session = answer.cookies[f"rumbo_session_{running.port}"]
    assert httpx.get(f"{own}/api/start", trust_env=False, headers={"authorization": "Bearer wrong"}).status_code == 401
    assert httpx.get(f"{own}/api/items/..%2f..%2fetc/passwd", trust_env=False).status_code == 400
    process = Path(f"/proc/{running.process.pid}")
    if process.is_dir():
        for name in ("cmdline", "environ"):
            text = (process / name).read_bytes().decode("utf-8", "replace")
            assert not [secret for secret in (token, code, session) if secret in text]
    running.end()
    told = "".join(running.told)
    assert token not in told
    assert session not in told
    assert told.count(code) == 1  # the address
    assert not Path(running.token_path).exists()


def test_only_this_machine_is_listened_to(photos, program):
    running = program(photos)
    with socket.create_connection(("127.0.0.1", running.port), timeout=5):
        pass
    tables = Path("/proc/net/tcp"), Path("/proc/net/tcp6")
    if tables[0].exists():
        met = [line.split()[1] for table in tables if table.exists() for line in table.read_text().splitlines()[1:]]
        assert [place for place in met if place.endswith(f":{running.port:04X}") and place[:8] != "0100007F"] == []


@pytest.mark.parametrize(
    "lines",
    [
        "GET http://evil.example/api/start HTTP/1.1\r\nHost: HOST",
        "GET /api/start HTTP/1.1\r\nHost: HOST\r\nHost: evil.example",
        "GET /api/start HTTP/1.1\r\nHost: HOST\r\nHost: HOST",
        "GET /api/start HTTP/1.0",
        "CONNECT HOST HTTP/1.1\r\nHost: HOST",
        "TRACE / HTTP/1.1\r\nHost: HOST",
        "GET /static/..%2f..%2f..%2f..%2fetc/passwd HTTP/1.1\r\nHost: HOST",
        "GET /../../../etc/passwd HTTP/1.1\r\nHost: HOST",
        "GET /api/start HTTP/1.1\r\nHost: HOST\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Host: HOST",
        "GET /label HTTP/1.1\r\nHost: HOST\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13",
        "POST /login HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked",
        "\x00\x01\x02",
    ],
)
def test_raw_requests_are_refused(server, lines):
    with socket.create_connection(("127.0.0.1", server.port), timeout=15) as wire:
        wire.sendall((lines.replace("HOST", f"127.0.0.1:{server.port}") + "\r\n\r\n").encode())
        if "chunked" in lines:
            wire.sendall(b"4\r\n{}{}\r\n0\r\n\r\n")
        answer = wire.recv(65536).decode("latin-1")
    assert re.match(r"HTTP/1\.[01] 4\d\d ", answer), answer
    assert "root:" not in answer
    assert "uvicorn" not in answer.lower()


async def fine(scope, receive, send):
    """An app that answers before it has read anything."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
    await send({"type": "http.response.body", "body": b"fine"})


@contextmanager
def served(app):
    """The port of an app under the limits of `run`, in a thread."""
    place = server_module.listen(0)
    running = uvicorn.Server(server_module.config_of(app))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [place]})
    thread.start()
    try:
        wait_for(lambda: running.started)
        yield place.getsockname()[1]
    finally:
        running.should_exit = True
        thread.join()


def seconds_until_closed(wire, drip=b""):
    """How long the other side keeps a connection, while a byte now and then is sent."""
    start = time.monotonic()
    wire.settimeout(0.1)
    while time.monotonic() - start < 8:
        try:
            wire.sendall(drip)
            if not wire.recv(65536):
                break
        except TimeoutError:
            continue
        except OSError:
            break
    return time.monotonic() - start


def test_slow_connections_do_not_lock_others_out(monkeypatch):
    monkeypatch.setattr(server_module, "HEADER_SECONDS", 1.5)
    with served(fine) as port, ExitStack() as stack:
        begun = time.monotonic()
        for _ in range(70):
            wire = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
            wire.sendall(b"GET / HTTP/1.1\r\nHo")
        met = []
        while time.monotonic() - begun < 8 and 200 not in met:
            met.append(httpx.get(f"http://127.0.0.1:{port}/", trust_env=False, timeout=5).status_code)
            time.sleep(0.1)
        assert time.monotonic() - begun < 3.5
        assert met[0] == 503  # else this tests nothing
        assert met[-1] == 200


OWED = {
    "nothing": (b"", b""),
    "a drip of headers": (b"GET / HTTP/1.1\r\nHost: a\r\nX: ", b"x"),
    "a drip of later headers": (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"G"),
    "a drip of a body that is answered": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999\r\n\r\n", b"x"),
}


@pytest.mark.parametrize("kind", OWED)
def test_a_connection_that_owes_bytes_is_closed_in_time(monkeypatch, kind):
    monkeypatch.setattr(server_module, "HEADER_SECONDS", 1.0)
    start, drip = OWED[kind]
    with served(fine) as port, socket.create_connection(("127.0.0.1", port), timeout=5) as wire:
        wire.sendall(start)
        assert 0.7 < seconds_until_closed(wire, drip) < 3


def test_answers_may_take_longer_than_headers_and_connections_are_used_again(monkeypatch):
    monkeypatch.setattr(server_module, "HEADER_SECONDS", 0.4)

    async def slow(scope, receive, send):
        await asyncio.sleep(0.8)
        await fine(scope, receive, send)

    with served(slow) as port, socket.create_connection(("127.0.0.1", port), timeout=5) as wire:
        for _ in range(3):
            wire.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            answer = b""
            while not answer.endswith(b"fine"):
                part = wire.recv(65536)
                assert part, "closed"
                answer += part
            time.sleep(0.6)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    from PIL import Image

    folder = tmp_path_factory.mktemp("server")
    (folder / "photos").mkdir()
    Image.new("RGB", (8, 8)).save(folder / "photos" / "1.png")
    running = Program(folder, "photos")
    yield running
    running.end()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_when_asked(photos, program, number):
    running = program(photos, "--out", "c.csv")
    web = running.web
    key = web.get("/api/start").json()["items"][0]["key"]
    web.post(f"/api/items/{key}", json={"field": "label", "value": "wasp"})
    running.process.send_signal(number)
    out, errors = running.process.communicate(timeout=20)
    assert running.process.returncode == 0
    assert "Traceback" not in errors
    answer = json.loads(out)
    assert {k: answer[k] for k in ("items", "labelled", "saved", "corrections")} == {
        "items": 6,
        "labelled": 6,
        "saved": 1,
        "corrections": "c.csv",
    }


def test_texts_are_labelled_by_class(shared_data, program):
    running = program(shared_data / "movie_reviews", "--out", "c.csv")
    web = running.web
    start = web.get("/api/start").json()
    assert (start["kind"], start["tool"]) == ("text", "classes")
    item = start["items"][0]
    found = web.get(f"/api/items/{item['key']}").json()
    assert len(found["text"]) > 100
    assert found["size"] is None
    assert web.get(f"/api/items/{item['key']}/picture").status_code == 404
    other = next(name for name in start["classes"] if name not in item["classes"])
    answer = web.post(f"/api/items/{item['key']}", json={"field": "label", "value": other})
    assert answer.json()["item"]["label"] == other


def test_sounds_are_labelled_by_class(tmp_path, program):
    time = np.arange(800) / 8000
    for number, name in enumerate(["high", "low"] * 3):
        (tmp_path / "sounds" / name).mkdir(parents=True, exist_ok=True)
        with wave.open(str(tmp_path / "sounds" / name / f"{number}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes((np.sin(2 * np.pi * 440 * time) * 20000).astype("<i2").tobytes())
    running = program(tmp_path / "sounds", "--out", "c.csv")
    web = running.web
    start = web.get("/api/start").json()
    assert (start["kind"], start["classes"]) == ("audio", ["high", "low"])
    answer = web.get(f"/api/items/{start['items'][0]['key']}/sound")
    assert answer.headers["content-type"] == "audio/wav"
    with wave.open(io.BytesIO(answer.content)) as file:
        assert (file.getframerate(), file.getnframes()) == (8000, 800)
        samples = np.frombuffer(file.readframes(800), "<i2")
    assert abs(int(np.abs(samples).max()) - 20000) <= 2


def test_pictures_are_sent_upright_and_without_what_else_is_in_the_file(tmp_path, program):
    from PIL import Image

    (tmp_path / "photos").mkdir()
    pixels = np.zeros((400, 600, 3), np.uint8)
    pixels[:, :300] = (255, 0, 0)
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a secret place"  # turned by 90 degrees; a description
    Image.fromarray(pixels).save(tmp_path / "photos" / "1.jpg", exif=exif, comment=b"a secret note")
    web = program(tmp_path / "photos", "--out", "c.csv").web
    key = web.get("/api/start").json()["items"][0]["key"]
    assert web.get(f"/api/items/{key}").json()["size"] == [400, 600]
    for kind in ("picture", "thumbnail"):
        body = web.get(f"/api/items/{key}/{kind}").content
        assert b"secret" not in body
        assert b"Exif" not in body
        picture = Image.open(io.BytesIO(body))
        assert picture.width < picture.height
        assert np.asarray(picture)[10, 10, 0] > 200
        assert np.asarray(picture)[-10, 10, 0] < 50


@pytest.mark.skipif(sys.platform != "linux", reason="the stand-in for a browser is a shell script of Linux")
def test_a_browser_is_opened_by_a_file_for_its_owner_alone(photos, tmp_path):
    """The address with its code is in no argument of a program."""
    script = tmp_path / "browser.sh"
    script.write_text(
        '#!/bin/sh\necho "$1" > "$SEEN"; cp "${1#file://}" "$SEEN.page"; stat -c %a "${1#file://}" > "$SEEN.mode"\n'
    )
    script.chmod(0o755)
    seen = tmp_path / "seen"
    before = {name: os.environ.get(name) for name in ("BROWSER", "SEEN", "DISPLAY", "SSH_CONNECTION")}
    os.environ.update({"BROWSER": str(script), "SEEN": str(seen), "DISPLAY": ":9"})
    os.environ.pop("SSH_CONNECTION", None)
    try:
        running = Program(tmp_path, photos, has_browser=True)
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.__setitem__(name, value)
    wait_for(lambda: Path(f"{seen}.mode").is_file() and Path(f"{seen}.mode").read_text())
    running.end()
    assert seen.read_text().startswith("file://")
    assert "code" not in seen.read_text()
    assert running.link in Path(f"{seen}.page").read_text()
    assert Path(f"{seen}.mode").read_text().strip() == "600"


def test_the_page_exports_beside_the_corrections(photos, tmp_path, program):
    running = program(photos, "--task", "boxes", "--unlabelled", "--out", "set-corrections.csv")
    assert running.web.post("/api/export", json={"to": "coco"}).status_code == 422  # nothing has a label
    item = running.web.get("/api/start").json()["items"][0]
    box = {"class": "a", "x1": 1, "y1": 2, "x2": 11, "y2": 22}
    assert running.web.post(f"/api/items/{item['key']}", json={"field": "label", "value": [box]}).status_code == 200
    found = [running.web.post("/api/export", json={"to": "coco"}).json()["path"] for _ in range(2)]
    assert found == ["set-coco", "set-coco-2"]
    assert running.web.post("/api/export", json={"to": "../x"}).status_code == 422
    (boxes,) = open_data(tmp_path / "set-coco").table["boxes"].to_list()
    assert [(b["class"], b["x1"], b["y1"], b["x2"], b["y2"]) for b in boxes] == [("a", 1, 2, 11, 22)]
