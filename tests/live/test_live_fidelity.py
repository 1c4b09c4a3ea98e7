"""Live hears what training heard: through a real sound server, at the rates that microphones have.

The network of the test tells loud from faint in the top of the band, 6 to 7.8 kHz of 8: just what a sound server's
resampler eats.
"""

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.signal import butter, sosfilt
from sound_server import missing, sound_server
from tone_bundle import FRONTEND, make_tone_bundle

from asc_kit.bundle import Bundle
from asc_kit.device_runner.classifier import SceneClassifier
from asc_kit.frontend import FrontEndSpec
from asc_kit.recordings.audio import resample

reason = missing()
pytestmark = pytest.mark.skipif(reason is not None, reason=str(reason))
SCRIPT = Path(__file__).parents[1] / "support" / "record_windows.py"
HZ = 16000
CLIP = 8000
# 32 frames of 256 samples, one after the other; 6 of them are nearest to 0.1 s
WINDOW, HOP = 32 * 256, 6 * 256
SCENE_S = 0.75
SCENES = 8


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    fields = {name: getattr(FRONTEND, name) for name in ("n_fft", "win_length", "n_mels")}
    frontend = FrontEndSpec(sample_rate_hz=HZ, clip_samples=CLIP, hop_length=256, f_max_hz=8000.0, **fields)
    return make_tone_bundle(tmp_path_factory.mktemp("top"), frontend)


def top_noise(seed: int, rate: int, seconds: float) -> np.ndarray:
    """Noise from 6 to 7.8 kHz, RMS 1."""
    band = butter(6, (6000, 7800), "bandpass", fs=rate, output="sos")
    noise = sosfilt(band, np.random.default_rng(seed).normal(size=round(seconds * rate)))
    return noise / np.std(noise)


def find_border(classifier: SceneClassifier) -> float:
    """The level in dBFS at which the network begins to hear the top of the band."""
    noise = top_noise(0, HZ, 0.5)
    floor = np.random.default_rng(1).normal(0, 1e-4, CLIP)
    for level_db in np.arange(-85, -10, 0.25):
        clip = (noise * 10 ** (level_db / 20) + floor).astype(np.float32)
        if classifier.ranking(classifier.probabilities(clip))[0][0] == "high":
            assert -75 < level_db < -25, level_db
            return float(level_db)
    raise AssertionError("the network hears nothing up there")


def make_scenes(rate: int, channels: int, border_db: float) -> np.ndarray:
    """16-bit scenes by turns loud (3 dB above the border) and faint (3 dB below it), after a second of faint noise."""
    parts = [np.zeros(rate)]
    for number in range(SCENES):
        level_db = border_db + (3 if number % 2 == 0 else -3)
        parts.append(top_noise(number, rate, SCENE_S) * 10 ** (level_db / 20))
    mono = np.concatenate(parts)
    # each channel has a noise of its own, and their mix that of one
    noise = np.random.default_rng(9).normal(0, 1e-4 * channels**0.5, (len(mono), channels))
    # as loud up to 8 kHz, whatever the rate
    noise *= (rate / HZ) ** 0.5
    return np.asarray(np.rint((mono[:, None] + noise) * 32767), np.int16)


@dataclass
class Recorded:
    """What came, what was classified, and where in what came the recording began."""

    rate_hz: int
    channels: int
    came: np.ndarray
    windows: np.ndarray
    time_s: np.ndarray
    labels: list[str]
    gaps: int


def record(scenes: np.ndarray, rate: int, bundle: Path, *options: str) -> Recorded:
    channels = scenes.shape[1]
    with tempfile.TemporaryDirectory(prefix="asc") as name:
        folder = Path(name)
        soundfile.write(folder / "scenes.wav", scenes, rate, subtype="PCM_16")
        with sound_server(folder, rate, channels) as server:
            # the player begins up to two seconds after it was started
            seconds = f"{len(scenes) / rate + 3:.2f}"
            script = [sys.executable, str(SCRIPT), str(bundle), seconds, str(folder / "out.npz"), *options]
            process = subprocess.Popen(script, env=server.environment, stdout=subprocess.PIPE, text=True)
            assert process.stdout is not None and process.stdout.readline() == "Ctrl-C ends\n"
            player = server.play(folder / "scenes.wav")
            assert process.wait(120) == 0
            player.kill()
            player.wait(10)
        with np.load(folder / "out.npz") as kept:
            return Recorded(
                int(kept["rate_hz"]), int(kept["channels"]), kept["came"], kept["windows"], kept["time_s"],
                kept["labels"].tolist(), int(kept["gaps"]),
            )  # fmt: skip


