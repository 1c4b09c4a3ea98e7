"""Files that are no model, models in name only, and valid ones that are not supported: each is called what it is."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from free_sizes import image_classifier, packed
from int8_models import ModelBuilder

from asc_kit.errors import ModelError
from asc_kit.export.network.reading import read_network
from asc_kit.firmware_gen.plan.plan import make_plan
from asc_kit.firmware_gen.read.reader import read_model
from asc_kit.inference.interpreter import Int8Model
from asc_kit.train.complexity.flatbuffer import flatbuffer_complexity

MODEL = image_classifier(9, 9)
READERS: dict[str, Callable[[bytes], object]] = {
    "engine": read_model,
    "complexity": lambda model: flatbuffer_complexity(model, None),
    "export": read_network,
}


def zipped(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, b"{}")
    return stream.getvalue()


OTHER_FILES = {
    "a pointer of Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 1234\n",
    "compressed with gzip": gzip.compress(MODEL),
    "a zip archive": zipped("model.tflite"),
    "a Keras model": zipped("metadata.json", "config.json", "model.weights.h5"),
    "a PyTorch model": zipped("net/data.pkl"),
    "C source": b"#include <stdint.h>\nalignas(16) const unsigned char model[] = {0x1c, 0x00, 0x00, 0x00, 0x54};\n",
    "a model turned into an array": b"0x1c, 0x00, 0x00, 0x00, 0x54, 0x46, 0x4c, 0x33",
    "a web page": b"\n<!DOCTYPE html>\n<html lang='en'>",
    "an HDF5 file": b"\x89HDF\r\n\x1a\n" + bytes(64),
    "JSON": b'{"model": 1}',
    "text": b"404: Not Found",
    "an empty file": b"",
    "a model of ONNX Runtime": b"\x10\0\0\0ORTM" + bytes(32),
    "something else": bytes(range(256)),
}


@pytest.mark.parametrize("what", OTHER_FILES)
@pytest.mark.parametrize("reader", READERS)
def test_what_a_file_is_instead(what: str, reader: str) -> None:
    with pytest.raises(ModelError, match="this is not a TensorFlow Lite model") as caught:
        READERS[reader](OTHER_FILES[what])
    assert what in caught.value.message
    assert caught.value.hint and "damaged" not in caught.value.message


def with_operators(*ops: str, custom: bytes | None = None) -> bytes:
    """Operators that the engine has not, some of which take and give nothing, as those of variables do."""
    builder = ModelBuilder()
    source, output = builder.activation((1, 4), 0.1, 0), builder.activation((1, 4), 0.1, 0)
    builder.operator("RELU", [source], output)
    for op in ops:
        builder.operator(op, [source, -1, source], builder.activation((1, 4), 0.1, 0))
        if op in ("CALL_ONCE", "ASSIGN_VARIABLE"):
            builder.graph.operators[-1].outputs = []
        if op in ("CALL_ONCE", "VAR_HANDLE"):
            builder.graph.operators[-1].inputs = []
        if op == "CUSTOM":
            builder.model.operatorCodes[-1].customCode = custom
    return builder.finish(source, output)


@pytest.mark.parametrize("reader", ["engine", "complexity"])
def test_all_unsupported_operators_at_once(reader: str) -> None:
    model = with_operators("HASHTABLE", "WHERE", "WHERE", "CUMSUM", "RFFT2D")
    with pytest.raises(ModelError) as caught:
        READERS[reader](model)
    counted = "1 CUMSUM, 1 HASHTABLE, 1 RFFT2D, 2 WHERE. The first, operator 1 HASHTABLE"
    assert f"5 of 6 operators are not {'supported' if reader == 'engine' else 'counted by any rule'}: {counted}" in (
        caught.value.message
    )


@pytest.mark.parametrize(
    "op",
    ["BIDIRECTIONAL_SEQUENCE_RNN", "LSTM", "BIDIRECTIONAL_SEQUENCE_LSTM", "WHERE", "HASHTABLE"],
)
@pytest.mark.parametrize("reader", ["engine", "complexity"])
def test_an_input_that_is_left_out_is_no_damage(op: str, reader: str) -> None:
    with pytest.raises(ModelError, match=f"operator 1 {op}, which computes") as caught:
        READERS[reader](with_operators(op))
    assert "damaged" not in caught.value.message


def test_a_missing_input_of_a_known_operator() -> None:
    with pytest.raises(ModelError, match="operator 1 CONV_2D has no input 1, but later ones"):
        read_model(with_operators("CONV_2D"))


@pytest.mark.parametrize(
    ("custom", "message"),
    [
        (b"ethos-u", "compiled for an Arm Ethos-U, by Vela: operator 1"),
        (b"edgetpu-custom-op", "compiled for a Coral Edge TPU: operator 1"),
        (b"DISPATCH_OP", "compiled for an NPU"),
        (b"MyOwn\x1b[2J", r"CUSTOM 'MyOwn\\x1b\[2J'"),
        (b"FlexErf", "CUSTOM 'FlexErf'"),
        (None, "CUSTOM ''"),
    ],
)
def test_custom_operators(custom: bytes | None, message: str) -> None:
    for reader in ("engine", "complexity"):
        with pytest.raises(ModelError, match=message) as caught:
            READERS[reader](with_operators("CUSTOM", custom=custom))
        assert custom != b"FlexErf" or "SELECT_TF_OPS" in (caught.value.hint or "")


def test_an_operator_of_a_later_schema_has_its_number() -> None:
    root = schema.ModelT.InitFromPackedBuf(bytearray(with_operators("CUMSUM")), 0)
    root.operatorCodes[1].builtinCode = 5000
    for reader in ("engine", "complexity"):
        with pytest.raises(ModelError, match="operator 1 BUILTIN 5000, which computes"):
            READERS[reader](packed(root))


def moved_behind(model: bytes) -> bytes:
    """Put all constants behind the flatbuffer, as models beyond 2 GB have them."""
    root = schema.ModelT.InitFromPackedBuf(bytearray(model), 0)
    values = [None if buffer.data is None else bytes(buffer.data) for buffer in root.buffers]
    for buffer, value in zip(root.buffers, values, strict=True):
        if value is not None:
            buffer.data, buffer.offset, buffer.size = None, 2, len(value)  # of the right width, to be packed
    at = len(packed(root)) + 64
    for buffer, value in zip(root.buffers, values, strict=True):
        if value is not None:
            buffer.offset = at
            at += -(-len(value) // 16) * 16
    head = packed(root)
    tail = b"".join((value or b"").ljust(-(-len(value or b"") // 16) * 16, b"\0") for value in values)
    first = min(buffer.offset for buffer in root.buffers if buffer.size)
    return head.ljust(first, b"\0") + tail


def test_constants_behind_the_flatbuffer() -> None:
    model = moved_behind(MODEL)
    whole, behind = read_model(MODEL), read_model(model)
    for one, other in zip(whole.tensors, behind.tensors, strict=True):
        assert one.shape == other.shape and np.array_equal(one.data, other.data)
    assert make_plan(behind).weight_bytes == make_plan(whole).weight_bytes
    assert flatbuffer_complexity(model, 1.0) == flatbuffer_complexity(MODEL, 1.0)
    for one, other in zip(read_network(MODEL).tensors, read_network(model).tensors, strict=True):
        assert np.array_equal(one.data, other.data)
    values = np.random.default_rng(2).integers(-128, 128, (1, 9, 9, 1)).astype(np.int8)
    assert np.array_equal(Int8Model(model).run(values), Int8Model(MODEL).run(values))
    for reader in READERS:
        with pytest.raises(ModelError):
            READERS[reader](model[:-40])


def test_nothing_empty_and_nothing_sparse() -> None:
    root = schema.ModelT.InitFromPackedBuf(bytearray(MODEL), 0)
    root.subgraphs[0].tensors[1].shape = [1, 0, 9, 6]
    for reader in ("engine", "complexity"):
        with pytest.raises(ModelError, match="shape"):
            READERS[reader](packed(root))
    root = schema.ModelT.InitFromPackedBuf(bytearray(MODEL), 0)
    root.subgraphs[0].tensors[2].sparsity = schema.SparsityParametersT()
    for reader in READERS:
        with pytest.raises(ModelError, match="sparse"):
            READERS[reader](packed(root))


def test_more_axes_than_loops_are_called_that() -> None:
    builder = ModelBuilder()
    source = builder.activation((1, 2, 3, 2, 4, 4), 0.1, 0)
    other = builder.constant(np.ones((1, 2, 1, 2, 1, 4), np.int8), 0.1)
    output = builder.activation((1, 2, 3, 2, 4, 4), 0.1, 0)
    builder.operator("MUL", [source, other], output, "MulOptions")
    with pytest.raises(ModelError, match="broadcast along too many axes in turn"):
        read_model(builder.finish(source, output))
