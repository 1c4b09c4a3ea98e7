"""Which clips a synthetic data set has: scenes, cities, locations, segments, recording devices and splits.

Source of the layout: T. Heittola, A. Mesaros, T. Virtanen, *Acoustic scene classification in DCASE 2020
Challenge* (2020), and the TAU Urban Acoustic Scenes 2022 Mobile development set.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from asc_kit.errors import DataError

SCENES = (
    "airport",
    "bus",
    "metro",
    "metro_station",
    "park",
    "public_square",
    "shopping_mall",
    "street_pedestrian",
    "street_traffic",
    "tram",
)
CITIES = (
    "barcelona",
    "helsinki",
    "lisbon",
    "london",
    "lyon",
    "milan",
    "paris",
    "prague",
    "stockholm",
    "vienna",
)
# Device a is the reference recorder, b and c are phones, s1 to s6 simulated phones; s4 to s6 are never in training.
TRAIN_RECORDING_DEVICES = ("a", "b", "c", "s1", "s2", "s3")
TEST_RECORDING_DEVICES = ("a", "b", "c", "s1", "s2", "s3", "s4", "s5", "s6")
SPLIT_PERCENTAGES = (5, 10, 25, 50, 100)

MIN_CLIPS = 100
_TEST_SHARE = 0.3
_MOMENTS_PER_SEGMENT = 2
_FIRST_LOCATION = 1000
_FIRST_SEGMENT = 40000


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthSpec:
    """Specification of a synthetic data set.

    Raises
    ------
    DataError
        At construction, when a value is out of range.
    """

    clips: int = 2000
    """Number of clips, training and test together."""
    seed: int = 1
    """Seed of all random numbers; the recording devices are the same for every seed."""
    sample_rate_hz: int = 44100
    """Sampling rate of the recordings, in hertz."""
    seconds: float = 1.0
    """Length of a clip, in seconds."""

    def __post_init__(self) -> None:
        if self.clips < MIN_CLIPS:
            raise DataError(f"a data set has at least {MIN_CLIPS} clips. Received: {self.clips}")
        if self.seed < 0:
            raise DataError(f"the seed must not be negative. Received: {self.seed}")
        if not 8000 <= self.sample_rate_hz <= 192000:
            raise DataError(f"the sampling rate must be from 8000 to 192000 Hz. Received: {self.sample_rate_hz}")
        if not 0.1 <= self.seconds <= 60:
            raise DataError(f"a clip must last 0.1 to 60 s. Received: {self.seconds}")

    @property
    def n_samples(self) -> int:
        """Length of a clip, in samples."""
        return round(self.seconds * self.sample_rate_hz)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A moment at a place, heard by several recording devices at once."""

    scene: str
    """The class."""
    city: str
    """The city."""
    location: int
    """Number of the place; never on both sides of the split."""
    segment: int
    """Number of the stretch of time; never partly in a split."""
    index: int
    """Which part of the segment."""
    recording_devices: tuple[str, ...]
    """Devices that record it, a clip each."""
    test: bool
    """True in the test split."""

    @property
    def identifier(self) -> str:
        """City and location."""
        return f"{self.city}-{self.location}"

    def filename(self, recording_device: str) -> str:
        """Return the path of one clip below the data set's folder."""
        return f"audio/{self.scene}-{self.identifier}-{self.segment}-{self.index}-{recording_device}.wav"


def plan_clips(spec: SynthSpec) -> tuple[Moment, ...]:
    """Lay out the moments whose recordings are the clips, training first, scene by scene.

    Device a and one other device record a training moment; one device each of a to c, s1 to s3 and s4 to s6 records a
    test moment, so that half of training is device a and the test split is balanced.
    """
    moments: list[Moment] = []
    location, segment = _FIRST_LOCATION, _FIRST_SEGMENT
    for test in (False, True):
        turn = 0
        for number, scene in enumerate(SCENES):
            n_clips = _clips_of_scene(spec, number)
            n_test = round(n_clips * _TEST_SHARE)
            left = n_test if test else n_clips - n_test
            n_locations = max(2, round(_locations_per_scene(n_clips) * (_TEST_SHARE if test else 1 - _TEST_SHARE)))
            cities = np.random.default_rng([spec.seed, 1, number, test]).permutation(len(CITIES))
            step = 0
            while left:
                devices = _devices_of_test(turn) if test else ("a", TRAIN_RECORDING_DEVICES[1 + turn % 5])
                place = (step // _MOMENTS_PER_SEGMENT) % n_locations
                moments.append(
                    Moment(
                        scene=scene,
                        city=CITIES[cities[place % len(CITIES)]],
                        location=location + place,
                        segment=segment + step // _MOMENTS_PER_SEGMENT,
                        index=step % _MOMENTS_PER_SEGMENT,
                        # the last moment of a scene may need fewer recordings: the rarest devices stay
                        recording_devices=devices[-left:],
                        test=test,
                    )
                )
                left -= len(moments[-1].recording_devices)
                step, turn = step + 1, turn + 1
            location += n_locations
            segment = moments[-1].segment + 1
    return tuple(moments)


def training_splits(moments: tuple[Moment, ...], seed: int) -> dict[int, tuple[Moment, ...]]:
    """Return the nested training splits: percentage -> moments.

    Stratified by scene: a split takes the first segments of one shuffled order per scene, the locations in turn,
    so that the smaller split lies in the larger one and a segment is wholly in or out.
    """
    rank: dict[tuple[int, int], float] = {}
    for number, scene in enumerate(SCENES):
        segments = sorted({m.segment for m in moments if not m.test and m.scene == scene})
        order = np.random.default_rng([seed, 2, number]).permutation(len(segments))
        for position, chosen in enumerate(order):
            rank[number, segments[chosen]] = position / len(segments)
    splits = {}
    for percentage in SPLIT_PERCENTAGES:
        splits[percentage] = tuple(
            m for m in moments if not m.test and rank[SCENES.index(m.scene), m.segment] < percentage / 100
        )
    return splits


def _clips_of_scene(spec: SynthSpec, number: int) -> int:
    return spec.clips // len(SCENES) + (number < spec.clips % len(SCENES))


def _locations_per_scene(n_clips: int) -> int:
    return min(100, max(10, math.ceil(n_clips / 10)))


def _devices_of_test(turn: int) -> tuple[str, ...]:
    # three independent rotations, so that every combination of the three groups occurs
    return (
        TEST_RECORDING_DEVICES[turn % 3],
        TEST_RECORDING_DEVICES[3 + (turn // 3) % 3],
        TEST_RECORDING_DEVICES[6 + (turn + turn // 3) % 3],
    )