def find_start(came: np.ndarray, scenes: np.ndarray) -> int | None:
    """Where in what came the recording lies, bit for bit but for its beginning; None when the player faltered."""
    # what a player sends first may be lost
    began = 3 * len(scenes) // (4 * SCENES)
    rest = scenes[began:]
    heard = np.rint(came[:, 0] * 32768).astype(np.int16)
    at = len(rest) // 2
    for candidate in np.flatnonzero(heard == rest[at, 0]):
        first = int(candidate) - at
        piece = came[max(first, 0) : first + len(rest)]
        if first >= began and piece.shape == rest.shape and np.array_equal(piece * 32768, rest):
            return first - began
    return None


def scene_of(end_s: float) -> int | None:
    """The scene in which a window of half a second lies that ends so long after the recording began."""
    begin = end_s - WINDOW / HZ - 1
    number = int(begin // SCENE_S)
    inside = begin >= 0 and begin + WINDOW / HZ <= (number + 1) * SCENE_S
    return number if inside and number < SCENES else None


@pytest.mark.parametrize(("rate", "channels"), [(16000, 1), (44100, 1), (48000, 1), (48000, 2)])
def test_live_is_as_right_as_offline(rate: int, channels: int, bundle: Path) -> None:
    classifier = SceneClassifier(Bundle.open(bundle))
    scenes = make_scenes(rate, channels, find_border(classifier))
    for _ in range(4):
        # a busy machine's player falters and fills in silence: then what came is not the recording
        recorded = record(scenes, rate, bundle)
        start = find_start(recorded.came, scenes)
        if start is not None and not recorded.gaps:
            break
    assert (recorded.rate_hz, recorded.channels) == (rate, channels)
    assert start is not None, "not bit for bit what was played: somebody resampled or mixed it on the way"

    # offline: the recording as a file, after as much silence as came before it
    mono = (scenes.astype(np.float32) / 32768).mean(axis=1, dtype=np.float32)
    offline = resample(np.concatenate([np.zeros(start, np.float32), mono]), rate, HZ)
    right_live, right_offline, counted, worst_db, worst = 0, 0, 0, 0.0, 0.0
    for window, end_s, label in zip(recorded.windows, recorded.time_s, recorded.labels, strict=True):
        # times follow the clock, windows are cut by samples
        end = WINDOW + round((end_s * HZ - WINDOW) / HOP) * HOP
        number = scene_of(end / HZ - start / rate)
        if number is None:
            continue
        same = offline[end - WINDOW : end]
        truth = "high" if number % 2 == 0 else "quiet"
        counted += 1
        right_live += label == truth
        clip = same[len(same) - CLIP :]
        right_offline += classifier.ranking(classifier.probabilities(clip))[0][0] == truth
        worst = max(worst, float(np.max(np.abs(window - same))))
        bins = slice(round(6900 * WINDOW / HZ), round(7100 * WINDOW / HZ))
        power = [np.sum(np.abs(np.fft.rfft(audio * np.hanning(WINDOW))[bins]) ** 2) for audio in (window, same)]
        worst_db = max(worst_db, abs(10 * np.log10(power[0] / power[1])))
    # a scene holds two or three whole windows; a busy machine leaves some out
    assert counted >= SCENES
    assert right_offline >= 0.95 * counted
    # 1 point; one window of so few is more
    assert abs(right_live - right_offline) <= 0.01 * counted
    assert worst_db < 0.5
    # half a step of 16 bits: the windows are the same
    assert worst < 2**-16


@pytest.mark.slow
def test_the_sound_server_would_lose_it(bundle: Path) -> None:
    # the same by the way that live went before: the test above can fail
    classifier = SceneClassifier(Bundle.open(bundle))
    scenes = make_scenes(48000, 1, find_border(classifier))
    recorded = record(scenes, 48000, bundle, "server")
    assert recorded.rate_hz == HZ and find_start(recorded.came, scenes) is None
    labels = recorded.labels
    assert labels.count("high") < 0.1 * len(labels)
