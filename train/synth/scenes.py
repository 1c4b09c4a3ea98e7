"""The ten scenes: the sources of each place and their levels.

Sources overlap on purpose: engines stand in buses and in traffic, crowds in airports, malls and squares, rails under
trams and metros. As in real recordings, only the mixture distinguishes the scenes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy import fft

from . import sources
from .layout import CITIES, SCENES, Moment, SynthSpec
from .sources import Audio, gain

# Time that sounds before the clip begins, so that echoes and engines are under way.
_PRE_ROLL_S = 0.3
# Difference between two places of a scene, and between two stretches of time in a place: 1 sounds like real recordings.
# Chosen so that a model for microcontrollers, trained for a minute, is right on 70 to 85 % of the clips.
_VARIETY = 0.32
_PLACE_DB = 3.5 * _VARIETY


@dataclass(slots=True, kw_only=True)
class Mixture:
    """The sound of a moment while it is made: random generators, the widest scope first, and the samples."""

    n: int
    """Length in samples, pre-roll included."""
    rate_hz: int
    """Sampling rate."""
    city: np.random.Generator
    """Draws that a whole city shares: chimes, warning tones."""
    place: np.random.Generator
    """Draws that a location shares."""
    segment: np.random.Generator
    """Draws that ten seconds share: the vehicle, its speed, the people."""
    moment: np.random.Generator
    """Draws of this second only."""
    mix: Audio = field(init=False)
    """The samples, in the open air."""

    def __post_init__(self) -> None:
        self.mix = np.zeros(self.n)

    @property
    def seconds(self) -> float:
        """Length in seconds, pre-roll included."""
        return self.n / self.rate_hz

    def add(self, audio: Audio, db: float) -> None:
        """Mix a source in at a level."""
        self.mix += gain(db) * audio

    def happens(self, probability: float) -> bool:
        """Draw whether something happens in this moment."""
        return bool(self.moment.uniform() < probability)

    def noise(
        self,
        db: float,
        *,
        tilt_db: float,
        low_hz: float = 25.0,
        high_hz: float = 20000.0,
        bumps: tuple[tuple[float, float, float], ...] = (),
        wander_db: float = 1.0,
    ) -> None:
        """Mix a bed of noise in: its slope, edges and level differ from place to place."""
        place = self.place
        bed = sources.noise(
            self.moment,
            self.n,
            self.rate_hz,
            tilt_db=tilt_db + 0.9 * _VARIETY * place.standard_normal(),
            low_hz=low_hz * np.exp(0.25 * _VARIETY * place.standard_normal()),
            high_hz=high_hz * np.exp(0.25 * _VARIETY * place.standard_normal()),
            bumps=(*bumps, (place.uniform(150, 4000), place.uniform(0.3, 0.8), _PLACE_DB * place.standard_normal())),
        )
        bed = sources.flutter(self.moment, bed, self.rate_hz, per_second=4, depth_db=wander_db)
        self.add(bed, db + _PLACE_DB * place.standard_normal())

    def crowd(self, db: float, *, least: int = 0, most: int, distance: float, young: float = 0.1) -> None:
        """Mix people talking in, `least` to `most` near voices."""
        voices = int(self.segment.integers(least, most + 1))
        level = db + 3 * _VARIETY * (self.place.standard_normal() + self.segment.standard_normal())
        blur = float(np.clip(distance + 0.15 * self.segment.standard_normal(), 0.05, 1.0)) if voices else 1.0
        audio = sources.babble(self.moment, self.n, self.rate_hz, voices=voices, distance=blur, young=young)
        self.add(audio, level)

    def steps(self, db: float, *, least: int = 0, walkers: int, hard: float) -> None:
        """Mix footsteps in: one rhythm per walker; `hard` from 0 (gravel) to 1 (stone)."""
        for _ in range(int(self.segment.integers(least, walkers + 1))):
            times = sources.rhythm(self.moment, self.seconds, per_second=self.segment.uniform(1.5, 2.3), jitter=0.06)
            audio = sources.hits(
                self.moment,
                self.n,
                self.rate_hz,
                times_s=times,
                f_hz=(140 + 900 * hard) * float(np.exp(0.4 * self.segment.standard_normal())),
                spread=0.1,
                decay_s=0.012 + 0.02 * (1 - hard),
                noisiness=float(np.clip(0.9 - 0.5 * hard + 0.1 * self.segment.standard_normal(), 0, 1)),
            )
            self.add(audio, db + 4 * _VARIETY * self.segment.standard_normal())

    def motor(self, db: float, *, f_low_hz: float, f_high_hz: float, rolloff_db: float, drift: float = 0.0) -> None:
        """Mix a combustion engine in."""
        audio = sources.engine(
            self.moment,
            self.n,
            self.rate_hz,
            f_hz=self.segment.uniform(f_low_hz, f_high_hz),
            drift=drift * self.segment.standard_normal(),
            rolloff_db=rolloff_db + 1.2 * _VARIETY * self.place.standard_normal(),
            roughness=self.segment.uniform(0.05, 0.35),
        )
        self.add(audio, db + 3 * _VARIETY * self.segment.standard_normal())

    def car(self, db: float, *, heavy: float) -> None:
        """Mix a vehicle in that passes: tyres and engine; `heavy` is the probability of a lorry."""
        lorry = self.moment.uniform() < heavy
        n, rate = self.n, self.rate_hz
        tyres = sources.noise(
            self.moment, n, rate, tilt_db=-3.5, low_hz=120, high_hz=5000,
            bumps=((self.moment.uniform(600, 1300), 0.7, 6),),
        )  # fmt: skip
        motor = sources.engine(
            self.moment, n, rate, f_hz=self.moment.uniform(18, 40) if lorry else self.moment.uniform(35, 90),
            drift=0.15 * self.moment.standard_normal(), rolloff_db=5 if lorry else 7, roughness=0.2,
        )  # fmt: skip
        near = sources.passage(
            n, rate, closest_s=self.moment.uniform(-0.5, self.seconds + 0.5), width_s=self.moment.uniform(0.4, 1.5)
        )
        self.add(near * (tyres + (1.0 if lorry else 0.5) * motor), db + (4 if lorry else 0))

    def rails(self, db: float, *, speed: float, heavy: float) -> None:
        """Mix wheels on rails in: rumble, joints and now and then a squeal; `speed` and `heavy` from 0 to 1."""
        n, rate, seg = self.n, self.rate_hz, self.segment
        rumble = sources.noise(
            self.moment, n, rate, tilt_db=-7 + 2 * speed, low_hz=30,
            high_hz=(900 + 2500 * speed) * float(np.exp(0.3 * self.place.standard_normal())),
            bumps=((self.place.uniform(60, 140) * (2 - heavy), 0.5, 7), (self.place.uniform(350, 900), 0.4, 5 * speed)),
        )  # fmt: skip
        rumble = sources.flutter(self.moment, rumble, rate, per_second=6 + 14 * speed, depth_db=2.0)
        self.add(rumble, db + 10 * (speed - 1))
        if speed > 0.15:
            axle = sources.rhythm(self.moment, self.seconds, per_second=0.6 + 1.6 * speed, jitter=0.1)
            times = np.sort(np.concatenate([axle, axle + 0.11 / (0.4 + speed)]))
            clack = sources.hits(
                self.moment, n, rate, times_s=times, f_hz=180 + 350 * (1 - heavy), spread=0.1,
                decay_s=0.03, noisiness=0.6,
            )  # fmt: skip
            self.add(clack, db + 4 + 3 * _VARIETY * seg.standard_normal())

    def squeal(self, db: float, *, low_hz: float, high_hz: float) -> None:
        """Mix a brake or a flange in that squeals."""
        pitch = self.moment.uniform(low_hz, high_hz)
        curve = pitch * (1 + 0.015 * sources.slow(self.moment, self.n, self.rate_hz, per_second=8))
        audio = sources.tone(curve, self.n, self.rate_hz, np.array([1.0, 0.35, 0.2]), self.moment.uniform())
        audio *= sources.swell(self.moment, self.n, self.rate_hz, attack_s=0.25, decay_s=0.5)
        self.add(audio, db + 4 * _VARIETY * self.moment.standard_normal())

    def chime(self, db: float, *, f_low_hz: float, f_high_hz: float, notes: int, decay_s: float) -> None:
        """Mix the city's chime in, at a random moment."""
        pitch = self.city.uniform(f_low_hz, f_high_hz)
        intervals = self.city.choice((1.0, 0.75, 0.8, 1.25, 1.5, 0.667), size=notes)
        audio = sources.notes(
            self.n, self.rate_hz, f_hz=tuple(float(pitch * x) for x in intervals),
            start_s=self.moment.uniform(-0.6, self.seconds * 0.8), step_s=self.city.uniform(0.12, 0.4),
            decay_s=decay_s, bright=self.city.uniform(0.05, 0.6),
        )  # fmt: skip
        self.add(audio, db + 3 * _VARIETY * self.moment.standard_normal())

    def announcement(self, db: float) -> None:
        """Mix a loudspeaker's voice in."""
        audio = sources.voice(
            self.moment, self.n, self.rate_hz, f_hz=self.segment.uniform(120, 230), formant=self.segment.uniform(1, 1.2)
        )
        self.add(_band(audio, self.rate_hz, 350, 4200), db + 3 * _VARIETY * self.segment.standard_normal())

    def hiss(self, db: float) -> None:
        """Mix compressed air in: doors, brakes."""
        audio = sources.noise(self.moment, self.n, self.rate_hz, tilt_db=1.5, low_hz=900, high_hz=9000)
        audio *= sources.swell(self.moment, self.n, self.rate_hz, attack_s=0.03, decay_s=self.moment.uniform(0.1, 0.4))
        self.add(audio, db + 3 * _VARIETY * self.moment.standard_normal())

    def inverter(self, db: float, *, f_low_hz: float, f_high_hz: float) -> None:
        """Mix the tones of an electric drive in."""
        audio = sources.whine(
            self.moment, self.n, self.rate_hz, f_hz=self.segment.uniform(f_low_hz, f_high_hz),
            slope_hz_per_s=250 * self.segment.standard_normal(), partials=int(self.place.integers(2, 7)),
        )  # fmt: skip
        self.add(audio, db + 4 * _VARIETY * self.segment.standard_normal())

    def song(self, db: float, *, most: float) -> None:
        """Mix birds in; `most` songs a second at the liveliest."""
        for _ in range(int(self.segment.integers(1, 4))):
            audio = sources.birds(
                self.moment, self.n, self.rate_hz, f_hz=self.segment.uniform(2200, 6500),
                per_second=self.segment.uniform(0.4, most),
            )  # fmt: skip
            self.add(audio, db + 5 * _VARIETY * self.segment.standard_normal())

    def music(self, db: float) -> None:
        """Mix shop music in: chords, and a beat."""
        root = 110 * 2 ** (self.segment.integers(0, 12) / 12)
        for interval in (1.0, 1.26, 1.5, 2.0):
            order = np.array([1, 0.5, 0.35, 0.2, 0.1]) * np.exp(0.3 * self.segment.standard_normal(5))
            audio = sources.tone(root * interval * 2, self.n, self.rate_hz, order, self.segment.uniform())
            self.add(sources.flutter(self.moment, audio, self.rate_hz, per_second=4, depth_db=3), db - 6)
        beat = sources.rhythm(self.moment, self.seconds, per_second=self.segment.uniform(1.6, 4.2), jitter=0.0)
        drum = sources.hits(
            self.moment, self.n, self.rate_hz, times_s=beat, f_hz=90, spread=0.02, decay_s=0.05, noisiness=0.3
        )
        self.add(drum, db + 4)


