"""Firmware of any model on an emulated board, compared with the reference kernels byte by byte."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asc_kit.errors import BoardError, DataError
from asc_kit.hardware.board import Board, KernelSetName, Optimize
from asc_kit.inference.interpreter import ReferenceModel
from asc_kit.quantization import TensorInfo
from asc_kit.records.files import temporary_folder
from asc_kit.stages import BuiltModel, firmware_stage
from asc_kit.tflite.inputs import InputShape
from asc_kit.tflite.references import OTHER_REFERENCES, REFERENCE

from .line.emulator import emulate
from .line.link import Link
from .line.session import Session
from .line.transport import open_port

SEED = 5
KINDS = ("normal", "uniform", "saturating")
"""What random inputs are, in turn."""
_SPREAD = 30.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparison:
    """One input on a board and on the host."""

    output: NDArray[np.int8]
    """The board's, shape [output bytes]."""
    expected: NDArray[np.int8]
    """The reference kernels', the same shape."""
    network_time: int
    """Timer counts of the network."""

    @property
    def is_exact(self) -> bool:
        """Whether all bytes are equal."""
        return np.array_equal(self.output, self.expected)

    @property
    def largest_difference(self) -> int:
        """In steps of the output."""
        return int(np.abs(self.output.astype(np.int16) - self.expected).max())


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What `verify` found."""

    model: str
    """Name of the file or the bundle."""
    model_sha256: str
    """Hash of the flatbuffer."""
    board: str
    """Name of the board."""
    core: str
    """Its core."""
    kernels: str
    """The kernel set."""
    optimize: str
    """What the firmware is optimized for: speed or size."""
    firmware_id: str
    """Fingerprint of the firmware."""
    input_type: str
    """Type of the file's input."""
    output_type: str
    """Type of the file's output."""
    inputs: Mapping[str, int]
    """Number of inputs by kind: normal, uniform, saturating, given."""
    exact: int
    """Inputs whose outputs are equal in all bytes."""
    differing: int
    """All others."""
    largest_difference: int
    """In steps of the output, over all inputs."""
    first_difference: str | None
    """Where the first difference is, in words."""
    references: Mapping[str, str]
    """Whose kernels are followed, by operator."""
    runtime: str
    """Whose reference kernels the outputs were compared with."""
    operators: int
    """Steps of the network."""
    macs: int
    """Multiply-accumulates."""
    timer: str
    """What the board's timer counts."""
    network_time: int
    """The longest inference, in counts of the timer."""
    arena_bytes: int
    """Working memory of the network."""
    weight_bytes: int
    """Constants of the network."""
    stack_bytes: int
    """The deepest stack so far."""


def random_inputs(n: int, count: int = len(KINDS)) -> list[tuple[str, NDArray[np.int8]]]:
    """Return inputs of n bytes with their kind: normal around 0, uniform, or of the two extremes, in turn."""
    rng = np.random.default_rng(SEED)
    inputs: list[tuple[str, NDArray[np.int8]]] = []
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        if kind == "normal":
            values = np.clip(np.rint(rng.normal(0, _SPREAD, n)), -128, 127)
        elif kind == "uniform":
            values = rng.integers(-128, 128, n)
        else:
            values = rng.choice([-128, 127], n)
        inputs.append((kind, values.astype(np.int8)))
    return inputs


def given_inputs(path: Path, tensor: TensorInfo, end_type: str) -> list[NDArray[np.int8]]:
    """Return the inputs of a file of arrays, as the network's int8 bytes.

    Parameters
    ----------
    path
        A .npz file. Each array is one input, in the model's shape, or several with their number first.
    tensor
        The network's input.
    end_type
        Type of the model file's input, which the arrays have.

    Raises
    ------
    DataError
        When the file cannot be read, or an array has another type or shape.
    """
    hint = f"give arrays of {end_type}, shape {tensor.shape} or [n, *{tensor.shape}], as numpy.savez writes them"
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile) as failure:
        raise DataError(f"{path} cannot be read as a file of arrays: {failure}", hint=hint) from None
    inputs: list[NDArray[np.int8]] = []
    for name, array in arrays.items():
        if array.dtype != np.dtype(end_type) or array.shape[-len(tensor.shape) :] != tensor.shape:
            raise DataError(f"{path}: array {name} is {array.dtype} of shape {array.shape}", hint=hint)
        if array.ndim > len(tensor.shape) + 1:
            raise DataError(f"{path}: array {name} has {array.ndim} dimensions", hint=hint)
        inputs += [_quantized(values, tensor) for values in array.reshape(-1, tensor.n_elements)]
    if not inputs:
        raise DataError(f"{path} has no arrays", hint=hint)
    return inputs


def _quantized(values: NDArray[np.generic], tensor: TensorInfo) -> NDArray[np.int8]:
    """Return the int8 values of an input, as the generated functions compute them."""
    if values.dtype == np.float32:
        real = values.astype(np.float32) / np.float32(tensor.scale)
        rounded = np.where(np.isnan(real), -np.inf, np.copysign(np.floor(np.abs(real.astype(np.float64)) + 0.5), real))
        return np.asarray(np.clip(rounded + tensor.zero_point, -128, 127), np.int8)
    return np.asarray(values.astype(np.int32) - (128 if values.dtype == np.uint8 else 0), np.int8)


