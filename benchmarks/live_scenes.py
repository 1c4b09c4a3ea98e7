"""How steadily `live` follows scenes: label changes, delay and right windows, raw and followed.

Test clips of a data set in TAU layout are put one after the other: each place for some seconds, then another scene. A
bundle classifies windows of the stream as `live` does, and `SceneFollower` decides. Settings are chosen on one data
set (--tune) and reported on another (--report).

    python benchmarks/live_scenes.py BUNDLE --tune DATA --report OTHER_DATA
"""

from __future__ import annotations

import itertools
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from asc_kit.bundle import Bundle
from asc_kit.dataset import Clip, read_dataset
from asc_kit.device_runner.classifier import SceneClassifier
from asc_kit.device_runner.listening.following import FollowerSettings, SceneFollower
from asc_kit.frontend import ListenSpec, stream_windows
from asc_kit.recordings.audio import from_int16, load_clip, to_int16

_SETTLED_S = 8.0  # a change that is not followed within this time counts with it


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A walk through scenes, window by window."""

    times_s: NDArray[np.float64]
    """End of each window, [n]."""
    truth: tuple[str, ...]
    """Scene at the middle of each window."""
    changes_s: tuple[float, ...]
    """Where the scene changes."""
    probabilities: NDArray[np.float64]
    """[n, n_labels]."""
    labels: tuple[str, ...]
    """Names of the columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a listener would notice."""

    true_changes: int
    changes: int
    right: float
    unsure: float
    median_delay_s: float


def walk(classifier: SceneClassifier, data: Path, hop_s: float, stay_s: float, count: int, seed: int) -> Stream:
    """Put clips of `count` places in a row, each place `stay_s` long, and classify every window."""
    dataset = read_dataset(data).split("test")
    places: dict[tuple[str, str, str], list[Clip]] = {}
    for clip in dataset.clips:
        places.setdefault((clip.scene_label, clip.identifier, clip.recording_device), []).append(clip)
    rng = np.random.default_rng(seed)
    order: list[tuple[str, str, str]] = []
    while len(order) < count:
        keys = sorted(places)
        for key in (keys[index] for index in rng.permutation(len(keys))):
            if not order or order[-1][0] != key[0]:
                order.append(key)
    order = order[:count]
    frontend = classifier.frontend
    pieces, scenes = [], []
    for key in order:
        clips = [load_clip(data / clip.filename, frontend) for clip in places[key]]
        samples = np.concatenate(list(itertools.islice(itertools.cycle(clips), round(stay_s / frontend.clip_seconds))))
        pieces.append(samples)
        scenes += [key[0]] * len(samples)
    audio = np.concatenate(pieces)
    rate = frontend.sample_rate_hz
    spec = ListenSpec.nearest(frontend, hop_s * rate)
    windows = stream_windows(from_int16(to_int16(audio)), spec)
    probabilities = np.stack([classifier.features_probabilities(window) for window in windows])
    ends = spec.window_samples + spec.hop_samples * np.arange(len(probabilities))
    lengths = np.cumsum([len(piece) for piece in pieces])[:-1]
    return Stream(
        times_s=ends / rate,
        truth=tuple(scenes[end - spec.window_samples // 2] for end in ends),
        changes_s=tuple(lengths / rate),
        probabilities=probabilities,
        labels=classifier.labels,
    )


def figures(stream: Stream, said: list[str | None]) -> Figures:
    """Compare what was said after each window with the truth."""
    changes = sum(a != b for a, b in itertools.pairwise(said))
    right = np.mean([a == b for a, b in zip(said, stream.truth, strict=True)])
    delays = []
    for start, end in itertools.pairwise((*stream.changes_s, stream.times_s[-1])):
        inside = [i for i, time_s in enumerate(stream.times_s) if start < time_s <= end]
        scene = stream.truth[inside[-1]]
        first = next((stream.times_s[i] - start for i in inside if said[i] == scene), _SETTLED_S)
        delays.append(min(first, _SETTLED_S))
    return Figures(
        true_changes=len(stream.changes_s),
        changes=changes,
        right=float(right),
        unsure=float(np.mean([label is None for label in said])),
        median_delay_s=float(np.median(delays)),
    )


def raw(stream: Stream) -> list[str | None]:
    """Return the likeliest label of each window by itself."""
    return [stream.labels[row] for row in stream.probabilities.argmax(axis=1)]


def followed(stream: Stream, settings: FollowerSettings) -> list[str | None]:
    """Return what `SceneFollower` says after each window."""
    follower = SceneFollower(settings)
    rows = zip(stream.times_s, stream.probabilities, strict=True)
    return [follower.take(time_s, dict(zip(stream.labels, row, strict=True))).label for time_s, row in rows]


def mean(all_figures: list[Figures]) -> dict[str, float]:
    """Changes of all walks together, means of the rest, the worst of the delays."""
    return {
        "true_changes": sum(each.true_changes for each in all_figures),
        "changes": sum(each.changes for each in all_figures),
        "right": round(float(np.mean([each.right for each in all_figures])), 4),
        "unsure": round(float(np.mean([each.unsure for each in all_figures])), 4),
        "median_delay_s": max(each.median_delay_s for each in all_figures),
    }


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--tune", type=click.Path(path_type=Path), help="Data set to try settings on.")
@click.option("--report", type=click.Path(path_type=Path), required=True, help="Data set for the figures.")
@click.option("--hop", default=0.25, show_default=True, help="Seconds from window to window.")
@click.option("--stay", default=6.0, show_default=True, help="Seconds in each place.")
@click.option("--places", default=65, show_default=True)
@click.option("--walks", default=3, show_default=True, help="Walks with other places in another order.")
def main(bundle: Path, tune: Path | None, report: Path, hop: float, stay: float, places: int, walks: int) -> None:
    """Measure how steadily scenes are followed."""
    classifier = SceneClassifier(Bundle.open(bundle))

    def streams(data: Path) -> list[Stream]:
        return [walk(classifier, data, hop, stay, places, seed) for seed in range(walks)]

    if tune is not None:
        tuned = streams(tune)
        print("tune, raw", json.dumps(mean([figures(stream, raw(stream)) for stream in tuned])))
        rows = []
        for time_constant_s, lead, dwell_s in itertools.product(
            (0.25, 0.35, 0.5, 0.75), (1.5, 2.0, 2.5, 3.0), (0.25, 0.5, 1.0)
        ):
            tried = FollowerSettings(time_constant_s=time_constant_s, lead=lead, dwell_s=dwell_s)
            rows.append((tried, mean([figures(stream, followed(stream, tried)) for stream in tuned])))
        rows.sort(key=lambda row: (row[1]["changes"] > 1.5 * row[1]["true_changes"], -row[1]["right"]))
        for tried, means in rows[:8]:
            print(json.dumps(asdict(tried)), json.dumps(means))
    reported = streams(report)
    print("report, raw     ", json.dumps(mean([figures(stream, raw(stream)) for stream in reported])))
    for settings in (FollowerSettings(), FollowerSettings(unsure_below=0.2)):
        means = mean([figures(stream, followed(stream, settings)) for stream in reported])
        print(f"report, unsure below {settings.unsure_below}", json.dumps(means))


if __name__ == "__main__":
    main()
