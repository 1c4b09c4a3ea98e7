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
from asc_kit.protocol import HelloFlag
from asc_kit.quantization import TensorInfo
from asc_kit.records.files import temporary_folder
from asc_kit.stages import BuiltModel, ModelEnd, firmware_stage
from asc_kit.tflite.inputs import InputShape
from asc_kit.tflite.references import OTHER_REFERENCES, REFERENCE

from .line.emulator import emulate
from .line.link import Link
from .line.session import Session
from .line.transport import open_port

SEED = 5
KINDS = ("normal", "uniform", "saturating")
"""What random inputs are, in turn."""
STEPS = 20
"""Consecutive inferences of a model with state, unless another number is given."""
_SPREAD = 30.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparison:
    """One sequence of inputs on a board and on the host."""

    output: NDArray[np.int8]
    """The board's, shape [steps, output bytes]; all outputs of a step one after the other."""
    expected: NDArray[np.int8]
    """The reference kernels', the same shape."""
    network_time: int
    """The longest inference, in timer counts of the network."""

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
    input_types: tuple[str, ...]
    """Type of each input of the file."""
    output_types: tuple[str, ...]
    """Type of each output of the file."""
    steps: int
    """Consecutive inferences of each random input; 1 where none depends on earlier ones."""
    inputs: Mapping[str, int]
    """Number of inputs by kind: normal, uniform, saturating, given; with several steps, of sequences of inputs."""
    exact: int
    """Inputs whose outputs are equal in all bytes, after every step."""
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


def random_inputs(n: int, count: int = len(KINDS), steps: int = 1) -> list[tuple[str, NDArray[np.int8]]]:
    """Return inputs of n bytes, of the shape [steps, n], with their kind.

    In turn they are normal around 0, uniform, or of the two extremes.
    """
    rng = np.random.default_rng(SEED)
    inputs: list[tuple[str, NDArray[np.int8]]] = []
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        if kind == "normal":
            values = np.clip(np.rint(rng.normal(0, _SPREAD, steps * n)), -128, 127)
        elif kind == "uniform":
            values = rng.integers(-128, 128, steps * n)
        else:
            values = rng.choice([-128, 127], steps * n)
        inputs.append((kind, values.astype(np.int8).reshape(steps, n)))
    return inputs


def given_inputs(path: Path, ends: Sequence[ModelEnd], *, has_state: bool) -> list[NDArray[np.int8]]:
    """Return the inputs of a file of arrays, as the network's int8 bytes, shape [steps, input bytes].

    Parameters
    ----------
    path
        A .npz file. For a model with one input, each array is one input in the model's shape, or several with their
        number first. For one with several, the arrays are named input_0, input_1 and so on, and are as many.
    ends
        The model's inputs, whose types the arrays have.
    has_state
        Whether several inputs of an array are one sequence.

    Raises
    ------
    DataError
        When the file cannot be read, or an array has another name, type or shape.
    """
    shapes = ", ".join(f"{end.type} of shape {end.tensor.shape} or [n, *{end.tensor.shape}]" for end in ends)
    names = ", named input_0, input_1, ... in this order" if len(ends) > 1 else ""
    hint = f"give arrays of {shapes}{names}, as numpy.savez writes them"
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile) as failure:
        raise DataError(f"{path} cannot be read as a file of arrays: {failure}", hint=hint) from None
    if not arrays:
        raise DataError(f"{path} has no arrays", hint=hint)
    if len(ends) == 1:
        taken = [[(name, array)] for name, array in arrays.items()]
    else:
        wanted = [f"input_{number}" for number in range(len(ends))]
        if sorted(arrays) != sorted(wanted):
            raise DataError(f"{path} has the arrays {', '.join(arrays)}", hint=hint)
        taken = [[(name, arrays[name]) for name in wanted]]
    inputs: list[NDArray[np.int8]] = []
    for together in taken:
        parts = [_given_array(path, *named, end, hint) for named, end in zip(together, ends, strict=True)]
        if len({len(part) for part in parts}) != 1:
            raise DataError(f"{path} has arrays of {', '.join(str(len(part)) for part in parts)} inputs", hint=hint)
        joined = np.concatenate(parts, axis=1)
        inputs += [joined] if has_state else list(joined[:, np.newaxis])
    return inputs


def _given_array(path: Path, name: str, array: NDArray[np.generic], end: ModelEnd, hint: str) -> NDArray[np.int8]:
    """Return the values of one array, int8 [number of inputs, bytes]."""
    tensor = end.tensor
    rank = len(tensor.shape)
    if array.dtype != np.dtype(end.type) or array.shape[array.ndim - rank :] != tensor.shape:
        raise DataError(f"{path}: array {name} is {array.dtype} of shape {array.shape}", hint=hint)
    if array.ndim > rank + 1:
        raise DataError(f"{path}: array {name} has {array.ndim} dimensions", hint=hint)
    return _quantized(array.reshape(-1, tensor.n_elements), tensor)


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


