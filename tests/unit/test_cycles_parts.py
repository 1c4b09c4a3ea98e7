"""Parts are data, read strictly; estimates are shown with their error."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from rich.console import Console

from asc_kit.device_runner.cycles.cores import CORES
from asc_kit.device_runner.cycles.dual_issue import last_issue
from asc_kit.device_runner.cycles.estimate import accuracy
from asc_kit.device_runner.cycles.instruction import decode
from asc_kit.device_runner.cycles.plugin import why_not
from asc_kit.device_runner.cycles.report import CostRecord, CyclesRecord, summary_table
from asc_kit.errors import BoardError
from asc_kit.hardware.board import board_names, load_board
from asc_kit.hardware.core import load_core
from asc_kit.hardware.part import load_part, part_names, parts_with
from asc_kit.hardware.places import boards_folder


def test_every_part_has_a_core_with_a_table_or_says_that_there_is_none() -> None:
    assert len(part_names()) >= 8
    for name in part_names():
        part = load_part(name)
        assert parts_with(part.core), name
        assert load_core(part.core).cycles in CORES or "there is no table of the core's cycles" in part.source, name
        assert part.name in part.source or len(part.source) > 60


def test_parts_are_no_boards() -> None:
    assert not set(part_names()) & set(board_names()) and "parts" not in board_names()


def test_a_part_of_ones_own(tmp_path: Path) -> None:
    text = (boards_folder() / "parts" / "stm32l4r5.toml").read_text()
    mine = tmp_path / "mine.toml"
    mine.write_text(text.replace('"stm32l4r5"', '"mine"').replace("120_000_000", "80_000_000"))
    assert load_part(str(mine)).clock_hz == 80_000_000
    mine.write_text(text)
    with pytest.raises(BoardError, match="the file must have its name"):
        load_part(str(mine))
    with pytest.raises(BoardError, match="unknown part 'nothing'") as caught:
        load_part("nothing")
    assert "stm32l4r5" in str(caught.value.hint)
    with pytest.raises(BoardError, match="does not exist"):
        load_part(str(tmp_path / "absent.toml"))


@pytest.mark.parametrize(
    "old, new, complaint",
    [
        ("wait_states = 5", "wait_state = 5", "wait_state"),
        ("lines = 32,", "lines = 0,", "lines"),
        ("lines = 32, line_bytes = 32", "lines = 32, line_bytes = 33", "powers of two"),
        ("lines = 32, line_bytes = 32, sector_bytes = 8", "lines = 32, line_bytes = 8, sector_bytes = 32", "sectors"),
        ("sector_bytes = 8 }\ndata", "sector_bytes = 8, ways = 5 }\ndata", "multiple of its ways"),
        ('constants = "own"', 'constants = "uncached"', "exactly if"),
        ("clock_hz = 120_000_000", "clock_hz = 0", "clock_hz"),
    ],
)
def test_what_is_wrong_is_named(old: str, new: str, complaint: str, tmp_path: Path) -> None:
    text = (boards_folder() / "parts" / "stm32l4r5.toml").read_text()
    assert old in text
    path = tmp_path / "stm32l4r5.toml"
    path.write_text(text.replace(old, new))
    with pytest.raises(BoardError, match=complaint):
        load_part(str(path))


def test_an_estimate_says_that_it_is_one() -> None:
    assert "estimated" in accuracy(load_part("stm32l4r5")) and "6.0%" in accuracy(load_part("stm32l4r5"))
    assert accuracy(load_part("nrf52840")) == "not checked on silicon"


def test_boards_without_an_emulator_say_why() -> None:
    assert "is not emulated by QEMU" in str(why_not(load_board("host")))


def issue(*lines: str) -> int:
    """The cycle in which the last of some instructions issues on a Cortex-M7, from 0 on."""
    listed = []
    for number, line in enumerate(lines):
        mnemonic, _, operands = line.partition(" ")
        listed.append(decode(4 * number, 4, mnemonic, operands))
    return last_issue(listed)


@pytest.mark.parametrize(
    "lines, cycle",
    [
        ([], -1),
        (["add r0, r1, r2"], 0),
        (["add r0, r1, r2", "add r3, r4, r5"], 0),
        (["add r0, r1, r2", "add r3, r4, r5", "add r6, r7, r8"], 1),
        # the late of two units takes the result of the early one
        (["add r0, r1, r2", "add r3, r0, r5"], 0),
        (["add r0, r1, r2, lsl #3", "add r3, r0, r5"], 1),
        (["ldr r0, [r1]", "add r3, r0, r5"], 1),
        (["ldr r0, [r1]", "ldr r2, [r3]"], 0),
        (["ldr r0, [r1, #0]", "ldr r2, [r1, #8]"], 1),
        (["ldr r0, [r1, #0]", "ldr r2, [r1, #4]"], 0),
        (["smlad r0, r1, r2, r0", "smlad r3, r1, r2, r3"], 1),
        (["smlad r0, r1, r2, r0", "ldr r3, [r4]"], 0),
        (["smlad r0, r1, r2, r0", "add r3, r0, #1"], 2),
        (["ldrd r0, r1, [r2]", "add r5, r6, r7"], 1),
        (["ldmia r2, {r0, r1, r3, r4}", "add r5, r6, r7"], 2),
        (["sdiv r0, r1, r2", "add r3, r4, r5"], 6),
        (["str r0, [r1]", "str r2, [r3]"], 1),
        (["uadd8 r0, r1, r2", "uadd8 r3, r4, r5"], 1),
    ],
)
def test_two_instructions_in_a_cycle(lines: list[str], cycle: int) -> None:
    assert issue(*lines) == cycle


@pytest.mark.parametrize(
    "text, kind, reads, writes",
    [
        ("ldr.w r0, [r1], #4", "load", "r1", "r0 r1"),
        ("ldrd r0, r1, [r2, #8]", "load_multiple", "r2", "r0 r1"),
        ("strb r0, [r1, r2]", "store", "r0 r1 r2", ""),
        ("ldmia.w ip!, {r4-r7}", "load_multiple", "r12", "r4 r5 r6 r7 r12"),
        ("smladeq r0, r1, r2, r3", "multiply", "r1 r2 r3", "r0"),
        ("smlal r0, r1, r2, r3", "multiply_long", "r0 r1 r2 r3", "r0 r1"),
        ("adds r0, r1", "alu", "r0 r1", "r0"),
        ("muls r0, r1", "multiply", "r0 r1", "r0"),
        ("bls.n 100 <f+0x10>", "branch", "", ""),
        ("mls r0, r1, r2, r3", "multiply", "r1 r2 r3", "r0"),
        ("pop {r4, pc}", "load_multiple", "r13", "r4 r13 r15"),
        ("vldrw.u32 q0, [r1], #16", "vector_load", "r1", "q0 r1"),
        ("vmladava.s8 r0, q1, q2", "vector_multiply", "r0 q1 q2", "r0"),
        ("cbz r3, 200 <g>", "branch", "r3", ""),
        ("ite eq", "it", "", ""),
        ("vcmp.f32 s0, s1", "fpu", "s0 s1", "s0"),
    ],
)
def test_what_instructions_read_and_write(text: str, kind: str, reads: str, writes: str) -> None:
    mnemonic, _, operands = text.partition(" ")
    one = decode(0, 4, mnemonic, operands)
    assert (one.kind, one.reads, one.writes) == (kind, frozenset(reads.split()), frozenset(writes.split()))


def test_the_table_of_parts_fits_a_terminal() -> None:
    """Names are whole, for they are what --part takes; so is the error, which no estimate may be read without."""
    cost = CostRecord(
        name="all", instructions=3_000_000, cycles_without_waits=3_477_000, cycles=4_444_000,
        code_misses=49_770, data_misses=1_143_608,
    )  # fmt: skip
    names = ("stm32l4r5", "stm32f405", "nrf52840")
    parts = [
        SimpleNamespace(
            part=name, clock_hz=168_000_000, estimated_ms=1037.25, accuracy=accuracy(load_part(name)), total=cost
        )
        for name in names
    ]
    record = SimpleNamespace(core="Cortex-M4F", most_cycles_without_waits=None, parts=parts)
    shown = io.StringIO()
    Console(width=80, file=shown).print(summary_table(cast(CyclesRecord, record)))
    text = shown.getvalue()
    assert "…" not in text and all(len(line) <= 80 for line in text.splitlines())
    assert all(name in text for name in (*names, "1037.25", "1,143,608"))
    assert "stm32f405, nrf52840: not checked on silicon" in text and "6.0%" in text
