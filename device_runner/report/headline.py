"""The first screen of a report: of each measurement four figures and its agreement with the host, and all warnings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from asc_kit.result import BenchmarkResult
from asc_kit.scores.evaluation import Evaluation

from ..bench.verdict import problems_of
from .parts import Results, of
from .words import count, interval, percent, timer_sentence

_MILLION = 1_000_000
_NEEDED = {"RAM": {"arena"}, "Flash": {"weights", "code"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadlineFigure:
    """One of the four figures."""

    title: str
    """What it is."""
    value: str
    """The figure with its unit."""
    detail: str
    """Its interval, or what it holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A measurement on the first screen."""

    title: str
    """The model and where it ran."""
    subtitle: str
    """The clips, and what was sent."""
    figures: tuple[HeadlineFigure, ...]
    """Quality, latency, RAM and flash."""
    agreement: str
    """Whether the board computes what the host computes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """The first screen."""

    cards: tuple[Card, ...]
    """One per measurement."""
    warnings: tuple[str, ...]
    """What makes figures worthless or hard to compare."""
    remarks: tuple[str, ...]
    """What the latencies count."""


def headline_of(results: Results) -> Headline:
    """Return the first screen of a report on these results."""
    warnings = [
        of(f"Not as it must be: {problem}.", item, results) for item in results for problem in problems_of(item.result)
    ]
    if len({item.result.evaluation.data_id for item in results}) > 1:
        warnings.append("The results were measured on different clips: their accuracies do not compare one to one.")
    warnings += [
        of(
            f"A partial measurement: {count(item.result.clips)} of the {count(item.result.split_clips)} clips of the "
            "split. It does not stand for the whole",
            item,
            results,
        )
        + "."
        for item in results
        if item.result.partial and item.result.split_clips is not None
    ]
    return Headline(
        cards=tuple(_card(item.result) for item in results),
        warnings=tuple(warnings),
        remarks=tuple(dict.fromkeys(timer_sentence(item.result) for item in results)),
    )


def _card(result: BenchmarkResult) -> Card:
    sent = "audio sent" if result.mode == "audio" else "int8 features sent"
    return Card(
        title=f"{result.name} on {result.board_title}",
        subtitle=f"{result.core}, {count(result.clips)} clips of the split {result.evaluation.split}, {sent}",
        figures=(quality_figure(result), _latency_figure(result), *_memory_figures(result)),
        agreement=_agreement(result),
    )


def quality_figure(result: BenchmarkResult) -> HeadlineFigure:
    """Return accuracy, or lwlrap where clips have several labels, with its interval."""
    evaluation = result.evaluation
    if isinstance(evaluation, Evaluation):
        return HeadlineFigure(
            title="Accuracy", value=percent(evaluation.accuracy), detail=interval(evaluation.accuracy_interval)
        )
    return HeadlineFigure(
        title="Label ranking (lwlrap)", value=percent(evaluation.lwlrap), detail=interval(evaluation.lwlrap_interval)
    )


def _latency_figure(result: BenchmarkResult) -> HeadlineFigure:
    latency = result.latency
    if latency.unit == "instructions":
        value, bound = (f"{ticks / _MILLION:.3g} M" for ticks in (latency.median, latency.p95))
        title = "Instructions per inference"
    else:
        value, bound = (f"{1000 * ticks / latency.timer_hz:.3g} ms" for ticks in (latency.median, latency.p95))
        title = "Latency per inference"
    spread = "the same every time" if latency.min == latency.max else f"median; 95 % take at most {bound}"
    return HeadlineFigure(title=title, value=value, detail=spread)


def _memory_figures(result: BenchmarkResult) -> tuple[HeadlineFigure, ...]:
    memory = result.memory
    return (
        _size(
            "RAM", {"arena": memory.arena_bytes, "front end": memory.frontend_bytes, "stack": memory.stack_bytes}
        ),
        _size(
            "Flash",
            {
                "weights": memory.weight_bytes, "code": memory.code_bytes, "front end": _sum(
                    memory.frontend_code_bytes, memory.frontend_table_bytes
                ),
            },
        ),
    )  # fmt: skip


def _sum(*sizes: int | None) -> int | None:
    known = [size for size in sizes if size is not None]
    return sum(known) if known else None


def _size(title: str, parts: dict[str, int | None]) -> HeadlineFigure:
    known = {name: size for name, size in parts.items() if size is not None}
    if not known.keys() >= _NEEDED[title]:
        return HeadlineFigure(title=title, value="–", detail="not known: the firmware was not built here")
    listed = ", ".join(f"{name} {size / 1024:.1f}" for name, size in known.items())
    return HeadlineFigure(title=title, value=f"{sum(known.values()) / 1024:.1f} kB", detail=listed)


def _agreement(result: BenchmarkResult) -> str:
    same = result.bit_identical == result.clips
    outputs = "All outputs are" if same else f"{count(result.bit_identical)} of {count(result.clips)} outputs are"
    labels = f"same label as the host on {count(result.host_agreement)} of {count(result.clips)} clips"
    return f"{outputs} bit-identical to the reference kernels; {labels}."


def badge_of(results: Sequence[BenchmarkResult]) -> tuple[str, str]:
    """Return a badge's two texts: the model, and the quality of the first measurement with its board."""
    first = results[0]
    figure = quality_figure(first)
    return first.name, f"{figure.value} on {first.board}"
