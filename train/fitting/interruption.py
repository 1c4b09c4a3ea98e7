"""Ctrl-C at a moment that suits: between two steps, when weights and optimizer agree."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def postponed_interrupts() -> Iterator[Callable[[], bool]]:
    """Give a function that says whether Ctrl-C or a polite kill came since the block began.

    The first one is only noted: the block must look, and raise `KeyboardInterrupt` itself. A second one is not
    postponed. Outside the main thread, where Python delivers no signals, nothing changes.
    """
    came = False

    def note(signum: int, frame: FrameType | None) -> None:
        nonlocal came
        if came:
            raise KeyboardInterrupt
        came = True

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    earlier = {number: signal.signal(number, note) for number in _SIGNALS}
    try:
        yield lambda: came
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
