"""Firmware of a bare .tflite file on an emulated board: features in, and the reference kernels' bytes out."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from emulated_cases import missing_tools
from reference_networks import ds_cnn

from asc_kit import protocol
from asc_kit.cli import cli
from asc_kit.device_runner.line.emulator import emulate
from asc_kit.device_runner.line.link import Link, RefusedError
from asc_kit.device_runner.line.session import Session
from asc_kit.device_runner.line.transport import open_port
from asc_kit.device_runner.verification import verify_model
from asc_kit.firmware import NO_FRONTEND, read_firmware
from asc_kit.hardware.board import load_board
from asc_kit.inference.interpreter import Int8Model
from asc_kit.protocol import HelloFlag, Opcode

BOARD = "qemu-mps2-an386"
N_INPUTS = 5
MODELS = [Path(name) for name in os.environ.get("ASC_KIT_MODELS", "").split()]

pytestmark = pytest.mark.skipif(bool(missing_tools()), reason=f"needs {missing_tools()}")


@pytest.fixture
def ds_cnn_file(tmp_path: Path) -> Path:
    path = tmp_path / "ds_cnn.tflite"
    path.write_bytes(ds_cnn().model)
    return path


def test_a_keyword_network(ds_cnn_file: Path, tmp_path: Path) -> None:
    check_on_board(ds_cnn_file, tmp_path / "fw")


@pytest.mark.skipif(not MODELS, reason="needs .tflite files, named in the environment variable ASC_KIT_MODELS")
@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.stem)
def test_models_nobody_here_made(model: Path) -> None:
    found = verify_model(model, load_board(BOARD), count=N_INPUTS)
    assert found.differing == 0, found.first_difference


def check_on_board(model: Path, folder: Path) -> None:
    """Build the firmware by the command, boot it, and compare outputs of random inputs."""
    arguments = ["firmware", str(model), "--board", BOARD, "--out", str(folder), "--build"]
    result = CliRunner().invoke(cli, arguments, standalone_mode=False, catch_exceptions=False)
    assert result.return_value == folder
    firmware = read_firmware(folder)
    reference = Int8Model(model.read_bytes())
    shape = tuple(reference.input_details["shape"])
    assert firmware.image is not None
    outputs = []
    with ExitStack() as stack:
        emulator = stack.enter_context(emulate(load_board(BOARD), folder / firmware.image, processor=0))
        link = Link(open_port(emulator.port))
        stack.callback(link.close)
        emulator.start()
        session = Session(link)
        hello = session.hello
        assert (hello.spec_id, hello.sample_rate_hz, hello.clip_samples) == (NO_FRONTEND, 0, 0)
        assert (hello.firmware_id, hello.model_sha256) == (firmware.firmware_id, firmware.model_sha256)
        assert not hello.flags & HelloFlag.AUDIO
        with pytest.raises(RefusedError, match="BAD_OPCODE"):
            session.link.request(Opcode.AUDIO_BEGIN, protocol.AUDIO_BEGIN_FORMAT.pack(0))
        rng = np.random.default_rng(5)
        for _ in range(N_INPUTS):
            values = rng.integers(-128, 128, shape).astype(np.int8)
            session.write_input(values)
            session.run(macs=sum(operator.macs for operator in firmware.operators))
            outputs.append(session.read_output())
            assert np.array_equal(outputs[-1], reference.run(values).reshape(-1))
        assert emulator.complaints() == ""
    assert len(np.unique(outputs, axis=0)) > 1
