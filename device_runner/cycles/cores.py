"""Cores: cycles per event, without wait states.

Sources: Arm 100166 (Cortex-M4, tables 3-1 and 7-1), Arm 100165 (Cortex-M3), Arm DDI 0484 (Cortex-M0+, table 3-1,
single-cycle multiplier); jnk0le, "random", pipeline cycle tests measured on STM32F407, STM32F103, RP2350 and STM32H743;
Quinapalus, "Cortex-M7 instruction cycle counts". No number was fitted to the images that the tables were checked with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .dual_issue import dual_issue_cycles
from .events import Blocks, Counts, Event, EventCounts, Key

Costs = Mapping[Event, float]

_M4: Costs = {
    "issue": 1,
    "it": 1,
    "load_alone": 1,
    "load_other_memory": 1,
    "load_multiple": 1,
    "store_multiple": 1,
    "store_register_offset": 1,
    "misplaced_run": 1,
    # 2 to 12 cycles, depending on the bits of the result
    "divide": 5,
    "special": 1,
    "barrier": 2,
    "table_branch": 1,
    "taken": 1,
    "taken_conditional": 1,
    "taken_register": 2,
    "taken_pop": 2,
    "target_misplaced": 1,
    "exception": 12,
    "unaligned": 1,
    "fpu_mac": 2,
    "fpu_divide": 13,
    "fpu_move_pair": 1,
    "fpu_result_used": 1,
    "vload_alone": 1,
    "vload_second": 1,
    "vstore": 1,
}
# 32 x 32 bits in 3 to 5 cycles, 4 to 7 with an addition
_M3: Costs = {**_M4, "multiply_long": 3}
_M33: Costs = {
    "issue": 1,
    "load_used_next": 1,
    "multiply_used_next": 1,
    "two_stage_used_next": 1,
    # N registers take N cycles
    "load_multiple": 1,
    "store_multiple": 1,
    "multiple": -1,
    "divide": 5,
    "special": 1,
    "barrier": 3,
    "table_branch": 2,
    "taken": 1,
    "taken_conditional": 1,
    "taken_register": 2,
    "taken_pop": 3,
    "branch_paired_not_taken": -1,
    "branch_paired_taken": -1,
    "exception": 12,
    "unaligned": 1,
    "fpu_mac": 2,
    "fpu_divide": 13,
    "fpu_result_used": 1,
    "fpu_move_pair": 1,
    "vload_second": 1,
}
_M0_PLUS: Costs = {
    "issue": 1,
    "load": 1,
    "store": 1,
    "load_multiple": 1,
    "store_multiple": 1,
    "taken": 1,
    "taken_conditional": 1,
    "taken_register": 1,
    "taken_pop": 2,
    "call": 1,
    "special": 2,
    "barrier": 2,
    "exception": 15,
}
# Scalar code as on the M33. A vector instruction has two beats of a cycle each, and overlaps one beat with a neighbour
# that uses another unit. The lower bound lets every neighbour of another kind overlap, the upper bound none.
_M55_LEAST: Costs = {**_M33, "it": 0, "vector": 1, "vector_overlap": -1, "taken_loop": 0}
_M55_MOST: Costs = {**_M33, "it": 0, "vector": 1, "vector_overlap": 0, "taken_loop": 1, "load_used_next": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreModel:
    """The cycle costs of a core."""

    costs: Costs
    """Cycles of each event; other events cost nothing."""
    most: Costs | None = None
    """Upper bounds, where `costs` are lower bounds."""
    dual_issue: bool = False
    """Whether two instructions can issue in a cycle: `costs` are then added to a scoreboard's cycles."""

    def cycles(self, blocks: Blocks, counts: Counts) -> dict[Key, float]:
        """Return cycles without wait states."""
        total = {key: _sum(counter, self.costs) for key, counter in counts.items()}
        if self.dual_issue:
            for key, cycles in dual_issue_cycles(blocks).items():
                total[key] = total.get(key, 0.0) + cycles
        return total

    def most_cycles(self, counts: Counts) -> float | None:
        """Return the upper bound of all cycles, if the estimate is a bracket."""
        if self.most is None:
            return None
        return sum(_sum(counter, self.most) for counter in counts.values())


def _sum(counter: EventCounts, costs: Costs) -> float:
    return sum(n * costs.get(event, 0) for event, n in counter.items())


CORES: Mapping[str, CoreModel] = {
    "Cortex-M0+": CoreModel(costs=_M0_PLUS),
    "Cortex-M3": CoreModel(costs=_M3),
    "Cortex-M4F": CoreModel(costs=_M4),
    "Cortex-M33": CoreModel(costs=_M33),
    "Cortex-M7": CoreModel(costs={"branch_minority": 8, "unaligned": 3}, dual_issue=True),
    "Cortex-M55": CoreModel(costs=_M55_LEAST, most=_M55_MOST),
}
"""Tables by the name in a core's record."""
