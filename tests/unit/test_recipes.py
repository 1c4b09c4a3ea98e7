"""Recipes: what ships, and what is refused. No TensorFlow is needed for any of it."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from asc_kit.errors import SpecError
from asc_kit.quantization import QuantizationSettings
from asc_kit.train.models import model_names
from asc_kit.train.recipe import load_recipe, override, recipe_names

DOCS = Path(__file__).parents[2] / "docs" / "recipes.md"


def test_recipes_ship() -> None:
    assert set(recipe_names()) == {
        "cp_mobile_micro",
        "dcase2019_task2",
        "dcase2021_baseline",
        "dcase2021_resnet11",
        "dcase2021_resnet11_cbam",
        "dcase2021_resnet11_se",
        "dcase2022_baseline",
        "dcase2024_baseline",
        "dsmn_model1",
        "dsmn_model2",
        "dsmn_model3",
        "dsmn_model4",
        "micro_10m",
        "micro_1m",
        "micro_5m",
    }


@pytest.mark.parametrize("name", recipe_names())
def test_recipe_is_named_after_its_file_and_its_model_exists(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    assert recipe.model in model_names()


def test_baseline_is_as_published() -> None:
    recipe = load_recipe("dcase2024_baseline")
    spec, training, augmentation = recipe.frontend, recipe.training, recipe.augmentation
    assert (spec.sample_rate_hz, spec.clip_samples) == (32000, 32000)
    assert (spec.n_fft, spec.win_length, spec.hop_length, spec.n_mels) == (4096, 3072, 500, 256)
    assert (spec.window, spec.window_periodic, spec.center, spec.pad_mode) == ("hann", True, True, "reflect")
    assert (spec.mel_scale, spec.mel_norm, spec.power, spec.log, spec.log_offset) == ("htk", "none", 2, "natural", 1e-5)
    assert (spec.f_min_hz, spec.f_max_hz) == (0, 16000)
    assert spec.input_shape == (1, 256, 65, 1)
    assert (training.epochs, training.batch_size, training.warmup_steps) == (150, 256, 2000)
    assert (training.learning_rate, training.weight_decay) == (0.005, 1e-4)
    assert (augmentation.mixstyle_p, augmentation.mixstyle_alpha) == (0.4, 0.3)
    assert (augmentation.frequency_mask_bands, augmentation.time_roll_s) == (48, 0.1)


def test_micro_takes_a_second_as_64_by_32() -> None:
    spec = load_recipe("cp_mobile_micro").frontend
    assert spec.input_shape == (1, 64, 32, 1)
    assert spec.clip_seconds == 1


def test_variants_of_resnet11_differ_in_their_attention_alone() -> None:
    plain = load_recipe("dcase2021_resnet11")
    for attention in ("se", "cbam"):
        recipe = load_recipe(f"dcase2021_resnet11_{attention}")
        assert recipe.model_settings == {**plain.model_settings, "attention": attention}
        assert (recipe.frontend, recipe.training, recipe.augmentation) == (
            plain.frontend,
            plain.training,
            plain.augmentation,
        )


def test_variants_of_dsmn_differ_in_their_blocks_alone() -> None:
    first, *others = (load_recipe(f"dsmn_model{number}") for number in range(1, 5))
    for recipe in others:
        blocks = {key: recipe.model_settings[key] for key in ("channels", "split")}
        assert recipe.model_settings == {**first.model_settings, **blocks}
        assert (recipe.frontend, recipe.training, recipe.augmentation) == (
            first.frontend,
            first.training,
            first.augmentation,
        )


def test_tagging_baseline_trains_as_published() -> None:
    training = load_recipe("dcase2019_task2").training
    assert (training.optimizer, training.adam_epsilon, training.learning_rate) == ("adam", 1e-8, 1e-4)
    assert (training.batch_size, training.schedule, training.label_smoothing) == (64, "constant", 0)
    assert training.decay_epochs == 2.5


# every hyperparameter of the DCASE 2019 Task 2 baseline but warmstart, with a value that is not its default:
# docs/recipes.md has the same table for people
HPARAMS_2019 = {
    "stft_window_seconds": "win_length=2000",
    "stft_hop_seconds": "hop_length=500",
    "mel_bands": "n_mels=64",
    "mel_min_hz": "f_min_hz=50.0",
    "mel_max_hz": "f_max_hz=16000.0",
    "mel_log_offset": "log_offset=0.01",
    "example_window_seconds": "clip_samples=24000",
    "example_hop_seconds": "hop_s=0.25",
    "batch_size": "batch_size=32",
    "global_pool": "global_pool=max",
    "dropout": "dropout=0.2",
    "lsmooth": "label_smoothing=0.3",
    "weights_init_stddev": "weights_init_stddev=0.01",
    "bn": "batch_norm=false",
    "bndecay": "bn_momentum=0.99",
    "bneps": "bn_epsilon=0.01",
    "opt": "optimizer=sgd",
    "lr": "learning_rate=3e-3",
    "adam_eps": "adam_epsilon=1e-7",
    "lrdecay": "decay_rate=0.94",
    "decay_epochs": "decay_epochs=1.0",
}


@pytest.mark.parametrize("hparam", HPARAMS_2019)
def test_every_hyperparameter_of_2019_can_be_set(hparam: str) -> None:
    recipe = load_recipe("dcase2019_task2")
    assert override(recipe, [HPARAMS_2019[hparam]]) != recipe
    name = HPARAMS_2019[hparam].partition("=")[0]
    row = next(line for line in DOCS.read_text().splitlines() if line.startswith(f"| `{hparam}`"))
    assert f"`{name}" in row


@pytest.mark.parametrize("name", recipe_names())
def test_recipe_is_documented(name: str) -> None:
    assert f"| `{name}` |" in DOCS.read_text()


def test_overrides_by_path_and_by_last_part() -> None:
    recipe = load_recipe(
        "cp_mobile_micro",
        [
            "training.batch_size=7",
            "epochs=3",
            "window=hamming",
            "center = false",
            "blocks=[1, 1]",
            "frontend.n_mels=40",
        ],
    )
    assert (recipe.training.batch_size, recipe.training.epochs) == (7, 3)
    assert (recipe.frontend.window, recipe.frontend.center, recipe.frontend.n_mels) == ("hamming", False, 40)
    assert recipe.model_settings["blocks"] == [1, 1]


def test_a_recipe_says_how_it_is_quantized(tmp_path: Path) -> None:
    plain = load_recipe("cp_mobile_micro").quantization
    words = ["quantization.method=qat", "calibration=percentile", "percentile=99.9", "qat_epochs=2"]
    changed = load_recipe("cp_mobile_micro", words).quantization
    assert changed == replace(plain, method="qat", calibration="percentile", percentile=99.9, qat_epochs=2)
    text = (Path(__file__).parents[2] / "train" / "recipes" / "cp_mobile_micro.toml").read_text()
    path = tmp_path / "mine.toml"
    head = text.partition("\n[quantization]")[0]
    path.write_text(head + '\n[quantization]\ncalibration = "mse"\nbias_correction = true\n')
    assert load_recipe(str(path)).quantization == QuantizationSettings(calibration="mse", bias_correction=True)
    path.write_text(head + "\n[quantization]\nbits = 4\n")
    with pytest.raises(SpecError, match=r"quantization\.bits"):
        load_recipe(str(path))


def test_a_setting_left_to_its_default_can_be_overridden(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "train" / "recipes" / "cp_mobile_micro.toml").read_text()
    path = tmp_path / "mine.toml"
    path.write_text(text.replace("expansion = 2.1\n", "").replace("label_smoothing = 0.0\n", ""))
    recipe = load_recipe(str(path), ["expansion=3.0", "label_smoothing=0.1", "strides={b2=[2, 2]}"])
    assert recipe.model_settings["expansion"] == 3.0
    assert recipe.model_settings["strides"] == {"b2": [2, 2]}
    assert recipe.training.label_smoothing == 0.1


def test_overriding_leaves_the_rest_alone() -> None:
    recipe = load_recipe("cp_mobile_micro")
    changed = override(recipe, ["epochs=99"])
    assert changed.training.epochs == 99
    assert changed.frontend == recipe.frontend
    assert changed.frontend.spec_id == recipe.frontend.spec_id


@pytest.mark.parametrize(
    ("item", "message", "hint"),
    [
        ("batchsize=3", "no setting 'batchsize'", "batch_size"),
        ("frontend.hoplength=3", "no setting", "frontend.hop_length"),
        ("batch_size", "name=value", "training.batch_size=64"),
        ("batch_size=-1", "training.batch_size", None),
        ("batch_size=many", "training.batch_size", None),
        ("window=flat", "frontend.window", None),
        ("hop_length=0", "frontend.hop_length", None),
        ("blocks=[0]", "blocks", None),
        ("base_channels=1000000", "base_channels", None),
    ],
)
def test_bad_overrides_are_refused(item: str, message: str, hint: str | None) -> None:
    with pytest.raises(SpecError) as caught:
        load_recipe("cp_mobile_micro", [item])
    assert message in caught.value.message
    if hint:
        assert hint in (caught.value.hint or "")


def test_unknown_recipe_suggests_the_nearest() -> None:
    with pytest.raises(SpecError) as caught:
        load_recipe("cp_mobil_micro")
    assert "did you mean cp_mobile_micro" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('model = "cp_mobile"', 'model = "resnet"', "no model 'resnet'"),
        ("epochs = 20", "epochs = 20\nepoch = 3", "training.epoch"),
        ("base_channels = 24", "base_chanels = 24", "base_chanels"),
        ("n_mels = 64", "", "frontend.n_mels"),
        ("n_mels = 64", "n_mels = ", "cannot be read as TOML"),
        ("f_max_hz = 8000.0", "f_max_hz = 9000.0", "f_max_hz must be at most half"),
    ],
)
def test_a_recipe_with_a_mistake_is_refused_where_it_is_read(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = (Path(__file__).parents[2] / "train" / "recipes" / "cp_mobile_micro.toml").read_text()
    assert old in text
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(old, new))
    with pytest.raises(SpecError) as caught:
        load_recipe(str(path))
    assert message in caught.value.message


def test_a_missing_file_is_refused() -> None:
    with pytest.raises(SpecError, match=r"no/such\.toml does not exist"):
        load_recipe("no/such.toml")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SpecError, match=r"x\.toml cannot be read as TOML"):
        load_recipe(str(tmp_path / "x.toml"))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["train", "cp_mobile_mikro"], "did you mean cp_mobile_micro"),
        (["train", "cp_mobile_micro", "--set", "epoch=3"], "did you mean epochs"),
        (["train", "cp_mobile_micro", "--epochs", "0"], "x>=1"),
    ],
)
def test_mistakes_in_the_command_end_with_2_and_write_nothing(
    tmp_path: Path, arguments: list[str], expected: str
) -> None:
    command = [sys.executable, "-m", "asc_kit", *arguments, "--data", "data", "--out", "run"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2, done.stderr
    assert expected in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_setting_like_none_lists_each_once() -> None:
    with pytest.raises(SpecError) as caught:
        load_recipe("cp_mobile_micro", ["zzzzzzzz=1"])
    names = (caught.value.hint or "").removeprefix("known: ").split(", ")
    assert "training.epochs" in names and "epochs" not in names and len(names) == len(set(names))
