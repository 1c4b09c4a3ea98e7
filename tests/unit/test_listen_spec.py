"""Continuous listening in NumPy: a window's frames are the clip's, each computed once."""

from dataclasses import replace

import numpy as np
import pytest
from tone_bundle import FRONTEND

from asc_kit.errors import SpecError
from asc_kit.frontend import FrameRing, FrontEndSpec, ListenSpec, log_mel, model_input, stream_windows

SPECS = {
    "centred": FRONTEND,
    "short window": replace(FRONTEND, win_length=200, hop_length=80),
    "odd window": replace(FRONTEND, win_length=99, hop_length=80, clip_samples=4001),
    "zeros around": replace(FRONTEND, pad_mode="constant", layout="time_mel"),
    "not centred": replace(FRONTEND, center=False),
    "not centred, short window": replace(FRONTEND, center=False, win_length=150, hop_length=70),
    "gaps between frames": replace(FRONTEND, hop_length=400, win_length=255),
    "deltas": replace(FRONTEND, delta_width=5),
    "standardised": replace(FRONTEND, center=False, standardize="clip", delta_width=3),
}


def noise(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, n).astype(np.float32)


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("hop_frames", [1, 3, 50])
def test_frames_within_a_window_are_those_of_its_clip(name: str, hop_frames: int) -> None:
    frontend = SPECS[name]
    spec = ListenSpec(frontend=frontend, hop_frames=hop_frames)
    audio = noise(5 * frontend.clip_samples + 2 * spec.hop_samples)
    compared = 0
    time_axis = 2 if frontend.layout == "mel_time" else 1
    for number, values in enumerate(stream_windows(audio, spec)):
        assert values.shape == (frontend.n_frames, frontend.n_mels)
        start = number * spec.hop_samples + spec.clip_start
        if start < 0 or start + frontend.clip_samples > len(audio):
            continue
        clip = log_mel(audio[start : start + frontend.clip_samples], frontend)
        inner = [frame for frame in range(frontend.n_frames) if frame not in spec.edge_frames]
        np.testing.assert_array_equal(values[inner], clip[inner])
        # each frame at an edge differs, or it would not be one: noise is not its mirror image
        assert all(np.any(values[frame] != clip[frame]) for frame in spec.edge_frames)
        same = [frame for frame in range(frontend.n_frames) if frame not in spec.changed_frames]
        here, there = model_input(values, frontend), model_input(clip, frontend)
        np.testing.assert_array_equal(here.take(same, time_axis), there.take(same, time_axis))
        compared += 1
    assert compared >= 2
    # the last window ends within a hop of the end
    assert 0 <= len(audio) - (number * spec.hop_samples + spec.window_samples) < spec.hop_samples


def test_only_centred_clips_have_edges() -> None:
    edges = {name: ListenSpec(frontend=spec, hop_frames=1).edge_frames for name, spec in SPECS.items()}
    assert edges["centred"] == (0, 31) and edges["short window"] == (0, 1, 49, 50)
    assert all(edges[name] == () for name in ("not centred", "not centred, short window", "standardised"))
    deltas = ListenSpec(frontend=SPECS["deltas"], hop_frames=1)
    assert deltas.changed_frames == (0, 1, 2, 29, 30, 31)
    # the mean is over all of a clip
    moved = ListenSpec(frontend=replace(FRONTEND, standardize="clip"), hop_frames=1)
    assert moved.changed_frames == tuple(range(32))
    assert ListenSpec(frontend=SPECS["standardised"], hop_frames=1).changed_frames == ()


def test_every_frame_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = ListenSpec(frontend=FRONTEND, hop_frames=4)
    audio = noise(8000)
    ring = FrameRing(spec)
    found = []
    for first in range(0, 26, 4):
        start = first * FRONTEND.hop_length
        found.append(ring.window(first, audio[start : start + spec.window_samples]))
    assert ring.computed == 32 + 4 * 6
    for number, values in enumerate(found):
        fresh = FrameRing(spec).window(0, audio[number * spec.hop_samples :][: spec.window_samples])
        np.testing.assert_array_equal(values, fresh)
    # the same window again costs nothing, another stream everything
    assert np.array_equal(ring.window(24, audio[24 * 128 :][: spec.window_samples]), found[-1])
    assert ring.computed == 32 + 4 * 6
    ring.forget()
    np.testing.assert_array_equal(ring.window(0, audio[: spec.window_samples]), found[0])
    # a window beyond the last one shares no frame with it
    far = noise(spec.window_samples, seed=1)
    np.testing.assert_array_equal(ring.window(1000, far), FrameRing(spec).window(0, far))


def test_frames_alone_have_the_bits_of_frames_together() -> None:
    # NumPy may sum in another order when there is one frame, one band or one bin
    for frontend in (FRONTEND, replace(FRONTEND, n_fft=4096, win_length=4096, clip_samples=8000, n_mels=128)):
        audio = noise(20000, seed=3)
        (whole,) = stream_windows(
            audio[: ListenSpec(frontend=frontend, hop_frames=1).window_samples],
            ListenSpec(frontend=frontend, hop_frames=1),
        )
        one_by_one = FrontEndSpec(
            **{
                **{name: getattr(frontend, name) for name in frontend.__slots__},
                "clip_samples": frontend.n_fft,
                "center": False,
            }
        )
        alone = [log_mel(audio[t * 128 :][: frontend.n_fft], one_by_one)[0] for t in range(frontend.n_frames)]
        np.testing.assert_array_equal(whole, np.stack(alone))


def test_the_nearest_hop() -> None:
    hops = {samples: ListenSpec.nearest(FRONTEND, samples).hop_frames for samples in (0, 63, 65, 200, 2000, 4000)}
    assert hops == {0: 1, 63: 1, 65: 1, 200: 2, 2000: 16, 4000: 31}
    with pytest.raises(SpecError, match="hop_frames must be at least 1. Received: 0"):
        ListenSpec(frontend=FRONTEND, hop_frames=0)
