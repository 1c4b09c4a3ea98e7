"""Place blocks of memory with known lifetimes in one arena."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Literal

ALIGNMENT = 4
"""Blocks begin at multiples of this, for kernels that load words."""
_SEED = 2
# a first fit of n blocks takes about n * n steps; a search has this many steps
_SEARCH = 8_000_000
_TRIALS = 1000
# up to so many inputs, the lower bound tries every order
_MOST_ORDERED = 5


BlockKind = Literal["tensor", "lines", "scratch"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Something that needs memory from one step to another."""

    name: str
    """For messages and the plan."""
    label: str = ""
    """The same in a few letters, for the picture."""
    kind: BlockKind = "tensor"
    """What it holds: a tensor, some of its lines, or what a kernel needs for itself."""
    n_bytes: int
    """Size."""
    first: int
    """First step at which it holds something; -1 for the network's input."""
    last: int
    """Last step at which it is used."""

    def meets(self, other: Block) -> bool:
        """Tell whether both are in use at one time."""
        return self.first <= other.last and other.first <= self.last


Overlaps = Mapping[tuple[int, int], int]
"""(output, input) -> least distance at which the output may begin before the input it consumes, in bytes."""


def liveness_bound(blocks: Sequence[Block]) -> int:
    """Return the most bytes in use at one step: every placement without overlap needs them."""
    steps = {block.first for block in blocks}
    return max(sum(block.n_bytes for block in blocks if block.first <= step <= block.last) for step in steps)


def overlap_bound(blocks: Sequence[Block], overlaps: Overlaps) -> int:
    """Return the most bytes in use at one step when each output overlaps what it may: every placement needs them."""
    most = 0
    for step in {block.first for block in blocks}:
        live = [index for index, block in enumerate(blocks) if block.first <= step <= block.last]
        pairs = {
            (output, source): distance
            for (output, source), distance in overlaps.items()
            if blocks[output].first == step and source in live
        }
        total = sum(blocks[index].n_bytes for index in live)
        outputs = {output for output, _ in pairs}
        saved = sum(_saved_by(blocks, output, pairs) for output in outputs)
        total -= min(saved, sum(_saved_over(blocks, source, pairs) for source in live))
        most = max(most, total)
    return _align(most)


def _saving(blocks: Sequence[Block], output: int, source: int, distance: int) -> int:
    """Return the most bytes that an output and an input can share."""
    return max(0, min(blocks[output].n_bytes, blocks[source].n_bytes, blocks[output].n_bytes - distance))


def _saved_by(blocks: Sequence[Block], output: int, pairs: Overlaps) -> int:
    """Return the most bytes that one output can share with all inputs together.

    Inputs share nothing with each other, and each begins at least `distance` bytes after the output. In the best order
    they lie one behind the other, as near to the output's beginning as they may.
    """
    sources = {source: distance for (other, source), distance in pairs.items() if other == output}
    size = blocks[output].n_bytes
    if len(sources) > _MOST_ORDERED:
        return min(size, sum(_saving(blocks, output, source, distance) for source, distance in sources.items()))
    most = 0
    for order in permutations(sources):
        end = saved = 0
        for source in order:
            begin = max(end, sources[source])
            end = begin + blocks[source].n_bytes
            saved += max(0, min(end, size) - begin)
        most = max(most, saved)
    return most


def _saved_over(blocks: Sequence[Block], source: int, pairs: Overlaps) -> int:
    """Return the most bytes that all outputs together can share with one input.

    Outputs share nothing with each other. The uppermost begins at least `distance` bytes before the input, so the
    others can share only the input's bytes before the uppermost: -distance, if that is positive.
    """
    outputs = {output: distance for (output, other), distance in pairs.items() if other == source}
    return max(
        (
            _saving(blocks, upper, source, distance)
            + sum(min(blocks[output].n_bytes, max(0, -distance)) for output in outputs if output != upper)
            for upper, distance in outputs.items()
        ),
        default=0,
    )


