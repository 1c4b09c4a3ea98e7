"""A microphone through PortAudio: found by name or number, opened as it is, read without losing count.

Training resampled recordings with soxr, in high quality. Other resamplers on the way are worse: a sound server uses its
cheapest method, ALSA's plugs straight lines. So the microphone is opened at its own rate and with its own channels, and
resampled here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asc_kit.errors import AscKitError, ToolError

from .blocks import Batch, Block, BlockQueue, backoff, now_s, waiting
from .sound_source import SoundSource, find_default_source, find_source

# Interval of PortAudio's blocks: short against a hop, long against the cost of a callback.
_BLOCK_S = 0.05
# Time that a machine may be busy without losing audio; at 48 kHz and two channels, 8 MB.
_QUEUE_S = 20.0
# Interval at which a reader learns that nothing came.
_TICK_S = 0.25
# Longer than any pause of a stream that is alive.
_GIVE_UP_S = 30.0
# An idle sound server begins to deliver after 1.5 s.
_PATIENCE_S = 4.0
# Rates of sound cards, if the true rate is unknown. Hardware refuses other rates than its own.
_USUAL_RATES_HZ = (48000, 44100)
# Sound servers and ALSA's plugs claim 32 channels and more, which are not real.
_MOST_CHANNELS = 8
# ALSA's names for a sound server.
_SERVERS = ("pulse", "default", "pipewire")


@dataclass(frozen=True, slots=True, kw_only=True)
class InputDevice:
    """A microphone, as PortAudio lists it."""

    index: int
    """Its number."""
    name: str
    """Its name."""
    host_api: str
    """The sound system it belongs to."""
    channels: int
    """Input channels."""
    default_rate_hz: int
    """Its sampling rate."""
    is_default: bool
    """Whether it is the default."""


class Microphone:
    """An open microphone: read it with `batches`.

    Parameters
    ----------
    device
        The microphone.
    rate_hz, channels
        As it was opened.
    """

    def __init__(self, device: InputDevice, rate_hz: int, channels: int) -> None:
        self.device = device
        self.rate_hz = rate_hz
        self.channels = channels
        self.source: SoundSource | None = None
        """Its actual source, if known."""
        self._queue = self._new_queue()
        self._stream: Any = None

    @property
    def name(self) -> str:
        """What it is called, by the sound server if that knows it."""
        return self.device.name if self.source is None else self.source.name

    def start(self) -> None:
        """Open the stream.

        Raises
        ------
        AscKitError
            If the device refuses.
        """
        sounddevice = _import_sounddevice()
        # a stream that ends later must not end the queue of the next one
        self._queue = queue = self._new_queue()

        def on_audio(indata: NDArray[np.float32], frames: int, time: Any, status: Any) -> None:
            queue.put(Block(samples=indata.copy(), arrival_s=now_s(), overflowed=bool(status.input_overflow)))

        try:
            self._stream = sounddevice.InputStream(
                device=self.device.index,
                samplerate=self.rate_hz,
                channels=self.channels,
                dtype="float32",
                blocksize=round(_BLOCK_S * self.rate_hz),
                callback=on_audio,
                finished_callback=queue.end,
            )
            _open_streams.add(self)
            self._stream.start()
        except sounddevice.PortAudioError as failure:
            self.stop()
            raise AscKitError(
                f"the microphone {self.device.name!r} cannot be opened: {failure}",
                hint="another program may hold it; others: asc-kit live --list-devices",
            ) from failure

    def stop(self) -> None:
        """Close the stream."""
        if self._stream is not None:
            self._stream.abort()
            self._stream.close()
            self._stream = None
        _open_streams.discard(self)

    def batches(self) -> Iterator[Batch]:
        """Yield audio as it comes, everything that waits at once; yield an empty batch at intervals if nothing comes.

        A microphone or a server that ends, or delivers nothing for half a minute, is opened again and again, at
        growing intervals of at most two seconds.
        """
        last_s = now_s()
        while True:
            batch = self._queue.take_all(_TICK_S)
            is_silent = batch.now_s - last_s > _GIVE_UP_S
            if batch.blocks:
                last_s = batch.now_s
            elif self._queue.has_ended or is_silent:
                what = f"delivered nothing for {_GIVE_UP_S:g} s" if is_silent else "went away, or its sound server did"
                yield from self._come_back(f"the microphone {self.device.name!r} {what}; trying again")
                last_s = now_s()
                continue
            yield batch

    def _come_back(self, words: str) -> Iterator[Batch]:
        """Open the microphone again until it delivers."""
        left_s = now_s()
        yield Batch(blocks=(self._note(words),), now_s=left_s)
        for pause_s in backoff():
            self.stop()
            yield from waiting(pause_s, _TICK_S)
            try:
                self.device = _find_again(self.device)
                self.start()
            except AscKitError:
                continue
            opened_s = now_s()
            while not self._queue.has_ended and now_s() - opened_s < _PATIENCE_S:
                batch = self._queue.take_all(_TICK_S)
                if batch.blocks:
                    first, *rest = batch.blocks
                    words = f"the microphone {self.device.name!r} is back after {batch.now_s - left_s:.1f} s"
                    yield Batch(blocks=(self._note(words), replace(first, returned=True), *rest), now_s=batch.now_s)
                    return
                yield batch

    def _note(self, words: str) -> Block:
        return Block(samples=np.zeros((0, self.channels), np.float32), arrival_s=now_s(), words=words)

    def _new_queue(self) -> BlockQueue:
        return BlockQueue(round(_QUEUE_S * self.rate_hz))


_open_streams: set[Microphone] = set()


def _find_again(device: InputDevice) -> InputDevice:
    """Find a device by its name; PortAudio looks for devices when it is initialized, which ends all streams."""
    if not _open_streams:
        sounddevice = _import_sounddevice()
        sounddevice._terminate()
        sounddevice._initialize()
    match = next((each for each in input_devices() if each.name == device.name), None)
    if match is None:
        raise AscKitError(f"there is no microphone {device.name!r}")
    return match


def input_devices() -> list[InputDevice]:
    """List the microphones.

    Raises
    ------
    ToolError
        If the PortAudio library is not installed.
    """
    sounddevice = _import_sounddevice()
    apis = sounddevice.query_hostapis()
    default = sounddevice.default.device[0]
    if default < 0 and apis:
        default = next((api["default_input_device"] for api in apis if api["default_input_device"] >= 0), -1)
    return [
        InputDevice(
            index=number,
            name=str(device["name"]),
            host_api=str(apis[device["hostapi"]]["name"]),
            channels=int(device["max_input_channels"]),
            default_rate_hz=round(device["default_samplerate"]),
            is_default=number == default,
        )
        for number, device in enumerate(sounddevice.query_devices())
        if device["max_input_channels"] > 0
    ]


def find_device(wanted: str | None) -> InputDevice:
    """Find a microphone by its number, its name or a part of its name; None for the default microphone.

    Raises
    ------
    AscKitError
        If there is none, or if several have that name.
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
    """Open a microphone at its own rate and with its own channels.

    The sound server knows both, and is asked again, or the kernel is, once a stream runs. If neither answers, the usual
    rates of sound cards are tried, then PortAudio's rate for the device, and the wanted rate last.

    Raises
    ------
    AscKitError
        If it cannot be opened at any rate.
    """
    sounddevice = _import_sounddevice()
    guess = _offered_settings(sounddevice, device) or _accepted_settings(sounddevice, device, wanted_rate_hz)
    microphone = Microphone(device, *guess)
    try:
        microphone.start()
        microphone.source = source = find_source()
        native = guess if source is None else (source.rate_hz, min(source.channels, device.channels))
        if native != guess and _accepts(sounddevice, device, *native) is None:
            microphone.stop()
            microphone = Microphone(device, *native)
            microphone.start()
            microphone.source = find_source()
        yield microphone
    finally:
        microphone.stop()


