"""The actual source of a recording: behind a sound server, or the hardware behind ALSA's plugs.

PortAudio reports "pulse, 44100 Hz, 32 channels" for every PulseAudio and PipeWire server, and accepts any rate: the
server then resamples cheaply. Asked for 16 kHz, PulseAudio loses 8 dB at 7 kHz. So the server is asked for the source's
own rate and channels, which `microphone` opens.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

_POLL_S = 0.5
# A server on this machine answers in milliseconds.
_CONNECT_S = 2.0
# A stream that has just been started is listed as soon as the server gets round to it.
_LISTED_S = 0.5
_HARDWARE = Path("/proc/asound")


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundSource:
    """The source of a stream of this process."""

    name: str
    """Its name in the server or the system."""
    rate_hz: int
    """Its sampling rate, before any resampling."""
    channels: int
    """Number of its channels."""
    is_muted: bool
    """Whether it is muted in the server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """The present source of the audio, and the fate of the opened source."""

    source: SoundSource
    """Source of the stream."""
    gone: str | None
    """Name of the opened source, if it vanished and the server replaced it."""


def find_source() -> SoundSource | None:
    """Find the source of this process's recording; None if unknown. A stream must be running."""
    with _Server() as server:
        deadline_s = time.monotonic() + _LISTED_S
        while server.is_connected:
            source = server.recorded()
            if source is not None:
                return source
            if time.monotonic() > deadline_s:
                break
            time.sleep(0.05)
    return find_hardware()


def find_default_source() -> SoundSource | None:
    """Find the source that a sound server will provide; None if there is no server.

    Asked beforehand, because a server may change an idle source's rate to that of its first stream.
    """
    with _Server() as server:
        return server.offered(os.environ.get("PULSE_SOURCE"))


def find_hardware(folder: Path = _HARDWARE) -> SoundSource | None:
    """Find the sound card that this process records from, in the kernel's ``/proc/asound``."""
    for status in sorted(folder.glob("card*/pcm*c/sub*/status")):
        try:
            if _fields(status).get("owner_pid") != str(os.getpid()):
                continue
            parameters = _fields(status.with_name("hw_params"))
            rate_hz = int(parameters["rate"].split()[0])
            channels = int(parameters["channels"])
        except (OSError, KeyError, ValueError, IndexError):
            # closed in the meantime, or another kernel format: then the source is unknown
            continue
        name = "/".join(status.parent.relative_to(folder).parts)
        return SoundSource(name=name, rate_hz=rate_hz, channels=channels, is_muted=False)
    return None


def _fields(path: Path) -> dict[str, str]:
    pairs = (line.partition(":") for line in path.read_text().splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


class SourceWatch:
    """Ask the server in a separate thread for the source of a stream, because servers reroute silently.

    A source that vanishes and returns is taken again. If it did not vanish, the user chose another source.

    Parameters
    ----------
    opened
        The opened source; None if unknown, and then later sources stay unknown too.
    """

    def __init__(self, opened: SoundSource | None) -> None:
        self._chosen = None if opened is None else opened.name
        self._is_gone = False
        self._state: SourceState | None = None
        self._stop = threading.Event()
        # a server that hangs must not keep the process from ending
        self._thread = threading.Thread(target=self._watch, name="source-watch", daemon=True)

    def __enter__(self) -> SourceWatch:
        if self._chosen is not None:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(_POLL_S)

    def state(self) -> SourceState | None:
        """Return the source as known at most half a second ago; None if the server does not say."""
        return self._state

    def _watch(self) -> None:
        while not self._stop.is_set():
            with _Server() as server:
                while server.is_connected and not self._stop.is_set():
                    self._state = self._ask(server)
                    self._stop.wait(_POLL_S)
            self._state = None
            self._stop.wait(_POLL_S)

    def _ask(self, server: _Server) -> SourceState | None:
        source = server.recorded()
        if source is None or source.name == self._chosen:
            self._is_gone = False if source is not None else self._is_gone
            return None if source is None else SourceState(source=source, gone=None)
        is_there = self._chosen in server.names()
        if self._is_gone and is_there:
            server.record_from(str(self._chosen))
        elif not is_there:
            self._is_gone = True
        if not self._is_gone:
            self._chosen = source.name
        return SourceState(source=source, gone=self._chosen if self._is_gone else None)


class _Server:
    """A connection to PulseAudio, or to PipeWire under its name; without a server, every answer is empty."""

    def __init__(self) -> None:
        self._pulse: Any = None
        self._failures: tuple[type[Exception], ...] = ()

    def __enter__(self) -> _Server:
        try:
            import pulsectl
            from pulsectl._pulsectl import LibPulse
        except (ImportError, OSError):
            # no libpulse: then ALSA cannot reach a server either
            return self
        self._failures = (pulsectl.PulseError, pulsectl.PulseDisconnected, LibPulse.CallError)
        pulse = pulsectl.Pulse("asc-kit", connect=False)
        try:
            pulse.connect(timeout=_CONNECT_S)
        except self._failures:
            pulse.close()
        else:
            self._pulse = pulse
        return self

    def __exit__(self, *_: object) -> None:
        if self._pulse is not None:
            self._pulse.close()

    @property
    def is_connected(self) -> bool:
        return self._pulse is not None

    def offered(self, name: str | None) -> SoundSource | None:
        """Return the source of a name, None for the default one."""
        if name is None:
            information = self._call("server_info")
            name = None if information is None else information.default_source_name
        return next((_as_source(s) for s in self._list("source_list") if s.name == name), None)

    def recorded(self) -> SoundSource | None:
        """Return the source that this process records from."""
        stream = self._stream()
        if stream is None:
            return None
        source = next((_as_source(s) for s in self._list("source_list") if s.index == stream.source), None)
        return None if source is None else replace(source, is_muted=source.is_muted or bool(stream.mute))

    def record_from(self, name: str) -> None:
        """Connect this process's stream to another source."""
        stream = self._stream()
        source = next((s for s in self._list("source_list") if s.name == name), None)
        if stream is not None and source is not None:
            # if the stream vanishes in the meantime, the next look notices
            self._call("source_output_move", stream.index, source.index)

    def names(self) -> set[str]:
        """Return the names of all sources."""
        return {source.name for source in self._list("source_list")}

    def _stream(self) -> Any:
        streams = self._list("source_output_list")
        return next((s for s in streams if s.proplist.get("application.process.id") == str(os.getpid())), None)

    def _list(self, what: str) -> list[Any]:
        return list(self._call(what) or ())

    def _call(self, what: str, *arguments: int) -> Any:
        if self._pulse is None:
            return None
        try:
            return getattr(self._pulse, what)(*arguments)
        except self._failures:
            # the server ended or refuses; a new connection asks again
            self._pulse.close()
            self._pulse = None
            return None


def _as_source(source: Any) -> SoundSource:
    return SoundSource(
        name=source.name,
        rate_hz=source.sample_spec.rate,
        channels=source.sample_spec.channels,
        is_muted=bool(source.mute),
    )
