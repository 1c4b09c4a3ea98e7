"""The fit of a library on a chip: the needs of network and front end, before anything is compiled."""

from __future__ import annotations

from dataclasses import dataclass

from asc_kit.errors import ModelError
from asc_kit.firmware import FirmwareMemory

from ..plan.plan import Plan, StreamSteps

STACK_BYTES = 1024
"""What the engine's functions take at most, without pointers to rows: measured 0.4 to 0.7 kB (docs/engine/use.md)."""
_POINTER_BYTES = 4
# fields of asc_state_t
_PHASE_BYTES, _PLACE_BYTES, _ASKED_BYTES = 4, 8, 4
_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Memory of a chip for the engine, or the part of it that the user allows."""

    flash_bytes: int | None
    """For constants and code; None where it is not known."""
    ram_bytes: int | None
    """For state and stack; None where it is not known."""


def stack_bytes(plan: Plan) -> int:
    """Return the engine's need of stack, rounded up generously."""
    return STACK_BYTES + _POINTER_BYTES * plan.most_rows


def most_counters(plan: Plan) -> int:
    """Return how many counters of rows the longest stream needs."""
    return max((len(entry.stream.steps) for entry in plan.program if isinstance(entry, StreamSteps)), default=0)


def state_bytes(plan: Plan, frontend_bytes: int) -> int:
    """Return the size of the engine's state, as a compiler lays out ``asc_state_t``.

    Parameters
    ----------
    plan
        The plan of the network.
    frontend_bytes
        What the front end keeps; 0 without.
    """
    size = _round_up(plan.arena_bytes, 8) + _round_up(frontend_bytes, 4)
    size += _PHASE_BYTES + _PLACE_BYTES + 2 * most_counters(plan)
    if len(plan.graph.inputs) > 1:
        size = _round_up(size, 4) + _ASKED_BYTES
    return _round_up(size, 8)


def describe_needs(plan: Plan, memory: FirmwareMemory) -> str:
    """Return a library's needs by purpose, without code, whose size only a compiler knows."""
    flash = memory.weight_bytes + memory.frontend_table_bytes
    network = state_bytes(plan, memory.frontend_bytes) - memory.frontend_bytes
    ram = network + memory.frontend_bytes + stack_bytes(plan)
    return (
        f"flash {flash:,} bytes and the code (network {memory.weight_bytes:,}, front end "
        f"{memory.frontend_table_bytes:,}); RAM {ram:,} bytes (network {network:,}, front end "
        f"{memory.frontend_bytes:,}, stack {stack_bytes(plan):,})"
    )


def check_budget(plan: Plan, memory: FirmwareMemory, budget: Budget, where: str) -> None:
    """Check that a library fits, as far as that is known before it is compiled.

    Raises
    ------
    ModelError
        Naming what is needed, what there is, and what takes most of it.
    """
    network = state_bytes(plan, memory.frontend_bytes) - memory.frontend_bytes
    ram = network + memory.frontend_bytes + stack_bytes(plan)
    if budget.ram_bytes is not None and ram > budget.ram_bytes:
        largest = sorted({(block.n_bytes, block.name) for block, _ in plan.blocks}, reverse=True)[:_SHOWN]
        raise ModelError(
            f"the model does not fit {where}: it needs {ram:,} bytes of RAM (network {network:,}, front end "
            f"{memory.frontend_bytes:,}, stack {stack_bytes(plan):,}), {ram - budget.ram_bytes:,} more than "
            f"{budget.ram_bytes:,}. Largest: {_list(largest)}",
            hint="a network with fewer channels or a shorter clip; asc-kit plan --memory-map shows when memory is full",
        )
    flash = memory.weight_bytes + memory.frontend_table_bytes
    if budget.flash_bytes is not None and flash > budget.flash_bytes:
        sizes = [(sum(array.n_bytes for array in step.call.arrays), step.output.name) for step in plan.steps]
        smaller = ", or --optimize size" if plan.optimize == "speed" and plan.kernels.small_row_kernels else ""
        raise ModelError(
            f"the model does not fit {where}: it needs {flash:,} bytes of flash for constants alone (network "
            f"{memory.weight_bytes:,}, front end {memory.frontend_table_bytes:,}), {flash - budget.flash_bytes:,} more "
            f"than {budget.flash_bytes:,}. Largest: {_list(sorted(sizes, reverse=True)[:_SHOWN])}",
            hint=f"a network with fewer weights{smaller}",
        )


def _list(sizes: list[tuple[int, str]]) -> str:
    return ", ".join(f"{name} {n_bytes:,}" for n_bytes, name in sizes)


def _round_up(size: int, multiple: int) -> int:
    return -(-size // multiple) * multiple
