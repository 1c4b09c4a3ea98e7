"""Facts about recordings, from decoding them wholly, for ``asc-kit data check`` and ``data info``."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from asc_kit.errors import DataError
from asc_kit.recordings.audio import Mixer, NotFiniteError, ScaleError, open_recording
from asc_kit.recordings.doubts import Doubt

Problem = Literal[
    "missing", "unreadable", "empty", "not_finite", "out_of_range", "longer_than_header", "channels_cancel"
]

STEP = 1 / 32768
"""One step of 16-bit audio, full scale ±1."""

_BLOCK_FRAMES = 2**20
FILES_AT_ONCE = 32
"""Recordings per turn of a thread: a header is read faster than threads take turns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The header of a recording."""

    seconds: float
    """Length."""
    sample_rate_hz: int
    """Sampling rate."""
    format: str
    """Container and sample format, as libsndfile names them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingFacts:
    """A recording, decoded to its end."""

    problem: Problem | None = None
    """Kind of the fault that makes it useless; None if it can be used."""
    detail: str = ""
    """Description of the fault."""
    header_off: str = ""
    """Fault of its header that costs no audio; empty if there is none."""
    n_frames: int = 0
    """Length, in samples per channel."""
    sample_rate_hz: int = 0
    """Sampling rate."""
    content: bytes = b""
    """BLAKE2b of rate, channels and samples as float32, 16 bytes: equal audio in another file format is equal."""
    span: float = 0.0
    """Highest minus lowest sample of the mean over channels, full scale ±1."""
    full_scale_share: float = 0.0
    """Share of samples at full scale of 16 bit or beyond."""

    @property
    def silent(self) -> bool:
        """Whether no samples differ by more than a 16-bit step."""
        return self.problem is None and self.span <= STEP


def examine(path: Path) -> RecordingFacts:
    """Decode a recording to its end; faults are returned, never raised."""
    try:
        n_bytes = path.stat().st_size
    except OSError as failure:
        return RecordingFacts(problem="missing", detail=failure.strerror or str(failure))
    if not path.is_file():
        return RecordingFacts(problem="missing", detail="not a file")
    if n_bytes == 0:
        return RecordingFacts(problem="empty", detail="0 bytes")
    doubts: list[Doubt] = []
    try:
        with open_recording(path, doubts) as recording:
            facts = _decode(recording, path, doubts)
    except NotFiniteError:
        return RecordingFacts(problem="not_finite", detail="NaN or infinity")
    except ScaleError as failure:
        return RecordingFacts(problem="out_of_range", detail=failure.message.partition(" holds ")[2])
    except DataError as failure:
        return RecordingFacts(problem="unreadable", detail=failure.message.rpartition(": ")[2])
    if facts.problem is not None:
        return facts
    by_kind = {doubt.kind: doubt.says for doubt in doubts}
    if "cut_off" in by_kind:
        return RecordingFacts(problem="unreadable", detail=by_kind["cut_off"])
    if "longer_than_header" in by_kind:
        return RecordingFacts(problem="longer_than_header", detail=by_kind["longer_than_header"])
    if "channels_cancel" in by_kind:
        return RecordingFacts(problem="channels_cancel", detail=by_kind["channels_cancel"])
    return replace(facts, header_off=by_kind.get("header_off", ""))


def read_header(path: Path) -> Header:
    """Read a recording's header.

    Raises
    ------
    DataError
        If the file is missing or is not audio.
    """
    with open_recording(path) as recording:
        return Header(
            seconds=recording.frames / recording.samplerate,
            sample_rate_hz=recording.samplerate,
            format=f"{recording.format} {recording.subtype}",
        )


def _decode(recording: Any, path: Path, doubts: list[Doubt]) -> RecordingFacts:
    digest = hashlib.blake2b(digest_size=16)
    digest.update(f"{recording.samplerate} {recording.channels} ".encode())
    mixer = Mixer(path)
    n_frames, n_full_scale = 0, 0
    lowest, highest = np.inf, -np.inf
    while len(block := _next_block(recording)):
        digest.update(np.ascontiguousarray(block).data)
        mono = mixer.mix(block)
        n_frames += len(block)
        lowest, highest = min(lowest, float(mono.min())), max(highest, float(mono.max()))
        low, high = mixer.extremes
        if high >= 1 - STEP or low <= STEP - 1:
            n_full_scale += int(np.count_nonzero(np.abs(block) >= 1 - STEP))
    if n_frames < recording.frames:
        detail = f"cut off: its header promises {recording.frames} samples, it holds {n_frames}"
        return RecordingFacts(problem="unreadable", detail=detail)
    if n_frames == 0:
        return RecordingFacts(problem="empty", detail="no samples")
    if (doubt := mixer.doubt()) is not None:
        doubts.append(doubt)
    return RecordingFacts(
        n_frames=n_frames,
        sample_rate_hz=recording.samplerate,
        content=digest.digest(),
        span=highest - lowest,
        full_scale_share=n_full_scale / (n_frames * recording.channels),
    )


def _next_block(recording: Any) -> NDArray[np.float32]:
    return np.asarray(recording.read(_BLOCK_FRAMES, dtype="float32", always_2d=True))
