"""Training data for fine-tuning: windows of the run's own training clips, as the int8 network will get them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asc_kit.process.parallel import in_parallel
from asc_kit.quantization import QuantizationSettings, TensorInfo
from asc_kit.recordings.clips import read_windows
from asc_kit.recordings.features import input_features
from asc_kit.recordings.sampling import balance
from asc_kit.run import Run

from .network.affine import Affine
from .network.execution import compile_network, in_batches
from .network.graph import Network, logits_of
from .quantization.fine_tuning import TrainingWindows
from .representative import spread, training_clips


def training_windows(
    run: Run, data: Path, settings: QuantizationSettings, network: Network, quantization: Affine
) -> TrainingWindows:
    """Load the training windows of a run, quantize them, and compute the float network's logits.

    Parameters
    ----------
    run
        The run.
    data
        Folder of its data set.
    settings
        Give the largest number of windows.
    network
        The float network, the teacher.
    quantization
        Quantization of the network's input.

    Raises
    ------
    DataError
        When the data set is missing or not the one the run was trained on.
    """
    manifest = run.manifest
    spec = manifest.frontend
    chosen = balance(training_clips(run, data), settings.qat_windows)
    info = TensorInfo(shape=spec.input_shape, scale=quantization.scale, zero_point=quantization.zero_point)
    teacher = compile_network(network, wanted=logits_of(network))
    column = {label: index for index, label in enumerate(manifest.labels)}
    # of long recordings a few windows of each, rather than all windows of a few
    most = max(1, settings.qat_windows // len(chosen.clips))

    def read_clip(index: int) -> tuple[NDArray[np.int8], NDArray[np.float32], NDArray[np.float32]]:
        windows = spread(read_windows(chosen, spec, manifest.hop_samples, index), most)
        features = np.concatenate([input_features(window, spec) for window in windows])
        targets = np.zeros((len(features), len(column)), np.float32)
        targets[:, [column[label] for label in chosen.clips[index].labels]] = 1.0
        logits = in_batches(lambda part: teacher(part).numpy(), features)
        return info.quantize(features), targets, logits.reshape(len(features), -1)

    columns = zip(*in_parallel(read_clip, range(len(chosen.clips)), "windows for fine-tuning"), strict=True)
    inputs, targets, logits = (np.concatenate(column) for column in columns)
    return TrainingWindows(inputs=inputs, targets=targets, teacher_logits=logits)
