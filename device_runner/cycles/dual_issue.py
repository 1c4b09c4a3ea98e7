"""Cortex-M7: two instructions per cycle, in order.

A scoreboard runs over each block after the end of each preceding block: when are the operands of an instruction ready,
and may it issue together with the instruction before?

Source    latencies and rules of pairing as in cores.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from .events import Blocks, Key
from .instruction import MULTIPLIES, Instruction

_CONTEXT = 12
"""Instructions before a block that can still matter."""
_NEW_PAIR = 0.5
"""Mean cycles that a jump costs, because its target cannot be the second of a pair."""
_SIMPLE = frozenset("add sub addw subw mov movw movt lsl lsr asr ror adr mvn".split())
_ALONE = frozenset(
    ("load_multiple", "store_multiple", "divide", "special", "barrier", "table_branch", "fpu_divide", "unknown")
)
_LATE_ADDITIONS = ("sadd", "uadd", "ssub", "usub", "q")
_DIVIDE, _FPU_DIVIDE = 5, 14
_FPU_LATENCY, _FPU_MAC_LATENCY = 3, 5


def dual_issue_cycles(blocks: Blocks) -> dict[Key, float]:
    """Return cycles by function and operator, without wait states and mispredicted branches."""
    cycles: dict[Key, float] = defaultdict(float)
    known: dict[tuple[int, int, int, int], int] = {}
    for visit in blocks.trace.visits:
        listed, key = blocks.of(visit), blocks.key(visit)
        for start, end, count in visit.edges:
            edge = (start, end, visit.start, visit.end)
            if edge not in known:
                before = blocks.instructions.get((start, end), ())[-_CONTEXT:]
                known[edge] = last_issue((*before, *listed)) - last_issue(before)
            cycles[key] += count * (known[edge] + (_NEW_PAIR if start and end != visit.start else 0))
    return cycles


def last_issue(listed: Sequence[Instruction]) -> int:
    """Return the cycle, counted from 0, in which the last of some instructions issues; -1 for none."""
    written: dict[str, tuple[int, Instruction]] = {}
    now, partner = -1, None
    for instruction in listed:
        if instruction.kind == "it":
            continue
        ready = max((at + _latency(by, instruction, name) for name, (at, by) in _used(written, instruction)), default=0)
        if partner is not None and ready <= now and _pairs(partner, instruction):
            at, partner = now, None
        else:
            at = now = max(now + 1, ready)
            partner = instruction
            now += _busy(instruction)
        for name in instruction.writes:
            written[name] = (now if instruction.kind == "load_multiple" else at, instruction)
    return now


def _used(
    written: dict[str, tuple[int, Instruction]], instruction: Instruction
) -> list[tuple[str, tuple[int, Instruction]]]:
    return [(name, written[name]) for name in instruction.reads if name in written]


def _busy(instruction: Instruction) -> int:
    """Return the cycles that an instruction holds the pipeline, beyond its first."""
    if instruction.kind in ("load_multiple", "store_multiple"):
        return (instruction.words + 1) // 2 - 1
    return {"divide": _DIVIDE, "fpu_divide": _FPU_DIVIDE}.get(instruction.kind, 0)


def _latency(first: Instruction, second: Instruction, register: str) -> int:
    """Return the cycles from the issue of an instruction to the issue of an instruction that uses its result."""
    as_address = register in second.base
    as_sum = register in second.accumulator
    if second.kind == "store" and not as_address:
        return 0
    # operands that the first of the two arithmetic stages needs
    early = as_address or second.shifted or (second.kind == "dsp" and not second.name.startswith(_LATE_ADDITIONS))
    multiplies = second.kind in MULTIPLIES
    if first.kind in ("load", "vload"):
        if first.writeback and register in first.base:
            return 1
        late = 1 if first.name == "ldr" else 2
        if multiplies:
            return late if as_sum else 2
        return late + early
    if first.kind == "load_multiple":
        return 1 + early
    if first.kind in MULTIPLIES:
        return 1 if as_sum else 2 + early
    if first.kind == "dsp" and multiplies:
        return 0 if as_sum else 1
    if first.kind in ("fpu", "fpu_move"):
        return _FPU_LATENCY
    if first.kind == "fpu_mac":
        return _FPU_MAC_LATENCY
    if first.name in _SIMPLE and not first.shifted:
        return int(early)
    if multiplies and as_sum:
        return 0
    return 1 + early


def _pairs(old: Instruction, new: Instruction) -> bool:
    """Return whether the units allow two instructions to issue in the same cycle."""
    if old.kind in _ALONE or new.kind in _ALONE or new.kind == "dsp":
        return False
    if old.kind == "dsp" and new.shifted or old.shifted and new.shifted:
        return False
    if old.kind in MULTIPLIES and new.kind in MULTIPLIES:
        return False
    stores, loads = ("store", "vstore"), ("load", "vload")
    if old.kind in stores and (new.kind in stores or new.kind in MULTIPLIES):
        return False
    if old.kind in MULTIPLIES and new.kind in stores:
        return False
    if old.kind in loads and new.kind in loads:
        return _bank(old) != _bank(new) or old.base != new.base
    if old.kind.startswith("fpu") and new.kind.startswith(("fpu", "v")):
        return False
    return not (old.kind.startswith("branch") and new.kind.startswith("branch"))


def _bank(instruction: Instruction) -> int:
    """Return which of the two banks of the data memory a load reads, as far as its offset shows."""
    inside = instruction.operands.partition("[")[2].partition("]")[0]
    number = inside.partition("#")[2] or "0"
    return int(number) >> 2 & 1 if number.lstrip("-").isdigit() else 0
