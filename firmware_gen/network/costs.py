"""What constants cost on a part: how the planner chooses among kernels that give the same bytes."""

from __future__ import annotations

from dataclasses import dataclass

from asc_kit.hardware.part import PartSpec

_ACCESS, _SECTOR = 4, 8
# what a kernel's inner loop takes on cores that issue two instructions at a time, by the tables of docs/cycles.md
_PACE = {"cortex-m7": 0.67}
_TWO_MEMORIES = ("cortex-m4f", "cortex-m4", "cortex-m3")
"""Cores on which a load waits for one from another memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Of a part's flash and core, as far as kernels differ by them.

    Without a part: those of an STM32L4 at full speed, whose flash is as slow as any and whose cache is small.
    """

    flash_wait: float = 5.0
    """Cycles that 8 bytes of constants in sequence wait where no cache has them."""
    cached_bytes: int = 256
    """Constants that stay in a cache."""
    other_memory: float = 1.0
    """Cycles that a load waits behind one from another memory."""
    pace: float = 1.0
    """Cycles of the core for one of a Cortex-M4, in the loops of kernels."""

    @classmethod
    def of(cls, part: PartSpec | None) -> Costs:
        """Return those of a part."""
        if part is None:
            return cls()
        pace = _PACE.get(part.core_name, 1.0)
        other = 1.0 if part.core_name in _TWO_MEMORIES else 0.0
        flash = part.flash
        if flash is None:
            return cls(flash_wait=0.0, cached_bytes=0, other_memory=0.0, pace=pace)
        if flash.constants == "uncached":
            wait, cached = flash.miss_cycles * _SECTOR / _ACCESS, 0
        else:
            cache = flash.data if flash.data is not None else flash.code
            wait = flash.miss_cycles * _SECTOR / cache.sector_bytes
            # the code has its share
            cached = cache.total_bytes if flash.data is not None else max(cache.total_bytes - _CODE_BYTES, 0)
        return cls(flash_wait=wait, cached_bytes=cached, other_memory=other, pace=pace)

    def reading(self, n_bytes: int, times: int, of: int) -> float:
        """Return the cycles that constants wait which are read several times, one time after the other.

        Parameters
        ----------
        n_bytes
            How many are read each time.
        times
            How often.
        of
            Bytes of all constants of the operator: where they stay from row to row, nothing waits.
        """
        if _ROOM * of <= self.cached_bytes:
            return 0.0
        once = self.flash_wait * n_bytes / _SECTOR
        return once if n_bytes + _BESIDE <= self.cached_bytes else once * times


_CODE_BYTES = 1024
_BESIDE = 40
"""Constants of a pair of channels beside its weights, and of the next."""
_ROOM = 4
"""How many operators of this size a stream may have in turn."""
