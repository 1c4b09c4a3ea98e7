"""The decoder of .tflite files: what every reader of them stands on."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import interpreter as litert
from ai_edge_litert import schema_py_generated as schema
from free_sizes import image_classifier, packed
from int8_models import ModelBuilder

from asc_kit.errors import ModelError
from asc_kit.tflite.decoder import Decoder, read_checked
from asc_kit.tflite.operator_codes import operator_codes, operator_names

ROOT = Path(__file__).parents[2]
MODEL = image_classifier(9, 9)


def two_codes(wide: int, narrow: int) -> bytes:
    """One operator whose code stands differently in the schema's two fields for it."""
    builder = ModelBuilder()
    source, output = builder.activation((1, 4), 0.1, 0), builder.activation((1, 4), 0.1, 0)
    builder.operator("RELU", [source], output)
    root = schema.ModelT.InitFromPackedBuf(bytearray(builder.finish(source, output)), 0)
    root.operatorCodes[0].builtinCode, root.operatorCodes[0].deprecatedBuiltinCode = wide, narrow
    return packed(root)


@pytest.mark.parametrize(
    ("wide", "narrow", "name"), [(19, 0, "RELU"), (0, 19, "RELU"), (19, 14, "RELU"), (14, 19, "RELU")]
)
def test_the_larger_code_counts_as_in_the_runtime(wide: int, narrow: int, name: str) -> None:
    model = two_codes(wide, narrow)
    runtime = litert.Interpreter(model_content=model, experimental_op_resolver_type=litert.OpResolverType.BUILTIN_REF)
    assert [one["op_name"] for one in runtime._get_ops_details()] == [name]
    assert operator_names(model) == (name,)
    assert operator_codes(model) == {19}
    assert Decoder(model).graph.operator(0).op == name


def test_tensors_are_the_runtimes() -> None:
    graph = Decoder(MODEL).graph
    runtime = {one["index"]: one for one in litert.Interpreter(model_content=MODEL).get_tensor_details()}
    assert graph.n_tensors > 3
    for tensor in map(graph.tensor, range(graph.n_tensors)):
        one = runtime[tensor.index]
        assert (tensor.name, tensor.shape) == (one["name"], tuple(one["shape"]))
        assert tensor.type == np.dtype(one["dtype"]).name.upper()
        parameters = one["quantization_parameters"]
        assert np.array_equal(np.float32(tensor.scales), parameters["scales"])
        assert np.array_equal(tensor.zero_points, parameters["zero_points"])


def test_options_that_leave_the_file_are_damage() -> None:
    model = bytearray(MODEL)
    union = Decoder(MODEL).graph.operator(0).table.BuiltinOptions()
    assert Decoder(MODEL).graph.operator(0).options("Conv2DOptions").StrideH() == 1
    # its vtable says that the table has more bytes than the file
    vtable = union.Pos - int.from_bytes(model[union.Pos : union.Pos + 4], "little", signed=True)
    model[vtable + 2 : vtable + 4] = b"\xff\xff"
    with pytest.raises(ModelError, match="damaged: ValueError: a table of 65535 bytes"):
        read_checked(bytes(model), lambda decoder: decoder.graph.operator(0).options("Conv2DOptions"))


def test_indices_that_lead_nowhere_are_named() -> None:
    root = schema.ModelT.InitFromPackedBuf(bytearray(MODEL), 0)
    root.subgraphs[0].operators[0].inputs[1] = 900
    with pytest.raises(ModelError, match="damaged: ValueError: operator 0 CONV_2D has tensor index 900 of"):
        read_checked(packed(root), lambda decoder: decoder.graph.operator(0))
    root.subgraphs[0].operators[0].opcodeIndex = 70
    with pytest.raises(ModelError, match="damaged: ValueError: operator 0 has code 70 of"):
        read_checked(packed(root), Decoder.ops)


def test_the_schema_is_read_in_one_place() -> None:
    """Two packages have the schema: `tflite` reads, LiteRT's also writes. Nothing else decodes a file."""
    users: dict[str, set[str]] = {"tflite": set(), "schema_py_generated": set()}
    for room in ("asc_kit", "train", "export", "firmware_gen", "device_runner"):
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
                for name in {*names} & {*users}:
                    if isinstance(node, ast.Import) or name != "tflite":
                        users[name].add(str(path.relative_to(ROOT)))
    assert users["tflite"] == {"asc_kit/tflite/decoder.py", "asc_kit/tflite/operator_codes.py"}
    assert users["schema_py_generated"] == {"asc_kit/tflite/signed_sum.py", "export/quantization/writing.py"}
