"""Times that can be true: a board's timer is checked against the host's clock and against arithmetic.

A timer that stands still says 0, a timer that is read wrongly says hours, and a timer of another rate is off by a
factor. None of these may become a figure.
"""

from __future__ import annotations

from collections.abc import Sequence

from asc_kit.errors import BoardError
from asc_kit.hardware.board import Board, TimerKind
from asc_kit.protocol import Hello, TimerUnit

UNITS: dict[TimerUnit, TimerKind] = {
    TimerUnit.CYCLES: "cycles",
    TimerUnit.INSTRUCTIONS: "instructions",
    TimerUnit.NS: "ns",
}

NS_PER_S = 1_000_000_000
SLOWEST_HZ = 100_000
"""Lowest rate of a cycle counter: no core below 100 kHz runs a network, so a lower rate is wrong."""
MOST_MACS_PER_COUNT: dict[TimerKind, int] = {"cycles": 256, "instructions": 256, "ns": 1500}
"""Most multiply-accumulates per count; no core reaches them. A neural accelerator (Ethos-U55) computes 256 a cycle,
which at 6 GHz are 1,500 a nanosecond. An Armv7E-M core computes 2 an instruction, Helium 16."""
CLOCK_TOLERANCE = 0.1
"""Tolerance of a board's clock: uncalibrated RC oscillators are within a few per cent."""
SLACK_S = 0.05
"""Tolerance of the host's clock, which is read around a request, not at the board."""
MOST_INSTRUCTIONS_PER_S = 20_000_000_000
"""Most instructions per second of the host's; an emulator executes about 1e9."""


class ImplausibleTimeError(BoardError):
    """A time that cannot be true."""


def check_timer(hello: Hello, board: Board | None) -> None:
    """Refuse a board whose timer cannot count at its stated rate.

    Parameters
    ----------
    hello
        The board's answer to HELLO.
    board
        Its description, if there is one.

    Raises
    ------
    BoardError
        If rate or unit do not fit; the message names them.
    """
    unit, rate = UNITS[hello.timer_unit], hello.timer_hz
    hint = "flash firmware made by this version, or correct timer and clock_hz in the board's board.toml"
    if unit == "ns" and rate != NS_PER_S:
        raise BoardError(f"the board {hello.board} says that its timer counts {rate:,} ns a second", hint=hint)
    if rate < SLOWEST_HZ:
        raise BoardError(
            f"the board {hello.board} says that its timer counts {rate:,} {unit} a second. "
            f"Expected: at least {SLOWEST_HZ:,}",
            hint=hint,
        )
    if board is not None and (unit, rate) != (board.timer, board.clock_hz):
        raise BoardError(
            f"the board {hello.board} counts {rate:,} {unit} a second. "
            f"Expected, from its description: {board.clock_hz:,} {board.timer}",
            hint=hint,
        )


def check_network_time(counts: int, hello: Hello, macs: int, waited_s: float, *, is_emulated: bool) -> None:
    """Refuse a time of the network that cannot be true.

    Parameters
    ----------
    counts
        Count of the board's timer.
    hello
        The board's answer to HELLO: unit and rate.
    macs
        Multiply-accumulates of an inference.
    waited_s
        Time that the host waited, in seconds of its own clock.
    is_emulated
        Whether the board's time is an emulator's, not the host's.

    Raises
    ------
    ImplausibleTimeError
        If it is 0, less than arithmetic takes, or longer than the host waited.
    """
    unit = UNITS[hello.timer_unit]
    least = -(-macs // MOST_MACS_PER_COUNT[unit])
    if counts < max(1, least):
        raise _refusal(
            "network",
            counts,
            unit,
            f"at least {max(1, least):,} for {macs:,} multiply-accumulates",
        )
    _check_longest("network", counts, hello, waited_s, is_emulated=is_emulated)


def check_frontend_time(counts: int, hello: Hello, waited_s: float, *, is_audio: bool, is_emulated: bool) -> None:
    """Refuse a time of the front end that cannot be true: 0 on audio, more than 0 on features, or too long."""
    unit = UNITS[hello.timer_unit]
    if is_audio and counts == 0:
        raise _refusal("front end", counts, unit, "more than 0: it computed features of audio")
    if not is_audio and counts != 0:
        raise _refusal("front end", counts, unit, "0: it was sent features, and computed none")
    _check_longest("front end", counts, hello, waited_s, is_emulated=is_emulated)


def check_profile(times: Sequence[int], hello: Hello, waited_s: float, *, is_emulated: bool) -> None:
    """Refuse operators' times whose sum is 0, or longer than the host waited for all of them."""
    total = sum(times)
    if total == 0:
        raise _refusal("operators", total, UNITS[hello.timer_unit], "more than 0 in sum")
    _check_longest("operators", total, hello, waited_s, is_emulated=is_emulated)


def _check_longest(what: str, counts: int, hello: Hello, waited_s: float, *, is_emulated: bool) -> None:
    unit = UNITS[hello.timer_unit]
    longest_s = waited_s * (1 + CLOCK_TOLERANCE) + SLACK_S
    if unit == "instructions":
        most = MOST_INSTRUCTIONS_PER_S * longest_s
    elif is_emulated:
        return
    else:
        most = hello.timer_hz * longest_s
    if counts > most:
        raise _refusal(what, counts, unit, f"at most {most:,.0f}: the host waited {waited_s:.3f} s for it")


def _refusal(what: str, counts: int, unit: TimerKind, expected: str) -> ImplausibleTimeError:
    return ImplausibleTimeError(
        f"the time of the {what} cannot be true: {counts:,} {unit}. Expected: {expected}",
        hint="does the timer stand still, wrap, or count at another rate? See asc_port_timer_start and "
        "asc_port_timer_elapsed in the board's port, and clock_hz in its board.toml",
    )
