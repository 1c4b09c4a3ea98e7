"""Whole recordings, block by block in bounded memory: files, pipes, and what only ffmpeg can decode."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asc_kit.errors import AscKitError, DataError
from asc_kit.recordings.audio import open_recording
from asc_kit.recordings.doubts import Doubt

from .byte_source import ByteSource, Ffmpeg, Pipe
from .pcm import PcmDecoder, PcmFormat

STDIN = Path("-")
"""The name of standard input."""

_TICK_S = 0.5
_MOST_BYTES = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """An open recording."""

    rate_hz: int
    """Its sampling rate."""
    channels: int
    """Its channels."""
    seconds: float | None
    """Its length; None where it is known at its end alone."""
    blocks: Iterator[NDArray[np.float32]]
    """Its audio, [frames, channels] each, full scale ±1."""


def is_pipe(path: Path) -> bool:
    """Return whether a path is standard input or a FIFO."""
    try:
        return path == STDIN or stat.S_ISFIFO(path.stat().st_mode)
    except OSError:
        return False


@contextmanager
def open_blocks(
    path: Path, doubts: list[Doubt], *, block_s: float = 10.0, pcm: PcmFormat | None = None
) -> Iterator[Recording]:
    """Open a recording: a file, a FIFO, or ``-`` for standard input.

    A file that libsndfile does not know goes through ffmpeg, if it is installed.

    Parameters
    ----------
    doubts
        List that receives faults of its header.
    block_s
        Length of a block of a file, in seconds; a pipe's come as they are.
    pcm
        Format of raw samples; None if a header says it.

    Raises
    ------
    DataError
        If it is missing, or is not audio.
    AscKitError
        If a pipe is not WAV, and no format of raw samples is given.
    """
    if is_pipe(path) or (pcm is not None and path.is_file()):
        name = "standard input" if path == STDIN else str(path)
        with _decoded(Pipe(None if path == STDIN else path), name, pcm) as recording:
            yield recording
        return
    if path.exists() and not path.is_file():
        raise DataError(f"{path} is neither a file nor a FIFO")
    try:
        _try_libsndfile(path)
    except DataError as failure:
        if not path.is_file() or path.suffix.lower() in (".raw", ".wav", ".flac") or not path.stat().st_size:
            raise
        if shutil.which("ffmpeg") is None:
            hint = "sudo apt-get install ffmpeg, which can decode more formats"
            raise DataError(failure.message, hint=hint) from failure
        with _decoded(Ffmpeg(path), f"recording {path}", None) as recording:
            yield recording
        return
    with open_recording(path, doubts) as source:
        rate_hz = int(source.samplerate)
        # some files' lengths are unknown until they are read
        seconds = source.frames / rate_hz if source.frames > 0 else None
        yield Recording(
            rate_hz=rate_hz, channels=int(source.channels), seconds=seconds, blocks=_file_blocks(source, block_s)
        )


def _try_libsndfile(path: Path) -> None:
    with open_recording(path):
        pass


def _file_blocks(source: object, block_s: float) -> Iterator[NDArray[np.float32]]:
    left = source.frames  # type: ignore[attr-defined]
    while left > 0:
        n_frames = max(1, round(block_s * source.samplerate))  # type: ignore[attr-defined]
        block = source.read(n_frames, dtype="float32", always_2d=True)  # type: ignore[attr-defined]
        # a header may promise more than the file holds
        left = left - len(block) if len(block) else 0
        if len(block):
            yield block


@contextmanager
def _decoded(source: ByteSource, name: str, pcm: PcmFormat | None) -> Iterator[Recording]:
    try:
        decoder = PcmDecoder(name, pcm)
        blocks = _byte_blocks(source, decoder)
        first = next(blocks, None)
        if decoder.format is None or first is None:
            reason = source.reason()
            raise DataError(f"{name} holds no audio" + (f": {reason}" if reason else ""))
        yield Recording(
            rate_hz=decoder.format.rate_hz, channels=decoder.format.channels, seconds=None, blocks=_chain(first, blocks)
        )
    finally:
        source.close()


def _byte_blocks(source: ByteSource, decoder: PcmDecoder) -> Iterator[NDArray[np.float32]]:
    has_audio = False
    while True:
        data = source.read(_MOST_BYTES, _TICK_S)
        if data is None:
            continue
        if not data:
            break
        samples = decoder.decode(data)
        if len(samples):
            has_audio = True
            yield samples
    reason = source.reason()
    if reason and has_audio:
        raise AscKitError(f"the audio breaks off: {reason}")


def _chain(first: NDArray[np.float32], rest: Iterator[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    yield first
    yield from rest
