"""Models whose ends are float32 or uint8: the generated functions convert as TFLite's reference kernels do."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from engine_cases import WARNINGS, run_example
from int8_models import ModelBuilder

from asc_kit.errors import ModelError
from asc_kit.firmware_gen.generate import generate_bare
from asc_kit.firmware_gen.read.reader import read_model
from asc_kit.hardware.board import load_board

FLOAT32, UINT8 = 0, 3
SHAPE = (1, 4, 5, 2)
SCALE, ZERO_POINT = 0.037, 11
MAIN = """
#include <stdio.h>
#include "asc_model.h"
static asc_state_t state;
int main(void) {
    static %(type)s values[ASC_INPUT_BYTES], results[ASC_OUTPUT_BYTES];
    asc_init(&state);
    while (fread(values, sizeof values, 1, stdin) == 1) {
        asc_write_input_%(suffix)s(&state, values);
        asc_run(&state);
        asc_read_output_%(suffix)s(&state, results);
        fwrite(results, sizeof results, 1, stdout);
    }
    return 0;
}
"""


def with_ends(end_type: int, *, offset: int = 128) -> ModelBuilder:
    """An average pool between an input and an output of some type."""
    builder = ModelBuilder()
    is_float = end_type == FLOAT32
    ends = [
        builder.activation(shape, scale, zero_point + offset)
        for shape, scale, zero_point in ((SHAPE, SCALE, ZERO_POINT), ((1, 2, 2, 2), SCALE, ZERO_POINT))
    ]
    for end in ends:
        builder.graph.tensors[end].type = end_type
        if is_float:
            builder.graph.tensors[end].quantization = None
    source = builder.activation(SHAPE, SCALE, ZERO_POINT)
    pooled = builder.activation((1, 2, 2, 2), SCALE, ZERO_POINT)
    builder.operator("QUANTIZE", [ends[0]], source, "QuantizeOptions")
    options = {"padding": 1, "strideH": 2, "strideW": 3, "filterHeight": 2, "filterWidth": 2}
    builder.operator("AVERAGE_POOL_2D", [source], pooled, "Pool2DOptions", **options)
    builder.operator("DEQUANTIZE" if is_float else "QUANTIZE", [pooled], ends[1])
    builder.graph.inputs, builder.graph.outputs = [ends[0]], [ends[1]]
    return builder


def flatbuffer(builder: ModelBuilder) -> bytes:
    return builder.finish(builder.graph.inputs[0], builder.graph.outputs[0])


def inputs(end_type: int) -> np.ndarray:
    """Ties between steps and numbers beyond both ends of the range; or all bytes.

    Beyond 2**31 steps the reference kernel's own conversion overflows.
    """
    n = int(np.prod(SHAPE))
    if end_type == UINT8:
        return np.arange(8 * n).astype(np.uint8).reshape(8, n)
    scale = np.float32(SCALE)
    ties = scale * (np.arange(-2 * n, 2 * n, dtype=np.float32) + np.float32(0.5))
    rng = np.random.default_rng(3)
    extremes = np.resize(np.array([7e7, -7e7, 1e3, -1e3, 0.0, -0.0, 1e-40], np.float32), n)
    return np.stack([*ties.reshape(4, n), rng.normal(0, 3, n), extremes]).astype(np.float32)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
@pytest.mark.parametrize(("end_type", "c_type", "suffix"), [(FLOAT32, "float", "f32"), (UINT8, "uint8_t", "u8")])
def test_ends_are_bit_exact(end_type: int, c_type: str, suffix: str, tmp_path: Path) -> None:
    model = flatbuffer(with_ends(end_type))
    (tmp_path / "model.tflite").write_bytes(model)
    generate_bare(tmp_path / "model.tflite", load_board("host"), tmp_path / "fw")
    (tmp_path / "main.c").write_text(MAIN % {"type": c_type, "suffix": suffix})
    sources = [str(tmp_path / "main.c"), *map(str, (tmp_path / "fw" / "engine").glob("*.c"))]
    flags = [*WARNINGS, "-O2", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", f"-I{tmp_path}/fw/engine"]
    subprocess.run(["gcc", *flags, "-o", str(tmp_path / "program"), *sources, "-lm"], check=True)
    vectors = inputs(end_type)
    done = subprocess.run([tmp_path / "program"], input=vectors.tobytes(), capture_output=True, check=True)
    actual = np.frombuffer(done.stdout, vectors.dtype).reshape(len(vectors), -1)

    interpreter = Interpreter(model_content=model, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    (source,), (target,) = interpreter.get_input_details(), interpreter.get_output_details()
    for vector, result in zip(vectors, actual, strict=True):
        interpreter.set_tensor(source["index"], vector.reshape(source["shape"]))
        interpreter.invoke()
        expected = interpreter.get_tensor(target["index"]).reshape(-1)
        assert result.tobytes() == expected.tobytes()
    assert len(np.unique(actual)) > 20


def test_the_network_between_is_int8() -> None:
    graph = read_model(flatbuffer(with_ends(FLOAT32)))
    assert [operator.op for operator in graph.operators] == ["AVERAGE_POOL_2D"]
    assert (graph.inputs[0].type, graph.outputs[0].type) == ("float32", "float32")
    assert {graph.tensors[end].dtype for end in (graph.input, graph.output)} == {"int8"}


def test_what_else_uses_a_float_input_is_named() -> None:
    builder = with_ends(FLOAT32)
    other = builder.activation(SHAPE, SCALE, 0)
    builder.operator("QUANTIZE", [builder.graph.inputs[0]], other, "QuantizeOptions")
    with pytest.raises(
        ModelError, match=r"input 0 .*\(float32 .* one operator of QUANTIZE\. Received: 0 QUANTIZE, 3 Q"
    ):
        read_model(flatbuffer(builder))


def test_uint8_of_another_scale_is_refused() -> None:
    with pytest.raises(ModelError, match="operator 0 QUANTIZE leads from or to the model's input") as caught:
        read_model(flatbuffer(with_ends(UINT8, offset=100)))
    assert "zero point 128 higher" in str(caught.value.hint)


@pytest.mark.parametrize("ulps", [-3, -1, 1, 3])
@pytest.mark.parametrize("at", [0, -1])
def test_a_uint8_end_whose_scale_differs_in_the_last_bits(at: int, ulps: int) -> None:
    """The 256 values decide; the reference kernels say what they are."""
    builder = with_ends(UINT8)
    end = (builder.graph.inputs if at == 0 else builder.graph.outputs)[0]
    scale = np.float32(SCALE).view(np.int32) + ulps
    builder.graph.tensors[end].quantization.scale = [float(scale.view(np.float32))]
    model = flatbuffer(builder)
    assert read_model(model).inputs[0].type == "uint8"
    exact = flatbuffer(with_ends(UINT8))
    assert all(np.array_equal(*(reference_run(one, vector) for one in (model, exact))) for vector in inputs(UINT8))


def test_a_uint8_end_of_another_scale_is_refused_with_both() -> None:
    builder = with_ends(UINT8)
    builder.graph.tensors[builder.graph.inputs[0]].quantization.scale = [float(np.float32(SCALE * 1.01))]
    with pytest.raises(ModelError, match=r"scale 0\.03737 and zero point 139: .* scale 0\.0370000\d+ and zero point"):
        read_model(flatbuffer(builder))


def reference_run(model: bytes, vector: np.ndarray) -> np.ndarray:
    interpreter = Interpreter(model_content=model, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    (source,), (target,) = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.set_tensor(source["index"], vector.reshape(source["shape"]))
    interpreter.invoke()
    return np.array(interpreter.get_tensor(target["index"]))


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
@pytest.mark.parametrize("end_type", [FLOAT32, UINT8])
def test_the_example_of_the_folder_uses_them(end_type: int, tmp_path: Path) -> None:
    (tmp_path / "ends.tflite").write_bytes(flatbuffer(with_ends(end_type)))
    generate_bare(tmp_path / "ends.tflite", load_board("host"), tmp_path / "fw")
    suffix = "u8" if end_type == UINT8 else "f32"
    text = (tmp_path / "fw" / "example" / "main.c").read_text()
    assert f"asc_write_input_{suffix}(" in text and f"asc_read_output_{suffix}(" in text
    assert run_example(tmp_path / "fw") == 0
