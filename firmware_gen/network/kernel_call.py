"""A kernel call as data: an operator with its chosen kernel and prepared constants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ConstantArray:
    """A const array of the generated C."""

    suffix: str
    """What it is, for its name: weights, bias, ..."""
    c_type: str
    """Element type in C."""
    values: NDArray[Any]
    """The elements, in memory order."""
    comment: str
    """Tensor, dtype, shape, layout and quantization."""

    @property
    def n_bytes(self) -> int:
        """Size in bytes."""
        return self.values.nbytes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Requantize:
    """Value of an asc_requantize_t."""

    bias: ConstantArray
    multiplier: ConstantArray
    shift: ConstantArray
    offset: int
    min: int
    max: int
    wide: bool


FieldValue = int | tuple[int, ...] | ConstantArray | Requantize


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KernelCall:
    """One step of the network."""

    kernel: str
    """Name of the C function, and of its file."""
    struct: str
    """Type of its parameters."""
    fields: tuple[tuple[str, FieldValue], ...]
    """Its parameters, in any order."""
    inputs: tuple[int | ConstantArray, ...]
    """Tensors it reads, in the order of its arguments; constants are passed from flash."""
    overlap: tuple[int | None, ...]
    """For each input that is not needed afterwards: how many bytes before it the output must begin, at least, to share
    its memory; None if they must not overlap."""
    macs: int
    """Multiply-accumulates."""
    updates: tuple[int, ...] = ()
    """Variables that it reads and changes in place, in the order of its arguments, after the inputs."""
    gather_inputs: bool = False
    """Whether it takes its inputs as one array of pointers."""
    scratch_bytes: int | None = None
    """Size of the scratch memory it takes as last argument; None when it takes none."""
    cycles: float | None = None
    """Estimated cycles of one call behind a slow flash, for the planner to compare; None where only the cost of a call
    and of its constants is known."""

    @property
    def arrays(self) -> tuple[ConstantArray, ...]:
        """The const arrays it needs."""
        arrays = [value for value in self.inputs if isinstance(value, ConstantArray)]
        for _, value in self.fields:
            if isinstance(value, ConstantArray):
                arrays.append(value)
            elif isinstance(value, Requantize):
                arrays += [value.bias, value.multiplier, value.shift]
        return tuple(arrays)
