"""Counts and levels for Prometheus."""

from __future__ import annotations

from dataclasses import asdict

from ..listening.events import Heard, InputChange, Tally, Unheard
from .report import Origin, Report

_COUNTS = {
    "windows": "Windows classified.",
    "unusable": "Windows without usable input.",
    "skipped": "Windows left out because this machine was too slow.",
    "gaps": "Places where audio is missing.",
    "lost_s": "Seconds of audio that never came or had no room in the queue.",
    "late_s": "Seconds by which audio came late.",
    "overflows": "Times the sound system said that audio was lost.",
}


class Metrics:
    """What a scrape returns."""

    def __init__(self, origin: Origin) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Info

        self._registry = CollectorRegistry()
        registry = self._registry
        Info("asc_kit_listener", "Who listens to what.", registry=registry).info(
            {"bundle": origin.name, "model_sha256": origin.model_sha256, "source": origin.source}
        )
        self._counts = {
            name: Counter(f"asc_kit_{name.replace('_s', '_seconds')}", text, registry=registry)
            for name, text in _COUNTS.items()
        }
        self._before = Tally()
        self._probability = Gauge(
            "asc_kit_scene_probability", "Averaged probability of the scene.", ["scene"], registry=registry
        )
        self._level = Gauge("asc_kit_level_dbfs", "Level (RMS) of the newest window.", registry=registry)
        self._latency = Gauge(
            "asc_kit_latency_seconds", "Features and network of the newest window.", registry=registry
        )
        self._usable = Gauge("asc_kit_input_usable", "1 while the input is usable.", registry=registry)
        self._changes = Counter("asc_kit_scene_changes", "Scenes that began.", registry=registry)
        self._usable.set(1)

    def take(self, report: Report) -> None:
        """Count one report."""
        event = report.event
        now = Tally(**asdict(report.tally))
        for name, counter in self._counts.items():
            counter.inc(max(0, getattr(now, name) - getattr(self._before, name)))
        self._before = now
        if isinstance(event, InputChange):
            self._usable.set(event.reason is None)
        if isinstance(event, Unheard):
            self._probability.clear()
        if not isinstance(event, Heard):
            return
        self._level.set(event.level_dbfs)
        self._latency.set(event.latency_ms / 1000)
        label, probability = event.ranking[0]
        if event.scene is not None:
            label, probability = event.scene.label or "unsure", event.scene.probability
            self._changes.inc(event.scene.is_new)
        self._probability.clear()
        self._probability.labels(label).set(probability)

    def text(self) -> bytes:
        """Return the text format that Prometheus reads."""
        from prometheus_client import generate_latest

        return generate_latest(self._registry)
