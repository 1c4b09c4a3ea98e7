"""Export end to end: what a bundle holds, that it repeats byte for byte, what it says of itself."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tensorflow as tf
from click.testing import CliRunner
from exported_tones import RUN, SETTINGS
from operator_counts import operator_counts
from sample_evaluation import perfect_evaluation
from tone_data import BANDS_HZ

from asc_kit.bundle import Bundle
from asc_kit.cli import cli
from asc_kit.dataset import Clip, Dataset, read_dataset
from asc_kit.errors import ModelError
from asc_kit.export.c_array import c_array
from asc_kit.export.graph_check import check_integer
from asc_kit.export.network.affine import Affine
from asc_kit.export.network.execution import run
from asc_kit.export.network.reading import read_network
from asc_kit.export.quantization.simulation import fake_quantizer
from asc_kit.export.representative import representative_clips
from asc_kit.frontend import log_mel
from asc_kit.inference.int8_scores import map_int8
from asc_kit.inference.interpreter import Int8Model
from asc_kit.quantization import QuantizationSettings
from asc_kit.recordings.audio import from_int16
from asc_kit.recordings.sampling import balance
from asc_kit.records.record import to_plain
from asc_kit.run import Run


@pytest.fixture(scope="module")
def folder(exported: Path) -> Path:
    return exported


@pytest.fixture(scope="module")
def bundle(folder: Path) -> Bundle:
    return Bundle.open(folder / "bundle")


def test_int8_is_as_good_as_float(folder: Path, bundle: Bundle) -> None:
    provenance = bundle.manifest.provenance
    run = Run.open(folder / RUN).manifest
    assert provenance.metrics_float.accuracy == run.evaluation.accuracy
    # the same network on features of NumPy instead of the graph's
    assert abs(provenance.metrics_float.log_loss - run.evaluation.log_loss) < 1e-3
    assert provenance.metrics_int8.data_id == run.evaluation.data_id
    assert provenance.metrics_float.clips == provenance.metrics_int8.clips == 24
    assert provenance.metrics_int8.accuracy >= 0.8
    assert abs(provenance.metrics_int8.accuracy - provenance.metrics_float.accuracy) <= 1 / 24 + 1e-9


def test_the_record_says_where_it_comes_from(folder: Path, bundle: Bundle) -> None:
    run = Run.open(folder / RUN).manifest
    manifest = bundle.manifest
    assert manifest.labels == tuple(sorted(BANDS_HZ))
    assert manifest.frontend == run.frontend
    assert manifest.input.shape == run.frontend.input_shape
    assert manifest.output.shape == (1, 3)
    assert (manifest.parameters, manifest.macs) == (run.parameters, run.macs)
    assert manifest.provenance.representative_clips == 30
    assert manifest.provenance.train_data_id == run.train_data_id
    assert manifest.provenance.train_recording_devices == ("a", "b")
    text = (folder / "bundle" / "bundle.json").read_text()
    assert str(folder) not in text, "a bundle must not tell where it was made"


def test_the_model_is_integer_throughout_and_has_no_stray_operators(bundle: Bundle) -> None:
    model = bundle.model_path.read_bytes()
    check_integer(model)
    # two blocks; the first keeps its channels, so it has a shortcut, and strides, so that is averaged, by a depthwise
    # convolution
    assert operator_counts(model) == {
        "ADD": 1,
        "CONV_2D": 2 + 2 * 2 + 1,
        "DEPTHWISE_CONV_2D": 2 + 1,
        "MEAN": 1,
    }


def test_golden_clips_are_reproduced(bundle: Bundle, folder: Path) -> None:
    model = Int8Model(bundle.model_path.read_bytes())
    entries = bundle.manifest.golden
    assert len(entries) == 10
    assert {entry.scene_label for entry in entries} == set(BANDS_HZ)
    assert {entry.recording_device for entry in entries} == {"a", "b", "c"}
    test_names = {clip.filename for clip in read_dataset(folder / "data").split("test").clips}
    outputs = []
    for entry in entries:
        golden = bundle.golden(entry)
        assert entry.filename in test_names
        recorded, _ = soundfile.read(folder / "data" / entry.filename, dtype="int16")
        assert np.array_equal(golden.audio, recorded)
        assert np.array_equal(golden.features, log_mel(from_int16(golden.audio), bundle.manifest.frontend))
        assert np.array_equal(golden.input, bundle.features_to_input(golden.features))
        assert np.array_equal(golden.output, model.run(golden.input))
        outputs.append(golden.output.reshape(-1))
    assert len({output.tobytes() for output in outputs}) > 3
    inputs = [bundle.golden(entry).input for entry in entries]
    data = bundle.model_path.read_bytes()
    mapped = map_int8(data, lambda each, index: each.run(inputs[index]).reshape(-1), len(inputs), "golden")
    assert np.array_equal(np.stack(mapped), np.stack(outputs))


def tree(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_same_run_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    # the run and the data in another place, by the command line, in another process
    shutil.copytree(folder / RUN, tmp_path / "moved_run")
    shutil.copytree(folder / "data", tmp_path / "moved_data")
    command = [sys.executable, "-m", "asc_kit", "export", "moved_run", "--out", "bundle", "--data", "moved_data"]
    done = subprocess.run(
        [*command, "--representative", "30", "--json"], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert tree(tmp_path / "bundle") == tree(folder / "bundle")
    assert json.loads(done.stdout) == json.loads((folder / "bundle" / "bundle.json").read_text())


def test_evaluate_a_bundle(folder: Path, bundle: Bundle) -> None:
    command = [sys.executable, "-m", "asc_kit", "evaluate", "bundle", "--data", "data", "--json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    # two ways to the same scores: all at once at export, clip by clip here
    assert document == to_plain(bundle.manifest.provenance.metrics_int8)


PROGRAM = """
#include <stdio.h>
#include <stdint.h>
#include "asc_model_data.h"
int main(void)
{
    if (sizeof asc_model_data != ASC_MODEL_DATA_BYTES || ((uintptr_t)asc_model_data) % 16u != 0u) {
        return 1;
    }
    return fwrite(asc_model_data, 1, ASC_MODEL_DATA_BYTES, stdout) == ASC_MODEL_DATA_BYTES ? 0 : 2;
}
"""
C_FLAGS = (
    "-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wundef -Wvla -Wcast-qual -Wdouble-promotion "
    "-Wstrict-prototypes -Wmissing-prototypes -Werror"
).split()
CXX_FLAGS = [flag for flag in C_FLAGS if "prototypes" not in flag]


@pytest.mark.parametrize(
    "compiler",
    [
        ["gcc", "-std=c99", *C_FLAGS],
        ["gcc", "-std=c11", *C_FLAGS],
        ["clang", "-std=c99", *C_FLAGS],
        ["g++", "-std=c++11", "-x", "c++", *CXX_FLAGS],
        ["clang++", "-std=c++17", "-x", "c++", *CXX_FLAGS],
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_the_c_array_compiles_without_warnings_and_holds_the_model(
    bundle: Bundle, tmp_path: Path, compiler: list[str]
) -> None:
    if shutil.which(compiler[0]) is None:
        pytest.skip(f"needs {compiler[0]}")
    (tmp_path / "main.c").write_text(PROGRAM)
    command = [*compiler, "-I", str(bundle.path), "main.c", str(bundle.path / "asc_model_data.c"), "-o", "program"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    printed = subprocess.run([tmp_path / "program"], capture_output=True, check=True, timeout=60).stdout
    assert printed == bundle.model_path.read_bytes()


def test_labels_cannot_break_out_of_the_comment(bundle: Bundle) -> None:
    labels = ("*/ int evil;", "/* more", "what??/")
    figures = perfect_evaluation(labels)
    provenance = replace(bundle.manifest.provenance, metrics_float=figures, metrics_int8=figures)
    manifest = replace(bundle.manifest, labels=labels, provenance=provenance, variants=())
    header = c_array(b"\x01\x02", manifest)["asc_model_data.h"]
    comment = header[: header.index("#ifndef")]
    assert comment.count("*/") == 1
    assert comment.count("/*") == 1
    assert "??" not in comment


def test_a_float_island_is_refused(tmp_path: Path) -> None:
    class Island(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((1, 4, 4, 2), tf.float32)])
        def serve(self, x: tf.Tensor) -> tf.Tensor:
            return tf.math.sin(tf.nn.relu(x))

    module = Island()
    tf.saved_model.save(module, str(tmp_path), signatures={"serve": module.serve})
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path), signature_keys=["serve"])
    with pytest.raises(ModelError, match=r"is not integer: its tensor .* is float32"):
        check_integer(converter.convert())


# --- the clips that set the ranges ---------------------------------------------------------------


def test_representative_clips_are_spread_over_classes_and_devices(folder: Path) -> None:
    chosen = representative_clips(Run.open(folder / RUN), folder / "data", 12)
    pairs = [(clip.scene_label, clip.recording_device) for clip in chosen.dataset.clips]
    assert all(pairs.count((label, device)) == 2 for label in BANDS_HZ for device in ("a", "b"))
    train_names = {clip.filename for clip in read_dataset(folder / "data").split("train").clips}
    assert {clip.filename for clip in chosen.dataset.clips} <= train_names
    assert chosen.features.shape == (12, *Run.open(folder / RUN).manifest.frontend.input_shape[1:])


def clips(n: int, labels: int, devices: int) -> Iterator[Clip]:
    for index in range(n):
        yield Clip(
            filename=f"{index}.wav",
            labels=(f"l{index % labels}",),
            identifier="x",
            recording_device=f"d{index // labels % devices}",
        )


def test_stratified_does_not_depend_on_the_order_of_the_table() -> None:
    every = tuple(clips(240, 4, 5))
    labels = ("l0", "l1", "l2", "l3")
    one = balance(Dataset(root=Path(), labels=labels, clips=every), 20)
    two = balance(Dataset(root=Path(), labels=labels, clips=every[::-1]), 20)
    assert one.clips == two.clips
    pairs = {(clip.scene_label, clip.recording_device) for clip in one.clips}
    assert len(pairs) == 20
    # even a handful reaches all classes and as many devices
    few = balance(Dataset(root=Path(), labels=labels, clips=every), 4)
    assert len({clip.scene_label for clip in few.clips}) == 4
    assert len({clip.recording_device for clip in few.clips}) == 4


def test_stratified_gives_all_where_there_are_fewer() -> None:
    every = tuple(clips(7, 2, 2))
    assert set(balance(Dataset(root=Path(), labels=("l0", "l1", "l2"), clips=every), 100).clips) == set(every)


# --- what was done is written down ---------------------------------------------------------------


def test_plain_quantization_is_written_down(bundle: Bundle) -> None:
    provenance = bundle.manifest.provenance
    assert provenance.quantization == SETTINGS
    assert provenance.quantization.method == "ptq" and bundle.manifest.variants == ()
    assert provenance.fidelity.windows == 24
    assert (provenance.fidelity.mean_steps, provenance.fidelity.same_class) == (0.0, 1.0)


@pytest.fixture(scope="module")
def fine_tuned(folder: Path) -> Bundle:
    """Everything at once, by the command."""
    options = "--quantize qat --qat-epochs 3 --qat-learning-rate 1e-3 --calibration percentile --percentile 99.9"
    corrections = "--equalize --correct-bias --representative 24 --variant float16 --variant dynamic_range"
    words = [str(folder / RUN), "--out", str(folder / "fine_tuned"), *options.split(), *corrections.split()]
    result = CliRunner().invoke(cli, ["export", *words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    line = " ".join(result.stderr.split())
    assert "QAT, percentile 99.9, equalized, biases corrected, ranges from 24 training clips" in line
    assert re.search(r"float16: [\d.]+%, [\d,]+ bytes", line) and re.search(r"dynamic_range: [\d.]+%", line)
    return Bundle.open(folder / "fine_tuned")


def test_all_that_was_asked_for_is_written_down(fine_tuned: Bundle) -> None:
    assert fine_tuned.manifest.provenance.quantization == QuantizationSettings(
        method="qat",
        calibration="percentile",
        percentile=99.9,
        representative_clips=24,
        equalization=True,
        bias_correction=True,
        qat_epochs=3,
        qat_learning_rate=1e-3,
    )
    assert fine_tuned.manifest.provenance.representative_clips == 24


def test_fine_tuned_int8_is_what_was_trained(fine_tuned: Bundle, bundle: Bundle) -> None:
    provenance = fine_tuned.manifest.provenance
    assert provenance.fidelity.windows == 24
    assert (provenance.fidelity.mean_steps, provenance.fidelity.same_class) == (0.0, 1.0)
    check_integer(fine_tuned.model_path.read_bytes())
    assert operator_counts(fine_tuned.model_path.read_bytes()) == operator_counts(bundle.model_path.read_bytes())
    assert fine_tuned.manifest.model_sha256 != bundle.manifest.model_sha256
    assert provenance.metrics_float == bundle.manifest.provenance.metrics_float
    assert provenance.metrics_int8.accuracy >= bundle.manifest.provenance.metrics_int8.accuracy - 1 / 24 - 1e-9


def test_fidelity_is_that_of_the_kernels_to_the_simulation(bundle: Bundle, folder: Path) -> None:
    """By another way: the int8 flatbuffer read back as real numbers, its own scales, and clips of the test split."""
    network = read_network(bundle.model_path.read_bytes())
    scheme = {
        index: Affine(scale=float(stored.scales[0]), zero_point=int(stored.zero_points[0]))
        for index in network.activations
        if (stored := network.tensors[index].quantization) is not None
    }
    test_set = read_dataset(folder / "data").split("test")
    inputs = []
    for clip in test_set.clips:
        audio, _ = soundfile.read(test_set.path(clip), dtype="int16")
        inputs.append(bundle.audio_to_input(from_int16(audio)))
    info, output, model = bundle.manifest.input, bundle.manifest.output, Int8Model(bundle.model_path.read_bytes())
    actual = np.stack([model.run(one).reshape(-1) for one in inputs]).astype(np.float64)
    real = info.dequantize(np.concatenate(inputs))
    simulated = run(network, real, observe=fake_quantizer(network, scheme)).reshape(actual.shape)
    steps = np.abs(simulated / output.scale + output.zero_point - actual)
    fidelity = bundle.manifest.provenance.fidelity
    assert fidelity.mean_steps == pytest.approx(steps.mean(), abs=1e-2)
    assert fidelity.max_steps == pytest.approx(steps.max(), abs=1.01)
    assert fidelity.same_class == np.mean(actual.argmax(axis=1) == simulated.argmax(axis=1))


def test_variants_are_written_and_opened(fine_tuned: Bundle) -> None:
    """They are of the network as it was trained, before quantization."""
    names = [variant.name for variant in fine_tuned.manifest.variants]
    assert names == ["float16", "dynamic_range"]
    for variant in fine_tuned.manifest.variants:
        path = fine_tuned.path / variant.filename
        assert variant.n_bytes == path.stat().st_size
        assert hashlib.sha256(path.read_bytes()).hexdigest() == variant.sha256
        assert variant.evaluation.clips == 24
        assert variant.evaluation.data_id == fine_tuned.manifest.provenance.metrics_int8.data_id
    of_float = fine_tuned.manifest.provenance.metrics_float
    assert fine_tuned.manifest.variants[0].evaluation.log_loss == pytest.approx(of_float.log_loss, abs=2e-3)
