"""`asc-kit bench` as people call it: the firmware that is generated, on the emulated board and on this machine."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from bench_command import BOARD, bench, command, needs_emulator, needs_gcc, write_recordings
from fake_board import FakeBoard, a_hello
from lossy_line import LossyLine
from served_board import ServedBoard
from tagged_tones import write_tagged_tones
from tone_bundle import FRONTEND, LABELS, make_tone_bundle

from asc_kit.bundle import Bundle
from asc_kit.device_runner.line.emulator import emulate
from asc_kit.device_runner.line.link import Link
from asc_kit.device_runner.line.session import Session
from asc_kit.device_runner.line.transport import open_port
from asc_kit.hardware.board import board_names, load_board
from asc_kit.inference.interpreter import Int8Model
from asc_kit.recordings.audio import fit_length
from asc_kit.recordings.clips import window_starts
from asc_kit.records.record import read_record
from asc_kit.result import RUN_ID, BenchmarkResult
from asc_kit.scores.evaluation import Evaluation, TaggingEvaluation


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle and recordings; the firmware is built in it by the first test that needs it."""
    folder = tmp_path_factory.mktemp("bench")
    make_tone_bundle(folder / "bundle")
    write_recordings(folder / "data")
    return folder


def emulators_of(marker: str) -> list[int]:
    """Processes that have `marker` in their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if marker.encode() in path.read_bytes() and int(path.parent.name) != os.getpid():
                found.append(int(path.parent.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def only_result(folder: Path, runs: str) -> Path:
    """The one measurement in its usual place: beside the bundle, in a folder of its own."""
    (path,) = (folder / "results" / "bundle" / runs).glob("*/results.json")
    assert re.fullmatch(RUN_ID, path.parent.name)
    assert read_record(BenchmarkResult, path).run_id == path.parent.name
    return path


def check_result(result: BenchmarkResult, bundle: Bundle, board: str, mode: str) -> None:
    manifest = bundle.manifest
    assert (result.board, result.mode, result.clips, result.name) == (board, mode, 18, "tones")
    found = result.evaluation
    assert isinstance(found, Evaluation)
    assert (found.clips, found.correct, found.accuracy, found.macro_accuracy) == (18, 18, 1.0, 1.0)
    assert result.bit_identical == result.host_agreement == 18
    assert (result.model_sha256, result.spec_id) == (manifest.model_sha256, manifest.frontend.spec_id)
    assert [group.name for group in found.per_scene] == sorted(LABELS)
    assert [(group.name, group.clips) for group in found.per_recording_device] == [("a", 6), ("b", 6), ("s4", 6)]
    assert found.seen_devices is not None and found.seen_devices.clips == 6
    assert found.unseen_devices is not None and found.unseen_devices.clips == 12
    # a starved machine may miss an answer's deadline: that a request is then made again is not this test's matter
    assert found.split == "test" and result.windows == 18 and result.labels == LABELS and result.link.retries <= 2
    assert result.latency.unit == load_board(board).timer and result.latency.min > 0
    assert sum(item.macs for item in result.profile) == manifest.macs and all(item.time > 0 for item in result.profile)
    memory = result.memory
    assert memory.arena_bytes >= manifest.input.n_elements and memory.code_bytes and memory.weight_bytes
    assert [item.filename.split("-")[0] for item in result.predictions[:2]] == ["audio/high"] * 2
    assert all([len(output) for output in item.outputs] == [3] for item in result.predictions)
    assert (result.latency.frontend is not None) == (mode == "audio")
    assert result.feature_lsb_max <= 1 and result.feature_mismatch_share <= 0.01
    assert {"system", "python", "numpy", "compiler"} <= set(result.environment)


def test_a_folder_of_firmware_that_is_the_users(tmp_path: Path) -> None:
    """The firmware is built without an --out of its own, so that the cure is another one than with `firmware`."""
    make_tone_bundle(tmp_path / "bundle")
    write_recordings(tmp_path / "data")
    mine = tmp_path / "bundle" / "firmware" / "host" / "mine.c"
    mine.parent.mkdir(parents=True)
    mine.write_text("int mine;")
    done = bench(tmp_path, "--board", "host")
    assert done.returncode == 1 and "bundle/firmware/host was not written by this command" in done.stderr
    assert "move that folder away" in done.stderr and "--out" not in done.stderr
    assert mine.read_text() == "int mine;" and not (tmp_path / "results").exists()


@needs_gcc
@pytest.mark.parametrize("mode", ["features", "audio"])
def test_native_program(folder: Path, mode: str) -> None:
    done = bench(folder, "--board", "host", "--mode", mode)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    for words in ("Accuracy", "by recording device", "s4", "Latency, ns", "Memory, bytes", "18 / 18"):
        assert words in done.stderr
    path = only_result(folder, f"host-{mode}")
    assert str(path.relative_to(folder)) in done.stderr
    assert [entry.name for entry in path.parent.iterdir()] == ["results.json"], "the journal is gone"
    check_result(read_record(BenchmarkResult, path), Bundle.open(folder / "bundle"), "host", mode)


@needs_emulator
def test_emulated_board_features_and_the_json_document(folder: Path) -> None:
    done = bench(folder, "--board", BOARD, "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    path = only_result(folder, f"{BOARD}-features")
    assert document == json.loads(path.read_text(encoding="utf-8"))
    assert document["memory"]["stack_bytes"] > 0 and document["emulated"] is True
    assert {"min", "median", "p95", "max", "unit"} <= set(document["latency"])
    assert "QEMU" in document["environment"]["emulator"]
    check_result(read_record(BenchmarkResult, path), Bundle.open(folder / "bundle"), BOARD, "features")


@needs_emulator
def test_emulated_board_audio_is_the_same_however_many_emulators_run(folder: Path) -> None:
    results = []
    for jobs in (1, 2):
        done = bench(folder, "--board", BOARD, "--mode", "audio", "--jobs", jobs, "--out", f"out{jobs}")
        assert done.returncode == 0, done.stderr
        results.append(read_record(BenchmarkResult, folder / f"out{jobs}" / "results.json"))
        check_result(results[-1], Bundle.open(folder / "bundle"), BOARD, "audio")
    assert results[0].predictions == results[1].predictions
    assert results[0].latency == results[1].latency
    assert results[0].latency.frontend is not None and results[0].latency.frontend.min > 10_000


@needs_emulator
def test_golden_clip_on_the_emulated_board(folder: Path) -> None:
    """The bundle's known answer, from the audio on; and the program does nothing a real board would not allow."""
    assert bench(folder, "--board", BOARD, "--limit", 1).returncode == 0
    bundle = Bundle.open(folder / "bundle")
    golden = bundle.golden(bundle.manifest.golden[0])
    image = folder / "bundle" / "firmware" / BOARD / "build" / "firmware.elf"
    with emulate(load_board(BOARD), image) as emulator:
        link = Link(open_port(emulator.port))
        emulator.start()
        session = Session(link)
        session.stream_audio(golden.audio)
        assert np.abs(session.read_input().astype(int) - golden.input.reshape(-1)).max() <= 1
        session.write_input(golden.input)
        session.run(macs=bundle.manifest.macs)
        assert np.array_equal(session.read_output(), golden.output.reshape(-1))
        link.close()
        assert emulator.complaints() == ""


