"""Records that strangers wrote: whatever a file holds, a record comes out, or an error in words, soon."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from record_goldens import GOLDENS, KINDS, golden
from tone_bundle import make_tone_bundle

from asc_kit.bundle import Bundle, BundleManifest
from asc_kit.errors import AscKitError, BundleError, SpecError
from asc_kit.firmware import FirmwareManifest
from asc_kit.records.migration import version_of
from asc_kit.records.record import parse_record, read_json, read_record
from asc_kit.result import BenchmarkResult
from asc_kit.run import RunManifest
from asc_kit.text import unsafe_character
from asc_kit.train.recipe import Recipe

FUZZER = Path(__file__).parents[1] / "fuzz" / "fuzz_records.py"


def today(name: str) -> Path:
    """The golden of today's version."""
    return golden(name, version_of(KINDS[name][0]) or 1)


def changed(name: str, place: str, value: Any) -> Any:
    """A golden's document with one value changed; the place is a path such as ``labels.0``."""
    document = json.loads(today(name).read_text())
    *parents, last = [int(part) if part.isdigit() else part for part in place.split(".")]
    table = document
    for key in parents:
        table = table[key]
    table[last] = value
    return document


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"[" * 100_000, "more than 32 deep"),
        (b'{"a":' * 100_000, "more than 32 deep"),
        (b"[" * 40 + b"]" * 40, "more than 32 deep"),
        (b"9" * 4301, "thousands of digits"),
        (b"9" * 100, r"a whole number is below 2\^64"),
        (b'{"a": {"b": [1, 1e400]}}', r"a\.b\.1: a number must be finite"),
        (b"[NaN]", "NaN is not a number"),
        (b"[-Infinity]", "-Infinity is not a number"),
        (b'{"name": 1, "x": {"k": 1, "k": 2}}', "key 'k' stands twice"),
        (b'{"a": "\\ud800"}', "a: a text may not have the character U\\+D800"),
        (b'{"\\u001b[2J": 1}', "a key may not have the character U\\+001B"),
        (b'"a\\u0000b"', "U\\+0000"),
        (b'{"a": "\\u009b31m"}', "U\\+009B"),
        ('"\u202etxt.exe"'.encode(), "U\\+202E"),
        (b'"' + b"x" * 70_000 + b'"', "at most 65,536 characters"),
        (b'{"' + b"x" * 5_000 + b'": 1}', "a key has at most 4,096 characters"),
        (b"\xff\xfe{}", "not text in UTF-8: byte 0 is 0xff"),
        (b"[" + b"{}," * 6_000_000 + b"{}]", "more values than fit into"),
        (b" " * ((64 << 20) + 1), "is too large: at most 67,108,864 bytes"),
        (b"", "Expecting value"),
    ],
    ids=range(20),
)
def test_what_is_no_plain_data_is_told_soon(tmp_path: Path, text: bytes, says: str) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(text)
    started = time.process_time()
    with pytest.raises(BundleError, match=says) as caught:
        read_json(path, error=BundleError)
    assert time.process_time() - started < 1.0
    assert str(path) in caught.value.message and len(caught.value.message) < 600
    assert unsafe_character(caught.value.message) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x = " + "[" * 5_000 + "]" * 5_000, "more than 32 deep"),
        ("x = " + "[" * 40 + "]" * 40, "more than 32 deep"),
        (".".join("a" * 20_000) + " = 1", "a key has more than 32 parts"),
        ("[" + " . ".join(['"b"'] * 20_000) + "]", "a key has more than 32 parts"),
        ("x = " + "9" * 5_000, "thousands of digits"),
        ("x = 0x" + "f" * 5_000, "x: a whole number is below 2\\^64"),
        ("x = inf", "x: a number must be finite"),
        ("x = nan", "x: a number must be finite"),
        ("x = 1e400", "x: a number must be finite"),
        ('x = "\\u001b]0;a"', "x: a text may not have the character U\\+001B"),
        ('x = "\\u202e"', "U\\+202E"),
        ("x = 1\nx = 2", "cannot be read as TOML"),
        ("#" * 300_000, "is too large: at most 262,144 bytes"),
        ("x = '" + "y" * 70_000 + "'", "at most 65,536 characters"),
    ],
    ids=range(14),
)
def test_the_same_in_toml(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "x.toml"
    path.write_text(text)
    started = time.process_time()
    with pytest.raises(SpecError, match=says) as caught:
        read_record(Recipe, path)
    assert time.process_time() - started < 1.0 and len(caught.value.message) < 600


@pytest.mark.parametrize(
    ("name", "cls", "place", "value", "says"),
    [
        ("run.json", RunManifest, "evaluation.calibration", [], "calibration"),
        ("run.json", RunManifest, "evaluation.confusion", [[1]], "must have 3 rows of 3 counts"),
        ("run.json", RunManifest, "evaluation.confusion", [[1, 0, 0], [0, 1], [0, 0, 1]], "must have 3 rows of 3"),
        ("run.json", RunManifest, "evaluation.confusion.0.1", 1, "does not count 3 clips"),
        ("run.json", RunManifest, "evaluation.correct", 2, "clips on its diagonal"),
        ("run.json", RunManifest, "evaluation.per_scene.0.clips", 10**9, "do not add up to 3 clips"),
        ("run.json", RunManifest, "frontend.clip_samples", 10**12, "frontend.clip_samples"),
        ("run.json", RunManifest, "macs", 1e30, "macs"),
        ("run.json", RunManifest, "macs", 10**13, "macs"),
        ("run.json", RunManifest, "name", "a\u0000b", "name: a text may not have the character U\\+0000"),
        ("run.json", RunManifest, "name", "a\nb", "name: .*may not have the character U\\+000A"),
        ("run.json", RunManifest, "labels.0", "x" * 100_000, "labels.0: a text has at most"),
        ("run.json", RunManifest, "labels.0", "x" * 201, "labels.0: String should have at most 200"),
        (
            "run.json",
            RunManifest,
            "labels",
            [f"l{n}" for n in range(1_000_000)],
            "labels: Tuple should have at most 1024",
        ),
        ("run.json", RunManifest, "labels", ["high", "high", "low"], "labels must differ"),
        ("run.json", RunManifest, "recipe.model_settings", {"a": {"b": float("inf")}}, "must be finite"),
        ("run.json", RunManifest, "train_recording_devices.0", "\u001b[31m", "train_recording_devices.0"),
        ("bundle/bundle.json", BundleManifest, "golden.0.name", "../../../etc/x", "golden.0.name: .*without a folder"),
        ("bundle/bundle.json", BundleManifest, "golden.0.name", "..", "golden.0.name"),
        ("bundle/bundle.json", BundleManifest, "golden.0.filename", "/etc/passwd", "must stay in its folder"),
        ("bundle/bundle.json", BundleManifest, "variants.0.filename", "C:x", "variants.0.filename"),
        ("bundle/bundle.json", BundleManifest, "variants.0.filename", "\\\\host\\x", "variants.0.filename"),
        (
            "bundle/bundle.json",
            BundleManifest,
            "variants.0.filename",
            "model.tflite",
            "the files of variants must differ",
        ),
        ("bundle/bundle.json", BundleManifest, "input.shape", [1 << 20, 1 << 20], "a tensor has at most"),
        ("bundle/bundle.json", BundleManifest, "model_sha256", "AB" * 32, "model_sha256"),
        ("firmware.json", FirmwareManifest, "image", "../../bin/sh", "image: .*must stay in its folder"),
        ("firmware.json", FirmwareManifest, "sources.0", "a/../../x.c", "sources.0: .*must stay in its folder"),
        ("firmware.json", FirmwareManifest, "operators.0.index", 7, "operators must be numbered"),
        ("firmware.json", FirmwareManifest, "operators.0.macs", 1e30, "operators.0.macs"),
        ("results.json", BenchmarkResult, "predictions.0.outputs.0", [0], "each window must have 6 outputs"),
        ("results.json", BenchmarkResult, "predictions.0.network_times", [], "of the same windows"),
        ("results.json", BenchmarkResult, "predictions.0.predicted", "zoo", "label 'zoo', which is not among"),
        ("results.json", BenchmarkResult, "predictions.0.filename", "a\tb", "predictions.0.filename"),
        ("results.json", BenchmarkResult, "windows", 5, "do not have 5 windows"),
        ("results.json", BenchmarkResult, "latency.timer_hz", 0, "latency.timer_hz"),
    ],
    ids=range(35),
)
def test_fields_have_bounds(tmp_path: Path, name: str, cls: type, place: str, value: Any, says: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps(changed(name, place, value)))
    started = time.process_time()
    with pytest.raises(AscKitError, match=says) as caught:
        read_record(cls, path)
    assert time.process_time() - started < 2.0 and len(caught.value.message) < 2000
    assert unsafe_character(caught.value.message) is None


@pytest.mark.parametrize(
    "text", ["Straße „Nord“, Gleis 3 & 4", "北京站/地铁", "naïve \U0001f68c", "a=b; $HOME `x` 100 %"]
)
def test_good_text_of_any_language_stays(text: str) -> None:
    document = changed("run.json", "name", text)
    document["labels"][0] = document["evaluation"]["labels"][0] = document["evaluation"]["per_scene"][0]["name"] = text
    assert parse_record(RunManifest, document, where="run.json").labels[0] == text


def test_what_a_validator_quotes_is_shortened() -> None:
    document = changed("run.json", "evaluation.task", ["a\u2028" * 100] * 1000)
    with pytest.raises(SpecError) as caught:
        parse_record(RunManifest, changed("run.json", "evaluation.task", ["a" * 100] * 1000), where="run.json")
    assert len(caught.value.message) < 1000
    with pytest.raises(SpecError) as caught:
        parse_record(RunManifest, document, where="run.json")
    assert unsafe_character(caught.value.message) is None


def test_a_thousand_unknown_fields_are_not_all_told() -> None:
    document = changed("run.json", "name", "x") | {f"unknown {number}": number for number in range(1000)}
    with pytest.raises(SpecError, match="and 990 more") as caught:
        parse_record(RunManifest, document, where="run.json")
    assert len(caught.value.message) < 2000


def pipe(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize(
    ("make", "says"), [(Path.mkdir, "is a folder"), (pipe, "is a pipe or a device"), (device, "is a pipe or a device")]
)
def test_what_is_no_file_is_not_read(tmp_path: Path, make: Callable[[Path], None], says: str) -> None:
    make(tmp_path / "x.json")
    with pytest.raises(SpecError, match=says):
        read_json(tmp_path / "x.json")


def test_a_name_with_nul_is_told() -> None:
    with pytest.raises(SpecError, match="cannot be read: .*embedded null"):
        read_json(Path("a\0b.json"))


@pytest.mark.parametrize("victim", ["model.tflite", "golden/one.npz"])
def test_a_bundle_does_not_lead_out_of_its_folder(tmp_path: Path, victim: str) -> None:
    bundle = make_tone_bundle(tmp_path / "bundle")
    shutil.move(bundle / victim, tmp_path / "elsewhere")
    (bundle / victim).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BundleError, match="is a link that leads out of the bundle"):
        Bundle.open(bundle)
    # one that stays inside is as good as a file
    (bundle / victim).unlink()
    shutil.move(tmp_path / "elsewhere", bundle / "kept")
    (bundle / victim).symlink_to(bundle / "kept")
    Bundle.open(bundle)


@pytest.mark.parametrize("kind", ["bomb", "shape", "text", "missing", "pickle"])
def test_a_golden_clip_that_is_none(tmp_path: Path, kind: str) -> None:
    shutil.copytree(GOLDENS / "bundle-3", tmp_path / "bundle")
    path = tmp_path / "bundle" / "golden" / "one.npz"
    with np.load(path) as arrays:
        held: dict[str, Any] = dict(arrays)
    if kind == "bomb":
        np.savez_compressed(path, **held | {"audio": np.zeros(10_000_000, np.int8)})
    elif kind == "shape":
        np.savez(path, **held | {"output": np.zeros((1, 4), np.int8)})
    elif kind == "missing":
        np.savez(path, audio=held["audio"])
    elif kind == "pickle":
        np.savez(path, **held | {"audio": np.array([{}], object)})
    else:
        path.write_text("no archive")
    bundle = Bundle(tmp_path / "bundle", read_record(BundleManifest, tmp_path / "bundle" / "bundle.json"))
    with pytest.raises(BundleError, match=r"one\.npz"):
        bundle.golden(bundle.manifest.golden[0])


def fuzz(count: int, seed: int, folder: Path) -> dict[str, Any]:
    words = [sys.executable, str(FUZZER), str(count), str(seed)]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout))


def test_mutated_records_are_read_or_told_in_words(tmp_path: Path) -> None:
    found = fuzz(3000, 1, tmp_path)
    assert found["records"] > 100  # the mutations are small enough to meet every check


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 6))
def test_many_mutated_records(tmp_path: Path, seed: int) -> None:
    assert fuzz(25_000, seed, tmp_path)["records"] > 800  # as in the short run
