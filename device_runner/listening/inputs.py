"""What can be listened to, by the words that users give: a microphone, a recording, a pipe, a stream of the network."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

from asc_kit.errors import AscKitError
from asc_kit.recordings.doubts import Doubt

from ..media.byte_source import Ffmpeg, KeptFifo, Pipe, hide_password
from ..media.pcm import PcmFormat
from ..media.reading import STDIN, Recording, open_blocks
from .blocks import Batch, Block, now_s
from .microphone import Microphone, find_device, open_microphone
from .sound_source import SoundSource
from .stream import StreamInput

Kind = Literal["microphone", "recording", "pipe", "fifo", "stream"]

_NAMED = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,31})=(.+)", re.DOTALL)
_MICROPHONE = "mic"
# Pieces of a recording: shorter than any hop, so that every window is classified.
_BLOCK_S = 0.05
# Media that a player buffers wait for their reader; other streams are sent in real time.
_WAITING_SCHEMES = ("http", "https")


class Input(Protocol):
    """Something to listen to."""

    rate_hz: int
    channels: int

    def batches(self) -> Iterator[Batch]:
        """Yield audio as it comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What the user wants to listen to."""

    kind: Kind
    """What it is."""
    place: str
    """Name or number of the microphone (empty for the default), path, or URL."""
    name: str
    """What its lines are called; empty for a microphone's own name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenInput:
    """An open source."""

    name: str
    """What its lines are called."""
    words: str
    """What it is, for people."""
    input: Input
    """The audio."""
    source: SoundSource | None = None
    """What the sound server says of a microphone."""


def read_choices(sources: Sequence[str], device: str | None) -> tuple[Choice, ...]:
    """Read what to listen to; without sources it is the microphone `device`.

    Parameters
    ----------
    sources
        ``[NAME=]mic[:DEVICE]``, ``-``, a path or a URL each.

    Raises
    ------
    AscKitError
        If one is not there, or is given twice where that cannot be.
    """
    if not sources:
        return (Choice(kind="microphone", place=device or "", name=""),)
    choices: list[Choice] = []
    for text in sources:
        choice = _read_choice(text)
        is_there = any((other.kind, other.place) == (choice.kind, choice.place) for other in choices)
        if is_there and choice.kind not in ("recording", "stream"):
            raise AscKitError(f"--source {text} is given twice")
        taken = {other.name for other in choices}
        number = 2
        name = choice.name
        while name in taken:
            name, number = f"{choice.name}-{number}", number + 1
        choices.append(replace(choice, name=name))
    return tuple(choices)


def _read_choice(text: str) -> Choice:
    named = None if Path(text).exists() else _NAMED.fullmatch(text)
    given, place = (named[1], named[2]) if named is not None else ("", text)
    if place == str(STDIN):
        return Choice(kind="pipe", place=place, name=given or "stdin")
    if place == _MICROPHONE or place.startswith(f"{_MICROPHONE}:"):
        device = place.partition(":")[2]
        return Choice(kind="microphone", place=device, name=given or device or _MICROPHONE)
    if "://" in place:
        return Choice(kind="stream", place=place, name=given or hide_password(place).partition("://")[2])
    path = Path(place)
    try:
        mode = path.stat().st_mode
    except OSError as failure:
        raise AscKitError(
            f"--source {text}: {failure.strerror}",
            hint="a source is mic, mic:NAME, - for standard input, a file, a FIFO or a URL as rtsp://…",
        ) from failure
    if stat.S_ISFIFO(mode):
        # a pipe of the shell, <(…), has no name by which the next writer could find it
        is_anonymous = place.startswith(("/dev/", "/proc/"))
        return Choice(kind="pipe" if is_anonymous else "fifo", place=place, name=given or path.name)
    if not stat.S_ISREG(mode):
        raise AscKitError(f"--source {text} is neither a file nor a FIFO")
    return Choice(kind="recording", place=place, name=given or path.name)


@contextmanager
def open_input(choice: Choice, wanted_rate_hz: int, pcm: PcmFormat | None) -> Iterator[OpenInput]:
    """Open a source.

    Parameters
    ----------
    wanted_rate_hz
        Rate of the bundle, which a microphone is opened with as the last resort.
    pcm
        Format of raw samples in a file or a pipe.

    Raises
    ------
    AscKitError
        If it cannot be opened.
    """
    if choice.kind == "microphone":
        with open_microphone(find_device(choice.place or None), wanted_rate_hz) as microphone:
            yield _describe(choice, microphone)
    elif choice.kind == "recording":
        doubts: list[Doubt] = []
        with open_blocks(Path(choice.place), doubts, block_s=_BLOCK_S, pcm=pcm) as recording:
            seconds = "" if recording.seconds is None else f", {recording.seconds:.1f} s"
            words = f"{choice.name} at {_format(recording.rate_hz, recording.channels)}{seconds}"
            words += "".join(f"; {doubt.says}" for doubt in doubts)
            yield OpenInput(name=choice.name, words=words, input=RecordedInput(recording))
    else:
        with ExitStack() as stack:
            stream = _open_stream(choice, pcm, stack)
            stack.callback(stream.close)
            words = f"{choice.name} at {_format(stream.rate_hz, stream.channels)}"
            yield OpenInput(name=choice.name, words=words, input=stream)


def _open_stream(choice: Choice, pcm: PcmFormat | None, stack: ExitStack) -> StreamInput:
    if choice.kind == "stream":
        waits = choice.place.startswith(tuple(f"{scheme}:" for scheme in _WAITING_SCHEMES))
        return StreamInput(
            choice.name,
            lambda format: Ffmpeg(choice.place, format),
            pcm=None,
            comes_back=True,
            waits=waits,
            gives_up=True,
        )
    if choice.kind == "fifo":
        fifo = KeptFifo(Path(choice.place))
        stack.callback(fifo.shut)
        return StreamInput(choice.name, lambda _: fifo, pcm=pcm, comes_back=True, waits=True)
    path = None if choice.place == str(STDIN) else Path(choice.place)
    return StreamInput(choice.name, lambda _: Pipe(path), pcm=pcm, comes_back=False, waits=True)


class RecordedInput:
    """A recording, as fast as it can be classified."""

    def __init__(self, recording: Recording) -> None:
        self.rate_hz, self.channels = recording.rate_hz, recording.channels
        self._blocks = recording.blocks

    def batches(self) -> Iterator[Batch]:
        """Yield the audio with the arrival times of a faultless microphone."""
        frames, piece = 0, max(1, round(_BLOCK_S * self.rate_hz))
        began_s = now_s()
        for block in self._blocks:
            for start in range(0, len(block), piece):
                samples = block[start : start + piece]
                frames += len(samples)
                arrival_s = began_s + frames / self.rate_hz
                yield Batch(blocks=(Block(samples=samples, arrival_s=arrival_s),), now_s=arrival_s)


def _describe(choice: Choice, microphone: Microphone) -> OpenInput:
    source = "" if microphone.source is None else f" ({microphone.source.name})"
    device = microphone.device
    words = f"microphone {device.index} {device.name!r}{source} at {_format(microphone.rate_hz, microphone.channels)}"
    return OpenInput(name=choice.name or microphone.name, words=words, input=microphone, source=microphone.source)


def _format(rate_hz: int, channels: int) -> str:
    return f"{rate_hz} Hz, " + ("1 channel" if channels == 1 else f"{channels} channels")
