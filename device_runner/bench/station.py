"""A board at work, with the host's reference beside it."""

from __future__ import annotations

from asc_kit.inference.interpreter import Int8Model
from asc_kit.result import LinkCounters

from ..line.session import Session


class Station:
    """A board and the reference that it is compared with.

    Parameters
    ----------
    session
        A session with a board that runs the bundle; checked by the caller.
    reference
        The same network in the reference kernels, used by this station alone.
    is_emulated
        Whether the board's time is an emulator's, not the host's.
    """

    def __init__(self, session: Session, reference: Int8Model, *, is_emulated: bool) -> None:
        self.session = session
        self.reference = reference
        self.is_emulated = is_emulated

    @property
    def counters(self) -> LinkCounters:
        """Faults on the line so far that were repaired."""
        seen = self.session.link.statistics
        return LinkCounters(
            retries=seen.retries,
            frames_dropped=seen.frames_dropped,
            frames_stale=seen.frames_stale,
            frames_of_others=seen.frames_of_others,
            seals_refused=seen.seals_refused,
            digests_refused=seen.digests_refused,
            sessions_lost=max(0, seen.sessions_opened - 1),
            clips_repeated=seen.clips_repeated,
        )
