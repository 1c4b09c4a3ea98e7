"""Published networks besides CP-Mobile: their counts, their features, and one of them from recording to board."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from asc_kit.bundle import Bundle
from asc_kit.challenge_rules import YEARS, check_rules
from asc_kit.errors import SpecError
from asc_kit.frontend import FrontEndSpec, log_mel
from asc_kit.run import KERAS_MODEL, MANIFEST
from asc_kit.train.commands.complexity import complexity as complexity_command
from asc_kit.train.complexity.counting import complexity_of
from asc_kit.train.models import build_model, usual_labels
from asc_kit.train.network import load_keras_model
from asc_kit.train.recipe import load_recipe, recipe_names

DOCS = Path(__file__).parents[2] / "docs"

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


# What attention adds to the five blocks. SE: two dense layers, 2 c * c / 16. CBAM: the same two as convolutions, each
# at one place, for the mean and for the maximum; and 7 x 7 x 2 weights and a bias at every place of the block.
BLOCK_CHANNELS, BLOCK_PLACES = (32, 32, 32, 64, 128), (64 * 14, 32 * 7, 16 * 3, 16 * 3, 16 * 3)
SE = sum(2 * c * c // 16 for c in BLOCK_CHANNELS)
CBAM_MACS = 2 * SE + 99 * sum(BLOCK_PLACES)

# DCASE 2019 Task 2: the baseline's table, as published
PUBLISHED_2019 = """
C(3x3, 16, 1) | 144 | 1.4M
SC(3x3, 64, 1) | 1.2K | 11.2M
SC(3x3, 128, 2) | 8.8K | 21M
SC(3x3, 128, 1) | 17.5K | 42.1M
SC(3x3, 256, 2) | 33.9K | 20.4M
SC(3x3, 256, 1) | 67.8K | 40.7M
SC(3x3, 512, 2) | 133.4K | 20.8M
SC(3x3, 512, 1) | 266.8K | 41.6M
SC(3x3, 512, 1) | 266.8K | 41.6M
SC(3x3, 512, 1) | 266.8K | 41.6M
SC(3x3, 512, 1) | 266.8K | 41.6M
SC(3x3, 512, 1) | 266.8K | 41.6M
SC(3x3, 1024, 2) | 528.9K | 22.2M
SC(3x3, 1024, 1) | 1.1M | 44.4M
Logistic(80) | 81.9K | 81.9K
Total | 3.3M | 432.4M
"""
# channels after the first convolution and after each separable one, with biases or batch normalizations of both halves
MOBILENET_CHANNELS = (16, 64, 128, 128, 256, 256, *(512,) * 6, 1024, 1024)
MOBILENET_NORM = 2 * (sum(MOBILENET_CHANNELS) + sum(MOBILENET_CHANNELS[:-1]))

# DSMN: parameters and MACs of the published code, by model
DSMN = {1: (45_164, 8_645_641), 2: (56_556, 25_441_889), 3: (56_172, 16_746_033), 4: (140_748, 20_920_441)}


def build(name: str, overrides: tuple[str, ...] = (), n_labels: int = 10) -> tuple[Any, FrontEndSpec]:
    recipe = load_recipe(name, overrides)
    return build_model(recipe.model, recipe.model_settings, recipe.frontend, n_labels), recipe.frontend


@pytest.mark.parametrize(
    ("name", "overrides", "shape", "trained", "in_all", "macs"),
    [
        ("dcase2021_baseline", (), (40, 500, 1), 46_118, 46_246, 287_303_638),
        ("dcase2022_baseline", (), (40, 51, 1), 46_118, 46_246, 29_271_638),
        ("dcase2021_resnet11", (), (128, 28, 1), 83_572, 83_572 + NORM, RESNET11_MACS[0]),
        ("dcase2021_resnet11", ("clip_samples=430592",), (128, 280, 1), 83_572, 83_572 + NORM, RESNET11_MACS[1]),
        ("dcase2021_resnet11_se", (), (128, 28, 1), 86_516, 86_516 + NORM, RESNET11_MACS[0] + SE),
        ("dcase2021_resnet11_cbam", (), (128, 28, 1), 87_011, 87_011 + NORM, RESNET11_MACS[0] + CBAM_MACS),
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


@pytest.mark.parametrize("name", ["dcase2021_resnet11", "dcase2021_resnet11_se", "dcase2021_resnet11_cbam"])
@pytest.mark.parametrize("frames", [28, 43])
@pytest.mark.parametrize("n_mels", [128, 256])
def test_the_features_that_resnet11_was_tried_with(name: str, frames: int, n_mels: int) -> None:
    # the settings that the recipe's comment names
    more = ("hop_length=1024", "clip_samples=45056") if frames == 43 else ()
    spec = load_recipe(name, (*more, f"n_mels={n_mels}")).frontend
    assert spec.input_shape == (1, n_mels, frames, 1)
    assert abs(spec.clip_seconds - 1) < 0.025


def test_parameters_that_are_not_zero_before_training_are_those_reported_for_se() -> None:
    """The report counts 85,706 of 86,516: all but the shifts of the batch normalizations, which begin at zero."""
    model, spec = build("dcase2021_resnet11_se")
    assert complexity_of(model, spec.clip_seconds).nonzero_parameters == 85_706 == 86_516 - NORM // 2


def rounded(value: int) -> str:
    """Write a number as the table of 2019 does."""
    if value < 1000:
        return str(value)
    return f"{value / 1e6:.1f}M".replace(".0M", "M") if value >= 1e6 else f"{value / 1e3:.1f}K"


def test_the_published_table_of_2019() -> None:
    model, spec = build("dcase2019_task2", n_labels=80)
    assert (model.input_shape, model.output_shape) == ((None, 100, 96, 1), (None, 80))
    rows: dict[str, list[int]] = {}
    strides: dict[str, Any] = {}
    for layer in model.layers:
        # kernels alone, without the classifier's biases, and what they multiply
        if hasattr(layer, "kernel"):
            row, size = layer.name.split("_")[0], int(np.prod(layer.kernel.shape))
            places = int(np.prod(layer.output.shape[1:-1]))
            counts = rows.setdefault(row, [0, 0])
            counts[0], counts[1] = counts[0] + size, counts[1] + size * places
            strides[row] = max(strides.get(row, 1), getattr(layer, "strides", (1,))[0])
    table = []
    for row, (weights, multiplies) in rows.items():
        channels = (
            80
            if row == "logits"
            else model.get_layer(f"{row}_conv" if row == "c0" else f"{row}_pointwise_conv").filters
        )
        kind = "Logistic(80)" if row == "logits" else f"{'C' if row == 'c0' else 'SC'}(3x3, {channels}, {strides[row]})"
        table.append(f"{kind} | {rounded(weights)} | {rounded(multiplies)}")
    totals = [sum(counts[i] for counts in rows.values()) for i in range(2)]
    assert totals == [3_265_120, 432_376_832]
    table.append(f"Total | {rounded(totals[0])} | {rounded(totals[1])}")
    assert table == PUBLISHED_2019.strip().splitlines()
    # by the rule of 2024 the 80 biases and two values per normalized channel count as well
    counted = complexity_of(model, spec.clip_seconds)
    assert counted.parameters == totals[0] + 80 + MOBILENET_NORM
    assert counted.macs == totals[1] + 80 + MOBILENET_NORM


def test_settings_of_mobilenet() -> None:
    narrow, _ = build("dcase2019_task2", ("width=0.25", "global_pool=max", "dropout=0.4"), n_labels=5)
    assert [layer.filters for layer in narrow.layers if type(layer) is keras.layers.Conv2D][:3] == [4, 16, 32]
    assert isinstance(narrow.get_layer("global_pool"), keras.layers.GlobalMaxPooling2D)
    assert narrow.get_layer("dropout").rate == 0.4
    plain, _ = build("dcase2019_task2", ("batch_norm=false", "weights_init_stddev=0.02", "width=0.5"), n_labels=5)
    assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in plain.layers)
    for layer in plain.layers:
        if hasattr(layer, "kernel"):
            assert layer.use_bias
            assert not np.any(layer.bias)
    for name in ("sc13_pointwise_conv", "sc7_depthwise_conv"):
        assert abs(np.std(plain.get_layer(name).kernel) - 0.02) < 0.001
    norm = build("dcase2019_task2", ("width=0.1", "bn_momentum=0.9", "bn_epsilon=0.01"))[0].get_layer("c0_bn")
    assert (norm.momentum, norm.epsilon) == (0.9, 0.01)


def dsmn_counts(channels: tuple[int, ...], splits: tuple[bool, ...]) -> tuple[int, int]:
    """Count DSMN by its geometry: every convolution's weights and biases, and how many places it has."""
    layers = [(3 * 16, 44 * 256)]  # (parameters, places)
    height, width, inputs = 44, 256, 16
    for outputs, split in zip(channels, splits, strict=True):
        half = inputs // 2
        width //= 2 if split else 1
        places = height * width
        for weights, size in ((inputs, inputs), (inputs, inputs), (inputs, half)):
            layers += [(weights, places), (3 * size, places), (3 * size, places), (2 * size, 1)]
        joined = half if split else 3 * half
        layers += [((inputs + 1) * half, places)] * 2 + [
            (3, joined),
            ((joined + 1) * outputs, places),
            (2 * outputs, 1),
        ]
        height, width, inputs = height // 2, width if split else width // 2, outputs
    means = sum(channels[1:])
    layers += [((means + 1) * 100, 1), (101 * 10, 1), (101 * 3, 1)]
    return sum(parameters for parameters, _ in layers), sum(parameters * places for parameters, places in layers)