def _airport(s: Mixture) -> None:
    s.noise(-9, tilt_db=-3.5, low_hz=60, high_hz=7000, bumps=((350, 0.6, 3), (2500, 0.5, 3)))
    s.crowd(-9, most=4, distance=0.6)
    s.steps(-14, walkers=3, hard=0.75)
    if s.segment.uniform() < 0.75:  # a trolley or a suitcase rolls by
        roll = sources.noise(s.moment, s.n, s.rate_hz, tilt_db=-1, low_hz=250, high_hz=5000)
        roll = sources.flutter(s.moment, roll, s.rate_hz, per_second=s.segment.uniform(18, 45), depth_db=4)
        near = sources.passage(s.n, s.rate_hz, closest_s=s.moment.uniform(0, s.seconds), width_s=0.8)
        s.add(roll * near, -7)
    if s.happens(0.4):
        s.announcement(-9)
    if s.happens(0.15):
        s.chime(-9, f_low_hz=450, f_high_hz=900, notes=3, decay_s=0.5)


def _shopping_mall(s: Mixture) -> None:
    s.noise(-9, tilt_db=-2.5, low_hz=90, high_hz=8000, bumps=((1800, 0.6, 3),))
    s.crowd(-6, least=2, most=6, distance=0.6, young=0.2)
    s.steps(-14, walkers=3, hard=0.65)
    if s.place.uniform() < 0.85:
        s.music(-12)
    if s.happens(0.4):  # dishes, hangers, a till
        times = s.moment.uniform(0, s.seconds, int(s.moment.integers(1, 6)))
        dishes = sources.hits(
            s.moment, s.n, s.rate_hz, times_s=times, f_hz=3200, spread=0.35, decay_s=0.03, noisiness=0.2
        )
        s.add(dishes, -9)
    if s.happens(0.12):
        s.announcement(-12)