@needs_gcc
def test_limit_takes_every_scene_and_recording_device(folder: Path) -> None:
    done = bench(folder, "--board", "host", "--limit", 6, "--json", "--out", "few")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["clips"] == 6
    assert {group["clips"] for group in document["evaluation"]["per_scene"]} == {2}
    assert {group["clips"] for group in document["evaluation"]["per_recording_device"]} == {2}


@needs_gcc
@pytest.mark.parametrize("mode", ["features", "audio"])
def test_tags_and_windows(tmp_path: Path, mode: str) -> None:
    """Two tones one after the other, and at once; a clip's scores are the mean over its windows."""
    bundle = Bundle.open(make_tone_bundle(tmp_path / "bundle", task="multi_label", hop_samples=2000))
    write_tagged_tones(tmp_path / "data")
    done = bench(tmp_path, "--board", "host", "--mode", mode, "--split", "validation", "--out", "out", "--json")
    assert done.returncode == 0, done.stderr
    for words in ("Label ranking", "lwlrap", "6 clips in 21 windows", "6 / 6"):
        assert words in done.stderr
    result = read_record(BenchmarkResult, tmp_path / "out" / "results.json")
    assert isinstance(result.evaluation, TaggingEvaluation) and result.task == "multi_label"
    assert (result.clips, result.windows, result.bit_identical, result.host_agreement) == (6, 21, 6, 6)
    assert result.evaluation.lwlrap == 1.0 and result.evaluation.split == "validation"
    assert {label.name: label.clips for label in result.evaluation.per_label} == {"high": 4, "low": 4, "quiet": 1}
    for item in result.predictions:
        samples, _ = soundfile.read(tmp_path / "data" / "validation" / Path(item.filename).name, dtype="int16")
        starts = window_starts(len(samples), FRONTEND.clip_samples, 2000)
        assert len(item.outputs) == len(item.network_times) == len(item.frontend_times) == len(starts)
        assert (min(item.frontend_times) > 0) == (mode == "audio")
        if mode == "features":
            # the network's own reference, from the samples on
            model = Int8Model(bundle.model_path.read_bytes())
            for start, output in zip(starts, item.outputs, strict=True):
                window = fit_length((samples / 32768).astype(np.float32)[start:], FRONTEND.clip_samples)
                assert tuple(model.run(bundle.audio_to_input(window)).reshape(-1)) == output


