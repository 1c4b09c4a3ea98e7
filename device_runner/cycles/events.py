"""From a trace to events: the effects of instructions and neighbouring pairs that can cost cycles, with counts.

Nothing is executed a second time. The events of a block's instructions and of each pair in it are derived once and
counted as often as the block ran. The pair of a block's first instruction and the last instruction of the preceding
block counts as often as that edge was taken. The core's table gives the cost of an event.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from asc_kit.errors import BoardError

from .image import Image
from .instruction import MEMORY_KINDS, MULTIPLIES, Instruction
from .trace import Owner, Trace, Visit

Event = str
_LOADS = frozenset(("load", "vload"))
_STORES = frozenset(("store", "vstore"))
_BRANCHES = frozenset(("branch", "branch_register"))
_FPU_USERS = frozenset(("fpu", "fpu_mac", "fpu_divide", "vstore", "fpu_move"))
# of the kind dsp, and done in one stage
_ONE_STAGE = re.compile(r"^(u|s)xt(b|h|b16)$|^bf|^(u|s)bfx$|^rev|^clz$")
_SHORTEST_RUN = 3
"""Length of a row of misplaced wide instructions beyond which each further instruction costs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """Function and operator whose events are counted together."""

    function: str
    owner: Owner


EventCounts = defaultdict[Event, float]
"""Count of each event."""
Counts = dict[Key, EventCounts]


def own_events(instruction: Instruction) -> Iterator[tuple[Event, int]]:
    """Yield the events of an instruction alone; every instruction has either issue or it."""
    kind = instruction.kind
    yield ("it" if kind == "it" else "issue"), 1
    if kind in ("load_multiple", "store_multiple"):
        yield kind, instruction.words
        yield "multiple", 1
    elif kind == "store":
        yield "store", 1
        if instruction.register_offset:
            yield "store_register_offset", 1
    elif kind in ("load", "divide", "multiply_long", "special", "barrier", "table_branch", "fpu_mac", "fpu_divide"):
        yield kind, 1
    elif kind == "fpu_move" and instruction.words > 1:
        yield "fpu_move_pair", 1
    elif kind == "vload" and instruction.words > 1:
        yield "vload_second", 1
    elif kind == "vstore":
        yield "vstore", instruction.words
    elif kind.startswith("vector"):
        yield "vector", 1
    if instruction.name == "bl":
        yield "call", 1


def pair_events(
    first: Instruction, second: Instruction, *, jump: bool, same_memory: bool = True, before: Instruction | None = None
) -> Iterator[tuple[Event, int]]:
    """Yield the events of an instruction that follows another.

    Parameters
    ----------
    first, second
        The instructions, in the order in which they ran.
    jump
        Whether the second instruction is not directly behind the first.
    same_memory
        Whether both, if they load or store, go to the same memory: flash or RAM.
    before
        Instructions before the first in its block.
    """
    yield from _exposed_loads(first, second, jump, same_memory)
    yield from _waiting(first, second)
    if first.kind in _BRANCHES and before is not None and first.size == before.size == 2:
        if first.kind == "branch" and first.conditional and not jump:
            yield "branch_paired_not_taken", 1
        elif jump and not before.sets_flags:
            yield "branch_paired_taken", 1
    if second.kind == "it" and first.size == 2 and not jump:
        yield "it", -1  # it is folded into the short instruction before
    if first.kind == "store" and first.register_offset and second.kind == "nop":
        yield "store_register_offset", -1
    if _vectors_alternate(first, second):
        yield "vector_overlap", 1
    if jump:
        yield _taken(first), 1
        if second.is_misplaced:
            yield "target_misplaced", 1


def _exposed_loads(
    first: Instruction, second: Instruction, jump: bool, same_memory: bool
) -> Iterator[tuple[Event, int]]:
    """Yield loads whose second cycle is not hidden by a following load or store that need not wait for them."""
    if first.kind not in _LOADS:
        return
    both_write_back = second.writeback and first.writeback and bool(first.base & second.base)
    pipelined = (second.kind in _LOADS and not both_write_back) or (
        second.kind in _STORES and not second.register_offset
    )
    if jump or first.to_pc or first.writes & second.base:
        pipelined = False
    if first.kind == "vload":
        if not pipelined:
            yield "vload_alone", 1
    elif second.kind == "nop" and not jump:
        return
    elif not pipelined:
        yield "load_alone", 1
    elif not same_memory:
        yield "load_other_memory", 1


def _waiting(first: Instruction, second: Instruction) -> Iterator[tuple[Event, int]]:
    """Yield results that are not ready for the next instruction."""
    used = first.writes & second.reads
    if not used:
        return
    as_data = second.kind in ("store", "store_multiple") and not used & second.base
    as_sum = second.kind in MULTIPLIES and used <= second.accumulator
    if not as_data and not as_sum:
        moved_base = first.base if first.writeback else frozenset()
        if first.kind in ("load", "load_multiple") and not used <= moved_base:
            yield "load_used_next", 1
        if first.kind in MULTIPLIES:
            yield "multiply_used_next", 1
        in_two_stages = first.kind == "dsp" and not _ONE_STAGE.match(first.name)
        if in_two_stages or (first.kind == "alu" and first.shifted):
            yield "two_stage_used_next", 1
    if first.kind in ("fpu", "fpu_mac") and second.kind in _FPU_USERS:
        yield "fpu_result_used", 1


