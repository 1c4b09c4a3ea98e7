"""An opened bundle is complete, unchanged and of the right schema; anything else is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
from sample_evaluation import perfect_evaluation

from asc_kit.bundle import Bundle, BundleManifest, Fidelity, GoldenEntry, Provenance
from asc_kit.errors import BundleError, SpecError
from asc_kit.frontend import FrontEndSpec, log_mel
from asc_kit.quantization import QuantizationSettings, TensorInfo
from asc_kit.records.record import sha256_file, to_plain, write_json
from asc_kit.run import Run

SPEC = FrontEndSpec(
    sample_rate_hz=1000, clip_samples=100, n_fft=20, win_length=20, hop_length=10, n_mels=4, f_max_hz=500.0
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "bundle"
    (path / "golden").mkdir(parents=True)
    (path / "model.tflite").write_bytes(b"stands for a model")
    audio = np.arange(100, dtype=np.int16)
    features = log_mel(audio.astype(np.float32) / 32768, SPEC)
    arrays = {"audio": audio, "features": features, "input": np.zeros(44, np.int8), "output": np.zeros(2, np.int8)}
    np.savez(path / "golden" / "one.npz", **arrays)
    metrics = perfect_evaluation(("park", "tram"))
    manifest = BundleManifest(
        schema_version=3,
        name="tiny",
        task="single_label",
        labels=("park", "tram"),
        frontend=SPEC,
        input=TensorInfo(shape=SPEC.input_shape, scale=0.1, zero_point=3),
        output=TensorInfo(shape=(1, 2), scale=0.5, zero_point=-1),
        output_activation="logits",
        model_sha256=sha256_file(path / "model.tflite"),
        parameters=1,
        macs=1,
        golden=(
            GoldenEntry(
                name="one",
                filename="audio/one.wav",
                scene_label="park",
                recording_device="a",
                sha256=sha256_file(path / "golden" / "one.npz"),
            ),
        ),
        provenance=Provenance(
            asc_kit="0",
            recipe="tiny",
            seed=0,
            train_data_id="0" * 16,
            train_recording_devices=("a",),
            quantization=QuantizationSettings(),
            representative_clips=1,
            representative_id="0" * 16,
            tools={},
            metrics_float=metrics,
            metrics_int8=metrics,
            fidelity=Fidelity(windows=1, mean_steps=0.0, max_steps=0.0, same_class=1.0),
        ),
    )
    write_json(path / "bundle.json", manifest)
    return path


def test_opens_and_gives_its_goldens(folder: Path) -> None:
    bundle = Bundle.open(folder)
    golden = bundle.golden(bundle.manifest.golden[0])
    assert golden.audio.dtype == np.int16 and golden.features.shape == (11, 4)
    assert bundle.audio_to_input(golden.audio.astype(np.float32) / 32768).shape == (1, 4, 11, 1)


def test_probabilities_are_softmax_of_the_logits(folder: Path) -> None:
    # logits 0.5 * (q + 1): 1.5 and -0.5, two apart
    probabilities = Bundle.open(folder).probabilities(np.array([2, -2], np.int8))
    np.testing.assert_allclose(probabilities, [1 / (1 + np.exp(-2)), 1 / (1 + np.exp(2))])


@pytest.mark.parametrize("victim", ["model.tflite", "golden/one.npz"])
def test_a_changed_file_is_refused(folder: Path, victim: str) -> None:
    data = bytearray((folder / victim).read_bytes())
    data[5] ^= 1
    (folder / victim).write_bytes(data)
    with pytest.raises(BundleError, match="was changed after export"):
        Bundle.open(folder)


@pytest.mark.parametrize("victim", ["model.tflite", "golden/one.npz", "bundle.json"])
def test_a_missing_file_is_refused(folder: Path, victim: str) -> None:
    (folder / victim).unlink()
    with pytest.raises(BundleError, match=Path(victim).name):
        Bundle.open(folder)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"schema_version": 2}, "schema version 2, this asc-kit reads 3"),
        ({"schema_version": 4}, "schema version 4, this asc-kit reads 3"),
        ({"schema_version": "3"}, "schema version '3', this asc-kit reads 3"),
        ({"colour": "red"}, "colour"),
        ({"labels": ["park"]}, "labels"),
        ({"task": "karaoke"}, "task"),
    ],
)
def test_another_schema_is_refused(folder: Path, change: dict, named: str) -> None:
    document = json.loads((folder / "bundle.json").read_text()) | change
    (folder / "bundle.json").write_text(json.dumps(document))
    with pytest.raises(BundleError, match=named):
        Bundle.open(folder)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"method": "qta"}, "quantization.method"),
        ({"calibration": None}, "quantization.calibration"),
        ({"percentile": 50}, "quantization.percentile"),
        ({"bits": 4}, "quantization.bits"),
    ],
)
def test_a_quantization_that_there_is_not_is_refused(folder: Path, change: dict, named: str) -> None:
    document = json.loads((folder / "bundle.json").read_text())
    document["provenance"]["quantization"] |= change
    (folder / "bundle.json").write_text(json.dumps(document))
    with pytest.raises(BundleError, match=named):
        Bundle.open(folder)


def test_fidelity_is_a_share(folder: Path) -> None:
    document = json.loads((folder / "bundle.json").read_text())
    document["provenance"]["fidelity"]["same_class"] = 1.5
    (folder / "bundle.json").write_text(json.dumps(document))
    with pytest.raises(BundleError, match="fidelity.same_class"):
        Bundle.open(folder)


def test_a_front_end_that_contradicts_itself_is_refused(folder: Path) -> None:
    document = json.loads((folder / "bundle.json").read_text())
    document["frontend"]["n_fft"] = 7
    (folder / "bundle.json").write_text(json.dumps(document))
    with pytest.raises(BundleError, match="n_fft"):
        Bundle.open(folder)


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("labels", ["park", "tram", "bus"], "2 outputs, but there are 3 labels"),
        ("labels", ["park", "park"], "labels must differ"),
        ("task", "multi_label", "outputs of a multi_label model cannot be logits"),
        ("output_activation", "sigmoid", "outputs of a single_label model cannot be sigmoid"),
        ("input", {"shape": [1, 4, 12, 1], "scale": 0.1, "zero_point": 3, "dtype": "int8"}, "the front end gives"),
    ],
)
def test_parts_that_do_not_fit_together_are_refused(folder: Path, key: str, value: object, named: str) -> None:
    document = json.loads((folder / "bundle.json").read_text())
    (folder / "bundle.json").write_text(json.dumps(document | {key: value}))
    with pytest.raises(BundleError, match=named):
        Bundle.open(folder)


def test_figures_of_another_task_are_refused(folder: Path) -> None:
    document = json.loads((folder / "bundle.json").read_text())
    document["provenance"]["metrics_int8"] = to_plain(perfect_evaluation(("park", "tram"), "multi_label"))
    (folder / "bundle.json").write_text(json.dumps(document))
    with pytest.raises(BundleError, match="of another task"):
        Bundle.open(folder)


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="does not exist"):
        Bundle.open(tmp_path / "absent")
    with pytest.raises(BundleError, match="is not a bundle"):
        Bundle.open(tmp_path)


def test_a_file_is_no_folder(folder: Path) -> None:
    with pytest.raises(BundleError, match="is a file"):
        Bundle.open(folder / "model.tflite")
    with pytest.raises(SpecError, match="is a file"):
        Run.open(folder / "bundle.json")
