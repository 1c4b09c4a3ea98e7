"""Compile the generated engines of many models into one program, and run it on this machine or in the emulator.

Each model's generated files are included into one translation unit of their own, with the public names renamed; the
kernels are compiled once.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from int8_case import Case

from asc_kit.firmware_gen.frontend.tables import frontend_tables
from asc_kit.firmware_gen.kernel_sets import PORTABLE
from asc_kit.firmware_gen.plan.plan import make_plan
from asc_kit.firmware_gen.read.model import ModelInfo
from asc_kit.firmware_gen.read.reader import read_model
from asc_kit.firmware_gen.write.emit import emit_engine
from asc_kit.frontend import FrontEndSpec
from asc_kit.hardware.board import KernelSetName, Optimize
from asc_kit.inference.interpreter import Int8Model
from asc_kit.quantization import TensorInfo

ROOT = Path(__file__).resolve().parents[2]
RUNTIME = ROOT / "firmware_gen" / "runtime"
INCLUDES = [f"-I{folder}" for folder in sorted(RUNTIME.iterdir())]
WARNINGS = (
    "-std=c99 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wundef -Wvla -Wcast-qual -Wdouble-promotion "
    "-Wstrict-prototypes -Wmissing-prototypes -Werror -ffp-contract=off"
).split()
SANITIZE = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
# any: the models here have inputs of every shape
FRONTEND = FrontEndSpec(
    sample_rate_hz=8000, clip_samples=640, n_fft=64, win_length=64, hop_length=32, n_mels=8, f_max_hz=4000.0
)

_MAIN = """
#include <stdio.h>
#include "cases.h"
static int8_t input[1 << 20];
static int8_t output[1 << 20];
int main(void) {
    uint32_t index;
    while (fread(&index, sizeof index, 1, stdin) == 1 && index < N_CASES) {
        if (fread(input, 1, cases[index].input_bytes, stdin) != cases[index].input_bytes) return 1;
        cases[index].run(input, output);
        fwrite(output, 1, cases[index].output_bytes, stdout);
    }
    return 0;
}
"""


def model_info(model: bytes, name: str = "test", frontend: FrontEndSpec = FRONTEND) -> ModelInfo:
    """What a bundle would say of a bare model."""
    graph = read_model(model)
    source, output = graph.tensors[graph.input], graph.tensors[graph.output]
    return ModelInfo(
        name=name,
        labels=tuple(f"label {index}" for index in range(output.n_elements)),
        frontend=frontend,
        input=TensorInfo(shape=source.shape, scale=source.scale, zero_point=source.zero_point),
        output=TensorInfo(shape=output.shape, scale=output.scale, zero_point=output.zero_point),
        model_sha256=hashlib.sha256(model).hexdigest(),
    )


def write_engine(
    model: bytes, folder: Path, kernels: KernelSetName = "portable", optimize: Optimize = "speed"
) -> tuple[int, int]:
    """Write the generated files of a model; return the bytes of its input and output."""
    info = model_info(model)
    tables = frontend_tables(info.frontend, info.input)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in emit_engine(make_plan(read_model(model), kernels, optimize), tables, info).items():
        (folder / name).write_text(text)
    return info.input.n_elements, info.output.n_elements


def write_cases(
    models: Sequence[bytes], folder: Path, kernels: KernelSetName = "portable", optimize: Optimize = "speed"
) -> list[Path]:
    """Write one unit per model and the table `cases`; return the C files."""
    units: list[Path] = []
    rows: list[str] = []
    for index, model in enumerate(models):
        in_bytes, out_bytes = write_engine(model, folder / f"m{index}", kernels, optimize)
        generated = "".join(path.read_text() for path in sorted((folder / f"m{index}").glob("asc_*")))
        names = set(
            re.findall(
                r"\basc_(?:step|variable)_\d+\w*"
                r"|\basc_(?:init|reset_state|push_samples|input|output|run|run_step|run_profiled)\b",
                generated,
            )
        )
        names |= {"asc_labels", "asc_frontend_config"}
        lines = [f"#define {name} m{index}_{name}" for name in sorted(names)]
        lines += ["#include <string.h>", '#include "cases.h"']
        lines += [f'#include "m{index}/{name}"' for name in ("asc_model.c", "asc_weights.c", "asc_frontend_tables.c")]
        lines += [
            "static asc_state_t state;",
            f"void m{index}_case(const int8_t *input, int8_t *output) {{",
            "    asc_init(&state);",
            "    memcpy(asc_input(&state), input, ASC_INPUT_BYTES);",
            "    asc_run(&state);",
            "    memcpy(output, asc_output(&state), ASC_OUTPUT_BYTES);",
            "}",
        ]
        unit = folder / f"unit{index}.c"
        unit.write_text("\n".join(lines) + "\n")
        units.append(unit)
        rows.append(f"    {{m{index}_case, {in_bytes}, {out_bytes}}},")
    declarations = [f"void m{index}_case(const int8_t *input, int8_t *output);" for index in range(len(models))]
    header = [
        "#include <stdint.h>",
        f"#define N_CASES {len(models)}",
        "typedef struct {",
        "    void (*run)(const int8_t *input, int8_t *output);",
        "    uint32_t input_bytes, output_bytes;",
        "} case_t;",
        "extern const case_t cases[N_CASES];",
        *declarations,
    ]
    (folder / "cases.h").write_text("\n".join(header) + "\n")
    table = folder / "cases.c"
    table.write_text('#include "cases.h"\nconst case_t cases[N_CASES] = {\n' + "\n".join(rows) + "\n};\n")
    return [*units, table]


def compile_objects(compiler: Sequence[str], sources: Sequence[Path], folder: Path, include: Path) -> list[Path]:
    """Compile sources with the warnings of the project as errors."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [*compiler, *WARNINGS, *INCLUDES, f"-I{include}", "-c", *map(str, sources)]
    subprocess.run(command, cwd=folder, check=True)
    return [folder / f"{path.stem}.o" for path in sources]


