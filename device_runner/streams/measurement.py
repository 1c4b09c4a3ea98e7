"""A long recording as a stream on a board, every window compared with the host's specification."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asc_kit.bundle import Bundle
from asc_kit.errors import DataError, MismatchError
from asc_kit.firmware import FirmwareManifest
from asc_kit.frontend import FrameRing, ListenSpec
from asc_kit.inference.interpreter import Int8Model
from asc_kit.protocol import CLIP_ATTEMPTS, HelloFlag
from asc_kit.recordings.audio import from_int16
from asc_kit.result import FEATURE_TOLERANCE_LSB, FEATURE_TOLERANCE_SHARE

from ..bench.times import UNITS
from ..line.link import LostError
from ..line.session import Session

_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamResult:
    """What a board made of a stream."""

    board: str
    """The board's name."""
    model_sha256: str
    """Hash of the network."""
    spec_id: str
    """Fingerprint of the front end."""
    firmware_id: str
    """Fingerprint of the firmware."""
    samples: int
    """Samples sent."""
    seconds: float
    """Their length, in seconds."""
    hop_frames: int
    """Frames from one window to the next."""
    hop_s: float
    """The same in seconds."""
    windows: int
    """Windows compared: all that are complete in the samples."""
    outputs_equal: int
    """Windows whose outputs are bit for bit those of the reference kernels on the board's features."""
    frames_equal: int
    """Windows whose frames are bit for bit those of the window before, where both have them; the first counts."""
    labels_equal: int
    """Windows whose likeliest label is that of the host's features and reference kernels."""
    feature_lsb_max: int
    """Largest difference between the board's int8 features and the host's specification."""
    feature_mismatch_share: float
    """Share of the features that differ."""
    features_sha256: str
    """Hash of all windows' features: boards with the same arithmetic have the same."""
    outputs_sha256: str
    """Hash of all windows' outputs."""
    timer: str
    """Unit of the times."""
    timer_hz: int
    """Counts per second."""
    network_time: float
    """Median of the network's time for a window, timer counts."""
    hop_time: float
    """Median of the front end's time for a hop: the frames between two windows, timer counts."""
    frame_time: float
    """The front end's time for a clip, divided by its frames, timer counts."""
    arena_bytes: int
    """RAM of the network."""
    frontend_bytes: int | None
    """RAM of the front end; None where the firmware's manifest is not at hand."""
    listener_bytes: int | None
    """RAM of the stream beside these."""
    lost: int
    """Times the stream was begun again at a window, because the line or the session failed."""
    wrong_windows: tuple[int, ...]
    """The first windows that break the specification, counted from 0."""

    @property
    def hop_ratio(self) -> float:
        """Time of front end and network for a hop, relative to (frames per hop) · (one frame) + network."""
        return (self.hop_time + self.network_time) / (self.hop_frames * self.frame_time + self.network_time)


@dataclass(frozen=True, slots=True)
class _Window:
    features: NDArray[np.int8]
    output: NDArray[np.int8]
    network_time: int
    frontend_time: int


