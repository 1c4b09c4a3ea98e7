"""Who is to blame: a board in Python whose parts can be made wrong one by one; the host's side is the real one."""

from __future__ import annotations

import binascii
import struct
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import soundfile
from cobs import cobs
from fake_board import FakeBoard, a_hello
from tone_bundle import FRONTEND, make_tone_bundle, tone

from asc_kit.bundle import Bundle
from asc_kit.dataset import Clip, Dataset
from asc_kit.device_runner.bench.crew import measure_clips
from asc_kit.device_runner.bench.measurement import Measurement, Mode
from asc_kit.device_runner.bench.station import Station
from asc_kit.device_runner.bench.times import ImplausibleTimeError
from asc_kit.device_runner.line import link as link_module
from asc_kit.device_runner.line.link import Link
from asc_kit.device_runner.line.session import Session
from asc_kit.errors import BoardError
from asc_kit.inference.interpreter import Int8Model
from asc_kit.recordings.audio import from_int16
from asc_kit.result import LinkCounters, Prediction


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return Bundle.open(make_tone_bundle(tmp_path_factory.mktemp("blame") / "bundle"))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Three clips: low, high, quiet."""
    root = tmp_path_factory.mktemp("clips")
    rng = np.random.default_rng(1)
    clips = []
    for label, f_hz, level in (("low", 440, 0.3), ("high", 2000, 0.3), ("quiet", 100, 0.0)):
        audio = tone(f_hz, 0.5, 8000, level) + 1e-4 * rng.standard_normal(4000)
        soundfile.write(root / f"{label}.wav", audio, 8000, subtype="PCM_16")
        clips.append(Clip(filename=f"{label}.wav", labels=(label,), identifier=label, recording_device="a"))
    return Dataset(root=root, labels=("high", "low", "quiet"), clips=tuple(clips))


class Bench:
    """A board that does everything right until a part of it is replaced."""

    def __init__(self, bundle: Bundle, dataset: Dataset, mode: Mode) -> None:
        manifest = bundle.manifest
        self.model = Int8Model(bundle.model_path.read_bytes())
        self.bundle = bundle
        self.board = FakeBoard(
            a_hello(
                input_sizes=(manifest.input.n_elements,), output_sizes=(manifest.output.n_elements,),
                sample_rate_hz=FRONTEND.sample_rate_hz, clip_samples=FRONTEND.clip_samples,
                spec_id=FRONTEND.spec_id, model_sha256=manifest.model_sha256, timer_hz=16_000_000, n_operators=1,
            )
        )  # fmt: skip
        self.engine = self.board.server.engine
        self.engine.network, self.engine.features = self.network, self.features
        self.measurement = Measurement(bundle=bundle, dataset=dataset, mode=mode)
        self.station = Station(Session(Link(self.board)), self.model, is_emulated=False)  # type: ignore[arg-type]

    def network(self, values: bytes) -> bytes:
        return self.model.run(np.frombuffer(values, np.int8).reshape(self.bundle.manifest.input.shape)).tobytes()

    def features(self, samples: bytes) -> bytes:
        return self.bundle.audio_to_input(from_int16(np.frombuffer(samples, "<i2"))).tobytes()

    def measure(self) -> list[Prediction]:
        """All clips as `asc-kit bench` does them: lost ones are repeated."""
        done: dict[int, Prediction] = {}
        self.put_right = LinkCounters()

        def keep(index: int, prediction: Prediction, stack_bytes: int, put_right: LinkCounters) -> None:
            done[index] = prediction
            self.put_right = put_right

        measure_clips(self.measurement, [self.station], range(3), keep)
        return [done[index] for index in range(3)]

    def sides(self) -> list[list[tuple[str, bool]]]:
        return [[(d.side, d.reproducible) for d in item.differences] for item in self.measure()]


@pytest.fixture(params=["features", "audio"])
def mode(request: pytest.FixtureRequest) -> Mode:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def bench(bundle: Bundle, dataset: Dataset, mode: Mode, monkeypatch: pytest.MonkeyPatch) -> Bench:
    found = Bench(bundle, dataset, mode)
    # a line without bytes waits in a time of its own
    monkeypatch.setattr(link_module, "time", found.board.clock)
    return found


def nth(n: int, right: Callable[[bytes], bytes], wrong: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Wrong the n-th time, from 0; right otherwise."""
    calls = iter(range(1 << 30))
    return lambda data: (wrong if next(calls) == n else right)(data)


def test_a_board_that_is_right_is_not_blamed(bench: Bench) -> None:
    done = bench.measure()
    assert all(item.bit_identical and item.feature_lsb_max == 0 and item.feature_place is None for item in done)
    assert [item.predicted for item in done] == ["low", "high", "quiet"] and bench.put_right == LinkCounters()


def test_a_wrong_network_is_blamed(bench: Bench) -> None:
    bench.engine.network = lambda values: bytes((byte + 3) % 256 for byte in bench.network(values))
    assert bench.sides() == [[("network", True)]] * 3


