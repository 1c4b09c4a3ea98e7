"""A pseudo-terminal between the host and a board that flips, loses, doubles, holds back and cuts bytes."""

from __future__ import annotations

import os
import pty
import random
import select
import threading
import time
import tty
from contextlib import suppress


class LossyLine:
    """Passes bytes between a terminal that is made here (`port`) and another one that is opened here.

    Parameters
    ----------
    board_port
        Path of the board's terminal.
    rate
        Share of the bytes that something happens to, each way.
    seed
        Of the random damage.
    """

    def __init__(self, board_port: str, *, rate: float = 0.0, seed: int = 0) -> None:
        self.rate = rate
        self.faults = 0
        self.passed = 0
        self.silent_after: int | None = None
        self._random = random.Random(seed)
        self._host, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self._board = os.open(board_port, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self._board)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._pass_on, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        for descriptor in (self._host, self._slave, self._board):
            if descriptor >= 0:
                os.close(descriptor)

    def unplug(self) -> None:
        """End the host's terminal, as pulling a USB cable does."""
        self._stop.set()
        self._thread.join()
        os.close(self._host)
        os.close(self._slave)
        self._host = self._slave = -1

    def _pass_on(self) -> None:
        while not self._stop.is_set():
            ready, _, _ = select.select([self._host, self._board], [], [], 0.02)
            for source in ready:
                target = self._board if source == self._host else self._host
                with suppress(OSError):
                    data = self._damage(os.read(source, 512))
                    while data:
                        data = data[os.write(target, data) :]

    def _damage(self, data: bytes) -> bytes:
        self.passed += len(data)
        if self.silent_after is not None and self.passed > self.silent_after:
            return b""
        out = bytearray()
        for byte in data:
            if self._random.random() >= self.rate:
                out.append(byte)
                continue
            self.faults += 1
            match self._random.choice(("flip", "lose", "double", "zero", "hold")):
                case "flip":
                    out.append(byte ^ (1 << self._random.randrange(8)))
                case "double":
                    out += bytes((byte, byte))
                case "zero":
                    out += bytes((0, byte))
                case "hold":
                    time.sleep(0.02)
                    out.append(byte)
        return bytes(out)
