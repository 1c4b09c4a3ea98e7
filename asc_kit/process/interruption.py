"""Ctrl-C, a polite kill and a closed terminal have one effect: the work is stopped and cleaned up, exit code 130.

For a service a polite kill is the usual end, and no failure: `Terminated` tells it apart.
"""

from __future__ import annotations

import contextlib
import os
import signal
from types import FrameType

# a terminal that is closed, or a connection that is lost; Windows has none
_HANG_UP: tuple[signal.Signals, ...] = (signal.SIGHUP,) if hasattr(signal, "SIGHUP") else ()

INTERRUPTIONS: tuple[signal.Signals, ...] = (signal.SIGINT, signal.SIGTERM, *_HANG_UP)
"""The signals that ask a command to stop."""


class Terminated(KeyboardInterrupt):
    """A polite kill (SIGTERM)."""


def interrupt_on_signals() -> None:
    """Have a polite kill and a hang-up raise KeyboardInterrupt, as Ctrl-C does, so that nothing is left behind.

    A command that was started with hang-ups ignored (``nohup``) continues.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    for number in _HANG_UP:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)


def heard(signum: int) -> None:
    """Note a signal; every handler of `INTERRUPTIONS` must call this first.

    A hang-up comes from the system and from the shell, and must not interrupt the cleaning up. The terminal is gone for
    good: later output goes nowhere, so that it cannot end the cleaning up with an error.
    """
    if signum in _HANG_UP:
        signal.signal(signum, signal.SIG_IGN)
        for stream in (1, 2):
            if _is_lost(stream):
                _send_nowhere(stream)


def _interrupt(signum: int, frame: FrameType | None) -> None:
    heard(signum)
    raise Terminated if signum == signal.SIGTERM else KeyboardInterrupt


def _is_lost(stream: int) -> bool:
    """Return whether a stream is no longer writable."""
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
