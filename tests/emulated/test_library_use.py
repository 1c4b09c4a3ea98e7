"""A library in a program of one's own, on this machine and on an emulated board."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from emulated_cases import missing_tools
from engine_cases import reference
from int8_case import Case
from library_programs import MISUSE, MISUSE_ANSWERS, NO_INPUT, NULL, PIECES, run_program
from reference_networks import cp_mobile, ds_cnn
from tone_bundle import make_tone_bundle

from asc_kit.bundle import Bundle
from asc_kit.cli import cli
from asc_kit.firmware import read_firmware
from asc_kit.hardware.core import load_core
from asc_kit.inference.interpreter import Int8Model

needs_emulator = pytest.mark.skipif(bool(missing_tools()), reason=f"needs {missing_tools()}")
PLACES = [
    pytest.param("native", None, marks=pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")),
    pytest.param("cortex-m4f", "qemu-mps2-an386", marks=needs_emulator),
]


def write_library(model: Path, core: str, out: Path, *options: str) -> Path:
    """Write a library; return the folder of its engine."""
    arguments = ["firmware", str(model), "--core", core, "--out", str(out), *options]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.output
    return out / "engine"


@pytest.mark.parametrize(("core", "board"), PLACES)
def test_misuse_is_answered(core: str, board: str | None, tmp_path: Path) -> None:
    engine = write_library(make_tone_bundle(tmp_path / "bundle"), core, tmp_path / "fw")
    assert run_program(MISUSE, [engine], b"", len(MISUSE_ANSWERS), tmp_path, board) == MISUSE_ANSWERS


@pytest.mark.parametrize(("core", "board"), PLACES)
@pytest.mark.parametrize("network", [cp_mobile, ds_cnn])
def test_a_run_in_pieces(network: Callable[[], Case], core: str, board: str | None, tmp_path: Path) -> None:
    case = network()
    (tmp_path / "network.tflite").write_bytes(case.model)
    engine = write_library(tmp_path / "network.tflite", core, tmp_path / "fw")
    expected = reference(case)[0].tobytes()
    answer = run_program(PIECES, [engine], case.inputs[0].tobytes(), 2 * len(expected) + 3, tmp_path, board)
    assert answer == 2 * expected + bytes([True, NO_INPUT, NULL])
    header = (engine / "asc_model.h").read_text()
    longest = int(re.findall(r"ASC_LONGEST_PIECE_MACS (\d+)u", header)[0])
    macs = sum(operator.macs for operator in read_firmware(tmp_path / "fw").operators)
    assert macs / int(re.findall(r"ASC_N_PIECES (\d+)u", header)[0]) < longest < macs / 5


TWO = """
#include "kws_model.h"
#include "scene_model.h"
#include <string.h>
#include "cases.h"
static kws_state_t kws;
static scene_state_t scene;
void program(const int8_t *input, int8_t *output) {
    static int16_t samples[KWS_CLIP_SAMPLES];
    memcpy(samples, input, sizeof samples);
    (void)kws_init(&kws);
    (void)kws_push_samples(&kws, samples, KWS_CLIP_SAMPLES);
    (void)scene_init(&scene);
    memcpy(scene_input(&scene), input + sizeof samples, SCENE_INPUT_BYTES);
    memcpy(output, kws_input(&kws), KWS_INPUT_BYTES);
    output += KWS_INPUT_BYTES;
    *output++ = (int8_t)kws_run(&kws);
    *output++ = (int8_t)scene_run(&scene);
    memcpy(output, kws_output(&kws), KWS_OUTPUT_BYTES);
    memcpy(output + KWS_OUTPUT_BYTES, scene_output(&scene), SCENE_OUTPUT_BYTES);
}
"""


@pytest.mark.parametrize(("core", "board"), PLACES)
def test_two_networks_in_one_image(core: str, board: str | None, tmp_path: Path) -> None:
    """Each in a folder of its own; both exact; kernels, which both folders have, are there once."""
    bundle = Bundle.open(make_tone_bundle(tmp_path / "bundle"))
    case = ds_cnn()
    (tmp_path / "scene.tflite").write_bytes(case.model)
    kws = write_library(bundle.path, core, tmp_path / "kws", "--prefix", "kws")
    scene = write_library(tmp_path / "scene.tflite", core, tmp_path / "scene", "--prefix", "scene")
    shared = {path.name for path in kws.iterdir()} & {path.name for path in scene.iterdir()}
    assert any(name.startswith("asc_fully_connected") and name[-1] in "cS" for name in shared)
    assert all((kws / name).read_bytes() == (scene / name).read_bytes() for name in shared)
    entry = bundle.manifest.golden[0]
    audio = bundle.golden(entry).audio
    request = audio.astype("<i2").tobytes() + case.inputs[0].tobytes()
    n_features, n_labels = bundle.manifest.input.n_elements, len(bundle.manifest.labels)
    expected = reference(case)[0]
    n_answer = n_features + 2 + n_labels + expected.size
    answer = np.frombuffer(run_program(TWO, [kws, scene], request, n_answer, tmp_path, board), np.int8)
    features, statuses, outputs = np.split(answer, [n_features, n_features + 2])
    assert not statuses.any() and np.unique(features).size > 5
    heard = Int8Model(bundle.model_path.read_bytes()).run(features.reshape(bundle.manifest.input.shape))
    assert np.array_equal(outputs, np.concatenate([heard.reshape(-1), expected]))
    image = tmp_path / ("program" if board is None else "image.elf")
    listing = subprocess.run(["nm" if board is None else "arm-none-eabi-nm", image], capture_output=True, text=True)
    names = [line.split()[-1] for line in listing.stdout.splitlines() if re.search(r" [TWVDRB] ", line)]
    assert {"kws_run", "scene_run"} <= set(names) and len(names) == len(set(names))
    assert not [name for name in names if name in ("asc_run", "asc_labels", "asc_input")]


def test_everything_that_networks_share_is_weak(tmp_path: Path) -> None:
    for core, tool in (("native", ""), ("cortex-m4f", "arm-none-eabi-"), ("cortex-m55", "arm-none-eabi-")):
        if shutil.which(f"{tool}gcc") is None:
            continue
        (tmp_path / core).mkdir()
        (tmp_path / "scene.tflite").write_bytes(cp_mobile().model)
        models = [tmp_path / "scene.tflite"] if tool else []
        if core != "cortex-m55":
            models.append(make_tone_bundle(tmp_path / core / "bundle"))
        for number, model in enumerate(models):
            engine = write_library(model, core, tmp_path / core / f"fw{number}", "--prefix", "kws")
            sources = sorted(engine.glob("*.[cS]"))
            flags = load_core(core).toolchain.cflags
            objects = tmp_path / core / str(number)
            objects.mkdir()
            subprocess.run([f"{tool}gcc", *flags, "-c", *sources], cwd=objects, check=True)
            for path in objects.glob("*.o"):
                listing = subprocess.run([f"{tool}nm", "-g", "--defined-only", path], capture_output=True, text=True)
                for line in listing.stdout.splitlines():
                    _, kind, name = line.split()
                    assert name.startswith("kws_") if kind != "W" else name.startswith("asc_"), line


def test_labels_keep_their_words(tmp_path: Path) -> None:
    (tmp_path / "model.tflite").write_bytes(cp_mobile().model)
    labels = ["asc_run", "ASC_ARENA_BYTES", 'say "asc_init"', *(f"class {index}" for index in range(7))]
    (tmp_path / "labels.txt").write_text("\n".join(labels))
    options = ("--prefix", "kws", "--labels", str(tmp_path / "labels.txt"))
    engine = write_library(tmp_path / "model.tflite", "native", tmp_path / "fw", *options)
    text = (engine / "kws_model.c").read_text()
    assert '"asc_run",' in text and '"ASC_ARENA_BYTES",' in text and "asc_init\\" in text
    own = "".join((engine / f"kws_{name}").read_text() for name in ("model.h", "weights.h", "weights.c"))
    assert not re.findall(r"asc_(?:run|init|state_t|step_\d+\w*|model|weights)\b", own)


@pytest.mark.parametrize("prefix", ["", "Kws", "2", "asc", "asc_kws", "my_library", "a-b", "kws_", "a" * 25])
def test_prefixes_that_are_refused(prefix: str, tmp_path: Path) -> None:
    bundle = make_tone_bundle(tmp_path / "bundle")
    arguments = ["firmware", str(bundle), "--core", "native", "--prefix", prefix, "--out", str(tmp_path / "fw")]
    assert CliRunner().invoke(cli, arguments).exit_code == 2 and not (tmp_path / "fw").exists()
    board = [*arguments[:2], "--board", "host", "--prefix", "kws", "--out", str(tmp_path / "fw")]
    refused = CliRunner().invoke(cli, board)
    assert refused.exit_code == 2 and "--prefix goes with" in refused.output
