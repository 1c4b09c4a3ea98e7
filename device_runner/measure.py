"""One clip on a board, held against the host's reference kernels; and many clips on several boards at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import repeat
from queue import Empty, SimpleQueue
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from asc_kit.audio import from_int16
from asc_kit.bundle import Bundle
from asc_kit.clips import read_windows
from asc_kit.dataset import Dataset
from asc_kit.interpreter import Int8Model
from asc_kit.result import Prediction

from .session import Session

Mode = Literal["features", "audio"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Inference:
    """One window on a board and on the host."""

    output: NDArray[np.int8]
    """The board's, shape [n_labels]."""
    host_output: NDArray[np.int8]
    """The host's, from its own features."""
    same_input_output: NDArray[np.int8]
    """The host's, from the board's features."""
    distance: NDArray[np.int16]
    """How far the board's int8 features are from the host's, shape of the model's input."""
    network_time: int
    """Timer counts of the network."""
    frontend_time: int
    """Timer counts of the front end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What to measure: a bundle, some clips, and what is sent of them."""

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

    def predict(self, session: Session, reference: Int8Model, index: int) -> Prediction:
        """Run all windows of one clip on a board and on the host."""
        clip = self.dataset.clips[index]
        done = [self._run_window(session, reference, window) for window in self.windows(index)]
        return Prediction(
            filename=clip.filename,
            labels=clip.labels,
            recording_device=clip.recording_device,
            predicted=self._likeliest([window.output for window in done]),
            host_predicted=self._likeliest([window.host_output for window in done]),
            outputs=tuple(tuple(int(value) for value in window.output) for window in done),
            bit_identical=all(np.array_equal(window.output, window.same_input_output) for window in done),
            feature_lsb_max=max(int(window.distance.max()) for window in done),
            feature_mismatches=sum(int(np.count_nonzero(window.distance)) for window in done),
            network_times=tuple(window.network_time for window in done),
            frontend_times=tuple(window.frontend_time for window in done),
        )

    def _likeliest(self, outputs: list[NDArray[np.int8]]) -> str:
        scores = self.bundle.probabilities(np.stack(outputs)).mean(axis=0)
        return self.bundle.manifest.labels[int(np.argmax(scores))]

    def _run_window(self, session: Session, reference: Int8Model, window: NDArray[np.int16]) -> _Inference:
        manifest = self.bundle.manifest
        wanted_input = self.reference_input(window)
        if self.mode == "audio":
            session.stream_audio(window)
            board_input = session.read_input().reshape(manifest.input.shape)
        else:
            session.write_input(wanted_input)
            board_input = wanted_input
        report = session.run(macs=manifest.macs)
        output = session.read_output()
        distance = np.abs(board_input.astype(np.int16) - wanted_input.astype(np.int16))
        host_output = reference.run(wanted_input).reshape(-1)
        return _Inference(
            output=output,
            host_output=host_output,
            same_input_output=host_output if not distance.any() else reference.run(board_input).reshape(-1),
            distance=distance,
            network_time=report.network_time,
            frontend_time=report.frontend_time,
        )

    def predict_all(self, sessions: Sequence[Session], advance: Callable[[], object]) -> tuple[Prediction, ...]:
        """Run all clips, each on the board that is free first; the predictions are in the clips' order.

        Raises
        ------
        AscKitError
            The first failure of any board; the other boards are stopped.
        """
        model = self.bundle.model_path.read_bytes()
        todo: SimpleQueue[int] = SimpleQueue()
        for index in range(len(self.dataset.clips)):
            todo.put(index)
        done: dict[int, Prediction] = {}
        is_stopped = threading.Event()

        # made here, not in the threads: loading one silences the process's stderr for a moment
        references = [Int8Model(model, kernels="reference") for _ in sessions]

        def serve(session: Session, reference: Int8Model) -> None:
            while not is_stopped.is_set():
                try:
                    index = todo.get_nowait()
                except Empty:
                    return
                done[index] = self.predict(session, reference, index)
                advance()

        with ThreadPoolExecutor(len(sessions)) as pool:
            try:
                for future in as_completed(map(pool.submit, repeat(serve), sessions, references)):
                    future.result()
            except BaseException:
                # Ctrl-C too: the threads must end before the boards do
                is_stopped.set()
                for session in sessions:
                    session.link.cancel()
                raise
        return tuple(done[index] for index in range(len(self.dataset.clips)))