@needs_gcc
def test_board_on_a_port_with_a_noisy_line(folder: Path) -> None:
    """A port that somebody else provides; the firmware's manifest is found by what the board answers."""
    assert bench(folder, "--board", "host", "--limit", 1).returncode == 0
    image = folder / "bundle" / "firmware" / "host" / "build" / "firmware"
    with emulate(load_board("host"), image) as emulator:
        line = LossyLine(emulator.port, rate=2e-5, seed=4)
        try:
            done = bench(folder, "--port", line.port, "--mode", "audio", "--json", "--limit", 9, "--out", "port")
        finally:
            line.close()
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["board"] == "host" and document["bit_identical"] == 9
    assert document["memory"]["code_bytes"] > 0 and document["profile"]
    assert (document["link"]["retries"] > 0) == (line.faults > 0)


def hello_of(bundle: Bundle, **changes: object) -> Any:
    """What a board that runs this bundle says."""
    manifest = bundle.manifest
    return a_hello(
        **{
            "input_sizes": (manifest.input.n_elements,),
            "output_sizes": (manifest.output.n_elements,),
            "sample_rate_hz": FRONTEND.sample_rate_hz,
            "clip_samples": FRONTEND.clip_samples,
            "spec_id": FRONTEND.spec_id,
            "model_sha256": manifest.model_sha256,
            "timer_hz": 16_000_000,
        }
        | changes
    )


def test_wrong_outputs_are_written_and_exit_4(folder: Path) -> None:
    """The board has the right hashes and the wrong network."""
    board = FakeBoard(hello_of(Bundle.open(folder / "bundle")))
    with ServedBoard(board) as served:
        done = bench(folder, "--port", served.port, "--out", "wrong")
    assert done.returncode == 4
    assert "of 18 outputs differ from the reference kernels, the first for audio/" in done.stderr
    result = read_record(BenchmarkResult, folder / "wrong" / "results.json")
    wrong = [item for item in result.predictions if not item.bit_identical]
    assert len(wrong) == 18 - result.bit_identical > 0 and result.core == "unknown" and result.profile == ()
    assert [[(d.side, d.reproducible) for d in item.differences] for item in wrong] == [[("network", True)]] * len(
        wrong
    )
    assert f"the network of the board, the same again in {len(wrong)} of {len(wrong)} clips" in done.stderr
    assert result.memory.code_bytes is None and not result.emulated


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model_sha256": "cd" * 32}, "another model"),
        ({"spec_id": "ff" * 8}, "another front end"),
        ({"protocol_version": 7}, "speaks protocol version 7"),
    ],
)
def test_board_with_something_else_is_refused(folder: Path, changes: dict[str, object], words: str) -> None:
    with ServedBoard(FakeBoard(hello_of(Bundle.open(folder / "bundle"), **changes))) as served:
        done = bench(folder, "--port", served.port, "--out", "refused")
    assert done.returncode == 3 and words in done.stderr and "flash" in done.stderr
    assert not (folder / "refused").exists()


def test_port_that_never_answers(folder: Path) -> None:
    host, board = pty.openpty()
    start = time.monotonic()
    try:
        done = bench(folder, "--port", os.ttyname(board), "--out", "silent")
    finally:
        os.close(host)
        os.close(board)
    assert done.returncode == 3 and "did not answer HELLO" in done.stderr and "baud" in done.stderr
    assert time.monotonic() - start < 15
    assert not (folder / "silent").exists()


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["--port", "/dev/ttyNONE"], 3, "port /dev/ttyNONE cannot be opened"),
        (["--port", "socket://127.0.0.1:1"], 3, "cannot be opened"),
        (["--port", "nonsense://x"], 3, "cannot be opened"),
        (["--board", "nonsense"], 3, "unknown board 'nonsense'"),
        ([], 2, "give --board BOARD, --port PORT, or both"),
        (["--port", "/dev/ttyNONE", "--jobs", "2"], 2, "one clip at a time"),
        (["--board", "host", "--limit", "0"], 2, "--limit"),
        (["--board", "host", "--mode", "video"], 2, "--mode"),
        (["--board", "host", "--split", "train"], 1, "no split file train.csv"),
        (["--board", "host", "--out", "data/meta.csv"], 1, "is a file"),
        (["--board", "host", "--out", "data"], 1, "data holds audio and more, and results replace nothing"),
        (["--board", "host", "--resume", "data"], 1, "data holds no measurement to resume"),
        (["--board", "host", "--resume", "data", "--out", "other"], 2, "leave --out out"),
    ],
)
def test_bad_options(folder: Path, words: Sequence[str], code: int, text: str) -> None:
    done = bench(folder, *words)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert text in done.stderr


