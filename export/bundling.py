"""Write a bundle: quantize, check, measure, keep known answers."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asc_kit import __version__
from asc_kit.bundle import (
    GOLDEN,
    MANIFEST,
    MODEL,
    BundleManifest,
    Fidelity,
    GoldenEntry,
    Provenance,
    StreamDifference,
    VariantName,
)
from asc_kit.dataset import Dataset, read_dataset
from asc_kit.errors import DataError
from asc_kit.frontend import log_mel, model_input
from asc_kit.inference.int8_scores import map_int8
from asc_kit.inference.interpreter import Int8Model
from asc_kit.inference.stream_difference import stream_difference
from asc_kit.outputs import OutputKind, new_folder
from asc_kit.quantization import QuantizationSettings, TensorInfo
from asc_kit.recordings.audio import from_int16
from asc_kit.recordings.clips import load_clips, read_windows
from asc_kit.recordings.features import input_features
from asc_kit.recordings.sampling import balance, proportional
from asc_kit.records.record import sha256_file, write_bytes, write_json, write_text
from asc_kit.run import Run, RunManifest
from asc_kit.scores.evaluation import AnyEvaluation, evaluation_of
from asc_kit.scores.metrics import probabilities

from .c_array import HEADER, SOURCE, c_array
from .conversion import float_flatbuffer, float_network
from .graph_check import check_integer
from .network.execution import compile_network, in_batches
from .network.reading import read_network
from .quantization.pipeline import FineTuning, Quantized, quantize
from .quantization.simulation import fake_quantizer, with_rounded_weights
from .representative import representative_clips
from .training_windows import training_windows
from .variants import FILENAMES, write_variants

BUNDLE = OutputKind(name="bundle", command="asc-kit export", manifest=MANIFEST, names=(MANIFEST, MODEL, HEADER, SOURCE))

# The reference kernels take up to 25 ms per inference: beyond this many clips, a stratified sample is measured, and
# the evaluation says how many those were.
_MEASURED_CLIPS = 2000
_GOLDEN_CLIPS = 10
_STREAM_CLIPS = 100


def export_run(
    run: Run,
    out: Path,
    data: Path | None = None,
    settings: QuantizationSettings | None = None,
    variants: Sequence[VariantName] = (),
) -> BundleManifest:
    """Quantize a run to int8 and write its bundle; on failure or interruption nothing is left of it.

    Parameters
    ----------
    run
        The run.
    out
        The bundle's folder; an earlier bundle there is replaced, once the new one is complete. Files that are not the
        bundle's stay.
    data
        Folder of the data set; None for where the run found it.
    settings
        How to quantize; None for the settings of the run's recipe.
    variants
        Other forms of the network to add.

    Raises
    ------
    DataError
        When there are no fitting representative clips.
    ModelError
        When the model cannot be converted, or not wholly to integers.
    """
    root = data if data is not None else Path(run.manifest.data_root)
    settings = settings or run.manifest.quantization
    with new_folder(out, BUNDLE, [FILENAMES[name] for name in variants]) as folder:
        representative = representative_clips(run, root, settings.representative_clips)
        test_set = proportional(_test_clips(run.manifest, root), _MEASURED_CLIPS)
        network = read_network(float_flatbuffer(run.saved_model_path))
        fine_tuning = FineTuning(
            windows=lambda affine: training_windows(run, root, settings, network, affine),
            task=run.manifest.task,
            seed=run.manifest.seed,
        )
        ready = quantize(network, representative.features, settings, fine_tuning)
        model = ready.flatbuffer()
        check_integer(model)
        interpreter = Int8Model(model)
        input_info = _tensor_info(interpreter.input_details)
        output_info = _tensor_info(interpreter.output_details)
        measured = _measure(run, model, ready, input_info, output_info, test_set)
        manifest = BundleManifest(
            schema_version=3,
            name=run.manifest.name,
            task=run.manifest.task,
            labels=run.manifest.labels,
            frontend=run.manifest.frontend,
            input=input_info,
            output=output_info,
            output_activation=run.manifest.output_activation,
            hop_samples=run.manifest.hop_samples,
            model_sha256=hashlib.sha256(model).hexdigest(),
            parameters=run.manifest.parameters,
            macs=run.manifest.macs,
            golden=_write_golden(folder, interpreter, input_info, run.manifest, balance(test_set, _GOLDEN_CLIPS)),
            provenance=Provenance(
                asc_kit=__version__,
                recipe=run.manifest.name,
                seed=run.manifest.seed,
                train_data_id=run.manifest.train_data_id,
                train_recording_devices=run.manifest.train_recording_devices,
                quantization=settings,
                representative_clips=len(representative.dataset.clips),
                representative_id=representative.dataset.data_id,
                tools=_tools(run.manifest),
                metrics_float=measured.of_float,
                metrics_int8=measured.of_int8,
                fidelity=measured.fidelity,
            ),
            variants=write_variants(folder, run, test_set, variants),
            listening=_listening(interpreter, run.manifest, input_info, test_set),
        )
        write_bytes(folder / MODEL, model)
        for name, text in c_array(model, manifest).items():
            write_text(folder / name, text)
        write_json(folder / MANIFEST, manifest)
    return manifest


def _test_clips(manifest: RunManifest, root: Path) -> Dataset:
    test_set = read_dataset(root, layout=manifest.layout).for_task(manifest.task).split(manifest.test_split)
    if test_set.data_id != manifest.evaluation.data_id:
        raise DataError(
            f"split {manifest.test_split} of {root} is not the split that the run was evaluated on: "
            f"fingerprint {test_set.data_id}, expected {manifest.evaluation.data_id}",
            hint="give the data set the run was trained on with --data DIR, or train again",
        )
    return test_set


def _tensor_info(details: dict[str, Any]) -> TensorInfo:
    scale, zero_point = details["quantization"]
    return TensorInfo(shape=tuple(int(n) for n in details["shape"]), scale=float(scale), zero_point=int(zero_point))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    """The accuracy of the network in float and in int8, and how closely int8 follows its simulation."""

    of_float: AnyEvaluation
    of_int8: AnyEvaluation
    fidelity: Fidelity


def _measure(
    run: Run, model: bytes, ready: Quantized, input_info: TensorInfo, output_info: TensorInfo, test_set: Dataset
) -> _Measured:
    """Measure the float model, the int8 model and the simulation of int8 on the same features."""
    manifest = run.manifest
    spec, activation = manifest.frontend, manifest.output_activation
    network = float_network(run.saved_model_path)
    rounded = with_rounded_weights(ready.network, ready.scheme)
    simulation = compile_network(rounded, observe=fake_quantizer(rounded, ready.scheme))

    def score(interpreter: Int8Model, index: int) -> tuple[NDArray[np.float64], NDArray[np.float64], list[Any]]:
        # one clip at a time, and of a long one some windows: not all need be in memory together
        windows = read_windows(test_set, spec, manifest.hop_samples, index)
        features = np.concatenate([input_features(window, spec) for window in windows])
        inputs = input_info.quantize(features)
        outputs = np.stack([interpreter.run(window[np.newaxis]).reshape(-1) for window in inputs])
        both = (in_batches(network, features), output_info.dequantize(outputs))
        of_float, of_int8 = (probabilities(real.astype(np.float64), activation).mean(axis=0) for real in both)
        simulated = in_batches(lambda part: simulation(part).numpy(), input_info.dequantize(inputs))
        simulated = simulated.reshape(outputs.shape)
        steps = np.abs(np.rint(simulated / output_info.scale) + output_info.zero_point - outputs)
        same = both[1].argmax(axis=1) == simulated.argmax(axis=1)
        return of_float, of_int8, list(zip(steps.mean(axis=1), steps.max(axis=1), same, strict=True))

    of_float, of_int8, compared = zip(*map_int8(model, score, len(test_set.clips), "test clips"), strict=True)
    mean_steps, max_steps, same = np.array([row for clip in compared for row in clip], np.float64).T
    return _Measured(
        of_float=evaluation_of(test_set, np.stack(of_float), manifest.labels, manifest.train_recording_devices),
        of_int8=evaluation_of(test_set, np.stack(of_int8), manifest.labels, manifest.train_recording_devices),
        fidelity=Fidelity(
            windows=len(same),
            mean_steps=float(mean_steps.mean()),
            max_steps=float(max_steps.max()),
            same_class=float(same.mean()),
        ),
    )


def _listening(interpreter: Int8Model, run: RunManifest, input_info: TensorInfo, test_set: Dataset) -> StreamDifference:
    clips = load_clips(proportional(test_set, _STREAM_CLIPS), run.frontend, "clips of a stream")
    return stream_difference(interpreter, clips, run.frontend, input_info)


def _write_golden(
    folder: Path, interpreter: Int8Model, input_info: TensorInfo, run: RunManifest, clips: Dataset
) -> tuple[GoldenEntry, ...]:
    samples = load_clips(clips, run.frontend, "golden clips")
    (folder / GOLDEN).mkdir()
    entries = []
    for index, (clip, audio) in enumerate(zip(clips.clips, samples, strict=True)):
        features = log_mel(from_int16(audio), run.frontend)
        quantized = input_info.quantize(model_input(features, run.frontend))
        name = f"clip{index:02d}"
        path = folder / GOLDEN / f"{name}.npz"
        np.savez_compressed(path, audio=audio, features=features, input=quantized, output=interpreter.run(quantized))
        entries.append(
            GoldenEntry(
                name=name,
                filename=clip.filename,
                scene_label=clip.scene_label,
                recording_device=clip.recording_device,
                sha256=sha256_file(path),
            )
        )
    return tuple(entries)


def _tools(run: RunManifest) -> dict[str, str]:
    packages = ("tensorflow", "tensorflow-cpu", "ai-edge-litert", "numpy", "scipy", "soxr")
    installed = {dist.metadata["Name"].lower(): dist.version for dist in metadata.distributions()}
    here = {name: installed[name] for name in packages if name in installed}
    trained = {f"training {name}": version for name, version in run.tools.items()}
    return {"python": platform.python_version(), **here, **trained}
