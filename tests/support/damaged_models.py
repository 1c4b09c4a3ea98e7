"""Damaged .tflite files: a corpus, two kinds of damage, and a judge of what the generator makes of them."""

from __future__ import annotations

import contextlib
import resource
import signal
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from free_sizes import free_batch, image_classifier
from int8_cases import STRATEGIES, examples
from int8_models import ModelBuilder

from asc_kit.errors import AscKitError, ModelError
from asc_kit.firmware_gen.network.graph import Graph
from asc_kit.firmware_gen.plan.plan import make_plan
from asc_kit.firmware_gen.read.model import bare_info
from asc_kit.firmware_gen.read.reader import read_model
from asc_kit.firmware_gen.write.emit import emit_engine
from asc_kit.hardware.board import KernelSetName
from asc_kit.tflite.inputs import InputShape

Outcome = Literal["compiled", "refused"]
MEMORY_BYTES = 1 << 29
"""What reading and planning a model of some kilobytes may take."""
SECONDS = 20
"""Of the processor's time, however busy the machine is."""
_KERNELS: tuple[KernelSetName, ...] = ("portable", "dsp", "mve")
_LARGEST_FILE = 1 << 16
_INTEGERS = (0, 1, 2, 3, -1, -2, 7, 127, 128, 255, 256, 65535, 65536, 1 << 24, (1 << 31) - 1, -(1 << 31))
_FLOATS = (0.0, -1.0, 1.0, 1e-45, 1e-38, 1e-6, 1e6, 3.4e38, float("inf"), float("-inf"), float("nan"))


class FindingError(Exception):
    """The generator did what it must not do with any file."""


class HangError(BaseException):
    """Not an Exception: nothing may catch it on the way."""


def corpus(per_operator: int = 1) -> list[bytes]:
    """Whole models: every operator, small networks, float and integer ends, sizes left free; always the same."""
    models = [case.model for op in sorted(STRATEGIES) for case in examples(op, per_operator)]
    for end_type in (0, 3):
        builder = ModelBuilder()
        ends = [builder.activation((1, 6), 0.1, 131) for _ in range(2)]
        inner = [builder.activation((1, 6), 0.1, 3) for _ in range(2)]
        for end in ends:
            builder.graph.tensors[end].type = end_type
        builder.operator("QUANTIZE", [ends[0]], inner[0], "QuantizeOptions")
        builder.operator("RELU", [inner[0]], inner[1])
        builder.operator("DEQUANTIZE" if end_type == 0 else "QUANTIZE", [inner[1]], ends[1])
        models.append(builder.finish(ends[0], ends[1]))
    models += [free_batch(), image_classifier()]
    return [model for model in models if len(model) < _LARGEST_FILE]


def damaged(models: Sequence[bytes], rng: np.random.Generator) -> bytes:
    """Damage a model of a corpus: its bytes, or what they say."""
    model = models[int(rng.integers(len(models)))]
    if rng.random() < 0.4:
        return damage_bytes(model, rng)
    return damage_meaning(model, rng)


def damage_bytes(model: bytes, rng: np.random.Generator) -> bytes:
    """Change bytes and words, cut off, take out or repeat a piece; the identifier mostly stays."""
    data = bytearray(model)
    for _ in range(int(rng.integers(1, 6))):
        if len(data) < 16:
            break
        at = int(rng.integers(8 if rng.random() < 0.95 else 0, len(data) - 4))
        kind = rng.integers(5)
        if kind == 0:
            data[at] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            value = int(rng.choice(_INTEGERS))
            data[at : at + 4] = (value % (1 << 32)).to_bytes(4, "little")
        elif kind == 2:
            word = int.from_bytes(data[at : at + 4], "little") + int(rng.integers(-8, 9))
            data[at : at + 4] = (word % (1 << 32)).to_bytes(4, "little")
        elif kind == 3:
            del data[at : at + int(rng.integers(1, 64))]
        elif rng.random() < 0.5:
            data = data[:at]
        else:
            data[at:at] = data[at : at + int(rng.integers(1, 64))]
    return bytes(data)