def _metro_station(s: Mixture) -> None:
    s.noise(-7, tilt_db=-5, low_hz=35, high_hz=4500, bumps=((160, 0.6, 6), (500, 0.3, 4)))
    s.crowd(-11, most=4, distance=0.65)
    s.steps(-11, least=1, walkers=4, hard=0.9)
    if s.segment.uniform() < 0.6:  # a train comes in or leaves
        speed = s.segment.uniform(0.15, 0.8)
        s.rails(-4 + 5 * speed, speed=speed, heavy=0.9)
        if s.happens(0.35):
            s.squeal(-8, low_hz=1500, high_hz=4500)
        if s.happens(0.4):
            s.inverter(-15, f_low_hz=250, f_high_hz=900)
    if s.happens(0.2):
        s.announcement(-8)
    if s.happens(0.2):
        s.chime(-9, f_low_hz=500, f_high_hz=1100, notes=4, decay_s=0.25)
    if s.place.uniform() < 0.7:  # an escalator
        s.motor(-10, f_low_hz=45, f_high_hz=60, rolloff_db=6)


def _metro(s: Mixture) -> None:
    speed = float(s.segment.beta(2.5, 1.3))
    s.noise(-7 + 6 * speed, tilt_db=-4.5, low_hz=35, high_hz=5500, bumps=((220, 0.5, 4), (1200, 0.5, 6)), wander_db=2)
    s.rails(-3, speed=speed, heavy=0.9)
    s.inverter(-14, f_low_hz=150, f_high_hz=700)
    s.crowd(-14, most=3, distance=0.3)
    if s.happens(0.12):
        s.squeal(-9, low_hz=1200, high_hz=4000)
    if s.happens(0.15):
        s.announcement(-8)
    if speed < 0.35 and s.happens(0.35):
        s.chime(-8, f_low_hz=700, f_high_hz=1600, notes=5, decay_s=0.2)


