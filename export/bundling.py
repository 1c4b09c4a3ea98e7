"""Write a bundle: quantize, check, measure, keep known answers."""

from __future__ import annotations

import hashlib
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asc_kit import __version__
from asc_kit.audio import from_int16
from asc_kit.bundle import (
    GOLDEN,
    MANIFEST,
    MODEL,
    BundleManifest,
    Fidelity,
    GoldenEntry,
    Provenance,
)
from asc_kit.clips import load_clips, read_windows
from asc_kit.dataset import Dataset, read_dataset
from asc_kit.errors import DataError
from asc_kit.evaluation import Evaluation, TaggingEvaluation, evaluation_of
from asc_kit.frontend import log_mel, model_input
from asc_kit.int8_scores import map_int8
from asc_kit.interpreter import Int8Model
from asc_kit.metrics import probabilities
from asc_kit.quantization import TensorInfo
from asc_kit.records import new_folder, sha256_file, write_bytes, write_json, write_text
from asc_kit.run import Run, RunManifest
from asc_kit.sampling import balanced, proportional

from .c_array import c_array
from .conversion import float_network, quantize
from .graph_check import check_integer
from .representative import representative_clips

DEFAULT_REPRESENTATIVE = 100
# The reference kernels take up to 25 ms per inference: beyond this many clips, a stratified sample is measured, and
# the evaluation says how many those were.
_MEASURED_CLIPS = 2000
_GOLDEN_CLIPS = 10


def export_run(run: Run, out: Path, data: Path | None, n_representative: int) -> BundleManifest:
    """Quantize a run to int8 and write its bundle; on failure or interruption nothing is left of it.

    Parameters
    ----------
    run
        What training wrote.
    out
        The bundle's folder; an earlier bundle there is replaced, once the new one is complete.
    data
        Folder of the data set; None for where the run found it.
    n_representative
        Number of training clips that set the activation ranges.

    Raises
    ------
    DataError
        When there are no fitting representative clips.
    ModelError
        When the model cannot be converted, or not wholly to integers.
    """
    root = data if data is not None else Path(run.manifest.data_root)
    with new_folder(out, marker=MANIFEST) as folder:
        representative = representative_clips(run, root, n_representative)
        test_set = proportional(_test_clips(run.manifest, root), _MEASURED_CLIPS)
        model = quantize(run.saved_model_path, representative.feed)
        check_integer(model)
        interpreter = Int8Model(model)
        input_info = _tensor_info(interpreter.input_details)
        output_info = _tensor_info(interpreter.output_details)
        float_metrics, int8_metrics = _measure(run, model, input_info, output_info, test_set)
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
            golden=_write_golden(folder, interpreter, input_info, run.manifest, balanced(test_set, _GOLDEN_CLIPS)),
            provenance=Provenance(
                asc_kit=__version__,
                recipe=run.manifest.name,
                seed=run.manifest.seed,
                train_data_id=run.manifest.train_data_id,
                train_recording_devices=run.manifest.train_recording_devices,
                quantization=run.manifest.quantization,
                representative_clips=len(representative.dataset.clips),
                representative_id=representative.dataset.data_id,
                tools=_tools(run.manifest),
                metrics_float=float_metrics,
                metrics_int8=int8_metrics,
                fidelity=Fidelity(windows=0, mean_steps=0.0, max_steps=0.0, same_class=1.0),
            ),
        )
        write_bytes(folder / MODEL, model)
        for name, text in c_array(model, manifest).items():
            write_text(folder / name, text)
        write_json(folder / MANIFEST, manifest)
    return manifest


def _test_clips(manifest: RunManifest, root: Path) -> Dataset:
    test_set = read_dataset(root).for_task(manifest.task).split(manifest.test_split)
    if test_set.data_id != manifest.evaluation.data_id:
        raise DataError(
            f"split {manifest.test_split} of {root} is not what the run was evaluated on: "
            f"fingerprint {test_set.data_id}, expected {manifest.evaluation.data_id}",
            hint="give the data set the run was trained on with --data DIR, or train again",
        )
    return test_set


def _tensor_info(details: dict[str, Any]) -> TensorInfo:
    scale, zero_point = details["quantization"]
    return TensorInfo(shape=tuple(int(n) for n in details["shape"]), scale=float(scale), zero_point=int(zero_point))


def _measure(
    run: Run, model: bytes, input_info: TensorInfo, output_info: TensorInfo, test_set: Dataset
) -> tuple[Evaluation | TaggingEvaluation, Evaluation | TaggingEvaluation]:
    """Measure the float and the int8 model on the same features of the same clips."""
    manifest = run.manifest
    spec, activation = manifest.frontend, manifest.output_activation
    network = float_network(run.saved_model_path)

    def score(interpreter: Int8Model, index: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        # one clip at a time: the windows of long recordings need not be in memory together
        windows = read_windows(test_set, spec, manifest.hop_samples, index)
        features = np.stack([model_input(log_mel(from_int16(window), spec), spec)[0] for window in windows])
        quantized = input_info.quantize(features)
        outputs = np.stack([interpreter.run(one[np.newaxis]).reshape(-1) for one in quantized])
        both = (network(features), output_info.dequantize(outputs))
        of_float, of_int8 = (probabilities(real.astype(np.float64), activation).mean(axis=0) for real in both)
        return of_float, of_int8

    scores = map_int8(model, score, len(test_set.clips), "test clips")
    of_float, of_int8 = (
        evaluation_of(test_set, np.stack(column), manifest.labels, manifest.train_recording_devices)
        for column in zip(*scores, strict=True)
    )
    return of_float, of_int8


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
