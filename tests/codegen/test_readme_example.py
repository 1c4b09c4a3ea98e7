"""The C example of README.md, in a program that is not ours: the engine's folder, one file more, one compiler call."""

import re
import subprocess
from pathlib import Path

import numpy as np
from tone_bundle import FRONTEND, make_tone_bundle, tone

from asc_kit.board import load_board
from asc_kit.bundle import Bundle
from asc_kit.firmware_gen.generate import generate

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