def stream_through(
    bundle: Bundle,
    session: Session,
    audio: NDArray[np.int16],
    spec: ListenSpec,
    firmware: FirmwareManifest | None,
    advance: Callable[[], object],
) -> StreamResult:
    """Send a recording to a board, and compare every window.

    Parameters
    ----------
    bundle
        The bundle that the board runs; checked by the caller.
    session
        A session with it.
    audio
        The recording at the front end's rate, [samples].
    spec
        Windows and front end.
    firmware
        The firmware's manifest, if it is at hand.
    advance
        Called after each window.

    Raises
    ------
    DataError
        If the recording is shorter than a window.
    BoardError
        If the firmware takes no streams, or the board or the line fails.
    """
    session.require(HelloFlag.LISTEN)
    n_windows = 1 + (len(audio) - spec.window_samples) // spec.hop_samples
    if n_windows < 1:
        raise DataError(
            f"the recording has {len(audio):,} samples, fewer than the {spec.window_samples:,} of a window",
            hint="give a longer one, or more clips",
        )
    manifest, frontend = bundle.manifest, spec.frontend
    reference, ring = Int8Model(bundle.model_path.read_bytes(), kernels="reference"), FrameRing(spec)
    clip_time = session.repeat(lambda: _clip_time(session, audio, frontend.clip_samples, manifest.macs))
    features_hash, outputs_hash = hashlib.sha256(), hashlib.sha256()
    network_times, hop_times, wrong = [], [], []
    outputs_equal = frames_equal = labels_equal = differing = lsb_max = 0
    before: NDArray[np.int8] | None = None
    board = _BoardStream(session, audio, spec, manifest.macs)
    for number in range(n_windows):
        found = board.window(number)
        start = number * spec.hop_samples
        values = ring.window(number * spec.hop_frames, from_int16(audio[start : start + spec.window_samples]))
        wanted = bundle.features_to_input(values)
        features = found.features.reshape(manifest.input.shape)
        distance = np.abs(features.astype(np.int16) - wanted)
        expected = reference.run(features).reshape(-1).copy()
        of_wanted = reference.run(wanted).reshape(-1).copy()
        is_equal = np.array_equal(expected, found.output)
        is_same = before is None or _share_frames(before, features, spec)
        outputs_equal += is_equal
        frames_equal += is_same
        labels_equal += int(np.argmax(of_wanted)) == int(np.argmax(found.output))
        differing += int(np.count_nonzero(distance))
        lsb_max = max(lsb_max, int(distance.max()))
        if not (is_equal and is_same and distance.max() <= FEATURE_TOLERANCE_LSB):
            wrong.append(number)
        network_times.append(found.network_time)
        if number > 0:
            hop_times.append(found.frontend_time)
        features_hash.update(found.features.tobytes())
        outputs_hash.update(found.output.tobytes())
        before = features
        advance()
    memory = firmware.memory if firmware is not None else None
    return StreamResult(
        board=session.hello.board,
        model_sha256=session.hello.model_sha256,
        spec_id=session.hello.spec_id,
        firmware_id=session.hello.firmware_id,
        samples=len(audio),
        seconds=len(audio) / frontend.sample_rate_hz,
        hop_frames=spec.hop_frames,
        hop_s=spec.hop_samples / frontend.sample_rate_hz,
        windows=n_windows,
        outputs_equal=outputs_equal,
        frames_equal=frames_equal,
        labels_equal=labels_equal,
        feature_lsb_max=lsb_max,
        feature_mismatch_share=differing / (n_windows * manifest.input.n_elements),
        features_sha256=features_hash.hexdigest(),
        outputs_sha256=outputs_hash.hexdigest(),
        timer=UNITS[session.hello.timer_unit],
        timer_hz=session.hello.timer_hz,
        network_time=float(np.median(network_times)),
        hop_time=float(np.median(hop_times)) if hop_times else float("nan"),
        frame_time=clip_time / frontend.n_frames,
        arena_bytes=session.hello.arena_bytes,
        frontend_bytes=memory.frontend_bytes if memory is not None else None,
        listener_bytes=memory.listener_bytes if memory is not None else None,
        lost=board.lost,
        wrong_windows=tuple(wrong[:_SHOWN]),
    )