@contextmanager
def booted(board: Board, image: Path) -> Iterator[Session]:
    """Boot firmware on an emulated board, and open a session, during which the emulator must find nothing wrong.

    Before, it may: one that loads a vector table elsewhere than at 0 reads address 0 at its reset.
    """
    with emulate(board, image, processor=0) as emulator:
        link = Link(open_port(emulator.port))
        try:
            emulator.start()
            session = Session(link)
            at_boot = emulator.complaints()
            yield session
            complaints = emulator.complaints()
        finally:
            link.close()
        if complaints != at_boot:
            raise BoardError(f"the emulator complained: {complaints}")


def compare(
    session: Session, reference: ReferenceModel, inputs: Sequence[NDArray[np.int8]], macs: int
) -> list[Comparison]:
    """Run inputs on a board and in the reference kernels."""

    def clip(values: NDArray[np.int8]) -> tuple[NDArray[np.int8], int]:
        session.write_input(values)
        report = session.run(macs=macs)
        return session.read_output(), report.network_time

    comparisons: list[Comparison] = []
    for values in inputs:
        output, network_time = session.repeat(lambda values=values: clip(values))  # type: ignore[misc]
        comparisons.append(Comparison(output=output, expected=reference.run(values), network_time=network_time))
    return comparisons


def verify_model(
    model: Path,
    board: Board,
    *,
    inputs: Path | None = None,
    count: int = len(KINDS),
    input_shapes: Sequence[InputShape] = (),
    kernels: KernelSetName | None = None,
    optimize: Optimize = "speed",
) -> Verification:
    """Build a model's firmware, boot it on an emulated board, and compare all outputs with the reference kernels.

    Parameters
    ----------
    model
        Folder of a bundle, or a .tflite file.
    board
        A board that has an emulator.
    inputs
        File of arrays to run beside random inputs.
    count
        Number of random inputs.
    input_shapes
        Shapes of inputs that a file leaves free.
    kernels
        Name of the kernel set; None for the board's own.
    optimize
        What to prefer where speed and size conflict.

    Raises
    ------
    AscKitError
        When the model is refused, an input does not fit, or the board does not run.
    """
    if board.emulator is None:
        raise BoardError(
            f"board {board.name} has no emulator", hint="verify on one that has, of the same core: asc-kit boards"
        )
    with temporary_folder("verify") as folder:
        built = firmware_stage().build_model(
            model, board, folder / "firmware", input_shapes=input_shapes, kernels=kernels, optimize=optimize
        )
        chosen = random_inputs(built.input.n_elements, count)
        if inputs is not None:
            chosen += [("given", values) for values in given_inputs(inputs, built.input, built.input_type)]
        reference = ReferenceModel(built.model, built.input, built.output, input_shapes)
        assert built.manifest.image is not None
        macs = sum(operator.macs for operator in built.manifest.operators)
        with booted(board, folder / "firmware" / built.manifest.image) as session:
            if session.hello.firmware_id != built.manifest.firmware_id:
                raise BoardError(f"the board runs firmware {session.hello.firmware_id}, not the one that was built")
            comparisons = compare(session, reference, [values for _, values in chosen], macs)
            stack_bytes = session.stats().stack_used_bytes
    return _described(model, board, built, [kind for kind, _ in chosen], comparisons, reference.runtime, stack_bytes)


def _described(
    model: Path,
    board: Board,
    built: BuiltModel,
    kinds: Sequence[str],
    comparisons: Sequence[Comparison],
    runtime: str,
    stack_bytes: int,
) -> Verification:
    manifest = built.manifest
    wrong = [number for number, comparison in enumerate(comparisons) if not comparison.is_exact]
    return Verification(
        model=model.name,
        model_sha256=hashlib.sha256(built.model).hexdigest(),
        board=board.name,
        core=board.core.title,
        kernels=manifest.kernels,
        optimize=manifest.optimize,
        firmware_id=manifest.firmware_id,
        input_type=built.input_type,
        output_type=built.output_type,
        inputs={kind: kinds.count(kind) for kind in dict.fromkeys(kinds)},
        exact=len(comparisons) - len(wrong),
        differing=len(wrong),
        largest_difference=max((comparison.largest_difference for comparison in comparisons), default=0),
        first_difference=_where(wrong[0], kinds[wrong[0]], comparisons[wrong[0]]) if wrong else None,
        references={
            op: OTHER_REFERENCES.get(op, REFERENCE) for op in sorted({operator.op for operator in manifest.operators})
        },
        runtime=runtime,
        operators=len(manifest.operators),
        macs=sum(operator.macs for operator in manifest.operators),
        timer=board.timer,
        network_time=max((comparison.network_time for comparison in comparisons), default=0),
        arena_bytes=manifest.memory.arena_bytes,
        weight_bytes=manifest.memory.weight_bytes,
        stack_bytes=stack_bytes,
    )


def _where(number: int, kind: str, comparison: Comparison) -> str:
    places = np.flatnonzero(comparison.output != comparison.expected)
    at = places[0]
    return (
        f"input {number} ({kind}): {len(places)} of {comparison.output.size} bytes differ, the first at {at}: "
        f"{comparison.output[at]}, the reference has {comparison.expected[at]}"
    )
