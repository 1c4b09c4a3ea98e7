"""Float16 and dynamic-range networks from the converter: sizes, weights, agreement with float, figures."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from tiny_training import PLAIN, train

from asc_kit.bundle import VariantName
from asc_kit.dataset import Dataset, read_dataset
from asc_kit.errors import ModelError
from asc_kit.export.conversion import float_network
from asc_kit.export.variants import FILENAMES, variant_models, write_variants
from asc_kit.frontend import log_mel, model_input
from asc_kit.inference.float_scores import load_variant
from asc_kit.inference.interpreter import FloatModel, Int8Model
from asc_kit.recordings.audio import from_int16
from asc_kit.recordings.clips import load_clips
from asc_kit.records.record import sha256_file
from asc_kit.run import Run
from asc_kit.scores.evaluation import Evaluation, evaluation_of
from asc_kit.scores.metrics import probabilities

NAMES: tuple[VariantName, ...] = ("float16", "dynamic_range")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, data: Path, recipe_path: str) -> Run:
    # a pattern, if it were read as one
    out = tmp_path_factory.mktemp("variants") / "run [2] *"
    # wide enough for kernels of more than 1,024 values: the converter leaves smaller ones in float32
    train(data, recipe_path, out, *PLAIN, "base_channels=32", "epochs=6")
    return Run.open(out)


@pytest.fixture(scope="module")
def models(run: Run) -> dict[VariantName, bytes]:
    return variant_models(run.saved_model_path, [*NAMES, "float16"])


@pytest.fixture(scope="module")
def clips(data: Path) -> Dataset:
    return read_dataset(data)


@pytest.fixture(scope="module")
def features(run: Run, clips: Dataset) -> np.ndarray:
    spec = run.manifest.frontend
    return np.stack([model_input(log_mel(from_int16(clip), spec), spec) for clip in load_clips(clips, spec, "clips")])


def outputs(model: bytes, run: Run, features: np.ndarray) -> np.ndarray:
    interpreter = load_variant(model, run.manifest)
    return np.concatenate([interpreter.run(each) for each in features])


def weight_bytes(model: bytes) -> dict[str, int]:
    """Bytes of constants, by type."""
    parsed = schema.ModelT.InitFromPackedBuf(model, 0)
    kinds = {value: name for name, value in vars(schema.TensorType).items() if not name.startswith("_")}
    sizes: dict[str, int] = {}
    for tensor in parsed.subgraphs[0].tensors:
        data = parsed.buffers[tensor.buffer].data
        if data is not None:
            sizes[kinds[tensor.type]] = sizes.get(kinds[tensor.type], 0) + len(data)
    return sizes


def test_float16_says_what_float_says(run: Run, models: dict[VariantName, bytes], features: np.ndarray) -> None:
    """Rounding to float16 moves each weight by at most 2**-11 of itself; ten layers leave that in proportion."""
    expected = float_network(run.saved_model_path)(features[:, 0])
    found = outputs(models["float16"], run, features)
    error = np.abs(found - expected).max()
    assert 0 < error <= 3 * 2**-11 * np.abs(expected).max()
    assert np.mean(found.argmax(1) == expected.argmax(1)) >= 0.98


def test_dynamic_range_decides_as_float_does(run: Run, models: dict[VariantName, bytes], features: np.ndarray) -> None:
    expected = float_network(run.saved_model_path)(features[:, 0])
    found = outputs(models["dynamic_range"], run, features)
    assert np.abs(found - expected).max() <= 0.02 * np.abs(expected).max()
    assert np.mean(found.argmax(1) == expected.argmax(1)) >= 0.95
    assert np.abs(found - expected).max() > np.abs(outputs(models["float16"], run, features) - expected).max()


def test_weights_are_what_the_name_says(models: dict[VariantName, bytes]) -> None:
    assert set(models) == set(NAMES)
    of_float16, of_dynamic_range = (weight_bytes(models[name]) for name in NAMES)
    assert "FLOAT32" not in of_float16 and of_float16["FLOAT16"] > 0
    # kernels of fewer than 1,024 values stay as they are, and so do the biases
    assert of_dynamic_range["INT8"] > 0 and "FLOAT16" not in of_dynamic_range


def test_the_same_network_gives_the_same_bytes(run: Run, models: dict[VariantName, bytes]) -> None:
    assert variant_models(run.saved_model_path, NAMES) == models


def test_what_the_bundle_says_of_them(run: Run, clips: Dataset, features: np.ndarray, tmp_path: Path) -> None:
    """Figures from outputs of the written files, clip by clip."""
    test_set = clips.split("test")
    written = write_variants(tmp_path, run, test_set, [*NAMES, "dynamic_range"])
    assert [variant.name for variant in written] == list(NAMES)
    assert {path.name for path in tmp_path.iterdir()} == set(FILENAMES.values())
    places = [clips.clips.index(clip) for clip in test_set.clips]
    for variant in written:
        path = tmp_path / variant.filename
        assert (variant.sha256, variant.n_bytes) == (sha256_file(path), path.stat().st_size)
        logits = outputs(path.read_bytes(), run, features[places]).astype(np.float64)
        scores = probabilities(logits, run.manifest.output_activation)
        expected = evaluation_of(test_set, scores, run.manifest.labels, run.manifest.train_recording_devices)
        assert isinstance(variant.evaluation, Evaluation) and isinstance(expected, Evaluation)
        assert variant.evaluation.confusion == expected.confusion
        assert variant.evaluation.log_loss == pytest.approx(expected.log_loss, rel=1e-6)
        assert variant.evaluation.data_id == run.manifest.evaluation.data_id
        assert abs(variant.evaluation.accuracy - run.manifest.evaluation.accuracy) <= 1 / 24 + 1e-9


def test_what_cannot_be_converted(run: Run, tmp_path: Path, models: dict[VariantName, bytes]) -> None:
    with pytest.raises(ModelError, match="cannot convert .* to float16"):
        variant_models(tmp_path / "absent", ["float16"])
    with pytest.raises(ModelError, match="expected one int8 input"):
        Int8Model(models["float16"])
    with pytest.raises(ModelError, match="expected a model that takes"):
        FloatModel(models["float16"], input_shape=run.manifest.frontend.input_shape, n_outputs=10)


def test_weights_beyond_float16(tmp_path: Path) -> None:
    class Network(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((1, 4), tf.float32)])
        def serve(self, features: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"outputs": features @ tf.constant([[1.0, 7e4]] * 4)}

    network = Network()
    tf.saved_model.save(network, str(tmp_path / "network"), signatures={"serve": network.serve})
    with pytest.raises(ModelError, match="exceed the range of float16") as caught:
        variant_models(tmp_path / "network", ["float16"])
    assert "without --variant float16" in (caught.value.hint or "")
    assert variant_models(tmp_path / "network", ["dynamic_range"])
