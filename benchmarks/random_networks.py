"""A network at full size with random weights, as int8: for bytes and time, not for accuracy.

    python benchmarks/random_networks.py NAME FILE.tflite

NAME is a recipe; or cp_mobile: CP-Mobile of the DCASE 2024 baseline with TFLite's own average pool, which peers were
measured with; or a shape of MLPerf Tiny: mlperf_image, mlperf_person, mlperf_anomaly. The same name gives the same
network every time. Needs TensorFlow.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

import mlperf_tiny

CP_MOBILE = "cp_mobile"
N_LABELS = 10
N_CLIPS = 8


def make(name: str) -> bytes:
    """Build, quantize with made-up features, and return the flatbuffer."""
    import keras
    import numpy as np

    from asc_kit.export.conversion import float_flatbuffer
    from asc_kit.export.network.reading import read_network
    from asc_kit.export.quantization.calibration import observe, range_of
    from asc_kit.export.quantization.scheme import scheme_of
    from asc_kit.export.quantization.writing import int8_flatbuffer
    from asc_kit.quantization import QuantizationSettings
    from asc_kit.train.network import conversion_form, inference_model

    keras.utils.set_random_seed(1)
    model = mlperf_tiny.build(name) if name in mlperf_tiny.NETWORKS else _recipe_network(name)
    rng = np.random.default_rng(2)
    clips = rng.normal(size=(N_CLIPS, *model.input_shape[1:])).astype(np.float32)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            # statistics of these clips, and factors and offsets of its own, as after training
            layer.momentum = 0.0
            layer.gamma.assign(rng.uniform(0.5, 1.5, layer.gamma.shape))
            layer.beta.assign(rng.normal(0.0, 0.3, layer.beta.shape))
    model(clips, training=True)
    plain = inference_model(model)

    def serve(features: Any) -> Any:
        with conversion_form():
            return plain(features, training=False)

    with tempfile.TemporaryDirectory() as folder:
        archive = keras.export.ExportArchive()
        archive.track(plain)
        signature = [keras.InputSpec(shape=(1, *model.input_shape[1:]), dtype="float32")]
        archive.add_endpoint(name="serve", fn=serve, input_signature=signature)
        archive.write_out(str(Path(folder) / "network"), verbose=False)
        network = read_network(float_flatbuffer(Path(folder) / "network"))
    ranges = {index: range_of(seen, QuantizationSettings()) for index, seen in observe(network, clips).items()}
    return bytes(int8_flatbuffer(network, scheme_of(network, ranges)))


def _recipe_network(name: str) -> Any:
    from asc_kit.train.models import build_model
    from asc_kit.train.recipe import load_recipe

    overrides = ("count_padding=false",) if name == CP_MOBILE else ()
    recipe = load_recipe("dcase2024_baseline" if name == CP_MOBILE else name, overrides)
    return build_model(recipe.model, recipe.model_settings, recipe.frontend, N_LABELS)


if __name__ == "__main__":
    Path(sys.argv[2]).write_bytes(make(sys.argv[1]))
