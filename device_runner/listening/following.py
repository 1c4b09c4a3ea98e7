"""From windows to scenes: which place it is now, steady where single windows waver.

A window of a second is often wrong, and neighbours disagree: heard at four windows per second, a network changes its
mind three times as often as the listener changes places. So the log probabilities of windows are averaged over time,
the scene changes only when another one leads clearly, and no scene is said where none is likely.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from .events import Event, Heard, Scene, Unheard

# A probability of zero is a rounding of the int8 output, not certainty.
_SMALLEST = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowerSettings:
    """How steadily scenes are followed; the defaults are from `benchmarks/live_scenes.py` (docs/live.md)."""

    time_constant_s: float = 0.35
    """Age at which a window counts a factor e less, in seconds; 0 for the newest window alone."""
    lead: float = 2.0
    """How many times as likely as the scene another one must be to take its place."""
    dwell_s: float = 0.5
    """A scene stays for at least so long, in seconds."""
    unsure_below: float = 0.0
    """Averaged probability below which no scene is said."""


class SceneFollower:
    """Averages windows and decides which scene they show.

    Parameters
    ----------
    settings
        How steadily.
    """

    def __init__(self, settings: FollowerSettings) -> None:
        self._settings = settings
        self.forget()

    def forget(self) -> None:
        """Start anew, as after a gap: what was heard before it says nothing of now."""
        self._logs: dict[str, float] = {}
        self._weight = 0.0
        self._time_s = 0.0
        self._label: str | None = None
        self._since_s = -math.inf
        self._is_first = True

    def take(self, time_s: float, probabilities: Mapping[str, float]) -> Scene:
        """Take the probabilities of all labels in the next window, and return the scene.

        Parameters
        ----------
        time_s
            End of the window; later than that of the one before.
        probabilities
            Of each label; their sum is 1.

        Notes
        -----
        Formula: s[t] = sum of w[i] log p[i] / sum of w[i] over windows i, w[i] = exp(-(t - t[i]) / time constant);
        the averaged probabilities are exp(s), divided by their sum.
        """
        settings = self._settings
        kept = math.exp(-(time_s - self._time_s) / settings.time_constant_s) if settings.time_constant_s else 0.0
        self._weight = kept * self._weight + 1.0
        for name, p in probabilities.items():
            self._logs[name] = kept * self._logs.get(name, 0.0) + math.log(max(p, _SMALLEST))
        self._time_s = time_s
        averaged = {name: math.exp(log / self._weight) for name, log in self._logs.items()}
        total = sum(averaged.values())
        likeliest = max(averaged, key=averaged.__getitem__)
        probability = averaged[likeliest] / total
        label: str | None = likeliest if probability >= settings.unsure_below else None
        before = self._label
        if label != before and not self._is_first:
            is_held = time_s - self._since_s < settings.dwell_s
            leads = before is None or averaged[likeliest] >= settings.lead * averaged[before]
            if is_held or not (leads or label is None):
                label = before
        is_new = self._is_first or label != before
        if is_new:
            self._label, self._since_s, self._is_first = label, time_s, False
        return Scene(label=label, probability=probability, since_s=self._since_s, is_new=is_new)


def follow(events: Iterable[Event], follower: SceneFollower) -> Iterator[Event]:
    """Give the events of a listener on, windows with the scene they lead to; their rankings must hold all labels."""
    for event in events:
        if isinstance(event, Heard):
            yield replace(event, scene=follower.take(event.time_s, dict(event.ranking)))
            continue
        if isinstance(event, Unheard):
            follower.forget()
        yield event
