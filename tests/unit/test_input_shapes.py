"""Models that leave sizes free: refused by all readers, or with shapes that are LiteRT's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import interpreter as litert
from ai_edge_litert import schema_py_generated as schema
from click.testing import CliRunner
from free_sizes import CONV, free_batch, freed, image_classifier, packed
from hypothesis import given, settings
from hypothesis import strategies as st
from int8_case import Case
from int8_cases import STRATEGIES
from int8_models import ModelBuilder

from asc_kit.cli import cli
from asc_kit.errors import ModelError, SpecError
from asc_kit.export.network.reading import read_network
from asc_kit.firmware_gen.read.reader import read_model
from asc_kit.inference.interpreter import Int8Model
from asc_kit.tflite.decoder import Decoder
from asc_kit.tflite.inputs import InputShape, parse_input_shape
from asc_kit.tflite.resolving import resolve_shapes
from asc_kit.train.complexity.flatbuffer import flatbuffer_complexity

SIZES = parse_input_shape("1,17,13,1")
READERS: dict[str, Callable[[bytes], object]] = {
    "engine": read_model,
    "complexity": lambda model: flatbuffer_complexity(model, 1.0),
    "export": read_network,
    "interpreter": Int8Model,
    "fast": lambda model: Int8Model(model, "fast"),
}


def resized(model: bytes, shape: tuple[int, ...]) -> dict[int, tuple[int, ...]]:
    """Shapes of all tensors as LiteRT finds them; of SLICE and others only while it runs."""
    kind = litert.OpResolverType.BUILTIN_REF
    runtime = litert.Interpreter(model_content=model, experimental_op_resolver_type=kind)
    runtime.resize_tensor_input(runtime.get_input_details()[0]["index"], shape)
    runtime.allocate_tensors()
    runtime.invoke()
    return {one["index"]: tuple(int(size) for size in one["shape"]) for one in runtime.get_tensor_details()}


def resolved(model: bytes, shape: tuple[int, ...]) -> dict[int, tuple[int, ...]]:
    decoder = Decoder(model)
    found = resolve_shapes(decoder, [InputShape(name=None, sizes=shape)])
    stored = map(decoder.graph.tensor, range(decoder.graph.n_tensors))
    return {tensor.index: found.shapes.get(tensor.index, tensor.shape) for tensor in stored}


@given(st.sampled_from(sorted(STRATEGIES)).flatmap(lambda op: STRATEGIES[op]))
@settings(max_examples=150, deadline=None)
def test_every_operator_of_the_engine(case: Case) -> None:
    """Take the sizes away and give the input's: all others come back, and LiteRT finds the same."""
    model, shapes = freed(case.model)
    source = read_model(case.model).input
    found, runtime = resolved(model, shapes[source]), resized(model, shapes[source])
    assert {index: found[index] for index in shapes} == shapes, case.what
    assert {index: runtime[index] for index in shapes} == shapes, case.what
    given_shape = [InputShape(name=None, sizes=shapes[source])]
    whole, free = read_model(case.model), read_model(model, given_shape)
    assert [tensor.shape for tensor in free.tensors] == [tensor.shape for tensor in whole.tensors]
    assert free.operators == whole.operators
    outputs = [
        one.run(case.inputs[0].reshape(shapes[source]))
        for one in (Int8Model(case.model), Int8Model(model, input_shapes=given_shape))
    ]
    assert np.array_equal(*outputs), case.what