def _offered_settings(sounddevice: Any, device: InputDevice) -> tuple[int, int] | None:
    """Return rate and channels of the sound server's source behind a device; None if there is none."""
    source = find_default_source() if device.name in _SERVERS else None
    if source is None:
        return None
    native = (source.rate_hz, min(source.channels, device.channels))
    return native if _accepts(sounddevice, device, *native) is None else None


def _accepted_settings(sounddevice: Any, device: InputDevice, wanted_rate_hz: int) -> tuple[int, int]:
    """Return the first rate and number of channels that the device takes."""
    rates = dict.fromkeys((*_USUAL_RATES_HZ, device.default_rate_hz, wanted_rate_hz))
    own = device.channels if device.channels <= _MOST_CHANNELS else 2
    refusal: Exception | None = None
    for channels in dict.fromkeys((own, min(own, 2), 1)):
        for rate_hz in rates:
            refusal = _accepts(sounddevice, device, rate_hz, channels)
            if refusal is None:
                return rate_hz, channels
    *first, last = (f"{rate_hz} Hz" for rate_hz in rates)
    raise AscKitError(
        f"the microphone {device.name!r} accepts none of {', '.join(first)} and {last}",
        hint="choose another one: asc-kit live --list-devices",
    ) from refusal


def _accepts(sounddevice: Any, device: InputDevice, rate_hz: int, channels: int) -> Exception | None:
    """Return why the device refuses a rate and channels; None if it accepts them."""
    try:
        sounddevice.check_input_settings(device=device.index, channels=channels, dtype="float32", samplerate=rate_hz)
    except (sounddevice.PortAudioError, ValueError) as failure:
        return failure
    return None


def _import_sounddevice() -> Any:
    try:
        import sounddevice
    except OSError as failure:
        raise ToolError(
            "the PortAudio library, which sounddevice needs, is not installed",
            hint="sudo apt-get install libportaudio2",
        ) from failure
    return sounddevice
