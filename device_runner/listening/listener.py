"""Listen to a stream of audio and classify it hop by hop, except where it cannot be believed."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator

import numpy as np

from asc_kit.frontend import FrameRing, ListenSpec
from asc_kit.recordings.audio import from_int16, to_int16

from ..classifier import SceneClassifier
from .blocks import Batch
from .events import Event, Heard, InputChange, Loss, SourceChange, Tally, Unheard
from .sample_clock import Audio, Gap, Lateness, SampleClock
from .sound_source import SoundSource, SourceState
from .verdict import InputJudge, InputVerdict, Reason, level_dbfs

# Audio is judged in pieces of this length: short against the second that a verdict is about.
_PIECE_S = 0.05
# An idle sound server pauses for 1.5 s.
_PATIENCE_S = 2.0
# The input counts as good again, or as bad for another reason, after this time.
_STEADY_S = 0.5
# Longest time between a rerouting and its discovery: the watch looks twice a second, and the server has a buffer.
_REROUTED_S = 1.5


class Listener:
    """Classifies a sliding window of a stream.

    If several hops arrive at once, only the newest window is classified: the answer must not fall behind the sound.
    A window never holds audio from both sides of a gap, nor audio that is no sound of a place. Its frames are those of
    `ListenSpec`, each computed once.

    Parameters
    ----------
    rate_hz
        Sampling rate of the stream.
    hop_s
        Seconds from one window to the next; the nearest number of whole frames is taken.
    duration_s
        Stop after so many seconds, but not before the first window; None for as long as audio comes.
    top
        Labels per window.
    """

    def __init__(
        self,
        classifier: SceneClassifier,
        rate_hz: int,
        *,
        hop_s: float,
        duration_s: float | None = None,
        top: int = 3,
    ) -> None:
        frontend = classifier.frontend
        self.tally = Tally()
        self._classifier = classifier
        self._rate_hz = rate_hz
        self._target_hz = frontend.sample_rate_hz
        self.spec = ListenSpec.nearest(frontend, hop_s * self._target_hz)
        self._frames = FrameRing(self.spec)
        self._window = self.spec.window_samples
        self._hop = self.spec.hop_samples
        self._top = top
        self._due = self._window
        self._duration_s = duration_s
        self._limit = None if duration_s is None else max(self._window, round(duration_s * self._target_hz))
        self._clock = SampleClock(rate_hz)
        self._began_s: float | None = None
        self._last_arrival_s = 0.0
        self._is_timed_out = False
        # the current audio without a gap; positions are samples at the bundle's rate since listening began
        self._gap_words = ""
        self._begin_stretch(0)
        # faults with their start and end, in order
        self._faults: deque[tuple[int, int, Reason, str]] = deque()
        self._told: Reason | None = None
        self._change: tuple[Reason | None, str] = (None, "")
        self._changed_at = 0
        self._source: SoundSource | None = None
        self._is_muted = False

    @property
    def time_s(self) -> float:
        """Seconds of audio since listening began, gaps included."""
        return self._end / self._target_hz + self._clock.drift_s

    @property
    def is_done(self) -> bool:
        """Whether the time to listen is over."""
        return self._is_timed_out or (self._limit is not None and self._end >= self._limit)

    def take(self, batch: Batch, source: SourceState | None = None) -> Iterator[Event]:
        """Take a batch of audio; yield its events.

        Parameters
        ----------
        source
            Source that the stream is connected to now, if known.
        """
        if self._began_s is None:
            self._began_s = self._last_arrival_s = batch.now_s
        rerouted = yield from self._look_at_source(source)
        for block in batch.blocks:
            if block.words:
                yield SourceChange(time_s=self.time_s, words=block.words)
            if not len(block.samples):
                continue
            self._last_arrival_s = block.arrival_s
            self.tally.overflows += block.overflowed
            for known in self._clock.take(block):
                if isinstance(known, Audio):
                    yield from self._add(known, rerouted)
                else:
                    yield self._count(known)
        if not batch.blocks:
            yield from self._wait(batch.now_s)
        yield from self._classify()

    def _wait(self, now_s: float) -> Iterator[InputChange]:
        """Report once that nothing comes, and do not wait for ever for the end."""
        if now_s - self._last_arrival_s > _PATIENCE_S and self._told != "nothing_comes":
            self._told = "nothing_comes"
            self._changed_at = self._end
            words = f"nothing has come for {_PATIENCE_S:g} s"
            yield InputChange(time_s=self.time_s, reason="nothing_comes", words=words)
        if self._duration_s is not None and self._began_s is not None:
            self._is_timed_out = now_s - self._began_s > self._duration_s + _PATIENCE_S

    def _look_at_source(self, state: SourceState | None) -> Generator[Event, None, str | None]:
        """Return a message if the opened source is gone, else None."""
        if state is None:
            return None
        source = state.source
        self._is_muted = source.is_muted
        if state.gone is not None:
            return f"{state.gone} is gone; the sound server gives {source.name} in its place"
        before, self._source = self._source, source
        if before is None or (before.name, before.rate_hz) == (source.name, source.rate_hz):
            return None
        if before.name == source.name:
            words = f"{source.name} came back with {source.rate_hz} Hz"
        else:
            # the user chose another source, in the system's settings or a mixer
            words = f"the sound server was told to give {source.name} in place of {before.name}"
        if source.rate_hz != self._rate_hz:
            words += f", and resamples it from {source.rate_hz} Hz: start again to hear it as it is"
        yield SourceChange(time_s=self.time_s, words=words)
        return None

    def _count(self, known: Gap | Lateness) -> Loss:
        if isinstance(known, Lateness):
            self.tally.late_s += known.seconds
            words = f"held up: audio came {known.seconds:.1f} s late; none of it is lost, but windows were skipped"
            return Loss(time_s=self.time_s, lost_s=0.0, late_s=known.seconds, words=words)
        self.tally.gaps += 1
        self.tally.lost_s += known.lost_s
        if known.cause == "queue":
            self.tally.dropped_s += known.lost_s
            words = f"{known.lost_s:.1f} s of audio were dropped: this machine is too slow"
        elif known.cause == "away":
            words = f"{known.lost_s:.1f} s of audio are missing, while the source was away"
        elif known.lost_s == 0:
            words = "the sound system lost some audio, less than 0.1 s"
        else:
            words = f"{known.lost_s:.1f} s of audio were lost"
        if known.discarded_s >= 0.1:
            words += f" ({known.discarded_s:.1f} s beside them cannot be placed)"
        seconds = known.lost_s + known.discarded_s
        self._begin_stretch(self._end + round(seconds * self._target_hz))
        self._gap_words = words
        return Loss(time_s=self.time_s, lost_s=known.lost_s, late_s=0.0, words=words)

    def _begin_stretch(self, position: int) -> None:
        import soxr

        self._stretch_start = self._end = position
        self._is_fresh = True
        self._frames.forget()
        self._ring = np.zeros(0, np.float32)
        self._judge = InputJudge(self._rate_hz, self._window / self._target_hz)
        self._resampler = (
            None
            if self._rate_hz == self._target_hz
            else soxr.ResampleStream(self._rate_hz, self._target_hz, 1, dtype="float32", quality="HQ")
        )

    def _add(self, audio: Audio, rerouted: str | None) -> Iterator[Event]:
        """Judge, mix and resample audio that follows without a gap."""
        piece = max(1, round(_PIECE_S * self._rate_hz))
        start = round(audio.start_frame * self._target_hz / self._rate_hz)
        if self._is_fresh:
            # exact to the sample; the resampler's remainder of the audio before the gap does not count
            self._stretch_start = self._end = start
            self._is_fresh = False
        for offset in range(0, len(audio.samples), piece):
            samples = audio.samples[offset : offset + piece]
            mix, verdict = self._judge.take(samples)
            resampled = mix if self._resampler is None else self._resampler.resample_chunk(mix)
            if self._limit is not None:
                resampled = resampled[: max(0, self._limit - self._end)]
            self._ring = np.concatenate([self._ring, resampled])[-(self._window + self._hop) :]
            self._end += len(resampled)
            at = round((audio.start_frame + offset + len(samples)) * self._target_hz / self._rate_hz)
            yield from self._note(verdict, at, rerouted)

    def _note(self, verdict: InputVerdict, at: int, rerouted: str | None) -> Iterator[InputChange]:
        """Record the fault of the audio before a position, and report changes."""
        reason, words, span_s = verdict.reason, verdict.words, verdict.span_s
        if not verdict.is_whole and rerouted is None:
            return
        if rerouted is not None:
            reason, words, span_s = "rerouted", rerouted, _REROUTED_S
        elif reason == "zeros" and self._is_muted:
            words = "exact zeros (it is muted in the sound server)"
        if reason is not None:
            start = at - round(span_s * self._target_hz)
            if self._faults and self._faults[-1][2] == reason and self._faults[-1][1] >= start:
                start = self._faults.pop()[0]
            self._faults.append((start, at, reason, words))
        if reason != self._change[0]:
            self._changed_at = at
        self._change = (reason, words)
        is_steady = at - self._changed_at >= _STEADY_S * self._target_hz
        # the first fault is reported at once; its end, or another fault, once it lasts
        if reason != self._told and (is_steady or self._told is None):
            self._told = reason
            yield InputChange(time_s=at / self._target_hz + self._clock.drift_s, reason=reason, words=words)

    def _find_fault(self, start: int, end: int) -> tuple[Reason, str] | None:
        """Return why a window cannot be classified; None if it can."""
        if start < self._stretch_start:
            return "gap", self._gap_words
        while self._faults and self._faults[0][1] <= start:
            self._faults.popleft()
        clipped = 0
        for first, last, reason, words in self._faults:
            overlap = min(last, end) - max(first, start)
            if overlap <= 0:
                continue
            # a slammed door is still a sound of its place, and a second of it does not spoil ten
            clipped += overlap if reason == "clipped" else 0
            if reason != "clipped" or 2 * clipped >= end - start:
                return reason, words
        return None

    def _classify(self) -> Iterator[Heard | Unheard]:
        """Classify the latest window that is due."""
        reached = self._end if self._limit is None else min(self._end, self._limit)
        if reached < self._due:
            return
        hops = (reached - self._due) // self._hop
        end = self._due + hops * self._hop
        self._due = end + self._hop
        self.tally.skipped += hops
        time_s = end / self._target_hz + self._clock.drift_s
        fault = self._find_fault(end - self._window, end)
        if fault is not None:
            self.tally.unusable += 1
            yield Unheard(time_s=time_s, reason=fault[0], words=fault[1], skipped=hops)
            return
        # the ring holds it, because it ended less than a hop ago
        late = self._end - end
        window = self._ring[len(self._ring) - late - self._window : len(self._ring) - late]
        began = time.perf_counter()
        # windows end at whole hops after the first, so that they begin at whole frames
        first_frame = (end - self._window) // self._classifier.frontend.hop_length
        features = self._frames.window(first_frame, from_int16(to_int16(window)))
        probabilities = self._classifier.features_probabilities(features)
        latency_ms = 1000 * (time.perf_counter() - began)
        self.tally.windows += 1
        yield Heard(
            time_s=time_s,
            ranking=tuple(self._classifier.ranking(probabilities, self._top)),
            latency_ms=latency_ms,
            level_dbfs=level_dbfs(window),
            skipped=hops,
            window=window,
        )


def listen(
    listener: Listener, batches: Iterable[Batch], source: Callable[[], SourceState | None] | None = None
) -> Iterator[Event]:
    """Listen until the stream ends, or the listener has heard as long as it should.

    Parameters
    ----------
    source
        Called for every batch to find the source of the stream.
    """
    for batch in batches:
        yield from listener.take(batch, None if source is None else source())
        if listener.is_done:
            return