def test_a_network_that_was_wrong_once_is_blamed_as_such(bench: Bench) -> None:
    bench.engine.network = nth(1, bench.network, lambda values: bytes(3))
    done = bench.measure()
    assert [item.bit_identical for item in done] == [True, False, True]
    (difference,) = done[1].differences
    assert (difference.side, difference.reproducible) == ("network", False)
    assert "the second time they were right" in difference.text


def test_a_network_that_is_never_the_same_is_blamed_as_such(bench: Bench) -> None:
    counter = iter(range(1, 100))
    bench.engine.network = lambda values: bytes((byte + next(counter)) % 256 for byte in bench.network(values))
    assert bench.sides() == [[("network", False)]] * 3


@pytest.mark.parametrize("mode", ["audio"], indirect=True)
def test_swapped_bytes_of_audio_are_the_front_ends(bench: Bench) -> None:
    bench.engine.features = lambda samples: bench.features(np.frombuffer(samples, ">i2").astype("<i2").tobytes())
    done = bench.measure()
    # the network is right about what it was given
    assert all(item.bit_identical for item in done)
    assert [[(d.side, d.reproducible) for d in item.differences] for item in done] == [[("front_end", True)]] * 3
    assert all(item.feature_lsb_max > 10 and item.feature_place is not None for item in done)


@pytest.mark.parametrize("mode", ["audio"], indirect=True)
def test_one_wrong_band_is_named(bench: Bench, bundle: Bundle) -> None:
    """Band 5 is 4 steps too loud in frames 2 to 9."""

    def features(samples: bytes) -> bytes:
        values = np.frombuffer(bench.features(samples), np.int8).reshape(bundle.manifest.input.shape).copy()
        by_band = values[0, :, :, 0] if FRONTEND.layout == "mel_time" else values[0, :, :, 0].T
        by_band[5, 2:10] = np.minimum(by_band[5, 2:10].astype(int) + 4, 127)
        return values.tobytes()

    bench.engine.features = features
    place = bench.measure()[0].feature_place
    assert place is not None and (place.bands, place.first_frame, place.last_frame) == ((5,), 2, 9)


@pytest.mark.parametrize("mode", ["audio"], indirect=True)
def test_a_step_of_one_is_no_difference(bench: Bench, bundle: Bundle) -> None:
    def features(samples: bytes) -> bytes:
        values = np.frombuffer(bench.features(samples), np.int8).copy()
        values[7] += 1 if values[7] < 127 else -1
        return values.tobytes()

    bench.engine.features = features
    done = bench.measure()
    assert all(item.bit_identical and item.differences == () for item in done)
    assert [(item.feature_mismatches, item.feature_lsb_max) for item in done] == [(1, 1)] * 3


@pytest.mark.parametrize("mode", ["audio"], indirect=True)
def test_a_front_end_and_a_network_that_are_wrong_are_both_blamed(bench: Bench) -> None:
    bench.engine.features = lambda samples: bytes(reversed(bench.features(samples)))
    bench.engine.network = lambda values: bytes(3)
    assert all(sides == [("front_end", True), ("network", True)] for sides in bench.sides()[:2])


@pytest.mark.parametrize("mode", ["features"], indirect=True)
def test_memory_that_does_not_hold_what_was_sent_is_the_input(bench: Bench) -> None:
    """A bit of the input is stuck: what came over the line was right, by its digest."""
    clip = type(bench.board.server._clip)

    class Stuck(clip):  # type: ignore[misc, valid-type]
        def __setattr__(self, name: str, value: Any) -> None:
            if name == "input" and value:
                value = bytes(value[:100]) + bytes((value[100] ^ 0x40,)) + bytes(value[101:])
            super().__setattr__(name, value)

    import server_model

    original, server_model.Clip = server_model.Clip, Stuck  # type: ignore[misc]
    try:
        done = bench.measure()
    finally:
        server_model.Clip = original  # type: ignore[misc]
    wrong = [item for item in done if not item.bit_identical]
    assert wrong, "the bit is heard in the outputs"
    for item in wrong:
        (difference,) = item.differences
        assert (
            difference.side == "input" and "1 of 512 values read back are not those that were sent" in difference.text
        )


def damaged(frame: bytes, kinds: tuple[int, ...]) -> bytes:
    """XOR the polynomial of CRC-32 into a frame of one of these types: its checksum is right, its data is not."""
    body = bytearray(cobs.decode(frame.strip(b"\0")))
    if body[8] not in kinds or len(body) < 40:
        return frame
    # x^32 + … + 1, bit-reversed as this CRC is: 33 bits from some byte on leave the remainder as it was
    for at, byte in enumerate(struct.pack("<Q", (0xEDB88320 << 1 | 1))[:5]):
        body[20 + at] ^= byte
    assert binascii.crc32(bytes(body[:-4])) == struct.unpack("<I", body[-4:])[0]
    return b"\0" + bytes(cobs.encode(bytes(body))) + b"\0"


