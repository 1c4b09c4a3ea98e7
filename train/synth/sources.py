"""Sound sources: each function returns mono audio, float64, shape [n], of unit RMS or unit peak."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.signal import lfilter

Audio = NDArray[np.float64]

_TABLE = 512

# First three formants of five vowels in hertz, adult voices (Peterson and Barney, 1952, rounded).
_VOWELS = (
    (730, 1090, 2440),
    (530, 1840, 2480),
    (270, 2290, 3010),
    (570, 840, 2410),
    (300, 870, 2240),
)


def unit_rms(audio: Audio) -> Audio:
    """Scale audio to unit RMS; silence stays silence."""
    rms = float(np.sqrt(np.mean(audio * audio)))
    return audio / rms if rms > 1e-12 else audio


def gain(db: float) -> float:
    """Return the amplitude factor of a level in decibels."""
    return float(10.0 ** (db / 20.0))


def noise(
    rng: np.random.Generator,
    n: int,
    rate_hz: int,
    *,
    tilt_db: float,
    low_hz: float = 20.0,
    high_hz: float = 20000.0,
    bumps: tuple[tuple[float, float, float], ...] = (),
) -> Audio:
    """Return stationary Gaussian noise of unit RMS.

    Parameters
    ----------
    tilt_db
        Slope in decibels per octave.
    low_hz, high_hz
        Edges, rolled off with 12 dB per octave.
    bumps
        Resonances: centre in hertz, width in octaves, gain in decibels.
    """
    size = fft.next_fast_len(n, real=True)
    hz = fft.rfftfreq(size, 1.0 / rate_hz)
    hz[0] = hz[1]
    octaves = np.log2(hz / 1000.0)
    level_db = tilt_db * octaves
    for centre, width, bump_db in bumps:
        level_db += bump_db * np.exp(-0.5 * ((octaves - np.log2(centre / 1000.0)) / width) ** 2)
    amplitude = 10.0 ** (level_db / 20.0) / np.sqrt((1.0 + (low_hz / hz) ** 4) * (1.0 + (hz / high_hz) ** 4))
    spectrum = amplitude * (rng.standard_normal(len(hz)) + 1j * rng.standard_normal(len(hz)))
    return unit_rms(fft.irfft(spectrum, size)[:n])


def slow(rng: np.random.Generator, n: int, rate_hz: int, *, per_second: float) -> Audio:
    """Return a smooth random curve, standard normal at its knots, about `per_second` knots a second."""
    knots = max(4, int(np.ceil(n / rate_hz * per_second)) + 3)
    at = np.linspace(rng.uniform(0, 1), knots - 2.0, n)
    low = at.astype(np.int64)
    x = at - low
    blend = x * x * (3 - 2 * x)
    values = rng.standard_normal(knots)
    return np.asarray(values[low] * (1 - blend) + values[low + 1] * blend)


def flutter(rng: np.random.Generator, audio: Audio, rate_hz: int, *, per_second: float, depth_db: float) -> Audio:
    """Let the level of audio wander; unit RMS."""
    curve = slow(rng, len(audio), rate_hz, per_second=per_second)
    return unit_rms(audio * np.exp(curve * (depth_db * np.log(10.0) / 20.0)))


def tone(f_hz: Audio | float, n: int, rate_hz: int, harmonics: Audio, phase: float = 0.0) -> Audio:
    """Return a periodic tone of unit RMS, of constant pitch or of the pitch `f_hz` [n], from its harmonics."""
    pitch = np.asarray(f_hz, np.float64)
    top = float(pitch.max())
    usable = harmonics[: max(1, int(0.45 * rate_hz / top))]
    spectrum = np.zeros(_TABLE // 2 + 1, np.complex128)
    count = min(len(usable), _TABLE // 2 - 1)
    spectrum[1 : count + 1] = usable[:count] * np.exp(2j * np.pi * _golden_phases(count))
    table = fft.irfft(spectrum, _TABLE)
    cycles = np.cumsum(np.broadcast_to(pitch, n)) / rate_hz + phase
    position = (cycles % 1.0) * _TABLE
    low = position.astype(np.int64)
    table = np.append(table, table[0])
    return unit_rms(table[low] + (position - low) * (table[low + 1] - table[low]))


@lru_cache(maxsize=64)
def _golden_phases(count: int) -> Audio:
    # well-spread fixed phases keep the crest factor of a tone low
    return np.asarray((np.arange(count) ** 2 * 0.6180339887498949) % 1.0)


def engine(
    rng: np.random.Generator, n: int, rate_hz: int, *, f_hz: float, drift: float, rolloff_db: float, roughness: float
) -> Audio:
    """Return a piston engine or a rolling wheel: harmonics of a wandering pitch, amplitude rough; unit RMS.

    Parameters
    ----------
    drift
        Relative change of the pitch from start to end.
    rolloff_db
        Fall of the harmonics per octave.
    roughness
        Depth of the random amplitude modulation, 0 to 1.
    """
    ramp = np.linspace(-0.5, 0.5, n) * drift
    pitch = f_hz * (1.0 + ramp + 0.01 * slow(rng, n, rate_hz, per_second=6))
    order = np.arange(1, 60, dtype=np.float64)
    harmonics = order ** (-rolloff_db / 6.02) * np.exp(0.5 * rng.standard_normal(len(order)))
    harmonics[::2] *= rng.uniform(0.4, 1.0)
    rough = 1.0 + roughness * slow(rng, n, rate_hz, per_second=f_hz * 0.7)
    return unit_rms(tone(np.maximum(pitch, 5.0), n, rate_hz, harmonics, rng.uniform()) * rough)


def whine(
    rng: np.random.Generator, n: int, rate_hz: int, *, f_hz: float, slope_hz_per_s: float, partials: int
) -> Audio:
    """Return the gliding tones of a traction inverter, sidebands and all; unit RMS."""
    seconds = np.arange(n) / rate_hz
    pitch = np.clip(f_hz + slope_hz_per_s * seconds, 40.0, 0.4 * rate_hz)
    order = np.zeros(partials)
    order[:] = rng.uniform(0.15, 1.0, partials) * np.arange(1, partials + 1) ** -0.8
    return tone(pitch, n, rate_hz, order, rng.uniform())


def hits(
    rng: np.random.Generator,
    n: int,
    rate_hz: int,
    *,
    times_s: Audio,
    f_hz: float,
    spread: float,
    decay_s: float,
    noisiness: float,
    variation_db: float = 3.0,
) -> Audio:
    """Return short impacts (steps, rail joints, dishes): a damped resonance and a burst of noise each; unit peak.

    Parameters
    ----------
    times_s
        Their starts; impacts outside the audio are left out.
    f_hz, spread
        Frequency of the resonance and its relative scatter.
    noisiness
        Share of noise, 0 to 1.
    """
    audio = np.zeros(n)
    length = max(8, min(n, int(6 * decay_s * rate_hz)))
    seconds = np.arange(length) / rate_hz
    decay = np.exp(-seconds / decay_s) * np.minimum(1.0, seconds / 0.0015)
    for start_s in times_s:
        start = int(start_s * rate_hz)
        if not 0 <= start < n:
            continue
        f = f_hz * np.exp(spread * rng.standard_normal())
        ring = np.sin(2 * np.pi * f * seconds + rng.uniform(0, 6.28))
        burst = lfilter(
            [1.0], [1.0, -np.exp(-2 * np.pi * min(2.5 * f, 0.4 * rate_hz) / rate_hz)], rng.standard_normal(length)
        )
        hit = decay * ((1 - noisiness) * ring + noisiness * unit_rms(burst))
        end = min(n, start + length)
        audio[start:end] += hit[: end - start] * gain(variation_db * rng.standard_normal())
    peak = float(np.max(np.abs(audio)))
    return audio / peak if peak > 0 else audio


def rhythm(rng: np.random.Generator, seconds: float, *, per_second: float, jitter: float) -> Audio:
    """Return the times of a loose rhythm, from before the start to past the end."""
    period = 1.0 / per_second
    times = np.arange(-period, seconds + period, period) + rng.uniform(0, period)
    return np.asarray(times + jitter * period * rng.standard_normal(len(times)))


def voice(rng: np.random.Generator, n: int, rate_hz: int, *, f_hz: float, formant: float = 1.0) -> Audio:
    """Return one talker: syllables of voiced vowels and hissed consonants with pauses; unit RMS.

    Parameters
    ----------
    f_hz
        Mean pitch.
    formant
        Factor on the formants: about 1 for men, 1.15 for women, 1.3 for children.
    """
    audio = np.zeros(n)
    at = -rng.uniform(0, 0.25)
    while at < n / rate_hz:
        length_s = rng.uniform(0.09, 0.28)
        start, end = int(max(0.0, at) * rate_hz), min(n, int((at + length_s) * rate_hz))
        m = end - start
        if m > 32 and rng.uniform() < 0.85:
            shape = np.sin(np.pi * np.linspace(0, 1, m)) ** 0.7
            if rng.uniform() < 0.8:
                pitch = f_hz * np.exp(0.15 * rng.standard_normal()) * np.linspace(1.08, 0.92, m)
                harmonics = _vowel(int(rng.integers(len(_VOWELS))), round(f_hz), round(formant, 2))
                audio[start:end] += shape * tone(pitch, m, rate_hz, harmonics, rng.uniform())
            else:
                audio[start:end] += 0.35 * shape * _hiss(rng, m)
        at += length_s * rng.uniform(0.8, 1.15) + (rng.exponential(0.3) if rng.uniform() < 0.12 else 0.0)
    return unit_rms(audio)


def _hiss(rng: np.random.Generator, m: int) -> Audio:
    white = rng.standard_normal(m)
    return unit_rms(np.diff(white, prepend=0.0))


@lru_cache(maxsize=512)
def _vowel(index: int, f_hz: int, formant: float) -> Audio:
    hz = np.arange(1, 250) * float(f_hz)
    level = np.zeros(len(hz))
    for number, centre in enumerate(_VOWELS[index]):
        bandwidth = 60.0 + 40.0 * number + 0.04 * centre
        level += 0.6**number / (1.0 + ((hz - centre * formant) / bandwidth) ** 2)
    return np.asarray((level + 0.004) * np.exp(-hz / 6000.0))


def babble(
    rng: np.random.Generator, n: int, rate_hz: int, *, voices: int, distance: float, young: float = 0.1
) -> Audio:
    """Return a crowd: near voices over speech-shaped noise; unit RMS.

    Parameters
    ----------
    voices
        Number of voices that stand out; more of them blur into the noise.
    distance
        Share of the blurred crowd, 0 to 1.
    young
        Share of children.
    """
    audio = np.zeros(n)
    for _ in range(voices):
        kind = rng.uniform()
        if kind < young:
            f, formant = rng.uniform(240, 380), 1.3
        elif kind < 0.5 + 0.5 * young:
            f, formant = rng.uniform(165, 240), 1.15
        else:
            f, formant = rng.uniform(90, 150), 1.0
        audio += voice(rng, n, rate_hz, f_hz=f, formant=formant) * gain(5 * rng.standard_normal())
    blur = noise(rng, n, rate_hz, tilt_db=-6, low_hz=180, high_hz=3500, bumps=((500, 0.6, 8), (1500, 0.7, 4)))
    blur = flutter(rng, blur, rate_hz, per_second=7, depth_db=2.5)
    return unit_rms((1 - distance) * unit_rms(audio) + distance * blur)


def birds(rng: np.random.Generator, n: int, rate_hz: int, *, f_hz: float, per_second: float) -> Audio:
    """Return birdsong: short frequency-modulated whistles in groups; unit peak."""
    audio = np.zeros(n)
    at = -rng.uniform(0, 1 / per_second)
    while at < n / rate_hz:
        length_s = rng.uniform(0.03, 0.16)
        start, end = int(max(0.0, at) * rate_hz), min(n, int((at + length_s) * rate_hz))
        m = end - start
        if m > 32:
            x = np.linspace(0, 1, m)
            f = f_hz * np.exp(0.12 * rng.standard_normal())
            sweep = rng.uniform(-0.35, 0.35)
            warble = rng.uniform(0, 0.1) * np.sin(2 * np.pi * rng.uniform(15, 45) * x * length_s)
            pitch = np.clip(f * (1 + sweep * (x - 0.5) + warble), 200, 0.45 * rate_hz)
            phase = 2 * np.pi * np.cumsum(pitch) / rate_hz
            audio[start:end] += np.sin(np.pi * x) ** 1.5 * np.sin(phase) * gain(4 * rng.standard_normal())
        at += length_s + (rng.exponential(1 / per_second) if rng.uniform() < 0.3 else rng.uniform(0.02, 0.08))
    peak = float(np.max(np.abs(audio)))
    return audio / peak if peak > 0 else audio


def notes(
    n: int, rate_hz: int, *, f_hz: tuple[float, ...], start_s: float, step_s: float, decay_s: float, bright: float
) -> Audio:
    """Return a sequence of struck or beeped notes (chime, door warning, bell); unit peak.

    Parameters
    ----------
    decay_s
        Time constant of each note; long for bells, above `step_s` for even beeps.
    bright
        Level of the overtones, 0 to 1.
    """
    audio = np.zeros(n)
    for number, f in enumerate(f_hz):
        start = int((start_s + number * step_s) * rate_hz)
        length = min(int(5 * decay_s * rate_hz), n - max(0, start))
        skipped = max(0, -start)
        if length <= skipped + 8:
            continue
        seconds = np.arange(skipped, length) / rate_hz
        wave = np.sin(2 * np.pi * f * seconds) + bright * (
            0.6 * np.sin(2 * np.pi * 2 * f * seconds) + 0.4 * np.sin(2 * np.pi * 3.01 * f * seconds)
        )
        if 3.01 * f > 0.5 * rate_hz:
            wave = np.sin(2 * np.pi * f * seconds)
        begin = max(0, start)
        audio[begin : begin + len(seconds)] += wave * np.exp(-seconds / decay_s) * np.minimum(1.0, seconds / 0.004)
    peak = float(np.max(np.abs(audio)))
    return audio / peak if peak > 0 else audio


def passage(n: int, rate_hz: int, *, closest_s: float, width_s: float) -> Audio:
    """Return the gain, at most 1, of a vehicle that drives past and is nearest at `closest_s`."""
    seconds = np.arange(n) / rate_hz
    return np.asarray(1.0 / (1.0 + ((seconds - closest_s) / width_s) ** 2))


def swell(rng: np.random.Generator, n: int, rate_hz: int, *, attack_s: float, decay_s: float) -> Audio:
    """Return the gain, at most 1, of a sound that begins at a random moment and fades (air brake, door)."""
    start = rng.uniform(-decay_s, n / rate_hz)
    seconds = np.arange(n) / rate_hz - start
    rise = np.clip(seconds / attack_s, 0.0, 1.0)
    return np.asarray(rise * np.exp(-np.maximum(0.0, seconds - attack_s) / decay_s))