@pytest.mark.parametrize("number", DSMN)
def test_counts_of_dsmn(number: int) -> None:
    recipe = load_recipe(f"dsmn_model{number}")
    model, spec = build(f"dsmn_model{number}")
    assert model.input_shape == (None, 44, 256, 2)
    assert model.output_shape == [(None, 10), (None, 3)]
    assert [layer.name for layer in model.layers[-2:]] == ["logits", "coarse"]
    counted = complexity_of(model, spec.clip_seconds)
    settings = recipe.model_settings
    assert (counted.parameters, counted.macs) == DSMN[number]
    assert dsmn_counts(tuple(settings["channels"]), tuple(settings["split"])) == DSMN[number]
    # the three convolutions that one layer stands for have a row each
    rows = [(row.name, row.parameters) for row in counted.layers if row.name.startswith("b1_plus3_conv")]
    assert rows == [("b1_plus3_conv_channel", 16), ("b1_plus3_conv_rows", 24), ("b1_plus3_conv_columns", 24)]


# Ours, by hand: the convolutions' weights at 32 x 16, 16 x 8 and 8 x 4 places, two values per normalized channel, and
# the classifier with its 8 or 2 parts of the frequency range and its biases.
MICRO = {
    "micro_1m": (200 + 640) * 512 + (1_152 + 256 + 128) * 128 + (4_608 + 1_024 + 512 + 1_536 + 2_304 + 1_536) * 32,
    "micro_5m": (400 + 2_560) * 512 + (4_608 + 9_216 + 512) * 128 + (13_824 + 2_304 + 1_536 + 10_240) * 32,
    "micro_10m": (600 + 5_760) * 512 + (10_368 + 20_736 + 1_152) * 128 + (27_648 + 4_096 + 3_072 + 21_504) * 32,
}
MICRO_NORM = {"micro_1m": 3 * 8 + 3 * (16 + 32 + 48), "micro_5m": 3 * (16 + 32 + 48 + 64), "micro_10m": 3 * 232}