def place_blocks(blocks: Sequence[Block], overlaps: Overlaps, *, thorough: bool = True) -> tuple[int, ...]:
    """Give each block an offset, so that the arena is small.

    First fit in three orders: by size, from the last step back, from the first step on; improved by a seeded local
    search over orders, which always takes the same path.

    Parameters
    ----------
    blocks
        The blocks.
    overlaps
        Pairs of indices that may share memory.
    thorough
        Whether to search too.

    Returns
    -------
    tuple[int, ...]
        One offset per block.
    """
    conflicts = _conflicts(blocks, overlaps)
    indices = range(len(blocks))
    starts = [
        sorted(indices, key=lambda index: (-blocks[index].n_bytes, blocks[index].first, index)),
        sorted(indices, key=lambda index: (-blocks[index].first, -blocks[index].n_bytes, index)),
        sorted(indices, key=lambda index: (blocks[index].first, -blocks[index].n_bytes, index)),
    ]
    fits = [(_first_fit(blocks, order, conflicts), order) for order in starts]
    fits.sort(key=lambda pair: arena_end(blocks, pair[0]))
    bound = overlap_bound(blocks, overlaps)
    best = fits[0][0]
    if not thorough or len(blocks) == 1:
        return best
    generator = random.Random(_SEED)
    trials = min(_TRIALS, _SEARCH // len(blocks) ** 2 // len(fits))
    for offsets, order in fits:
        if arena_end(blocks, best) <= bound:
            break
        better = _search(blocks, order, offsets, conflicts, generator, bound, trials)
        best = min(best, better, key=lambda offsets: arena_end(blocks, offsets))
    return best


def _search(
    blocks: Sequence[Block],
    order: list[int],
    best: tuple[int, ...],
    conflicts: list[list[tuple[int, int, int]]],
    generator: random.Random,
    bound: int,
    trials: int,
) -> tuple[int, ...]:
    """Move and swap blocks in the order of placement, as long as the arena does not grow and is above the bound."""
    best_end = arena_end(blocks, best)
    for _ in range(trials):
        if best_end <= bound:
            break
        candidate = list(order)
        source, target = generator.randrange(len(order)), generator.randrange(len(order))
        candidate.insert(target, candidate.pop(source))
        if generator.random() < 0.5:
            i, j = generator.randrange(len(order)), generator.randrange(len(order))
            candidate[i], candidate[j] = candidate[j], candidate[i]
        offsets = _first_fit(blocks, candidate, conflicts)
        end = arena_end(blocks, offsets)
        if end <= best_end:
            order, best, best_end = candidate, offsets, end
    return best


def arena_end(blocks: Sequence[Block], offsets: Sequence[int]) -> int:
    """Return the size of the arena, a multiple of ALIGNMENT."""
    end = max((offset + block.n_bytes for block, offset in zip(blocks, offsets, strict=True)), default=0)
    return _align(end)


def check_placement(blocks: Sequence[Block], offsets: Sequence[int], overlaps: Overlaps) -> None:
    """Check that no two blocks share memory that must not: a guard against defects of `place_blocks`."""
    for a, block in enumerate(blocks):
        for b, other in enumerate(blocks):
            if a == b or not block.meets(other):
                continue
            apart = offsets[a] + block.n_bytes <= offsets[b] or offsets[b] + other.n_bytes <= offsets[a]
            shared = (a, b) in overlaps and offsets[b] - offsets[a] >= overlaps[a, b]
            shared = shared or ((b, a) in overlaps and offsets[a] - offsets[b] >= overlaps[b, a])
            if not apart and not shared:
                raise RuntimeError(f"defect: {block} at {offsets[a]} and {other} at {offsets[b]} share memory")


def _align(value: int) -> int:
    return -(-value // ALIGNMENT) * ALIGNMENT


def _conflicts(blocks: Sequence[Block], overlaps: Overlaps) -> list[list[tuple[int, int, int]]]:
    """For each block b, (a, below, above): b may end at a's offset + below, or begin at a's offset + above."""
    conflicts: list[list[tuple[int, int, int]]] = [[] for _ in blocks]
    for b, block in enumerate(blocks):
        for a, other in enumerate(blocks):
            if a == b or not block.meets(other):
                continue
            # without overlap: b's offset <= a's - size of b, or >= a's + size of a
            below, above = -block.n_bytes, other.n_bytes
            if (b, a) in overlaps:
                below = max(below, -overlaps[b, a])
            if (a, b) in overlaps:
                above = min(above, overlaps[a, b])
            conflicts[b].append((a, below, above))
    return conflicts


def _first_fit(
    blocks: Sequence[Block], order: Sequence[int], conflicts: list[list[tuple[int, int, int]]]
) -> tuple[int, ...]:
    offsets: dict[int, int] = {}
    for b in order:
        # open intervals of offsets that are taken
        taken = sorted((offsets[a] + below, offsets[a] + above) for a, below, above in conflicts[b] if a in offsets)
        offset = 0
        for low, high in taken:
            if low < offset < high:
                offset = _align(high)
            elif offset <= low:
                break
        # intervals that begin earlier may end later: repeat until none holds the offset
        while any(low < offset < high for low, high in taken):
            offset = _align(max(high for low, high in taken if low < offset < high))
        offsets[b] = offset
    return tuple(offsets[index] for index in range(len(blocks)))
