"""Every recipe, from recordings to all emulated boards: trained for a moment, exported, built, booted and measured."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from memory_replay import Memory
from small_settings import SMALL_SETTINGS

from asc_kit.bundle import Bundle
from asc_kit.cli import cli
from asc_kit.firmware_gen import generate
from asc_kit.firmware_gen.network.row_call import OVER_READ
from asc_kit.firmware_gen.plan.plan import Plan, make_plan
from asc_kit.hardware.board import board_names
from asc_kit.train.recipe import load_recipe, recipe_names

SCENES = (
    "airport", "bus", "metro", "metro_station", "park",
    "public_square", "shopping_mall", "street_pedestrian", "street_traffic", "tram",
)  # fmt: skip
RATE_HZ = 44100
BOARDS = tuple(name for name in board_names() if name.startswith("qemu-"))
"""Every core."""
ONE_OF_A_KIND = ("qemu-mps2-an385", "qemu-mps2-an386", "qemu-mps3-an547")
"""Plain C, DSP instructions, Helium."""
AUDIO_TOO = "qemu-mps2-an386"
BOTH_WAYS = ("cp_mobile_micro",)
SIBLINGS = (
    "dsmn_model1", "dsmn_model2", "dsmn_model4", "dcase2021_resnet11", "dcase2021_resnet11_se", "dcase2021_baseline",
    "dcase2022_baseline", "dcase2024_baseline", "micro_1m", "micro_10m",
)  # fmt: skip
"""Their kinds of blocks are all in the others: dsmn_model3 splits one block and not the rest, and weighs channels as
ResNet11 with SE does; the baseline of 2024 has the blocks of cp_mobile_micro; the CNN baselines and the other two
micro networks have the operators of micro_5m."""
MACS_APART = 0.1
"""Measured on the small networks: 0.015 at most, and 0.06 to 0.085 for the four of DSMN."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two training clips and one test clip per scene: noise around a frequency of the scene's own."""
    root = tmp_path_factory.mktemp("scenes")
    (root / "audio").mkdir()
    rng = np.random.default_rng(11)
    meta = ["filename\tscene_label\tidentifier\tsource_label"]
    splits: dict[str, list[str]] = {"train": [], "test": []}
    for number, scene in enumerate(SCENES):
        for index, device in enumerate("aba"):
            carrier = np.sin(2 * np.pi * 200 * 1.5**number * np.arange(RATE_HZ) / RATE_HZ)
            audio = 0.3 * carrier * rng.uniform(0.2, 1, RATE_HZ) + 0.02 * rng.standard_normal(RATE_HZ)
            name = f"audio/{scene}-{index}.wav"
            soundfile.write(root / name, audio.clip(-1, 1), RATE_HZ, subtype="PCM_16")
            meta.append(f"{name}\t{scene}\tcity-{index}\t{device}")
            splits["test" if index == 2 else "train"].append(f"{name}\t{scene}")
    (root / "meta.csv").write_text("\n".join(meta) + "\n")
    for name, lines in splits.items():
        (root / f"{name}.csv").write_text("\n".join(["filename\tscene_label", *lines]) + "\n")
    return root


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> list[Plan]:
    """The plans that firmware is generated from, as they are made."""
    made: list[Plan] = []

    def remember(*arguments: Any, **options: Any) -> Plan:
        made.append(make_plan(*arguments, **options))
        return made[-1]

    monkeypatch.setattr(generate, "make_plan", remember)
    return made


def asc_kit(*arguments: object) -> None:
    """Run a command in this process: starting TensorFlow for every one of them would take most of the time."""
    cli.main([str(argument) for argument in arguments], standalone_mode=False)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in SIBLINGS else ()) for name in recipe_names()]
)
def test_small_with_every_set_of_kernels(name: str, data: Path, plans: list[Plan], tmp_path: Path) -> None:
    # fine-tuning takes all that export has; its shorter way to int8 is every network's in test_train_recipes_convert
    boards: dict[str, tuple[str, ...]] = {"qat": ONE_OF_A_KIND} | ({"ptq": (AUDIO_TOO,)} if name in BOTH_WAYS else {})
    train_export_and_measure(name, SMALL_SETTINGS[name], boards, data, plans, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", recipe_names())
def test_at_full_size_on_all_boards(name: str, data: Path, plans: list[Plan], tmp_path: Path) -> None:
    train_export_and_measure(name, (), {"qat": BOARDS, "ptq": BOARDS}, data, plans, tmp_path)


def train_export_and_measure(
    name: str,
    settings: Sequence[str],
    boards: dict[str, tuple[str, ...]],
    data: Path,
    plans: list[Plan],
    tmp_path: Path,
) -> None:
    """Check all that is written on the way; `boards` are those of each way to int8."""
    run = tmp_path / "run"
    changed = [word for setting in ("batch_size=10", *settings) for word in ("--set", setting)]
    asc_kit("train", name, "--data", data, "--out", run, "--epochs", 1, *changed)
    methods: dict[str, tuple[object, ...]] = {"qat": ("--qat-epochs", 1, "--calibration", "percentile"), "ptq": ()}
    for method in boards:
        bundle = tmp_path / f"bundle_{method}"
        asc_kit("export", run, "--out", bundle, "--representative", 10, "--quantize", method, *methods[method])
        assert Bundle.open(bundle).manifest.provenance.quantization.method == method
        for board in boards[method]:
            out = tmp_path / f"{method}_{board}"
            # the serial line is a serial line: ten seconds of audio take their time
            short = load_recipe(name, settings).frontend.clip_seconds < 2
            mode = "audio" if board == AUDIO_TOO and short else "features"
            clips = 2 if board == AUDIO_TOO else 1
            options = ("--board", board, "--mode", mode, "--limit", clips)
            asc_kit("bench", bundle, *options, "--data", data, "--out", out)
            results = json.loads((out / "results.json").read_text())
            # in either mode against the reference kernels, on the input that the board itself used
            assert results["bit_identical"] == results["clips"] == clips
            # training counts layers of Keras, the firmware the operators of the flatbuffer: they part over what is
            # folded or computed otherwise, batch normalization, averages and grouped convolutions
            in_firmware = sum(operator["macs"] for operator in results["profile"])
            assert abs(in_firmware / results["macs"] - 1) < MACS_APART
            if mode == "audio":
                assert results["feature_mismatch_share"] <= 0.02  # noise and tones that fill no band: fronts' own tests
    assert len(plans) == sum(map(len, boards.values()))
    for plan in plans:
        Memory(plan).run()
        # of a small network's arena, 1.5 kB for CP-Mobile, what aligns it to 16 bytes is more: 7 % with Helium
        if not settings:
            assert plan.arena_bytes <= 1.05 * plan.overlap_bound_bytes + OVER_READ
