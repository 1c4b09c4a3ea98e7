"""An inspection on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .document import Inspection, LayerRecord
from .suggestions import CLIPPED, FALL_DB, LOW_DB
from .words import (
    agreement_sentence,
    quality_rows,
    settings_of,
    short_op,
    title_of,
    write_decibels,
    write_gain,
    write_number,
    write_percent,
    write_points,
    write_range,
    write_row_number,
)

_BLOCKS = " ▁▂▃▄▅▆▇█"
_BARS = 10
_COSTLIEST = 5
_LEAST_NAME = 10
_MOST_NAME = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """A column of figures: as wide as its widest cell, whatever the terminal."""

    name: str
    """Its heading."""
    cells: tuple[str, ...]
    """A text for each layer."""
    marked: tuple[bool, ...] | None = None
    """Whether each text stands out."""
    luxury: int = 0
    """A narrow terminal leaves out columns above 0, the largest first."""

    @property
    def width(self) -> int:
        """Return its width in characters."""
        return max(len(self.name), *map(len, self.cells))


def show(inspection: Inspection, console: Console) -> None:
    """Print an inspection: networks, values, noise and costs, the costliest layers, suggestions."""

    def say(text: str, style: str | None = None) -> None:
        console.print(text, style=style, markup=False, highlight=False)

    say(f"{inspection.name}, model {inspection.model_sha256[:16]}: {settings_of(inspection)}", "bold")
    for note in inspection.notes:
        say(f"note: {note}")
    console.print(_networks(inspection))
    say(agreement_sentence(inspection) + "\n")
    say("Values in float, and what int8 can say; unused: share of its 256 codes, %", "bold")
    console.print(_layer_table(inspection, _values(inspection, console), console.width))
    say("Signal to quantization noise in dB; what the network gains when the layer alone is in float", "bold")
    console.print(_layer_table(inspection, _noise(inspection), console.width))
    say(_ranking_title(inspection), "bold")
    for layer in inspection.ranking[:_COSTLIEST]:
        say(f"{layer.kept.rank}. {title_of(layer)}: {_cost(layer, inspection)}")
    say("\nSuggestions", "bold")
    for suggestion in inspection.suggestions:
        where = "" if suggestion.layer is None else f"{title_of(inspection.layer(suggestion.layer))}: "
        say(f"- {where}{suggestion.finding}")
        say(f"  {suggestion.advice}")


def _ranking_title(inspection: Inspection) -> str:
    if any(layer.kept.certain for layer in inspection.layers):
        return f"Costliest layers: first those whose cost in {inspection.score_name} is beyond chance"
    return f"Costliest layers, by the probability they move: no difference in {inspection.score_name} is beyond chance"


def _cost(layer: LayerRecord, inspection: Inspection) -> str:
    kept, moved = layer.kept, inspection.of_simulation.moved
    share = kept.moved_gain / moved if moved else 0.0
    return (
        f"in float {write_points(kept.score_gain)} points of {inspection.score_name}, "
        f"log loss {write_gain(-kept.log_loss_gain)}, moves {100 * share:.0f} % of what int8 moves in all"
    )


def _networks(inspection: Inspection) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("networks on these clips")
    for name in (f"{inspection.score_name} %", "log loss", "moved %"):
        table.add_column(name, justify="right")
    for row in quality_rows(inspection):
        table.add_row(*row)
    return table


def _values(inspection: Inspection, console: Console) -> list[_Column]:
    layers = inspection.layers
    bars = _Column(name="histogram", cells=tuple(sparkline(layer.histogram.counts) for layer in layers), luxury=2)
    return [
        _Column(name="float range", cells=tuple(write_range(layer.low, layer.high) for layer in layers)),
        *([bars] if console.encoding.lower().startswith("utf") else []),
        _Column(name="scale", cells=tuple(write_number(layer.scale) for layer in layers), luxury=1),
        _Column(name="zero", cells=tuple(str(layer.zero_point) for layer in layers)),
        _Column(name="int8 range", cells=tuple(write_range(layer.lowest, layer.highest) for layer in layers)),
        _Column(
            name="clip %",
            cells=tuple(write_percent(layer.clipped) for layer in layers),
            marked=tuple(layer.clipped > CLIPPED for layer in layers),
        ),
        _Column(name="unused", cells=tuple(f"{100 * layer.unused_codes:.0f}" for layer in layers)),
    ]


def _noise(inspection: Inspection) -> list[_Column]:
    layers = inspection.layers
    return [
        _Column(
            name="alone",
            cells=tuple(write_decibels(layer.sqnr_alone_db) for layer in layers),
            marked=tuple(layer.sqnr_alone_db is not None and layer.sqnr_alone_db < LOW_DB for layer in layers),
        ),
        _Column(name="so far", cells=tuple(write_decibels(layer.sqnr_db) for layer in layers)),
        _Column(
            name="fall",
            cells=tuple(write_decibels(layer.fall_db) for layer in layers),
            marked=tuple(layer.fall_db is not None and layer.fall_db > FALL_DB for layer in layers),
        ),
        _Column(name="points", cells=tuple(write_points(layer.kept.score_gain) for layer in layers)),
        _Column(name="log loss", cells=tuple(write_gain(layer.kept.log_loss_gain) for layer in layers)),
        _Column(name="moved %", cells=tuple(f"{100 * layer.kept.moved_gain:+.3f}" for layer in layers)),
        _Column(
            name="rank",
            cells=tuple(str(layer.kept.rank) for layer in layers),
            marked=tuple(layer.kept.rank <= _COSTLIEST for layer in layers),
        ),
    ]


def _layer_table(inspection: Inspection, columns: Sequence[_Column], width: int) -> Table:
    """Return a table with a row for each layer; names give way to figures, and luxuries to names."""
    ops = [short_op(layer.op) for layer in inspection.layers]

    def left(shown: Sequence[_Column]) -> int:
        return width - 3 - max(map(len, ops)) - sum(column.width for column in shown) - 2 * (len(shown) + 3)

    shown = list(columns)
    while left(shown) < _LEAST_NAME and (most := max(column.luxury for column in shown)) > 0:
        shown = [column for column in shown if column.luxury < most]
    longest = max(len(layer.name) for layer in inspection.layers)
    name_width = max(4, min(left(shown), longest, _MOST_NAME))
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("#", justify="right", width=3)
    table.add_column("layer", overflow="ellipsis", no_wrap=True, width=name_width)
    table.add_column("op", no_wrap=True, width=max(map(len, ops)))
    for column in shown:
        justify = "left" if column.name == "histogram" else "right"
        table.add_column(column.name, justify=justify, no_wrap=True, width=column.width)  # type: ignore[arg-type]
    for row, layer in enumerate(inspection.layers):
        cells = (_marked(column.cells[row], column.marked is not None and column.marked[row]) for column in shown)
        table.add_row(write_row_number(layer), escape(layer.name), ops[row], *cells)
    return table


def sparkline(counts: Sequence[int]) -> str:
    """Draw a histogram in ten characters, the height by the logarithm of the count."""
    edges = [round(place * len(counts) / _BARS) for place in range(_BARS + 1)]
    digits = [sum(counts[start:end]).bit_length() for start, end in zip(edges, edges[1:], strict=False)]
    top = max(digits) or 1
    # what there is at all shows
    return "".join(_BLOCKS[-(-n * (len(_BLOCKS) - 1) // top)] for n in digits)


def _marked(text: str, conspicuous: bool) -> str:
    return f"[bold red]{text}[/]" if conspicuous else text
