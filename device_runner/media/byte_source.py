"""Bytes from a pipe, a FIFO or ffmpeg, read without ever waiting for long."""

from __future__ import annotations

import os
import select
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Protocol

from asc_kit.errors import AscKitError, ToolError

from .pcm import PcmFormat

_STDIN = 0
_MOST_WORDS = 4000
_END_S = 2.0


class ByteSource(Protocol):
    """Something that gives bytes until it ends."""

    def read(self, n_bytes: int, timeout_s: float) -> bytes | None:
        """Return at most so many bytes as soon as some come; empty at the end, None when nothing came in time."""

    def reason(self) -> str:
        """Return why it ended, for people; empty where nothing says."""

    def close(self) -> None:
        """Stop reading."""


class Pipe:
    """Standard input, or a FIFO.

    Parameters
    ----------
    path
        The FIFO; None for standard input.

    Raises
    ------
    AscKitError
        If standard input is a terminal, or the FIFO cannot be opened.
    """

    def __init__(self, path: Path | None = None) -> None:
        if path is None and os.isatty(_STDIN):
            raise AscKitError(
                "standard input is the terminal, not sound", hint="arecord -f S16_LE -r 48000 | asc-kit … -"
            )
        try:
            # without O_NONBLOCK, opening would wait for a writer, deaf to Ctrl-C
            self._fd = _STDIN if path is None else os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError as failure:
            raise AscKitError(f"{path} cannot be opened: {failure.strerror}") from failure
        self._is_ours = path is not None
        self._is_file = stat.S_ISREG(os.fstat(self._fd).st_mode)

    def read(self, n_bytes: int, timeout_s: float) -> bytes | None:
        """Return bytes, nothing at the end, None when nothing came."""
        if not self._is_file and not select.select([self._fd], [], [], timeout_s)[0]:
            return None
        try:
            return os.read(self._fd, n_bytes)
        except BlockingIOError:
            return None

    def reason(self) -> str:
        """Return nothing: a pipe just ends."""
        return ""

    def close(self) -> None:
        """Close a FIFO; standard input stays."""
        if self._is_ours:
            os.close(self._fd)
            self._is_ours = False


class KeptFifo(Pipe):
    """A FIFO that stays open between writers: what the next one writes while nobody reads must not be lost."""

    def close(self) -> None:
        """Stay open."""

    def shut(self) -> None:
        """Close it for good."""
        super().close()


class Ffmpeg:
    """A stream or a file, decoded by ffmpeg to WAV of 32-bit floats with its own rate and channels.

    Parameters
    ----------
    place
        URL, or path of a file.
    pcm
        Rate and channels to resample to; None for its own.

    Raises
    ------
    ToolError
        If ffmpeg is not installed.
    """

    def __init__(self, place: str | Path, pcm: PcmFormat | None = None) -> None:
        program = shutil.which("ffmpeg")
        if program is None:
            raise ToolError(
                f"{hide_password(str(place))} needs ffmpeg, which is not installed",
                hint="sudo apt-get install ffmpeg",
            )
        before = []
        if isinstance(place, Path):
            # a playlist in a file's clothes must not reach the network
            before = ["-protocol_whitelist", "file,pipe,crypto,data"]
            place = f"file:{place.absolute()}"
        elif place.startswith("rtsp:"):
            before = ["-rtsp_transport", "tcp"]
        fixed = [] if pcm is None else ["-ar", str(pcm.rate_hz), "-ac", str(pcm.channels)]
        self._place = place
        self._words = b""
        self._process = subprocess.Popen(
            [
                program, "-nostdin", "-hide_banner", "-loglevel", "error", *before, "-i", place,
                "-map", "0:a:0", *fixed, "-c:a", "pcm_f32le", "-f", "wav", "pipe:1",
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            # Ctrl-C ends this program, which then ends it
            process_group=0,
        )  # fmt: skip
        assert self._process.stdout is not None and self._process.stderr is not None
        self._out, self._err = self._process.stdout.fileno(), self._process.stderr.fileno()
        self._watched = [self._out, self._err]

    def read(self, n_bytes: int, timeout_s: float) -> bytes | None:
        """Return bytes, nothing at the end, None when nothing came."""
        ready = select.select(self._watched, [], [], timeout_s)[0]
        if self._err in ready:
            self._take_words()
        return os.read(self._out, n_bytes) if self._out in ready else None

    def reason(self) -> str:
        """Return ffmpeg's last words, without a password in them."""
        while self._err in self._watched and select.select([self._err], [], [], _END_S)[0]:
            self._take_words()
        lines = self._words.decode(errors="replace").replace(self._place, hide_password(self._place)).splitlines()
        # "[in#0 @ 0x55d0c8] Error opening input: …": where in ffmpeg's memory helps nobody
        return lines[-1].rpartition("] ")[2].strip() if lines else ""

    def close(self) -> None:
        """End ffmpeg."""
        self._process.terminate()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()

    def _take_words(self) -> None:
        words = os.read(self._err, 4096)
        if not words:
            self._watched = [self._out]
        self._words = (self._words + words)[-_MOST_WORDS:]


def hide_password(url: str) -> str:
    """Return a URL without user, password and query, which may hold a key."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url
    rest = rest.partition("?")[0]
    authority, slash, path = rest.partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"