def _tram(s: Mixture) -> None:
    speed = float(s.segment.beta(1.6, 1.8))
    s.noise(-9 + 5 * speed, tilt_db=-3.5, low_hz=70, high_hz=6500, bumps=((600, 0.6, 4),), wander_db=2)
    s.rails(-5, speed=speed, heavy=0.1)
    s.inverter(-12, f_low_hz=900, f_high_hz=2400)
    s.crowd(-13, most=3, distance=0.3)
    if s.happens(0.15):
        s.squeal(-9, low_hz=900, high_hz=3200)
    if s.happens(0.12):
        s.chime(-8, f_low_hz=900, f_high_hz=2200, notes=2, decay_s=0.4)
    if s.happens(0.12):
        s.announcement(-9)
    if s.happens(0.2):
        s.car(-14, heavy=0.1)


def _bus(s: Mixture) -> None:
    idle = s.segment.uniform() < 0.3
    s.motor(-3, f_low_hz=22 if idle else 30, f_high_hz=34 if idle else 75, rolloff_db=6, drift=0.0 if idle else 0.2)
    s.noise(
        -9 if idle else -5, tilt_db=-6.5, low_hz=35, high_hz=3500, bumps=((130, 0.5, 5), (450, 0.4, 5)), wander_db=2
    )
    s.crowd(-13, most=3, distance=0.3)
    if not idle and s.segment.uniform() < 0.7:  # rattles
        rattle = sources.rhythm(s.moment, s.seconds, per_second=s.segment.uniform(6, 20), jitter=0.25)
        s.add(
            sources.hits(
                s.moment, s.n, s.rate_hz, times_s=rattle, f_hz=1300, spread=0.3, decay_s=0.008, noisiness=0.7,
                variation_db=5,
            ),
            -12,
        )  # fmt: skip
    if s.happens(0.2):
        s.hiss(-7)
    if s.happens(0.12):
        s.chime(-9, f_low_hz=800, f_high_hz=2000, notes=2, decay_s=0.3)
    if s.happens(0.12):
        s.announcement(-9)
    if s.happens(0.2):
        s.car(-14, heavy=0.2)


