"""From windows to scenes: averages as written out by hand, changes that are kept back, and what is forgotten."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from tone_bundle import make_tone_bundle

from asc_kit.cli import cli
from asc_kit.device_runner.listening.events import Heard, InputChange, Unheard
from asc_kit.device_runner.listening.following import FollowerSettings, SceneFollower, follow
from asc_kit.device_runner.listening.lines import Layout, event_document, window_text

LABELS = ("bus", "park", "tram")


def heard(time_s: float, *probabilities: float) -> Heard:
    ranking = sorted(zip(LABELS, probabilities, strict=True), key=lambda pair: -pair[1])
    return Heard(time_s=time_s, ranking=tuple(ranking), latency_ms=1.0, level_dbfs=-30.0, skipped=0)


def said(events: list, options: FollowerSettings) -> list[str | None]:
    scenes = [event.scene for event in follow(events, SceneFollower(options)) if isinstance(event, Heard)]
    return [scene.label for scene in scenes if scene is not None]


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), time_constant_s=st.floats(0.05, 5), n=st.integers(1, 30))
def test_the_average_is_the_weighted_mean_of_log_probabilities(seed: int, time_constant_s: float, n: int) -> None:
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.uniform(0.05, 1, n))
    rows = rng.dirichlet(np.full(3, 0.5), n)
    follower = SceneFollower(FollowerSettings(time_constant_s=time_constant_s, lead=1, dwell_s=0))
    for time_s, row in zip(times, rows, strict=True):
        scene = follower.take(time_s, dict(zip(LABELS, row, strict=True)))
    weights = np.exp(-(times[-1] - times) / time_constant_s)
    mean = np.exp(weights @ np.log(np.maximum(rows, 1e-3)) / weights.sum())
    assert scene.label == LABELS[mean.argmax()]
    assert scene.probability == pytest.approx(mean.max() / mean.sum(), rel=1e-9)


def test_one_odd_window_changes_nothing_and_a_lasting_change_is_followed() -> None:
    steady = [heard(0.25 * i, 0.8, 0.1, 0.1) for i in range(1, 9)]
    odd = [heard(2.25, 0.1, 0.1, 0.8)]
    after = [heard(2.5 + 0.25 * i, 0.8, 0.1, 0.1) for i in range(4)]
    raw = FollowerSettings(time_constant_s=0, lead=1, dwell_s=0)
    assert said([*steady, *odd, *after], raw).count("tram") == 1
    assert set(said([*steady, *odd, *after], FollowerSettings())) == {"bus"}
    other = [heard(2.25 + 0.25 * i, 0.1, 0.1, 0.8) for i in range(6)]
    labels = said([*steady, *other], FollowerSettings())
    assert labels[-1] == "tram" and labels[len(steady)] == "bus"
    assert labels[len(steady) + 3] == "tram"  # within a second


def test_a_scene_stays_for_its_dwell_and_until_another_leads_clearly() -> None:
    events = [heard(0.25, 0.9, 0.05, 0.05), *(heard(0.25 + 0.25 * i, 0.05, 0.05, 0.9) for i in range(1, 9))]
    options = FollowerSettings(time_constant_s=0, lead=1, dwell_s=1.0)
    assert said(events, options) == ["bus"] * 4 + ["tram"] * 5  # 1.25 s is the first at least a second later
    near = [heard(0.5, 0.5, 0.1, 0.4), heard(1.0, 0.35, 0.1, 0.55), heard(1.5, 0.2, 0.1, 0.7)]
    assert said(near, FollowerSettings(time_constant_s=0, lead=2, dwell_s=0)) == ["bus", "bus", "tram"]


def test_no_scene_is_said_where_none_is_likely() -> None:
    events = [heard(0.5, 0.9, 0.05, 0.05), heard(1.5, 0.34, 0.33, 0.33), heard(2.5, 0.05, 0.9, 0.05)]
    options = FollowerSettings(time_constant_s=0, lead=2, dwell_s=0.5, unsure_below=0.4)
    assert said(events, options) == ["bus", None, "park"]


def test_a_gap_is_forgotten() -> None:
    gap = Unheard(time_s=1.0, reason="gap", words="2 s of audio were lost", skipped=0)
    before, after = [heard(0.25 * i, 0.98, 0.01, 0.01) for i in (1, 2, 3)], [heard(4.0, 0.2, 0.2, 0.6)]
    slow = FollowerSettings(time_constant_s=30, lead=1, dwell_s=0)
    assert said([*before, *after], slow)[-1] == "bus"
    assert said([*before, gap, *after], slow)[-1] == "tram"
    change = InputChange(time_s=1.0, reason=None, words="")
    assert list(follow([gap, change], SceneFollower(slow))) == [gap, change]


def test_a_line_has_the_scene_and_json_has_both() -> None:
    first, second = follow(
        [heard(1, 0.8, 0.1, 0.1), heard(1.25, 0.1, 0.1, 0.8)], SceneFollower(FollowerSettings(dwell_s=2))
    )
    assert isinstance(first, Heard) and isinstance(second, Heard)
    layout = Layout(label_width=6, columns=100)
    assert "*bus " in window_text(first, layout)  # a star where the scene is new
    assert " bus " in window_text(second, layout)
    document = json.loads(json.dumps(event_document(second, 0, None)))
    assert document["label"] == "tram" and document["scene"]["label"] == "bus"
    assert document["scene"]["since_s"] == 1.0 and document["scene"]["new"] is False
    assert math.isclose(sum(item["probability"] for item in document["top"]), 1.0)


@pytest.mark.parametrize("option", [("--smooth", "1"), ("--dwell", "1"), ("--unsure", "0.5")])
def test_options_without_effect_are_refused(option: tuple[str, str], tmp_path: Path) -> None:
    bundle = make_tone_bundle(tmp_path)
    result = CliRunner().invoke(cli, ["live", str(bundle), "--raw", *option])
    assert result.exit_code == 2 and "--raw" in result.output
