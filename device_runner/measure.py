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

from asc_kit.audio import load_clip, to_int16
from asc_kit.bundle import Bundle
from asc_kit.dataset import Clip, Dataset
from asc_kit.interpreter import Int8Model
from asc_kit.result import Prediction

from .session import Session

Mode = Literal["features", "audio"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What to measure: a bundle, some clips, and what is sent of them."""

    bundle: Bundle
    dataset: Dataset
    mode: Mode

    def reference_input(self, clip: Clip) -> NDArray[np.int8]:
        """Return a clip's int8 features by the NumPy reference, in the shape of the model's input."""
        return self.bundle.audio_to_input(load_clip(self.dataset.path(clip), self.bundle.manifest.frontend))

    def predict(self, session: Session, reference: Int8Model, clip: Clip) -> Prediction:
        """Run one clip on a board and on the host."""
        manifest = self.bundle.manifest
        audio = load_clip(self.dataset.path(clip), manifest.frontend)
        wanted_input = self.bundle.audio_to_input(audio)
        if self.mode == "audio":
            session.stream_audio(to_int16(audio))
            board_input = session.read_input().reshape(manifest.input.shape)
        else:
            session.write_input(wanted_input)
            board_input = wanted_input
        report = session.run(macs=manifest.macs)
        output = session.read_output()
        distance = np.abs(board_input.astype(np.int16) - wanted_input.astype(np.int16))
        host_output = reference.run(wanted_input).reshape(-1)
        same_input_output = host_output if not distance.any() else reference.run(board_input).reshape(-1)
        return Prediction(
            filename=clip.filename,
            scene_label=clip.scene_label,
            recording_device=clip.recording_device,
            predicted=manifest.labels[int(np.argmax(output))],
            host_predicted=manifest.labels[int(np.argmax(host_output))],
            output=tuple(int(value) for value in output),
            bit_identical=bool(np.array_equal(output, same_input_output)),
            feature_lsb_max=int(distance.max()),
            feature_mismatches=int(np.count_nonzero(distance)),
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
                done[index] = self.predict(session, reference, self.dataset.clips[index])
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
