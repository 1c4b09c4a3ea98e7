"""The tables that the engine's benchmark shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from engine_peers import PEERS, PUBLISHED_MS
from rich.table import Table

from asc_kit.device_runner.cycles.estimate import Cost, PartEstimate, accuracy
from asc_kit.firmware import FirmwareManifest

if TYPE_CHECKING:
    from engine import Row

_SHOWN_FUNCTIONS = 12


def parts_table(rows: Sequence[Row]) -> Table:
    """Show what leads: time on parts."""
    table = Table(
        title="estimated cycles and milliseconds of one inference; in brackets the best published for that part"
    )
    for head in ("model", "core", "kernels", "cycles", "part", "cycles", "ms", "code misses", "data misses"):
        table.add_column(head, justify="left" if head in ("model", "core", "kernels", "part") else "right")
    for row in rows:
        cycles = _count(row.cycles) + (f" to {_count(row.most_cycles)}" if row.most_cycles else "")
        for name, figures in row.parts.items():
            published = PUBLISHED_MS.get(name, {}).get(row.model)
            table.add_row(
                row.model,
                row.core,
                row.made,
                cycles,
                name,
                _count(round(figures["cycles"])),
                _beside(f"{figures['ms']:.1f}", f"{published:.1f}" if published else None),
                f"{figures['code_misses']:,}",
                f"{figures['data_misses']:,}",
            )
    return table


def results_table(rows: Sequence[Row]) -> Table:
    table = Table(title="executed instructions of one inference, and bytes; in brackets the peer's")
    for head in ("model", "core", "kernels", "instructions", "per MAC", "arena", "stack", "code", "weights", "exact"):
        table.add_column(head, justify="left" if head in ("model", "core", "kernels", "exact") else "right")
    for row in rows:
        peer = PEERS.get(row.model)
        of_peer = peer.instructions.get(row.core) if peer else None
        code_of_peer = peer.code_bytes.get(row.core) if peer else None
        table.add_row(
            row.model,
            row.core,
            row.made,
            _beside(_count(row.instructions), _count(of_peer) if of_peer else None),
            f"{row.instructions / row.macs:.3f}" if row.macs else "–",
            _beside(f"{row.arena_bytes:,}", f"{peer.arena_bytes:,}" if peer and peer.arena_bytes else None),
            f"{row.stack_bytes:,}",
            _beside(f"{row.code_bytes:,}", f"{code_of_peer:,}" if code_of_peer else None),
            _beside(f"{row.weight_bytes:,}", f"{peer.weight_bytes:,}" if peer and peer.weight_bytes else None),
            "yes" if row.bit_identical else "NO",
        )
    return table


def _count(n: int) -> str:
    return f"{n / 1e6:.2f} M" if n >= 100_000 else f"{n:,}"


def _beside(ours: str, peers: str | None) -> str:
    return f"{ours} ({peers})" if peers else ours


def _cells(cost: Cost | None) -> tuple[str, ...]:
    if cost is None:
        return ("–",) * 4
    return (f"{cost.cycles:,.0f}", f"{cost.total:,.0f}", f"{cost.code_misses:,}", f"{cost.data_misses:,}")


def _title(row: Row, lead: PartEstimate | None) -> str:
    part = f"; {lead.part.name}: {accuracy(lead.part)}" if lead is not None else ""
    return f"{row.model} on {row.core}, {row.made} kernels{part}"


_COST_HEADS = ("cycles", "with flash", "code misses", "data misses")


def operators_table(row: Row, firmware: FirmwareManifest, profile: Sequence[int], lead: PartEstimate | None) -> Table:
    table = Table(title=_title(row, lead))
    heads = ("step", "operator", "output", "MACs", *_COST_HEADS, "instructions", "per MAC", "per output")
    for head in heads:
        table.add_column(head, justify="left" if head in ("operator", "output") else "right")
    costs = lead.by_operator() if lead is not None else {}
    for operator, count in zip(firmware.operators, profile, strict=True):
        n = int(np.prod(operator.output_shape))
        table.add_row(
            str(operator.index),
            operator.op,
            "x".join(map(str, operator.output_shape)),
            f"{operator.macs:,}",
            *_cells(costs.get(operator.index)),
            f"{count:,}",
            f"{count / operator.macs:.2f}" if operator.macs else "–",
            f"{count / n:.1f}",
        )
    return table


def functions_table(row: Row, lead: PartEstimate) -> Table:
    """Show the kernels, the dearest first."""
    table = Table(title=_title(row, lead))
    for head in ("kernel", *_COST_HEADS, "share", "instructions"):
        table.add_column(head, justify="left" if head == "kernel" else "right")
    dearest = sorted(lead.by_function().items(), key=lambda item: -item[1].total)[:_SHOWN_FUNCTIONS]
    for name, cost in dearest:
        share = f"{100 * cost.total / max(lead.cost.total, 1):.1f} %"
        table.add_row(name, *_cells(cost), share, f"{cost.instructions:,}")
    return table


def kinds_table(row: Row, firmware: FirmwareManifest, profile: Sequence[int], lead: PartEstimate | None) -> Table:
    """Show where the time goes: by operator, the dearest first."""
    table = Table(title=_title(row, lead))
    for head in ("operator", "steps", "MACs", *_COST_HEADS, "share", "instructions", "per MAC", "per output"):
        table.add_column(head, justify="left" if head == "operator" else "right")
    sums: dict[str, list[int]] = {}
    costs: dict[str, Cost] = {}
    by_operator = lead.by_operator() if lead is not None else {}
    for operator, count in zip(firmware.operators, profile, strict=True):
        one = (1, operator.macs, count, int(np.prod(operator.output_shape)))
        sums[operator.op] = [a + b for a, b in zip(sums.get(operator.op, [0] * len(one)), one, strict=True)]
        costs[operator.op] = costs.get(operator.op, Cost()) + by_operator.get(operator.index, Cost())
    for op, (steps, macs, count, outputs) in sorted(
        sums.items(), key=lambda item: (-costs[item[0]].total, -item[1][2])
    ):
        whole, mine = (lead.cost.total, costs[op].total) if lead is not None else (sum(profile), count)
        per_mac = f"{count / macs:.2f}" if macs else "–"
        cells = _cells(costs[op] if lead is not None else None)
        share = f"{100 * mine / max(whole, 1):.1f} %"
        table.add_row(op, str(steps), f"{macs:,}", *cells, share, f"{count:,}", per_mac, f"{count / outputs:.1f}")
    return table
