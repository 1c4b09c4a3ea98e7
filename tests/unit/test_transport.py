"""Ports that cannot be opened are errors of the board, whatever pyserial makes of them."""

from __future__ import annotations

import os
import pty
from collections.abc import Iterator

import pytest

from asc_kit.device_runner.line.transport import open_port
from asc_kit.errors import BoardError


@pytest.fixture
def terminal() -> Iterator[str]:
    ends = pty.openpty()
    yield os.ttyname(ends[1])
    for end in ends:
        os.close(end)


@pytest.mark.parametrize("baud", [1 << 31, 99_999_999_999])
def test_rate_beyond_what_a_driver_can_be_told(terminal: str, baud: int) -> None:
    with pytest.raises(BoardError, match="cannot be opened"):
        open_port(terminal, baud)


@pytest.mark.parametrize(
    "path", ["", "/no/such/port", "/tmp", "a\0b", "socket://", "socket://a:99999999", "loop://?foo=1", "what://x"]
)
def test_path_that_leads_to_no_port(path: str) -> None:
    with pytest.raises(BoardError, match="cannot be opened") as caught:
        open_port(path)
    assert caught.value.hint
