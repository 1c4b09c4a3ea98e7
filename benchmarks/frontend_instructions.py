"""Count the instructions of the front end in C on emulated boards, part by part, and estimate its time on parts.

Audio is one second of noise, taken in chunks of 160 samples by the front end of the DCASE 2024 baseline. Usage:

    python benchmarks/frontend_instructions.py [BOARD ...]
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asc_kit.device_runner.cycles.estimate import Estimate, estimate, memories
from asc_kit.device_runner.cycles.image import read_image
from asc_kit.device_runner.cycles.plugin import plugin_arguments, why_not
from asc_kit.device_runner.cycles.trace import read_trace
from asc_kit.firmware_gen.frontend.tables import frontend_tables
from asc_kit.firmware_gen.read.model import ModelInfo
from asc_kit.firmware_gen.write.emit import frontend_values, template
from asc_kit.frontend import FrontEndSpec
from asc_kit.hardware.board import Arithmetic, Board, load_board
from asc_kit.hardware.part import parts_with
from asc_kit.quantization import TensorInfo

BOARDS = ("qemu-mps2-an386", "qemu-mps2-an500", "qemu-mps2-an505", "qemu-mps3-an547", "qemu-mps2-an385")
SPEC = FrontEndSpec(
    sample_rate_hz=32000,
    clip_samples=32000,
    n_fft=4096,
    win_length=3072,
    hop_length=500,
    n_mels=256,
    f_max_hz=16000.0,
)
_REPEATS = 20
ROOT = Path(__file__).resolve().parents[1]

# Virtual time is 1 ns per instruction, SysTick counts in ticks of the machine's clock; a window of at most 2^24 ticks.
# Semihosting: Arm IHI 0100, operation in r0, pointer to its arguments in r1.
_MAIN = """
#include <stddef.h>
#include <string.h>
#include "asc_frontend_tables.c"
#include "asc_port.h"
#define SYSTICK ((volatile uint32_t *)(uintptr_t)0xE000E010u)
#define SYS_WRITE0 0x04u
#define SYS_EXIT_EXTENDED 0x20u
void SysTick_Handler(void);
void UART0_RX_Handler(void);
int main(void);
static const int16_t audio[] = {
#include "audio.inc"
};
static int16_t samples[SAMPLES];
static asc_frontend_work_t work[WORDS];
static int8_t output[OUTPUT_BYTES];
static uint32_t semihosting(uint32_t operation, const void *arguments) {
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = arguments;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}
static void leave(uint32_t code) {
    const uint32_t arguments[2] = {0x20026u, code};
    semihosting(SYS_EXIT_EXTENDED, arguments);
}
void SysTick_Handler(void) {
}
void UART0_RX_Handler(void) {
}
void asc_server_fault(uint32_t number, uint32_t program_counter) {
    (void)program_counter;
    leave(100u + number);
}
static void start(void) {
    SYSTICK[0] = 0;
    SYSTICK[1] = 0xFFFFFFu;
    SYSTICK[2] = 0;
    SYSTICK[0] = 5;
}
static void stop(void) {
    char text[12];
    uint32_t ticks = 0xFFFFFFu - SYSTICK[2];
    char *end = text + sizeof text;
    *--end = 0;
    *--end = '\\n';
    do {
        *--end = (char)('0' + ticks % 10u);
        ticks /= 10u;
    } while (ticks != 0u);
    semihosting(SYS_WRITE0, end);
}
int main(void) {
    asc_frontend_t state;
    asc_frontend_init(&state);
    start();
    for (uint32_t at = 0; at < sizeof audio / 2; at += 160) {
        asc_frontend_push(&asc_frontend_config, &state, samples, work, output, audio + at, 160);
    }
    stop();
    memcpy(samples, audio, sizeof samples);
    /* many times each, as a tick is many instructions */
#define REPEAT for (int32_t i = 0; i < REPEATS; ++i)
    start();
    REPEAT asc_frontend_config.bands(&asc_frontend_config, samples, work);
    stop();
    PARTS
    leave(0);
    return 0;
}
"""
_PARTS: dict[Arithmetic, tuple[tuple[str, str], ...]] = {
    "float": (
        ("window and first pass", "tables.first_pass(&tables.window, samples, &work->f32);"),
        (
            "middle passes",
            "for (const asc_fft_pass_f32_t *p = passes; p != passes + tables.n_passes; ++p)"
            " p->run(&work->f32, &work[tables.window.n_fft].f32, p->m, p->twiddles);",
        ),
        ("last pass and powers", "tables.last_pass(&work->f32, tables.window.n_fft, tables.last_table);"),
    ),
    "fixed": (
        ("window and first pass", "tables.first_pass(&tables.window, samples, 1 << 16, &work->s32);"),
        (
            "middle passes",
            "for (const asc_fft_pass_s32_t *p = passes; p != passes + tables.n_passes; ++p)"
            " p->run(&work->s32, &work[tables.window.n_fft].s32, p->m, p->twiddles);",
        ),
        ("last pass and powers", "asc_fft_power_s32(&work->s32, tables.window.n_fft, tables.turns);"),
    ),
}
_TICK_HZ = {"mps2-an505": 20e6, "mps3-an547": 32e6}  # others 25 MHz


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Instructions of the front end on one board."""

    board: str
    """The board."""
    core: str
    """Its core."""
    arithmetic: Arithmetic
    """What it calculates with."""
    clip: int
    """One second of audio."""
    parts: dict[str, int]
    """Per second of audio, by part; together `clip`."""
    estimate: Estimate | None
    """Cycles of the second of audio; None where they cannot be estimated."""


