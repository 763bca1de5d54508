"""Run a page on this machine until Ctrl-C: uvicorn on a socket of 127.0.0.1 that nobody else can reach."""

import signal
import socket
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

import uvicorn

from rumbo.core.errors import UsageError, os_reason
from rumbo.core.messages import t
from rumbo.serve.perimeter import App

MAX_CONNECTIONS = 64


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
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]
        http="h11",
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
    _Server(config).run(sockets=[place])


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
