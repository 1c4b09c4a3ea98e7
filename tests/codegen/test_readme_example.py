"""The C example of README.md, in a program that is not ours: the engine's folder, one file more, one compiler call."""

import re
import subprocess
from pathlib import Path

import numpy as np
from engine_cases import run_example
from int8_models import ModelBuilder
from tone_bundle import FRONTEND, LABELS, make_tone_bundle, tone

from asc_kit.bundle import Bundle
from asc_kit.firmware_gen.generate import generate, generate_bare
from asc_kit.hardware.board import load_board

README = Path(__file__).resolve().parents[2] / "README.md"
MAIN = """
#include <stdio.h>

int main(void)
{
    static int16_t samples[ASC_CLIP_SAMPLES];
    while (fread(samples, sizeof samples, 1, stdin) == 1) {
        puts(asc_labels[classify(samples)]);
    }
    return 0;
}
"""


def test_the_example_classifies(tmp_path: Path) -> None:
    (example,) = re.findall(r"^```c\n(.*?)^```", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    engine = tmp_path / "firmware" / "engine"
    generate(Bundle.open(make_tone_bundle(tmp_path / "bundle")), load_board("host"), engine.parent)
    (tmp_path / "main.c").write_text(example + MAIN)
    sources = [tmp_path / "main.c", *sorted(engine.glob("*.c"))]
    command = [
        "gcc",
        "-std=c99",
        "-Wall",
        "-Wextra",
        "-Werror",
        f"-I{engine}",
        *map(str, sources),
        "-lm",
        "-o",
        "classify",
    ]
    subprocess.run(command, cwd=tmp_path, check=True)
    clips = [tone(440, 0.5, 8000), tone(2000, 0.5, 8000), np.zeros(FRONTEND.clip_samples)]
    audio = np.round(np.stack(clips) * 32768).astype("<i2")
    output = subprocess.run([tmp_path / "classify"], input=audio.tobytes(), capture_output=True, check=True).stdout
    assert output.decode().split() == ["low", "high", "quiet"]


def test_the_example_of_the_folder(tmp_path: Path) -> None:
    """Of a bundle it hears silence; of a bare model it gives the index of the largest output."""
    generate(Bundle.open(make_tone_bundle(tmp_path / "bundle")), load_board("host"), tmp_path / "heard")
    assert LABELS[run_example(tmp_path / "heard")] == "quiet"
    builder = ModelBuilder()
    source, output = builder.activation((1, 3), 0.1, 5), builder.activation((1, 4), 0.1, 5)
    weights = builder.constant(np.zeros((4, 3), np.int8), [0.01])
    bias = builder.constant(np.array([0, 100, 900, 300], np.int32), [0.001])
    builder.operator("FULLY_CONNECTED", [source, weights, bias], output, "FullyConnectedOptions")
    (tmp_path / "bare.tflite").write_bytes(builder.finish(source, output))
    generate_bare(tmp_path / "bare.tflite", load_board("host"), tmp_path / "bare")
    assert run_example(tmp_path / "bare") == 2


NETWORK = """
#include "asc_model.h"
static asc_state_t state;
int %(name)s_run(void);
int %(name)s_run(void)
{
    asc_init(&state);
    for (int i = 0; i < ASC_INPUT_BYTES; i++) {
        asc_input(&state)[i] = ASC_INPUT_ZERO_POINT;
    }
    asc_run(&state);
    return asc_output(&state)[0];
}
"""
BOTH = """
int one_run(void);
int two_run(void);
int main(void)
{
    return one_run() == 11 && two_run() == 22 ? 0 : 1;
}
"""


def test_two_networks_in_one_program(tmp_path: Path) -> None:
    """As docs/engine/use.md says: each linked with a C file of its own to one object, whose other names are local."""
    for name, answer in (("one", 11), ("two", 22)):
        builder = ModelBuilder()
        source, output = builder.activation((1, 3), 0.1, 0), builder.activation((1, 1), 0.1, 0)
        weights = builder.constant(np.zeros((1, 3), np.int8), [0.01])
        bias = builder.constant(np.array([answer * 100], np.int32), [0.001])
        builder.operator("FULLY_CONNECTED", [source, weights, bias], output, "FullyConnectedOptions")
        (tmp_path / f"{name}.tflite").write_bytes(builder.finish(source, output))
        generate_bare(tmp_path / f"{name}.tflite", load_board("host"), tmp_path / name)
        (tmp_path / f"{name}.c").write_text(NETWORK % {"name": name})
        engine = tmp_path / name / "engine"
        sources = [f"{name}.c", *map(str, sorted(engine.glob("*.c")))]
        link = ["gcc", "-r", "-nostdlib", f"-I{engine}", *sources, "-o", f"{name}.o"]
        subprocess.run(link, cwd=tmp_path, check=True)
        subprocess.run(["objcopy", "-w", "--localize-symbol=asc_*", f"{name}.o"], cwd=tmp_path, check=True)
    (tmp_path / "main.c").write_text(BOTH)
    subprocess.run(["gcc", "main.c", "one.o", "two.o", "-lm", "-o", "both"], cwd=tmp_path, check=True)
    assert subprocess.run([tmp_path / "both"], check=False).returncode == 0
