"""Samples against the clock: jitter, drift and bursts are no loss; a loss is one, with its length and its place."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asc_kit.device_runner.listening.blocks import Block
from asc_kit.device_runner.listening.sample_clock import Audio, Gap, Lateness, SampleClock

RATE = 8000
FRAMES = 400
SECONDS = FRAMES / RATE


def frames_from(start: int, length: int = FRAMES) -> np.ndarray:
    """Samples that say which they are: exact in float32 up to 2**24."""
    return np.arange(start, start + length, dtype=np.float32)[:, None]


def play(blocks: list[Block]) -> tuple[SampleClock, list[Audio | Gap | Lateness]]:
    clock = SampleClock(RATE)
    return clock, [known for block in blocks for known in clock.take(block)]


def check(knowns: list[Audio | Gap | Lateness]) -> None:
    """Audio lies where it says; no piece holds both sides of a gap; what follows without a gap follows on."""
    expected = None
    for known in knowns:
        if isinstance(known, Gap):
            expected = None
        elif isinstance(known, Audio):
            values = known.samples[:, 0]
            assert np.all(np.diff(values) == 1)
            assert expected is None or values[0] == expected
            expected = values[-1] + 1


seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=50, deadline=None)
@given(seed=seeds, busy_s=st.floats(0.05, 3.0), ppm=st.floats(-300, 300))
def test_lateness_and_drift_are_no_loss(seed: int, busy_s: float, ppm: float) -> None:
    # The card has a rate of its own. The program looks now and then, after a while or at once, and takes all there is.
    looks = np.cumsum(busy_s * np.random.default_rng(seed).uniform(size=4000) ** 4)
    looks = np.append(looks, 12.0)
    ends = [(n + 1) * SECONDS * (1 + ppm * 1e-6) for n in range(200)]
    arrivals = [float(looks[np.searchsorted(looks, end)]) for end in ends]
    clock, knowns = play([Block(samples=frames_from(n * FRAMES), arrival_s=at) for n, at in enumerate(arrivals)])
    check(knowns)
    assert not any(isinstance(known, Gap) for known in knowns)
    audio = [known for known in knowns if isinstance(known, Audio)]
    assert [each.start_frame for each in audio] == [n * FRAMES for n in range(len(audio))]


@settings(max_examples=100, deadline=None)
@given(
    seed=seeds,
    lost=st.integers(1600, 80000),
    kept_s=st.floats(0, 8),
    inside=st.integers(0, FRAMES - 1),
)
def test_a_loss_has_a_length_and_a_place(seed: int, lost: int, kept_s: float, inside: int) -> None:
    delays = np.random.default_rng(seed).uniform(size=200)
    # Stopped after 3 s: a buffer keeps `kept_s` of what follows, then `lost` samples go, from the middle of a block;
    # after it, everything comes at once, and the sound goes on.
    before, kept = 60, round(kept_s / SECONDS)
    ends = [(n + 1) * SECONDS for n in range(before)]
    resumed = (before + kept) * SECONDS + lost / RATE
    blocks = [Block(samples=frames_from(n * FRAMES), arrival_s=at) for n, at in enumerate(ends)]
    for n in range(before, before + kept):
        blocks.append(Block(samples=frames_from(n * FRAMES), arrival_s=resumed))
    at = (before + kept) * FRAMES
    torn = np.concatenate([frames_from(at, inside), frames_from(at + inside + lost, FRAMES - inside)])
    arrival = (at + FRAMES + lost) / RATE
    blocks.append(Block(samples=torn, arrival_s=arrival))
    for n in range(1, 100):
        start = at + lost + n * FRAMES
        blocks.append(Block(samples=frames_from(start), arrival_s=(start + FRAMES) / RATE + 0.01 * delays[n]))
    clock, knowns = play(blocks)
    check(knowns)
    (gap,) = (known for known in knowns if isinstance(known, Gap))
    assert gap.cause == "lost" and gap.lost_s == pytest.approx(lost / RATE, abs=0.03)
    # all that was kept, and no more than a second besides
    assert kept * SECONDS <= gap.discarded_s <= kept * SECONDS + 1
    # true to the clock afterwards: a sample lies where it was heard
    for known in knowns:
        if isinstance(known, Audio):
            assert known.start_frame == pytest.approx(known.samples[0, 0], abs=0.03 * RATE)
    assert isinstance(knowns[-1], Audio) and knowns[-1].samples[-1, 0] == at + lost + 100 * FRAMES - 1


def test_short_losses_add_up() -> None:
    # 20 ms every second: none is seen alone, and none is forgotten
    blocks, start = [], 0
    for n in range(600):
        start += 160 if n % 20 == 19 else 0
        blocks.append(Block(samples=frames_from(start), arrival_s=(start + FRAMES) / RATE))
        start += FRAMES
    _, knowns = play(blocks)
    lost = sum(known.lost_s for known in knowns if isinstance(known, Gap))
    assert lost == pytest.approx(30 * 0.02, abs=0.15)


def test_a_slow_card_is_followed_for_hours() -> None:
    clock = SampleClock(RATE)
    # 200 ppm: 1.44 s in two hours
    for n in range(7200):
        length = RATE
        block = Block(samples=np.zeros((length, 1), np.float32), arrival_s=(n + 1) * (1 + 200e-6))
        (known,) = clock.take(block)
        assert isinstance(known, Audio)
    assert clock.drift_s == pytest.approx(1.44, abs=0.01)


def test_our_own_queue_and_the_sound_system_say_where() -> None:
    blocks = [Block(samples=frames_from(n * FRAMES), arrival_s=(n + 1) * SECONDS) for n in range(20)]
    late = (30 + 1) * SECONDS
    blocks.append(Block(samples=frames_from(30 * FRAMES), arrival_s=late, dropped_frames=10 * FRAMES))
    blocks.append(Block(samples=frames_from(31 * FRAMES), arrival_s=late + SECONDS, overflowed=True))
    _, knowns = play(blocks)
    gaps = [known for known in knowns if isinstance(known, Gap)]
    assert [(gap.cause, gap.lost_s, gap.discarded_s) for gap in gaps] == [("queue", 0.5, 0), ("overflow", 0, 0)]
    assert [known.start_frame for known in knowns if isinstance(known, Audio)][-2:] == [30 * FRAMES, 31 * FRAMES]
