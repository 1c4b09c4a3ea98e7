"""Times that can be true, and times that cannot: a timer that stands still, runs away, or counts at another rate."""

from dataclasses import replace

import pytest
from fake_board import a_hello

from asc_kit.device_runner.bench.times import (
    UNITS,
    ImplausibleTimeError,
    check_frontend_time,
    check_network_time,
    check_profile,
    check_timer,
)
from asc_kit.errors import BoardError
from asc_kit.hardware.board import board_names, load_board
from asc_kit.protocol import Hello, TimerUnit

CYCLES = a_hello(timer_unit=TimerUnit.CYCLES, timer_hz=100_000_000)
NS = a_hello(timer_unit=TimerUnit.NS, timer_hz=1_000_000_000)
INSTRUCTIONS = a_hello(timer_unit=TimerUnit.INSTRUCTIONS, timer_hz=1_000_000_000)


@pytest.mark.parametrize("name", board_names())
def test_every_board_of_ours_has_a_timer_that_can_be_true(name: str) -> None:
    board = load_board(name)
    unit = next(unit for unit, kind in UNITS.items() if kind == board.timer)
    check_timer(a_hello(board=name, timer_unit=unit, timer_hz=board.clock_hz), board)


@pytest.mark.parametrize(
    ("hello", "words"),
    [
        (replace(NS, timer_hz=1_000_000), "counts 1,000,000 ns a second"),
        (replace(CYCLES, timer_hz=0), "counts 0 cycles a second"),
        (replace(CYCLES, timer_hz=1000), "counts 1,000 cycles a second. Expected: at least 100,000"),
    ],
)
def test_absurd_rates_are_refused(hello: Hello, words: str) -> None:
    with pytest.raises(BoardError, match=words) as caught:
        check_timer(hello, None)
    assert caught.value.exit_code == 3


def test_a_board_that_counts_other_than_its_description_says_is_refused() -> None:
    board = load_board("host")
    with pytest.raises(BoardError, match=r"100,000,000 cycles a second.*1,000,000,000 ns"):
        check_timer(replace(CYCLES, board="host"), board)


# 1 M MACs in 100 ms of waiting, at 100 MHz: 10 M cycles passed
@pytest.mark.parametrize(
    ("hello", "counts", "is_emulated", "words"),
    [
        (CYCLES, 0, False, "0 cycles. Expected: at least 3,907"),
        (CYCLES, 40, False, "40 cycles. Expected: at least 3,907 for 1,000,000 multiply-accumulates"),
        (CYCLES, 3_906, False, "at least 3,907"),
        (CYCLES, 16_000_001, False, "at most 16,000,000: the host waited 0.100 s"),
        (CYCLES, 140_000_000_000, False, "140,000,000,000 cycles"),
        (NS, 140_000_000_000, False, "140,000,000,000 ns. Expected: at most 160,000,000"),
        (NS, 2**64 - 1, False, "ns. Expected: at most"),
        (NS, 1, False, "at least 667"),
        (INSTRUCTIONS, 140_000_000_000, True, "140,000,000,000 instructions"),
        (INSTRUCTIONS, 0, True, "0 instructions"),
    ],
)
def test_times_that_cannot_be_true_are_refused(hello: Hello, counts: int, is_emulated: bool, words: str) -> None:
    with pytest.raises(ImplausibleTimeError, match=words) as caught:
        check_network_time(counts, hello, 1_000_000, 0.1, is_emulated=is_emulated)
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("hello", "counts", "is_emulated"),
    [
        (CYCLES, 10_000_000, False),
        (CYCLES, 3_907, False),
        (CYCLES, 16_000_000, False),
        (CYCLES, 140_000_000_000, True),  # an emulator's cycles pass as they like
        (NS, 900_000, False),
        (INSTRUCTIONS, 20_000_000, True),
    ],
)
def test_times_that_can_be_true_are_not(hello: Hello, counts: int, is_emulated: bool) -> None:
    check_network_time(counts, hello, 1_000_000, 0.1, is_emulated=is_emulated)


def test_the_front_end_takes_time_on_audio_and_none_on_features() -> None:
    for is_audio, counts in ((True, 1000), (False, 0)):
        check_frontend_time(counts, CYCLES, 0.1, is_audio=is_audio, is_emulated=False)
    for is_audio, counts in ((True, 0), (False, 1), (True, 10**12)):
        with pytest.raises(ImplausibleTimeError, match="front end"):
            check_frontend_time(counts, CYCLES, 0.1, is_audio=is_audio, is_emulated=False)


def test_profiles_are_held_against_the_host_as_well() -> None:
    check_profile((0, 500), CYCLES, 0.1, is_emulated=False)
    for times in ((0, 0), (10**12, 1)):
        with pytest.raises(ImplausibleTimeError, match="operators"):
            check_profile(times, CYCLES, 0.1, is_emulated=False)
