"""Firmware of a bare .tflite file: labels, kernel sets, and what the command refuses."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from int8_cases import examples
from int8_models import ModelBuilder
from reference_networks import ds_cnn
from tone_bundle import make_tone_bundle

from asc_kit.cli import cli
from asc_kit.errors import AscKitError, BoardError, ModelError
from asc_kit.firmware import NO_FRONTEND, read_firmware
from asc_kit.firmware_gen.generate import generate_bare
from asc_kit.firmware_gen.kernel_sets import choose_kernel_set
from asc_kit.hardware.board import load_board


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "ds_cnn.tflite"
    path.write_bytes(ds_cnn().model)
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["firmware", *map(str, arguments)], standalone_mode=False)


def test_the_engine_has_no_front_end(model: Path, tmp_path: Path) -> None:
    result = run(model, "--board", "host", "--out", tmp_path / "fw")
    assert result.exception is None
    manifest = read_firmware(tmp_path / "fw")
    assert manifest.spec_id == NO_FRONTEND
    assert (manifest.memory.frontend_bytes, manifest.memory.frontend_table_bytes) == (0, 0)
    header = (tmp_path / "fw" / "engine" / "asc_model.h").read_text()
    assert "asc_push_samples" not in header and "ASC_CLIP_SAMPLES" not in header
    assert not list((tmp_path / "fw" / "engine").glob("asc_frontend*"))
    labels = (tmp_path / "fw" / "engine" / "asc_model.c").read_text()
    assert '"class_0"' in labels and '"class_11"' in labels and '"class_12"' not in labels


def test_the_usual_folder_is_beside_the_model(tmp_path: Path) -> None:
    model = tmp_path / "ds_cnn.tflite"
    model.write_bytes(ds_cnn().model)
    assert run(model, "--board", "host").return_value == tmp_path / "ds_cnn.firmware" / "host"


def test_two_runs_give_the_same_bytes(model: Path, tmp_path: Path) -> None:
    manifests = [generate_bare(model, load_board("host"), tmp_path / name) for name in ("one", "two")]
    assert manifests[0] == manifests[1]


def test_windows_whose_pointers_overflow_the_stack_are_refused(tmp_path: Path) -> None:
    model, board = tmp_path / "pool.tflite", load_board("qemu-mps2-an386")
    for rows, fits in ((2048, True), (2049, False)):
        builder = ModelBuilder()
        source, output = builder.activation((1, rows, 1, 1), 0.1, 0), builder.activation((1, 1, 1, 1), 0.1, 0)
        window = {"padding": 1, "strideH": 1, "strideW": 1, "filterHeight": rows, "filterWidth": 1}
        builder.operator("AVERAGE_POOL_2D", [source], output, "Pool2DOptions", **window)
        model.write_bytes(builder.finish(source, output))
        if fits:
            generate_bare(model, board, tmp_path / "fw")
        else:
            with pytest.raises(ModelError, match="window of 2,049 rows needs 8,196 bytes of stack"):
                generate_bare(model, board, tmp_path / "fw")


def test_labels_from_a_file(model: Path, tmp_path: Path) -> None:
    words = [f"word {index}" for index in range(12)]
    (tmp_path / "labels.txt").write_text("\n".join(words) + "\n")
    result = run(model, "--board", "host", "--out", tmp_path / "fw", "--labels", tmp_path / "labels.txt")
    assert result.exception is None
    assert '"word 11"' in (tmp_path / "fw" / "engine" / "asc_model.c").read_text()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\nb\n", "12 classes along the last axis of its output. Labels received: 2"),
        ("a\nb\na\n", "line 3 is 'a', as line 1"),
        ("a\n\nb\n", "line 2 is empty"),
        ("", "line 1 is empty"),
        ("a\nb\x0c.\n", "line 2: a label may not have the character U+000C"),
        (None, "labels.txt does not exist"),
    ],
)
def test_labels_that_do_not_fit(model: Path, tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "labels.txt").write_text(text)
    result = run(model, "--board", "host", "--out", tmp_path / "fw", "--labels", tmp_path / "labels.txt")
    assert isinstance(result.exception, AscKitError)
    assert message in result.exception.message
    assert not (tmp_path / "fw").exists()


@pytest.mark.parametrize("line_end", ["\r\n", "\r"])
def test_labels_of_another_editor(model: Path, tmp_path: Path, line_end: str) -> None:
    """A byte order mark, carriage returns and no end of the last line; quotes and letters that are not ASCII."""
    words = ["first", 'Café "é"', *map(str, range(10))]
    (tmp_path / "labels.txt").write_bytes(b"\xef\xbb\xbf" + line_end.join(words).encode())
    result = run(model, "--board", "host", "--out", tmp_path / "fw", "--labels", tmp_path / "labels.txt")
    assert result.exception is None
    written = (tmp_path / "fw" / "engine" / "asc_model.c").read_text()
    assert '"first"' in written and '"Caf\\303\\251 \\042\\303\\251\\042"' in written and '"9"' in written


def test_labels_from_what_never_ends(model: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        result = run(model, "--board", "host", "--out", tmp_path / "fw", "--labels", path)
        assert isinstance(result.exception, AscKitError) and "is a pipe or a device" in result.exception.message
        assert result.exception.hint is not None and "one label on each line" in result.exception.hint


def test_a_folder_is_a_bundle_whatever_its_name(tmp_path: Path) -> None:
    bundle = make_tone_bundle(tmp_path / "bundle.tflite")
    assert run(bundle, "--board", "host").exception is None
    assert (bundle / "firmware" / "host" / "engine" / "asc_model.h").is_file()


@pytest.mark.parametrize("command", ["firmware", "plan"])
def test_what_is_not_there_may_have_been_either(tmp_path: Path, command: str) -> None:
    arguments = ["--board", "host"] if command == "firmware" else []
    result = CliRunner().invoke(cli, [command, str(tmp_path / "absent"), *arguments], standalone_mode=False)
    assert isinstance(result.exception, ModelError) and "absent does not exist" in result.exception.message
    assert (
        result.exception.hint is not None and "bundle" in result.exception.hint and ".tflite" in result.exception.hint
    )


def test_a_device_without_an_end_is_not_read() -> None:
    result = run("/dev/zero", "--board", "host")
    assert isinstance(result.exception, ModelError) and "neither a file nor a folder" in result.exception.message


def test_a_bundle_has_labels_of_its_own(tmp_path: Path) -> None:
    bundle = make_tone_bundle(tmp_path / "bundle")
    result = run(bundle, "--board", "host", "--labels", tmp_path / "labels.txt")
    assert "a bundle has labels of its own" in str(result.exception)


@pytest.mark.parametrize(
    ("content", "message"), [(None, "does not exist"), (b"not a model", "is not a TensorFlow Lite model")]
)
def test_files_that_are_no_models(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "some.tflite"
    if content is not None:
        path.write_bytes(content)
    result = run(path, "--board", "host")
    assert isinstance(result.exception, ModelError)
    assert message in result.exception.message and str(path) in result.exception.message


def test_a_core_runs_the_sets_that_its_record_names() -> None:
    m33 = load_board("qemu-mps2-an505")
    assert choose_kernel_set(m33, None) == "dsp"
    assert choose_kernel_set(m33, "portable") == "portable"
    with pytest.raises(BoardError, match="cannot run the mve kernels") as caught:
        choose_kernel_set(m33, "mve")
    assert caught.value.hint == "its core runs: dsp, portable"


def test_the_kernel_set_of_the_command_is_in_the_manifest(model: Path, tmp_path: Path) -> None:
    arguments = (model, "--board", "qemu-mps2-an386", "--out", tmp_path / "fw", "--kernels", "portable", "--json")
    result = run(*arguments)
    assert result.exception is None
    assert json.loads(result.stdout)["kernels"] == read_firmware(tmp_path / "fw").kernels == "portable"
    assert isinstance(run(model, "--board", "host", "--kernels", "dsp").exception, BoardError)


def test_who_is_followed_is_told(tmp_path: Path) -> None:
    (tmp_path / "sum.tflite").write_bytes(examples("SUM", 1)[0].model)
    result = run(tmp_path / "sum.tflite", "--board", "host", "--out", tmp_path / "fw")
    assert result.exception is None
    followed = "TFLite BUILTIN_REF, but for SUM TFLite Micro"
    assert f"outputs are those of {followed}" in result.output
    assert read_firmware(tmp_path / "fw").reference == followed
    assert json.loads((tmp_path / "fw" / "plan.json").read_text())["reference"] == followed