@pytest.mark.parametrize(("name", "limit", "bands"), [("micro_1m", 1, 8), ("micro_5m", 5, 2), ("micro_10m", 10, 2)])
def test_micro_recipes_stay_within_their_budgets(name: str, limit: int, bands: int) -> None:
    model, spec = build(name)
    assert model.input_shape == (None, 64, 32, 1)
    counted = complexity_of(model, spec.clip_seconds)
    assert counted.macs_per_second <= limit * 1_000_000
    channels = model.get_layer("bands").input.shape[-1]
    assert counted.macs == MICRO[name] + 2 * MICRO_NORM[name] + (bands * channels + 1) * 10


def test_the_smallest_features_of_micro() -> None:
    model, _ = build("micro_1m", ("n_mels=7", "hop_length=5000"))
    assert model.input_shape == (None, 7, 7, 1)
    assert model.get_layer("bands").input.shape[1:3] == (1, 1)


def test_dsmn_without_its_second_task() -> None:
    model, spec = build("dsmn_model1", ("coarse_outputs=0",))
    assert model.output_shape == (None, 10)
    assert complexity_of(model, spec.clip_seconds).parameters == DSMN[1][0] - 303


@pytest.mark.parametrize("name", recipe_names())
def test_documented_figures(name: str) -> None:
    recipe = load_recipe(name)
    counted = complexity_of(build(name, (), usual_labels(recipe.model))[0], recipe.frontend.clip_seconds)
    rows, by_rule = (
        [line for line in (DOCS / file).read_text().splitlines() if line.startswith(f"| `{name}` |")]
        for file in ("recipes.md", "complexity.md")
    )
    shape = " × ".join(str(n) for n in recipe.frontend.input_shape[1:] if n > 1)
    assert [cell.strip() for cell in rows[0].split("|")[2:5]] == [
        shape,
        f"{counted.parameters:,}",
        f"{counted.macs_per_second:,}",
    ]
    counts = counted.counts(trained=False)
    checks = {check.rule: check.limits for check in check_rules(counts)}
    widest = [
        next((one.precision for one in checks[year] if one.unit == "bytes" and one.holds), "none")
        for year in ("2021", "2024")
    ]
    assert [cell.strip() for cell in by_rule[0].split("|")[2:6]] == [
        f"{counted.parameters + counted.running_statistics:,}",
        widest[0],
        f"{checks['2022'][-1].value:,}",
        widest[1],
    ]


