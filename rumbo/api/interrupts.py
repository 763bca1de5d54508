"""Ctrl-C and SIGTERM as a question that the loop asks: the handler only sets a flag, a second signal leaves at once."""

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

from rumbo.core.errors import RumboError


class Interrupted(RumboError):
    """Training was asked to stop and saved its state; exit code 130 (Ctrl-C) or 143 (SIGTERM)."""

    def __init__(self, message: str, signal_number: int):
        super().__init__(message)
        self.exit_code = 128 + signal_number


class StopRequest:
    """Whether somebody asked to stop."""

    signal_number: int | None = None

    def __bool__(self) -> bool:
        return self.signal_number is not None


@contextmanager
def stop_requests(*, is_led: bool = False) -> Generator[StopRequest]:
    """Collect stop signals for the length of a `with`; outside of the main thread there are none to collect.

    Args:
        is_led: somebody looks after this process, who may pass on what came here already: a second signal is no more
            than the first.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return

    def note(number: int, _frame: FrameType | None) -> None:
        request.signal_number = number
        if not is_led:
            signal.signal(number, signal.SIG_DFL)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        if not (is_led and request):
            for number, handler in before.items():
                signal.signal(number, handler)
