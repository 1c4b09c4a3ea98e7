"""A microphone through PortAudio: found by name or number, opened at a rate it accepts, read without losing count."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asc_kit.errors import AscKitError, ToolError

# PortAudio hands blocks over this often: short against a hop, long against the cost of a callback.
_BLOCK_S = 0.05
# A muted source of a sound server may pause for a second or two; longer means that nothing comes.
_SILENT_S = 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class InputDevice:
    """A microphone, as PortAudio knows it."""

    index: int
    """Its number."""
    name: str
    """Its name."""
    host_api: str
    """The sound system it belongs to."""
    channels: int
    """Input channels."""
    default_rate_hz: int
    """Its own sampling rate."""
    is_default: bool
    """Whether it is used when none is named."""


@dataclass(slots=True)
class Microphone:
    """An open microphone: read its blocks with `blocks`."""

    device: InputDevice
    """Where the audio comes from."""
    rate_hz: int
    """The rate it was opened at."""
    channels: int
    """The channels it was opened with; `blocks` mixes them to one."""
    overflows: int = 0
    """How often the sound system dropped audio because this program did not take it in time."""
    _queue: queue.SimpleQueue[NDArray[np.float32]] = field(default_factory=queue.SimpleQueue)

    def receive(self, indata: NDArray[np.float32], overflowed: bool) -> None:
        """Take one block, shape [n, channels], from PortAudio's thread."""
        if overflowed:
            self.overflows += 1
        self._queue.put(indata.mean(axis=1, dtype=np.float32))

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """Give mono audio as it comes, everything that waits at once.

        Raises
        ------
        AscKitError
            When nothing comes for seconds.
        """
        while True:
            try:
                parts = [self._queue.get(timeout=_SILENT_S)]
            except queue.Empty:
                raise AscKitError(
                    f"the microphone {self.device.name!r} delivered nothing for {_SILENT_S:g} s",
                    hint="is it plugged in and not muted? Others: asc-kit live --list-devices",
                ) from None
            while not self._queue.empty():
                parts.append(self._queue.get())
            yield np.concatenate(parts)


def input_devices() -> list[InputDevice]:
    """List the microphones.

    Raises
    ------
    ToolError
        When the PortAudio library is not installed.
    """
    sounddevice = _import_sounddevice()
    apis = sounddevice.query_hostapis()
    default = sounddevice.default.device[0]
    if default < 0 and apis:
        default = next((api["default_input_device"] for api in apis if api["default_input_device"] >= 0), -1)
    return [
        InputDevice(
            index=number,
            name=str(found["name"]),
            host_api=str(apis[found["hostapi"]]["name"]),
            channels=int(found["max_input_channels"]),
            default_rate_hz=round(found["default_samplerate"]),
            is_default=number == default,
        )
        for number, found in enumerate(sounddevice.query_devices())
        if found["max_input_channels"] > 0
    ]


def find_device(wanted: str | None) -> InputDevice:
    """Find a microphone by its number, its name or a part of its name; None for the default one.

    Raises
    ------
    AscKitError
        When there is none, or several of that name.
    """
    devices = input_devices()
    if not devices:
        raise AscKitError(
            "this machine has no microphone",
            hint="plug one in; a sound server must run under this user (PulseAudio, PipeWire), or ALSA see a card",
        )
    hint = "microphones: " + "; ".join(f"{d.index} {d.name}" for d in devices)
    if wanted is None:
        return next((d for d in devices if d.is_default), devices[0])
    if wanted.isdecimal():
        chosen = [d for d in devices if d.index == int(wanted)]
    else:
        exact = [d for d in devices if d.name == wanted]
        chosen = exact or [d for d in devices if wanted.lower() in d.name.lower()]
    if not chosen:
        raise AscKitError(f"there is no microphone {wanted!r}", hint=hint)
    if len(chosen) > 1:
        raise AscKitError(
            f"{len(chosen)} microphones are called {wanted!r}",
            hint="name one by its number: " + "; ".join(f"{d.index} {d.name}" for d in chosen),
        )
    return chosen[0]


@contextmanager
def open_microphone(device: InputDevice, wanted_rate_hz: int) -> Iterator[Microphone]:
    """Open a microphone at the wanted rate, or at its own where that is refused.

    Raises
    ------
    AscKitError
        When it cannot be opened at either.
    """
    sounddevice = _import_sounddevice()
    microphone = _accepted_settings(sounddevice, device, wanted_rate_hz)

    def on_audio(indata: NDArray[np.float32], frames: int, time: Any, status: Any) -> None:
        microphone.receive(indata, bool(status.input_overflow))

    try:
        stream = sounddevice.InputStream(
            device=device.index,
            samplerate=microphone.rate_hz,
            channels=microphone.channels,
            dtype="float32",
            blocksize=round(_BLOCK_S * microphone.rate_hz),
            callback=on_audio,
        )
        stream.start()
    except sounddevice.PortAudioError as failure:
        raise AscKitError(
            f"the microphone {device.name!r} cannot be opened: {failure}",
            hint="another program may hold it; others: asc-kit live --list-devices",
        ) from failure
    try:
        yield microphone
    finally:
        stream.abort()
        stream.close()


def _accepted_settings(sounddevice: Any, device: InputDevice, wanted_rate_hz: int) -> Microphone:
    refusal: Exception | None = None
    for channels in dict.fromkeys((1, device.channels)):
        for rate_hz in dict.fromkeys((wanted_rate_hz, device.default_rate_hz)):
            try:
                sounddevice.check_input_settings(
                    device=device.index, channels=channels, dtype="float32", samplerate=rate_hz
                )
            except (sounddevice.PortAudioError, ValueError) as failure:
                refusal = failure
            else:
                return Microphone(device, rate_hz, channels)
    raise AscKitError(
        f"the microphone {device.name!r} accepts neither {wanted_rate_hz} Hz nor {device.default_rate_hz} Hz",
        hint="choose another one: asc-kit live --list-devices",
    ) from refusal


def _import_sounddevice() -> Any:
    try:
        import sounddevice
    except OSError as failure:
        raise ToolError(
            "the PortAudio library, which sounddevice needs, is not installed",
            hint="sudo apt-get install libportaudio2",
        ) from failure
    return sounddevice
