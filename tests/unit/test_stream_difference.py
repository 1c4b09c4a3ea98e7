"""What listening to a stream changes for a bundle's network, measured when it is exported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from tone_bundle import FRONTEND, make_tone_bundle, tone

from asc_kit.bundle import Bundle, StreamDifference
from asc_kit.frontend import FrontEndSpec
from asc_kit.inference.interpreter import Int8Model
from asc_kit.inference.stream_difference import stream_difference


def clips() -> np.ndarray:
    """Tones by turns low and high, with a noise of their own."""
    rng = np.random.default_rng(0)
    sounds = [tone(300 + 2500 * (number % 2), 0.5, 8000) + 1e-2 * rng.normal(size=4000) for number in range(8)]
    return np.rint(32000 * np.stack(sounds)).astype(np.int16)


def difference(folder: Path, frontend: FrontEndSpec) -> StreamDifference:
    bundle = Bundle.open(make_tone_bundle(folder, frontend))
    model = Int8Model(bundle.model_path.read_bytes(), kernels="reference")
    return stream_difference(model, clips(), frontend, bundle.manifest.input)


def test_only_the_edges_of_clips_differ(tmp_path: Path) -> None:
    found = difference(tmp_path / "centred", FRONTEND)
    # the first and the last of 32 frames, where a clip has its mirror image and a stream the other tone
    assert found.windows == 8 and 1 / 32 < found.features_changed <= 2 / 32
    assert found.outputs_changed > 0 and found.labels_changed == 0


def test_a_mean_over_the_clip_carries_them_everywhere(tmp_path: Path) -> None:
    found = difference(tmp_path / "standardised", replace(FRONTEND, standardize="clip"))
    assert found.features_changed > 4 / 32


def test_without_padding_nothing_differs(tmp_path: Path) -> None:
    frontend = replace(FRONTEND, center=False)
    assert difference(tmp_path / "plain", frontend) == StreamDifference(
        windows=0, features_changed=0.0, outputs_changed=0.0, labels_changed=0
    )