def _street_traffic(s: Mixture) -> None:
    s.noise(-8, tilt_db=-4, low_hz=30, high_hz=6000, bumps=((900, 0.7, 3),), wander_db=1.5)
    for _ in range(int(s.segment.integers(1, 4))):
        s.car(-2, heavy=0.25)
    if s.segment.uniform() < 0.3:  # someone waits at the lights
        s.motor(-9, f_low_hz=22, f_high_hz=45, rolloff_db=6)
    if s.happens(0.06):
        horn = sources.tone(s.moment.uniform(380, 520), s.n, s.rate_hz, np.arange(1, 12.0) ** -0.5)
        s.add(horn * sources.swell(s.moment, s.n, s.rate_hz, attack_s=0.02, decay_s=0.3), -6)
    s.crowd(-22, most=1, distance=0.5)
    s.steps(-18, walkers=2, hard=0.6)
    if s.happens(0.15):
        s.hiss(-10)
    if s.happens(0.1):
        s.squeal(-12, low_hz=1500, high_hz=4000)


def _street_pedestrian(s: Mixture) -> None:
    s.noise(-11, tilt_db=-4, low_hz=40, high_hz=6000, bumps=((500, 0.8, 2),), wander_db=1.5)
    s.crowd(-8, least=1, most=4, distance=0.25)
    s.steps(-7, least=2, walkers=5, hard=0.7)
    if s.happens(0.2):
        s.car(-14, heavy=0.1)
    if s.place.uniform() < 0.1:
        s.music(-18)
    if s.happens(0.08):  # a bicycle bell
        s.chime(-10, f_low_hz=2200, f_high_hz=3200, notes=2, decay_s=0.3)
    if s.segment.uniform() < 0.1:
        s.song(-16, most=1.5)


def _public_square(s: Mixture) -> None:
    s.noise(-10, tilt_db=-4, low_hz=35, high_hz=6500, bumps=((400, 0.8, 2),), wander_db=1.5)
    s.crowd(-10, least=1, most=4, distance=0.75, young=0.3)
    s.steps(-17, walkers=2, hard=0.6)
    if s.place.uniform() < 0.6:  # a fountain
        s.noise(-10, tilt_db=0.5, low_hz=700, high_hz=9000)
    if s.happens(0.3):
        s.car(-12, heavy=0.2)
    if s.segment.uniform() < 0.3:
        s.song(-14, most=1.5)
    if s.happens(0.07):  # a bell tower
        s.chime(-9, f_low_hz=200, f_high_hz=500, notes=2, decay_s=1.2)
    if s.place.uniform() < 0.1:
        s.music(-17)


def _park(s: Mixture) -> None:
    s.noise(-10, tilt_db=-4, low_hz=30, high_hz=5000, wander_db=1.5)
    wind = s.segment.uniform(-16, -6)
    leaves = sources.noise(s.moment, s.n, s.rate_hz, tilt_db=-0.5, low_hz=600, high_hz=8000)
    s.add(sources.flutter(s.moment, leaves, s.rate_hz, per_second=3, depth_db=4), wind)
    s.song(-9, most=3)
    s.crowd(-18, most=2, distance=0.5, young=0.4)
    s.steps(-15, walkers=2, hard=0.1)
    if s.segment.uniform() < 0.25:
        s.car(-14, heavy=0.1)
    if s.happens(0.06):  # a dog
        bark = sources.hits(
            s.moment, s.n, s.rate_hz, times_s=s.moment.uniform(0, s.seconds, 2), f_hz=550, spread=0.1, decay_s=0.05,
            noisiness=0.5,
        )  # fmt: skip
        s.add(bark, -4)


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneModel:
    """The construction and the room of a scene."""

    fill: Callable[[Mixture], None]
    """Mixes the sources."""
    reverb_s: tuple[float, float]
    """Range of the reverberation time over the places (to -60 dB)."""
    reverb_db: float
    """Level of the reverberation against the direct sound."""
    level_db: float
    """Mean level, in decibels below full scale."""


