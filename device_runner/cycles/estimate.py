"""Cycles and time of a run: without wait states, and behind the flash of parts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from asc_kit.errors import BoardError
from asc_kit.hardware.core import CoreSpec
from asc_kit.hardware.part import PartSpec

from .cores import CORES
from .events import Blocks, Key, count_events
from .image import Image
from .trace import Owner, Trace

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Cycles of a function, an operator or a run."""

    instructions: int = 0
    cycles: float = 0.0
    """Cycles without wait states."""
    code_misses: int = 0
    """Fetches of instructions that waited for the flash."""
    data_misses: int = 0
    """Reads of constants that waited for the flash."""
    waited: float = 0.0
    """Cycles that fetches and reads waited."""

    @property
    def total(self) -> float:
        """Cycles with wait states."""
        return self.cycles + self.waited

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            instructions=self.instructions + other.instructions,
            cycles=self.cycles + other.cycles,
            code_misses=self.code_misses + other.code_misses,
            data_misses=self.data_misses + other.data_misses,
            waited=self.waited + other.waited,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PartEstimate:
    """A run on a part."""

    part: PartSpec
    costs: Mapping[Key, Cost] = field(repr=False)
    """By function and operator."""

    @property
    def cost(self) -> Cost:
        """Costs of the whole run."""
        return sum(self.costs.values(), Cost())

    @property
    def ms(self) -> float:
        """Milliseconds at the part's clock."""
        return 1e3 * self.cost.total / self.part.clock_hz

    def by_function(self) -> dict[str, Cost]:
        """Return the cost of each function, without the functions that it called."""
        return _grouped(self.costs, lambda key: key.function)

    def by_operator(self) -> dict[Owner, Cost]:
        """Return the cost of each operator; NOBODY has the instructions before the first operator."""
        return _grouped(self.costs, lambda key: key.owner)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A run on a core, and on parts with that core."""

    core: str
    calls: int
    """Number of calls of the function."""
    costs: Mapping[Key, Cost] = field(repr=False)
    """Cycles without wait states."""
    most_cycles: float | None
    """Upper end, if the core's table is a bracket and `cycles` its lower end."""
    parts: tuple[PartEstimate, ...]

    @property
    def cost(self) -> Cost:
        """Cycles of the whole run, without wait states."""
        return sum(self.costs.values(), Cost())


def estimate(trace: Trace, image: Image, core: CoreSpec, parts: Sequence[PartSpec]) -> Estimate:
    """Estimate the cycles of a run.

    Parameters
    ----------
    trace
        The run; its memories follow the order of `parts`, without the parts that have no cache.
    image The image that ran. core
        The core.
    parts
        Parts to estimate for, all with that core.

    Raises
    ------
    BoardError
        If the core has no table.
    """
    model = CORES.get(core.cycles) if core.cycles is not None else None
    if model is None:
        raise BoardError(f"there is no table of cycles for {core.title}", hint=f"cores: {', '.join(CORES)}")
    blocks = Blocks(trace, image)
    counts = count_events(blocks)
    cycles = model.cycles(blocks, counts)
    costs = {
        key: Cost(instructions=round(counter["instructions"]), cycles=cycles.get(key, 0.0))
        for key, counter in counts.items()
    }
    memory = iter(range(trace.memories))
    return Estimate(
        core=core.title,
        calls=trace.calls,
        costs=costs,
        most_cycles=model.most_cycles(counts),
        parts=tuple(
            PartEstimate(part=part, costs=costs if part.flash is None else _behind(costs, blocks, part, next(memory)))
            for part in parts
        ),
    )


def _behind(costs: Mapping[Key, Cost], blocks: Blocks, part: PartSpec, memory: int) -> dict[Key, Cost]:
    """Add the cycles that a part's flash makes the core wait."""
    flash = part.flash
    assert flash is not None
    code: dict[Key, int] = defaultdict(int)
    data: dict[Key, int] = defaultdict(int)
    for visit in blocks.trace.visits:
        in_sequence = 0 if flash.prefetch else visit.miss_next[memory]
        code[blocks.key(visit)] += visit.miss_jump[memory] + in_sequence
    for access in blocks.trace.accesses:
        key = Key(function=blocks.image.function_at(access.address), owner=access.owner)
        data[key] += access.misses[memory]
    return {
        key: replace(
            cost,
            code_misses=code[key],
            data_misses=data[key],
            waited=flash.miss_cycles * (code[key] + data[key]),
        )
        for key, cost in costs.items()
    }


def _grouped(costs: Mapping[Key, Cost], group: Callable[[Key], K]) -> dict[K, Cost]:
    grouped: dict[K, Cost] = {}
    for key, cost in costs.items():
        name = group(key)
        grouped[name] = grouped.get(name, Cost()) + cost
    return grouped


def accuracy(part: PartSpec) -> str:
    """Describe the error of estimates for a part, or that it is unknown."""
    if part.error is None:
        return "not checked on silicon"
    error = part.error
    return f"estimated; on {error.images} images off by {error.mean:.1%} on average, {error.worst:.1%} at worst"


def memories(parts: Iterable[PartSpec]) -> tuple[PartSpec, ...]:
    """Return the parts whose caches the plugin must simulate."""
    return tuple(part for part in parts if part.flash is not None)
