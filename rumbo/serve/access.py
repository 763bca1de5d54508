"""Who may come in: a token for programs, a code that works once for a browser, and the sessions made with it."""

import hashlib
import hmac
import os
import secrets
import tempfile
import time
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

CODE_SECONDS = 60.0
SESSION_SECONDS = 12 * 3600.0
MAX_SESSIONS = 16
FAILURES_A_MINUTE = 10
DELAY_SECONDS = 1.0


class Access:
    """Secrets of one server; all of them random, none of them stored but the token, in a file of its own.

    Args:
        port: part of the cookie's name, since browsers do not keep cookies of different ports apart.
        clock: seconds; a test brings its own.

    Attributes:
        token: 256 bit, for `Authorization: Bearer`.
        cookie: the name of the session cookie.
    """

    def __init__(self, port: int, *, clock: Callable[[], float] = time.monotonic):
        self.token = secrets.token_urlsafe(32)
        self.cookie = f"rumbo_session_{port}"
        self._clock = clock
        self._code: bytes | None = None
        self._old_code: bytes | None = None
        self._code_ends = 0.0
        self._sessions: dict[bytes, float] = {}
        self._failures: deque[float] = deque(maxlen=FAILURES_A_MINUTE)

    def new_code(self) -> str:
        """A code for one browser, good once and for a minute; the one before ends."""
        code = secrets.token_urlsafe(32)
        self._old_code, self._code = self._code or self._old_code, _digest(code)
        self._code_ends = self._clock() + CODE_SECONDS
        return code

    def exchange(self, offered: str) -> str | None:
        """A session for the code or the token; None when it is neither, or the code has ended."""
        digest = _digest(offered)
        has_code = self._code is not None and hmac.compare_digest(digest, self._code)
        if has_code and self._clock() < self._code_ends:
            self._old_code, self._code = self._code, None
        elif not hmac.compare_digest(digest, _digest(self.token)):
            return None
        now = self._clock()
        self._sessions = {name: end for name, end in self._sessions.items() if end > now}
        while len(self._sessions) >= MAX_SESSIONS:
            del self._sessions[min(self._sessions, key=lambda name: self._sessions[name])]
        session = secrets.token_urlsafe(32)
        self._sessions[_digest(session)] = now + SESSION_SECONDS
        return session

    def was_a_code(self, offered: str) -> bool:
        """Whether it is a code of ours that came too late: its owner may be told a new one, in the terminal."""
        digest = _digest(offered)
        return any(known is not None and hmac.compare_digest(digest, known) for known in (self._code, self._old_code))

    def is_token(self, offered: str) -> bool:
        """Whether it is the token."""
        return hmac.compare_digest(_digest(offered), _digest(self.token))

    def is_session(self, offered: str) -> bool:
        """Whether it is a session that lasts."""
        end = self._sessions.get(_digest(offered))  # a hash as the key: how long it takes tells nothing
        return end is not None and end > self._clock()

    def failed(self) -> float:
        """Note a failed try; seconds to wait before it is answered."""
        now = self._clock()
        is_many = len(self._failures) == FAILURES_A_MINUTE and now - self._failures[0] < 60
        self._failures.append(now)
        return DELAY_SECONDS if is_many else 0.0


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


@contextmanager
def token_file(token: str) -> Generator[Path]:
    """The token in a file that only its owner can read, in a folder of its own; gone afterwards."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    with tempfile.TemporaryDirectory(prefix="rumbo-", dir=runtime if runtime and os.path.isdir(runtime) else None) as f:
        path = Path(f) / "token"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        with open(os.open(path, flags, 0o600), "w", encoding="ascii") as file:
            file.write(token + "\n")
        yield path