SCENE_MODELS: dict[str, SceneModel] = {
    "airport": SceneModel(fill=_airport, reverb_s=(1.2, 3.0), reverb_db=-3, level_db=-33),
    "bus": SceneModel(fill=_bus, reverb_s=(0.08, 0.25), reverb_db=-4, level_db=-27),
    "metro": SceneModel(fill=_metro, reverb_s=(0.1, 0.35), reverb_db=-4, level_db=-26),
    "metro_station": SceneModel(fill=_metro_station, reverb_s=(1.0, 2.5), reverb_db=-2, level_db=-30),
    "park": SceneModel(fill=_park, reverb_s=(0.1, 0.5), reverb_db=-18, level_db=-38),
    "public_square": SceneModel(fill=_public_square, reverb_s=(0.4, 1.5), reverb_db=-12, level_db=-33),
    "shopping_mall": SceneModel(fill=_shopping_mall, reverb_s=(0.7, 2.2), reverb_db=-5, level_db=-31),
    "street_pedestrian": SceneModel(fill=_street_pedestrian, reverb_s=(0.3, 1.2), reverb_db=-10, level_db=-32),
    "street_traffic": SceneModel(fill=_street_traffic, reverb_s=(0.3, 1.0), reverb_db=-14, level_db=-28),
    "tram": SceneModel(fill=_tram, reverb_s=(0.1, 0.3), reverb_db=-4, level_db=-28),
}  # fmt: skip


def sound_of(moment: Moment, spec: SynthSpec) -> Audio:
    """Synthesize the sound before any recording device: shape [n_samples], full scale ±1."""
    scene = SCENES.index(moment.scene)
    n = spec.n_samples + int(_PRE_ROLL_S * spec.sample_rate_hz)
    keys = (moment.location, moment.segment)
    mixture = Mixture(
        n=n,
        rate_hz=spec.sample_rate_hz,
        city=np.random.default_rng([spec.seed, 3, scene, CITIES.index(moment.city)]),
        place=np.random.default_rng([spec.seed, 4, scene, keys[0]]),
        segment=np.random.default_rng([spec.seed, 5, scene, *keys]),
        moment=np.random.default_rng([spec.seed, 6, scene, *keys, moment.index]),
    )
    model = SCENE_MODELS[moment.scene]
    room = mixture.place.uniform(*model.reverb_s), model.reverb_db + 2.5 * _VARIETY * mixture.place.standard_normal()
    level_db = model.level_db + _VARIETY * (4 * mixture.place.standard_normal() + 2 * mixture.segment.standard_normal())
    model.fill(mixture)
    sound = sources.unit_rms(_reverberate(mixture, *room))[-spec.n_samples :]
    return sound * gain(level_db)


def _reverberate(mixture: Mixture, time_s: float, db: float) -> Audio:
    """Add exponentially decaying reverberation, darker towards its end, to the mixture."""
    length = min(mixture.n, int(min(time_s, 0.8) * mixture.rate_hz))
    seconds = np.arange(length) / mixture.rate_hz
    tail = mixture.place.standard_normal(length) * np.exp(-6.91 * seconds / time_s)
    dark = np.cumsum(tail) * 0.15
    tail = sources.unit_rms(0.6 * tail + 0.4 * (dark - np.linspace(0, dark[-1], length))) / np.sqrt(length)
    size = fft.next_fast_len(mixture.n + length, real=True)
    wet = fft.irfft(fft.rfft(mixture.mix, size) * fft.rfft(tail, size), size)[: mixture.n]
    return np.asarray(mixture.mix + gain(db) * sources.unit_rms(wet) * float(np.sqrt(np.mean(mixture.mix**2))))


def _band(audio: Audio, rate_hz: int, low_hz: float, high_hz: float) -> Audio:
    size = fft.next_fast_len(len(audio), real=True)
    hz = fft.rfftfreq(size, 1.0 / rate_hz)
    hz[0] = hz[1]
    shape = 1.0 / np.sqrt((1.0 + (low_hz / hz) ** 4) * (1.0 + (hz / high_hz) ** 6))
    return sources.unit_rms(fft.irfft(fft.rfft(audio, size) * shape, size)[: len(audio)])
