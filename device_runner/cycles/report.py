"""The output of an estimate: `cycles.json`, and tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from asc_kit.firmware import OperatorInfo
from asc_kit.records.fields import MAX_OPERATORS, Amount, Hertz, Line, Name, Sha256, ShortId, Ticks
from asc_kit.records.migration import Migrations
from asc_kit.records.record import STRICT

from .estimate import Cost, Estimate, PartEstimate, accuracy
from .trace import NOBODY

if TYPE_CHECKING:
    from rich.table import Table

CYCLES = "cycles.json"
_BEFORE_THE_FIRST = "(driver)"


@dataclass(frozen=True, slots=True, kw_only=True)
class CostRecord:
    """Estimated cost of an operator, a function or the whole."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    name: Line
    """Operator and its number, or function."""
    instructions: Ticks
    """Executed instructions, exact."""
    cycles_without_waits: Ticks
    """Estimated cycles, if every memory were as fast as the core."""
    cycles: Ticks
    """Estimated cycles behind the part's flash."""
    code_misses: Ticks
    """Fetches of instructions that waited for the flash."""
    data_misses: Ticks
    """Reads of constants that waited for the flash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartCycles:
    """An inference on a part."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    part: Name
    title: Line
    accuracy: Line
    """Error of estimates for it on silicon, or that it was not checked."""
    clock_hz: Hertz
    estimated_ms: Amount
    """Milliseconds at that clock."""
    total: CostRecord
    operators: Annotated[tuple[CostRecord, ...], Field(max_length=MAX_OPERATORS)]
    """Operators, in the order of execution."""
    functions: Annotated[tuple[CostRecord, ...], Field(max_length=MAX_OPERATORS)]
    """Functions, the most expensive first, each without the functions that it calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CyclesRecord:
    """The content of ``cycles.json``."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    MIGRATIONS: ClassVar[Migrations] = {}
    REMAKE: ClassVar[str] = "asc-kit bench BUNDLE --estimate-cycles --board NAME --data DIR"

    schema_version: Literal[1]
    """Version of this record."""
    board: Name
    """The emulated board that ran."""
    core: Name
    model_sha256: Sha256
    firmware_id: ShortId
    most_cycles_without_waits: Ticks | None
    """Upper end, if the core's table is a bracket and all other figures its lower end."""
    parts: Annotated[tuple[PartCycles, ...], Field(max_length=1000)]


def cycles_record(
    estimate: Estimate, operators: Sequence[OperatorInfo], *, board: str, model_sha256: str, firmware_id: str
) -> CyclesRecord:
    """Return the record of an estimate."""
    return CyclesRecord(
        schema_version=1,
        board=board,
        core=estimate.core,
        model_sha256=model_sha256,
        firmware_id=firmware_id,
        most_cycles_without_waits=None if estimate.most_cycles is None else round(estimate.most_cycles),
        parts=tuple(_part_cycles(part, operators) for part in estimate.parts),
    )


def _part_cycles(estimate: PartEstimate, operators: Sequence[OperatorInfo]) -> PartCycles:
    names = {NOBODY: _BEFORE_THE_FIRST} | {info.index: f"{info.index} {info.op}" for info in operators}
    return PartCycles(
        part=estimate.part.name,
        title=estimate.part.title,
        accuracy=accuracy(estimate.part),
        clock_hz=estimate.part.clock_hz,
        estimated_ms=round(estimate.ms, 3),
        total=_cost_record("all", estimate.cost),
        operators=tuple(
            _cost_record(names.get(owner, str(owner)), cost) for owner, cost in sorted(estimate.by_operator().items())
        ),
        functions=tuple(
            _cost_record(name, cost)
            for name, cost in sorted(estimate.by_function().items(), key=lambda item: -item[1].total)
        ),
    )


def _cost_record(name: str, cost: Cost) -> CostRecord:
    return CostRecord(
        name=name,
        instructions=cost.instructions,
        cycles_without_waits=round(cost.cycles),
        cycles=round(cost.total),
        code_misses=cost.code_misses,
        data_misses=cost.data_misses,
    )


def summary_table(record: CyclesRecord) -> Table:
    """Return a line for each part, and below the errors of such estimates; it fits 80 columns."""
    from rich.table import Table

    parts_of: dict[str, list[str]] = {}
    for part in record.parts:
        parts_of.setdefault(part.accuracy, []).append(part.part)
    table = Table(
        title=f"estimated time and cycles of one inference, {record.core}",
        caption="\n".join(f"{', '.join(names)}: {accuracy}" for accuracy, names in parts_of.items()),
        caption_justify="left",
    )
    table.add_column("part", no_wrap=True)
    for head in ("clock", "ms", "million\ncycles", "without\nwaits", "code\nmisses", "data\nmisses"):
        table.add_column(head, justify="right", no_wrap=True)
    for part in record.parts:
        total, most = part.total, record.most_cycles_without_waits
        table.add_row(
            part.part,
            f"{part.clock_hz / 1e6:.0f} MHz",
            f"{part.estimated_ms:.2f}",
            f"{total.cycles / 1e6:.3f}",
            f"{total.cycles_without_waits / 1e6:.3f}" + (f" to {most / 1e6:.3f}" if most is not None else ""),
            f"{total.code_misses:,}",
            f"{total.data_misses:,}",
        )
    return table


def cost_table(part: PartCycles, what: Literal["operators", "functions"]) -> Table:
    """Return a line for each operator, or for each function that takes a thousandth of the time."""
    from rich.table import Table

    table = Table(title=f"{what} on {part.part}, {part.accuracy}")
    for head in ("", "cycles", "share", "without waits", "instructions", "code misses", "data misses"):
        table.add_column(head, justify="right" if head else "left")
    for cost in getattr(part, what):
        share = cost.cycles / max(part.total.cycles, 1)
        if what == "functions" and share < 0.001:
            continue
        table.add_row(
            cost.name,
            f"{cost.cycles:,}",
            f"{share:.1%}",
            f"{cost.cycles_without_waits:,}",
            f"{cost.instructions:,}",
            f"{cost.code_misses:,}",
            f"{cost.data_misses:,}",
        )
    return table