def runtime_sources(*kernel_sets: KernelSetName) -> list[Path]:
    """All files of the runtime for a core that runs some kernel sets beside the portable one: C and assembler."""
    folders = {"frontend", "listening", PORTABLE, *kernel_sets}
    return sorted(path for path in RUNTIME.glob("*/*.[cS]") if path.parent.name in folders)


def run_on_host(
    cases: Sequence[Case], folder: Path, kernels: Sequence[Path], compiler: Sequence[str]
) -> list[np.ndarray]:
    """Compile and run cases; return the outputs of each, shape [vectors, output bytes]."""
    (folder / "main.c").write_text(_MAIN)
    sources = [*write_cases([case.model for case in cases], folder), folder / "main.c"]
    objects = compile_objects(compiler, sources, folder / "objects", folder)
    program = folder / "program"
    subprocess.run([*compiler, "-o", str(program), *map(str, [*objects, *kernels]), "-lm"], check=True)
    done = subprocess.run([str(program)], input=request(cases), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return split_outputs(cases, done.stdout)


def request(cases: Sequence[Case]) -> bytes:
    """What the programs read: for every input the number of its case, then the input."""
    return b"".join(
        index.to_bytes(4, "little") + vector.tobytes() for index, case in enumerate(cases) for vector in case.inputs
    )


def split_outputs(cases: Sequence[Case], data: bytes) -> list[np.ndarray]:
    """Cut what a program wrote into the cases' outputs."""
    outputs, at = [], 0
    for case in cases:
        size = model_info(case.model).output.n_elements
        end = at + size * len(case.inputs)
        outputs.append(np.frombuffer(data[at:end], np.int8).reshape(len(case.inputs), size))
        at = end
    assert at == len(data)
    return outputs


def reference(case: Case) -> np.ndarray:
    """What TFLite's reference kernels compute, each vector from the first state on, shape [vectors, output bytes]."""
    model = Int8Model(case.model)
    shape = model.input_details["shape"]
    outputs = []
    for vector in case.inputs:
        if read_model(case.model).variables:
            model = Int8Model(case.model)
        outputs.append(model.run(vector.reshape(shape)).reshape(-1))
    return np.stack(outputs)


def assert_equal(cases: Sequence[Case], outputs: Sequence[np.ndarray]) -> None:
    """Compare with the reference kernels, all bytes."""
    for case, output in zip(cases, outputs, strict=True):
        expected = reference(case)
        differing = np.argwhere(expected != output)
        assert differing.size == 0, (
            f"{case.what}: {len(differing)} of {expected.size} differ, first at {differing[0]}: "
            f"expected {expected[tuple(differing[0])]}, got {output[tuple(differing[0])]}"
        )


def run_example(firmware: Path) -> int:
    """Compile the example of a firmware folder with its engine and nothing else, run it and return its answer."""
    engine = firmware / "engine"
    sources = [firmware / "example" / "main.c", *sorted(engine.glob("*.c"))]
    command = [
        "gcc",
        *WARNINGS,
        *SANITIZE,
        f"-I{engine}",
        *map(str, sources),
        "-lm",
        "-o",
        str(firmware / "example.out"),
    ]
    subprocess.run(command, check=True)
    return subprocess.run([firmware / "example.out"], check=False, stderr=subprocess.PIPE).returncode
