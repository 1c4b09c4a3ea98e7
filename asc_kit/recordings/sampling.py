"""A few clips that represent many: always the same clips, chosen by scene and by recording device."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from dataclasses import replace

from asc_kit.dataset import Clip, Dataset


def proportional(dataset: Dataset, n_clips: int) -> Dataset:
    """Return `n_clips` clips in which scenes and recording devices keep their shares of the data set.

    For measuring: accuracy on them estimates accuracy on all.

    Clip after clip is taken from the group (scene and recording device) whose scene and device are furthest behind
    their share of the data set. Within a group, clips follow a hash of their names, which is independent of places and
    times. The chosen clips keep the data set's order.
    """
    if n_clips >= len(dataset.clips):
        return dataset
    groups: dict[tuple[str, str], list[Clip]] = defaultdict(list)
    for clip in sorted(dataset.clips, key=lambda clip: _hash(clip.filename)):
        groups[clip.scene_label, clip.recording_device].append(clip)
    total = len(dataset.clips)
    sizes = Counter({group: len(clips) for group, clips in groups.items()})
    scenes = Counter(clip.scene_label for clip in dataset.clips)
    devices = Counter(clip.recording_device for clip in dataset.clips)
    taken: Counter[tuple[str, ...]] = Counter()
    chosen: set[str] = set()

    def behind(group: tuple[str, str], step: int) -> float:
        # expected minus taken, for the scene, the device, and the two together
        scene, device = group
        return (
            (scenes[scene] * step / total - taken["scene", scene])
            + (devices[device] * step / total - taken["device", device])
            + (sizes[group] * step / total - taken[group])
        )

    for step in range(1, n_clips + 1):
        group = max((g for g, clips in groups.items() if clips), key=lambda g: (behind(g, step), _hash("".join(g))))
        chosen.add(groups[group].pop(0).filename)
        for counted in (("scene", group[0]), ("device", group[1]), group):
            taken[counted] += 1
    return replace(dataset, clips=tuple(clip for clip in dataset.clips if clip.filename in chosen))


def balance(dataset: Dataset, n_clips: int) -> Dataset:
    """Return `n_clips` clips (or all, if there are fewer), spread evenly over classes and recording devices.

    For coverage: rare classes and devices occur as often as common ones. The choice depends on the clips' names alone,
    not on the order of a table: within a class and a recording device, clips follow the SHA-256 of their names. Classes
    take turns; each starts with another device, so that even a handful covers the devices. A clip with several labels
    is taken once.
    """
    queues = [_queue(dataset, label, position) for position, label in enumerate(dataset.labels)]
    chosen: dict[str, Clip] = {}
    turn = 0
    while len(chosen) < n_clips and any(turn < len(queue) for queue in queues):
        for queue in queues:
            if turn < len(queue) and len(chosen) < n_clips:
                chosen.setdefault(queue[turn].filename, queue[turn])
        turn += 1
    return replace(dataset, clips=tuple(chosen.values()))


def _queue(dataset: Dataset, label: str, rotation: int) -> list[Clip]:
    """Order the clips of a class so that its recording devices alternate."""
    clips = [clip for clip in dataset.clips if label in clip.labels]
    devices = sorted({clip.recording_device for clip in clips})
    if not devices:
        return []
    first = rotation % len(devices)
    places = {device: place for place, device in enumerate(devices[first:] + devices[:first])}
    taken = dict.fromkeys(devices, 0)
    ranked = []
    for clip in sorted(clips, key=lambda clip: _hash(clip.filename)):
        ranked.append((taken[clip.recording_device], places[clip.recording_device], clip))
        taken[clip.recording_device] += 1
    return [clip for _, _, clip in sorted(ranked, key=lambda entry: entry[:2])]


def _hash(text: str) -> str:
    """Return a sort key of a name that is independent of places and times."""
    return hashlib.sha256(text.encode()).hexdigest()
