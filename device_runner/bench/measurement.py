"""A clip on a board, compared with the host's reference kernels."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from asc_kit.bundle import Bundle
from asc_kit.dataset import Dataset
from asc_kit.frontend import FrontEndSpec
from asc_kit.recordings.audio import from_int16
from asc_kit.recordings.clips import read_windows
from asc_kit.result import FEATURE_TOLERANCE_LSB, ClipDifference, FeaturePlace, OperatorTime, Prediction

from . import times
from .blame import Inference, Repetition, explain
from .station import Station

Mode = Literal["features", "audio"]
_SHOWN_BANDS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """The subject of a measurement: a bundle, clips, and the mode in which they are sent."""

    bundle: Bundle
    dataset: Dataset
    mode: Mode

    def windows(self, index: int) -> NDArray[np.int16]:
        """Return the audio of a clip's windows, shape [n_windows, clip_samples]."""
        manifest = self.bundle.manifest
        return read_windows(self.dataset, manifest.frontend, manifest.hop_samples, index)

    def reference_input(self, window: NDArray[np.int16]) -> NDArray[np.int8]:
        """Return a window's int8 features by the NumPy reference, in the shape of the model's input."""
        return self.bundle.audio_to_input(from_int16(window))

    def predict(self, station: Station, index: int) -> Prediction:
        """Run all windows of a clip on a board and on the host.

        Raises
        ------
        LostError
            If the line or the session failed: nothing of the clip is kept, and it may be repeated.
        ImplausibleTimeError
            If a time cannot be true.
        BoardError
            If the board fails.
        DataError
            If the recording cannot be read.
        """
        clip = self.dataset.clips[index]
        windows = self.windows(index)
        done: list[Inference] = []
        differences: list[ClipDifference] = []
        for number, window in enumerate(windows):
            done.append(self._run_window(station, window))
            # if a clip differs in several windows, one window is enough to find out why
            if not differences and self._differs(done[-1]):
                differences += explain(number, done[-1], self._repeat(station, window), station.reference)
        distances = [window.distance for window in done]
        return Prediction(
            filename=clip.filename,
            labels=clip.labels,
            recording_device=clip.recording_device,
            predicted=self._likeliest([window.output for window in done]),
            host_predicted=self._likeliest([window.host_output for window in done]),
            outputs=tuple(tuple(int(value) for value in window.output) for window in done),
            bit_identical=all(window.is_bit_identical for window in done),
            feature_lsb_max=max(int(distance.max()) for distance in distances),
            feature_mismatches=sum(int(np.count_nonzero(distance)) for distance in distances),
            network_times=tuple(window.network_time for window in done),
            frontend_times=tuple(window.frontend_time for window in done),
            samples_id=samples_id(windows),
            feature_place=place_of(distances, self.bundle.manifest.frontend),
            differences=tuple(differences),
        )

    def profile(self, station: Station, names: tuple[OperatorTime, ...]) -> tuple[OperatorTime, ...]:
        """Measure the operators separately, in an extra run, so that reading the clock does not add to the latency.

        Parameters
        ----------
        names
            The operators, without times.
        """
        session = station.session
        session.write_input(self.reference_input(self.windows(0)[0]))
        started = time.monotonic()
        session.run(macs=self.bundle.manifest.macs, profile=True)
        waited_s = time.monotonic() - started
        counts = session.profile()
        times.check_profile(counts, session.hello, waited_s, is_emulated=station.is_emulated)
        return tuple(
            OperatorTime(index=item.index, op=item.op, output=item.output, macs=item.macs, time=count)
            for item, count in zip(names, counts, strict=True)
        )

    def _differs(self, window: Inference) -> bool:
        return not window.is_bit_identical or int(window.distance.max()) > FEATURE_TOLERANCE_LSB

    def _likeliest(self, outputs: list[NDArray[np.int8]]) -> str:
        scores = self.bundle.probabilities(np.stack(outputs)).mean(axis=0)
        return self.bundle.manifest.labels[int(np.argmax(scores))]

    def _run_window(self, station: Station, window: NDArray[np.int16]) -> Inference:
        manifest, session, reference = self.bundle.manifest, station.session, station.reference
        wanted_input = self.reference_input(window)
        started = time.monotonic()
        board_input = wanted_input
        if self.mode == "audio":
            session.stream_audio(window)
            streamed_s = time.monotonic() - started
            board_input = session.read_input().reshape(manifest.input.shape)
        else:
            session.write_input(wanted_input)
            streamed_s = time.monotonic() - started
        started = time.monotonic()
        report = session.run(macs=manifest.macs)
        waited_s = time.monotonic() - started
        output = session.read_output()
        times.check_network_time(
            report.network_time, session.hello, manifest.macs, waited_s, is_emulated=station.is_emulated
        )
        times.check_frontend_time(
            report.frontend_time,
            session.hello,
            streamed_s,
            is_audio=self.mode == "audio",
            is_emulated=station.is_emulated,
        )
        host_output = reference.run(wanted_input).reshape(-1)
        is_same = np.array_equal(board_input, wanted_input)
        return Inference(
            wanted_input=wanted_input,
            board_input=board_input,
            output=output,
            host_output=host_output,
            same_input_output=host_output if is_same else reference.run(board_input).reshape(-1),
            network_time=report.network_time,
            frontend_time=report.frontend_time,
        )

    def _repeat(self, station: Station, window: NDArray[np.int16]) -> Repetition:
        """Send a window again, and read back the board's input and output."""
        manifest, session = self.bundle.manifest, station.session
        if self.mode == "audio":
            session.stream_audio(window)
        else:
            session.write_input(self.reference_input(window))
        board_input = session.read_input().reshape(manifest.input.shape)
        session.run(macs=manifest.macs)
        return Repetition(board_input=board_input, output=session.read_output(), is_audio=self.mode == "audio")


def samples_id(windows: NDArray[np.int16]) -> str:
    """Return the fingerprint of a clip's windows: 16 hexadecimal digits of the SHA-256 of their samples."""
    return hashlib.sha256(np.ascontiguousarray(windows, "<i2").tobytes()).hexdigest()[:16]


def place_of(distances: list[NDArray[np.int16]], spec: FrontEndSpec) -> FeaturePlace | None:
    """Find where a clip's features differ most from the reference; None if they are equal.

    Parameters
    ----------
    distances
        Distances by window, in quantization steps, shape of the model's input.
    """
    window = max(range(len(distances)), key=lambda number: (int(distances[number].max()), -number))
    by_frame = frames_by_bands(distances[window], spec)
    if not by_frame.any():
        return None
    # the largest difference first, then the largest number of differences
    worst, sums = by_frame.max(axis=0), by_frame.sum(axis=0)
    order = sorted(range(len(worst)), key=lambda band: (-int(worst[band]), -int(sums[band]), band))
    bands = tuple(band for band in order[:_SHOWN_BANDS] if worst[band] == worst[order[0]])
    frames = np.flatnonzero(by_frame[:, list(bands)].any(axis=1))
    return FeaturePlace(window=window, bands=bands, first_frame=int(frames[0]), last_frame=int(frames[-1]))


def frames_by_bands(distance: NDArray[np.int16], spec: FrontEndSpec) -> NDArray[np.int16]:
    """Arrange the distances of a model's input [1, …] as [n_frames, n_mels], with the largest over the channels."""
    by_channel: NDArray[np.int16] = distance[0].max(axis=-1)
    return by_channel.T if spec.layout == "mel_time" else by_channel
