"""A tiny real bundle, made without TensorFlow: one fully connected layer that tells low from high from no sound.

The flatbuffer is written field by field with the schema bindings of package ``tflite``.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import tflite

from asc_kit.bundle import Bundle, BundleManifest, GoldenEntry, Provenance, SplitMetrics
from asc_kit.frontend import FrontEndSpec, log_mel, model_input
from asc_kit.interpreter import Int8Model
from asc_kit.quantization import TensorInfo
from asc_kit.records import sha256_file, write_bytes, write_json

LABELS = ("high", "low", "quiet")
FRONTEND = FrontEndSpec(
    sample_rate_hz=8000, clip_samples=4000, n_fft=256, win_length=256, hop_length=128, n_mels=16, f_max_hz=4000.0
)
# log-mel values run from log(1e-5) = -11.5 to about 8
_INPUT = TensorInfo(shape=(1, 16, 32, 1), scale=float(np.float32(0.1)), zero_point=0)
_OUTPUT = TensorInfo(shape=(1, 3), scale=float(np.float32(0.2)), zero_point=0)
_WEIGHT_SCALE = 2 / (7 * 32) / 127


def tone(f_hz: float, seconds: float, rate_hz: int, level: float = 0.3) -> np.ndarray:
    """A sine, float64, full scale ±1."""
    return level * np.sin(2 * np.pi * f_hz * np.arange(round(seconds * rate_hz)) / rate_hz)


def make_tone_bundle(folder: Path, frontend: FrontEndSpec = FRONTEND) -> Path:
    """Write the bundle and return its folder. Below 1 kHz is low, above is high, silence is quiet.

    A front end with standardisation or deltas gives another input, which the network makes less sense of.
    """
    input_info = replace(_INPUT, shape=frontend.input_shape)
    model = _model(input_info)
    write_bytes(folder / "model.tflite", model)
    audio = np.round(tone(440, 0.5, 8000) * 32768).astype(np.int16)
    features = log_mel((audio / 32768).astype(np.float32), frontend)
    quantized = input_info.quantize(model_input(features, frontend))
    golden = folder / "golden" / "one.npz"
    golden.parent.mkdir(parents=True, exist_ok=True)
    output = Int8Model(model).run(quantized)
    np.savez(golden, audio=audio, features=features, input=quantized, output=output)
    metrics = SplitMetrics(split="test", clips=3, accuracy=1.0, macro_accuracy=1.0)
    manifest = BundleManifest(
        schema_version=1,
        name="tones",
        task="single_label",
        labels=LABELS,
        frontend=frontend,
        input=input_info,
        output=_OUTPUT,
        output_activation="logits",
        model_sha256=sha256_file(folder / "model.tflite"),
        parameters=1539,
        macs=1536,
        golden=(
            GoldenEntry(
                name="one", filename="audio/one.wav", scene_label="low", recording_device="a",
                sha256=sha256_file(golden),
            ),
        ),
        provenance=Provenance(
            asc_kit="0", recipe="tones", seed=0, train_data_id="0" * 16, train_recording_devices=("a",),
            quantization="ptq", representative_clips=1, representative_id="0" * 16, tools={},
            metrics_float=metrics, metrics_int8=metrics,
        ),
    )  # fmt: skip
    write_json(folder / "bundle.json", manifest)
    Bundle.open(folder)
    return folder


def _weights(input_info: TensorInfo) -> tuple[np.ndarray, np.ndarray]:
    """int8 weights [labels, features] and int32 biases.

    Twice the mean log energy of the 7 bands centred below 1 kHz, and of the 9 above, plus 20; silence, at -11.5,
    leaves both below the 0 of quiet.
    """
    real = np.zeros((3, *input_info.shape[1:]))
    real[LABELS.index("low"), :7, :, 0] = 2 / (7 * 32)
    real[LABELS.index("high"), 7:, :, 0] = 2 / (9 * 32)
    weights = np.rint(real.reshape(3, -1) / _WEIGHT_SCALE).astype(np.int8)
    return weights, np.rint(np.array([20, 20, 0]) / (_INPUT.scale * _WEIGHT_SCALE)).astype(np.int32)


def _model(input_info: TensorInfo) -> bytes:
    weights, biases = _weights(input_info)
    builder = flatbuffers.Builder(8192)
    sum_scale = _INPUT.scale * _WEIGHT_SCALE
    tensors = (
        ("features", input_info.shape, tflite.TensorType.INT8, 0, _INPUT.scale, _INPUT.zero_point),
        ("weights", weights.shape, tflite.TensorType.INT8, 1, _WEIGHT_SCALE, 0),
        ("biases", biases.shape, tflite.TensorType.INT32, 2, sum_scale, 0),
        ("logits", _OUTPUT.shape, tflite.TensorType.INT8, 0, _OUTPUT.scale, _OUTPUT.zero_point),
    )
    built = [_tensor(builder, *tensor) for tensor in tensors]
    options = _table(builder, "FullyConnectedOptions")
    operator = _table(
        builder,
        "Operator",
        OpcodeIndex=0,
        Inputs=_ints(builder, (0, 1, 2)),
        Outputs=_ints(builder, (3,)),
        BuiltinOptionsType=tflite.BuiltinOptions.FullyConnectedOptions,
        BuiltinOptions=options,
    )
    graph = _table(
        builder,
        "SubGraph",
        Tensors=_offsets(builder, "SubGraph", "Tensors", built),
        Inputs=_ints(builder, (0,)),
        Outputs=_ints(builder, (3,)),
        Operators=_offsets(builder, "SubGraph", "Operators", [operator]),
    )
    code = _table(
        builder,
        "OperatorCode",
        DeprecatedBuiltinCode=tflite.BuiltinOperator.FULLY_CONNECTED,
        BuiltinCode=tflite.BuiltinOperator.FULLY_CONNECTED,
        Version=4,
    )
    buffers = []
    for data in (b"", weights.tobytes(), biases.tobytes()):
        vector = builder.CreateByteVector(data) if data else None
        buffers.append(_table(builder, "Buffer", **({"Data": vector} if vector else {})))
    root = _table(
        builder,
        "Model",
        Version=3,
        OperatorCodes=_offsets(builder, "Model", "OperatorCodes", [code]),
        Subgraphs=_offsets(builder, "Model", "Subgraphs", [graph]),
        Buffers=_offsets(builder, "Model", "Buffers", buffers),
    )
    builder.Finish(root, b"TFL3")
    return bytes(builder.Output())


def _tensor(
    builder: Any, name: str, shape: tuple[int, ...], kind: int, buffer: int, scale: float, zero_point: int
) -> int:
    scales = builder.CreateNumpyVector(np.array([scale], np.float32))
    zero_points = builder.CreateNumpyVector(np.array([zero_point], np.int64))
    quantization = _table(builder, "QuantizationParameters", Scale=scales, ZeroPoint=zero_points)
    text = builder.CreateString(name)
    dimensions = _ints(builder, shape)
    return _table(builder, "Tensor", Shape=dimensions, Type=kind, Buffer=buffer, Name=text, Quantization=quantization)


def _table(builder: Any, name: str, **fields: int) -> int:
    getattr(tflite, f"{name}Start")(builder)
    for field, value in fields.items():
        getattr(tflite, f"{name}Add{field}")(builder, value)
    return int(getattr(tflite, f"{name}End")(builder))


def _ints(builder: Any, values: tuple[int, ...]) -> int:
    return int(builder.CreateNumpyVector(np.array(values, np.int32)))


def _offsets(builder: Any, table: str, field: str, offsets: list[int]) -> int:
    getattr(tflite, f"{table}Start{field}Vector")(builder, len(offsets))
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())