def reference_of(built: BuiltModel, input_shapes: Sequence[InputShape] = ()) -> ReferenceModel:
    """Return the reference kernels for a model that was built."""
    inputs, outputs = ([end.tensor for end in ends] for ends in (built.inputs, built.outputs))
    return ReferenceModel(built.model, inputs, outputs, input_shapes)


def compare(
    session: Session, reference: ReferenceModel, inputs: Sequence[NDArray[np.int8]], macs: int
) -> list[Comparison]:
    """Run inputs, int8 [steps, input bytes] each, on a board and in the reference kernels.

    Before each, both forget what they remember.
    """

    def clip(sequence: NDArray[np.int8]) -> tuple[NDArray[np.int8], int]:
        session.reset_state()
        outputs, times = [], []
        for values in sequence:
            session.write_input(values)
            times.append(session.run(macs=macs).network_time)
            outputs.append(session.read_output())
        return np.stack(outputs), max(times)

    comparisons: list[Comparison] = []
    for sequence in inputs:
        output, network_time = session.repeat(lambda sequence=sequence: clip(sequence))  # type: ignore[misc]
        if comparisons and session.hello.flags & HelloFlag.STATE:
            reference.reset()
        expected = np.stack([reference.run(values) for values in sequence])
        comparisons.append(Comparison(output=output, expected=expected, network_time=network_time))
    return comparisons


def verify_model(
    model: Path,
    board: Board,
    *,
    inputs: Path | None = None,
    count: int = len(KINDS),
    steps: int | None = None,
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
        Number of random inputs, or of sequences of them.
    steps
        Consecutive inferences of each; None for STEPS of a model with state, and 1 of any other.
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
            f"board {board.name} has no emulator",
            hint="verify on a board of the same core that has an emulator: asc-kit boards",
        )
    with temporary_folder("verify") as folder:
        built = firmware_stage().build_model(
            model, board, folder / "firmware", input_shapes=input_shapes, kernels=kernels, optimize=optimize
        )
        steps = steps or (STEPS if built.has_state else 1)
        chosen = random_inputs(built.input_bytes, count, steps)
        if inputs is not None:
            own = given_inputs(inputs, built.inputs, has_state=built.has_state)
            chosen += [("given", values) for values in own]
        reference = reference_of(built, input_shapes)
        assert built.manifest.image is not None
        macs = sum(operator.macs for operator in built.manifest.operators)
        with booted(board, folder / "firmware" / built.manifest.image) as session:
            if session.hello.firmware_id != built.manifest.firmware_id:
                raise BoardError(f"the board runs firmware {session.hello.firmware_id}, not the one that was built")
            comparisons = compare(session, reference, [values for _, values in chosen], macs)
            stack_bytes = session.stats().stack_used_bytes
    kinds = [kind for kind, _ in chosen]
    return _described(model, board, built, steps, kinds, comparisons, reference.runtime, stack_bytes)


def _described(
    model: Path,
    board: Board,
    built: BuiltModel,
    steps: int,
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
        input_types=tuple(end.type for end in built.inputs),
        output_types=tuple(end.type for end in built.outputs),
        steps=steps,
        inputs={kind: kinds.count(kind) for kind in dict.fromkeys(kinds)},
        exact=len(comparisons) - len(wrong),
        differing=len(wrong),
        largest_difference=max((comparison.largest_difference for comparison in comparisons), default=0),
        first_difference=_where(wrong[0], kinds[wrong[0]], comparisons[wrong[0]], built.outputs) if wrong else None,
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


def _where(number: int, kind: str, comparison: Comparison, outputs: Sequence[ModelEnd]) -> str:
    """Say where the first difference is: in which step, output and byte."""
    step = int(np.flatnonzero((comparison.output != comparison.expected).any(axis=1))[0])
    output, expected = comparison.output[step], comparison.expected[step]
    places = np.flatnonzero(output != expected)
    at, name = int(places[0]), ""
    for end in outputs:
        if at < end.tensor.n_elements:
            name = f" of output {end.name}" if len(outputs) > 1 else ""
            break
        at -= end.tensor.n_elements
    when = f"step {step} of " if len(comparison.output) > 1 else ""
    return (
        f"{when}input {number} ({kind}): {len(places)} of {output.size} bytes differ, the first at {at}{name}: "
        f"{output[places[0]]}, the reference has {expected[places[0]]}"
    )
