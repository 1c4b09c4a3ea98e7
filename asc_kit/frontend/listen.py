"""Continuous listening: which frames of a stream a window has, and the log-mel values of each frame once.

A clip has edges, where it is padded; a stream has none. So frame f of a stream begins with its sample f * hop_length,
and a window is n_frames of them. They are the frames of a clip that begins `clip_start` samples into the window, but
for those of its frames that reach into its padding: `edge_frames`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field

from asc_kit.errors import SpecError
from asc_kit.frontend.reference import log_mel_frames
from asc_kit.frontend.spec import FrontEndSpec
from asc_kit.records.record import STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenSpec:
    """Windows of a stream: the front end of their frames, and the distance from one window to the next.

    Standardisation is over the frames of a window, as over those of a clip; so are deltas, which repeat a window's
    first and last frame beyond its ends.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    frontend: FrontEndSpec
    """The features of a clip."""
    hop_frames: Annotated[int, Field(gt=0, le=1 << 26)]
    """Frames from one window to the next."""

    def __post_init__(self) -> None:
        if self.hop_frames < 1:
            raise SpecError(f"listening: hop_frames must be at least 1. Received: {self.hop_frames}")

    @classmethod
    def nearest(cls, frontend: FrontEndSpec, hop_samples: float) -> ListenSpec:
        """Return the spec whose hop, in whole frames and at least one, is nearest to a number of samples."""
        return cls(frontend=frontend, hop_frames=max(1, round(hop_samples / frontend.hop_length)))

    @property
    def hop_samples(self) -> int:
        """Distance from one window to the next, in samples."""
        return self.hop_frames * self.frontend.hop_length

    @property
    def window_samples(self) -> int:
        """Samples from the first one of a window's first frame to the last one of its last frame."""
        return (self.frontend.n_frames - 1) * self.frontend.hop_length + self.frontend.win_length

    @property
    def clip_start(self) -> int:
        """Position in a window of the first sample of the clip with the same frames.

        Negative where zeros of the transform stand before the first frame, as without `center`.
        """
        spec = self.frontend
        offset = (spec.n_fft - spec.win_length) // 2
        return spec.n_fft // 2 - offset if spec.center else -offset

    @property
    def edge_frames(self) -> tuple[int, ...]:
        """Frames that reach out of the clip, which is padded there: all others are equal, bit for bit."""
        spec = self.frontend
        starts = ((frame, frame * spec.hop_length - self.clip_start) for frame in range(spec.n_frames))
        return tuple(frame for frame, at in starts if at < 0 or at + spec.win_length > spec.clip_samples)

    @property
    def changed_frames(self) -> tuple[int, ...]:
        """Frames whose features may differ from the clip's.

        The edge frames and those whose deltas look at them; all where a clip that has such frames is standardised.
        """
        spec, edges = self.frontend, self.edge_frames
        if not edges or spec.standardize == "clip":
            return tuple(range(spec.n_frames)) if edges else ()
        reach = spec.delta_width // 2
        return tuple(t for t in range(spec.n_frames) if any(abs(t - edge) <= reach for edge in edges))


class FrameRing:
    """The log-mel values of the newest window of a stream; those of each frame are computed once.

    Parameters
    ----------
    spec
        Windows and front end.
    """

    def __init__(self, spec: ListenSpec) -> None:
        self.spec = spec
        self.computed = 0
        self._values = np.zeros((spec.frontend.n_frames, spec.frontend.n_mels), np.float32)
        self.forget()

    def forget(self) -> None:
        """Begin another stream, as after a gap."""
        self._end: int | None = None

    def window(self, first_frame: int, audio: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the log-mel values of a window, shape [n_frames, n_mels].

        Parameters
        ----------
        first_frame
            Number of its first frame in the stream; not below that of the window before.
        audio
            Its samples, shape [window_samples], full scale ±1. Where it overlaps with the window before, the samples
            are the same, and only frames beyond are computed.
        """
        frontend = self.spec.frontend
        n = frontend.n_frames
        known = 0 if self._end is None else max(0, min(n, self._end - first_frame))
        if known < n:
            new = log_mel_frames(audio[known * frontend.hop_length :], frontend, n - known)
            self._values = np.concatenate([self._values[n - known :], new])
            self.computed += n - known
        self._end = first_frame + n
        return self._values


def stream_windows(audio: NDArray[np.float32], spec: ListenSpec) -> Iterator[NDArray[np.float32]]:
    """Give the log-mel values [n_frames, n_mels] of all windows of a stream that begins and ends with `audio`.

    Parameters
    ----------
    audio
        Shape [samples], full scale ±1.
    spec
        Windows and front end.
    """
    ring = FrameRing(spec)
    for start in range(0, len(audio) - spec.window_samples + 1, spec.hop_samples):
        yield ring.window(start // spec.frontend.hop_length, audio[start : start + spec.window_samples])
