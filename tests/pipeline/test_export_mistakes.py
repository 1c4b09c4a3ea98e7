"""Export: what is refused, in which words, and that nothing is left behind."""

import json
import re
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tensorflow as tf
from click.testing import CliRunner
from exported_tones import RUN, SETTINGS
from tone_data import SAMPLES, write_tone_data

from asc_kit.cli import cli, main
from asc_kit.errors import AscKitError, DataError
from asc_kit.export.bundling import export_run
from asc_kit.run import Run
from asc_kit.train.network import inference_model, load_keras_model, write_saved_model


@pytest.fixture(scope="module")
def folder(exported: Path) -> Path:
    return exported


def damaged(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder / "data", tmp_path / "data"))


def refused(folder: Path, data: Path, tmp_path: Path, count: int = 30) -> str:
    with pytest.raises(DataError) as caught:
        export_run(Run.open(folder / RUN), tmp_path / "bundle", data, replace(SETTINGS, representative_clips=count))
    assert not (tmp_path / "bundle").exists()
    assert not list(tmp_path.glob(".bundle*"))
    assert caught.value.hint
    return caught.value.message


def test_refused_without_data(folder: Path, tmp_path: Path) -> None:
    assert "does not exist" in refused(folder, tmp_path / "nowhere", tmp_path)


@pytest.mark.parametrize("count", [0, 2])
def test_refused_with_too_few_clips(folder: Path, tmp_path: Path, count: int) -> None:
    assert "too few" in refused(folder, folder / "data", tmp_path, count)


def test_refused_on_silence(folder: Path, tmp_path: Path) -> None:
    data = damaged(folder, tmp_path)
    for path in (data / "audio").glob("*.wav"):
        soundfile.write(path, np.zeros(SAMPLES), 8000, subtype="PCM_16")  # same size: same fingerprint
    assert "silent" in refused(folder, data, tmp_path)


def test_refused_when_the_clips_are_gone(folder: Path, tmp_path: Path) -> None:
    data = damaged(folder, tmp_path)
    for path in sorted((data / "audio").glob("low*.wav"))[:3]:
        path.unlink()
    assert re.search(r"training clips are missing", refused(folder, data, tmp_path))


def test_refused_on_other_data(folder: Path, tmp_path: Path) -> None:
    data = write_tone_data(tmp_path / "data", n_train=6)
    assert "not the split that the run was trained on" in refused(folder, data, tmp_path)


def test_refused_on_other_classes(folder: Path, tmp_path: Path) -> None:
    data = damaged(folder, tmp_path)
    for name in ("meta.csv", "train.csv", "test.csv"):
        (data / name).write_text((data / name).read_text().replace("\tmid", "\tmiddle"))
    assert "other classes" in refused(folder, data, tmp_path)


def test_a_folder_of_the_users_is_left_alone(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "notes.txt").write_text("mine")
    with pytest.raises(AscKitError, match="was not written by this command"):
        export_run(Run.open(folder / RUN), tmp_path / "bundle", settings=SETTINGS)
    assert [path.name for path in tmp_path.rglob("*")] == ["bundle", "notes.txt"]


def export_fails(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, out: Path, *words: object
) -> tuple[int, str]:
    """Run the command in this process; gives its exit code and what it said, after a look that nothing was left."""
    before = sorted(out.parent.iterdir())
    monkeypatch.setattr(sys, "argv", ["asc-kit", "export", *map(str, words), "--out", str(out)])
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        with pytest.raises(SystemExit) as caught:
            main()
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert sorted(out.parent.iterdir()) == before
    return int(caught.value.code or 0), " ".join(capsys.readouterr().err.split())


Fails = Callable[..., tuple[int, str]]


@pytest.fixture
def fails(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Fails:
    return partial(export_fails, capsys, monkeypatch, tmp_path / "bundle")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["nowhere"], 1, "does not exist"),
        (["data"], 1, "is not a run"),
        ([RUN, "--board", "toaster"], 3, "toaster"),
        ([], 2, "Missing argument"),
    ],
)
def test_mistakes_on_the_command_line(
    folder: Path, fails: Fails, monkeypatch: pytest.MonkeyPatch, words: list[str], code: int, message: str
) -> None:
    monkeypatch.chdir(folder)
    found, said = fails(*words)
    assert found == code and message in said


def test_a_bundle_needs_a_place(folder: Path) -> None:
    result = CliRunner().invoke(cli, ["export", str(folder / RUN)])
    assert result.exit_code == 2 and "--out" in result.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--qat-epochs 3", "--qat-epochs needs fine-tuning: add --quantize qat"),
        ("--quantize ptq --qat-learning-rate 0.1", "--qat-learning-rate needs fine-tuning"),
        ("--percentile 99", "--percentile needs --calibration percentile"),
        ("--calibration mse --percentile 99", "--percentile needs --calibration percentile"),
        ("--calibration percentile --percentile 50", "50"),
        ("--calibration percentile --percentile 101", "101"),
        ("--calibration loudest", "loudest"),
        ("--quantize int4", "int4"),
        ("--quantize qat --qat-epochs 0", "0"),
        ("--quantize qat --qat-learning-rate 0", "0"),
        ("--variant int16", "int16"),
        ("--representative -1", "-1"),
    ],
)
def test_options_that_make_no_sense(folder: Path, fails: Fails, words: str, message: str) -> None:
    code, said = fails(folder / RUN, *words.split())
    assert code == 2 and message in said


