"""Every rule of the cores' tables on a program of its own: the exact number of cycles, counted by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from emulated_cases import missing_tools
from probes import cycles_of, run_probes

from asc_kit.device_runner.cycles.plugin import why_not
from asc_kit.hardware.board import Board, load_board
from asc_kit.hardware.core import load_core
from asc_kit.hardware.part import FlashSpec, PartSpec, load_part

M4 = load_board("qemu-mps2-an386")
pytestmark = pytest.mark.skipif(
    bool(missing_tools() or why_not(M4)), reason=f"needs {missing_tools() or 'cycles: ' + str(why_not(M4))}"
)

# name: (program, cycles on a Cortex-M4). After a load an ADD that waits for nothing: it shows the load's second cycle.
CORTEX_M4 = {
    "additions": ("add r0, r0, #1\n add r2, r2, #1\n add r3, r3, r2, lsl #2", 3),
    "load_alone": ("ldr r0, [r1]\n add r2, r2, #1", 3),
    "loads_in_a_row": ("ldr r0, [r1]\n ldr r2, [r1, #4]\n ldr r3, [r1, #8]\n add r7, r7, #1", 5),
    "load_of_an_address": ("ldr r2, [r4]\n ldr r3, [r2]\n add r7, r7, #1", 5),
    "load_then_store": ("ldr r0, [r1]\n str r2, [r1, #8]\n add r7, r7, #1", 3),
    "load_then_store_far": ("ldr r0, [r1]\n str r2, [r1, r5]\n add r7, r7, #1", 5),
    "load_then_nop": ("ldr r0, [r1]\n nop", 2),
    "loads_from_two_memories": ("ldr r0, [r1]\n ldr r2, [r6]\n add r7, r7, #1", 5),
    "store": ("str r0, [r1]\n add r7, r7, #1", 2),
    "store_far": ("str r0, [r1, r5]\n add r7, r7, #1", 3),
    "ldm": ("ldm r1, {r0, r2, r3, r7}\n add r5, r5, #1", 6),
    "stm": ("stm r1, {r0, r2, r3, r7}\n add r5, r5, #1", 6),
    "ldrd": ("ldrd r2, r3, [r1]\n add r5, r5, #1", 4),
    "strd": ("strd r2, r3, [r1]\n add r5, r5, #1", 4),
    "push_pop": ("push {r2, r3}\n pop {r2, r3}", 6),
    "unaligned": ("ldr r0, [r1, #1]\n add r2, r2, #1", 4),
    "branch": ("b.n 1f\n nop\n1: add r2, r2, #1", 3),
    "branch_to_a_misplaced_wide": ("b.n 1f\n nop\n nop\n1: add.w r2, r2, #1", 4),
    "branch_to_a_placed_wide": ("b.n 1f\n nop\n1: add.w r2, r2, #1", 3),
    "condition_taken": ("cmp r2, r2\n beq.n 1f\n nop\n nop\n1: add r2, r2, #1", 4),
    "condition_not_taken": ("cmp r2, r2\n bne.n 1f\n nop\n1: add r2, r2, #1", 4),
    "loop": ("1: subs r5, r5, #1\n bne.n 1b", 8 * 2 + 7),
    "long_run_of_misplaced": ("nop\n add.w r0, r0, #1\n add.w r2, r2, #1\n add.w r3, r3, #1", 5),
    "short_run_of_misplaced": ("nop\n add.w r0, r0, #1\n add.w r2, r2, #1\n nop", 4),
    "mac_chain": ("smlad r0, r2, r3, r0\n smlad r0, r2, r3, r0\n smlad r0, r2, r3, r0", 3),
    "multiply_and_use": ("mul r0, r2, r3\n add r7, r0, #1", 2),
    "long_multiply": ("umull r0, r7, r2, r3\n smlal r0, r7, r2, r3", 2),
    "division": ("sdiv r0, r2, r3", 6),
    "special": ("mrs r0, apsr", 2),
    "it_alone": ("add.w r0, r0, #1\n it eq\n addeq r2, r2, #1", 3),
    "it_folded": ("cmp r0, #0\n it eq\n moveq r2, #1", 2),
    "load_left_out": ("cmp r5, #0\n it eq\n ldreq r2, [r1]\n add r7, r7, #1", 4),
    "table_branch": ("movs r0, #0\n tbb [pc, r0]\n1: .byte (2f - 1b) / 2, 0\n2: add r2, r2, #1", 6),
    "vfp_independent": ("vadd.f32 s0, s1, s2\n vadd.f32 s3, s1, s2", 2),
    "vfp_dependent": ("vadd.f32 s0, s1, s2\n vadd.f32 s3, s0, s2", 3),
    "vfp_mac": ("vmla.f32 s0, s1, s2", 3),
    "vfp_division": ("vdiv.f32 s0, s1, s2", 14),
    "vfp_root": ("vsqrt.f32 s0, s1", 14),
    "vfp_load": ("vldr s0, [r1]\n vadd.f32 s1, s2, s3", 3),
    "vfp_loads": ("vldr s0, [r1]\n vldr s1, [r1, #4]\n vadd.f32 s4, s2, s3", 4),
    "vfp_store": ("vstr s0, [r1]\n add r7, r7, #1", 3),
    "vfp_multiple": ("vldm r1, {s0-s3}\n add r7, r7, #1", 6),
    "vfp_pair": ("vmov r2, r3, s0, s1\n add r7, r7, #1", 3),
}
CORTEX_M3 = {
    "additions": ("add r0, r0, #1\n add r2, r2, #1", 2),
    "load_alone": ("ldr r0, [r1]\n add r2, r2, #1", 3),
    "long_multiply": ("umull r0, r7, r2, r3", 4),
    "multiply": ("mul r0, r2, r3", 1),
}
CORTEX_M33 = {
    "load_and_use": ("ldr r0, [r1]\n add r2, r0, #1", 3),
    "load_and_use_later": ("ldr r0, [r1]\n add r7, r7, #1\n add r2, r0, #1", 3),
    "load_and_accumulate": ("ldr r0, [r1]\n smlad r0, r2, r3, r0", 2),
    "load_and_multiply": ("ldr r0, [r1]\n smlad r7, r0, r3, r7", 3),
    "multiply_and_use": ("mul r0, r2, r3\n add r7, r0, #1", 3),
    "mac_chain": ("smlad r0, r2, r3, r0\n smlad r0, r2, r3, r0", 2),
    "shift_and_use": ("add r0, r2, r3, lsl #2\n add r7, r0, #1", 3),
    "extend_and_use": ("sxtb16 r0, r2\n add r7, r0, #1", 2),
    "saturate_and_use": ("ssat r0, #8, r2, asr #3\n add r7, r0, #1", 3),
    "ldm": ("ldm r1, {r0, r2, r3, r7}\n add r5, r5, #1", 5),
    "ldrd": ("ldrd r2, r3, [r1]\n add r5, r5, #1", 3),
    "unaligned": ("ldr r0, [r1, #1]\n add r2, r2, #1", 3),
    "branch_after_wide": ("add.w r0, r0, #1\n b.n 1f\n nop\n1: add r2, r2, #1", 4),
    "branch_paired": ("mov r0, r2\n b.n 1f\n nop\n1: add r2, r2, #1", 3),
    "condition_paired": ("cmp r2, r2\n bne.n 1f\n nop\n1: add.w r2, r2, #1", 3),
}
CORTEX_M0_PLUS = {
    "additions": ("adds r0, #1\n adds r2, #1", 2),
    "load": ("ldr r0, [r1]\n adds r2, #1", 3),
    "loads": ("ldr r0, [r1]\n ldr r2, [r1, #4]", 4),
    "store": ("str r0, [r1]", 2),
    "ldm": ("ldm r1!, {r0, r2, r3}", 4),
    "multiply": ("muls r0, r2, r0", 1),
    "branch": ("b 1f\n nop\n1: adds r2, #1", 3),
    "condition_not_taken": ("cmp r2, r2\n bne 1f\n nop\n1: adds r2, #1", 4),
    "loop": ("1: subs r5, #1\n bne 1b", 8 * 2 + 7),
}


def cortex_m0_plus() -> Board:
    board = load_board("qemu-mps2-an385")
    return board.with_core(load_core("cortex-m0plus"))


@pytest.mark.parametrize(
    "board, programs",
    [
        (M4, CORTEX_M4),
        (load_board("qemu-mps2-an385"), CORTEX_M3),
        (load_board("qemu-mps2-an505"), CORTEX_M33),
        (cortex_m0_plus(), CORTEX_M0_PLUS),
    ],
    ids=lambda value: getattr(value, "core", ""),
)
def test_rules(board: Board, programs: dict[str, tuple[str, int]], tmp_path: Path) -> None:
    found = cycles_of(run_probes({name: body for name, (body, _) in programs.items()}, board, tmp_path))
    expected = {name: cycles for name, (_, cycles) in programs.items()}
    assert {name: found[name] for name in expected} == expected


def test_a_slower_memory_never_takes_fewer_cycles(tmp_path: Path) -> None:
    """Wait states, smaller caches with the same rule, constants past the cache: each costs, or costs nothing."""
    base = load_part("stm32l4r5")
    assert base.flash is not None

    def other(name: str, **changes: object) -> PartSpec:
        assert base.flash is not None
        flash: FlashSpec = replace(base.flash, **changes)  # type: ignore[arg-type]
        return replace(base, name=name, flash=flash)

    code = base.flash.code
    chain = [
        other("none", miss_cycles=0),
        other("quick", miss_cycles=1),
        base,
        other("slow", miss_cycles=9),
        other("small", miss_cycles=9, code=replace(code, lines=8)),
        other("smaller", miss_cycles=9, code=replace(code, lines=2)),
        other("uncached", miss_cycles=9, code=replace(code, lines=2), data=None, constants="uncached"),
    ]
    bodies = {f"probe_{i}": body for i, (body, _) in enumerate(CORTEX_M4.values())}
    # a loop larger than the smaller caches, over constants
    bodies["sweep"] = "1:" + " add.w r0, r0, #1\n" * 100 + " ldr r2, [r6, r5, lsl #2]\n subs r5, r5, #1\n bne.w 1b"
    found = run_probes(bodies, M4, tmp_path, [base, *chain])
    totals = [part.cost.total for part in found.parts[1:]]
    assert totals == sorted(totals)
    assert totals[0] == found.cost.cycles and len(set(totals)) == len(totals)
    prefetching = run_probes(bodies, M4, tmp_path, [replace(base, flash=replace(base.flash, prefetch=True))])
    assert found.cost.cycles < prefetching.parts[0].cost.total < found.parts[0].cost.total
