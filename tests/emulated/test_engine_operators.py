"""The generated C on an emulated Cortex-M4F: every operator, random networks and CP-Mobile at full size, all bytes."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from engine_cases import (
    ROOT,
    assert_equal,
    compile_objects,
    request,
    runtime_sources,
    split_outputs,
    write_cases,
)
from hypothesis import HealthCheck, Phase, given, settings
from int8_cases import STRATEGIES, Case
from reference_networks import cp_mobile

from asc_kit.board import load_board

BOARD = load_board("qemu-mps2-an386")
CASES_PER_OPERATOR = 5
# portable C; the peer's portable kernels need 373.7 M, its optimized ones 93.9 M
CP_MOBILE_INSTRUCTIONS = 90_000_000

pytestmark = pytest.mark.skipif(
    shutil.which(BOARD.compiler) is None or shutil.which("qemu-system-arm") is None,
    reason="needs the Arm GNU toolchain and qemu-system-arm",
)


def run_on_board(cases: Sequence[Case], folder: Path) -> tuple[list[np.ndarray], list[int]]:
    """Compile, boot and run cases; return outputs and the instructions of each case's first input."""
    compiler = [BOARD.compiler, *BOARD.toolchain.cflags]
    support = ROOT / "tests" / "support" / "emulated_main.c"
    sources = [*write_cases([case.model for case in cases], folder), support, BOARD.folder / "startup.c"]
    sources += runtime_sources()
    include = [f"-I{ROOT / 'firmware_gen' / 'app'}", "-ffunction-sections", "-fdata-sections"]
    objects = compile_objects([*compiler, *include], sources, folder / "objects", folder)
    memory = BOARD.memory
    assert memory is not None
    symbols = {
        "FLASH_ORIGIN": memory.flash_origin,
        "FLASH_BYTES": memory.flash_bytes,
        "RAM_ORIGIN": memory.ram_origin,
        "RAM_BYTES": memory.ram_bytes,
        "STACK_BYTES": memory.stack_bytes,
    }
    link = [f"-Wl,--defsym=ASC_{name}={value:#x}" for name, value in symbols.items()]
    link += [*BOARD.toolchain.ldflags, "-T", str(BOARD.folder / str(BOARD.linker_script)), "-Wl,--gc-sections"]
    image = folder / "image.elf"
    subprocess.run([*compiler, *link, "-o", str(image), *map(str, objects), "-lm"], check=True)
    (folder / "in.bin").write_bytes(request(cases))
    emulator = ["qemu-system-arm", "-M", "mps2-an386", "-icount", "shift=0", "-display", "none", "-monitor", "none"]
    emulator += ["-serial", "null", "-semihosting-config", "enable=on,target=native", "-kernel", str(image)]
    done = subprocess.run(emulator, cwd=folder, timeout=300, check=False)
    assert done.returncode == 0, f"the program ended with {done.returncode}: above 100 it is a fault"
    data, outputs, instructions = (folder / "out.bin").read_bytes(), b"", []
    for case, sizes in zip(cases, _output_sizes(cases), strict=True):
        for index in range(len(case.inputs)):
            if index == 0:
                instructions.append(int.from_bytes(data[:4], "little"))
            outputs += data[4 : 4 + sizes]
            data = data[4 + sizes :]
    return split_outputs(cases, outputs), instructions


def _output_sizes(cases: Sequence[Case]) -> list[int]:
    from engine_cases import model_info

    return [model_info(case.model).output.n_elements for case in cases]


def examples(op: str) -> list[Case]:
    """Some of the cases that tests/codegen runs on the host."""
    found: list[Case] = []

    @settings(
        max_examples=CASES_PER_OPERATOR,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(STRATEGIES[op])
    def collect(case: Case) -> None:
        found.append(case)

    collect()
    return found


def test_every_operator(tmp_path: Path) -> None:
    cases = [case for op in sorted(STRATEGIES) for case in examples(op)]
    outputs, _ = run_on_board(cases, tmp_path)
    assert_equal(cases, outputs)


def test_cp_mobile_at_full_size(tmp_path: Path) -> None:
    case = cp_mobile()
    outputs, instructions = run_on_board([case], tmp_path)
    assert_equal([case], outputs)
    assert len(np.unique(outputs[0])) > 8  # else the network says the same whatever it hears
    assert instructions[0] < CP_MOBILE_INSTRUCTIONS
