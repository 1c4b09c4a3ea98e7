"""Ctrl-C takes effect between two steps, when weights and optimizer agree."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from asc_kit.process.interruption import INTERRUPTIONS, heard


@contextmanager
def postponed_interrupts() -> Iterator[Callable[[], bool]]:
    """Yield a function that says whether Ctrl-C, a polite kill or a hang-up came since the block began.

    The first signal is only noted: the block must ask, and raise `KeyboardInterrupt` itself. A second signal is not
    postponed. Outside the main thread, where Python delivers no signals, nothing changes.
    """
    came = False

    def note(signum: int, frame: FrameType | None) -> None:
        nonlocal came
        heard(signum)
        if came:
            raise KeyboardInterrupt
        came = True

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    # a hang-up that the command was started to ignore (nohup) stays ignored
    listening = [number for number in INTERRUPTIONS if signal.getsignal(number) is not signal.SIG_IGN]
    earlier = {number: signal.signal(number, note) for number in listening}
    try:
        yield lambda: came
    finally:
        for number, handler in earlier.items():
            if signal.getsignal(number) is note:  # a hang-up that came is ignored from then on
                signal.signal(number, handler)
