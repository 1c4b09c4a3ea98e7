"""How this machine fares while it listens: its temperature, and whether it slows itself down."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_SYS = Path("/sys")
_THERMAL = "class/thermal/thermal_zone*/temp"
# the firmware of a Raspberry Pi, as `vcgencmd get_throttled` prints it
_THROTTLED = "devices/platform/soc/soc:firmware/get_throttled"
_BITS = {
    0: "the supply's voltage is too low",
    1: "the clock is capped",
    2: "the clock is throttled",
    3: "it is too hot",
}
# a sensor that says less or more is broken, or of something else
_LOWEST_C, _HIGHEST_C = -40.0, 150.0
_EVERY_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineState:
    """What the kernel says of this machine."""

    temperature_c: float | None
    """Its highest temperature; None where no sensor is known."""
    limits: tuple[str, ...]
    """Why it runs slower now than it could, for people; empty where nothing is known."""


def read_state(sys: Path = _SYS) -> MachineState:
    """Read temperature and throttling from the kernel's files."""
    temperatures = []
    for path in sys.glob(_THERMAL):
        value = _read_number(path, 10)
        if value is not None and _LOWEST_C < value / 1000 < _HIGHEST_C:
            temperatures.append(value / 1000)
    bits = _read_number(sys / _THROTTLED, 16) or 0
    limits = tuple(words for bit, words in _BITS.items() if bits >> bit & 1)
    return MachineState(temperature_c=max(temperatures, default=None), limits=limits)


def _read_number(path: Path, base: int) -> int | None:
    try:
        return int(path.read_text(), base)
    except (OSError, ValueError):
        return None


class MachineWatch:
    """Looks at the machine now and then, and tells when it begins or ends to slow itself down."""

    def __init__(self, sys: Path = _SYS, clock: Callable[[], float] = time.monotonic) -> None:
        self._sys, self._clock = sys, clock
        self._looked_s = clock() - _EVERY_S
        self._limits: tuple[str, ...] = ()
        self.hottest_c: float | None = None
        """The highest temperature so far; None where no sensor is known."""

    def look(self) -> str | None:
        """Return what changed, for people; None if nothing did, or it is too early to look again."""
        if self._clock() - self._looked_s < _EVERY_S:
            return None
        self._looked_s = self._clock()
        state = read_state(self._sys)
        if state.temperature_c is not None:
            self.hottest_c = max(state.temperature_c, self.hottest_c or state.temperature_c)
        if state.limits == self._limits:
            return None
        self._limits = state.limits
        if not state.limits:
            return "this machine runs at full speed again"
        heat = "" if state.temperature_c is None else f", at {state.temperature_c:.0f} °C"
        return f"this machine is slowed down: {'; '.join(state.limits)}{heat}"