def test_missing_emulator_says_how_to_get_it(folder: Path, tmp_path: Path) -> None:
    done = bench(folder, "--board", BOARD, "--out", "none", PATH=str(tmp_path))
    assert done.returncode == 1
    assert "qemu-system-arm is not installed" in done.stderr and "apt-get install qemu-system-arm" in done.stderr
    assert not (folder / "none").exists()


def test_bad_data_is_refused_before_a_board_is_started(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "data", tmp_path / "data")
    (tmp_path / "bundle").symlink_to(folder / "bundle")
    (tmp_path / "data" / "audio" / "low-a-1.wav").unlink()
    done = bench(tmp_path, "--board", "host")
    assert done.returncode == 1 and "low-a-1.wav does not exist" in done.stderr
    (tmp_path / "data" / "meta.csv").write_text("filename\tscene_label\tidentifier\tsource_label\n")
    done = bench(tmp_path, "--board", "host")
    assert done.returncode == 1 and "names no clips" in done.stderr
    (tmp_path / "data" / "meta.csv").write_text(
        "filename\tscene_label\tidentifier\tsource_label\naudio/low-a-0.wav\tzebra\tx\ta\n"
    )
    (tmp_path / "data" / "test.csv").write_text("filename\tscene_label\naudio/low-a-0.wav\tzebra\n")
    done = bench(tmp_path, "--board", "host")
    assert done.returncode == 1 and "'zebra', which the model does not know" in done.stderr


@needs_gcc
def test_unreadable_recording_in_the_middle(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "data", tmp_path / "data")
    (tmp_path / "bundle").symlink_to(folder / "bundle")
    (tmp_path / "data" / "audio" / "low-a-1.wav").write_bytes(b"RIFF")
    done = bench(tmp_path, "--board", "host", "--out", "broken")
    assert done.returncode == 1 and "low-a-1.wav cannot be read" in done.stderr
    # the clips before it are kept
    assert [path.name for path in (tmp_path / "broken").iterdir()] == ["journal.jsonl"]
    assert "of 18 clips are done and kept. Go on with the same command and: --resume broken" in done.stderr
    assert emulators_of(str(tmp_path)) == []


@needs_emulator
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGHUP, 130)])
def test_interrupted_in_the_middle(folder: Path, number: signal.Signals, code: int) -> None:
    """Both emulators run when it happens; none is left, nothing is written."""
    image = str(folder / "bundle" / "firmware" / BOARD / "build" / "firmware.elf")
    process = subprocess.Popen(
        command(
            folder / "bundle",
            "--data",
            folder / "data",
            "--board",
            BOARD,
            "--mode",
            "audio",
            "--out",
            f"stopped{number}",
        ),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while len(emulators_of(image)) < 2 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(emulators_of(image)) == 2, process.communicate()
    time.sleep(0.2)
    process.send_signal(number)
    _, said = process.communicate(timeout=20)
    assert process.returncode == code and "Interrupted" in said and "Traceback" not in said
    assert emulators_of(image) == []
    # clips may have been done by then; a result there is none
    assert not (folder / f"stopped{number}" / "results.json").exists()


def test_lists_of_boards_and_ports() -> None:
    for name, expected in (("boards", BOARD), ("ports", "")):
        plain = subprocess.run([sys.executable, "-m", "asc_kit", name], capture_output=True, text=True, check=False)
        assert plain.returncode == 0 and expected in plain.stdout
        done = subprocess.run([sys.executable, "-m", "asc_kit", name, "--json"], capture_output=True, check=False)
        assert done.returncode == 0 and isinstance(json.loads(done.stdout), list)


def test_names_of_boards_are_whole_on_a_terminal_of_80_columns() -> None:
    terminal, line = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "asc_kit", "boards"], stdout=line, env=os.environ | {"COLUMNS": "80", "TERM": "xterm"}
    )
    os.close(line)
    shown = b""
    with suppress(OSError):  # the end of a terminal
        while data := os.read(terminal, 4096):
            shown += data
    os.close(terminal)
    assert process.wait(timeout=60) == 0
    text = re.sub(r"\x1b\[[0-9;]*m", "", shown.decode())
    assert all(name in text for name in board_names())
    assert max(map(len, text.splitlines())) <= 80
