"""Every recipe, from recordings to an emulated board: trained for a moment, exported, built, booted and measured."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asc_kit.bundle import Bundle
from asc_kit.cli import cli
from asc_kit.firmware_gen.plan import make_plan
from asc_kit.firmware_gen.reader import read_model
from asc_kit.firmware_gen.row_call import OVER_READ
from asc_kit.train.recipe import load_recipe, recipe_names

SCENES = (
    "airport", "bus", "metro", "metro_station", "park",
    "public_square", "shopping_mall", "street_pedestrian", "street_traffic", "tram",
)  # fmt: skip
RATE_HZ = 44100
# One of each family but DSMN, whose second time through export takes half a minute, and all attention there is.
AFTER_TRAINING_TOO = (
    "cp_mobile_micro", "dcase2021_baseline", "dcase2021_resnet11_cbam", "dcase2021_resnet11_se", "dcase2022_baseline",
    "micro_1m",
)  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two training clips and one test clip per scene: noise around a frequency of the scene's own."""
    root = tmp_path_factory.mktemp("scenes")
    (root / "audio").mkdir()
    rng = np.random.default_rng(11)
    meta, splits = ["filename\tscene_label\tidentifier\tsource_label"], {"train": [], "test": []}
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


def asc_kit(*arguments: object) -> None:
    """Run a command in this process: starting TensorFlow for every one of them would take most of the time."""
    cli.main([str(argument) for argument in arguments], standalone_mode=False)


@pytest.mark.parametrize("name", recipe_names())
def test_it_trains_exports_and_runs_on_the_board(name: str, data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    asc_kit("train", name, "--data", data, "--out", run, "--epochs", 1, "--set", "batch_size=10")
    recipe = load_recipe(name)
    # the serial line is a serial line: ten seconds of audio take their time
    mode = "audio" if recipe.frontend.clip_seconds < 2 else "features"
    board = ("--board", "qemu-mps2-an386", "--mode", mode, "--limit", 2)
    methods = {"qat": ("--qat-epochs", 1, "--calibration", "percentile"), "ptq": ()}
    for method, options in methods.items():
        if method == "ptq" and name not in AFTER_TRAINING_TOO:
            continue
        bundle, out = tmp_path / f"bundle_{method}", tmp_path / f"results_{method}"
        asc_kit("export", run, "--out", bundle, "--representative", 10, "--quantize", method, *options)
        assert Bundle.open(bundle).manifest.provenance.quantization.method == method
        asc_kit("bench", bundle, *board, "--data", data, "--out", out)
        results = json.loads((out / "results.json").read_text())
        # in either mode against the reference kernels, on the input that the board itself used
        assert results["bit_identical"] == results["clips"] == 2
        assert results["macs"] > 0.9 * json.loads((run / "run.json").read_text())["macs"]
        if method == "qat":
            memory_is_near_its_bound(bundle)
            helium = ("--board", "qemu-mps3-an547", "--mode", "features", "--limit", 1)
            asc_kit("bench", bundle, *helium, "--data", data, "--out", tmp_path / "helium")
            assert json.loads((tmp_path / "helium" / "results.json").read_text())["bit_identical"] == 1
        if mode == "audio":
            assert results["feature_mismatch_share"] <= 0.02  # noise and tones that fill no band: the fronts' own tests


def memory_is_near_its_bound(bundle: Path) -> None:
    """The arena is at most 5 % above what any placement needs."""
    for kernels in ("portable", "dsp"):
        plan = make_plan(read_model(Bundle.open(bundle).model_path.read_bytes()), kernels)
        assert plan.arena_bytes <= 1.05 * plan.overlap_bound_bytes + OVER_READ