def test_the_published_table_of_2022() -> None:
    model, spec = build("dcase2022_baseline")
    counted = complexity_of(model, spec.clip_seconds)
    assert [(layer.name, layer.macs_2022) for layer in counted.layers if layer.macs_2022] == PUBLISHED_2022
    assert counted.macs_2022 == 29_234_920


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


def test_features_of_2019() -> None:
    recipe = load_recipe("dcase2019_task2")
    spec = recipe.frontend
    assert (spec.sample_rate_hz, spec.win_length, spec.hop_length) == (44_100, round(0.025 * 44_100), 441)
    assert (spec.n_mels, spec.f_min_hz, spec.f_max_hz, spec.log_offset, spec.power) == (96, 20, 20_000, 0.001, 1)
    assert spec.input_shape == (1, 100, 96, 1)
    assert recipe.hop_samples == 50 * spec.hop_length
    assert recipe.task == "multi_label"


@pytest.mark.parametrize("number", DSMN)
def test_features_and_tasks_of_dsmn(number: int) -> None:
    recipe = load_recipe(f"dsmn_model{number}")
    spec = recipe.frontend
    assert (spec.n_fft, spec.win_length, spec.hop_length, spec.n_mels) == (4096, 4096, 1024, 256)
    assert (spec.standardize, spec.delta_width, spec.log, spec.log_offset) == ("clip", 5, "log10", 1e-10)
    assert recipe.training.gradients == "pcgrad"
    assert [len(labels) for labels in recipe.training.coarse_classes.values()] == [3, 4, 3]
    assert recipe.model_settings["coarse_outputs"] == len(recipe.training.coarse_classes)


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
        ("dsmn_model1", ("clip_samples=31000",), "Received: 31 x 256"),
        ("dsmn_model1", ("n_mels=40",), "block 4 has 5 mel bands to split in two. Received: 40 bands"),
        ("dsmn_model2", ("n_mels=31",), "Received: 44 x 31"),
        ("micro_1m", ("n_mels=6",), "Received: 6 x 32"),
        ("micro_1m", ("classifier_bands=3",), "8 bands after the pools cannot be told apart in 3 parts"),
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
    check_complexity_of_bundle(tmp_path, result["memory"]["arena_bytes"])
    check_complexity_of_run(tmp_path / "run")


def check_complexity_of_bundle(folder: Path, arena_bytes: int) -> None:
    """What was published of the int8 baseline, by every rule within its limits, in the arena that the board reports."""
    rules = [f"--enforce={year}" for year in YEARS]
    document = json.loads(run_command(folder, "complexity", "bundle", "--json", *rules))
    counts, deployed = document["counts"], document["deployed"]
    assert counts["storage"][0]["parameter_bytes"] == PUBLISHED_2022_BYTES
    assert counts["macs_2022"] == 29_234_920
    assert document["float_network"] == {"parameters": 46_118, "macs": 29_271_638, "macs_per_second": 29_271_638}
    # batch normalization is gone, scale and shift of 64 channels
    assert counts["parameters"] == deployed["parameters"] == 46_118 - 2 * 64
    assert deployed["arena_bytes"] == arena_bytes


def check_complexity_of_run(run: Path) -> None:
    """`complexity` of a run counts the trained weights that are zero, and takes no settings."""

    def command(*options: str) -> Any:
        return CliRunner().invoke(complexity_command, [str(run), *options])

    before = json.loads(command("--json").stdout)
    model = load_keras_model(run / KERAS_MODEL)
    kernel = model.get_layer("c2_conv").kernel
    kernel.assign(np.zeros(kernel.shape))
    model.save(run / KERAS_MODEL)
    after = json.loads(command("--json").stdout)
    counts = [document["counts"] for document in (before, after)]
    in_manifest = json.loads((run / MANIFEST).read_text())["parameters"]
    assert [count["parameters"] for count in counts] == [in_manifest, in_manifest]
    assert counts[0]["nonzero_parameters"] - counts[1]["nonzero_parameters"] == 7 * 7 * 16 * 16
    assert re.search(rf"  not zero +{counts[1]['nonzero_parameters']:,} ", command().stdout)
    # a pruned weight leaves memory of 2021 alone smaller
    shares = [{check["rule"]: check["limits"] for check in document["rules"]} for document in (before, after)]
    assert shares[0].pop("2021") != shares[1].pop("2021") and shares[0] == shares[1]
    for option in ("--labels=3", "--set=epochs=3"):
        assert command(option).exit_code == 2
