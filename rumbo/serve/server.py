"""Run a page on this machine until Ctrl-C: uvicorn on a socket of 127.0.0.1 that nobody else can reach."""

import asyncio
import signal
import socket
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from rumbo.core.errors import UsageError, os_reason
from rumbo.core.messages import t
from rumbo.serve.perimeter import App

MAX_CONNECTIONS = 64
HEADER_SECONDS = 10.0
"""A connection whose request line and headers are not whole by then is closed: else a few slow ones take all places."""


def listen(port: int) -> socket.socket:
    """A listening socket of 127.0.0.1; port 0 takes a free one.

    Raises:
        UsageError: the port is taken or not allowed.
    """
    place = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        place.bind(("127.0.0.1", port))
        place.listen(MAX_CONNECTIONS)
    except OSError as problem:
        place.close()
        message = t(
            "port {port} cannot be used: {problem}. Choose another with --port, or leave --port out for a free one.",
            port=port,
            problem=os_reason(problem),
        )
        raise UsageError(message) from None
    return place


def run(app: App, place: socket.socket) -> None:
    """Answer requests until Ctrl-C or SIGTERM, then finish what is under way and return."""
    _Server(config_of(app)).run(sockets=[place])


def config_of(app: App) -> uvicorn.Config:
    """The limits under which requests are answered."""
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        http=_Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=2,
    )


class _Protocol(H11Protocol):
    """HTTP over a connection that is closed where the client is too slow.

    That is: with the headers of the first request or a later one, or with a body that was answered before its end.
    Bodies that are read have a limit where they are read; between requests `timeout_keep_alive` holds.
    """

    _ends: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The time for the first headers begins, also where nothing is ever sent."""
        super().connection_made(transport)
        self._begin()

    def data_received(self, data: bytes) -> None:
        """Bytes do not prolong the time; what they complete ends it."""
        if self.conn.their_state is h11.IDLE:
            self._begin()
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE and not self._is_answered_early():
            self._end()

    def on_response_complete(self) -> None:
        """The time for the rest of a body that nobody wants begins."""
        super().on_response_complete()
        if self._is_answered_early():
            self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._end()
        super().connection_lost(exc)

    def _is_answered_early(self) -> bool:
        return self.conn.their_state is h11.SEND_BODY and self.conn.our_state is h11.DONE

    def _begin(self) -> None:
        if self._ends is None:
            self._ends = self.loop.call_later(HEADER_SECONDS, self.transport.close)

    def _end(self) -> None:
        if self._ends is not None:
            self._ends.cancel()
            self._ends = None


class _Server(uvicorn.Server):
    """Stops at a signal, and does not raise it again behind itself: what was asked for is done then."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Signals ask to stop, as long as the server runs."""

        def ask(_number: int, _frame: FrameType | None) -> None:
            self.force_exit, self.should_exit = self.should_exit, True

        before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
