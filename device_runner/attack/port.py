"""A port with a bad line behind it: faults hit frames at random intervals, drawn from a seed."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable

import serial

from .kinds import KINDS, Kind, Way, stutter_pause, unpack_frame

_LONGEST_TAIL_BYTES = 4096


class FaultyPort:
    """A pyserial port, as far as a link uses it, that damages frames as bad lines do.

    The order of kinds is drawn anew whenever each has occurred in both directions, so all are equally frequent.

    Parameters
    ----------
    port
        The port to the board.
    seed
        Seed of all random numbers.
    every
        Mean number of frames, in both directions together, between faults.
    reset_board
        Presses the board's reset button; None if there is none, and then that kind is left out.
    """

    def __init__(
        self, port: serial.Serial, *, seed: int, every: float, reset_board: Callable[[], None] | None = None
    ) -> None:
        self.injected: Counter[str] = Counter()
        """Faults so far, by kind."""
        self.frames = 0
        """Frames that were sent, both ways."""
        self.is_faulty = False
        """Whether faults occur."""
        self._port = port
        self._every = every
        self._random = random.Random(seed)
        self._to_board = Way(is_to_board=True, random=self._random, reset_board=reset_board)
        self._to_host = Way(is_to_board=False, random=self._random, other=self._to_board)
        self._to_board.other = self._to_host
        self._todo: list[tuple[Kind, Way]] = []
        self._waiting = 0
        self._tail = b""
        self._arrived = bytearray()
        self._schedule()

    @property
    def port(self) -> str:
        """Path or URL of the port."""
        return str(self._port.port)

    @property
    def baudrate(self) -> int:
        """Rate of the line."""
        return int(self._port.baudrate)

    @property
    def in_waiting(self) -> int:
        """Bytes that `read` has at once."""
        return len(self._arrived) or int(self._port.in_waiting)

    def close(self) -> None:
        """Close the port."""
        self._port.close()

    def write(self, data: bytes) -> int:
        """Send frames to the board, damaged if a fault is due."""
        for inside in filter(None, data.split(b"\0")):
            for piece in self._pass_on(self._to_board, b"\0" + inside + b"\0"):
                if piece:
                    self._port.write(piece)
                else:
                    stutter_pause()
        return len(data)

    def read(self, size: int) -> bytes:
        """Return bytes from the board, damaged if a fault is due; none if none come within the port's timeout."""
        if not self._arrived:
            self._tail += self._port.read(max(1, self._port.in_waiting))
            *frames, self._tail = self._tail.split(b"\0")
            for inside in filter(None, frames):
                for piece in self._pass_on(self._to_host, b"\0" + inside + b"\0"):
                    self._arrived += piece
            if len(self._tail) > _LONGEST_TAIL_BYTES:
                self._arrived += self._tail
                self._tail = b""
        data = bytes(self._arrived[:size])
        del self._arrived[:size]
        return data

    def _schedule(self) -> None:
        self._waiting = 1 + round(self._random.expovariate(1 / self._every))

    def _pass_on(self, way: Way, data: bytes) -> list[bytes]:
        self.frames += 1
        joined, way.is_joined = way.is_joined, False
        pieces: list[bytes] | None = None
        if self.is_faulty and time.monotonic() >= way.cut_until_s:
            self._waiting -= 1
            if self._waiting <= 0:
                pieces = self._damage(way, data)
        if pieces is None:
            pieces = [data]
        if unpack_frame(data) is not None:
            way.history.append(data)
        if time.monotonic() < way.cut_until_s:
            return []
        pieces = pieces + self._late_frames(way)
        if joined and pieces:
            pieces[0] = pieces[0].lstrip(b"\0") or pieces[0]
        return pieces

    def _late_frames(self, way: Way) -> list[bytes]:
        """Return the held frames that are due after this frame."""
        due = [data for count, data in way.held if count <= 0]
        way.held = [(count - 1, data) for count, data in way.held if count > 0]
        return due

    def _damage(self, way: Way, data: bytes) -> list[bytes] | None:
        """Commit the next fault that is meant for this direction and possible now."""
        if not self._todo:
            self._todo = [(kind, each) for kind in KINDS for each in (self._to_board, self._to_host)]
            self._random.shuffle(self._todo)
        for index, (kind, wanted) in enumerate(self._todo):
            if wanted is not way:
                continue
            pieces = kind.apply(way, data)
            if pieces is None:
                if kind.name == "board_reset":
                    # only frames to a board with a reset button can trigger it
                    del self._todo[index]
                    return None
                continue
            del self._todo[index]
            self.injected[kind.name] += 1
            self._schedule()
            return pieces
        return None