# operators that complexity counts and the engine has not: shape of the input, output's shape, constants, options
OTHERS: dict[str, tuple[tuple[int, ...], list[tuple[int, ...]], list[object], str | None, dict[str, object]]] = {
    "ABS": ((1, 5, 3), [(1, 5, 3)], [], "AbsOptions", {}),
    "ARG_MAX": ((1, 5, 3), [(1, 5)], [2], "ArgMaxOptions", {"outputType": 2}),
    "BATCH_TO_SPACE_ND": ((4, 3, 2, 5), [(1, 5, 4, 5)], [[2, 2], [[0, 1], [0, 0]]], "BatchToSpaceNDOptions", {}),
    "DEPTH_TO_SPACE": ((1, 3, 2, 8), [(1, 6, 4, 2)], [], "DepthToSpaceOptions", {"blockSize": 2}),
    "GATHER": ((1, 5, 3), [(1, 4, 3)], [[0, 2, 2, 4]], "GatherOptions", {"axis": 1}),
    "MAXIMUM": ((1, 5, 3), [(1, 5, 3)], ["self"], "MaximumMinimumOptions", {}),
    "MIRROR_PAD": ((1, 5, 3), [(1, 8, 4)], [[[0, 0], [1, 2], [0, 1]]], "MirrorPadOptions", {"mode": 0}),
    "PACK": ((1, 5, 3), [(1, 2, 5, 3)], ["self"], "PackOptions", {"valuesCount": 2, "axis": 1}),
    "REDUCE_MIN": ((1, 5, 3), [(1, 3)], [[1]], "ReducerOptions", {"keepDims": False}),
    "RESIZE_BILINEAR": ((1, 5, 3, 2), [(1, 9, 4, 2)], [[9, 4]], "ResizeBilinearOptions", {}),
    "RESIZE_NEAREST_NEIGHBOR": ((1, 5, 3, 2), [(1, 9, 4, 2)], [[9, 4]], "ResizeNearestNeighborOptions", {}),
    "SPACE_TO_BATCH_ND": ((1, 5, 4, 5), [(4, 3, 2, 5)], [[2, 2], [[0, 1], [0, 0]]], "SpaceToBatchNDOptions", {}),
    "SPACE_TO_DEPTH": ((1, 6, 4, 2), [(1, 3, 2, 8)], [], "SpaceToDepthOptions", {"blockSize": 2}),
    "TILE": ((1, 5, 3), [(1, 10, 9)], [[1, 2, 3]], "TileOptions", {}),
    "UNPACK": ((1, 3, 4), [(1, 4), (1, 4), (1, 4)], [], "UnpackOptions", {"num": 3, "axis": 1}),
}


@pytest.mark.parametrize("op", sorted(OTHERS))
def test_operators_that_are_only_counted(op: str) -> None:
    shape, outputs, constants, options, values = OTHERS[op]
    builder = ModelBuilder()
    source = builder.activation(shape, 0.1, 0)
    inputs = [source if value == "self" else builder.constant(np.array(value, np.int32)) for value in constants]
    targets = [builder.activation(size, 0.1, 0) for size in outputs]
    if op == "ARG_MAX":
        builder.graph.tensors[targets[0]].type = schema.TensorType.INT32
    builder.operator(op, [source, *inputs], targets if len(targets) > 1 else targets[0], options, **values)
    model, shapes = freed(builder.finish(source, targets[0]))
    found, runtime = resolved(model, shape), resized(model, shape)
    assert [found[target] for target in targets] == outputs
    assert {index: runtime[index] for index in shapes} == {index: found[index] for index in shapes}


@pytest.mark.parametrize("reader", READERS)
def test_all_readers_refuse_sizes_left_free(reader: str) -> None:
    with pytest.raises(ModelError, match=r"input 'image' \(tensor 0, 1,\?,\?,1\): axes 1, 2") as caught:
        READERS[reader](image_classifier())
    assert caught.value.hint is not None and "--input-shape 1,N,N,1" in caught.value.hint


def test_with_the_shape_it_is_the_model_of_that_shape() -> None:
    free, fixed = image_classifier(), image_classifier(17, 13)
    found = resolved(free, SIZES.sizes)
    assert found == {index: shape for index, shape in resized(free, SIZES.sizes).items() if index in found}
    graphs = read_model(free, [SIZES]), read_model(fixed)
    assert graphs[0].operators == graphs[1].operators
    assert [tensor.shape for tensor in graphs[0].tensors] == [tensor.shape for tensor in graphs[1].tensors]
    counted = [flatbuffer_complexity(model, 1.0, shapes) for model, shapes in ((free, [SIZES]), (fixed, []))]
    assert counted[0].counts == counted[1].counts
    values = np.random.default_rng(1).integers(-128, 128, SIZES.sizes).astype(np.int8)
    assert np.array_equal(Int8Model(free, input_shapes=[SIZES]).run(values), Int8Model(fixed).run(values))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,17,13", "cannot have the shape 1,17,13"),
        ("1,17,13,2", "cannot have the shape 1,17,13,2"),
        ("1,99999,99999,1", "cannot have the shape"),
        ("other=1,17,13,1", "that of no input. The model's: 'image'"),
    ],
)
def test_shapes_that_do_not_fit(text: str, message: str) -> None:
    for read in (read_model, lambda model, shapes: Int8Model(model, input_shapes=shapes)):
        with pytest.raises(ModelError, match=message):
            read(image_classifier(), [parse_input_shape(text)])
    with pytest.raises(ModelError, match="two shapes are given for one input"):
        read_model(image_classifier(), [SIZES, SIZES])
    with pytest.raises(ModelError, match="cannot have the shape 1,18,13,1"):  # a fixed size is fixed
        read_model(image_classifier(17, 13), [parse_input_shape("1,18,13,1")])


@pytest.mark.parametrize("text", ["", "1,", "1,x", "1,-1,3", "1,0,3", "a=b=", "1,1e3", "1,²"])
def test_what_is_no_shape(text: str) -> None:
    with pytest.raises(SpecError, match="expected positive sizes"):
        parse_input_shape(text)