def _vectors_alternate(first: Instruction, second: Instruction) -> bool:
    return first.kind.startswith("vector") and second.kind.startswith("vector") and first.kind != second.kind


def _taken(first: Instruction) -> Event:
    if first.to_pc and first.kind == "load_multiple":
        return "taken_pop"
    if first.kind in ("branch_register", "table_branch") or first.to_pc:
        return "taken_register"
    if first.kind == "loop":
        return "taken_loop"
    if first.kind == "branch":
        return "taken_conditional" if first.conditional else "taken"
    return "exception"


class Blocks:
    """The blocks of a trace with their instructions."""

    def __init__(self, trace: Trace, image: Image) -> None:
        self.trace = trace
        self.image = image
        self.instructions = {
            (visit.start, visit.end): tuple(_between(image, visit.start, visit.end)) for visit in trace.visits
        }
        self.executed: Counter[int] = Counter()
        """Number of executions of each instruction, by address."""
        for visit in trace.visits:
            for instruction in self.of(visit):
                self.executed[instruction.address] += visit.count
        self.accesses: Counter[int] = Counter()
        flash: Counter[int] = Counter()
        for access in trace.accesses:
            self.accesses[access.address] += access.n
            flash[access.address] += access.flash
        self._flash_share = {address: flash[address] / n for address, n in self.accesses.items()}

    def of(self, visit: Visit) -> tuple[Instruction, ...]:
        """Return a block's instructions."""
        return self.instructions[visit.start, visit.end]

    def origins(self, visit: Visit) -> Iterator[tuple[tuple[Instruction, ...], bool, int]]:
        """Yield the blocks that ran before a block: their instructions, whether a jump led on, and how often."""
        for start, end, count in visit.edges:
            origin = self.instructions.get((start, end))
            if origin is not None:
                yield origin, end != visit.start, count

    def same_memory(self, first: Instruction, second: Instruction) -> bool:
        """Return whether two loads or stores mostly go to the same memory."""
        share = self._flash_share
        return abs(share.get(first.address, 0.0) - share.get(second.address, 0.0)) < 0.5

    def share_done(self, instruction: Instruction) -> float:
        """Return the share of executions in which a conditional load or store took place."""
        if not instruction.conditional or instruction.kind not in MEMORY_KINDS:
            return 1.0
        return min(
            1.0, self.accesses[instruction.address] / max(instruction.words, 1) / self.executed[instruction.address]
        )

    def key(self, visit: Visit) -> Key:
        """Return the function and operator that own a block."""
        return Key(function=self.image.function_at(visit.start), owner=visit.owner)


def _between(image: Image, start: int, end: int) -> Iterator[Instruction]:
    at = start
    while at < end:
        instruction = image.instructions.get(at)
        if instruction is None:
            raise BoardError(f"the image has no instruction at {at:#x}, which was executed")
        yield instruction
        at += instruction.size


def count_events(blocks: Blocks) -> Counts:
    """Count all events of a trace by function and operator, and `instructions` and `unaligned` accesses as well."""
    counts: defaultdict[Key, EventCounts] = defaultdict(lambda: defaultdict(float))
    for visit in blocks.trace.visits:
        _count_block(blocks, visit, counts[blocks.key(visit)])
    _count_minorities(blocks, counts)
    for access in blocks.trace.accesses:
        here = counts[Key(function=blocks.image.function_at(access.address), owner=access.owner)]
        here["unaligned"] += access.unaligned
    return dict(counts)


def _count_block(blocks: Blocks, visit: Visit, here: EventCounts) -> None:
    listed = blocks.of(visit)
    here["instructions"] += visit.count * len(listed)
    before = None
    for first, second in zip((None, *listed), listed, strict=False):
        share = blocks.share_done(second)
        for event, n in own_events(second):
            # an instruction under IT whose condition fails takes a cycle
            here[event] += n * visit.count * (share if event != "issue" else 1)
        if first is not None:
            same = blocks.same_memory(first, second)
            for event, n in pair_events(first, second, jump=False, same_memory=same, before=before):
                here[event] += n * visit.count
        before = first
    for origin, jump, count in blocks.origins(visit):
        last, lead = origin[-1], listed[0]
        same = blocks.same_memory(last, lead)
        earlier = origin[-2] if len(origin) > 1 else None
        for event, n in pair_events(last, lead, jump=jump, same_memory=same, before=earlier):
            here[event] += n * count
    here["misplaced_run"] += visit.count * _long_runs(listed)


def _long_runs(listed: tuple[Instruction, ...]) -> int:
    runs = length = 0
    for instruction in listed:
        length = length + 1 if instruction.is_misplaced else 0
        runs += length == _SHORTEST_RUN
    return runs


def _count_minorities(blocks: Blocks, counts: Counts) -> None:
    """Count the conditional branches that went the less usual way, which a predictor of the usual way would miss."""
    taken: Counter[int] = Counter()
    for visit in blocks.trace.visits:
        for origin, jump, count in blocks.origins(visit):
            if jump and origin[-1].kind == "branch" and origin[-1].conditional:
                taken[origin[-1].address] += count
    for visit in blocks.trace.visits:
        last = blocks.of(visit)[-1]
        if last.kind == "branch" and last.conditional:
            executed = blocks.executed[last.address]
            share = visit.count / executed
            fewer = min(taken[last.address], executed - taken[last.address])
            counts[blocks.key(visit)]["branch_minority"] += share * fewer
