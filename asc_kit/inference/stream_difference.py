"""What listening to a stream changes for a network, against clips with padded edges."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from asc_kit.bundle import StreamDifference
from asc_kit.frontend import FrameRing, FrontEndSpec, ListenSpec, log_mel, model_input
from asc_kit.inference.interpreter import Int8Model
from asc_kit.quantization import TensorInfo
from asc_kit.recordings.audio import from_int16


def stream_difference(
    model: Int8Model, clips: NDArray[np.int16], frontend: FrontEndSpec, info: TensorInfo
) -> StreamDifference:
    """Compare clips with the windows of a stream in which the clips follow each other without a pause.

    Parameters
    ----------
    model
        The int8 network.
    clips
        Shape [n_clips, clip_samples].
    frontend
        The features of a clip.
    info
        Quantization of the network's input.
    """
    spec = ListenSpec(frontend=frontend, hop_frames=1)
    n = frontend.clip_samples
    features = outputs = labels = n_outputs = 0
    compared = len(clips) if spec.edge_frames else 0
    for number in range(compared):
        # a window may begin before the clip and end after it, but never by more than half a transform
        around = np.concatenate([clips[number - 1], clips[number], clips[(number + 1) % len(clips)]])
        start = n - spec.clip_start
        of_stream = FrameRing(spec).window(0, from_int16(around[start : start + spec.window_samples]))
        of_clip = log_mel(from_int16(clips[number]), frontend)
        both = [info.quantize(model_input(values, frontend)) for values in (of_clip, of_stream)]
        said = [model.run(values).reshape(-1).copy() for values in both]
        features += int(np.count_nonzero(both[0] != both[1]))
        outputs += int(np.count_nonzero(said[0] != said[1]))
        labels += int(np.argmax(said[0]) != np.argmax(said[1]))
        n_outputs += said[0].size
    return StreamDifference(
        windows=compared,
        features_changed=features / (compared * info.n_elements) if compared else 0.0,
        outputs_changed=outputs / n_outputs if n_outputs else 0.0,
        labels_changed=labels,
    )
