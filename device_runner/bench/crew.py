"""Many clips on several boards at once, each clip on the first free board."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from itertools import repeat
from queue import Empty, SimpleQueue

from asc_kit.errors import BoardError
from asc_kit.result import LinkCounters, Prediction

from ..line.link import LostError
from .measurement import Measurement
from .station import Station

Keep = Callable[[int, Prediction, int, LinkCounters], None]
"""Takes a finished clip: its index, its result, the deepest use of the stack so far on its board (0 if unknown), and
the repairs on all boards so far. Called from any thread, one call at a time."""


def measure_clips(measurement: Measurement, stations: Sequence[Station], todo: Sequence[int], keep: Keep) -> None:
    """Run clips, each on the first free board.

    Parameters
    ----------
    measurement
        The measurement.
    stations
        The boards.
    todo
        Indices of the clips.
    keep
        Called with each clip as soon as it is finished.

    Raises
    ------
    AscKitError
        The first failure of any board or of `keep`; the other boards are stopped.
    """
    queue: SimpleQueue[int] = SimpleQueue()
    for index in todo:
        queue.put(index)
    is_stopped = threading.Event()
    keeping = threading.Lock()

    def serve(station: Station) -> None:
        while not is_stopped.is_set():
            try:
                index = queue.get_nowait()
            except Empty:
                return
            before = station.counters.clips_repeated
            try:
                done, stack_bytes = station.session.repeat(partial(_clip, measurement, station, index))
            except LostError as failure:
                # the number of attempts depends on the failure: a board that never answers costs the longest wait
                count = 1 + station.counters.clips_repeated - before
                times = "once, and no other session could be opened" if count == 1 else f"{count} times in a row"
                raise BoardError(
                    f"{measurement.dataset.clips[index].filename} was lost {times}, the last time because: "
                    f"{failure.message}",
                    hint=failure.hint,
                ) from failure
            with keeping:
                keep(index, done, stack_bytes, total_counters(stations))

    with ThreadPoolExecutor(len(stations)) as pool:
        try:
            for future in as_completed(map(pool.submit, repeat(serve), stations)):
                future.result()
        except BaseException:
            # Ctrl-C too: the threads must end before the boards do
            is_stopped.set()
            for station in stations:
                station.session.link.cancel()
            raise


def total_counters(stations: Sequence[Station]) -> LinkCounters:
    """Return the repairs on all boards so far."""
    total = LinkCounters()
    for station in stations:
        total = total + station.counters
    return total


def _clip(measurement: Measurement, station: Station, index: int) -> tuple[Prediction, int]:
    prediction = measurement.predict(station, index)
    stats = station.session.stats()
    return prediction, stats.stack_used_bytes if stats.stack_size_bytes > 0 else 0
