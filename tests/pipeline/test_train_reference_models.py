"""Published networks besides CP-Mobile: their counts, their features, and one of them from recording to board."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import soundfile

from asc_kit.bundle import Bundle
from asc_kit.errors import SpecError
from asc_kit.frontend import FrontEndSpec, log_mel
from asc_kit.train.complexity import complexity_of
from asc_kit.train.models import build_model
from asc_kit.train.recipe import load_recipe

# DCASE 2022 Task 1, the baseline's operators and their MACs as published with it
PUBLISHED_2022 = [
    ("c1_conv", 1_599_360),
    ("c2_conv", 25_589_760),
    ("c2_pool", 32_000),
    ("c3_conv", 2_007_040),
    ("c3_pool", 2_560),
    ("dense", 3_200),
    ("logits", 1_000),
]
PUBLISHED_2022_BYTES = 46_512

# ResNet11 by hand: weights at the resolution of the first block, the second and the others; batch normalizations of
# 7 x 32, 3 x 64, 3 x 128 and 10 channels, two values each. 16.5 and 169.6 million for 28 and 280 frames.
NORM = 2 * (7 * 32 + 3 * 64 + 3 * 128 + 10)
RESNET11_MACS = [
    (800 + 10_240) * 64 * width + 18_432 * 32 * (width // 2) + 52_480 * 16 * (width // 4) + NORM for width in (14, 140)
]


def build(name: str, overrides: tuple[str, ...] = ()) -> tuple[Any, FrontEndSpec]:
    recipe = load_recipe(name, overrides)
    return build_model(recipe.model, recipe.model_settings, recipe.frontend, 10), recipe.frontend


@pytest.mark.parametrize(
    ("name", "overrides", "shape", "trained", "in_all", "macs"),
    [
        ("dcase2021_baseline", (), (40, 500, 1), 46_118, 46_246, 287_303_638),
        ("dcase2022_baseline", (), (40, 51, 1), 46_118, 46_246, 29_271_638),
        ("dcase2021_resnet11", (), (128, 28, 1), 83_572, 83_572 + NORM, RESNET11_MACS[0]),
        ("dcase2021_resnet11", ("clip_samples=430592",), (128, 280, 1), 83_572, 83_572 + NORM, RESNET11_MACS[1]),
    ],
)
def test_counts(
    name: str, overrides: tuple[str, ...], shape: tuple[int, ...], trained: int, in_all: int, macs: int
) -> None:
    model, spec = build(name, overrides)
    counted = complexity_of(model, spec.clip_seconds)
    assert model.input_shape == (None, *shape)
    assert model.output_shape == (None, 10)
    assert (counted.parameters, model.count_params(), counted.macs) == (trained, in_all, macs)


def macs_of_2022(layer: Any) -> int:
    """Count a layer as the tool of DCASE 2022 did: weights without biases, elements that a pool reads.

    For a dense layer it took the last axis of the tensor before Flatten, here 32 of 2 x 1 x 32, for all of the input.
    """
    outputs = int(np.prod(layer.output.shape[1:]))
    if isinstance(layer, keras.layers.Conv2D):
        return outputs * int(np.prod(layer.kernel.shape[:3]))
    if isinstance(layer, keras.layers.MaxPooling2D):
        return outputs * int(np.prod(layer.pool_size))
    if isinstance(layer, keras.layers.Dense):
        return outputs * (32 if layer.name == "dense" else int(layer.input.shape[-1]))
    return 0


def test_the_published_table_of_2022() -> None:
    model, _ = build("dcase2022_baseline")
    rows = [(layer.name, macs_of_2022(layer)) for layer in model.layers]
    assert [row for row in rows if row[1]] == PUBLISHED_2022
    assert sum(macs for _, macs in rows) == 29_234_920
    before_flatten = model.get_layer("flat").input.shape[1:]
    assert tuple(before_flatten) == (2, 1, 32)


def test_dropout_is_as_published() -> None:
    model, _ = build("dcase2021_baseline")
    dropouts = [layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    assert [(layer.name, layer.rate) for layer in dropouts] == [
        ("c2_dropout", 0.3),
        ("c3_dropout", 0.3),
        ("dense_dropout", 0.3),
    ]


@pytest.mark.parametrize("name", ["dcase2021_baseline", "dcase2022_baseline"])
def test_features_of_the_baselines(name: str) -> None:
    spec = load_recipe(name).frontend
    assert spec.win_length == 0.04 * spec.sample_rate_hz
    assert spec.hop_length == spec.win_length / 2
    assert (spec.sample_rate_hz, spec.n_fft, spec.n_mels, spec.power) == (44_100, 2048, 40, 1)
    assert (spec.window, spec.window_periodic, spec.center, spec.pad_mode) == ("hamming", True, True, "reflect")
    assert (spec.mel_scale, spec.mel_norm, spec.f_min_hz, spec.f_max_hz) == ("slaney", "slaney", 0, 22_050)
    assert (spec.log, spec.log_offset) == ("natural", np.spacing(1.0))


def test_ten_seconds_less_a_sample_are_the_published_frames() -> None:
    spec = load_recipe("dcase2021_baseline").frontend
    audio = np.random.default_rng(0).uniform(-1, 1, 441_000).astype(np.float32)
    published = log_mel(audio, replace(spec, clip_samples=441_000))
    ours = log_mel(audio[: spec.clip_samples], spec)
    assert (len(published), len(ours)) == (501, 500)
    assert np.array_equal(ours[:499], published[:499])
    assert not np.array_equal(ours[499], published[499])
    # the pattern of all bands of the last frame is the same sound still
    assert np.corrcoef(ours[499], published[499])[0, 1] > 0.9


def test_features_of_resnet11() -> None:
    spec = load_recipe("dcase2021_resnet11").frontend
    assert (spec.sample_rate_hz, spec.clip_seconds) == (44_100, 1)
    assert (spec.win_length, spec.hop_length, spec.window, spec.n_mels) == (2048, 1536, "hann", 128)
    assert spec.n_frames == 28


@pytest.mark.parametrize(
    ("name", "overrides", "message"),
    [
        ("dcase2021_baseline", ("clip_samples=44100",), "need 500 frames or more. Received: 51"),
        ("dcase2022_baseline", ("second_pool=[9, 10]",), "need 45 mel bands or more. Received: 40"),
        ("dcase2021_resnet11", ("clip_samples=8000",), "Received: 128 x 4"),
        ("dcase2021_resnet11", ("n_mels=6",), "Received: 6 x 28"),
    ],
)
def test_features_too_small_for_the_pools(name: str, overrides: tuple[str, ...], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        build(name, overrides)
    assert message in caught.value.message
    assert caught.value.hint


def test_the_smallest_features_that_are_taken() -> None:
    model, _ = build("dcase2021_resnet11", ("n_mels=7", f"clip_samples={2048 + 6 * 1536}"))
    assert model.get_layer("b3_relu").output.shape[1:3] == (1, 1)
    model, _ = build("dcase2022_baseline", ("n_mels=20", f"clip_samples={49 * 882}"))
    assert model.get_layer("c3_pool").output.shape[1:3] == (1, 1)


def write_noise_data(root: Path) -> Path:
    """Ten classes, three clips each of one second: noise, in each class through another one-pole filter."""
    rng = np.random.default_rng(5)
    (root / "audio").mkdir(parents=True)
    tables: dict[str, list[str]] = {"train": ["filename\tscene_label"], "test": ["filename\tscene_label"]}
    meta = ["filename\tscene_label\tidentifier\tsource_label"]
    for index in range(30):
        label, split = f"scene{index % 10}", "test" if index >= 20 else "train"
        noise = rng.uniform(-0.3, 0.3, 44_100)
        audio = noise + 0.2 * (index % 10 - 5) * np.roll(noise, 1)
        name = f"audio/{index}.wav"
        soundfile.write(root / name, audio.clip(-1, 1), 44_100, subtype="PCM_16")
        meta.append(f"{name}\t{label}\tcity-{index}\ta")
        tables[split].append(f"{name}\t{label}")
    (root / "meta.csv").write_text("\n".join(meta) + "\n")
    for split, lines in tables.items():
        (root / f"{split}.csv").write_text("\n".join(lines) + "\n")
    return root


def run_command(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "asc_kit", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def constant_bytes(model: bytes) -> int:
    import tflite

    flatbuffer = tflite.Model.GetRootAs(model, 0)
    graph = flatbuffer.Subgraphs(0)
    sizes = {"INT8": 1, "INT32": 4}
    kinds = {value: name for name, value in vars(tflite.TensorType).items() if isinstance(value, int)}
    total = 0
    for position in range(graph.TensorsLength()):
        tensor = graph.Tensors(position)
        # weights and biases: the shape that a reshape takes is a constant as well, but not a parameter
        if flatbuffer.Buffers(tensor.Buffer()).DataLength() and tensor.Quantization().ScaleLength():
            total += sizes[kinds[tensor.Type()]] * int(np.prod(tensor.ShapeAsNumpy()))
    return total


def test_from_recordings_to_the_host_board(tmp_path: Path) -> None:
    write_noise_data(tmp_path / "data")
    settings = ("--epochs", "2", "--set", "batch_size=10")
    run_command(tmp_path, "train", "dcase2022_baseline", "--data", "data", "--out", "run", *settings)
    run_command(tmp_path, "export", "run", "--out", "bundle", "--representative", "10")
    bundle = Bundle.open(tmp_path / "bundle")
    assert bundle.manifest.input.shape == (1, 40, 51, 1)
    assert constant_bytes(bundle.model_path.read_bytes()) == PUBLISHED_2022_BYTES
    outputs = [bundle.golden(entry).output for entry in bundle.manifest.golden]
    assert len({output.tobytes() for output in outputs}) > 3
    result = json.loads(run_command(tmp_path, "bench", "bundle", "--board", "host", "--data", "data", "--json"))
    assert (result["clips"], result["bit_identical"]) == (10, 10)
