"""``asc-kit verify``: any model on an emulated board against the reference kernels, and what is said of differences."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from emulated_cases import missing_tools
from small_layers import BIAS, layer, quantization

from asc_kit.cli import cli
from asc_kit.device_runner.verification import verify_model
from asc_kit.errors import DataError, MismatchError
from asc_kit.hardware.board import load_board
from asc_kit.inference.interpreter import ReferenceModel

BOARD = "qemu-mps2-an386"

pytestmark = pytest.mark.skipif(bool(missing_tools()), reason=f"needs {missing_tools()}")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A layer whose bias names an axis that it lacks: LiteRT takes a copy alone."""
    path = tmp_path / "layer.tflite"
    path.write_bytes(layer("CONV_2D", change=quantization(BIAS, "quantizedDimension", 3)))
    return path


def run(*arguments: object) -> str:
    command = ["verify", *map(str, arguments), "--board", BOARD, "--json"]
    result = CliRunner().invoke(cli, command, standalone_mode=False, catch_exceptions=False)
    return result.stdout


def test_exact(model: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "mine.npz", one=np.ones((1, 3, 3, 4), np.int8), two=np.zeros((2, 1, 3, 3, 4), np.int8))
    found = json.loads(run(model, "--inputs", tmp_path / "mine.npz", "--count", 4))
    assert found["inputs"] == {"normal": 2, "uniform": 1, "saturating": 1, "given": 3}
    assert (found["exact"], found["differing"], found["largest_difference"]) == (7, 0, 0)
    assert found["references"] == {"CONV_2D": "TFLite BUILTIN_REF"}
    assert found["macs"] == 9 * 16 and found["network_time"] > 0 and found["timer"] == "instructions"


def test_on_helium(model: Path) -> None:
    found = verify_model(model, load_board("qemu-mps3-an547"))
    assert (found.exact, found.differing, found.kernels) == (3, 0, "mve")


def test_a_difference_has_its_place_and_the_exit_code(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = ReferenceModel.run

    def wrong(self: ReferenceModel, values: np.ndarray) -> np.ndarray:
        output = right(self, values)
        output[7] ^= 2
        return output

    monkeypatch.setattr(ReferenceModel, "run", wrong)
    with pytest.raises(
        MismatchError, match=r"3 outputs differ .* 2 steps. input 0 \(normal\): 1 of 36 .* first at 7"
    ) as caught:
        run(model)
    assert caught.value.exit_code == 4


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((1, 3, 3, 4), np.float32), "array mine is float32"),
        (np.zeros((1, 3, 4, 3), np.int8), r"of shape \(1, 3, 4, 3\)"),
        (np.zeros((2, 2, 1, 3, 3, 4), np.int8), "has 6 dimensions"),
        (np.array([None]), "cannot be read as a file of arrays"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(model: Path, tmp_path: Path, array: np.ndarray, message: str) -> None:
    np.savez(tmp_path / "mine.npz", mine=array)
    with pytest.raises(DataError, match=message):
        run(model, "--inputs", tmp_path / "mine.npz")
