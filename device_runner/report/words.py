"""Numbers and units as a report writes them."""

from __future__ import annotations

from asc_kit.result import BenchmarkResult

_UNITS = {"cycles": "processor cycles", "instructions": "instructions", "ns": "nanoseconds"}


def count(value: float) -> str:
    """Write a whole number with thousands separated; a half stays a half."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def percent(share: float, digits: int = 1) -> str:
    """Write a share from 0 to 1 in percent."""
    return f"{100 * share:.{digits}f} %"


def interval(ends: tuple[float, float]) -> str:
    """Write a 95 % confidence interval of a share."""
    return f"95 % interval {100 * ends[0]:.1f} to {100 * ends[1]:.1f} %"


def nats(loss: float) -> str:
    """Write a log loss."""
    return f"{loss:.3f}"


def bytes_text(size: int | None) -> str | None:
    """Write a size; None stays None."""
    return None if size is None else f"{size:,} B"


def timer_words(result: BenchmarkResult) -> str:
    """Return the unit of a result's latency, written out."""
    return _UNITS[result.latency.unit]


def duration(value: float, result: BenchmarkResult) -> str:
    """Write a latency in its unit, and in milliseconds if the unit is time or a known clock's cycle."""
    text = f"{count(value)} {timer_words(result)}"
    latency = result.latency
    if latency.unit == "instructions" or latency.timer_hz <= 0:
        return text
    return f"{text} ({1000 * value / latency.timer_hz:.3g} ms)"


def timer_sentence(result: BenchmarkResult) -> str:
    """Describe what a result's latency counts."""
    if result.latency.unit == "instructions":
        return (
            f"{result.board} is an emulator: its latency is the number of instructions executed. "
            "It compares the work of two programs and is not a time; on silicon an instruction takes one cycle or more."
        )
    if result.latency.unit == "cycles":
        return f"Latency on {result.board} is counted in processor cycles at {result.latency.timer_hz / 1e6:g} MHz."
    return f"Latency on {result.board} is wall time on a computer with an operating system."
