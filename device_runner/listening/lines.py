"""The output of listening: a line per window and per other event, for people and as JSON."""

from __future__ import annotations

import textwrap
from dataclasses import asdict, dataclass

from .events import Event, Heard, InputChange, Loss, Tally, Unheard
from .verdict import Reason

_TOP = 3
_WIDEST_BAR = 20
_NARROWEST_BAR = 5
# the columns of a line without label and bar, with the count of skipped windows
_OTHER_COLUMNS = 55
# the time, with which every line begins
_INDENT = 12
# a word or two for the line of a window; the full reason is printed once, when it begins
_SHORT: dict[Reason, str] = {
    "not_numbers": "not numbers",
    "zeros": "exact zeros",
    "constant": "a constant",
    "too_quiet": "too quiet",
    "repeats": "frozen",
    "channels_cancel": "channels cancel",
    "clipped": "clipped",
    "rerouted": "another source",
    "nothing_comes": "nothing comes",
    "gap": "audio is missing",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Layout of the lines for people."""

    label_width: int
    """Width of the longest label, in characters."""
    columns: int
    """Width of a line, in characters."""
    threshold: float | None = None
    """Least probability of a label, if windows may have several; None for one class."""


def event_document(event: Event, overflows: int, threshold: float | None) -> dict[str, object]:
    """Return an event as JSON."""
    document: dict[str, object] = {"event": _kind(event), "time_s": round(event.time_s, 3)}
    if isinstance(event, Heard):
        label, probability = event.ranking[0]
        document |= {"label": label, "probability": probability, "reason": None}
        if threshold is not None:
            document["labels"] = [name for name, p in event.ranking if p >= threshold]
        if event.scene is not None:
            document["scene"] = {
                "label": event.scene.label,
                "probability": event.scene.probability,
                "since_s": round(event.scene.since_s, 3),
                "new": event.scene.is_new,
            }
        document |= {
            "top": [{"label": name, "probability": p} for name, p in event.ranking[:_TOP]],
            "latency_ms": round(event.latency_ms, 3),
            "level_dbfs": round(event.level_dbfs, 2),
            "overflows": overflows,
            "skipped": event.skipped,
        }
    elif isinstance(event, Unheard):
        document |= {"label": None, "probability": None, "reason": event.reason, "detail": event.words}
        document |= {"overflows": overflows, "skipped": event.skipped}
    elif isinstance(event, InputChange):
        document |= {"usable": event.reason is None, "reason": event.reason, "detail": event.words}
    elif isinstance(event, Loss):
        document |= {"lost_s": round(event.lost_s, 3), "late_s": round(event.late_s, 3), "detail": event.words}
    else:
        document["detail"] = event.words
    return document


def _kind(event: Event) -> str:
    if isinstance(event, Heard | Unheard):
        return "window"
    if isinstance(event, InputChange):
        return "input"
    return "loss" if isinstance(event, Loss) else "source"


def answer_text(event: Heard | Unheard, threshold: float | None) -> str:
    """Return what a window says, without numbers: its scene, its labels, or why there are none."""
    if isinstance(event, Unheard):
        return f"no usable input: {_SHORT[event.reason]}"
    if threshold is not None:
        return ", ".join(sorted(name for name, p in event.ranking if p >= threshold)) or "nothing likely"
    return event.ranking[0][0] if event.scene is None else event.scene.label or "unsure"


def window_text(event: Heard | Unheard, layout: Layout) -> str:
    """Return a window as a line for people."""
    if isinstance(event, Unheard):
        line = f"{event.time_s:8.2f} s  no usable input: {_SHORT[event.reason]}"
        return line + _skipped(event.skipped)
    label, probability = event.ranking[0]
    if event.scene is not None:
        label, probability = event.scene.label or "unsure", event.scene.probability
    mark = "*" if event.scene is not None and event.scene.is_new else " "
    room = layout.columns - _OTHER_COLUMNS - layout.label_width
    width = min(max(room, _NARROWEST_BAR), _WIDEST_BAR)
    bar = "█" * round(probability * width)
    line = (
        f"{event.time_s:8.2f} s {mark}{label:<{layout.label_width}}  {bar:<{width}} {100 * probability:5.1f} %  "
        f"{event.latency_ms:6.1f} ms  {event.level_dbfs:6.1f} dBFS"
    )
    line += _skipped(event.skipped)
    likely = [] if layout.threshold is None else [(name, p) for name, p in event.ranking[1:] if p >= layout.threshold]
    others = ", ".join(f"{name} {100 * p:.1f} %" for name, p in likely)
    return f"{line}  and {others}" if others else line


def _skipped(windows: int) -> str:
    return f"  skip {windows}" if windows else ""


def happening_text(event: Event, columns: int) -> str:
    """Return any other event as text for people, broken into several lines if long."""
    if isinstance(event, InputChange):
        words = "the input is good again" if event.reason is None else f"no usable input: {event.words}"
    else:
        words = event.words if not isinstance(event, Heard) else ""
    mark = " " if isinstance(event, InputChange) and event.reason is None else "!"
    indent = " " * _INDENT
    first = f"{event.time_s:8.2f} s {mark}"
    return textwrap.fill(words, max(columns, 2 * _INDENT), initial_indent=f"{first} ", subsequent_indent=indent + " ")


def tally_text(tally: Tally, seconds: float, columns: int) -> str:
    """Return the summary as text for people, broken into several lines if long."""
    windows = f"{_count(tally.windows, 'window')}, {tally.unusable} without usable input, {tally.skipped} skipped"
    losses = f"{_count(tally.gaps, 'gap')}, {tally.lost_s:.1f} s lost"
    if tally.dropped_s:
        losses += f" ({tally.dropped_s:.1f} s of them dropped by this machine)"
    late = f", {tally.late_s:.1f} s late" if tally.late_s else ""
    text = f"{seconds:.1f} s: {windows}; {losses}{late}; {_count(tally.overflows, 'overflow')}"
    return textwrap.fill(text, columns, subsequent_indent="  ")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def tally_document(tally: Tally, seconds: float) -> dict[str, object]:
    """Return the summary as JSON."""
    rounded = {name: round(value, 3) for name, value in asdict(tally).items()}
    return {"event": "summary", "time_s": round(seconds, 3)} | rounded
