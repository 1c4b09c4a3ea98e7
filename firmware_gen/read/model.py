"""A model from a bundle or a .tflite file: its graph, and facts for the generated code."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from asc_kit.bundle import Bundle
from asc_kit.errors import BundleError, ModelError
from asc_kit.firmware import NO_FRONTEND
from asc_kit.frontend import FrontEndSpec
from asc_kit.quantization import TensorInfo
from asc_kit.scores.metrics import OutputActivation
from asc_kit.tflite.inputs import InputShape

from ..network.graph import Graph
from .reader import read_model


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """Facts about the model for the generated code, beside its network."""

    name: str
    """Name of the model."""
    labels: tuple[str, ...]
    """Classes, in the order of the outputs."""
    frontend: FrontEndSpec | None
    """The features; None for a bare model, whose input the user computes."""
    input: TensorInfo
    """The network's input."""
    output: TensorInfo
    """The network's output."""
    model_sha256: str
    """Hash of the flatbuffer."""
    output_activation: OutputActivation | None = None
    """Kind of the outputs; None where nobody has said so."""

    @property
    def spec_id(self) -> str:
        """Fingerprint of the front end; zeros when there is none."""
        return NO_FRONTEND if self.frontend is None else self.frontend.spec_id


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Model:
    """A model with its facts."""

    graph: Graph
    """The network."""
    info: ModelInfo
    """Facts for the generated code."""
    file: Path | None = None
    """File of a bare model, for error messages; None for a bundle's."""


def read_bundle(bundle: Bundle) -> Model:
    """Read the model of a bundle.

    Raises
    ------
    ModelError
        When the model holds something that is not supported.
    BundleError
        When the manifest describes other inputs or outputs than the model has.
    """
    graph = read_model(bundle.model_path.read_bytes())
    manifest = bundle.manifest
    info = ModelInfo(
        name=manifest.name,
        labels=manifest.labels,
        frontend=manifest.frontend,
        input=manifest.input,
        output=manifest.output,
        model_sha256=manifest.model_sha256,
        output_activation=manifest.output_activation,
    )
    _check_ends(graph, info)
    return Model(graph=graph, info=info)


def read_bare(file: Path, *, labels: Sequence[str] | None = None, input_shapes: Sequence[InputShape] = ()) -> Model:
    """Read a .tflite file.

    Parameters
    ----------
    file
        Any int8 .tflite file.
    labels
        Names of the classes, one for each element of the output's last axis; None for ``class_0``, ``class_1`` and
        so on.
    input_shapes
        Shapes of inputs that the file leaves free.

    Raises
    ------
    ModelError
        When the file cannot be read, the model holds something that is not supported or has another number of classes.
    """
    data = read_file(file)
    with name_file(file):
        graph = read_model(data, input_shapes)
        return Model(graph=graph, info=bare_info(graph, data, file.stem, labels), file=file)


def bare_info(graph: Graph, data: bytes, name: str, labels: Sequence[str] | None = None) -> ModelInfo:
    """Return the facts about a bare model.

    Raises
    ------
    ModelError
        When there is another number of labels than of classes.
    """
    output = tensor_info(graph, graph.output)
    classes = output.shape[-1] if output.shape else 1
    if labels is not None and len(labels) != classes:
        raise ModelError(
            f"the model has {classes} classes along the last axis of its output. Labels received: {len(labels)}",
            hint="give a file with one label on each line, as many as classes",
        )
    return ModelInfo(
        name=name,
        labels=tuple(labels if labels is not None else (f"class_{index}" for index in range(classes))),
        frontend=None,
        input=tensor_info(graph, graph.input),
        output=output,
        model_sha256=hashlib.sha256(data).hexdigest(),
    )


def is_bare_model(path: Path) -> bool:
    """Tell whether a path is for a .tflite file; a folder is a bundle, whatever its name.

    Raises
    ------
    ModelError
        When there is neither.
    """
    if not path.exists():
        raise ModelError(f"{path} does not exist", hint="give a bundle (asc-kit export) or a .tflite file")
    if not (path.is_file() or path.is_dir()):  # a device may have no end
        raise ModelError(f"{path} is neither a file nor a folder", hint="give a bundle or a .tflite file")
    return path.is_file()


def read_file(file: Path) -> bytes:
    """Return the content of a .tflite file.

    Raises
    ------
    ModelError
        When there is none, or it cannot be read.
    """
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise ModelError(f"model {file} does not exist", hint="give a bundle or a .tflite file") from None
    except OSError as failure:
        raise ModelError(
            f"model {file} cannot be read: {failure.strerror}",
            hint="give a bundle or a .tflite file that you may read",
        ) from None


@contextmanager
def name_file(file: Path | None) -> Iterator[None]:
    """Add the name of a file to errors of the model in it; None adds nothing."""
    try:
        yield
    except ModelError as failure:
        if file is None:
            raise
        raise failure.in_file(file) from None


def tensor_info(graph: Graph, index: int) -> TensorInfo:
    """Return shape and quantization of a tensor that is quantized as a whole."""
    tensor = graph.tensors[index]
    return TensorInfo(shape=tensor.shape, scale=tensor.scale, zero_point=tensor.zero_point)


def _check_ends(graph: Graph, info: ModelInfo) -> None:
    """Check that the manifest describes the model's input and output; front end and labels rely on it."""
    if len(graph.inputs) != 1 or len(graph.outputs) != 1 or graph.variables:
        raise BundleError(
            f"the model has {len(graph.inputs)} inputs, {len(graph.outputs)} outputs and {len(graph.variables)} "
            "variables; a bundle's has one input, one output and no state",
            hint="give the .tflite file alone",
        )
    if (graph.inputs[0].type, graph.outputs[0].type) != ("int8", "int8"):
        raise BundleError(
            f"the model takes {graph.inputs[0].type} and gives {graph.outputs[0].type}; a bundle's model is int8 "
            "throughout",
            hint="export the run again, or give the .tflite file alone",
        )
    ends = (("input", graph.input, info.input), ("output", graph.output, info.output))
    for what, index, expected in ends:
        actual = tensor_info(graph, index)
        if actual != expected:
            raise BundleError(
                f"the bundle says that the {what} is {expected}, the model's is {actual}",
                hint="export the run again",
            )