def test_a_line_that_fools_the_checksum_is_found_by_the_seal_and_the_clip_repeated(bench: Bench) -> None:
    write = bench.board.write
    changed: list[bytes] = []

    def pass_on(data: bytes) -> int:
        if not changed and damaged(data, (0x02, 0x05)) != data:
            data = damaged(data, (0x02, 0x05))
            changed.append(data)
        return write(data)

    bench.board.write = pass_on  # type: ignore[method-assign]
    done = bench.measure()
    assert changed and all(item.bit_identical and item.feature_lsb_max == 0 for item in done)
    found = bench.put_right
    assert found.seals_refused > 0 == found.frames_dropped and found.clips_repeated == found.sessions_lost == 1


def test_a_line_that_fools_it_always_is_blamed_itself(bench: Bench) -> None:
    write = bench.board.write
    bench.board.write = lambda data: write(damaged(data, (0x02, 0x05)))  # type: ignore[method-assign]
    words = r"low\.wav was lost 5 times in a row, .* reached the board .* changed, or its answer did"
    with pytest.raises(BoardError, match=words) as caught:
        bench.measure()
    assert caught.value.exit_code == 3 and "the line is bad" in str(caught.value.hint)
    assert bench.station.counters.seals_refused > 0


def test_a_clip_without_any_answer_is_not_said_to_be_lost_five_times(bench: Bench) -> None:
    """It is begun twice: to find out that nobody answers takes long."""
    write = bench.board.write
    # RUN never arrives, everything else does
    bench.board.write = lambda data: 0 if cobs.decode(data.strip(b"\0"))[8] == 6 else write(data)  # type: ignore[method-assign]
    with pytest.raises(BoardError, match=r"low\.wav was lost 2 times in a row, .* did not answer RUN"):
        bench.measure()


def test_a_board_that_goes_silent_in_mid_clip_is_lost_once(bench: Bench) -> None:
    write, frames = bench.board.write, iter(range(1 << 30))
    bench.board.write = lambda data: write(data) if next(frames) < 4 else 0  # type: ignore[method-assign]
    with pytest.raises(BoardError, match=r"\w+\.wav was lost once, and no other session could be opened"):
        bench.measure()


def test_a_reset_in_mid_clip_is_greeted_again_and_counted(bench: Bench) -> None:
    frames = iter(range(1 << 30))
    write = bench.board.write

    def pass_on(data: bytes) -> int:
        if next(frames) == 4:
            bench.board.server.reset()
        return write(data)

    bench.board.write = pass_on  # type: ignore[method-assign]
    done = bench.measure()
    assert all(item.bit_identical for item in done)
    assert (bench.put_right.sessions_lost, bench.put_right.clips_repeated) == (1, 1)


@pytest.mark.parametrize("opcode", [0x06, 0x07], ids=["RUN", "READ_OUTPUT"])
def test_requests_that_are_lost_however_often_they_are_sent_cost_a_repetition(bench: Bench, opcode: int) -> None:
    """Every attempt of the first session's; the clip is begun again in another one."""
    write, sessions = bench.board.write, []

    def pass_on(data: bytes) -> int:
        body = cobs.decode(data.split(b"\0")[1])
        nonce = bytes(body[:4])
        if nonce not in sessions:
            sessions.append(nonce)
        return len(data) if body[8] == opcode and nonce == sessions[0] else write(data)

    bench.board.write = pass_on  # type: ignore[method-assign]
    done = bench.measure()
    assert all(item.bit_identical for item in done) and len(sessions) > 1
    assert bench.put_right.clips_repeated == 1 and bench.put_right.retries > 0


def test_a_board_that_is_another_after_a_reset_is_refused(bench: Bench) -> None:
    frames = iter(range(1 << 30))
    write = bench.board.write

    def pass_on(data: bytes) -> int:
        if next(frames) == 4:
            bench.board.server.reset()
            bench.engine.who = replace(bench.board.hello, firmware_id="0" * 16).pack()
        return write(data)

    bench.board.write = pass_on  # type: ignore[method-assign]
    with pytest.raises(BoardError, match="another board or firmware answers"):
        bench.measure()


@pytest.mark.parametrize("time", [0, 5, 140_000_000_000, 2**63])
def test_a_time_that_cannot_be_true_stops_the_measurement(bench: Bench, time: int) -> None:
    bench.engine.network_time = time
    with pytest.raises(ImplausibleTimeError, match="the time of the network cannot be true"):
        bench.measure()


@pytest.mark.parametrize("mode", ["audio"], indirect=True)
def test_a_front_end_that_takes_no_time_stops_it(bench: Bench) -> None:
    bench.engine.chunk_time = 0
    with pytest.raises(ImplausibleTimeError, match="the time of the front end cannot be true"):
        bench.measure()
