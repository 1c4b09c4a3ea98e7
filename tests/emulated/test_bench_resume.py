"""A measurement that is interrupted, killed, or finds the disk full: nothing that was done is lost or done twice."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import soundfile
from bench_command import BOARD, bench, command, needs_emulator, needs_gcc, write_recordings
from tone_bundle import make_tone_bundle

from asc_kit.device_runner.line.emulator import emulate
from asc_kit.hardware.board import load_board

INTERRUPT_BYTES = 128
"""What an exception puts on a Cortex-M4F's stack, 104 bytes with floats' registers, and what its handler takes."""
VARIES = ("run_id", "started", "finished", "link")
"""What differs between two measurements of one subject where instructions are counted."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("resume")
    make_tone_bundle(folder / "bundle")
    write_recordings(folder / "data")
    return folder


def result_of(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    return document


def without(document: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in keys}


def lines_of(journal: Path) -> int:
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def kill_and_resume(folder: Path, kills: int, seed: int) -> int:
    """Kill a measurement at random moments; in the end it is as one that was not. Returns how often it was killed."""
    words = ("bundle", "--data", "data", "--board", BOARD, "--mode", "audio")
    whole = bench(folder, "--board", BOARD, "--mode", "audio", "--out", f"whole{seed}")
    assert whole.returncode == 0, whole.stderr
    expected = result_of(folder / f"whole{seed}")
    out, rng, killed = folder / f"killed{seed}", random.Random(seed), 0
    journal = out / "journal.jsonl"
    while killed < kills:
        resume = ("--resume", out) if journal.exists() else ("--out", out)
        process = subprocess.Popen(
            command(*words, *resume), cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        before = lines_of(journal)
        deadline = time.monotonic() + 60
        if killed % 2 == 0:
            # wherever the clock finds it; every other time, once some clips more are done
            time.sleep(rng.uniform(0.5, 3))
        else:
            while lines_of(journal) < before + 2 and process.poll() is None and time.monotonic() < deadline:
                time.sleep(rng.uniform(0, 0.02))
        if process.poll() is not None:
            break  # it was quicker
        process.send_signal(signal.SIGKILL)
        process.communicate()
        killed += 1
        assert lines_of(journal) >= before
    if not (out / "results.json").exists():
        resume = ("--resume", out) if journal.exists() else ("--out", out)
        done = bench(folder, "--board", BOARD, "--mode", "audio", *resume)
        assert done.returncode == 0, done.stderr
    found = result_of(out)
    # the deepest stack that was seen: whether a byte's interrupt came at the deepest place is a matter of time
    assert abs(found["memory"].pop("stack_bytes") - expected["memory"].pop("stack_bytes")) <= INTERRUPT_BYTES
    assert without(found, *VARIES) == without(expected, *VARIES)
    assert without(
        found["link"], "resumed", "retries", "frames_stale", "frames_of_others", "frames_dropped"
    ) == without(expected["link"], "resumed", "retries", "frames_stale", "frames_of_others", "frames_dropped")
    assert found["run_id"] != expected["run_id"]
    return killed


@needs_emulator
def test_killed_twice_and_gone_on_with_it_is_the_same(folder: Path) -> None:
    assert kill_and_resume(folder, kills=2, seed=1) == 2


@needs_emulator
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 6))
def test_killed_ten_times_and_gone_on_with_it_is_the_same(folder: Path, seed: int) -> None:
    assert kill_and_resume(folder, kills=10, seed=seed) >= 5  # a quick machine may be done before the tenth


