"""The deployment bundle: all that passes from export to later stages.

A folder with ``bundle.json``, ``model.tflite`` (int8 in, int8 out) and ``golden/`` (a few real clips with the
reference kernels' answers).
"""

from __future__ import annotations

import math
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field

from asc_kit.dataset import Task
from asc_kit.errors import BundleError
from asc_kit.frontend import FrontEndSpec, log_mel, model_input
from asc_kit.quantization import QuantizationSettings, TensorInfo
from asc_kit.records.fields import (
    Count,
    DeviceName,
    Devices,
    Figure,
    FileName,
    InnerPath,
    Labels,
    Line,
    Macs,
    MeanSteps,
    Name,
    PositiveCount,
    Seed,
    Sha256,
    ShortId,
    Tools,
    differ,
    require,
)
from asc_kit.records.folder import read_manifest
from asc_kit.records.migration import Migrations
from asc_kit.records.record import STRICT, sha256_file
from asc_kit.scores.evaluation import AnyEvaluation, Evaluation
from asc_kit.scores.metrics import OutputActivation, probabilities

MANIFEST = "bundle.json"
MODEL = "model.tflite"
GOLDEN = "golden"
_NPY_HEADER_BYTES = 4096

VariantName = Literal["float16", "dynamic_range"]
"""Forms of a network beside int8."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fidelity:
    """Agreement of the int8 model with its fake-quantized float network: same weights, same ranges."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    windows: Count
    """Number of inputs compared."""
    mean_steps: MeanSteps
    """Mean difference of the outputs, in quantization steps of the output."""
    max_steps: MeanSteps
    """Largest difference of the outputs, in quantization steps of the output."""
    same_class: Figure
    """Share of the inputs for which both have the same largest output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamDifference:
    """What a window of a stream changes against the clip in it, whose edges are padded: see `ListenSpec`."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    windows: Count
    """Number of test clips compared; 0 where nothing can differ, as without `center`."""
    features_changed: Figure
    """Share of the int8 features that differ."""
    outputs_changed: Figure
    """Share of the int8 outputs that differ."""
    labels_changed: Count
    """Windows with another largest output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """Another form of the network, for a computer that has an interpreter and floats."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    name: VariantName
    """``float16``: weights of 16 bits, computed in float32. ``dynamic_range``: weights of 8 bits, activations
    quantized as they come."""
    filename: FileName
    """The flatbuffer, in the bundle's folder."""
    sha256: Sha256
    """Its hash."""
    n_bytes: Count
    """Its size."""
    evaluation: AnyEvaluation
    """Its evaluation on the clips of `Provenance.metrics_int8`, with the interpreter's own kernels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """The origin of a bundle."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    asc_kit: Name
    """Version of asc-kit that wrote it."""
    recipe: Name
    """Name of the recipe."""
    seed: Seed
    """Seed of the training run."""
    train_data_id: ShortId
    """Fingerprint of the training clips."""
    train_recording_devices: Devices
    """Recording devices heard in training; all others are unseen."""
    quantization: QuantizationSettings
    """Settings of the quantization."""
    representative_clips: Count
    """Number of training clips that set the activation ranges; fewer than the settings if there are fewer."""
    representative_id: ShortId
    """Fingerprint of those clips."""
    tools: Tools
    """Versions of the packages that made it."""
    metrics_float: AnyEvaluation
    """The float model on clips of the test split: all, or a stratified sample of a large one."""
    metrics_int8: AnyEvaluation
    """The int8 model, reference kernels, on the same clips."""
    fidelity: Fidelity
    """Agreement of the int8 model with its simulation in float, on those clips."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenEntry:
    """A golden clip: ``golden/<name>.npz``."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    name: FileName
    """Name of the file, without suffix."""
    filename: InnerPath
    """The recording, below the data set's folder."""
    scene_label: Line
    """Its class; several are joined by commas."""
    recording_device: DeviceName
    """Its recording device."""
    sha256: Sha256
    """Hash of the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleManifest:
    """The content of ``bundle.json``."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    MIGRATIONS: ClassVar[Migrations] = {}
    REMAKE: ClassVar[str] = "asc-kit export RUN --out BUNDLE"

    schema_version: Literal[3]
    """Version of this record."""
    name: Name
    """Name of the model: the recipe's."""
    task: Task
    """Whether each clip has exactly one class."""
    labels: Annotated[Labels, Field(min_length=2)]
    """Classes, in the order of the outputs."""
    frontend: FrontEndSpec
    """The features the model was trained on."""
    input: TensorInfo
    """The model's input."""
    output: TensorInfo
    """The model's output."""
    output_activation: OutputActivation
    """Kind of the outputs: logits (probabilities are their softmax, or their sigmoid label by label), or
    probabilities."""
    hop_samples: PositiveCount | None = None
    """Distance of the windows of a longer recording, in samples; its score is the mean over the windows. None: only the
    first window counts."""
    model_sha256: Sha256
    """Hash of model.tflite."""
    parameters: Count
    """Parameters of the float model, including batch normalization."""
    macs: Macs
    """Multiply-accumulates of an inference by the challenges' rule."""
    golden: Annotated[tuple[GoldenEntry, ...], Field(max_length=1000)]
    """The golden clips."""
    provenance: Provenance
    """Its origin."""
    variants: Annotated[tuple[Variant, ...], Field(max_length=16)] = ()
    """Other forms of the same network."""
    listening: StreamDifference | None = None
    """What listening to a stream changes; None if it was not measured."""

    def __post_init__(self) -> None:
        figures = (
            self.provenance.metrics_float,
            self.provenance.metrics_int8,
            *(variant.evaluation for variant in self.variants),
        )
        require(
            (differ(self.labels), f"labels must differ. Received: {', '.join(self.labels)}"),
            (
                self.output.n_elements == len(self.labels),
                f"the model has {self.output.n_elements} outputs, but there are {len(self.labels)} labels",
            ),
            (
                self.input.shape == self.frontend.input_shape,
                f"the model takes {self.input.shape}, but the front end gives {self.frontend.input_shape}",
            ),
            (
                (self.task == "multi_label") == (self.output_activation in ("label_logits", "sigmoid")),
                f"outputs of a {self.task} model cannot be {self.output_activation}",
            ),
            (
                all(evaluation.task == self.task for evaluation in figures),
                "the figures of the model are of another task than its own",
            ),
            (
                all(
                    not isinstance(evaluation, Evaluation) or evaluation.labels == self.labels for evaluation in figures
                ),
                "the figures of the model are of other labels than its own",
            ),
            (differ(entry.name for entry in self.golden), "the names of golden clips must differ"),
            (
                differ([MANIFEST, MODEL, *(variant.filename for variant in self.variants)]),
                "the files of variants must differ from each other and from the model's",
            ),
            (differ(variant.name for variant in self.variants), "variants must differ"),
            error=BundleError,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """A known answer: the first window of a clip, through all steps."""

    audio: NDArray[np.int16]
    """Shape [clip_samples]."""
    features: NDArray[np.float32]
    """Log-mel values, shape [n_frames, n_mels], NumPy reference."""
    input: NDArray[np.int8]
    """Shape of the model's input."""
    output: NDArray[np.int8]
    """Shape of the model's output, TFLite reference kernels."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """An opened and verified bundle."""

    path: Path
    """The folder."""
    manifest: BundleManifest
    """Its bundle.json."""

    @classmethod
    def open(cls, path: Path) -> Bundle:
        """Open a bundle and check its files against their hashes.

        Raises
        ------
        BundleError
            If a file is missing, has another schema version, or was changed after export.
        """
        hint = "make a bundle with: asc-kit export RUN --out BUNDLE"
        manifest = read_manifest(BundleManifest, path, MANIFEST, kind="bundle", hint=hint, error=BundleError)
        bundle = cls(path, manifest)
        _verify(path, MODEL, manifest.model_sha256)
        for entry in manifest.golden:
            _verify(path, f"{GOLDEN}/{entry.name}.npz", entry.sha256)
        for variant in manifest.variants:
            _verify(path, variant.filename, variant.sha256)
        return bundle

    @property
    def model_path(self) -> Path:
        """Path of the flatbuffer."""
        return self.path / MODEL

    def golden(self, entry: GoldenEntry) -> Golden:
        """Load one golden clip.

        Raises
        ------
        BundleError
            If the file does not hold the arrays of this bundle's model.
        """
        path, manifest = self._golden_path(entry), self.manifest
        frontend = manifest.frontend
        expected: dict[str, tuple[type[np.generic], tuple[int, ...]]] = {
            "audio": (np.int16, (frontend.clip_samples,)),
            "features": (np.float32, (frontend.n_frames, frontend.n_mels)),
            "input": (np.int8, manifest.input.shape),
            "output": (np.int8, manifest.output.shape),
        }
        try:
            # a small archive may hold gigabytes of zeros: check that its members have the size of the arrays and their
            # headers
            with zipfile.ZipFile(path) as archive:
                sizes = {info.filename: info.file_size for info in archive.infolist()}
            for name, (kind, shape) in expected.items():
                if sizes.get(f"{name}.npy", 0) > math.prod(shape) * np.dtype(kind).itemsize + _NPY_HEADER_BYTES:
                    raise ValueError(f"{name} has {sizes[f'{name}.npy']:,} bytes")
            with np.load(path, allow_pickle=False) as arrays:
                stored = {name: arrays[name] for name in expected}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as failure:
            raise BundleError(f"{path} is not a golden clip: {failure}", hint="export the run again") from failure
        for name, (kind, shape) in expected.items():
            # tensors are compared as rows of bytes, whatever shape an interpreter gave them
            fits = stored[name].shape == shape or (kind is np.int8 and stored[name].size == math.prod(shape))
            if stored[name].dtype != kind or not fits:
                raise BundleError(
                    f"{path}: {name} must be {np.dtype(kind)} {list(shape)}. "
                    f"Received: {stored[name].dtype} {list(stored[name].shape)}",
                    hint="export the run again",
                )
        return Golden(**stored)

    def features_to_input(self, features: NDArray[np.float32]) -> NDArray[np.int8]:
        """Return the model's int8 input for log-mel values [n_frames, n_mels]."""
        return self.manifest.input.quantize(model_input(features, self.manifest.frontend))

    def audio_to_input(self, audio: NDArray[np.float32]) -> NDArray[np.int8]:
        """Compute the int8 input of a clip [clip_samples] with the NumPy reference of the front end."""
        return self.features_to_input(log_mel(audio, self.manifest.frontend))

    def probabilities(self, output: NDArray[np.int8]) -> NDArray[np.float64]:
        """Turn int8 outputs, shape [..., n_labels], into probabilities of the same shape."""
        real = self.manifest.output.dequantize(output).astype(np.float64)
        return probabilities(
            real.reshape(*output.shape[:-1], len(self.manifest.labels)), self.manifest.output_activation
        )

    def _golden_path(self, entry: GoldenEntry) -> Path:
        return self.path / GOLDEN / f"{entry.name}.npz"


def _verify(folder: Path, name: str, sha256: str) -> None:
    path = folder / name
    if not path.is_file():
        raise BundleError(f"the bundle is not complete: {path} is missing", hint="export the run again")
    if not path.resolve().is_relative_to(folder.resolve()):
        raise BundleError(
            f"{path} is a link that leads out of the bundle, to {path.resolve()}", hint="put the file itself there"
        )
    actual = sha256_file(path)
    if actual != sha256:
        raise BundleError(
            f"{path} was changed after export: SHA-256 {actual[:16]}…, {MANIFEST} says {sha256[:16]}…",
            hint="export the run again",
        )
