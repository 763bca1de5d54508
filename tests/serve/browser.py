"""A real browser, driven over its own protocol (CDP), and `rumbo label` in a process of its own."""

import base64
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from websockets.sync.client import connect

REPOSITORY = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 30.0
CODES = {"Enter": 13, "Escape": 27, "Tab": 9, " ": 32, "Delete": 46, "Backspace": 8}
ARROWS = {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}


def chromium():
    """The command of a browser that speaks the protocol, or None."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Program:
    """`rumbo label` as its user runs it."""

    def __init__(self, folder, *words, language="en", has_browser=False):
        self.folder = Path(folder)
        command = [sys.executable, "-m", "rumbo", "label", *map(str, words), "--json"]
        command += [] if has_browser else ["--no-browser"]
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "LC_ALL": f"{language}.UTF-8"}
        self.process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.told = []
        self.link = self.read_link()
        self.port = urlsplit(self.link).port
        self.token_path = re.search(r"\S+/token\b", self.read_line("token"))[0]
        self.token = Path(self.token_path).read_text().strip()
        self.web = httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}",
            headers={"authorization": f"Bearer {self.token}"},
            timeout=PATIENCE_SECONDS,
            trust_env=False,
        )

    def read_link(self):
        """The next address that is printed."""
        return re.search(r"http://\S+", self.read_line("http://"))[0]

    def read_line(self, word):
        """The next line with a word."""
        for line in self.process.stderr:
            self.told.append(line)
            if word in line:
                return line
        raise AssertionError(f"rumbo label ended: {''.join(self.told)}")

    def end(self):
        """Ctrl-C; the answer, as one JSON object."""
        self.web.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        if self.process.stdout.closed:
            return None
        out, errors = self.process.communicate(timeout=PATIENCE_SECONDS)
        self.told.append(errors)
        return json.loads(out.splitlines()[-1]) if out.strip() else None


class Browser:
    """A headless browser with a profile of its own."""

    def __init__(self, command, folder):
        flags = ["--headless=new", "--no-sandbox", "--remote-debugging-port=0", "--no-first-run", "--disable-gpu"]
        flags += ["--disable-dev-shm-usage", "--disable-background-networking", "--force-color-profile=srgb"]
        self.process = subprocess.Popen(
            [command, *flags, f"--user-data-dir={folder}", "about:blank"],
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        note = Path(folder) / "DevToolsActivePort"
        wait_for(lambda: note.is_file() and len(note.read_text().splitlines()) == 2)
        port, path = note.read_text().splitlines()
        self.place = f"ws://127.0.0.1:{port}"
        self.wire = Wire(self.place + path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.wire.ask("Browser.close")
        self.wire.close()
        self.process.wait(PATIENCE_SECONDS)

    @contextmanager
    def window(self, link, *, size=(1280, 800), scheme="light"):
        """A new window without cookies of others, at an address."""
        context = self.wire.ask("Target.createBrowserContext")["browserContextId"]
        target = self.wire.ask("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        wire = Wire(f"{self.place}/devtools/page/{target}")
        try:
            yield Page(wire, link, size, scheme)
        finally:
            wire.close()
            self.wire.ask("Target.disposeBrowserContext", browserContextId=context)


class Wire:
    """Questions and answers over one websocket; what happens meanwhile is kept."""

    def __init__(self, address):
        self.open = ExitStack()
        self.socket = self.open.enter_context(connect(address, max_size=2**27, proxy=None))
        self.numbers = itertools.count(1)
        self.events = []

    def ask(self, method, **parameters):
        number = next(self.numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.socket.recv(PATIENCE_SECONDS))
            if message.get("id") != number:
                self.events.append(message)
            elif "error" in message:
                raise AssertionError(f"{method}: {message['error']}")
            else:
                return message["result"]

    def close(self):
        self.open.close()


class Page:
    """One window: keys, mouse, what it shows."""

    def __init__(self, wire, link, size, scheme):
        self.wire = wire
        for part in ("Page", "Runtime", "Log", "Network"):
            self.wire.ask(f"{part}.enable")
        self.look(size, scheme)
        self.wire.ask("Page.navigate", url=link)
        self.wait("document.body?.dataset.ready === 'yes'")
        self.wait_for_example()

    def look(self, size=(1280, 800), scheme="light"):
        """The size of the window in px, and dark or light."""
        self.wire.ask(
            "Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=1, mobile=False
        )
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.wire.ask("Emulation.setEmulatedMedia", features=[feature])

    def value(self, expression):
        """What an expression of JavaScript gives."""
        answer = self.wire.ask(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True, userGesture=True
        )
        if "exceptionDetails" in answer:
            raise AssertionError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait(self, expression, seconds=PATIENCE_SECONDS):
        """Until an expression holds."""
        end = time.monotonic() + seconds
        while True:
            try:
                if self.value(expression):
                    return
            except AssertionError as problem:  # the page is being exchanged
                if not any(word in str(problem) for word in ("context", "navigated")):
                    raise
            if time.monotonic() > end:
                raise AssertionError(f"never: {expression}; the page: {self.value('document.body.innerText')}")
            time.sleep(0.01)

    def text(self, selector):
        """The text of an element."""
        return self.value(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")

    def press(self, *keys, shift=None, ctrl=False, repeat=False):
        """Keys, one after the other, each when the example is there."""
        for key in keys:
            self.wait_for_example()
            code = CODES.get(key) or ARROWS.get(key) or ord(key.upper()[0])
            upper = key.isupper() and len(key) == 1 if shift is None else shift
            modifiers = (8 if upper else 0) | (2 if ctrl else 0)
            about = {"key": key, "windowsVirtualKeyCode": code, "modifiers": modifiers, "autoRepeat": repeat}
            text = "\r" if key == "Enter" else key if len(key) == 1 and not ctrl else None
            down = {"text": text} if text else {}
            self.wire.ask("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", **about, **down)
            self.wire.ask("Input.dispatchKeyEvent", type="keyUp", **about)

    def type(self, text):
        """Text into what has the focus."""
        self.wire.ask("Input.insertText", text=text)

    def choose(self, selector, value, event):
        """A value of a field, as if it were chosen there."""
        node = f"document.querySelector({json.dumps(selector)})"
        self.value(f"{node}.value = {json.dumps(value)}; {node}.dispatchEvent(new Event('{event}')); 1")

    def middle(self, selector):
        """The middle of an element, in px of the window."""
        return self.value(
            f"(() => {{ const r = document.querySelector({json.dumps(selector)}).getBoundingClientRect();"
            "return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )

    def on_picture(self, x, y):
        """Where a place of the picture, in its own px, is in the window."""
        return self.value(
            "(() => { const o = document.querySelector('#overlay'), r = o.getBoundingClientRect();"
            "const v = o.viewBox.baseVal;"
            f"return [r.x + {x} * r.width / v.width, r.y + {y} * r.height / v.height]; }})()"
        )

    def drag(self, start, end):
        """The mouse, pressed at one place and let go at another."""
        self.mouse("mousePressed", start)
        for step in (0.3, 0.7, 1.0):
            self.mouse("mouseMoved", [a + (b - a) * step for a, b in zip(start, end, strict=True)], buttons=1)
        self.mouse("mouseReleased", end)

    def click(self, place):
        """A click at a place, or on an element."""
        place = self.middle(place) if isinstance(place, str) else place
        self.mouse("mousePressed", place)
        self.mouse("mouseReleased", place)

    def mouse(self, kind, place, buttons=0):
        button = "left" if kind != "mouseMoved" or buttons else "none"
        self.wire.ask(
            "Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button=button, buttons=buttons, clickCount=1
        )

    def wait_for_example(self):
        """Until what is named is what is seen."""
        self.wait("document.querySelector('#item-name').dataset.key === document.querySelector('#stage').dataset.shown")

    def saved(self):
        """Wait until everything is kept."""
        self.wait("document.querySelector('#save').dataset.state === 'saved'")

    def reload(self):
        """The page anew."""
        self.value("document.body.dataset.ready = ''")
        self.wire.ask("Page.reload")
        self.wait("document.body?.dataset.ready === 'yes'")

    def picture(self, path):
        """A picture of the window."""
        path.write_bytes(base64.b64decode(self.wire.ask("Page.captureScreenshot")["data"]))

    def problems(self):
        """What the browser complained about: errors, refused resources, dialogs that opened."""
        self.value("1")
        wanted = ("Runtime.exceptionThrown", "Page.javascriptDialogOpening")
        return [
            event
            for event in self.wire.events
            if event.get("method") in wanted
            or (event.get("method") == "Log.entryAdded" and event["params"]["entry"]["level"] == "error")
        ]


def wait_for(condition, seconds=PATIENCE_SECONDS):
    """Until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)
