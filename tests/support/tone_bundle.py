"""A tiny real bundle, made without TensorFlow: one fully connected layer that tells low from high from no sound.

The flatbuffer is written field by field with the schema bindings of package ``tflite``.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import tflite
from sample_evaluation import perfect_evaluation

from asc_kit.bundle import Bundle, BundleManifest, Fidelity, GoldenEntry, Provenance
from asc_kit.dataset import Task
from asc_kit.frontend import FrontEndSpec, log_mel, model_input
from asc_kit.inference.interpreter import Int8Model
from asc_kit.quantization import QuantizationSettings, TensorInfo
from asc_kit.records.record import sha256_file, write_bytes, write_json

LABELS = ("high", "low", "quiet")
FRONTEND = FrontEndSpec(
    sample_rate_hz=8000, clip_samples=4000, n_fft=256, win_length=256, hop_length=128, n_mels=16, f_max_hz=4000.0
)
# 32 frames, 128 samples apart; 16 of them are nearest to a quarter of a second
WINDOW_S, HOP_S = (31 * 128 + 256) / 8000, 16 * 128 / 8000
# log-mel values run from log(1e-5) = -11.5 to about 8
_INPUT = TensorInfo(shape=(1, 16, 32, 1), scale=float(np.float32(0.1)), zero_point=0)
_LOGITS = TensorInfo(shape=(1, 3), scale=float(np.float32(0.2)), zero_point=0)
# the only quantization of LOGISTIC's output
_PROBABILITIES = TensorInfo(shape=(1, 3), scale=1 / 256, zero_point=-128)
_WEIGHT_SCALE = 2 / (7 * 32) / 127


def tone(f_hz: float, seconds: float, rate_hz: int, level: float = 0.3) -> np.ndarray:
    """A sine, float64, full scale ±1."""
    return level * np.sin(2 * np.pi * f_hz * np.arange(round(seconds * rate_hz)) / rate_hz)


def make_tone_bundle(
    folder: Path,
    frontend: FrontEndSpec = FRONTEND,
    *,
    task: Task = "single_label",
    hop_samples: int | None = None,
) -> Path:
    """Write the bundle and return its folder. Below 1 kHz is low, above is high, silence is quiet.

    A front end with standardisation or deltas gives another input, which the network makes less sense of. A
    multi-label bundle ends in a sigmoid, and two tones at once have both labels.
    """
    input_info = replace(_INPUT, shape=frontend.input_shape)
    model = _model(input_info, task)
    write_bytes(folder / "model.tflite", model)
    audio = np.round(tone(440, frontend.clip_seconds, frontend.sample_rate_hz) * 32768).astype(np.int16)
    features = log_mel((audio / 32768).astype(np.float32), frontend)
    quantized = input_info.quantize(model_input(features, frontend))
    golden = folder / "golden" / "one.npz"
    golden.parent.mkdir(parents=True, exist_ok=True)
    output = Int8Model(model).run(quantized)
    np.savez(golden, audio=audio, features=features, input=quantized, output=output)
    metrics = perfect_evaluation(LABELS, task)
    manifest = BundleManifest(
        schema_version=3,
        name="tones",
        task=task,
        labels=LABELS,
        frontend=frontend,
        input=input_info,
        output=_LOGITS if task == "single_label" else _PROBABILITIES,
        output_activation="logits" if task == "single_label" else "sigmoid",
        hop_samples=hop_samples,
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
            quantization=QuantizationSettings(), representative_clips=1, representative_id="0" * 16, tools={},
            metrics_float=metrics, metrics_int8=metrics,
            fidelity=Fidelity(windows=1, mean_steps=0.0, max_steps=0.0, same_class=1.0),
        ),
    )  # fmt: skip
    write_json(folder / "bundle.json", manifest)
    Bundle.open(folder)
    return folder


def real_weights(input_shape: tuple[int, ...], task: Task) -> tuple[np.ndarray, np.ndarray]:
    """Real weights [labels, features] and biases [labels].

    Twice the mean log energy of the 7 bands centred below 1 kHz, and of the 9 above, plus 20; silence, at -11.5,
    leaves both below the 0 of quiet. Where each label stands for itself, quiet has -2: never likely, but the
    likeliest in silence.
    """
    real = np.zeros((3, *input_shape[1:]))
    real[LABELS.index("low"), :7, :, 0] = 2 / (7 * 32)
    real[LABELS.index("high"), 7:, :, 0] = 2 / (9 * 32)
    return real.reshape(3, -1), np.array([20, 20, 0 if task == "single_label" else -2], float)


def _weights(input_info: TensorInfo, task: Task) -> tuple[np.ndarray, np.ndarray]:
    """The same as int8 and int32."""
    weights, biases = real_weights(input_info.shape, task)
    quantized = np.rint(weights / _WEIGHT_SCALE).astype(np.int8)
    return quantized, np.rint(biases / (_INPUT.scale * _WEIGHT_SCALE)).astype(np.int32)


def _model(input_info: TensorInfo, task: Task) -> bytes:
    weights, biases = _weights(input_info, task)
    builder = flatbuffers.Builder(8192)
    sum_scale = _INPUT.scale * _WEIGHT_SCALE
    tensors = (
        ("features", input_info.shape, tflite.TensorType.INT8, 0, _INPUT.scale, _INPUT.zero_point),
        ("weights", weights.shape, tflite.TensorType.INT8, 1, _WEIGHT_SCALE, 0),
        ("biases", biases.shape, tflite.TensorType.INT32, 2, sum_scale, 0),
        ("logits", _LOGITS.shape, tflite.TensorType.INT8, 0, _LOGITS.scale, _LOGITS.zero_point),
        ("sigmoid", _PROBABILITIES.shape, tflite.TensorType.INT8, 0, _PROBABILITIES.scale, _PROBABILITIES.zero_point),
    )
    is_multi_label = task == "multi_label"
    built = [_tensor(builder, *tensor) for tensor in (tensors if is_multi_label else tensors[:-1])]
    options = _table(builder, "FullyConnectedOptions")
    operators = [
        _table(
            builder,
            "Operator",
            OpcodeIndex=0,
            Inputs=_ints(builder, (0, 1, 2)),
            Outputs=_ints(builder, (3,)),
            BuiltinOptionsType=tflite.BuiltinOptions.FullyConnectedOptions,
            BuiltinOptions=options,
        )
    ]
    if is_multi_label:
        ends = {"Inputs": _ints(builder, (3,)), "Outputs": _ints(builder, (4,))}
        operators.append(_table(builder, "Operator", OpcodeIndex=1, **ends))
    graph = _table(
        builder,
        "SubGraph",
        Tensors=_offsets(builder, "SubGraph", "Tensors", built),
        Inputs=_ints(builder, (0,)),
        Outputs=_ints(builder, (4 if is_multi_label else 3,)),
        Operators=_offsets(builder, "SubGraph", "Operators", operators),
    )
    codes = [
        _table(builder, "OperatorCode", DeprecatedBuiltinCode=kind, BuiltinCode=kind, Version=version)
        for kind, version in ((tflite.BuiltinOperator.FULLY_CONNECTED, 4), (tflite.BuiltinOperator.LOGISTIC, 2))
    ]
    buffers = []
    for data in (b"", weights.tobytes(), biases.tobytes()):
        vector = builder.CreateByteVector(data) if data else None
        buffers.append(_table(builder, "Buffer", **({"Data": vector} if vector else {})))
    root = _table(
        builder,
        "Model",
        Version=3,
        OperatorCodes=_offsets(builder, "Model", "OperatorCodes", codes if is_multi_label else codes[:1]),
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
