"""The tables of ``asc-kit complexity``, on stdout because they are results. They fit 100 columns."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from asc_kit.challenge_rules import LimitCheck, NetworkCounts, RuleCheck, macs_per_second
from asc_kit.cli.output import say

from .counting import LayerComplexity
from .report import ComplexityReport

_WIDTH = 100
_KIND_WIDTH = 18
_NAME_WIDTH = 10  # at least
_NONE = "-"


def show_complexity(report: ComplexityReport) -> None:
    """Print the layers, the rules side by side, and every limit with its margin."""
    _show_layers(report.layers)
    say("")
    counts = report.counts
    per = "clip" if report.kind != "model" else "inference"
    length = "" if counts.seconds is None else f" of {counts.seconds:.3g} s"
    say(
        f"{report.name}: {counts.parameters:,} parameters, {counts.storage[0].precision}; {counts.macs:,} MACs per "
        f"{per}{length}"
    )
    if report.float_network is not None:
        of_float = report.float_network
        say(
            f"float network, batch normalization counted: {of_float.parameters:,} parameters, {of_float.macs:,} MACs, "
            f"{of_float.macs_per_second:,} per second"
        )
    say("")
    _show_rules(report)
    say("")
    _show_limits(report)


def _show_layers(layers: Sequence[LayerComplexity]) -> None:
    head = ("kind", "output", "parameters", "bytes", "MACs", "MACs 2022")
    cells = [
        (
            _shortened(layer.kind, _KIND_WIDTH),
            "x".join(map(str, layer.output_shape)) or "1",
            f"{layer.parameters:,}",
            f"{layer.parameter_bytes:,}",
            f"{layer.macs:,}",
            f"{layer.macs_2022:,}",
        )
        for layer in layers
    ]
    names = _short_names([layer.name for layer in layers])
    widths = [max(len(row[column]) for row in (head, *cells)) for column in range(len(head))]
    room = max(_NAME_WIDTH, _WIDTH - sum(widths) - 2 * len(widths))
    width = min(room, max(len(name) for name in ("layer", *names)))
    for name, row in zip(("layer", *names), (head, *cells), strict=True):
        _row((_shortened(name, width), *row), (width, *widths), n_left=3)


def _short_names(names: Sequence[str]) -> list[str]:
    """Return names without a converter's additions: more paths behind semicolons, and the network's own name."""
    firsts = [name.partition(";")[0] for name in names]
    return [first.partition("/")[2] or first for first in firsts]


def _shortened(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _row(cells: Sequence[str], widths: Sequence[int], n_left: int) -> None:
    """Print a row, the first cells to the left, the others to the right."""
    aligned = [
        cell.ljust(width) if place < n_left else cell.rjust(width)
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    say("  ".join(aligned).rstrip())


def _show_rules(report: ComplexityReport) -> None:
    """Print the counts by each rule, a column per rule."""
    counts, deployed = report.counts, report.deployed
    rows: list[tuple[str, ...]] = [("counted by", "2021", "2022/23", "2024/25", "deployed")]
    all_stored = counts.parameters + counts.running_statistics
    of_engine = _NONE if deployed is None else f"{deployed.parameters:,}"
    rows.append(("parameters", f"{all_stored:,}", f"{counts.parameters:,}", f"{counts.parameters:,}", of_engine))
    if counts.trained:
        rows.append(("  not zero", f"{counts.nonzero_parameters:,}", _NONE, _NONE, _NONE))
    for storage in counts.storage:
        rows.append(
            (
                f"bytes, {storage.precision}",
                f"{storage.nonzero_bytes:,}",
                # a rule of int8 parameters: its tool's count of an int8 model, else a byte for each
                _NONE if storage.precision != "int8" else f"{storage.parameter_bytes:,}",
                f"{storage.parameter_bytes:,}",
                _NONE,
            )
        )
    of_2024 = counts.macs if counts.float_macs is None else counts.float_macs
    by_year = [f"{_per_second(counts, macs):,}" for macs in (counts.macs_2022, of_2024)]
    per = "inference" if counts.seconds is None else "second"
    of_engine = _NONE if deployed is None else f"{_per_second(counts, deployed.macs):,}"
    rows.append((f"MACs per {per}", _NONE, *by_year, of_engine))
    if deployed is not None:
        for name, value in (
            ("constants in flash, bytes", deployed.constant_bytes),
            ("arena, bytes", deployed.arena_bytes),
            ("flatbuffer, bytes", deployed.flatbuffer_bytes),
        ):
            rows.append((name, _NONE, _NONE, _NONE, f"{value:,}"))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    for row in rows:
        _row(row, widths, n_left=1)
    if report.not_deployed is not None:
        say(f"deployed: {report.not_deployed}")


def _per_second(counts: NetworkCounts, macs: int) -> int:
    return macs if counts.seconds is None else macs_per_second(macs, counts.seconds)


def _show_limits(report: ComplexityReport) -> None:
    head = ("rule", "limited", "value", "limit", "margin", "", "")
    rows = []
    # neighbouring years have the same limits
    for limits, checks in groupby(report.rules, key=lambda check: check.limits):
        years = _years([check.rule for check in checks])
        rows += [(years if place == 0 else "", *_limit_cells(limit)) for place, limit in enumerate(limits)]
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    for row in (head, *rows):
        _row(row, widths, n_left=2)
    for note, years_of_note in _notes(report.rules).items():
        say(f"{', '.join(years_of_note)}: {note}")
    if any(not limit.decides for check in report.rules for limit in check.limits):
        say("in brackets: at another precision or by another count, which the rule does not go by")


def _years(years: Sequence[str]) -> str:
    """Return years as 2022/23."""
    return "/".join((years[0], *(year[2:] for year in years[1:])))


def _notes(checks: Sequence[RuleCheck]) -> dict[str, list[str]]:
    notes: dict[str, list[str]] = {}
    for check in checks:
        for note in check.notes:
            notes.setdefault(note, []).append(check.rule)
    return notes


def _limit_cells(limit: LimitCheck) -> tuple[str, ...]:
    verdict = "holds" if limit.holds else "ABOVE"
    if not limit.decides:
        verdict = f"({verdict.lower()})"
    percent = limit.margin_percent
    return (
        limit.name if limit.precision is None else f"{limit.name}, {limit.precision}",
        f"{limit.value:,}",
        f"{limit.limit:,}",
        f"{limit.margin:+,}",
        f"{percent:+.0f} %" if abs(percent) >= 1000 else f"{percent:+.1f} %",
        verdict,
    )