def damage_meaning(model: bytes, rng: np.random.Generator) -> bytes:
    """Change values of the flatbuffer's tables, and write a whole flatbuffer again."""
    for _ in range(20):
        root = schema.ModelT.InitFromPackedBuf(bytearray(model), 0)
        for _ in range(int(rng.integers(1, 4))):
            slots = list(_slots(root))
            holder, key = slots[rng.integers(len(slots))]
            _put(holder, key, _other(_get(holder, key), rng))
        try:
            builder = flatbuffers.Builder(1024)
            builder.Finish(root.Pack(builder), b"TFL3")
        except Exception:  # the packer says no in many ways: a value that the field cannot hold
            continue
        return bytes(builder.Output())
    return damage_bytes(model, rng)


def _slots(table: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place of a tree of tables: (table, attribute), and (list, index) of short lists."""
    for name, value in vars(table).items():
        if value is None or isinstance(value, str | bytes) or name == "data":
            continue
        yield table, name
        if isinstance(value, list | np.ndarray):
            for index in range(min(len(value), 16)):
                if hasattr(value[index], "Pack"):
                    yield from _slots(value[index])
                else:
                    yield value, index
        elif hasattr(value, "Pack"):
            yield from _slots(value)


def _get(holder: Any, key: Any) -> Any:
    return getattr(holder, key) if isinstance(key, str) else holder[key]


def _put(holder: Any, key: Any, value: Any) -> None:
    if isinstance(key, str):
        setattr(holder, key, value)
        return
    with contextlib.suppress(OverflowError, ValueError, TypeError):  # an array of a type that cannot hold it
        holder[key] = value


def _other(value: Any, rng: np.random.Generator) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | np.integer):
        return int(rng.choice(_INTEGERS)) if rng.random() < 0.6 else int(value) + int(rng.integers(-3, 4))
    if isinstance(value, float | np.floating):
        return float(rng.choice(_FLOATS)) if rng.random() < 0.6 else float(value) * float(rng.normal())
    if isinstance(value, list | np.ndarray):
        items = list(value)
        kind = rng.integers(4) if items else 0
        if kind == 0:
            return []
        at = int(rng.integers(len(items)))
        if kind == 1:
            return items[:at] + items[at + 1 :]
        if kind == 2:
            return [*items, items[at]]
        other = int(rng.integers(len(items)))
        items[at], items[other] = items[other], items[at]
        return items
    return None


def judge(data: bytes) -> Outcome:
    """Read a file, plan it for one of the kernel sets, and write its code.

    Raises
    ------
    FindingError
        When anything but an error of the kit's comes out of it, or memory runs out.
    HangError
        When it takes too long.
    """
    try:
        with _alarm(), warnings.catch_warnings():
            # an overflow that only NumPy notices is one that nobody thought of
            warnings.simplefilter("error")
            graph = _read(data)
            plan = make_plan(graph, _KERNELS[len(data) // 4 % len(_KERNELS)])
            emit_engine(plan, None, bare_info(graph, data, "damaged"))
    except AscKitError as failure:
        if isinstance(failure.__cause__, MemoryError):
            raise FindingError("it takes more memory than any model of its size may") from failure
        if not failure.message:
            raise FindingError("an error without a word") from failure
        return "refused"
    except Exception as failure:
        raise FindingError(f"{type(failure).__name__}: {failure}") from failure
    return "compiled"


def _read(data: bytes) -> Graph:
    """Read a file, with a shape for the input if it asks for one."""
    try:
        return read_model(data)
    except ModelError as failure:
        if "--input-shape" not in (failure.hint or ""):
            raise
        return read_model(data, [InputShape(name=None, sizes=(1, 9, 7, 1))])


@contextlib.contextmanager
def _alarm() -> Iterator[None]:
    def ring(*_: object) -> None:
        raise HangError(f"no answer within {SECONDS} s")

    previous = signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, previous)


@contextlib.contextmanager
def memory_cap() -> Iterator[None]:
    """Let this process take MEMORY_BYTES more than it has, and no more, while the block lasts."""
    with open("/proc/self/statm") as stream:
        has = int(stream.read().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (has + MEMORY_BYTES, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