@needs_gcc
def test_interrupted_and_gone_on_with_in_the_usual_place(folder: Path, tmp_path: Path) -> None:
    """Ctrl-C says how to go on; --resume alone finds it, and refuses whatever is another measurement."""
    for name in ("bundle", "data"):
        shutil.copytree(folder / name, tmp_path / name)
    process = subprocess.Popen(
        command("bundle", "--data", "data", "--board", "host", "--mode", "audio"),
        cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    runs = tmp_path / "results" / "bundle" / "host-audio"
    # a clip takes this board 30 ms: the signal comes somewhere in the middle
    while not (found := list(runs.glob("*/journal.jsonl"))) or lines_of(found[0]) < 3:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    (journal,) = found
    assert process.returncode == 130 and "Traceback" not in said
    done_before = lines_of(journal) - 1
    assert f"{done_before} of 18 clips are done and kept. Go on with the same command and: --resume results" in said

    words = ("--board", "host", "--mode", "audio")
    for changed, says in (
        (("--limit", "6"), "clips was 18, and is 6 now; data id was"),
        (("--mode", "features", "--resume", str(journal.parent)), "mode was audio, and is features now"),
        (("--mode", "features"), "there is no unfinished measurement in"),
    ):
        refused = bench(tmp_path, *words, "--resume", *changed)
        assert refused.returncode == 1 and says in refused.stderr, refused.stderr
        assert lines_of(journal) - 1 == done_before
    # a recording of the same name and size that holds something else
    path = tmp_path / "data" / json.loads(journal.read_bytes().splitlines()[1])["prediction"]["filename"]
    audio, rate = soundfile.read(path, dtype="int16")
    soundfile.write(path, audio[::-1], rate, subtype="PCM_16")
    refused = bench(tmp_path, *words, "--resume")
    assert refused.returncode == 1 and "has changed since it was measured" in refused.stderr, refused.stderr
    soundfile.write(path, audio, rate, subtype="PCM_16")

    with journal.open("ab") as stream:
        stream.write(b'{"index":')  # cut by a power cut
    done = bench(tmp_path, *words, "--resume")
    assert done.returncode == 0, done.stderr
    assert f"{done_before} of 18 clips were done before" in done.stderr and "was cut off" in done.stderr
    result = result_of(journal.parent)
    assert result["clips"] == result["bit_identical"] == 18 and result["link"]["resumed"] == 1
    again = bench(tmp_path, *words, "--resume", journal.parent)
    assert again.returncode == 1 and "holds a complete result" in again.stderr


@needs_gcc
def test_a_full_disk_loses_nothing(folder: Path, tmp_path: Path) -> None:
    """In the middle the clips of before are kept; at the end the figures are shown, and --resume writes them."""
    built = bench(folder, "--board", "host", "--out", "built")
    assert built.returncode == 0, built.stderr
    size = (folder / "built" / "results.json").stat().st_size
    image = folder / "bundle" / "firmware" / "host" / "build" / "firmware"

    def run(limit: int | None, *words: object) -> subprocess.CompletedProcess[str]:
        def fill_disk() -> None:
            if limit is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

        with emulate(load_board("host"), image) as emulator:
            return subprocess.run(
                [*command("bundle", "--data", "data", "--port", emulator.port, "--json"), *map(str, words)],
                cwd=folder, capture_output=True, text=True, timeout=120, check=False, preexec_fn=fill_disk,
                env=os.environ | {"COLUMNS": "200"},
            )  # fmt: skip

    out = tmp_path / "full"
    middle = run(5000, "--out", out)
    assert middle.returncode == 1 and "journal.jsonl cannot be written" in middle.stderr, middle.stderr
    assert f"Go on with the same command and: --resume {out}" in middle.stderr
    kept = lines_of(out / "journal.jsonl") - 1
    assert 0 < kept < 18 and (out / "journal.jsonl").read_bytes().endswith(b"\n")

    end = run(size - 500, "--resume", out)
    assert end.returncode == 1 and "results.json cannot be written" in end.stderr, end.stderr
    assert f"--resume {out}" in end.stderr and "nothing is measured again" in end.stderr
    shown = json.loads(end.stdout)
    assert shown["clips"] == 18 and "Accuracy" in end.stderr
    assert lines_of(out / "journal.jsonl") == 19 and not (out / "results.json").exists()

    done = run(None, "--resume", out)
    assert done.returncode == 0, done.stderr
    # the profile is measured anew, and the clips are not
    assert without(result_of(out), "profile", "link") == without(shown, "profile", "link")
    assert [path.name for path in out.iterdir()] == ["results.json"]


@needs_gcc
def test_no_measurement_replaces_another(folder: Path, tmp_path: Path) -> None:
    """A full one, a limited one, and firmware and bundle made again: all are still there."""
    for name in ("bundle", "data"):
        shutil.copytree(folder / name, tmp_path / name)
    for options in ((), ("--limit", "3"), ()):
        assert bench(tmp_path, "--board", "host", *options).returncode == 0
    found = sorted((tmp_path / "results").rglob("results.json"))
    results = [result_of(path.parent) for path in found]
    assert [(r["clips"], r["partial"], r["split_clips"]) for r in results] == [
        (18, False, 18),
        (3, True, 18),
        (18, False, 18),
    ]
    before = {path: path.read_bytes() for path in found}
    refused = bench(tmp_path, "--board", "host", "--out", found[0].parent)
    assert refused.returncode == 1 and "holds a result, and results replace nothing" in refused.stderr
    shutil.rmtree(tmp_path / "bundle")
    report = subprocess.run(
        [sys.executable, "-m", "asc_kit", "report", "results", "-o", "report", "--json"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert report.returncode == 0, report.stderr
    # the newest full one, and a word about the others
    assert json.loads(report.stdout)["results"] == 1
    assert "2 older or partial measurements" in report.stderr and "--all" in report.stderr
    assert results[2]["run_id"] in (tmp_path / "report" / "report.md").read_text()
    assert {path: path.read_bytes() for path in found} == before