def judge_stream(result: StreamResult) -> None:
    """Refuse a stream that breaks the specification.

    Raises
    ------
    MismatchError
        Naming how many windows do, and the first ones.
    """
    problems = []
    if result.outputs_equal < result.windows:
        problems.append(
            f"{result.windows - result.outputs_equal} of {result.windows} outputs differ from the reference kernels"
        )
    if result.frames_equal < result.windows:
        problems.append(f"{result.windows - result.frames_equal} windows have other frames than the window before")
    share = result.feature_mismatch_share
    if result.feature_lsb_max > FEATURE_TOLERANCE_LSB or share > FEATURE_TOLERANCE_SHARE:
        problems.append(
            f"{100 * share:.2f} % of the features differ from the host's, by up to {result.feature_lsb_max} LSB. "
            f"Expected: at most {100 * FEATURE_TOLERANCE_SHARE:g} %, by {FEATURE_TOLERANCE_LSB} LSB"
        )
    if problems:
        first = f", the first in windows {', '.join(map(str, result.wrong_windows))}" if result.wrong_windows else ""
        raise MismatchError("; ".join(problems) + first, hint="if the firmware is the kit's own, report this defect")


class _BoardStream:
    """The board's windows, one after the other; where the line fails, the stream begins again at a window."""

    def __init__(self, session: Session, audio: NDArray[np.int16], spec: ListenSpec, macs: int) -> None:
        self.lost = 0
        self._session, self._audio, self._spec, self._macs = session, audio, spec, macs
        self._at: int | None = None

    def window(self, number: int) -> _Window:
        for _ in range(CLIP_ATTEMPTS - 1):
            try:
                return self._window(number)
            except LostError:
                self._session.reopen()
                self.lost += 1
                self._at = None
        return self._window(number)

    def _window(self, number: int) -> _Window:
        session = self._session
        if self._at is None:
            # a window depends on its own samples alone
            session.begin_stream(self._spec.hop_frames)
            self._at = number * self._spec.hop_samples
        is_due = False
        while not is_due:
            taken, is_due = session.push_stream(self._audio[self._at :])
            self._at += taken
        features = session.read_input()
        report = session.run(macs=self._macs)
        return _Window(features, session.read_output(), report.network_time, report.frontend_time)


def _clip_time(session: Session, audio: NDArray[np.int16], clip_samples: int, macs: int) -> int:
    """Return the front end's time for a clip, whose frames the time of a frame is the mean of."""
    session.stream_audio(np.resize(audio, clip_samples))
    return session.run(macs=macs).frontend_time


def _share_frames(before: NDArray[np.int8], now: NDArray[np.int8], spec: ListenSpec) -> bool:
    """Whether a window has the frames of the one before, bit for bit, where it has the same; always if standardised."""
    frontend = spec.frontend
    common = frontend.n_frames - spec.hop_frames
    if common <= 0 or frontend.standardize == "clip" or frontend.delta_width:
        return True
    axis = 2 if frontend.layout == "mel_time" else 1
    return np.array_equal(before.take(range(spec.hop_frames, frontend.n_frames), axis), now.take(range(common), axis))


def stream_lines(result: StreamResult) -> Sequence[tuple[str, str]]:
    """Return a result for people: titles and values."""
    unit = result.timer
    ram = [result.arena_bytes, result.frontend_bytes, result.listener_bytes]
    lines = [
        (
            "Stream",
            f"{result.seconds:,.1f} s, a window every {result.hop_frames} frames ({1000 * result.hop_s:.0f} ms)",
        ),
        ("Windows", f"{result.windows:,}"),
        ("Outputs equal to the reference kernels", f"{result.outputs_equal:,}"),
        ("Frames equal to the window before", f"{result.frames_equal:,}"),
        ("Likeliest label equal to the host's", f"{result.labels_equal:,}"),
        (
            "Features that differ from the host's",
            f"{100 * result.feature_mismatch_share:.3f} %, by up to {result.feature_lsb_max} LSB",
        ),
        ("Front end, one hop", f"{result.hop_time:,.0f} {unit}"),
        ("Front end, one frame", f"{result.frame_time:,.0f} {unit}"),
        ("Network", f"{result.network_time:,.0f} {unit}"),
        ("One hop, relative to its frames and network", f"{result.hop_ratio:.3f}"),
    ]
    if all(n is not None for n in ram):
        network, front_end, listener = ram
        lines.append(("RAM", f"network {network:,} bytes, front end {front_end:,}, listening {listener:,}"))
    return lines