def test_a_name_may_have_an_equals_sign() -> None:
    assert parse_input_shape("a=b:0=1, 2") == InputShape(name="a=b:0", sizes=(1, 2))


def test_a_shape_that_the_layers_cannot_take() -> None:
    builder = ModelBuilder()
    source, flat = builder.activation((1, 1, 4), 0.1, 0), builder.activation((1, 8), 0.1, 0)
    builder.graph.tensors[source].shapeSignature = [1, -1, 4]
    builder.operator("RESHAPE", [source, builder.constant(np.array([1, 8], np.int32))], flat)
    output = builder.activation((1, 8), 0.1, 0)
    builder.operator("RELU", [flat], output)
    model = builder.finish(source, output)
    assert read_model(model, [parse_input_shape("1,2,4")]).tensors[flat].shape == (1, 8)
    with pytest.raises(ModelError, match=r"operator 0 RESHAPE.* inputs of 1,3,4, 2: 12 elements as \[1, 8\]"):
        read_model(model, [parse_input_shape("1,3,4")])
    with pytest.raises(ModelError, match="cannot run this model"):
        Int8Model(model, input_shapes=[parse_input_shape("1,3,4")])


def test_a_signature_within_the_network_alone() -> None:
    """Fixed inputs, but a stored size of 1 later that is none: the shape follows from the operators."""
    root = schema.ModelT.InitFromPackedBuf(bytearray(image_classifier(17, 13)), 0)
    inner = root.subgraphs[0].tensors[1]
    assert list(inner.shape) == [1, 17, 13, 6]
    inner.shape, inner.shapeSignature = [1, 1, 1, 6], [1, -1, -1, 6]
    assert read_model(packed(root)).operators == read_model(image_classifier(17, 13)).operators


def test_a_signature_that_contradicts_its_shape_is_damage() -> None:
    for signature in ([1, -1, 14, 1], [1, -1, 13]):
        root = schema.ModelT.InitFromPackedBuf(bytearray(image_classifier(17, 13)), 0)
        root.subgraphs[0].tensors[0].shapeSignature = signature
        for reader in ("engine", "complexity", "export"):
            with pytest.raises(ModelError, match="signature"):
                READERS[reader](packed(root))


def test_shapes_that_the_network_computes_are_folded() -> None:
    model = free_batch()
    graph = read_model(model)
    assert [operator.op for operator in graph.operators] == ["RESHAPE", "LOGISTIC"]
    values = np.arange(12, dtype=np.int8).reshape(1, 3, 4)
    assert Int8Model(model).run(values).shape == (1, 12)
    larger = read_model(model, [parse_input_shape("5,3,4")])
    assert larger.tensors[larger.output].shape == (5, 12) == resized(model, (5, 3, 4))[larger.output]


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    failure = result.exception
    code = failure.exit_code if isinstance(failure, ModelError) else result.exit_code
    return code, result.output + (failure.message if isinstance(failure, ModelError) else "")


def test_the_commands(tmp_path: Path) -> None:
    model = tmp_path / "free.tflite"
    model.write_bytes(image_classifier())
    for command in (
        ("plan", model),
        ("firmware", model, "--board", "host"),
        ("complexity", model, "--clip-seconds", "1", "--enforce", "2024"),
    ):
        code, text = run(*command)
        assert code == 1 and "axes 1, 2" in text and "holds" not in text, command
        code, text = run(*command, "--input-shape", "1,17,13,1")
        assert code == 0, text
    plan = json.loads((tmp_path / "free.firmware" / "host" / "plan.json").read_text())
    assert plan["input"] == "0 'image' (int8 1x17x13x1)"
    assert run("plan", model, "--input-shape", "1,x")[0] == 2
    assert run("complexity", "dcase2024_baseline", "--input-shape", "1,2")[0] == 2


def test_a_convolution_that_a_size_does_not_suit() -> None:
    builder = ModelBuilder()
    source, output = builder.activation((1, 1, 9, 1), 0.1, 0), builder.activation((1, 1, 7, 1), 0.1, 0)
    builder.graph.tensors[source].shapeSignature = [1, -1, 9, 1]
    weights = builder.constant(np.ones((1, 3, 3, 1), np.int8), 0.1)
    bias = builder.constant(np.zeros(1, np.int32), 0.01)
    builder.operator("CONV_2D", [source, weights, bias], output, "Conv2DOptions", **{**CONV, "padding": 1})
    with pytest.raises(ModelError, match="operator 0 CONV_2D.*a window of 3 over 2"):
        read_model(builder.finish(source, output), [parse_input_shape("1,2,9,1")])
