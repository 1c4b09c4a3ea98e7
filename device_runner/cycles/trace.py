"""The plugin's record of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from asc_kit.errors import BoardError

Owner = int
"""Number of the operator that an instruction belongs to; NOBODY before the first."""
NOBODY: Owner = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A block of instructions, as it ran for one owner."""

    start: int
    """Address of its first instruction."""
    end: int
    """Address behind its last."""
    owner: Owner
    count: int
    miss_jump: tuple[int, ...]
    """For each memory, sectors missing from the code's cache, first after a jump."""
    miss_next: tuple[int, ...]
    """For each memory, missing sectors that follow in sequence."""
    edges: tuple[tuple[int, int, int], ...]
    """Start and end of the block that ran before (0, 0 for the first), and how often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Loads or stores of an instruction, for one owner."""

    address: int
    """Address of the instruction."""
    owner: Owner
    unit: int
    """Bytes of an access."""
    n: int
    unaligned: int
    flash: int
    """Number of accesses to the flash."""
    misses: tuple[int, ...]
    """For each memory, number of accesses that waited for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A run, or the selected calls of a function."""

    calls: int
    """Number of calls of the function; 0 if none was named."""
    memories: int
    visits: tuple[Visit, ...]
    accesses: tuple[Access, ...]


def read_trace(path: Path) -> Trace:
    """Read the plugin's record.

    Raises
    ------
    BoardError
        If it wrote nothing, or not everything.
    """
    try:
        lines = [line.split() for line in path.read_text().splitlines()]
    except FileNotFoundError:
        raise BoardError("the emulator wrote no trace: it was killed, or has no plugins") from None
    if not lines or lines[-1] != ["end"]:
        raise BoardError(f"the trace {path} is not complete: the emulator was killed, or the disk is full")
    calls, memories = int(lines[0][1]), int(lines[0][3])
    visits: list[Visit] = []
    accesses: list[Access] = []
    edges: list[tuple[int, int, int]] = []
    block: Sequence[str] | None = None

    def close() -> None:
        if block is not None:
            counts = [int(text) for text in block[4:]]
            visits.append(
                Visit(
                    start=int(block[0], 16),
                    end=int(block[1], 16),
                    owner=int(block[2]),
                    count=int(block[3]),
                    miss_jump=tuple(counts[0::2]),
                    miss_next=tuple(counts[1::2]),
                    edges=tuple(edges),
                )
            )

    for kind, *fields in lines[1:-1]:
        if kind == "b":
            close()
            block, edges = fields, []
        elif kind == "e":
            edges.append((int(fields[0], 16), int(fields[1], 16), int(fields[2])))
        else:
            owner, unit, _, n, unaligned, flash, *misses = map(int, fields[1:])
            accesses.append(
                Access(
                    address=int(fields[0], 16),
                    owner=owner,
                    unit=unit,
                    n=n,
                    unaligned=unaligned,
                    flash=flash,
                    misses=tuple(misses),
                )
            )
    close()
    return Trace(calls=calls, memories=memories, visits=tuple(visits), accesses=tuple(accesses))
