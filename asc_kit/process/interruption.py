"""Ctrl-C, a polite kill and a terminal that goes are one thing: the work is stopped and cleaned up, exit code 130."""

from __future__ import annotations

import contextlib
import os
import signal
from types import FrameType

# a terminal that is closed, or a connection that is lost; Windows has none
_HANG_UP: tuple[signal.Signals, ...] = (signal.SIGHUP,) if hasattr(signal, "SIGHUP") else ()

INTERRUPTIONS: tuple[signal.Signals, ...] = (signal.SIGINT, signal.SIGTERM, *_HANG_UP)
"""The signals that ask a command to stop."""


def interrupt_on_signals() -> None:
    """Have a polite kill and a hang-up raise KeyboardInterrupt, as Ctrl-C does, so that nothing is left behind.

    Who started the command with hang-ups ignored (``nohup``) wants it to go on, and so it does.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    for number in _HANG_UP:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)


def heard(signum: int) -> None:
    """Take note of a signal: to be called first by every handler of `INTERRUPTIONS`.

    A hang-up comes from the system and from the shell, and must not interrupt the cleaning up. The terminal is gone
    for good: what is still said goes nowhere, rather than end the cleaning up with an error.
    """
    if signum in _HANG_UP:
        signal.signal(signum, signal.SIG_IGN)
        for stream in (1, 2):
            if _is_lost(stream):
                _send_nowhere(stream)


def _interrupt(signum: int, frame: FrameType | None) -> None:
    heard(signum)
    raise KeyboardInterrupt


def _is_lost(stream: int) -> bool:
    """Tell whether nothing can be written to a stream any more."""
    try:
        os.write(stream, b"")
    except OSError:
        return True
    return False


def _send_nowhere(stream: int) -> None:
    with contextlib.suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream)
        os.close(nowhere)
