"""Ctrl-C and SIGTERM: one like the other, held back between two writes of one step."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Terminated(KeyboardInterrupt):
    """SIGTERM came: the polite end of a service, no one's Ctrl-C."""


@contextmanager
def terminate_as_interrupt() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does: what is scored by then is kept.

    Service managers and ``kill`` send SIGTERM, which would end Python on the spot.
    Outside the main thread, where Python delivers no signals, nothing changes.
    """
    if not _is_main_thread():
        yield
        return

    def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
        raise Terminated

    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Let SIGINT and SIGTERM wait until the block is done; then they take effect.

    Scores without their segment's row would be scored again, so the few
    milliseconds between the two writes are one step. Outside the main thread,
    where Python delivers no signals, the block simply runs.
    """
    if not _is_main_thread():
        yield
        return
    held: list[int] = []

    def hold(number: int, _frame: FrameType | None) -> None:
        held.append(number)

    previous = {number: signal.signal(number, hold) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        for waiting in dict.fromkeys(held):
            signal.raise_signal(waiting)


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