def count(board: Board, folder: Path) -> Counts:
    """Build an image of the front end, run it in the emulator and return what it counted."""
    assert board.emulator is not None
    info = TensorInfo(shape=SPEC.input_shape, scale=0.0847, zero_point=8)
    tables = frontend_tables(SPEC, info, board.frontend)
    model = ModelInfo(name="bench", labels=("a",), frontend=SPEC, input=info, output=info, model_sha256="0" * 64)
    text = template("asc_frontend_tables.c.j2").render(frontend_values(tables, model))
    (folder / "asc_frontend_tables.c").write_text(text)
    noise = np.rint(np.random.default_rng(1).normal(0, 3000, SPEC.clip_samples)).astype(np.int16)
    (folder / "audio.inc").write_text(",".join(map(str, noise)))
    parts = _PARTS[board.frontend]
    calls = "".join(f"start();\n    REPEAT {{ {call} }}\n    stop();\n    " for _, call in parts)
    main = (
        _MAIN.replace("REPEATS", str(_REPEATS))
        .replace("PARTS", calls)
        .replace("[SAMPLES]", f"[{tables.buffer_samples}]")
    )
    (folder / "main.c").write_text(
        main.replace("[WORDS]", f"[{tables.work_words}]").replace("[OUTPUT_BYTES]", f"[{info.n_elements}]")
    )
    command = [board.emulator.program, *board.emulator.args, "-display", "none", "-monitor", "none", "-serial", "null"]
    command += ["-semihosting-config", "enable=on,target=native", "-kernel", str(_image(board, folder))]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    estimate = None if why_not(board) else estimate_push(board, folder / "image.elf", command)
    # SYS_WRITE0 goes to whichever of its outputs the emulator chooses
    ticks = [int(line) for line in (done.stdout + done.stderr).split()]
    machine = board.emulator.args[board.emulator.args.index("-M") + 1]
    per_tick = board.clock_hz / _TICK_HZ.get(machine, 25e6)
    clip, frame, *rest = (round(number * per_tick) for number in ticks)
    of_parts = {name: number * SPEC.n_frames // _REPEATS for (name, _), number in zip(parts, rest, strict=True)}
    frames = frame * SPEC.n_frames // _REPEATS
    of_parts["mel bands"] = frames - sum(of_parts.values())
    of_parts["quantization and streaming"] = clip - frames
    return Counts(
        board=board.name, core=board.core.title, arithmetic=board.frontend, clip=clip, parts=of_parts, estimate=estimate
    )


def estimate_push(board: Board, path: Path, command: Sequence[str]) -> Estimate:
    """Run an image once more, and estimate all calls that took audio."""
    image = read_image(path, prefix=board.toolchain.prefix)
    chosen = parts_with(board.core.name)
    out = path.with_name("trace.txt")
    arguments = plugin_arguments(board, image, memories(chosen), out=out, entry="asc_frontend_push")
    subprocess.run([*command, *arguments], capture_output=True, check=True, timeout=600)
    return estimate(read_trace(out), image, board.core, chosen)


def _image(board: Board, folder: Path) -> Path:
    runtime = ROOT / "firmware_gen" / "runtime"
    sources = sorted((runtime / "frontend").glob("*.[cS]"))
    command = [board.compiler, *board.toolchain.cflags, "-std=c99", "-ffp-contract=off", "-ffunction-sections"]
    command += [f"-I{path}" for path in (*runtime.iterdir(), ROOT / "firmware_gen" / "app", folder, *board.folders)]
    command += [str(folder / "main.c"), str(board.files["startup.c"]), *map(str, sources)]
    command += [*board.toolchain.ldflags, *board.linker_flags(board.folders), "-Wl,--gc-sections"]
    image = folder / "image.elf"
    subprocess.run([*command, "-o", str(image), "-lm"], check=True)
    return image


def markdown(rows: Sequence[Counts]) -> str:
    """Return a table of the counts, in millions of instructions per second of audio."""
    names = list(rows[0].parts)
    head = ["core", "arithmetic", *names, "all"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        numbers = [f"{number / 1e6:.2f}" for number in (*row.parts.values(), row.clip)]
        lines.append("| " + " | ".join([row.core, row.arithmetic, *numbers]) + " |")
    return "\n".join(lines)


def times(rows: Sequence[Counts]) -> str:
    """Return a table of estimated cycles and milliseconds per second of audio."""
    lines = ["| core | part | million cycles, no wait states | with flash | ms |", "|---|---|---:|---:|---:|"]
    for row in rows:
        for part in row.estimate.parts if row.estimate is not None else ():
            cost = part.cost
            numbers = (f"{cost.cycles / 1e6:.2f}", f"{cost.total / 1e6:.2f}", f"{part.ms:.1f}")
            lines.append("| " + " | ".join([row.core, f"`{part.part.name}`", *numbers]) + " |")
    return "\n".join(lines)


def frontend_instructions(boards: Iterable[str] = BOARDS) -> list[Counts]:
    """Count on each of these boards."""
    rows = []
    for name in boards:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(count(load_board(name), Path(folder)))
    return rows


if __name__ == "__main__":
    counts = frontend_instructions(sys.argv[1:] or BOARDS)
    print(markdown(counts), times(counts), sep="\n\n")
