"""A few clips that stand for many: the same share of every scene and every recording device."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from dataclasses import replace

from asc_kit.dataset import Clip, Dataset


def stratified(dataset: Dataset, n: int) -> Dataset:
    """Choose `n` clips, stratified over scenes and recording devices; the same ones every time.

    Clip after clip is taken from the group (scene and recording device) whose scene and device are furthest behind
    their share of the data set. Within a group the order is that of a hash of the names, which knows nothing of
    places or times. The chosen clips keep the data set's order.
    """
    if n >= len(dataset.clips):
        return dataset
    groups: dict[tuple[str, str], list[Clip]] = defaultdict(list)
    for clip in sorted(dataset.clips, key=_shuffled):
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

    for step in range(1, n + 1):
        group = max((g for g, clips in groups.items() if clips), key=lambda g: (behind(g, step), _hash("".join(g))))
        chosen.add(groups[group].pop(0).filename)
        for counted in (("scene", group[0]), ("device", group[1]), group):
            taken[counted] += 1
    return replace(dataset, clips=tuple(clip for clip in dataset.clips if clip.filename in chosen))


def _shuffled(clip: Clip) -> str:
    return _hash(clip.filename)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