def test_settings_of_the_recipe_are_there_to_refine(folder: Path, tmp_path: Path) -> None:
    """A recipe that fine-tunes takes --qat-epochs without more words; 0 clips are refused further on."""
    changed = changed_run(folder, tmp_path, quantization={"method": "qat", "calibration": "percentile"})
    words = [str(changed), "--out", str(tmp_path / "b"), "--qat-epochs", "1", "--percentile", "99"]
    with pytest.raises(DataError, match="0 representative clips are too few"):
        CliRunner().invoke(cli, ["export", *words, "--representative", "0"], catch_exceptions=False)


def changed_run(folder: Path, tmp_path: Path, **changed: object) -> Path:
    """Copy the run and change fields of its record."""
    copy = Path(shutil.copytree(folder / RUN, tmp_path / "changed"))
    document = json.loads((copy / "run.json").read_text())
    for key, value in changed.items():
        document[key] = document[key] | value if isinstance(value, dict) else value
    (copy / "run.json").write_text(json.dumps(document))
    return copy


@pytest.mark.parametrize("version", [2, 4, None])
def test_a_run_of_another_version(folder: Path, tmp_path: Path, fails: Fails, version: int | None) -> None:
    code, said = fails(changed_run(folder, tmp_path, schema_version=version))
    assert code == 1 and f"has schema version {version}, this asc-kit reads 3" in said
    assert "install that version or a later one" in said if version == 4 else "asc-kit train RECIPE" in said


def test_settings_that_this_version_does_not_know(folder: Path, tmp_path: Path, fails: Fails) -> None:
    code, said = fails(changed_run(folder, tmp_path, quantization={"bits": 4}))
    assert code == 1 and "quantization.bits" in said


@pytest.mark.parametrize("where", ["nowhere", "silence", "0 clips"])
def test_no_fitting_clips_by_command(folder: Path, tmp_path: Path, fails: Fails, where: str) -> None:
    if where == "silence":
        data = damaged(folder, tmp_path)
        for path in (data / "audio").glob("*.wav"):
            soundfile.write(path, np.zeros(SAMPLES), 8000, subtype="PCM_16")
        code, said = fails(folder / RUN, "--data", data)
        assert "60 of 60 representative clips are silent (below -80 dB of full scale)" in said
    elif where == "nowhere":
        code, said = fails(folder / RUN, "--data", tmp_path / "nowhere")
        assert "nowhere does not exist" in said and "--data DIR" in said
    else:
        code, said = fails(folder / RUN, "--representative", 0)
        assert "at least one per class, 3, are needed" in said
    assert code == 1 and "Hint:" in said


class Unquantizable(tf.Module):
    """A network of one dense layer behind a function that has no int8 form."""

    def __init__(self, shape: tuple[int, ...], function: Callable[[tf.Tensor], tf.Tensor]) -> None:
        super().__init__()
        self._weights = tf.Variable(np.ones((int(np.prod(shape)), 3), np.float32))
        self._function = function
        self.serve = tf.function(self._compute, input_signature=[tf.TensorSpec((1, *shape[1:]), tf.float32)])

    def _compute(self, features: tf.Tensor) -> tf.Tensor:
        with tf.name_scope("net/wave_7"):
            bent = self._function(features)
        return tf.matmul(tf.reshape(bent, (1, -1)), self._weights)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (tf.math.sin, "layer wave_7 cannot be quantized: operator SIN has no int8 form"),
        (tf.math.bessel_i0e, "TensorFlow Lite has no operator for BesselI0e in layer wave_7 Hint: replace it"),
    ],
    ids=["sine", "bessel"],
)
def test_an_operator_without_an_int8_form(
    folder: Path, tmp_path: Path, fails: Fails, function: Callable[[tf.Tensor], tf.Tensor], message: str
) -> None:
    copy = changed_run(folder, tmp_path)
    network = Unquantizable(Run.open(copy).manifest.frontend.input_shape, function)
    shutil.rmtree(copy / "saved_model")
    tf.saved_model.save(network, str(copy / "saved_model"), signatures={"serve": network.serve})
    code, said = fails(copy)
    assert code == 1 and re.search(message, said), said


def test_weights_that_are_no_numbers(folder: Path, tmp_path: Path, fails: Fails) -> None:
    copy = changed_run(folder, tmp_path)
    model = load_keras_model(copy / "model.keras")
    layer = next(layer for layer in model.layers if "expand" in layer.name and layer.weights)
    broken = layer.weights[0].numpy()
    broken[..., 1] = np.nan
    layer.weights[0].assign(broken)
    frontend = Run.open(copy).manifest.frontend
    shutil.rmtree(copy / "saved_model")
    write_saved_model(inference_model(model), frontend, copy / "saved_model")
    code, said = fails(copy)
    assert code == 1 and re.search(r"layer \S*expand\S* \(CONV_2D\): \d+ of \d+ values of .* are not finite", said), (
        said
    )
    assert "the training diverged" in said


def test_fine_tuning_that_diverges_leaves_nothing(folder: Path, fails: Fails) -> None:
    code, said = fails(folder / RUN, "--quantize", "qat", "--qat-learning-rate", 1e6)
    assert code == 1 and "fine-tuning diverged" in said and "Hint: lower its learning rate" in said
