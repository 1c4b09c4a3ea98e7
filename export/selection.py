"""Choose clips that stand for a data set: all classes, all recording devices, always the same ones."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from asc_kit.dataset import Clip, Dataset


def stratified(dataset: Dataset, n_clips: int) -> Dataset:
    """Return `n_clips` clips (or all, where there are fewer), spread evenly over classes and recording devices.

    The choice depends on the clips' names alone, not on the order of a table: within a class and a recording
    device, clips follow the SHA-256 of their names. Classes take turns; each starts with another device, so that
    even a handful covers the devices.
    """
    queues = [_queue(dataset, label, position) for position, label in enumerate(dataset.labels)]
    chosen: list[Clip] = []
    turn = 0
    while len(chosen) < min(n_clips, len(dataset.clips)):
        for queue in queues:
            if turn < len(queue) and len(chosen) < n_clips:
                chosen.append(queue[turn])
        turn += 1
    return replace(dataset, clips=tuple(chosen))


def _queue(dataset: Dataset, label: str, rotation: int) -> list[Clip]:
    """Order the clips of one class so that its recording devices alternate."""
    clips = [clip for clip in dataset.clips if clip.scene_label == label]
    devices = sorted({clip.recording_device for clip in clips})
    if not devices:
        return []
    first = rotation % len(devices)
    places = {device: place for place, device in enumerate(devices[first:] + devices[:first])}
    taken = dict.fromkeys(devices, 0)
    ranked = []
    for clip in sorted(clips, key=lambda clip: hashlib.sha256(clip.filename.encode()).digest()):
        ranked.append((taken[clip.recording_device], places[clip.recording_device], clip))
        taken[clip.recording_device] += 1
    return [clip for _, _, clip in sorted(ranked, key=lambda entry: entry[:2])]
